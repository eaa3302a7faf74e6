"""Reads the sums of periods from the rollups."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, or_, select

from kpulse.rollup.measures import Sums
from kpulse.store import tables as t


def read_sums(connection: Connection, first: int, end: int) -> dict[str, Sums]:
    """The measures of each team over the days [first, end)."""
    c = t.rollup.c
    query = (
        select(c.team, c.measure, c.slot, func.sum(c.n))
        .where(c.day >= first, c.day < end)
        .group_by(c.team, c.measure, c.slot)
    )
    return _collect(connection, query)


def read_settled(connection: Connection, month: int) -> dict[str, Sums]:
    """The measures of each team as they were settled for the month that begins on the day ``month``."""
    c = t.settled.c
    return _collect(connection, select(c.team, c.measure, c.slot, c.n).where(c.month == month))


def read_teams(connection: Connection) -> set[str]:
    """All teams that ever closed a ticket."""
    return set(connection.execute(select(t.rollup.c.team).distinct()).scalars())


def read_reuse(
    connection: Connection, first: int, end: int, teams: Sequence[str] | None = None
) -> dict[tuple[int, str], tuple[int, int]]:
    """Reuse and creation of each article in the days [first, end), of all teams or some."""
    c = t.article_rollup.c
    query = select(c.source_id, c.article, func.sum(c.reuse), func.sum(c.creation)).where(c.day >= first, c.day < end)
    if teams is not None:
        query = query.where(c.team.in_(teams))
    rows = connection.execute(query.group_by(c.source_id, c.article))
    return {(source, article): (int(reuse), int(creation)) for source, article, reuse, creation in rows}


def read_living(connection: Connection, begin: int, end: int) -> set[tuple[int, str]]:
    """The articles that were alive at some time between two instants."""
    c = t.article.c
    alive = and_(c.gone == 0, c.created_at < end, or_(c.archived_at.is_(None), c.archived_at >= begin))
    return set(connection.execute(select(c.source_id, c.key).where(alive)))


def read_aged(connection: Connection, born_before: int, alive_at: int) -> set[tuple[int, str]]:
    """The articles made before an instant and not archived by another."""
    c = t.article.c
    aged = and_(c.gone == 0, c.created_at < born_before, or_(c.archived_at.is_(None), c.archived_at >= alive_at))
    return set(connection.execute(select(c.source_id, c.key).where(aged)))


def read_viewed(connection: Connection, first: int, end: int) -> set[tuple[int, str]]:
    """The articles that were seen in the days [first, end)."""
    c = t.reach.c
    return set(
        connection.execute(select(c.source_id, c.article).where(c.day >= first, c.day < end, c.views > 0).distinct())
    )


def read_extent(connection: Connection) -> tuple[int, int] | None:
    """The first and the last day with a closed ticket."""
    first, last = connection.execute(select(func.min(t.rollup.c.day), func.max(t.rollup.c.day))).one()
    return None if first is None else (first, last)


def _collect(connection: Connection, query: object) -> dict[str, Sums]:
    sums: dict[str, Sums] = {}
    for team, measure, slot, n in connection.execute(query):  # type: ignore[call-overload]
        sums.setdefault(team, Counter())[measure, slot] = int(n)
    return sums
