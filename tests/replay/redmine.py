"""Answers like Redmine's REST API from rows in memory, with its habits: filters to the second, and no refusal of strangers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kpulse.sdk.testing import Request, Response, json_response

Row = Mapping[str, Any]
KEY = "key-of-the-reader"
SECOND = timedelta(seconds=1)


@dataclass
class RedmineReplay:
    """A handler for ``kpulse.sdk.testing``. ``issues`` are whole issues; lists show them without journals.

    ``pages`` maps the id of a project to the pages of its wiki. ``most`` is the largest page, whatever is asked for.
    """

    issues: Sequence[Row]
    projects: Sequence[Row]
    pages: Mapping[int, Sequence[Row]]
    statuses: Sequence[Row]
    most: int = 100
    _by_id: dict[str, Row] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._by_id = {str(issue["id"]): issue for issue in self.issues}

    def __call__(self, request: Request) -> Response:
        known = request.headers.get("x-redmine-api-key") == KEY
        path = request.path
        if path == "/users/current.json":
            return json_response({"user": {"id": 9, "login": "reader"}}) if known else json_response({}, 401)
        if path == "/issue_statuses.json":
            return json_response({"issue_statuses": self.statuses})
        if path == "/trackers.json":
            return json_response({"trackers": [{"id": 3, "name": "Support"}]})
        if path == "/projects.json":
            return self._list(request, "projects", self.projects if known else ())
        if path == "/issues.json":
            return self._list(request, "issues", self._found(request.query) if known else ())
        return self._one(path)

    def _one(self, path: str) -> Response:
        issue, wiki = (
            re.fullmatch(r"/issues/(\d+)\.json", path),
            re.fullmatch(r"/projects/(\d+)/wiki/index\.json", path),
        )
        if issue and issue[1] in self._by_id:
            return json_response({"issue": self._by_id[issue[1]]})
        if wiki and int(wiki[1]) in self.pages:
            return json_response({"wiki_pages": self.pages[int(wiki[1])]})
        return json_response({}, 404)

    def _list(self, request: Request, name: str, rows: Sequence[Row]) -> Response:
        limit = min(int(request.query.get("limit", "25")), self.most)
        offset = int(request.query.get("offset", "0"))
        shown = [
            {key: value for key, value in row.items() if key != "journals"} for row in rows[offset : offset + limit]
        ]
        return json_response({name: shown, "total_count": len(rows), "offset": offset, "limit": limit})

    def _found(self, query: Mapping[str, str]) -> Sequence[Row]:
        if query.get("status_id") != "*":
            return ()
        rows = [row for row in self.issues if _within(row, query.get("updated_on", "*"))]
        rows = [row for row in rows if row["id"] >= int(query.get("issue_id", ">=0").removeprefix(">="))]
        name, _, order = query["sort"].split(",")[0].partition(":")
        return sorted(rows, key=lambda row: (row[name], row["id"]), reverse=order == "desc")


def _within(row: Row, wanted: str) -> bool:
    at = datetime.fromisoformat(row["updated_on"])
    if wanted.startswith("><"):
        begin, end = map(datetime.fromisoformat, wanted[2:].split("|"))
        return begin - SECOND < at <= end
    return wanted == "*" or at > datetime.fromisoformat(wanted.removeprefix(">=")) - SECOND
