"""Numbers and times in words, verdicts by intervals, flags only where the catalogue allows them, lines with gaps."""

from dataclasses import replace

import pytest

from kpulse.clock import SECOND
from kpulse.indicators.catalogue import CATALOGUE
from kpulse.indicators.parts import share
from kpulse.values.answer import Value
from kpulse.web import words
from kpulse.web.drawing import draw_spark, split_at_gaps
from kpulse.web.progress import say_stage
from kpulse.web.tiles import EXPECTED, LOOK, compare, judge

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND


def value(x: int, n: int, key: str = "link_rate") -> Value:
    found = share(x, n)
    return Value(
        indicator=key, group="organisation", start="2025-06-01", end="2025-06-29", x=x, n=n, value=found.value,
        low=found.low, high=found.high, status="current", reason=None, as_of=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0%"), (0.014, "1.4%"), (0.07, "7%"), (0.641, "64%"), (0.9999, "100%"), (1.0, "100%")]
)
def test_percent(number: float, text: str) -> None:
    assert words.percent(number) == text


def test_intervals() -> None:
    assert words.interval(0.612, 0.668) == "between 61 and 67 of 100"
    assert words.interval(0.6412, 0.6434) == "between 64.1 and 64.3 of 100"
    assert words.interval(0.002, 0.011) == "between 0.2 and 1.1 of 100"


@pytest.mark.parametrize(
    ("seconds", "text"), [(20, "20 seconds"), (600, "10 minutes"), (77_400, "21.5 hours"), (338_400, "3.9 days")]
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (5 * SECOND, "just now"),
        (MINUTE, "1 minute ago"),
        (3 * HOUR, "3 hours ago"),
        (4 * DAY, "4 days ago"),
        (-HOUR, "just now"),
    ],
)
def test_ages(past: int, text: str) -> None:
    assert words.age(10 * DAY - past, 10 * DAY) == text


def test_time_left_and_stages() -> None:
    assert words.left(125 * SECOND, 0) == "about 2 minutes left"
    assert words.left(20 * SECOND, 0) == "less than a minute left"
    assert words.left(5 * HOUR, 0) == "about 5 hours left"
    assert say_stage("tickets: newest") == "reading tickets, the newest 30 days first"
    assert say_stage("") == "beginning"


def test_a_change_is_clear_only_where_the_intervals_do_not_touch() -> None:
    entry = CATALOGUE["link_rate"]
    clear = compare(entry, value(640, 1000), value(400, 1000), "a year before")
    slight = compare(entry, value(420, 1000), value(400, 1000), "a year before")
    assert clear is not None
    assert slight is not None
    assert (clear.verdict, clear.moved, clear.before) == ("clear change", 1, "40%")
    assert (slight.verdict, slight.moved) == ("no clear change", 0)


def test_what_has_no_interval_gets_no_verdict() -> None:
    entry = CATALOGUE["time_to_resolve_median"]
    now = replace(value(1, 2), value=7200.0, low=None, high=None)
    change = compare(entry, now, replace(now, value=3600.0), "a year before")
    assert change is not None
    assert change.verdict == ""
    assert judge(entry, now, change) is None


@pytest.mark.parametrize(
    ("key", "now", "before", "tone"),
    [
        ("link_rate", 640, 400, EXPECTED),
        ("link_rate", 400, 640, LOOK),
        ("link_rate", 405, 400, EXPECTED),
        ("link_rate", 985, 980, LOOK),
        ("reuse_rate", 400, 640, None),
        ("create_rate", 640, 400, None),
    ],
)
def test_flags(key: str, now: int, before: int, tone: str | None) -> None:
    entry = CATALOGUE[key]
    change = compare(entry, value(now, 1000), value(before, 1000), "a year before")
    flag = judge(entry, value(now, 1000), change)
    assert (flag.tone if flag else None) == tone


def test_lines_break_at_gaps() -> None:
    assert split_at_gaps([(0, 0), None, (1, 1), (2, 2)]) == [[(0, 0)], [(1, 1), (2, 2)]]
    line = draw_spark([0.1, None, 0.3, 0.4], "a line")
    assert line is not None
    assert len(line.pieces) == 1
    assert len(line.dots) == 1
    assert draw_spark([0.1, None], "too short") is None
