"""Intervals, concentration, quantiles and suppression against worked figures and random data."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpulse.durations import STATED_ERROR, quantile, slot_of
from kpulse.indicators.concentration import articles_for, top_share
from kpulse.indicators.intervals import wilson
from kpulse.indicators.suppression import LEAST_PEOPLE, LEAST_TICKETS, Size, find_shown

MODERATE = settings(max_examples=100)
sizes = st.builds(Size, st.integers(0, 12), st.integers(0, 60))


@pytest.mark.parametrize(
    ("x", "n", "low", "high"),
    [
        (0, 5, 0, 0.4345),
        (5, 5, 0.5655, 1),
        (45, 60, 0.6277, 0.8422),
        (450, 600, 0.7138, 0.7830),
        (17, 19, 0.6861, 0.9706),
    ],
)
def test_wilson_intervals(x: int, n: int, low: float, high: float) -> None:
    """GC-16 and GC-18."""
    assert wilson(x, n) == pytest.approx((low, high), abs=0.00005)


def test_no_interval_without_a_case() -> None:
    assert wilson(0, 0) is None


def test_concentration() -> None:
    """GC-26."""
    counts = [50, 25, 10, 5, 4, 3, 2, 1, 0, 0]
    assert top_share(counts) == (75, 100)
    assert articles_for(counts) == 3
    assert (top_share([]), articles_for([])) == ((0, 0), 0)


@MODERATE
@given(values=st.lists(st.floats(1, 1e9), min_size=1, max_size=60), q=st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_quantiles_are_within_the_stated_error(values: list[float], q: float) -> None:
    counts: dict[int, int] = {}
    for value in values:
        counts[slot_of(value)] = counts.get(slot_of(value), 0) + 1
    ordered, rank = sorted(values), q * (len(values) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    assert quantile(counts, q) == pytest.approx(low + (high - low) * (rank % 1), rel=STATED_ERROR * 1.0001)


def test_impossible_and_missing_durations() -> None:
    assert (slot_of(-5), slot_of(0.5), quantile({0: 3}, 0.5), quantile({}, 0.5)) == (0, 0, 0.0, None)


def test_a_small_team_takes_another_along() -> None:
    """GC-20."""
    assert find_shown({"A": Size(8, 80), "B": Size(3, 20), "C": Size(7, 60)}) == {"A"}


@MODERATE
@given(teams=st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), sizes, max_size=8))
def test_the_total_less_the_shown_gives_no_small_group_away(teams: dict[str, Size]) -> None:
    shown = find_shown(teams)
    hidden = [size for team, size in teams.items() if team not in shown]
    assert all(teams[team].people >= LEAST_PEOPLE and teams[team].tickets >= LEAST_TICKETS for team in shown)
    if hidden and shown:
        assert len(hidden) > 1
        assert sum(size.people for size in hidden) >= LEAST_PEOPLE
        assert sum(size.tickets for size in hidden) >= LEAST_TICKETS


@MODERATE
@given(
    teams=st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), sizes, max_size=8),
    newcomer=sizes,
)
def test_a_team_that_turns_up_later_is_never_shown_alone(teams: dict[str, Size], newcomer: Size) -> None:
    decided = find_shown(teams)
    shown = find_shown({**teams, "new": newcomer}, decided)
    assert shown <= decided
    assert not shown or len(teams) + 1 - len(shown) > 1
