"""A desk of 3,000 tickets that always tells the same, and a run over it that can be killed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from typing import Any, ClassVar

from kpulse import records as r
from kpulse.clock import to_instant
from kpulse.ingest.sync import Result, Sync
from kpulse.rollup.recompute import recompute
from kpulse.sdk.connector import Connector, KeyPage, Mode, Page, Report, Stream, Window
from kpulse.sdk.settings import ConnectorSettings
from kpulse.store import schema, sources
from kpulse.store.database import Database
from tests.counting.streams import RULES

NOW = datetime(2025, 9, 1, tzinfo=UTC)
TICKETS, ARTICLES, LINKS = 3000, 300, 2400
SIZE = 100
SPAN = timedelta(days=200)


class Desk(Connector):
    """Tickets by window, articles all at once, links as a feed."""

    key = "desk"
    title = "Desk"
    settings_type = ConnectorSettings
    streams: ClassVar[Sequence[Stream]] = (
        Stream(name="tickets", sweep=True),
        Stream(name="articles", mode=Mode.SNAPSHOT),
        Stream(name="links", mode=Mode.FEED),
    )

    def check(self) -> Report:
        return Report(findings=())

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        records = self._records(stream, window)
        for start in range(cursor or 0, len(records), SIZE):
            yield Page(records=records[start : start + SIZE], cursor=min(start + SIZE, len(records)))

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        yield KeyPage(what="ticket", keys=[f"t{n}" for n in range(TICKETS)])

    def _records(self, stream: str, window: Window) -> list[r.Record]:
        if stream == "articles":
            return [_article(n) for n in range(ARTICLES)]
        if stream == "links":
            return [_link(n) for n in range(LINKS)]
        least, most = window.since or NOW - SPAN, window.until or NOW
        return [_ticket(n) for n in range(TICKETS) if least <= _changed(n) < most]


def _changed(n: int) -> datetime:
    return NOW - SPAN * (n + 1) / (TICKETS + 1)


def _ticket(n: int) -> r.Ticket:
    at = _changed(n)
    return r.Ticket(
        key=f"t{n}",
        version=to_instant(at),
        opened_at=at - timedelta(days=3),
        changes=(r.StatusChange(at=at - timedelta(hours=n % 48), to=r.Status.RESOLVED),) if n % 7 else (),
        team=f"team {n % 5}",
        owner=f"person {n % 40}",
        exclude="spam" if n % 23 == 0 else None,
        merged_into=f"t{n - 1}" if n % 29 == 1 else None,
    )


def _article(n: int) -> r.Article:
    return r.Article(key=f"a{n}", version=1, created_at=NOW - SPAN * (n % 97 + 1) / 98)


def _link(n: int) -> r.LinkEvent:
    at = _changed(n) - timedelta(hours=n % 60)
    op = r.Op.REMOVE if n % 11 == 10 else r.Op.ADD
    return r.LinkEvent(op=op, ticket=f"t{n - n % 2}", article=f"a{n * 7 % (ARTICLES + 9)}", at=at, event_id=f"e{n}")


def prepare(url: str) -> Database:
    """A migrated database with the desk as its only source."""
    database = Database(url)
    schema.upgrade(database)
    with database.writing() as connection:
        sources.add_source(
            connection, name="desk", type="desk", created_at=0, settings={}, secrets={}, history_days=220
        )
    return database


def read_desk(database: Database) -> Result:
    """One run that brings the rollups up to date after every page."""
    with database.reading() as connection:
        (source,) = sources.list_sources(connection)
    sync = Sync(
        database,
        source,
        Desk(ConnectorSettings(), clock=lambda: NOW),
        lambda source_id, person: f"{source_id}-{person}",
        clock=lambda: NOW,
        after_page=lambda: _derive(database),
    )
    return sync.run()


def _derive(database: Database) -> None:
    recompute(database, RULES)


def run_until_killed(url: str, begun: Event) -> None:
    """The body of a process that the test kills."""
    database = Database(url)
    begun.set()
    read_desk(database)
