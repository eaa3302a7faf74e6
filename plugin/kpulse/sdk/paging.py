"""Walking pages without ever walking in a circle."""

from collections.abc import Hashable, Iterator

from kpulse.errors import SourceChanged
from kpulse.sdk.http import Ask, Params


class LoopGuard:
    """Remembers which pages were asked for; a page asked for twice is a circle and raises SourceChanged."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._seen: set[Hashable] = set()

    def visit(self, page: Hashable) -> None:
        """Note that ``page`` is about to be fetched."""
        if page in self._seen:
            raise SourceChanged(f"The source sent {self._what} in a circle: page {page!r} came a second time.")
        self._seen.add(page)


def page_numbers(start: int = 1, most: int = 1_000_000) -> Iterator[int]:
    """1, 2, 3 … until the caller has seen an empty page; SourceChanged when there is never one."""
    yield from range(start, start + most)
    raise SourceChanged(f"The source has more than {most} pages and no end.")


def numbered(path: str, params: Params, name: str = "page", *, start: int = 1) -> Iterator[Ask]:
    """GETs of page ``start``, ``start`` + 1 … of a list, for ``Http.pages``; ``name`` is the parameter's."""
    return (Ask(path, {**params, name: number}) for number in page_numbers(start))


def offsets(path: str, params: Params, step: int, name: str = "offset", *, start: int = 0) -> Iterator[Ask]:
    """GETs of the rows from ``start`` on, ``step`` further each time, for ``Http.pages``."""
    return (Ask(path, {**params, name: start + number * step}) for number in page_numbers(0))
