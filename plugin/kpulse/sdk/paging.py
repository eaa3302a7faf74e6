"""Walking pages without ever walking in a circle."""

from collections.abc import Hashable, Iterator

from kpulse.errors import SourceChanged


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
