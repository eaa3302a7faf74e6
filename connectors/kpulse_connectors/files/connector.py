"""The connector: its streams, and the way from a file to pages, keys and findings."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar, cast

from kpulse.sdk import (
    Article,
    ConfigError,
    Connector,
    Finding,
    KeyPage,
    Level,
    LinkEvent,
    Mode,
    Page,
    Record,
    Report,
    Stream,
    Ticket,
    TransientError,
    Window,
)

from .articles import ArticleRows, LinkRows
from .case import case_pages, read_records
from .cells import RowReader
from .columns import ABSENT, ARTICLES, LINKS
from .mapping import merge_mapping
from .pages import PAGE, read_pages
from .preview import describe_columns, describe_rows, describe_states, describe_tickets, look
from .settings import FilesSettings
from .table import BadRow, SourceFile, Table, find_file, open_table
from .tickets import TicketRows

KINDS: Mapping[str, Callable[[FilesSettings, Table], RowReader]] = {
    "tickets": TicketRows,
    "articles": ArticleRows,
    "links": LinkRows,
}
SWEPT = {"tickets": "ticket", "articles": "article"}


class _Streams:
    """The streams of a connector with settings: one for each file, swept where the KM lead calls the files complete.

    A description on the class cannot know this; asked of the class it names all that there can be.
    """

    def __get__(self, connector: "Files | None", owner: type["Files"]) -> Sequence[Stream]:
        complete = connector is not None and connector.chosen.complete
        names = KINDS if connector is None else [name for name in KINDS if connector.path(name)]
        return tuple(
            Stream(name=name, mode=Mode.FEED, sweep=complete and name in SWEPT, sweep_every=timedelta())
            for name in names
        )


class Files(Connector):
    """CSV exports of any desk. The cursor is a row of an unchanged file; a changed file is read from its first row."""

    key = "files"
    title = "CSV or JSON files"
    summary = "Exports of any desk and knowledge base: tickets, articles and the links between them."
    settings_type = FilesSettings
    streams: ClassVar[Sequence[Stream]] = cast("Sequence[Stream]", _Streams())

    @cached_property
    def chosen(self) -> FilesSettings:
        """The settings together with those of the mapping file."""
        chosen = merge_mapping(self.settings)
        if not (chosen.tickets_file or chosen.articles_file or chosen.links_file):
            raise ConfigError(f"{FilesSettings.title_of('tickets_file')}: name at least one file to read.")
        if _names_case(chosen.tickets_file) and (chosen.articles_file or chosen.links_file):
            raise ConfigError(
                f"{FilesSettings.title_of('tickets_file')}: a case (.json) holds its articles and links; "
                "leave the other files empty."
            )
        return chosen

    def path(self, stream: str) -> str:
        """The file that a stream reads, empty where there is none."""
        return str(getattr(self.chosen, f"{stream}_file")).strip()

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        """The pages of a file behind the cursor's row; none when the file was read to its end and is unchanged."""
        source, settings = self._source(stream), self.chosen.model_dump_json()
        identity = f"{source.identity}-{hashlib.blake2b(settings.encode(), digest_size=8).hexdigest()}"
        known = cursor if isinstance(cursor, dict) and cursor.get("file") == identity else {}
        if known.get("done"):
            return
        after = int(known.get("row", 0))
        if _is_case(source):
            yield from case_pages(source, identity, after)
            return
        once = stream == "articles" or (stream == "tickets" and self.chosen.rows == "one per ticket")
        with open_table(source, self.chosen) as table:
            yield from read_pages(table, KINDS[stream](self.chosen, table), identity, after=after, once=once)

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        """The keys of a file; an unreadable row or a change of the file ends it with an error instead of deletions."""
        source, what = self._source(stream), SWEPT[stream]
        if _is_case(source):
            yield from _case_keys(read_records(source))
            return
        with open_table(source, self.chosen) as table:
            keys = self._keys(stream, table)
            while page := list(islice(keys, PAGE)):
                yield KeyPage(what=what, keys=page)
        if self._source(stream).identity != source.identity:
            raise TransientError(f"{source.path.name} changed while it was read; the next run reads it again.")

    def _keys(self, stream: str, table: Table) -> Iterator[str]:
        rows = KINDS[stream](self.chosen, table)
        for _, line, cells in table.rows():
            key = None if isinstance(cells, BadRow) else rows.key_of(cells)
            if key is None:
                raise ConfigError(
                    f"{table.name} line {line} has no readable id, so nothing can be called deleted; mend the line or "
                    f"switch off {FilesSettings.title_of('complete')}."
                )
            yield key

    def check(self) -> Report:
        """Reads the first rows of each file and says what the settings make of them."""
        findings: list[Finding] = []
        counts: dict[str, int] = {}
        for stream in self.streams:
            source = self._source(stream.name)
            if _is_case(source):
                found = _count_case(read_records(source), counts)
                findings.append(Finding(level=Level.OK, subject=source.path.name, message=found))
                continue
            with open_table(source, self.chosen) as table:
                findings += self._preview(stream.name, table, counts)
        return Report(findings=findings, counts=counts)

    def choices(self, name: str) -> Sequence[str]:
        """The columns that the header of the setting's file names; empty without a readable file."""
        stream = "articles" if name in ARTICLES else "links" if name in LINKS else "tickets"
        if not name.endswith("_column") or not self.path(stream):
            return ()
        source = self._source(stream)
        if _is_case(source):
            return ()
        with open_table(source, self.chosen) as table:
            return tuple(table.header)

    def _preview(self, stream: str, table: Table, counts: dict[str, int]) -> Iterable[Finding]:
        rows = KINDS[stream](self.chosen, table)
        seen = look(table, rows)
        counts[stream] = seen.keys
        yield from describe_columns(table, rows.places)
        yield from describe_rows(table.name, seen)
        yield from describe_states(table.name, rows.unknown, "states" if stream == "tickets" else "article_states")
        if stream == "tickets":
            shown = (rows.places["article_column"], rows.places["knowledge_column"]) != (ABSENT, ABSENT)
            yield from describe_tickets(table.name, seen, shown or bool(self.chosen.links_file))

    def _source(self, stream: str) -> SourceFile:
        return find_file(f"{stream}_file", self.path(stream))


def _names_case(path: str) -> bool:
    return path.lower().endswith(".json")


def _is_case(source: SourceFile) -> bool:
    return _names_case(source.path.name)


def _case_keys(records: Sequence[Record]) -> Iterator[KeyPage]:
    for kind, what in ((Ticket, "ticket"), (Article, "article")):
        yield KeyPage(what=what, keys=[each.key for each in records if isinstance(each, kind)])


def _count_case(records: Sequence[Record], counts: dict[str, int]) -> str:
    for name, kind in (("tickets", Ticket), ("articles", Article), ("links", LinkEvent)):
        counts[name] = sum(isinstance(each, kind) for each in records)
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) + " in the event format."
