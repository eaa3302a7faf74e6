"""Answers like Jira Cloud (v3) and Jira Data Center (v2) from issues in memory, with their habits.

Cloud searches by token and tells no total, has switched its old search off, and shortens the history of an issue in a
search to the newest entries; Data Center searches by offset. JQL knows minutes only, in the account's own time zone.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kpulse.sdk.testing import Request, Response, json_response

Row = Mapping[str, Any]

USER, TOKEN = "reader@example.org", "api-token-of-the-reader"
PAIR = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
CONDITION = re.compile(r'updated (>=|<) "([^"]+)"|project in \(([^)]*)\)|\((issuetype = [^)]*)\)')
STATES = [
    {"id": "1", "name": "待办", "statusCategory": {"id": 2, "key": "new"}},
    {"id": "3", "name": "处理中", "statusCategory": {"id": 4, "key": "indeterminate"}},
    {"id": "4", "name": "Waiting for customer", "statusCategory": {"id": 4, "key": "indeterminate"}},
    {"id": "5", "name": "已完成", "statusCategory": {"id": 3, "key": "done"}},
    {"id": "6", "name": "Canceled", "statusCategory": {"id": 3, "key": "done"}},
]
PROJECTS = [{"id": str(10000 + n), "key": key, "name": f"Project {key}"} for n, key in enumerate(("SUP", "IT", "HR"))]
CUSTOM_FIELDS = [
    {"id": "summary", "name": "Summary", "custom": False},
    {"id": "customfield_10001", "name": "Team", "custom": True},
]


@dataclass
class JiraReplay:
    """A handler for ``kpulse.sdk.testing`` over ``issues``; ``histories`` and ``remotes`` are by issue id.

    ``before`` is called before each answer, so that a test can change the site while it is read.
    """

    issues: Sequence[Row]
    histories: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    remotes: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    comments: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    cloud: bool = True
    zone: str = "Europe/Berlin"
    projects: Sequence[Row] = tuple(PROJECTS)
    states: Sequence[Row] = tuple(STATES)
    forgotten: frozenset[str] = frozenset()
    before: Callable[[Request], None] = lambda request: None

    def __call__(self, request: Request) -> Response:
        self.before(request)
        if request.headers.get("authorization") not in (PAIR, f"Bearer {TOKEN}"):
            return json_response("Basic authentication with passwords is deprecated.", 401)
        path = request.path.partition(f"/rest/api/{3 if self.cloud else 2}/")[2]
        plain: Mapping[str, Any] = {
            "myself": {"accountId": "reader", "displayName": "Synthetic Reader", "timeZone": self.zone},
            "serverInfo": {"version": "9.12.4", "deploymentType": "Cloud" if self.cloud else "Server"},
            "status": self.states,
            "field": CUSTOM_FIELDS,
        }
        if path in plain:
            return json_response(plain[path])
        if path.startswith("issue/"):
            return self._of_issue(path.split("/")[1], path.split("/")[2], request)
        return (self._cloud if self.cloud else self._server)(path, request)

    def _cloud(self, path: str, request: Request) -> Response:
        if path == "search/jql":
            return self._by_token(request)
        if path == "changelog/bulkfetch":
            return self._bulk(json.loads(request.body))
        if path == "search/approximate-count":
            found = self._found(json.loads(request.body)["jql"])
            return found if isinstance(found, Response) else json_response({"count": len(found)})
        if path == "project/search":
            start, size = _number(request, "startAt", 0), _number(request, "maxResults", 50)
            values = self.projects[start : start + size]
            return json_response({"startAt": start, "values": values, "isLast": start + size >= len(self.projects)})
        return json_response({"errorMessages": [f"{path} was removed."]}, 410 if path == "search" else 404)

    def _server(self, path: str, request: Request) -> Response:
        if path == "project":
            return json_response(self.projects)
        if path != "search":
            return json_response({"errorMessages": ["null for uri"]}, 404)
        found = self._found(request.query["jql"])
        if isinstance(found, Response):
            return found
        start, size = _number(request, "startAt", 0), _number(request, "maxResults", 50)
        issues = [self._with_history(issue, request) for issue in found[start : start + size]]
        return json_response({"startAt": start, "maxResults": size, "total": len(found), "issues": issues})

    def _with_history(self, issue: Row, request: Request) -> Row:
        if request.query.get("expand") != "changelog":
            return issue
        told = list(self.histories.get(issue["id"], ()))
        return {**issue, "changelog": {"startAt": 0, "total": len(told), "histories": told}}

    def _by_token(self, request: Request) -> Response:
        token, size = request.query.get("nextPageToken", ""), _number(request, "maxResults", 50)
        if token in self.forgotten:
            return json_response({"errorMessages": ["The nextPageToken is invalid."]}, 400)
        found = self._found(request.query["jql"])
        if isinstance(found, Response):
            return found
        start = int(token.removeprefix("after-") or 0)
        wanted = request.query.get("fields", "id")
        issues = [issue if wanted != "id" else {"id": issue["id"]} for issue in found[start : start + size]]
        more = {"nextPageToken": f"after-{start + size}"} if start + size < len(found) else {"isLast": True}
        return json_response({"issues": issues, **more})

    def _bulk(self, asked: Row) -> Response:
        """Pages of three entries, so that a history is spread over pages."""
        told = [(id, each) for id in asked["issueIdsOrKeys"] for each in self.histories.get(id, ())]
        start = int(asked.get("nextPageToken") or 0)
        logs = [{"issueId": id, "changeHistories": [each]} for id, each in told[start : start + 3]]
        more = {"nextPageToken": str(start + 3)} if start + 3 < len(told) else {}
        return json_response({"issueChangeLogs": logs, **more})

    def _of_issue(self, id: str, what: str, request: Request) -> Response:
        if not any(issue["id"] == id for issue in self.issues):
            return json_response({"errorMessages": ["Issue does not exist."], "errors": {}}, 404)
        if what == "remotelink":
            return json_response(self.remotes.get(id, []))
        start, size = _number(request, "startAt", 0), _number(request, "maxResults", 50)
        comments = self.comments.get(id, ())
        return json_response({"comments": comments[start : start + size], "startAt": start, "total": len(comments)})

    def _found(self, jql: str) -> Sequence[Row] | Response:
        conditions, _, order = jql.partition(" ORDER BY ")
        if order not in ("", "updated ASC, key ASC") or CONDITION.sub("", conditions).replace(" AND ", "").strip():
            return json_response({"errorMessages": [f"Error in the JQL Query: {jql}"]}, 400)
        rows = list(self.issues)
        for compare, minute, projects, kind in CONDITION.findall(conditions):
            names = [name.strip(' "') for name in projects.split(",")] if projects else []
            for name in names:
                if not any(name in (project["key"], project["name"]) for project in self.projects):
                    text = f"The value '{name}' does not exist for the field 'project'."
                    return json_response({"errorMessages": [text], "warningMessages": []}, 400)
            rows = [row for row in rows if self._fits(row["fields"], compare, minute, names, kind)]
        return sorted(rows, key=lambda row: (when(row["fields"]["updated"]), row["key"]))

    def _fits(self, fields: Row, compare: str, minute: str, projects: Sequence[str], kind: str) -> bool:
        if projects:
            return fields["project"]["key"] in projects
        if kind:
            return bool(fields["issuetype"]["name"] == kind.partition("= ")[2])
        at = datetime.strptime(minute, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(self.zone))
        return when(fields["updated"]) >= at if compare == ">=" else when(fields["updated"]) < at


def when(text: str) -> datetime:
    """The time in a row."""
    return datetime.fromisoformat(text)


def stamp(at: datetime) -> str:
    """A time as Jira writes it, with milliseconds and an offset without a colon."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0000"


def later(text: str, **by: float) -> str:
    """A time of a row, moved."""
    return stamp(when(text) + timedelta(**by))


def _number(request: Request, name: str, usual: int) -> int:
    return int(request.query.get(name, usual))
