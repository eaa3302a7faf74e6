"""Walking a list of Confluence to its end: by cursor on Cloud, by offset on Data Center."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from kpulse.sdk import Http, LoopGuard, SourceChanged
from kpulse_connectors.confluence.rows import Listed

T = TypeVar("T")
Params = Mapping[str, str | int]


class Lists:
    """The lists of one site, ``page_size`` rows at a time."""

    def __init__(self, http: Http, *, cloud: bool, prefix: str, page_size: int) -> None:
        self.http = http
        self.cloud = cloud
        self.page_size = page_size
        self._prefix = prefix

    def path(self, name: str) -> str:
        """The path of the list ``name``."""
        return f"{self._prefix}{'api/v2' if self.cloud else 'rest/api'}/{name}"

    def walk(self, name: str, row: type[T], params: Params, at: str = "") -> Iterator[tuple[Sequence[T], str]]:
        """The rows of the list ``name`` from the place ``at`` on, each time with the place behind them, "" at the end."""
        guard = LoopGuard(name)
        answer: Any = Listed[row]  # type: ignore[valid-type]
        while True:
            guard.visit(at)
            found = self.http.get(self.path(name), answer, self.params(params, at)).body
            at = self.behind(found)
            yield found.results, at
            if not at:
                return

    def params(self, params: Params, at: str = "") -> Params:
        """The parameters of a request for the rows from ``at`` on."""
        place: Params = {"cursor" if self.cloud else "start": at} if at else {}
        return {**params, "limit": self.page_size, **place}

    def behind(self, found: Listed[Any]) -> str:
        """The place behind a page, "" at the end. The address of the next page is never followed, only read."""
        if not found.links.next:
            return ""
        name = "cursor" if self.cloud else "start"
        places = parse_qs(urlsplit(found.links.next).query).get(name)
        if not places:
            raise SourceChanged(f"Confluence tells of a next page, but gives no {name} for it.")
        return places[0]
