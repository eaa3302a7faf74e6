"""Answers like BookStack's REST API from pages in memory: lists without tags, filters by column, unknown ones ignored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kpulse.sdk.testing import Request, Response, json_response

Row = Mapping[str, Any]
ID, SECRET = "token-id-of-the-reader", "secret-of-the-reader"
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: have == want,
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lte": lambda have, want: have <= want,
}
LISTED = (
    "id",
    "book_id",
    "name",
    "slug",
    "draft",
    "template",
    "revision_count",
    "created_at",
    "updated_at",
    "book_slug",
)


def page(number: int, at: str, **said: Any) -> Row:
    """A synthetic page of the book ``desk``, last changed at ``at``."""
    usual = {
        "id": number, "book_id": 1, "chapter_id": 0, "name": f"Synthetic page {number}", "slug": f"synthetic-page-{number}",
        "draft": False, "template": False, "revision_count": 2, "created_at": "2026-01-01T08:00:00.000000Z", "updated_at": at,
        "created_by": {"id": 3, "name": "Mia"}, "updated_by": {"id": 4, "name": "Noah"}, "book_slug": "desk", "tags": [],
        "html": "<p>synthetic</p>",
    }  # fmt: skip
    return usual | said


def failure(status: int, message: str) -> Response:
    """An error as the API sends it."""
    return json_response({"error": {"code": status, "message": message}}, status)


@dataclass
class BookStackReplay:
    """A handler for ``kpulse.sdk.testing``; ``most`` cuts every list, ``deaf`` lets filters be ignored."""

    pages: Sequence[Row]
    most: int = 500
    deaf: bool = False
    gone: frozenset[int] = frozenset()
    _by_id: dict[str, Row] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._by_id = {str(row["id"]): row for row in self.pages}

    def __call__(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Token {ID}:{SECRET}":
            return failure(401, "No matching API token was found for the provided authorization token")
        path = request.path.removeprefix("/api/")
        if path == "books":
            slugs = sorted({row["book_slug"] for row in self.pages})
            books = [{"id": number, "slug": slug, "name": slug} for number, slug in enumerate(slugs, start=1)]
            return json_response({"data": books, "total": len(books)})
        if path == "pages":
            return self._list(request.query)
        row = self._by_id.get(path.removeprefix("pages/"))
        if row is None or row["id"] in self.gone:
            return failure(404, "Page not found")
        return json_response({name: value for name, value in row.items() if name != "book_slug"})

    def _list(self, asked: Mapping[str, str]) -> Response:
        filters = [(name[7:-1], value) for name, value in asked.items() if name.startswith("filter[") and not self.deaf]
        rows = [row for row in self.pages if all(_fits(row, name, value) for name, value in filters)]
        rows.sort(key=lambda row: row[asked.get("sort", "id").lstrip("+- ")])
        start, count = int(asked.get("offset", "0")), min(int(asked.get("count", "100")), self.most)
        shown = [{name: row[name] for name in LISTED} for row in rows[start : start + count]]
        return json_response({"data": shown, "total": len(rows)})


def _fits(row: Row, name: str, value: str) -> bool:
    column, _, operator = name.partition(":")
    have: Any = row[column]
    want: Any = int(value) if isinstance(have, int) else value.replace(" ", "T")
    return COMPARE[operator or "eq"](have, want)
