"""Answers like django-helpdesk's REST API from rows in memory: pages by number, a 403 for strangers, a 404 behind the end."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kpulse.sdk.testing import Request, Response, json_response

USER, PASSWORD = "reader", "pass-phrase-of-the-reader"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass
class HelpdeskReplay:
    """A handler for ``kpulse.sdk.testing`` over tickets in the order of their ids."""

    tickets: Sequence[Mapping[str, Any]]

    def __call__(self, request: Request) -> Response:
        if request.headers.get("authorization") != BASIC:
            return json_response({"detail": "Authentication credentials were not provided."}, 403)
        page, size = int(request.query.get("page", "1")), int(request.query.get("page_size", "25"))
        rows = self.tickets[(page - 1) * size : page * size]
        if request.path != "/api/tickets/" or (page > 1 and not rows):
            return json_response({"detail": "Invalid page."}, 404)
        more = f"http://{request.headers['host']}{request.path}?page={page + 1}&page_size={size}"
        following = more if page * size < len(self.tickets) else None
        return json_response({"count": len(self.tickets), "next": following, "previous": None, "results": rows})
