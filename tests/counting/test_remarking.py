"""What one ticket's facts change for other tickets, and for the buckets they stand in."""

from datetime import timedelta

import pytest
from msgspec.structs import replace as changed

from kpulse import records as r
from kpulse.rollup.recompute import recompute
from kpulse.store import tables as t
from kpulse.store.database import Database
from tests.counting import stores
from tests.counting.test_rules import AT, OLD, RULES, hour, link, ticket

YOUNG = changed(OLD, created_at=AT - 3 * hour)


@pytest.fixture
def store() -> Database:
    database = stores.scratch()
    stores.empty(database)
    return database


def step(store: Database, *records: r.Record) -> dict[str, str]:
    """Deliver, recompute and tell for each ticket where its link comes from."""
    stores.deliver(store, records)
    recompute(store, RULES)
    memory = stores.replayed(store, RULES)
    derived = stores.read_derived(store)
    assert {name: derived[name] for name in memory} == memory
    place = list(t.counted_link.columns.keys())
    return {row[place.index("ticket")]: row[place.index("origin")] for row in derived["counted_link"]}


def test_a_ticket_that_arrives_after_its_link_takes_the_article(store: Database) -> None:
    first, second = link("one", at=AT - 2 * hour), link("two", at=AT - hour)
    assert step(store, YOUNG, first, second, ticket("two")) == {"two": "create"}
    assert step(store, ticket("one")) == {"one": "create", "two": "reuse"}


def test_a_deleted_ticket_gives_the_article_back(store: Database) -> None:
    step(store, YOUNG, link("one", at=AT - 2 * hour), link("two"), ticket("one"), ticket("two"))
    assert step(store, r.Gone(what="ticket", key="one", version=2)) == {"two": "create"}
    assert step(store, ticket("one", version=3)) == {"one": "create", "two": "reuse"}


def test_an_earlier_link_reaches_a_survivor_through_its_child(store: Database) -> None:
    """The child was opened after the article was made; the survivor that carries its link was not."""
    child = ticket("child", opened_at=AT - hour, merged_into="parent")
    assert step(store, YOUNG, ticket("parent"), child, link("child", at=AT)) == {"parent": "create"}
    assert step(store, ticket("other"), link("other", at=AT - hour)) == {"parent": "reuse", "other": "create"}


def test_merging_two_tickets_moves_no_other_ticket(store: Database) -> None:
    records: list[r.Record] = [
        YOUNG,
        link("one", at=AT - 2 * hour),
        link("two"),
        ticket("one"),
        ticket("two"),
        ticket("three"),
    ]
    assert step(store, *records) == {"one": "create", "two": "reuse"}
    assert step(store, r.Merged(ticket="one", into="three")) == {"three": "create", "two": "reuse"}


def test_a_renamed_team_takes_along_what_it_closed(store: Database) -> None:
    closing = (r.StatusChange(at=AT, to=r.Status.CLOSED, team="x"),)
    told = r.StatusEvent(ticket="two", at=AT, to=r.Status.CLOSED, event_id="1", team="x")
    step(store, ticket("one", changes=closing, team="y"), ticket("two", changes=(), team="y"), told)
    step(store, r.Team(key="x", name="Service desk"))
    assert {row[2] for row in stores.read(store, t.outcome)} == {"Service desk"}


def test_reasons_that_begin_alike_share_a_measure(store: Database) -> None:
    step(store, ticket("one", exclude="long " * 20 + "one"), ticket("two", exclude="long " * 20 + "two"))
    sums = {row[2]: row[4] for row in stores.read(store, t.rollup)}
    assert sums["excluded"] == 2
    assert sorted(sums.values()) == [2, 2]


def test_a_grave_wins_over_the_same_version_in_any_order(store: Database) -> None:
    grave = r.Gone(what="ticket", key="t", version=1)
    step(store, grave, ticket())
    step(store, ticket())
    assert stores.read(store, t.outcome) == set()


def test_an_old_page_does_not_wake_what_two_graves_hold(store: Database) -> None:
    step(store, *(r.Gone(what="ticket", key="t", version=version) for version in (5, 10)))
    step(store, r.Gone(what="ticket", key="t", version=12))
    step(store, ticket(version=11))
    assert stores.read(store, t.outcome) == set()


def test_an_older_version_never_replaces_a_newer_one(store: Database) -> None:
    step(store, ticket(version=2, team="new"))
    step(store, ticket(version=1, team="old"))
    assert {row[2] for row in stores.read(store, t.outcome)} == {"new"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)])
def test_views_in_any_order_say_the_same(store: Database, order: tuple[int, ...]) -> None:
    shown = (("a",), (), ("a",))
    views = [
        r.LinksSeen(ticket="t", articles=articles, seen_at=AT + n * timedelta(days=1), assumed_at=AT - hour)
        for n, articles in enumerate(shown)
    ]
    step(store, ticket(), OLD)
    for place in order:
        step(store, views[place])
    ((made_at,),) = {row[-1:] for row in stores.read(store, t.counted_link)}
    assert made_at is None  # it came back at a time that nobody knows
