"""What always holds, whatever a desk does: the invariants of the counting standard, through the real store."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from kpulse import records as r
from kpulse.clock import DAY
from kpulse.indicators.catalogue import CATALOGUE
from kpulse.indicators.parts import Parts
from kpulse.rollup.facts import Outcome
from kpulse.rollup.measures import Sums, sum_articles, sum_outcomes
from kpulse.rollup.read import read_sums
from kpulse.rollup.recompute import recompute
from kpulse.rollup.replay import replay
from tests.counting import stores
from tests.counting.streams import RULES, START, worlds
from tests.patience import PATIENCE

MODERATE = settings(max_examples=30 * PATIENCE, suppress_health_check=list(HealthCheck))
desks = worlds()


def total(outcomes: Iterable[Outcome]) -> Sums:
    return sum(sum_outcomes(outcomes).values(), Counter())


def eligible(found: dict[str, Outcome]) -> dict[str, Outcome]:
    return {key: outcome for key, outcome in found.items() if not outcome.excluded}


@MODERATE
@given(records=desks)
def test_parts_of_the_link_rate_stand_in_order(records: list[r.Record]) -> None:
    sums = total(stores.count(records, RULES).values())
    strict, grace, late, closed = (sums[m, 0] for m in ("linked_strict", "linked", "linked_any", "closed"))
    assert strict <= grace <= late <= closed
    assert sums["linked_fresh", 0] <= grace


@MODERATE
@given(records=desks)
def test_linked_is_reuse_and_create_less_both(records: list[r.Record]) -> None:
    sums = total(stores.count(records, RULES).values())
    unknown = sums["origin_unknown", 0]
    assert sums["linked", 0] - unknown == sums["reuse", 0] + sums["creation", 0] - sums["both", 0]


@MODERATE
@given(records=desks, again=st.lists(st.integers(0, 200), max_size=10))
def test_a_repeated_record_changes_nothing(records: list[r.Record], again: list[int]) -> None:
    repeated = [*records, *(records[place % len(records)] for place in again)]
    assert stores.count(repeated, RULES) == stores.count(records, RULES)


@MODERATE
@given(records=desks, cut=st.integers(0, 60))
def test_adjacent_periods_add_up(records: list[r.Record], cut: int) -> None:
    database = stores.scratch()
    stores.empty(database)
    stores.deliver(database, records)
    recompute(database, RULES)
    days = [outcome.day for outcome in replay(database, RULES)]
    day = START.toordinal() + cut
    with database.reading() as connection:
        first, second, whole = (
            sum(read_sums(connection, *period).values(), Counter()) for period in ((1, day), (day, 10**6), (1, 10**6))
        )
    assert first + second == whole
    assert whole["closed", 0] + whole["excluded", 0] == len(days)


@MODERATE
@given(records=desks, narrow=st.integers(0, 10), more=st.integers(0, 20))
def test_a_longer_grace_never_lowers_the_link_rate(records: list[r.Record], narrow: int, more: int) -> None:
    short, long = (
        total(stores.count(records, replace(RULES, grace=days * DAY)).values()) for days in (narrow, narrow + more)
    )
    assert short["closed", 0] == long["closed", 0]
    assert short["linked", 0] <= long["linked", 0]


@MODERATE
@given(records=desks, article=st.sampled_from(["a1", "a2"]))
def test_an_excluded_ticket_changes_no_link_rate(records: list[r.Record], article: str) -> None:
    spam = r.Ticket(
        key="spam",
        version=1,
        opened_at=START,
        changes=(r.StatusChange(at=START, to=r.Status.CLOSED),),
        team="x",
        exclude="spam",
    )
    link = r.LinkEvent(op=r.Op.ADD, ticket="spam", article=article, at=START)
    before, after = stores.count(records, RULES), stores.count([*records, spam, link], RULES)
    rates = ("closed", "linked", "linked_strict", "linked_any")
    one, two = total(before.values()), total(after.values())
    assert {m: one[m, 0] for m in rates} == {m: two[m, 0] for m in rates}
    assert two["excluded", 0] == one["excluded", 0] + 1


@MODERATE
@given(records=desks)
def test_merging_a_child_with_the_same_article_lowers_its_reuse_by_one(records: list[r.Record]) -> None:
    link = r.LinkEvent(op=r.Op.ADD, ticket="parent", article="old", at=START)
    same = changed(link, ticket="child")
    article = r.Article(key="old", version=1, created_at=START.replace(year=2020))
    closed = (r.StatusChange(at=START, to=r.Status.CLOSED),)
    two = [r.Ticket(key=key, version=1, opened_at=START, changes=closed, team="x") for key in ("parent", "child")]
    apart = [*records, article, *two, link, same]
    merged = [*apart, r.Merged(ticket="child", into="parent")]
    assert uses(stores.count(merged, RULES))["old"] == uses(stores.count(apart, RULES))["old"] - 1


def uses(found: dict[str, Outcome]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (_, _, _, article), origins in sum_articles(found.values()).items():
        counts[article] += origins["reuse"]
    return counts


@MODERATE
@given(records=desks)
def test_teams_add_up_to_the_organisation(records: list[r.Record]) -> None:
    found = stores.count(records, RULES)
    one_team = {key: replace(outcome, team="all", day=1) for key, outcome in found.items()}
    assert total(found.values()) == sum_outcomes(one_team.values()).get(("all", 1), Counter())


@MODERATE
@given(records=desks, hours=st.integers(0, 24 * 40))
def test_what_comes_after_as_of_is_not_seen(records: list[r.Record], hours: int) -> None:
    """Timed events later than the instant may be left out without any difference (R2)."""
    instant = int(START.timestamp() + hours * 3600) * 1_000_000
    rules = stores.as_of(RULES, instant)
    kept = [record for record in records if not is_later(record, instant)]
    assert stores.count(kept, rules) == stores.count(records, rules)


def is_later(record: r.Record, instant: int) -> bool:
    return (
        isinstance(record, r.LinkEvent | r.StatusEvent)
        and record.at is not None
        and record.at.timestamp() * 1_000_000 > instant
    )


@MODERATE
@given(records=desks)
def test_no_rate_without_an_eligible_ticket_and_only_then(records: list[r.Record]) -> None:
    found = stores.count(records, RULES)
    figure = CATALOGUE["link_rate"].compute(Parts(sums=total(found.values())))
    assert (figure.value is None) == (not eligible(found))
    assert (figure.reason is None) == (figure.value is not None)
