"""Marks what has to be derived again: tickets, the tickets of an article, and (team, day) buckets."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, literal, or_, select

from kpulse.store import tables as t
from kpulse.store.bulk import find_rows, insert_for, keep_first, write_rows


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT of this connection's dialect, which knows ON CONFLICT."""
    return insert_for(connection.dialect, table)


def mark_tickets(connection: Connection, source_id: int, keys: Iterable[str]) -> None:
    """These tickets are to be derived again."""
    rows = [{"source_id": source_id, "ticket": key} for key in dict.fromkeys(keys)]
    write_rows(connection, t.dirty_ticket, rows, keep_first)


def mark_articles(connection: Connection, source_id: int, keys: Iterable[str], *, every_link: bool) -> None:
    """Tickets linked to these articles are to be derived again: all of them, or those that may have created it."""
    rows = [{"source_id": source_id, "article": key, "every_link": int(every_link)} for key in dict.fromkeys(keys)]
    if not rows:
        return
    insert = insert_into(connection, t.dirty_article)
    if every_link:
        insert = insert.on_conflict_do_update(index_elements=["source_id", "article"], set_={"every_link": 1})
    else:
        insert = insert.on_conflict_do_nothing()
    connection.execute(insert, rows)


def mark_articles_of(connection: Connection, source_id: int, tickets: Sequence[str]) -> None:
    """Tickets that may have created what ``tickets`` link are to be derived again: these links came, went or moved."""
    articles = {
        article
        for table in (t.link_event, t.link_seen)
        for (article,) in find_rows(connection, table, ("article",), source_id, "ticket", tickets)
        if article
    }
    mark_articles(connection, source_id, articles, every_link=False)


def mark_buckets(connection: Connection, buckets: Iterable[tuple[str, int]]) -> None:
    """The sums of these (team, day) buckets are to be made again."""
    rows = [{"team": team, "day": day} for team, day in dict.fromkeys(buckets)]
    write_rows(connection, t.dirty_bucket, rows, keep_first)


def mark_team(connection: Connection, source_id: int, team: str) -> None:
    """All tickets that a team, as the source names it, holds or held once are to be derived again."""
    c, e = t.ticket.c, t.status_event.c
    held = or_(c.team == team, c.changes.contains(json.dumps(team, ensure_ascii=False), autoescape=True))
    _mark_selected(connection, select(literal(source_id), c.key).where(c.source_id == source_id, held))
    told = select(literal(source_id), e.ticket).where(e.source_id == source_id, e.team == team)
    _mark_selected(connection, told.distinct())


def mark_source(connection: Connection, source_id: int) -> None:
    """Everything of a source is to be derived again, for example because its evidence rule changed."""
    _mark_selected(connection, select(literal(source_id), t.ticket.c.key).where(t.ticket.c.source_id == source_id))


def mark_everything(connection: Connection) -> None:
    """All tickets are to be derived again."""
    _mark_selected(connection, select(t.ticket.c.source_id, t.ticket.c.key).where(t.ticket.c.source_id >= 0))


def _mark_selected(connection: Connection, selected: Any) -> None:
    insert = insert_into(connection, t.dirty_ticket).from_select(["source_id", "ticket"], selected)
    connection.execute(insert.on_conflict_do_nothing())
