"""Deletions that a source hides, losses that are too big to be believed, and how runs end."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kpulse import records as r
from kpulse.errors import TransientError
from kpulse.ingest.reconcile import Loss, is_unusual, reconcile
from kpulse.ingest.sync import Result, Sync
from kpulse.sdk.connector import KeyPage, Page, Window
from kpulse.sdk.settings import ConnectorSettings
from kpulse.store import sources
from kpulse.store import tables as t
from kpulse.store.database import Database
from kpulse.values.coverage import measure_coverage
from tests.counting import stores
from tests.counting.streams import RULES
from tests.counting.test_rules import OLD, ticket
from tests.ingest.desk import NOW, TICKETS, Desk, prepare


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    database = prepare(f"sqlite:///{tmp_path / 'k.db'}")
    yield database
    database.close()


def alive(store: Database) -> set[str]:
    place = [column.name for column in t.ticket.columns]
    rows = (dict(zip(place, row, strict=True)) for row in stores.read(store, t.ticket))
    return {row["key"] for row in rows if not row["gone"]}


def keys(*found: str, what: str = "ticket") -> list[KeyPage]:
    return [KeyPage(what=what, keys=found)]


def test_what_is_not_listed_is_gone_and_comes_back_when_listed(store: Database) -> None:
    stores.deliver(store, [ticket("a"), ticket("b"), ticket("child", merged_into="a"), OLD])
    assert reconcile(store, 1, keys("a")) == [Loss("ticket", 1, 2, held=False)]
    assert alive(store) == {"a", "child"}
    reconcile(store, 1, keys("a", "b"))
    assert alive(store) == {"a", "b", "child"}
    reconcile(store, 1, keys(what="article"))
    assert [row[-1] for row in stores.read(store, t.article)] == [1]


def test_a_swept_ticket_that_is_read_again_is_alive(store: Database) -> None:
    stores.deliver(store, [ticket("a")])
    reconcile(store, 1, keys())
    stores.deliver(store, [ticket("a")])
    assert alive(store) == {"a"}


def test_an_unusual_loss_waits_for_a_look(store: Database) -> None:
    names = [f"k{n}" for n in range(100)]
    stores.deliver(store, [ticket(name) for name in names])
    assert reconcile(store, 1, keys(*names[30:]))[0].held
    assert len(alive(store)) == 100
    assert not reconcile(store, 1, keys(*names[30:]), accept=True)[0].held
    assert len(alive(store)) == 70


def test_a_sweep_that_breaks_off_takes_nothing_away(store: Database) -> None:
    def broken() -> Iterator[KeyPage]:
        yield from keys("a")
        raise TransientError("The source went away; the next run tries again.")

    stores.deliver(store, [ticket("a"), ticket("b")])
    with pytest.raises(TransientError):
        reconcile(store, 1, broken())
    assert alive(store) == {"a", "b"}


@pytest.mark.parametrize(
    ("missing", "known", "held"), [(20, 20, False), (21, 210, False), (21, 209, True), (0, 0, False)]
)
def test_what_is_unusual(missing: int, known: int, held: bool) -> None:
    assert is_unusual(missing, known) is held


class Losing(Desk):
    """Lists half of the keys."""

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        yield KeyPage(what="ticket", keys=[f"t{n}" for n in range(TICKETS // 2)])


class Broken(Desk):
    """Fails after its first page in a way that no connector should."""

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        yield next(super().fetch(stream, window, cursor))
        raise KeyError("surprise")


def run(store: Database, kind: type[Desk] = Desk, now: datetime = NOW, **given: Any) -> Result:
    with store.reading() as connection:
        (source,) = sources.list_sources(connection)
    connector = kind(ConnectorSettings(), clock=lambda: now)
    return Sync(store, source, connector, lambda s, person: f"{s}{person}", clock=lambda: now, **given).run()


def test_every_run_tells_of_a_held_loss_until_it_is_settled(store: Database) -> None:
    later = NOW + timedelta(hours=1)
    assert run(store).outcome == "ok"
    held = run(store, Losing, force_sweep=True)
    assert (held.outcome, "unusual" in held.message) == ("partial", True)
    assert run(store, Losing, later).message == held.message
    assert run(store, Desk, later, force_sweep=True).outcome == "ok"


def test_a_connector_that_breaks_ends_its_run_and_keeps_its_pages(store: Database) -> None:
    result = run(store, Broken)
    assert (result.outcome, result.kind) == ("failed", "source_changed")
    assert "KeyError" in result.message
    assert len(alive(store)) == 100
    with store.reading() as connection:
        assert sources.last_runs(connection)[1].outcome == "failed"


def test_a_stopped_run_is_no_complete_reading(store: Database) -> None:
    calls = iter([False] * 4 + [True] * 99)
    assert run(store, stopping=lambda: next(calls)).kind == "stopped"
    with store.reading() as connection:
        assert not measure_coverage(connection, RULES.zone).complete
    assert run(store).outcome == "ok"
    with store.reading() as connection:
        coverage = measure_coverage(connection, RULES.zone)
    assert coverage.complete
    assert coverage.as_of == int(NOW.timestamp()) * 1_000_000


def test_a_second_run_changes_nothing(store: Database) -> None:
    run(store)
    before = stores.read(store, t.ticket), stores.read(store, t.link_event), stores.read(store, t.dirty_ticket)
    assert run(store).outcome == "ok"
    assert before == (
        stores.read(store, t.ticket),
        stores.read(store, t.link_event),
        stores.read(store, t.dirty_ticket),
    )


def test_gone_articles_become_orphans() -> None:
    found = stores.count([ticket(), OLD, r.Gone(what="article", key="a", version=9), _link()], RULES)
    assert (found["t"].orphan, found["t"].reuse) == (1, 1)


def _link() -> r.LinkEvent:
    return r.LinkEvent(op=r.Op.ADD, ticket="t", article="a", at=ticket().opened_at)
