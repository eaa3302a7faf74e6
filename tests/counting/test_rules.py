"""The counting rules R1 to R14, each on the smallest desk that shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace as changed

from kpulse import records as r
from kpulse.clock import DAY, to_instant
from kpulse.indicators.catalogue import CATALOGUE
from kpulse.indicators.parts import Parts
from kpulse.periods import day_start, local_day
from kpulse.rollup.facts import Outcome, Rules
from kpulse.rollup.measures import sum_outcomes
from tests.counting import stores

AT = datetime(2025, 3, 10, 12, tzinfo=UTC)
RULES = Rules(zone=ZoneInfo("UTC"))
OLD = r.Article(key="a", version=1, created_at=datetime(2024, 1, 1, tzinfo=UTC))
hour, week = timedelta(hours=1), timedelta(days=7)


def ticket(key: str = "t", **given: Any) -> r.Ticket:
    closed = (r.StatusChange(at=given.pop("closed", AT), to=r.Status.RESOLVED),)
    return r.Ticket(**{"key": key, "version": 1, "opened_at": AT - 5 * hour, "changes": closed, "team": "x", **given})


def link(key: str = "t", article: str | None = "a", at: datetime | None = AT - hour, **given: Any) -> r.LinkEvent:
    return r.LinkEvent(**{"op": r.Op.ADD, "ticket": key, "article": article, "at": at, **given})


def remove(at: datetime, **given: Any) -> r.LinkEvent:
    return link(at=at, op=r.Op.REMOVE, **given)


def one(*records: r.Record, rules: Rules = RULES, key: str = "t") -> Outcome:
    return stores.count(records, rules)[key]


def figure(name: str, *records: r.Record) -> Any:
    (sums,) = sum_outcomes(stores.count(records, RULES).values()).values()
    return CATALOGUE[name].compute(Parts(sums=sums))


@pytest.mark.parametrize(("day", "hours"), [((2025, 3, 30), 23), ((2025, 10, 26), 25), ((2025, 6, 1), 24)])
def test_a_local_day_may_be_shorter_or_longer(day: tuple[int, int, int], hours: int) -> None:
    berlin, number = ZoneInfo("Europe/Berlin"), datetime(*day, tzinfo=UTC).toordinal()
    begins, ends = day_start(number, berlin), day_start(number + 1, berlin)
    assert ends - begins == hours * DAY // 24
    assert [local_day(x, berlin) for x in (begins - 1, begins, ends - 1, ends)] == [
        number - 1,
        number,
        number,
        number + 1,
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("year", [1, 9999])
def test_dates_that_stand_for_never_are_kept(zone: str, year: int) -> None:
    odd = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    found = one(ticket(closed=odd), rules=Rules(zone=ZoneInfo(zone)))
    assert found.odd_clock == int(year == 1)


def test_the_first_entry_of_the_final_run_is_the_closure() -> None:
    steps = [(0, r.Status.RESOLVED), (1, r.Status.OPEN), (2, r.Status.RESOLVED), (9, r.Status.CLOSED)]
    changes = tuple(r.StatusChange(at=AT + n * hour, to=to) for n, to in steps)
    assert one(ticket(changes=changes)).closed_at == to_instant(AT + 2 * hour)
    assert one(ticket(changes=changes, resolved_at=AT + hour)).closed_at == to_instant(AT + hour)
    assert stores.count([ticket(changes=changes[:2])], RULES) == {}


def test_status_events_read_apart_close_a_ticket_too() -> None:
    told = r.StatusEvent(ticket="t", at=AT, to=r.Status.CLOSED, event_id="1", team="y")
    assert one(ticket(changes=()), told).team == "y"


def test_the_team_that_closed_it_counts() -> None:
    change = r.StatusChange(at=AT, to=r.Status.CLOSED, team="closer")
    assert one(ticket(changes=(change,), team="holder")).team == "closer"
    assert one(ticket(team="holder")).team == "holder"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"exclude": "spam"}, "spam"),
        ({"channel": r.Channel.SELF_SERVICE}, "self_service"),
        ({"channel": r.Channel.SELF_SERVICE, "exclude": "spam"}, "spam"),
        ({"channel": r.Channel.SELF_SERVICE, "exclude": "spam", "merged_into": "other"}, "merged"),
        ({"intake": "portal"}, ""),
    ],
)
def test_one_reason_in_order_of_rank(given: dict[str, Any], reason: str) -> None:
    assert one(ticket(**given), link()).excluded == reason


def test_links_follow_a_chain_of_merges() -> None:
    chain: list[r.Record] = [
        ticket("s"),
        ticket("m", merged_into="s"),
        ticket("t", merged_into="m"),
        OLD,
        link("t"),
        link("m"),
    ]
    found = stores.count(chain, RULES)
    assert (found["s"].linked, found["s"].links) == (1, 1)
    assert {found["m"].excluded, found["t"].excluded} == {"merged"}


def test_in_a_circle_of_merges_the_smallest_key_survives() -> None:
    circle = [ticket(x, merged_into=y) for x, y in (("b", "c"), ("c", "a"), ("a", "b"))]
    found = stores.count([*circle, OLD, link("c")], RULES)
    assert {key: outcome.excluded for key, outcome in found.items()} == {"a": "", "b": "merged", "c": "merged"}
    assert found["a"].linked == 1


def test_what_a_ticket_says_of_its_merge_wins_over_what_was_told() -> None:
    records: list[r.Record] = [ticket("c", merged_into="y"), ticket("x"), ticket("y"), ticket("z"), OLD, link("c")]
    told = [r.Merged(ticket="c", into="x"), r.Merged(ticket="z", into="x")]
    found = stores.count([*records, *told], RULES)
    assert (found["x"].linked, found["y"].linked) == (0, 1)


@pytest.mark.parametrize(("late", "grace", "strict"), [(0, 1, 1), (7 * 86400, 1, 0), (7 * 86400 + 1, 0, 0)])
def test_the_grace_includes_its_end(late: int, grace: int, strict: int) -> None:
    found = one(ticket(), OLD, link(at=AT + timedelta(seconds=late)))
    assert (found.linked, found.linked_strict, found.linked_any) == (grace, strict, 1)


def test_a_link_taken_away_and_made_again_has_a_new_time() -> None:
    events = [link(at=AT - 2 * hour), remove(AT - hour), link(at=AT + hour)]
    found = one(ticket(), OLD, *events)
    assert (found.linked, found.linked_strict) == (1, 0)
    before = one(ticket(closed=AT - 2 * hour), OLD, *events, rules=replace(RULES, as_of=to_instant(AT - 2 * hour)))
    assert before.linked_strict == 1
    assert one(ticket(), OLD, *events[:2]).linked_any == 0


def test_at_one_instant_add_comes_before_remove() -> None:
    assert one(ticket(), OLD, remove(AT), link(at=AT)).linked_any == 0


def test_a_reference_does_not_count() -> None:
    assert one(ticket(), OLD, link(kind=r.LinkKind.REFERENCE)).linked_any == 0


def test_origin_by_source_ticket_by_first_link_or_reuse() -> None:
    told = changed(OLD, source_ticket="t")
    assert one(ticket(), told, link()).creation == 1
    young = changed(OLD, created_at=AT - 2 * hour)
    pair = stores.count([ticket(), ticket("u"), young, link(at=AT - hour), link("u", at=AT)], RULES)
    assert [(pair[key].creation, pair[key].reuse) for key in "tu"] == [(1, 0), (0, 1)]
    assert one(ticket(), link()).reuse == 1  # nobody knows the article
    assert one(ticket(), link()).orphan == 1


def test_stale_links_and_revived_articles() -> None:
    archived = changed(OLD, archived_at=AT - 2 * hour)
    assert one(ticket(), archived, link()).stale == 1
    assert one(ticket(), changed(OLD, archived_at=AT - hour), link()).stale == 0
    states = ((3, r.ArticleState.ARCHIVED), (2, r.ArticleState.VALIDATED))
    revived = changed(OLD, changes=tuple(r.StateChange(at=AT - n * hour, to=to) for n, to in states))
    assert one(ticket(), revived, link()).stale == 0
    assert one(ticket(), revived, link(at=AT - 2.5 * hour)).stale == 1


def test_an_untimed_link_makes_strict_unknown() -> None:
    untimed = (ticket(), OLD, link(at=None, evidence=r.Evidence.UNTIMED))
    assert (one(*untimed).linked, one(*untimed).strict_unknown) == (1, 1)
    strict = figure("link_rate_strict", *untimed)
    assert (strict.value, strict.reason) == (None, "link_time_unknown")


def test_a_bare_flag_makes_the_origin_unknown() -> None:
    flagged = (ticket(), link(article=None, at=None, evidence=r.Evidence.UNTIMED))
    assert figure("link_rate", *flagged).value == 1.0
    for name in ("reuse_rate", "create_rate", "known_share"):
        assert (figure(name, *flagged).value, figure(name, *flagged).reason) == (None, "origin_unknown")
    beside = one(*flagged, OLD, link())
    assert (beside.origin_unknown, beside.reuse, beside.links) == (0, 1, 1)


def test_a_late_link_does_not_take_the_flag_away() -> None:
    found = one(ticket(), OLD, link(article=None, at=None, evidence=r.Evidence.UNTIMED), link(at=AT + 2 * week))
    assert (found.linked, found.origin_unknown) == (1, 1)


def test_recorded_beats_text_and_text_counts_only_wide() -> None:
    text = link(at=AT - 2 * hour, evidence=r.Evidence.TEXT)
    wide = replace(RULES, wide=frozenset({1}))
    assert one(ticket(), OLD, text).linked_any == 0
    assert one(ticket(), OLD, text, rules=wide).linked == 1
    both = one(ticket(), OLD, text, link(at=AT + hour), rules=wide)
    assert (both.linked, both.linked_strict) == (1, 0)


def test_nothing_is_null_with_a_reason() -> None:
    assert figure("link_rate", ticket(exclude="spam")).reason == "all_excluded"
    assert figure("known_share", ticket()).reason == "no_linked_tickets"
    nothing = CATALOGUE["link_rate"].compute(Parts(days=3, days_covered=3))
    assert (nothing.value, nothing.reason) == (None, "no_tickets")
    assert CATALOGUE["link_rate"].compute(Parts(days=3)).reason == "connector_stale"


def test_rates_add_up_from_their_parts() -> None:
    """GC-21: 9 of 10 and 10 of 100 are 19 of 110."""
    x, y = ({("closed", 0): n, ("linked", 0): k} for k, n in ((9, 10), (10, 100)))
    sums = Parts().sums
    sums.update(x)
    sums.update(y)
    found = CATALOGUE["link_rate"].compute(Parts(sums=sums))
    assert (found.x, found.n, round(found.value or 0, 4)) == (19, 110, 0.1727)
