"""Reads, in one transaction, everything that the leader page speaks about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from kpulse.installation import Installation
from kpulse.periods import Grain, Period, day_start, floor, rolling
from kpulse.rollup.facts import Rules
from kpulse.rollup.read import read_extent, read_sums
from kpulse.store import tables as t
from kpulse.store.sources import Run, Source, last_runs, list_sources
from kpulse.values.answer import Question, Value, answer
from kpulse.values.coverage import GOOD, Coverage, read_coverage
from kpulse.values.coverage import NOTE as COVERED
from kpulse.values.visibility import read_shown

WINDOW = 28
YEAR = 364  # the same weekdays
MONTHS = 13
PATIENCE = 60  # days without a finished request before the page looks back to the last one
TILES = ("link_rate", "reuse_rate", "create_rate", "time_to_resolve_median", "tickets_closed")
BESIDE = ("coverage", "link_rate_strict", "tickets_excluded", "orphan_link_share")
ENOUGH_COVERAGE = 0.95
BACKLOG = 50
VERSIONS = ("data_version", "rules", COVERED)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known. ``last_day`` is the last day of the window: today, or the last day with data where that is long ago.

    ``current``, ``year_before`` and ``weeks_before`` map indicators to values of windows of 28 days; ``months`` maps them to
    their values of the last thirteen calendar months, ``teams`` are values of one indicator by team. ``is_early`` says
    that requests of the window were read and are not in the values yet, ``is_counted`` that (nearly) everything read is.
    """

    today: date
    last_day: date
    current: Mapping[str, Value] = field(default_factory=dict)
    year_before: Mapping[str, Value] = field(default_factory=dict)
    weeks_before: Mapping[str, Value] = field(default_factory=dict)
    months: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    teams: Sequence[Value] = ()
    hidden_teams: int = 0
    evidence: Mapping[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    is_early: bool = False
    is_counted: bool = True
    coverage: Coverage
    sources: Sequence[Source] = ()
    last_runs: Mapping[int, Run] = field(default_factory=dict)
    good_runs: Mapping[int, Run] = field(default_factory=dict)
    quarantined: Mapping[int, int] = field(default_factory=dict)
    grace_days: int = 7
    zone: str = "UTC"

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be said yet: no finished request is known, or the newest days of the first source are still
        being read. What was said once stays."""
        covered = self.current.get("coverage")
        return not self.current or (not self.good_runs and (self.is_early or not (covered and covered.x)))

    @property
    def is_settled(self) -> bool:
        """Whether the first reading is over and counted, so that earlier months mean what they say."""
        return self.coverage.complete and self.is_counted

    @property
    def window(self) -> Period:
        """The days that the tiles speak about."""
        return rolling(self.last_day, WINDOW)


def read_facts(connection: Connection, installation: Installation) -> Facts:
    """The facts as they are now."""
    today, rules = installation.today(), installation.rules(connection)
    coverage = read_coverage(connection)
    known = list_sources(connection)
    extent = read_extent(connection)
    books = {
        "today": today,
        "coverage": coverage,
        "sources": known,
        "last_runs": last_runs(connection),
        "good_runs": last_runs(connection, outcomes=GOOD),
        "quarantined": _count_quarantine(connection),
        "grace_days": installation.settings.grace_days,
        "zone": installation.settings.timezone,
    }
    if extent is None:
        return Facts(last_day=today, **books)  # type: ignore[arg-type]
    last_day = find_last_day(today, date.fromordinal(extent[1]))
    return Facts(last_day=last_day, **books, **_read_values(connection, rules, today, last_day))  # type: ignore[arg-type]


def find_last_day(today: date, newest: date) -> date:
    """Where the window ends: today, unless nothing was finished for so long that today would show nothing."""
    return newest if (today - newest).days > PATIENCE else today


def find_version(connection: Connection, today: date) -> tuple[object, ...]:
    """Changes whenever facts could be other ones: for keeping what was made of them."""
    notes = dict(connection.execute(select(t.note.c.name, t.note.c.value).where(t.note.c.name.in_(VERSIONS))).all())
    saved = connection.execute(select(func.max(t.stream_state.c.saved_at), func.count())).one()
    runs = connection.execute(select(func.max(t.run.c.id), func.max(t.run.c.ended_at), func.count())).one()
    known = connection.execute(select(t.source.c.id, t.source.c.name, t.source.c.enabled, t.source.c.evidence)).all()
    return (today, tuple(sorted(notes.items())), tuple(saved), tuple(runs), tuple(map(tuple, known)))


def _read_values(connection: Connection, rules: Rules, today: date, last_day: date) -> dict[str, object]:
    window = rolling(last_day, WINDOW)
    first_month = _months_before(floor(last_day, Grain.MONTH), MONTHS - 1)
    span = Period(first_month, last_day + timedelta(days=1))

    def ask(question: Question) -> list[Value]:
        return answer(connection, question, rules, today)

    months: dict[str, list[Value]] = {}
    for value in ask(Question(period=span, grain=Grain.MONTH, indicators=(*TILES, "coverage"))):
        months.setdefault(value.indicator, []).append(value)
    sums = read_sums(connection, *window.days)
    totals = sum(sums.values(), Counter())
    return {
        "current": _by_key(ask(Question(period=window, indicators=(*TILES, *BESIDE)))),
        "year_before": _by_key(ask(Question(period=_earlier(window, YEAR), indicators=(*TILES, "coverage")))),
        "weeks_before": _by_key(ask(Question(period=_earlier(window, WINDOW), indicators=(*TILES, "coverage")))),
        "months": months,
        "teams": ask(Question(period=window, by_team=True, indicators=("link_rate",))),
        "hidden_teams": len(set(sums) - read_shown(connection, today)),
        "evidence": _count_evidence(connection, window),
        "is_early": _is_early(connection, day_start(window.days[0], rules.zone)),
        "is_counted": count_backlog(connection) < BACKLOG,
        "counts": Counter({name: n for (name, slot), n in totals.items() if slot == 0}),
    }


def _by_key(values: Sequence[Value]) -> dict[str, Value]:
    return {value.indicator: value for value in values}


def _earlier(period: Period, days: int) -> Period:
    return Period(period.start - timedelta(days=days), period.end - timedelta(days=days))


def _months_before(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _count_evidence(connection: Connection, window: Period) -> dict[str, int]:
    c = t.counted_link.c
    first, end = window.days
    query = select(c.evidence, func.count()).where(c.day >= first, c.day < end).group_by(c.evidence)
    return {evidence: int(n) for evidence, n in connection.execute(query)}


def count_backlog(connection: Connection) -> int:
    """How much was read and waits to be counted, up to the number from which on it matters."""
    waiting = (select(table.c[0]).limit(BACKLOG).subquery() for table in (t.dirty_ticket, t.dirty_bucket))
    return sum(int(connection.execute(select(func.count()).select_from(each)).scalar_one()) for each in waiting)


def _is_early(connection: Connection, since: int) -> bool:
    dirty, ticket = t.dirty_ticket.c, t.ticket.c
    joined = t.dirty_ticket.join(t.ticket, (dirty.source_id == ticket.source_id) & (dirty.ticket == ticket.key))
    query = select(dirty.ticket).select_from(joined).where(ticket.opened_at >= since).limit(1)
    return connection.execute(query).first() is not None


def _count_quarantine(connection: Connection) -> dict[int, int]:
    c = t.quarantine.c
    return {source: int(n) for source, n in connection.execute(select(c.source_id, func.count()).group_by(c.source_id))}
