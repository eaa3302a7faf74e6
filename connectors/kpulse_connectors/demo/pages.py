"""Rows in order of change, cut into pages that can be resumed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from kpulse.sdk import ConfigError, Page, Record

T = TypeVar("T")
SIZE = 500


class Row(NamedTuple, Generic[T]):
    """Something that changed at ``at``; ``name`` orders what changed at the same instant."""

    at: int
    name: str
    thing: T


def pages(rows: list[Row[T]], build: Callable[[T], Record], cursor: Any, size: int = SIZE) -> Iterator[Page]:
    """The rows behind ``cursor`` as pages of records; a cursor names the last row of its page."""
    rows.sort(key=lambda row: (row.at, row.name))
    behind = _place(cursor)
    left = [row for row in rows if behind is None or (row.at, row.name) > behind]
    for first in range(0, len(left), size):
        part: Sequence[Row[T]] = left[first : first + size]
        yield Page(records=[build(row.thing) for row in part], cursor=[part[-1].at, part[-1].name], total=len(rows))


def _place(cursor: Any) -> tuple[int, str] | None:
    if cursor is None:
        return None
    if isinstance(cursor, list | tuple) and len(cursor) == 2 and isinstance(cursor[0], int):
        return cursor[0], str(cursor[1])
    raise ConfigError("The saved place in the demo company is of another kind; remove the source and add it again.")
