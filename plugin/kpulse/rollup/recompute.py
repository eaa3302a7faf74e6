"""Keeps outcomes and buckets in step with the facts: only what is marked is made again, in short transactions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, or_, select, tuple_

from kpulse.rollup import measures as m
from kpulse.rollup.facts import Outcome, Rules
from kpulse.rollup.families import derive
from kpulse.store import tables as t
from kpulse.store.bulk import append, write_rows
from kpulse.store.database import Database
from kpulse.store.dirty import insert_into, mark_buckets, mark_tickets
from kpulse.store.notes import bump

TICKETS_AT_ONCE = 2000
BUCKETS_AT_ONCE = 400
DATA_VERSION = "data_version"
_OUTCOME_COLUMNS = [column.name for column in t.outcome.columns]


def recompute(database: Database, rules: Rules) -> int:
    """Bring everything marked up to date; returns how many buckets were made again. Interrupted, it goes on later."""
    with database.writing() as connection:
        _spread_articles(connection)
    while _derive_some(database, rules):
        pass
    made = 0
    while some := _sum_some(database):
        made += some
    return made


def count_dirty(connection: Connection) -> int:
    """How much is marked: tickets, articles and buckets."""
    tables = (t.dirty_ticket, t.dirty_article, t.dirty_bucket)
    return sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)


def _spread_articles(connection: Connection) -> None:
    """Turn marks on articles into marks on the tickets whose outcome they may change."""
    marks = connection.execute(select(t.dirty_article)).all()
    by_kind: dict[tuple[int, int], list[str]] = defaultdict(list)
    for source_id, article, every_link in marks:
        by_kind[source_id, every_link].append(article)
    for (source_id, every_link), articles in by_kind.items():
        for part in _parts(articles):
            mark_tickets(connection, source_id, _tickets_of(connection, source_id, part, bool(every_link)))
    connection.execute(delete(t.dirty_article))


def _tickets_of(connection: Connection, source_id: int, articles: Sequence[str], every_link: bool) -> set[str]:
    """Tickets linked to ``articles``: all, or those that may have created it, opened before it was made or merged into a
    ticket that was."""
    found: set[str] = set()
    for table in (t.link_event, t.link_seen):
        query = select(table.c.ticket).where(table.c.source_id == source_id, table.c.article.in_(articles))
        if not every_link:
            same = and_(t.article.c.source_id == table.c.source_id, t.article.c.key == table.c.article)
            own = and_(t.ticket.c.source_id == table.c.source_id, t.ticket.c.key == table.c.ticket)
            query = query.join(t.article, same).join(t.ticket, own, isouter=True)
            told = and_(t.merge.c.source_id == table.c.source_id, t.merge.c.ticket == table.c.ticket)
            early = or_(t.ticket.c.opened_at.is_(None), t.ticket.c.opened_at <= t.article.c.created_at)
            elsewhere = or_(t.ticket.c.merged_into.is_not(None), t.merge.c.into.is_not(None))
            query = query.join(t.merge, told, isouter=True)
            query = query.where(t.article.c.source_ticket.is_(None), or_(early, elsewhere))
        found.update(connection.execute(query).scalars())
    return found


def _derive_some(database: Database, rules: Rules) -> int:
    with database.writing() as connection:
        marked = connection.execute(select(t.dirty_ticket).limit(TICKETS_AT_ONCE)).all()
        by_source: dict[int, list[str]] = defaultdict(list)
        for source_id, ticket in marked:
            by_source[source_id].append(ticket)
        for source_id, keys in by_source.items():
            found = dict(derive(connection, source_id, keys, rules))
            _replace_outcomes(connection, source_id, set(keys) | found.keys(), [o for o in found.values() if o])
            for part in _parts(keys):
                connection.execute(
                    delete(t.dirty_ticket).where(
                        t.dirty_ticket.c.source_id == source_id, t.dirty_ticket.c.ticket.in_(part)
                    )
                )
        return len(marked)


def _replace_outcomes(connection: Connection, source_id: int, keys: Iterable[str], outcomes: Sequence[Outcome]) -> None:
    buckets = {(o.team, o.day) for o in outcomes}
    for part in _parts(sorted(keys)):
        where = (t.outcome.c.source_id == source_id) & t.outcome.c.ticket.in_(part)
        buckets.update(connection.execute(select(t.outcome.c.team, t.outcome.c.day).where(where)))
        connection.execute(delete(t.outcome).where(where))
        connection.execute(
            delete(t.counted_link).where(t.counted_link.c.source_id == source_id, t.counted_link.c.ticket.in_(part))
        )
    write_rows(connection, t.outcome, [{name: getattr(o, name) for name in _OUTCOME_COLUMNS} for o in outcomes], append)
    links = [
        {"source_id": source_id, "ticket": o.ticket, "team": o.team, "day": o.day, **link._asdict()}
        for o in outcomes
        for link in o.counted
    ]
    write_rows(connection, t.counted_link, links, append)
    mark_buckets(connection, buckets)


def _sum_some(database: Database) -> int:
    with database.writing() as connection:
        buckets = [tuple(row) for row in connection.execute(select(t.dirty_bucket).limit(BUCKETS_AT_ONCE))]
        if buckets:
            _sum_buckets(connection, buckets)
            connection.execute(delete(t.dirty_bucket).where(_in(t.dirty_bucket, buckets)))
            bump(connection, DATA_VERSION)
        return len(buckets)


def _sum_buckets(connection: Connection, buckets: Sequence[tuple[Any, ...]]) -> None:
    connection.execute(delete(t.rollup).where(_in(t.rollup, buckets)))
    connection.execute(delete(t.article_rollup).where(_in(t.article_rollup, buckets)))
    rows = [*_scalar_rows(connection, buckets), *_reason_rows(connection, buckets)]
    write_rows(connection, t.rollup, rows, append)
    _sum_times(connection, buckets)
    c = t.counted_link.c
    split = [func.sum(case((c.origin == origin, 1), else_=0)) for origin in ("reuse", "create")]
    place = (c.team, c.day, c.source_id, c.article)
    summed = select(*place, *split).where(_in(t.counted_link, buckets), c.article != "").group_by(*place)
    connection.execute(
        insert_into(connection, t.article_rollup).from_select(list(t.article_rollup.columns.keys()), summed)
    )


def _scalar_rows(connection: Connection, buckets: Sequence[tuple[Any, ...]]) -> Iterable[dict[str, Any]]:
    c = t.outcome.c
    columns = [expression.label(name) for name, expression in m.SCALARS.items()]
    for row in connection.execute(
        select(c.team, c.day, *columns).where(_in(t.outcome, buckets)).group_by(c.team, c.day)
    ).mappings():
        for name in m.SCALARS:
            if row[name]:
                yield {"team": row["team"], "day": row["day"], "measure": name, "slot": 0, "n": row[name]}


def _reason_rows(connection: Connection, buckets: Sequence[tuple[Any, ...]]) -> Iterable[dict[str, Any]]:
    c = t.outcome.c
    query = select(c.team, c.day, c.excluded, func.count()).where(_in(t.outcome, buckets), c.excluded != "")
    sums: Counter[tuple[str, int, str]] = Counter()
    for team, day, reason, n in connection.execute(query.group_by(c.team, c.day, c.excluded)):
        sums[team, day, m.name_reason(reason)] += n
    for (team, day, measure), n in sums.items():
        yield {"team": team, "day": day, "measure": measure, "slot": 0, "n": n}


def _sum_times(connection: Connection, buckets: Sequence[tuple[Any, ...]]) -> None:
    c = t.outcome.c
    measure = case((c.linked != 0, m.TIME_LINKED), else_=m.TIME_UNLINKED)
    query = select(c.team, c.day, measure, c.slot, func.count()).where(_in(t.outcome, buckets), c.excluded == "")
    summed = query.group_by(c.team, c.day, c.linked, c.slot)
    connection.execute(insert_into(connection, t.rollup).from_select(list(t.rollup.columns.keys()), summed))


def _in(table: Any, buckets: Sequence[tuple[Any, ...]]) -> Any:
    return tuple_(table.c.team, table.c.day).in_(buckets)


def _parts(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + 1000] for start in range(0, len(keys), 1000))
