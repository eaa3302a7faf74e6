"""A plain forward proxy on loopback, such as stands between many servers and the internet."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from kpulse.sdk.testing import FaultServer, Request, Response

HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length", "content-encoding")
)


class ForwardProxy(FaultServer):
    """Passes plain HTTP requests on to where their absolute address points."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        super().__init__(self._pass_on)

    def _pass_on(self, request: Request) -> Response:
        path = urlsplit(request.path).path
        sent = {
            name: value
            for name, value in request.headers.items()
            if name not in (*HOP_BY_HOP, "host", "accept-encoding")
        }
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                request.method,
                self._upstream + path,
                params=dict(request.query),
                headers=sent,
                data=request.body,
                timeout=10,
            )
        return Response(status=answer.status_code, headers=_end_to_end(answer.headers), body=answer.content)


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
