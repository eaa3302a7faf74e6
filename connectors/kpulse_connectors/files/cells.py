"""Cells of the mapped columns, with the signs for a missing value read as None."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Protocol

from kpulse.sdk import Record

from .columns import ABSENT
from .settings import FilesSettings
from .table import BadRow

Cells = Sequence[str | None]


class RowReader(Protocol):
    """Turns the rows of one file into records."""

    @property
    def places(self) -> Mapping[str, int]:
        """Where each setting's column stands."""

    @property
    def unknown(self) -> Mapping[str, int]:
        """How often each unknown state came."""

    def key_of(self, row: list[str]) -> str | None:
        """The row's id, None where it has none."""

    def __call__(self, row: list[str], number: int) -> tuple[str, Sequence[Record]]:
        """The row's key and its records; BadRow where the row makes no sense."""


def cell_reader(settings: FilesSettings, places: Mapping[str, int]) -> Callable[[list[str]], Cells]:
    """A function from a row to the cells of ``places``, in their order; several columns at least."""
    missing = frozenset(sign.strip() for sign in settings.missing.split(",")) | {""}
    # An unmapped column reads the empty cell that is put behind every row.
    pick = itemgetter(*(-1 if place == ABSENT else place for place in places.values()))

    def read(row: list[str]) -> Cells:
        return [None if (text := cell.strip()) in missing else text for cell in pick((*row, ""))]

    return read


def read_time(read: Callable[[str], datetime], cell: str | None, column: str) -> datetime | None:
    """The time in a cell; BadRow with the name of its column."""
    if cell is None:
        return None
    try:
        return read(cell)
    except BadRow as bad:
        raise BadRow(f"{column} {bad}") from None


def split_ids(cell: str | None) -> tuple[str, ...]:
    """The ids in a cell, split at semicolons and commas, each once and in order."""
    return tuple(dict.fromkeys(part.strip() for part in re.split("[;,]", cell) if part.strip())) if cell else ()
