"""The physical lines of a CSV file, which can be taken again where a row went wrong."""

import csv
from collections.abc import Iterator
from typing import IO


class Rows:
    """Splits a file into rows of cells. A row whose quotation marks do not match costs its own first line and no other:
    what it swallowed is split again, line by line."""

    def __init__(self, handle: IO[str], delimiter: str) -> None:
        self._lines = _Lines(handle)
        self._delimiter = delimiter
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    @property
    def line(self) -> int:
        """How many lines were taken."""
        return self._lines.number

    def take(self) -> list[str] | None:
        """The next row, None at the end; csv.Error for one that cannot be split, behind which the next call goes on."""
        self._lines.taken.clear()
        try:
            return next(self._reader, None)
        except csv.Error:
            self._lines.give_back()
            self._reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
            raise


class _Lines:
    """Lines of a file; ``taken`` are those of the present row."""

    def __init__(self, handle: IO[str]) -> None:
        self._handle = handle
        self._back: list[str] = []
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._handle)
        self.taken.append(line)
        self.number += 1
        return line

    def give_back(self) -> None:
        """All lines of the present row but its first are taken again."""
        swallowed = self.taken[1:]
        self._back += reversed(swallowed)
        self.number -= len(swallowed)
