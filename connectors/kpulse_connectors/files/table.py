"""A CSV file as a stream of rows with their real line numbers; never more than a row of it in memory."""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from kpulse.sdk import ConfigError, from_instant

from .lines import Rows
from .settings import FilesSettings

TABLES = (".csv", ".tsv", ".txt")
HEAD = 1 << 16
LONGEST_CELL = 1 << 20
ROWS_A_MICROSECOND = 2048
LATEST = (1 << 52) - 1


class BadRow(Exception):
    """A row that cannot be read; the text says why and shows nothing of its content."""


@dataclass(frozen=True)
class SourceFile:
    """A file as it was when it was looked at. ``changed_at`` is its modification time in microseconds since 1970."""

    path: Path
    changed_at: int
    identity: str
    head: bytes

    def version(self, row: int) -> int:
        """A version that grows with the rows of one file and with newer files (63 bits until the year 2112).

        It is the modification time in units of 1/2048 microsecond plus the row's number: a newer upload wins over an
        older one of n rows when it is n/2048 microseconds younger, which is less than it takes to write n rows.
        """
        return self.changed_at * ROWS_A_MICROSECOND + row

    def seen_at(self, row: int = 0) -> datetime:
        """When the content was true: the time of modification, ``row`` microseconds later for a later row of a log."""
        return from_instant(self.changed_at) + timedelta(microseconds=row)


def find_file(setting: str, value: str) -> SourceFile:
    """The file that the setting names; ConfigError where there is none that can be read."""
    path, title = Path(value).expanduser(), FilesSettings.title_of(setting)
    # The ending keeps a web form from showing lines of the server's other files, such as keys.
    endings = (*TABLES, ".json") if setting == "tickets_file" else TABLES
    if path.suffix.lower() not in endings:
        raise ConfigError(f"{title}: name a file that ends in {', '.join(endings)}.")
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD)
        stat = path.stat()
    except OSError as error:
        raise ConfigError(f"{title}: {path} cannot be opened ({error.strerror}).") from None
    digest = hashlib.blake2b(head, digest_size=8).hexdigest()
    changed_at = min(max(stat.st_mtime_ns // 1000, 0), LATEST)
    return SourceFile(path, changed_at, f"{stat.st_size}-{stat.st_mtime_ns}-{digest}", head)


def find_delimiter(text: str) -> str:
    """The delimiter that splits the first row of ``text`` into most cells; a comma where none does."""
    return max(",;\t|", key=lambda each: len(next(csv.reader(io.StringIO(text, newline=""), delimiter=each), [])))


@dataclass(frozen=True)
class Table:
    """An open CSV file behind its header."""

    source: SourceFile
    header: Sequence[str]
    _rows: Rows
    _encoding: str

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.source.path.name

    def rows(self) -> Iterator[tuple[int, int, list[str] | BadRow]]:
        """Number (from 1), first line and cells of each row that is not blank; a BadRow where it cannot be split."""
        number, width = 0, len(self.header)
        while True:
            line = self._rows.line + 1
            cells: list[str] | BadRow | None = self._next()
            if cells is None:
                return
            if not cells:
                continue
            if isinstance(cells, list) and len(cells) != width:
                cells = BadRow(f"it has {len(cells)} cells where the header has {width}.")
            number += 1
            yield number, line, cells

    def _next(self) -> list[str] | BadRow | None:
        try:
            return self._rows.take()
        except csv.Error as error:
            if "limit" in str(error):
                return BadRow(f"a cell is longer than {LONGEST_CELL} characters; is a quotation mark never closed?")
            return BadRow("its quotation marks do not match; a quotation mark inside a cell has to be doubled.")
        except UnicodeError:
            raise _unreadable(self.name, self._encoding, self._rows.line) from None


@contextmanager
def open_table(source: SourceFile, settings: FilesSettings) -> Iterator[Table]:
    """The table in ``source``, closed afterwards; ConfigError where encoding, delimiter or header make no sense."""
    encoding = "utf-8-sig" if settings.encoding.lower() in ("utf-8", "utf8") else settings.encoding
    with _open_text(source, encoding) as handle:
        delimiter = _delimiter(settings.delimiter, source, encoding)
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
        header: list[str] = []
        table = Table(source, header, Rows(handle, delimiter), settings.encoding)
        first = table._next()
        if isinstance(first, BadRow) or not first:
            raise ConfigError(f"{table.name} has no header; its first line has to name the columns.")
        header.extend(cell.strip() for cell in first)
        yield table


def _open_text(source: SourceFile, encoding: str) -> IO[str]:
    try:
        return source.path.open(encoding=encoding, newline="")
    except LookupError:
        raise ConfigError(
            f"{FilesSettings.title_of('encoding')}: there is no encoding {encoding}; try utf-8 or windows-1252."
        ) from None
    except OSError as error:
        raise ConfigError(f"{source.path} cannot be opened ({error.strerror}).") from None


def _delimiter(value: str, source: SourceFile, encoding: str) -> str:
    chosen = {"tab": "\t", "\\t": "\t"}.get(value.strip().lower(), value)
    if chosen and (len(chosen) != 1 or chosen in '"\r\n'):
        raise ConfigError(f"{FilesSettings.title_of('delimiter')}: give one character or the word tab.")
    return chosen or find_delimiter(source.head.decode(encoding, errors="ignore"))


def _unreadable(name: str, encoding: str, line: int) -> ConfigError:
    return ConfigError(
        f"{FilesSettings.title_of('encoding')}: {name} is not {encoding} (near line {line + 1}); choose the one it was "
        "saved in, often windows-1252 or utf-16."
    )
