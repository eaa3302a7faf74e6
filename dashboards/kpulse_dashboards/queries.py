"""PromQL for the metrics of the service. Which process or machine was scraped never shows: ``job`` and ``instance`` are
aggregated away."""

from kpulse.indicators.catalogue import CATALOGUE
from kpulse.metrics.definitions import BUILD_INFO, EXPOSED, define_indicator

# A day and two hours: history that was loaded later has one sample a day, and a day of the clock change has 25 hours.
REACH = "26h"
ALIVE = BUILD_INFO.name
TEAMS = '{team=~"$team"}'


def name(key: str, field: str = "value", *, team: bool = False) -> str:
    """The metric of an indicator's value, numerator (``x``) or bound (``low``, ``high``); KeyError when there is none."""
    return {found: meant.name for found, meant in define_indicator(EXPOSED[key], team=team)}[field]


def org(key: str, field: str = "value") -> str:
    """The organisation's figure."""
    return _figure("max", name(key, field))


def by_team(key: str, field: str = "value") -> str:
    """The figures of the chosen teams."""
    return _figure("max by (team)", name(key, field, team=True) + TEAMS)


def change(key: str, ago: str) -> str:
    """How much the organisation's figure moved since then."""
    return f"{org(key)} - {_figure('max', name(key), f' offset {ago}')}"


def together(key: str) -> str:
    """The share of the chosen teams together: sum over sum."""
    return f"sum({by_team(key, 'x')}) / sum({by_team('tickets_closed')})"


def with_parts(key: str) -> str:
    """The organisation's share with numerator and denominator as labels, so that a panel can write "1534 of 2394"."""
    x, n = f'count_values("x", {org(key, "x")})', f'count_values("n", {org("tickets_closed")})'
    return f"{x} * on () group_left (n) {n} * on () group_left () {org(key)}"


def finished_with_excluded() -> str:
    """The organisation's finished requests, with those that were left out as a label."""
    return f'count_values("excluded", {org("tickets_excluded")}) * on () group_left () {org("tickets_closed")}'


def teams_with_parts(key: str) -> str:
    """The share of each chosen team, named "Team: x of n"."""
    x = f'count_values by (team) ("x", {by_team(key, "x")})'
    n = f'count_values by (team) ("n", {by_team("tickets_closed")})'
    joined = f"{x} * on (team) group_left (n) {n} * on (team) group_left () {by_team(key)}"
    return f'label_join(label_join({joined}, "parts", " of ", "x", "n"), "name", ": ", "team", "parts")'


def explain(key: str) -> str:
    """What a number means, how it is computed and what fools it, in the catalogue's words."""
    entry = CATALOGUE[key]
    return f"{entry.question} {entry.formula} Careful: {entry.fools}"


def _figure(over: str, selector: str, offset: str = "") -> str:
    """What the running service says; only where none was scraped, the last day's sample of loaded history. So a figure that is
    not known any more, or a team that is not shown alone any more, is gone at once."""
    history = f"{over} (last_over_time({selector}[{REACH}]{offset})) unless on () {ALIVE}{offset}"
    return f"({over} ({selector}{offset}) or ({history}))"
