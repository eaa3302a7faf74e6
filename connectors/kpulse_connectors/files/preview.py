"""What the first rows of a file say about the settings: findings for the KM lead before anything is stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from kpulse.sdk import Finding, Level, LinksSeen, Record, Status, Ticket

from .cells import RowReader
from .columns import ABSENT
from .settings import FilesSettings
from .suggestions import simplify, suggest
from .table import BadRow, Table

FIRST_ROWS = 100_000
SHOWN = 3
FLAG_NAMES = frozenset(("knowledge", "knowledgeused", "kbused"))


@dataclass
class Seen:
    """What was found so far. ``tickets`` holds the closing time and whether knowledge shows, by ticket."""

    rows: int = 0
    cut: bool = False
    keys: int = 0
    bad: list[str] = field(default_factory=list)
    tickets: dict[str, tuple[datetime | None, bool, bool]] = field(default_factory=dict)


def look(table: Table, convert: RowReader) -> Seen:
    """Reads at most the first 100,000 rows."""
    seen, keys = Seen(), set()
    rows = table.rows()
    for number, line, cells in islice(rows, FIRST_ROWS):
        seen.rows = number
        try:
            if isinstance(cells, BadRow):
                raise cells
            key, records = convert(cells, number)
        except BadRow as bad:
            seen.bad.append(f"line {line}: {bad}")
            continue
        keys.add(key)
        _note(seen.tickets, records)
    seen.cut = seen.rows == FIRST_ROWS and next(rows, None) is not None
    seen.keys = len(keys)
    return seen


def _note(tickets: dict[str, tuple[datetime | None, bool, bool]], records: Iterable[Record]) -> None:
    linked = any(isinstance(each, LinksSeen) and each.articles for each in records)
    for each in records:
        if isinstance(each, Ticket):
            closed = each.status in (Status.RESOLVED, Status.CLOSED)
            when = each.resolved_at or (each.changes[0].at if each.changes else None)
            tickets[each.key] = (when, linked, closed)


def describe_rows(name: str, seen: Seen) -> Iterable[Finding]:
    """How many rows were read and which of them could not be."""
    limit = f" (only the first {FIRST_ROWS:,}; the file has more)" if seen.cut else ""
    if not seen.rows:
        yield Finding(level=Level.WARN, subject=name, message="It has a header and no rows.")
        return
    yield Finding(level=Level.OK, subject=name, message=f"{seen.rows:,} rows read{limit}.")
    if seen.bad:
        level = Level.FAIL if len(seen.bad) == seen.rows else Level.WARN
        sample = "; ".join(seen.bad[:SHOWN])
        yield Finding(level=level, subject=name, message=f"{len(seen.bad):,} rows cannot be read, such as {sample}")


def describe_columns(table: Table, places: Mapping[str, int]) -> Iterable[Finding]:
    """Which columns are read, and which others look as if they should be."""
    used = {setting: table.header[place] for setting, place in places.items() if place != ABSENT}
    told = ", ".join(f"{FilesSettings.model_fields[s].title} from {column!r}" for s, column in used.items())
    yield Finding(level=Level.OK, subject=table.name, message=f"{len(table.header)} columns found. Read: {told}.")
    if "id_column" not in places:
        return
    offered = [
        f"{FilesSettings.title_of(setting)} from {column!r}"
        for setting, column in suggest(table.header).items()
        if setting not in used and column not in used.values()
    ]
    if offered:
        yield Finding(level=Level.WARN, subject=table.name, message=f"Not read, but it could be: {', '.join(offered)}.")
    flags = [column for column in table.header if simplify(column) in FLAG_NAMES and column not in used.values()]
    if flags:
        message = (
            f"Column {flags[0]!r} may say that knowledge was used; find out whether it does, or asks for an article to be "
            f"written, before you switch on {FilesSettings.title_of('read_knowledge_flag')}."
        )
        yield Finding(level=Level.WARN, subject=table.name, message=message)


def describe_states(name: str, unknown: Mapping[str, int], setting: str) -> Iterable[Finding]:
    """The states that have no meaning yet, with how often they came."""
    if not unknown:
        return
    states = sorted(unknown.items(), key=lambda pair: -pair[1])
    counted = ", ".join(f"{state} ({count:,})" for state, count in states[:20])
    rule = "the ticket's times decide" if setting == "states" else "they count as not validated"
    yield Finding(
        level=Level.WARN,
        subject=name,
        message=f"Unknown states: {counted}. Until {FilesSettings.title_of(setting)} maps them, {rule}.",
    )


def describe_tickets(name: str, seen: Seen, shows_links: bool) -> Iterable[Finding]:
    """When tickets were closed, and how many of them show knowledge."""
    times = [when for when, _, closed in seen.tickets.values() if closed and when]
    if times:
        message = f"{len(times):,} of {len(seen.tickets):,} tickets closed, from {min(times):%Y-%m-%d} to {max(times):%Y-%m-%d} (UTC)."
        yield Finding(level=Level.OK, subject=name, message=message)
    else:
        yield Finding(level=Level.WARN, subject=name, message="No ticket is closed; map Resolved, Closed and States.")
    timeless = sum(closed and when is None for when, _, closed in seen.tickets.values())
    if timeless:
        message = f"{timeless:,} closed tickets have no closing time and cannot be counted in any period."
        yield Finding(level=Level.WARN, subject=name, message=message)
    if not shows_links:
        message = "No column tells which knowledge was used, so nothing can be said about linking from this file."
        yield Finding(level=Level.WARN, subject=name, message=message)
    elif seen.tickets:
        linked = sum(has for _, has, _ in seen.tickets.values())
        level = Level.OK if linked else Level.WARN
        share = f"{linked:,} of {len(seen.tickets):,} tickets ({linked / len(seen.tickets):.1%}) show knowledge."
        yield Finding(level=level, subject=name, message=share)
