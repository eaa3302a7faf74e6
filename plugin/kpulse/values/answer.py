"""The one place where stored sums become indicator values."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from kpulse.clock import from_instant
from kpulse.errors import UsageError
from kpulse.indicators.catalogue import CATALOGUE, Indicator, find_indicator
from kpulse.indicators.parts import ArticleParts, Figure, Parts
from kpulse.periods import Grain, Period, day_start, floor, following, split
from kpulse.rollup import read
from kpulse.rollup.facts import Rules
from kpulse.rollup.measures import Sums
from kpulse.store import tables as t
from kpulse.values.coverage import Coverage, read_coverage
from kpulse.values.visibility import ORGANISATION, OTHER_TEAMS, read_shown

NO_TEAM = "No team"
AGED_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class Value:
    """A value of an indicator for a group and period; dates are ISO days, ``end`` is exclusive.

    ``status`` is settled, restated, provisional or current; ``value`` None comes with a ``reason``.
    """

    indicator: str
    group: str
    start: str
    end: str
    x: int | None
    n: int | None
    value: float | None
    low: float | None
    high: float | None
    status: str
    reason: str | None
    as_of: str | None

    def as_json(self) -> dict[str, Any]:
        """The value as the API and the CLI show it."""
        found = asdict(self)
        return {"from" if name == "start" else "to" if name == "end" else name: found[name] for name in found}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: ``period`` split by ``grain`` (None: as a whole), for the organisation, a team, or by team."""

    period: Period
    grain: Grain | None = None
    team: str | None = None
    by_team: bool = False
    indicators: Sequence[str] | None = None

    @property
    def entries(self) -> list[Indicator]:
        """The asked indicators, in the order of the catalogue."""
        wanted = None if self.indicators is None else {find_indicator(key).key for key in self.indicators}
        return [entry for key, entry in CATALOGUE.items() if wanted is None or key in wanted]


def answer(connection: Connection, question: Question, rules: Rules, today: date) -> list[Value]:
    """The values that ``question`` asks for; suppressed teams stand together as "Other teams"."""
    coverage = read_coverage(connection)
    shown = read_shown(connection, today)
    if question.team not in (None, OTHER_TEAMS) and _stored_name(question.team or "") not in read.read_teams(
        connection
    ):
        raise UsageError(f"There is no team {question.team!r} with finished requests.")
    periods = list(split(question.period, question.grain)) if question.grain else [question.period]
    return [
        value
        for period in periods
        for status, sums in _versions(connection, question, period, rules, coverage, today)
        for value in _values(connection, question, period, rules, coverage, shown, status, sums, today)
    ]


def _versions(
    connection: Connection, question: Question, period: Period, rules: Rules, coverage: Coverage, today: date
) -> Iterator[tuple[str, Mapping[str, Sums]]]:
    """The sums of a period with their status: a settled month, and beside it the restated one where it differs (R18)."""
    current = read.read_sums(connection, *period.days)
    if question.grain is Grain.MONTH and _is_settled(connection, period):
        settled = read.read_settled(connection, period.start.toordinal())
        yield "settled", settled
        if settled != current:
            yield "restated", current
        return
    open_until = period.end + timedelta(days=rules.grace // 86_400_000_000)
    ends = question.grain is not None and coverage.complete and open_until <= today
    yield ("current" if question.grain is None or ends else "provisional"), current


def _is_settled(connection: Connection, period: Period) -> bool:
    whole = period.start == floor(period.start, Grain.MONTH) and period.end == following(period.start, Grain.MONTH)
    found = connection.execute(
        select(t.settlement.c.month).where(t.settlement.c.month == period.start.toordinal())
    ).first()
    return whole and found is not None


def _values(
    connection: Connection,
    question: Question,
    period: Period,
    rules: Rules,
    coverage: Coverage,
    shown: frozenset[str],
    status: str,
    sums: Mapping[str, Sums],
    today: date,
) -> Iterator[Value]:
    first, end = period.days
    last_day = min(end, today.toordinal() + 1)
    days = max(0, last_day - first)
    for group, teams in _groups(question, sums, shown):
        whole = group == ORGANISATION
        hidden = teams is None
        parts = Parts(
            sums=_add(sums, sums if whole else teams or ()),
            days=days,
            days_covered=coverage.count_days(first, last_day),
            articles=_article_parts(connection, period, rules, None if whole else teams)
            if any(entry.needs_articles for entry in question.entries) and not hidden
            else None,
        )
        for entry in question.entries:
            if entry.needs_articles and status == "restated":
                continue  # said once already, as current: use of articles is not kept for settled months
            if whole or entry.for_teams:
                figure = Figure(value=None, reason="suppressed") if hidden else entry.compute(parts)
                kept = "current" if entry.needs_articles and status == "settled" else status
                yield _value(entry, group, period, figure, kept, coverage)


def _groups(
    question: Question, sums: Mapping[str, Sums], shown: frozenset[str]
) -> Iterator[tuple[str, Sequence[str] | None]]:
    """The asked groups with the teams in them; None for a team that is not shown alone."""
    others = sorted(set(sums) - shown)
    if question.team is not None:
        if question.team == OTHER_TEAMS:
            yield OTHER_TEAMS, others
        else:
            stored = _stored_name(question.team)
            yield question.team, [stored] if stored in shown else None
    elif question.by_team:
        yield from ((team or NO_TEAM, [team]) for team in sorted(shown))
        if others:
            yield OTHER_TEAMS, others
    else:
        yield ORGANISATION, ()


def _stored_name(team: str) -> str:
    return "" if team == NO_TEAM else team


def _add(sums: Mapping[str, Sums], teams: Any) -> Sums:
    total: Sums = Counter()
    for team in teams:
        total.update(sums.get(team, {}))
    return total


def _article_parts(connection: Connection, period: Period, rules: Rules, teams: Sequence[str] | None) -> ArticleParts:
    first, end = period.days
    begins, ends = day_start(first, rules.zone), day_start(end, rules.zone)
    uses = read.read_reuse(connection, first, end, teams)
    reused = {article: reuse for article, (reuse, _) in uses.items() if reuse}
    if teams is not None:
        return ArticleParts(reuse_counts=tuple(reused.values()))
    living = read.read_living(connection, begins, ends) | reused.keys()
    aged = read.read_aged(connection, day_start(end - AGED_DAYS, rules.zone), ends)
    used = reused.keys() | read.read_viewed(connection, first, end)
    counts = tuple(reused.get(article, 0) for article in living)
    return ArticleParts(reuse_counts=counts, aged=len(aged), aged_unused=len(aged - used))


def _value(entry: Indicator, group: str, period: Period, figure: Figure, status: str, coverage: Coverage) -> Value:
    return Value(
        indicator=entry.key,
        group=group,
        start=period.start.isoformat(),
        end=period.end.isoformat(),
        x=figure.x,
        n=figure.n,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        status=status,
        reason=figure.reason,
        as_of=None if coverage.as_of is None else from_instant(coverage.as_of).isoformat().replace("+00:00", "Z"),
    )
