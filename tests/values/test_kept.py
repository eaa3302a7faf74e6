"""What is kept when facts change later: settled months and the choice of teams that are shown."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kpulse import records as r
from kpulse.clock import to_instant
from kpulse.ingest.plan import end_step, next_step
from kpulse.periods import Grain, Period
from kpulse.rollup.recompute import recompute
from kpulse.sdk.connector import Stream
from kpulse.store import sources
from kpulse.store.database import Database
from kpulse.values.answer import Question, Value, answer
from kpulse.values.coverage import keep_coverage, measure_coverage
from kpulse.values.settling import settle_months
from kpulse.values.visibility import decide_shown, read_shown
from tests.counting import stores
from tests.counting.test_rules import AT, OLD, RULES, link, ticket
from tests.ingest.desk import prepare

MARCH = Period(date(2025, 3, 1), date(2025, 4, 1))
AFTER = datetime(2025, 4, 9, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    database = prepare(f"sqlite:///{tmp_path / 'k.db'}")
    yield database
    database.close()


def read_until(store: Database, when: datetime) -> None:
    """Books as after a complete run that began at ``when``."""
    at, stream = to_instant(when), Stream(name="all")
    step = next_step(stream, {}, now=at, due=at, history=0)
    assert step is not None
    with store.writing() as connection:
        sources.save_state(connection, 1, "all", {**end_step({}, step, began=at), "read_from": 0}, at)
        run = sources.start_run(connection, 1, at)
        sources.change_run(connection, run, outcome="ok", ended_at=at)
        keep_coverage(connection, measure_coverage(connection, RULES.zone))


def bring(store: Database, *records: r.Record) -> None:
    stores.deliver(store, records)
    recompute(store, RULES)


def ask(store: Database, **given: object) -> list[Value]:
    question = Question(**{"period": MARCH, "grain": Grain.MONTH, "indicators": ["link_rate"], **given})  # type: ignore[arg-type]
    with store.reading() as connection:
        return answer(connection, question, RULES, AFTER.date())


def settle(store: Database, when: datetime) -> list[date]:
    with store.writing() as connection:
        keep_coverage(connection, measure_coverage(connection, RULES.zone))
        return settle_months(connection, RULES, to_instant(when))


def test_a_month_settles_after_its_grace_and_keeps_its_value(store: Database) -> None:
    bring(store, ticket("a"), ticket("b"), OLD, link("a"))
    early = datetime(2025, 4, 7, 23, tzinfo=UTC)
    read_until(store, early)
    assert settle(store, early) == []
    read_until(store, AFTER)
    assert settle(store, AFTER) == [date(2025, 3, 1)]
    assert settle(store, AFTER) == []
    bring(store, r.Gone(what="ticket", key="b", version=2))
    assert [(v.status, v.x, v.n) for v in ask(store)] == [("settled", 1, 2), ("restated", 1, 1)]
    assert [(v.status, v.x, v.n) for v in ask(store, grain=None)] == [("current", 1, 1)]


def test_nothing_settles_before_a_run_read_to_the_end(store: Database) -> None:
    bring(store, ticket("a"))
    with store.writing() as connection:
        run = sources.start_run(connection, 1, to_instant(AFTER))
        sources.change_run(connection, run, outcome="partial", kind=sources.STOPPED, ended_at=to_instant(AFTER))
        sources.save_state(connection, 1, "all", {"read_to": to_instant(AFTER), "read_from": 0, "began": 0}, 0)
    assert settle(store, AFTER) == []


def team_of(name: str, people: int, tickets: int, closed: datetime = AT) -> list[r.Record]:
    return [
        ticket(f"{name}{n}", team=name, owner=f"{name}-{n % people}", closed=closed, opened_at=closed)
        for n in range(tickets)
    ]


def test_small_teams_stand_together_and_the_choice_is_kept_for_the_quarter(store: Database) -> None:
    """GC-20, and then a new team turns up: it must not be the only one hidden."""
    bring(store, *team_of("A", 8, 80), *team_of("B", 3, 20), *team_of("C", 7, 60))
    today = AFTER.date()
    with store.writing() as connection:
        decide_shown(connection, today, again=False)
        assert read_shown(connection, today) == {"A"}
    bring(store, *team_of("C", 20, 500))
    with store.reading() as connection:
        assert read_shown(connection, today) == {"A"}
    read_until(store, AFTER)
    groups = {v.group: (v.n, v.reason) for v in ask(store, by_team=True)}
    assert groups.keys() == {"A", "Other teams"}
    assert groups["A"] == (80, None)


def test_a_new_team_is_not_the_only_hidden_one(store: Database) -> None:
    bring(store, *team_of("A", 8, 80), *team_of("C", 7, 60))
    today = AFTER.date()
    with store.writing() as connection:
        decide_shown(connection, today, again=False)
        assert read_shown(connection, today) == {"A", "C"}
    bring(store, *team_of("new", 1, 3, AT + timedelta(days=20)))
    with store.reading() as connection:
        assert read_shown(connection, today) == {"A"}


def test_one_person_in_two_systems_is_one_person(store: Database) -> None:
    records = [*team_of("A", 4, 40)]
    for source in (1, 2):
        stores.deliver(store, records, source=source)
    recompute(store, RULES)
    with store.reading() as connection:
        assert read_shown(connection, AFTER.date()) == frozenset()


def test_a_hidden_team_is_suppressed_on_days_without_its_tickets_too(store: Database) -> None:
    bring(store, *team_of("A", 8, 80), *team_of("B", 3, 20), *team_of("C", 7, 60))
    values = ask(store, team="B", grain=Grain.DAY)
    assert len(values) == 31
    assert {(v.value, v.x, v.n, v.reason) for v in values} == {(None, None, None, "suppressed")}
