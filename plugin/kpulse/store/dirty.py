"""Marks what has to be derived again: tickets, the tickets of an article, and (team, day) buckets."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from kpulse.store import tables as t


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT of this connection's dialect, which knows ON CONFLICT."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def mark_tickets(connection: Connection, source_id: int, keys: Iterable[str]) -> None:
    """These tickets are to be derived again."""
    rows = [{"source_id": source_id, "ticket": key} for key in dict.fromkeys(keys)]
    if rows:
        connection.execute(insert_into(connection, t.dirty_ticket).on_conflict_do_nothing(), rows)


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


def mark_buckets(connection: Connection, buckets: Iterable[tuple[str, int]]) -> None:
    """The sums of these (team, day) buckets are to be made again."""
    rows = [{"team": team, "day": day} for team, day in dict.fromkeys(buckets)]
    if rows:
        connection.execute(insert_into(connection, t.dirty_bucket).on_conflict_do_nothing(), rows)


def mark_team(connection: Connection, source_id: int, team: str) -> None:
    """All tickets of a team, as the source names it, are to be derived again."""
    where = (t.ticket.c.source_id == source_id) & (t.ticket.c.team == team)
    _mark_selected(connection, select(literal(source_id), t.ticket.c.key).where(where))


def mark_source(connection: Connection, source_id: int) -> None:
    """Everything of a source is to be derived again, for example because its evidence rule changed."""
    _mark_selected(connection, select(literal(source_id), t.ticket.c.key).where(t.ticket.c.source_id == source_id))


def mark_everything(connection: Connection) -> None:
    """All tickets are to be derived again."""
    _mark_selected(connection, select(t.ticket.c.source_id, t.ticket.c.key).where(t.ticket.c.source_id >= 0))


def _mark_selected(connection: Connection, selected: Any) -> None:
    insert = insert_into(connection, t.dirty_ticket).from_select(["source_id", "ticket"], selected)
    connection.execute(insert.on_conflict_do_nothing())
