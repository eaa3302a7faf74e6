"""The metric families and their samples, made from the same values that every other face shows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from kpulse import __version__
from kpulse.clock import SECOND
from kpulse.installation import Installation
from kpulse.metrics import definitions as d
from kpulse.periods import rolling
from kpulse.rollup.recompute import count_dirty
from kpulse.store import sources
from kpulse.values.answer import Question, Value, answer
from kpulse.values.coverage import GOOD, Coverage, read_coverage

Samples = list[tuple[Mapping[str, str], float]]
UNSAFE = str.maketrans({'"': "'", "\\": "/", "\n": " "})
NO_FAILURE = "stopped"


class Family(NamedTuple):
    """A gauge with its help text and samples; a sample that has no value is left out, it is never 0."""

    name: str
    help: str
    samples: Samples


def collect(installation: Installation, connection: Connection) -> list[Family]:
    """All families as of now, from stored values only: organisation, service, teams."""
    coverage = read_coverage(connection)
    return [
        *_indicators(installation, connection, coverage, team=False),
        *_service(installation, connection, coverage),
        *_indicators(installation, connection, coverage, team=True),
    ]


def clean_label(text: str) -> str:
    """A label value without the characters that Grafana does not escape in queries."""
    return text.translate(UNSAFE)


def distinct(texts: Iterable[str]) -> list[str]:
    """Clean labels; one that stands there already gets a number, because a scrape with two equal series is refused whole."""
    seen: Counter[str] = Counter()
    labels = []
    for text in texts:
        label = clean_label(text)
        seen[label] += 1
        labels.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return labels


def _indicators(
    installation: Installation, connection: Connection, coverage: Coverage, *, team: bool
) -> Iterator[Family]:
    rules, today = installation.rules(connection), installation.today()
    for days in (d.WINDOW_DAYS, d.WIDE_DAYS):
        keys = [key for key, entry in d.EXPOSED.items() if d.window_of(entry) == days and (entry.for_teams or not team)]
        question = Question(period=rolling(today, days), by_team=team, indicators=keys)
        values = answer(connection, question, rules, today)
        yield from _families(values, keys, coverage.count_days(*question.period.days) > 0, team)


def _families(values: Iterable[Value], keys: Iterable[str], covered: bool, team: bool) -> Iterator[Family]:
    found: dict[str, list[Value]] = {key: [] for key in keys}
    for value in values:
        found[value.indicator].append(value)
    for key, of_key in found.items():
        names = distinct(value.group for value in of_key)
        for field, meant in d.define_indicator(d.EXPOSED[key], team=team):
            samples: Samples = [
                ({"team": name} if team else {}, float(number))
                for name, value in zip(names, of_key, strict=True)
                if (number := _read(value, field, covered)) is not None
            ]
            yield Family(meant.name, meant.help, samples)


def _read(value: Value, field: str, covered: bool) -> float | None:
    """The number to show; nothing found where nothing was read is not known, which is not 0."""
    number: float | None = getattr(value, field)
    return None if value.value is None or (not covered and not value.value) else number


def _service(installation: Installation, connection: Connection, coverage: Coverage) -> Iterator[Family]:
    known = [source for source in sources.list_sources(connection) if source.enabled]
    names = distinct(source.name for source in known)
    labels: dict[int, Mapping[str, str]] = {
        source.id: {"source": name, "type": source.type} for name, source in zip(names, known, strict=True)
    }
    yield _family(d.BUILD_INFO, [({"version": __version__}, 1.0)])
    yield _family(d.SOURCES_ENABLED, _one(len(known)))
    yield from _readings(connection, labels)
    yield _family(d.DATA_AS_OF, [] if coverage.as_of is None else _one(coverage.as_of / SECOND))
    yield _family(d.DIRTY_BUCKETS, _one(count_dirty(connection)))
    yield _family(d.PUBLISHED, _one(installation.now() / SECOND))


def _readings(connection: Connection, labels: Mapping[int, Mapping[str, str]]) -> Iterator[Family]:
    begun, good = sources.last_runs(connection), sources.last_runs(connection, outcomes=GOOD)
    ended = {source: _last_ended(connection, source) for source in labels}
    yield _family(d.SOURCE_UP, [(labels[s], float(run.outcome in GOOD)) for s, run in ended.items() if run is not None])
    yield _family(d.SOURCE_LAST_SUCCESS, [(labels[s], good[s].started_at / SECOND) for s in labels if s in good])
    yield _family(
        d.SOURCE_FIRST_READING,
        [(labels[s], 1.0 if s in good else begun[s].progress / 1000) for s in labels if s in begun],
    )
    yield _family(
        d.SOURCE_QUARANTINED,
        [(labels[s], float(sources.count_facts(connection, s)["quarantined"])) for s in labels],
    )


def _last_ended(connection: Connection, source: int) -> sources.Run | None:
    """The last run that came to an end by itself: one that was stopped says nothing about the source."""
    ended = (run for run in sources.list_runs(connection, source) if run.outcome and run.kind != NO_FAILURE)
    return next(ended, None)


def _family(meant: d.Definition, samples: Samples) -> Family:
    return Family(meant.name, meant.help, samples)


def _one(number: float) -> Samples:
    return [({}, float(number))]
