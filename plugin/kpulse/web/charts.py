"""The large charts as data, with the table and the words that say the same. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kpulse.indicators.catalogue import REASONS
from kpulse.values.answer import Value
from kpulse.values.visibility import OTHER_TEAMS
from kpulse.web import words
from kpulse.web.reading import Facts
from kpulse.web.tiles import find_covered, first_versions

SERIES = (
    ("link_rate", "Used or written down"),
    ("reuse_rate", "Known answer used"),
    ("create_rate", "New answer written"),
)
PARTLY_READ = "not read completely"


@dataclass(frozen=True, kw_only=True)
class Trend:
    """The trend: ``data`` for drawing it, ``rows`` for its table, ``text`` in words."""

    data: dict[str, Any]
    rows: list[list[str]]
    text: str


@dataclass(frozen=True, kw_only=True)
class TeamRow:
    """A team: positions in percent of the axis, and the same in words."""

    name: str
    value: str
    basis: str
    bounds: str
    at: float | None
    low: float
    width: float
    is_thin: bool


def make_trend(facts: Facts) -> Trend | None:
    """Thirteen months of three shares, gaps as None; None for fewer than two months and while the first
    reading goes on, because its months are read before they are counted."""
    by_key = {key: first_versions(facts.months.get(key, ())) for key, _ in SERIES}
    main = by_key["link_rate"]
    covered = find_covered(facts)
    drawn = [value for value in main if value.value is not None and value.start in covered]
    if len(drawn) < 2 or not facts.is_settled:
        return None
    series = [
        {
            "key": key,
            "title": title,
            "values": [_shown(value.value, value, covered) for value in by_key[key]],
            "low": [_shown(value.low, value, covered) for value in by_key[key]],
            "high": [_shown(value.high, value, covered) for value in by_key[key]],
        }
        for key, title in SERIES
    ]
    data = {
        "labels": [say_month(value) for value in main],
        "provisional": [is_open(value) for value in main],
        "series": series,
    }
    return Trend(data=data, rows=_tabulate(by_key, covered), text=describe_trend(drawn))


def describe_trend(months: Sequence[Value]) -> str:
    """The trend of a share in one sentence; a change is called clear only where the intervals do not touch."""
    first, last = months[0], months[-1]
    if first.value is None or last.value is None:
        return ""
    apart = first.low is not None and last.high is not None and first.high is not None and last.low is not None
    clear = apart and (last.low > first.high or last.high < first.low)  # type: ignore[operator]
    verdict = "a clear change" if clear else "no clear change"
    return (
        f"From {say_month(first)} to {say_month(last)}: {words.of_100(first.value)} requests, then "
        f"{words.of_100(last.value)}; {verdict}."
    )


def make_teams(facts: Facts) -> list[TeamRow]:
    """Teams by name, the merged small ones last; none while the first reading goes on, which may not know their names."""
    if not facts.is_settled:
        return []
    values = sorted(facts.teams, key=lambda value: (value.group == OTHER_TEAMS, value.group.casefold()))
    whole = facts.current.get("link_rate")
    rows = [_row(value.group, value) for value in values if value.n]
    return [_row("All together", whole), *rows] if whole is not None and len(rows) > 1 else []


def say_month(value: Value) -> str:
    """Oct 2026"""
    return f"{date.fromisoformat(value.start):%b %Y}"


def is_open(value: Value) -> bool:
    """Whether a month may still change, because it is not over or links may still be made in time."""
    return value.status == "provisional"


def _shown(number: float | None, value: Value, covered: frozenset[str]) -> float | None:
    return None if number is None or value.start not in covered else round(number, 4)


def _row(name: str, value: Value) -> TeamRow:
    low, high = (value.low or 0.0) * 100, (value.high or 0.0) * 100
    return TeamRow(
        name=name,
        value="–" if value.value is None else words.percent(value.value),
        basis=REASONS.get(value.reason or "", "") or f"{words.count(value.x or 0)} of {words.count(value.n or 0)}",
        bounds="" if value.low is None or value.high is None else words.interval(value.low, value.high),
        at=None if value.value is None else round(value.value * 100, 2),
        low=round(low, 2),
        width=round(high - low, 2),
        is_thin=(value.n or 0) < 20,
    )


def _tabulate(by_key: dict[str, list[Value]], covered: frozenset[str]) -> list[list[str]]:
    rows = []
    for position, main in enumerate(by_key["link_rate"]):
        cells = [say_month(main)]
        for key, _ in SERIES:
            cells.append(_cell(by_key[key][position]))
        notes = [PARTLY_READ] if main.start not in covered else []
        notes += ["may still change"] if is_open(main) else []
        rows.append([*cells, ", ".join(notes)])
    return rows


def _cell(value: Value) -> str:
    if value.value is None or value.low is None or value.high is None:
        return REASONS.get(value.reason or "", "unknown")
    return (
        f"{words.percent(value.value)} ({words.count(value.x or 0)} of {words.count(value.n or 0)}; "
        f"{words.interval(value.low, value.high)})"
    )
