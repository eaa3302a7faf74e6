"""The metric families and their samples, made from the same values that every other face shows."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from kpulse import __version__
from kpulse.clock import SECOND
from kpulse.indicators.catalogue import CATALOGUE, Indicator, Unit
from kpulse.installation import Installation
from kpulse.periods import rolling
from kpulse.rollup.recompute import count_dirty
from kpulse.store import sources
from kpulse.values.answer import Question, Value, answer
from kpulse.values.coverage import GOOD, read_coverage
from kpulse.values.visibility import ORGANISATION

Samples = list[tuple[Mapping[str, str], float]]
WINDOW_DAYS, WIDE_DAYS = 28, 365
PARTS: Mapping[str, tuple[str, str]] = {
    "link_rate": ("tickets_linked", "Finished requests with an article linked in time"),
    "link_rate_strict": ("tickets_linked_strict", "Finished requests with an article linked before closure"),
    "reuse_rate": ("tickets_reused", "Finished requests linked to an article that existed before"),
    "create_rate": ("tickets_created", "Finished requests linked to an article written while solving them"),
}
UNSAFE = str.maketrans({'"': "'", "\\": "/", "\n": " "})


class Family(NamedTuple):
    """A gauge with its help text and samples; a sample that has no value is left out, it is never 0."""

    name: str
    help: str
    samples: Samples


def collect(installation: Installation, connection: Connection) -> list[Family]:
    """All families as of now, from stored values only."""
    rules, today = installation.rules(connection), installation.today()
    found: dict[str, Family] = {}
    for days, keys in _windows().items():
        for by_team in (False, True):
            question = Question(period=rolling(today, days), by_team=by_team, indicators=keys)
            _add_values(found, answer(connection, question, rules, today), days)
    return [*found.values(), *_service(installation, connection, today)]


def metric_name(entry: Indicator, days: int, *, team: bool) -> str:
    """The name of an indicator's gauge: scope, what, unit, window."""
    return f"kcs_{'team' if team else 'org'}_{entry.metric}_{days}d"


def clean_label(text: str) -> str:
    """A label value without the characters that Grafana does not escape in queries."""
    return text.translate(UNSAFE)


def _windows() -> dict[int, list[str]]:
    wide = [key for key, entry in CATALOGUE.items() if entry.needs_articles]
    return {WINDOW_DAYS: [key for key in CATALOGUE if key not in wide], WIDE_DAYS: wide}


def _add_values(found: dict[str, Family], values: Iterable[Value], days: int) -> None:
    for value in values:
        team = value.group != ORGANISATION
        labels = {"team": clean_label(value.group)} if team else {}
        entry = CATALOGUE[value.indicator]
        for name, text, number in _samples(entry, value, days, team):
            family = found.setdefault(name, Family(name, text, []))
            if number is not None:
                family.samples.append((labels, number))


def _samples(entry: Indicator, value: Value, days: int, team: bool) -> Iterator[tuple[str, str, float | None]]:
    text = f"{entry.title}. {entry.formula} Last {days} days."
    yield metric_name(entry, days, team=team), text, value.value
    scope = "team" if team else "org"
    if entry.key in PARTS and value.value is not None:
        part, meaning = PARTS[entry.key]
        yield f"kcs_{scope}_{part}_{days}d", f"{meaning}. Last {days} days.", value.x
    if entry.unit is Unit.SHARE and value.low is not None:
        for bound, number in (("low", value.low), ("high", value.high)):
            yield (
                f"kcs_{scope}_{entry.metric}_{bound}_{days}d",
                f"{entry.title}: {bound} end of the 95 % interval. Last {days} days.",
                number,
            )


def _service(installation: Installation, connection: Connection, today: date) -> Iterator[Family]:
    known = [source for source in sources.list_sources(connection) if source.enabled]
    runs, good = sources.last_runs(connection), sources.last_runs(connection, outcomes=GOOD)
    labels: dict[int, Mapping[str, str]] = {
        source.id: {"source": clean_label(source.name), "type": source.type} for source in known
    }
    yield Family("kpulse_build_info", "Version of the service.", [({"version": __version__}, 1.0)])
    up: Samples = [(labels[s.id], float(runs[s.id].outcome in (*GOOD, ""))) for s in known if s.id in runs]
    yield Family(
        "kpulse_source_up", "Whether the last run over a source ended well or is under way (1) or failed (0).", up
    )
    yield Family(
        "kpulse_source_last_success_timestamp_seconds",
        "When the last run began that read a source to its end.",
        [(labels[s.id], good[s.id].started_at / SECOND) for s in known if s.id in good],
    )
    yield Family(
        "kpulse_source_first_reading_ratio",
        "How much of the first reading of a source is done.",
        [(labels[s.id], runs[s.id].progress / 1000) for s in known if s.id in runs],
    )
    quarantined = [(labels[s.id], float(sources.count_facts(connection, s.id)["quarantined"])) for s in known]
    yield Family("kpulse_source_quarantined_rows", "Rows of a source that could not be read.", quarantined)
    as_of = read_coverage(connection, installation.rules_zone).as_of
    yield Family(
        "kpulse_data_as_of_timestamp_seconds",
        "As of when the numbers speak: the oldest of the sources' last good readings.",
        [] if as_of is None else [({}, as_of / SECOND)],
    )
    yield Family(
        "kpulse_dirty_buckets",
        "Marked tickets, articles and buckets that wait to be counted again.",
        [({}, float(count_dirty(connection)))],
    )
    yield Family(
        "kpulse_metrics_published_timestamp_seconds",
        "When these metrics were written.",
        [({}, installation.now() / SECOND)],
    )
