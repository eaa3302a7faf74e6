"""The tiles: one number each, in plain words, with what it rests on and how it moved. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kpulse.indicators.catalogue import CATALOGUE, REASONS, Direction, Indicator, Unit
from kpulse.values.answer import Value
from kpulse.web import words
from kpulse.web.drawing import Spark, draw_spark
from kpulse.web.reading import ENOUGH_COVERAGE, TILES, Facts

A_YEAR, FOUR_WEEKS = "a year before", "four weeks before"
SUSPICIOUS = 0.95
EXPECTED, LOOK = "expected", "look"


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a value moved since an earlier window: the earlier value in words and a verdict by its interval."""

    before: str
    when: str
    verdict: str
    moved: int


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A word with a tone (expected: blue, look: orange) for what can be judged at all."""

    tone: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """Everything that a tile shows."""

    key: str
    title: str
    question: str
    value: str | None
    basis: str
    bounds: str
    reason: str
    change: Change | None
    flag: Flag | None
    spark: Spark | None
    is_thin: bool


def make_tiles(facts: Facts) -> list[Tile]:
    """At most five tiles."""
    return [make_tile(CATALOGUE[key], facts) for key in TILES if key in facts.current]


def make_tile(entry: Indicator, facts: Facts) -> Tile:
    """The tile of one indicator."""
    value = facts.current[entry.key]
    change = compare(entry, value, *find_earlier(entry, facts))
    return Tile(
        key=entry.key,
        title=entry.title,
        question=entry.question,
        value=None if value.value is None else say_value(entry, value.value),
        basis=say_basis(entry, value, facts),
        bounds="" if value.low is None or value.high is None else words.interval(value.low, value.high),
        reason=REASONS.get(value.reason or "", ""),
        change=change,
        flag=judge(entry, value, change),
        spark=make_spark(entry, facts),
        is_thin=bool(value.n is not None and value.n < entry.minimum) or not is_covered(facts.current),
    )


def say_value(entry: Indicator, value: float) -> str:
    """A value in its unit."""
    if entry.unit is Unit.SHARE:
        return words.percent(value)
    return words.count(value) if entry.unit is Unit.COUNT else words.duration(value)


def say_basis(entry: Indicator, value: Value, facts: Facts) -> str:
    """What the value rests on."""
    if entry.key == "tickets_closed":
        left_out = facts.current["tickets_excluded"].x or 0
        return f"{words.count(left_out)} more were left out" if left_out else "none was left out"
    if value.n is None:
        return ""
    if entry.unit is Unit.SHARE:
        return f"{words.count(value.x or 0)} of {words.count(value.n)} requests"
    return f"half of {words.count(value.n)} requests took no longer"


def is_covered(values: Mapping[str, Value]) -> bool:
    """Whether the sources were read for (nearly) all days of a window."""
    coverage = values.get("coverage")
    return coverage is not None and coverage.value is not None and coverage.value >= ENOUGH_COVERAGE


def find_earlier(entry: Indicator, facts: Facts) -> tuple[Value | None, str]:
    """The value to compare with: a year before if that was read, else four weeks before, else none.

    While a first reading goes on there is none: earlier days are read, but not all counted.
    """
    if not facts.is_settled:
        return None, ""
    for values, when in ((facts.year_before, A_YEAR), (facts.weeks_before, FOUR_WEEKS)):
        earlier = values.get(entry.key)
        if (
            earlier is not None
            and earlier.value is not None
            and is_covered(values)
            and (earlier.n or earlier.x or 0) >= entry.minimum
        ):
            return earlier, when
    return None, ""


def compare(entry: Indicator, value: Value, earlier: Value | None, when: str) -> Change | None:
    """The change, called clear only where the two 95 % intervals do not touch; without intervals there is no verdict."""
    if earlier is None or earlier.value is None or value.value is None:
        return None
    moved = (value.value > earlier.value) - (value.value < earlier.value)
    if value.low is None or value.high is None or earlier.low is None or earlier.high is None:
        return Change(before=say_value(entry, earlier.value), when=when, verdict="", moved=moved)
    apart = value.low > earlier.high or value.high < earlier.low
    return Change(
        before=say_value(entry, earlier.value),
        when=when,
        verdict="clear change" if apart else "no clear change",
        moved=moved if apart else 0,
    )


def judge(entry: Indicator, value: Value, change: Change | None) -> Flag | None:
    """A flag where the catalogue allows a judgement in every phase of adoption; else none."""
    if entry.unit is not Unit.SHARE or value.value is None:
        return None
    if entry.key == "link_rate" and value.value > SUSPICIOUS and (value.n or 0) >= entry.minimum:
        return Flag(
            tone=LOOK, text="look here: nearly everything is linked, which is unusual; check some links by hand"
        )
    expected = {entry.direction[phase] for phase in ("adopt", "proficiency", "optimise")}
    if (
        change is None
        or not change.verdict
        or {Direction.UP, Direction.DOWN} <= expected
        or Direction.CONTEXT in expected
    ):
        return None
    fits = {1: Direction.UP in expected, -1: Direction.DOWN in expected, 0: True}[change.moved]
    return (
        Flag(tone=EXPECTED, text="as expected") if fits else Flag(tone=LOOK, text="look here: it moved the other way")
    )


def make_spark(entry: Indicator, facts: Facts) -> Spark | None:
    """The last thirteen months as a small line; months that were not read are gaps, and counts leave out the month that
    is not over."""
    months = first_versions(facts.months.get(entry.key, ()))
    covered = find_covered(facts) if facts.is_settled else frozenset()
    if entry.unit is Unit.COUNT:
        months = [value for value in months if value.end <= facts.last_day.isoformat() or value.end[8:] == "01"]
    shown = [value.value if value.start in covered else None for value in months]
    return draw_spark(shown, f"{entry.title}, month by month")


def find_covered(facts: Facts) -> frozenset[str]:
    """The months (by first day) that were read for nearly all their days."""
    coverage = facts.months.get("coverage", ())
    return frozenset(value.start for value in coverage if value.value is not None and value.value >= ENOUGH_COVERAGE)


def first_versions(values: Sequence[Value]) -> list[Value]:
    """One value a period: the settled one where there is one, which comes first."""
    found: dict[str, Value] = {}
    for value in values:
        found.setdefault(value.start, value)
    return list(found.values())
