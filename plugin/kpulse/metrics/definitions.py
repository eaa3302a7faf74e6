"""Every metric that can stand in /metrics: its name, what it says, its unit and labels, and when it is absent."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kpulse.indicators.catalogue import CATALOGUE, Indicator, Unit

WINDOW_DAYS, WIDE_DAYS = 28, 365
WITHOUT_INTERVAL = {"reuse_concentration", "coverage"}
# How long linked beside unlinked requests take misleads without the evidence for it: API and command line only.
EXPOSED: Mapping[str, Indicator] = {
    key: entry for key, entry in CATALOGUE.items() if entry.leader or entry.unit is not Unit.SECONDS
}
PARTS: Mapping[str, tuple[str, str]] = {
    "link_rate": ("tickets_linked", "Finished requests with an article linked in time"),
    "link_rate_strict": ("tickets_linked_strict", "Finished requests with an article linked before closure"),
    "reuse_rate": ("tickets_with_reuse", "Finished requests linked to an article that existed before"),
    "create_rate": ("tickets_with_new_article", "Finished requests linked to an article written while solving them"),
}
ABSENT = {
    Unit.COUNT: "before a day of the window was read",
    Unit.SHARE: "when there is nothing to divide by, or the source does not tell",
    Unit.SECONDS: "without such a request in the window",
}


class Definition(NamedTuple):
    """What a metric says. ``unit`` is in words; ``absent`` says when it has no sample: it is never 0 for "not known"."""

    name: str
    help: str
    unit: str
    labels: tuple[str, ...]
    absent: str


def metric_name(entry: Indicator, days: int, *, team: bool) -> str:
    """The name of an indicator's gauge: scope, what, unit, window."""
    return f"kcs_{_scope(team)}_{entry.metric}_{days}d"


def window_of(entry: Indicator) -> int:
    """Over how many days an indicator is exposed: what needs the life of articles needs a year."""
    return WIDE_DAYS if entry.needs_articles else WINDOW_DAYS


def define_indicator(entry: Indicator, *, team: bool) -> Iterator[tuple[str, Definition]]:
    """The metrics of an indicator, each with the field of the value (``value``, ``x``, ``low``, ``high``) it shows."""
    days, scope = window_of(entry), _scope(team)
    labels, absent, window = ("team",) if team else (), ABSENT[entry.unit], f"Last {days} days."
    name = metric_name(entry, days, team=team)
    yield "value", Definition(name, f"{entry.title}. {entry.formula} {window}", _word(entry.unit), labels, absent)
    if entry.key in PARTS:
        part, meaning = PARTS[entry.key]
        text = f"{meaning}. {window}"
        yield "x", Definition(f"kcs_{scope}_{part}_{days}d", text, "requests", labels, f"where `{name}` is")
    if entry.unit is Unit.SHARE and entry.key not in WITHOUT_INTERVAL:
        for end in ("low", "high"):
            text = f"{entry.title}: {end} end of the 95 % interval. {window}"
            bound = f"kcs_{scope}_{entry.metric}_{end}_{days}d"
            yield end, Definition(bound, text, "ratio 0 to 1", labels, f"where `{name}` is")


SOURCE = ("source", "type")
BUILD_INFO = Definition("kpulse_build_info", "Version of the service.", "always 1", ("version",), "never")
SOURCES_ENABLED = Definition("kpulse_sources_enabled", "Sources that are polled.", "sources", (), "never")
SOURCE_UP = Definition(
    "kpulse_source_up",
    "Whether the last finished run over a source ended well (1) or failed (0).",
    "1 or 0",
    SOURCE,
    "until a first run has ended",
)
SOURCE_LAST_SUCCESS = Definition(
    "kpulse_source_last_success_timestamp_seconds",
    "When the last run began that read a source to its end.",
    "Unix time",
    SOURCE,
    "until a source was read to its end",
)
SOURCE_FIRST_READING = Definition(
    "kpulse_source_first_reading_ratio",
    "How much of the first reading of a source is done.",
    "ratio 0 to 1",
    SOURCE,
    "until the first run has begun",
)
SOURCE_QUARANTINED = Definition(
    "kpulse_source_quarantined_rows", "Rows of a source that could not be read.", "rows", SOURCE, "without a source"
)
DATA_AS_OF = Definition(
    "kpulse_data_as_of_timestamp_seconds",
    "As of when the numbers speak: the oldest of the sources' last good readings.",
    "Unix time",
    (),
    "until a source was read to its end",
)
DIRTY_BUCKETS = Definition(
    "kpulse_dirty_buckets",
    "Marked tickets, articles and sums of a team and day that wait to be counted again.",
    "marks",
    (),
    "never",
)
PUBLISHED = Definition(
    "kpulse_metrics_published_timestamp_seconds", "When these metrics were written.", "Unix time", (), "never"
)
DROPPED = Definition(
    "kpulse_metrics_dropped_series",
    "Series left out because the series budget was used up.",
    "series",
    (),
    "never",
)
SERVICE = (
    BUILD_INFO,
    SOURCES_ENABLED,
    SOURCE_UP,
    SOURCE_LAST_SUCCESS,
    SOURCE_FIRST_READING,
    SOURCE_QUARANTINED,
    DATA_AS_OF,
    DIRTY_BUCKETS,
    PUBLISHED,
    DROPPED,
)


def list_definitions() -> list[Definition]:
    """All metrics in the order of the exposition: organisation, service, teams."""
    org = [found for entry in EXPOSED.values() for _, found in define_indicator(entry, team=False)]
    teams = [e for e in EXPOSED.values() if e.for_teams]
    return [*org, *SERVICE, *(found for entry in teams for _, found in define_indicator(entry, team=True))]


def _scope(team: bool) -> str:
    return "team" if team else "org"


def _word(unit: Unit) -> str:
    return {Unit.SHARE: "ratio 0 to 1", Unit.COUNT: "number", Unit.SECONDS: "seconds"}[unit]
