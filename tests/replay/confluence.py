"""Answers like Confluence Cloud (v2) and Confluence Data Center (v1) from pages in memory, with their habits.

Cloud goes on by a cursor in a relative next link and puts no labels into a list of pages; Data Center goes on by an
offset, and may give fewer rows than asked for although more follow.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kpulse.sdk.testing import Request, Response, json_response
from tests.replay.jira import PAIR, TOKEN

Row = Mapping[str, Any]
SPACES = [{"id": str(100 + n), "key": key, "name": f"Space {key}"} for n, key in enumerate(("KB", "DEV", "~someone"))]
CQL = re.compile(
    r'type = page(?: and space in \(([^)]*)\))?(?: and lastmodified >= "([\d-]+)")? order by lastmodified desc'
)


@dataclass
class ConfluenceReplay:
    """A handler for ``kpulse.sdk.testing`` over ``pages``, which are written as Cloud writes them; ``versions`` and
    ``labels`` are by page id. ``hidden`` rows are dropped after a page of Data Center was cut."""

    pages: Sequence[Row]
    versions: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    spaces: Sequence[Row] = tuple(SPACES)
    cloud: bool = True
    hidden: frozenset[str] = frozenset()
    lists_versions: bool = True

    def __call__(self, request: Request) -> Response:
        if request.headers.get("authorization") not in (PAIR, f"Bearer {TOKEN}"):
            return json_response({"errors": [{"status": 401, "code": "UNAUTHORIZED", "title": "Unauthorized"}]}, 401)
        if self.cloud:
            return self._cloud(request.path.partition("/wiki/api/v2/")[2], request)
        return self._server(request.path.partition("/rest/api/")[2], request)

    def _cloud(self, path: str, request: Request) -> Response:
        asked = request.query
        if path == "spaces":
            keys = asked.get("keys", "").split(",")
            return _by_cursor([space for space in self.spaces if keys == [""] or space["key"] in keys], request)
        if path == "labels":
            return _by_cursor(
                [{"id": id, "name": name, "prefix": "global"} for name, id in self._label_ids().items()], request
            )
        if label := re.fullmatch(r"labels/(\d+)/pages", path):
            names = {id: name for name, id in self._label_ids().items()}
            return _by_cursor(
                [page for page in self._scoped(asked) if names[label[1]] in self.labels.get(page["id"], ())], request
            )
        if page := re.fullmatch(r"pages/(\d+)/versions", path):
            return _by_cursor(self.versions.get(page[1], ()), request)
        if path != "pages":
            return json_response({"errors": [{"status": 404, "code": "NOT_FOUND", "title": "Not Found"}]}, 404)
        found = [page for page in self._scoped(asked) if page["status"] == asked.get("status", page["status"])]
        return _by_cursor(_sorted(found, asked.get("sort", "id")), request)

    def _scoped(self, asked: Mapping[str, str]) -> Sequence[Row]:
        ids = asked.get("space-id", "")
        return [page for page in self.pages if not ids or page["spaceId"] in ids.split(",")]

    def _label_ids(self) -> Mapping[str, str]:
        return {
            name: str(1 + n) for n, name in enumerate(sorted({name for its in self.labels.values() for name in its}))
        }

    def _server(self, path: str, request: Request) -> Response:
        asked = request.query
        if path == "space":
            return _by_offset(self.spaces, request)
        if page := re.fullmatch(r"content/(\d+)/version", path):
            if not self.lists_versions:
                return json_response({"statusCode": 404, "message": "No content"}, 404)
            return _by_offset([_server_version(row) for row in self.versions.get(page[1], ())], request)
        keys = {space["id"]: space["key"] for space in self.spaces}
        if path == "content/search":
            match = CQL.fullmatch(asked["cql"])
            if match is None:
                return json_response({"statusCode": 400, "message": f"Could not parse cql : {asked['cql']}"}, 400)
            wanted = {key.strip(' "') for key in (match[1] or "").split(",")} - {""}
            found = [
                page
                for page in self.pages
                if (not wanted or keys[page["spaceId"]] in wanted) and page["status"] == "current"
            ]
            found = [page for page in found if page["version"]["createdAt"][:10] >= (match[2] or "")]
            return _by_offset(
                [self._row(page, asked) for page in _sorted(found, "-modified-date")], request, self.hidden
            )
        rows = [page for page in self.pages if asked.get("spaceKey", keys[page["spaceId"]]) == keys[page["spaceId"]]]
        return _by_offset(rows, request, self.hidden, lambda page: self._row(page, asked))

    def _row(self, page: Row, asked: Mapping[str, str]) -> Row:
        key = next(space["key"] for space in self.spaces if space["id"] == page["spaceId"])
        bare = {name: page[name] for name in ("id", "status", "title")} | {"type": "page", "_links": page["_links"]}
        labels = [{"name": name, "prefix": "global"} for name in self.labels.get(page["id"], ())]
        more = {
            "version": _server_version(page["version"]),
            "history": {"createdDate": page["createdAt"], "createdBy": {"userKey": page["authorId"]}, "latest": True},
            "space": {"id": int(page["spaceId"]), "key": key},
            "metadata": {"labels": {"results": labels}},
        }
        wanted = {name.partition(".")[0] for name in asked.get("expand", "").split(",")}
        return bare | {name: value for name, value in more.items() if name in wanted}


def _server_version(row: Row) -> Row:
    return {"when": row["createdAt"], "number": row["number"], "by": {"userKey": row["authorId"], "username": "name"}}


def _sorted(pages: Sequence[Row], order: str) -> Sequence[Row]:
    if order == "-modified-date":
        return sorted(pages, key=lambda page: str(page["version"]["createdAt"]), reverse=True)
    return sorted(pages, key=lambda page: int(page["id"]))


def _by_cursor(rows: Sequence[Row], request: Request) -> Response:
    start, limit = int(request.query.get("cursor", "c0")[1:]), int(request.query.get("limit", "25"))
    links = {"base": "https://x.example.org/wiki"}
    if start + limit < len(rows):
        links["next"] = f"{request.path}?limit={limit}&cursor=c{start + limit}"
    return json_response({"results": rows[start : start + limit], "_links": links})


def _by_offset(
    rows: Sequence[Row],
    request: Request,
    hidden: frozenset[str] = frozenset(),
    show: Callable[[Row], Row] = lambda row: row,
) -> Response:
    start, limit = int(request.query.get("start", "0")), int(request.query.get("limit", "25"))
    found = [show(row) for row in rows[start : start + limit] if row.get("id") not in hidden]
    links = {"base": "https://x.example.org", "context": ""}
    if start + limit < len(rows):
        links["next"] = f"{request.path}?limit={limit}&start={start + limit}"
    return json_response({"results": found, "start": start, "limit": limit, "size": len(found), "_links": links})
