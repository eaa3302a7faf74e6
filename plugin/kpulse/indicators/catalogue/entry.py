"""What every indicator has to say about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kpulse.indicators.parts import Figure, Parts


class Unit(StrEnum):
    """The unit of a value; shares run from 0 to 1, durations are in seconds."""

    SHARE = "share"
    COUNT = "count"
    SECONDS = "seconds"


class Direction(StrEnum):
    """Where a measure moves when things go well."""

    UP = "up"
    DOWN = "down"
    STEADY = "steady"
    BASELINE = "baseline"
    CONTEXT = "context"


def phases(plan: str, adopt: str, proficiency: str, optimise: str) -> Mapping[str, Direction]:
    """Directions by adoption phase (kcs-measures.md §1E)."""
    names = ("plan", "adopt", "proficiency", "optimise")
    return dict(zip(names, map(Direction, (plan, adopt, proficiency, optimise)), strict=True))


CONTEXT = phases("context", "context", "context", "context")


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """An entry of the catalogue. ``metric`` is its name in Prometheus between prefix and window; ``leader`` says whether
    it may stand before a leader as it is; ``for_teams`` whether it has a meaning below the organisation."""

    key: str
    title: str
    question: str
    formula: str
    unit: Unit
    direction: Mapping[str, Direction]
    fools: str
    act: str
    source: str
    compute: Callable[[Parts], Figure]
    metric: str = ""
    minimum: int = 20
    leader: bool = True
    for_teams: bool = True
    needs_articles: bool = False
