"""Rows become pages of a thousand, with cursors that resume inside an unchanged file."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Any

from kpulse.sdk import Page, Record, Rejected

from .cells import RowReader
from .table import BadRow, Table

PAGE = 1000


class Keys:
    """Remembers on which line each key came first; on disk, so that memory stays flat however long the file is."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def first_line(self, key: str, line: int) -> int:
        """The line on which ``key`` came first, which is ``line`` for a new one."""
        if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
            return line
        found: int = self._database.execute("SELECT line FROM seen WHERE key = ?", (key,)).fetchone()[0]
        return found

    def close(self) -> None:
        """Give the space back."""
        self._database.close()


class Batch:
    """What a page is made of; of several rows with one key the last one stays."""

    def __init__(self) -> None:
        self.size = 0
        self.kept: dict[str, Sequence[Record]] = {}
        self.rejected: list[Rejected] = []

    def page(self, cursor: Any) -> Page:
        """The page that ends at ``cursor``."""
        return Page(records=list(chain.from_iterable(self.kept.values())), cursor=cursor, rejected=self.rejected)


def read_pages(table: Table, convert: RowReader, identity: str, *, after: int = 0, once: bool = True) -> Iterator[Page]:
    """The pages behind row ``after``. With ``once`` a key that comes again is rejected, else its last row holds.

    Rows up to ``after`` are read again only to know their keys, so a resumed run gives the pages of an unbroken one.
    """
    batch, number = Batch(), 0
    with closing(Keys()) as keys:
        for number, line, cells in table.rows():
            if number <= after and not once:
                continue
            if batch.size == PAGE:
                yield batch.page({"row": number - 1, "file": identity})
                batch = Batch()
            found = _read(cells, number, line, convert, keys if once else None)
            if number <= after:
                continue
            batch.size += 1
            if isinstance(found, BadRow):
                batch.rejected.append(Rejected(position=f"{table.name} line {line}", reason=str(found)))
            else:
                batch.kept[found[0]] = found[1]
    yield batch.page({"row": number, "file": identity, "done": True})


def _read(
    cells: list[str] | BadRow, number: int, line: int, convert: RowReader, keys: Keys | None
) -> tuple[str, Sequence[Record]] | BadRow:
    if isinstance(cells, BadRow):
        return cells
    try:
        found = convert(cells, number)
    except BadRow as bad:
        return bad
    first = line if keys is None else keys.first_line(found[0], line)
    if first != line:
        return BadRow(f"its id came on line {first} already; is the file a log in which the last row per ticket wins?")
    return found
