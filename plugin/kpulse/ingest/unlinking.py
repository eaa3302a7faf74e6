"""Links that a source deleted without a trace: a sweep no longer lists them, so they count as taken away now."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, select

from kpulse.records import Op
from kpulse.store import tables as t
from kpulse.store.bulk import keep_first, write_rows
from kpulse.store.dirty import mark_articles, mark_tickets

GONE = ":gone"
_COPIED = ("source_id", "ticket", "article", "kind", "evidence")


def find_unlisted(connection: Connection, source_id: int) -> tuple[list[dict[str, Any]], int]:
    """Links that stand here but are no longer listed, and how many stand. A link that another listed row still makes
    stands."""
    link, removal = t.link_event.c, t.link_event.alias("removal").c
    removed = exists().where(
        removal.source_id == source_id, removal.ticket == link.ticket, removal.event_key == link.event_key + GONE
    )
    standing = and_(link.source_id == source_id, link.op == Op.ADD, ~removed)
    known = connection.execute(select(func.count()).select_from(t.link_event).where(standing)).scalar_one()
    gone = and_(standing, ~_is_made_by_a_listed_row(source_id))
    rows = connection.execute(select(link.event_key, *(link[name] for name in _COPIED)).where(gone)).mappings()
    return [dict(row) for row in rows], known


def take_away(connection: Connection, source_id: int, links: Sequence[dict[str, Any]], at: int) -> None:
    """Note that ``links`` are gone since ``at``, and forget that of links that are listed again."""
    blank = {"op": Op.REMOVE.value, "at": at, "actor": None, "article_version": None}
    rows = [{**link, **blank, "event_key": link["event_key"] + GONE} for link in links]
    write_rows(connection, t.link_event, rows, keep_first)
    c = t.link_event.c
    noted = and_(c.source_id == source_id, c.op == Op.REMOVE, c.event_key.like(f"%{GONE}"))
    back = and_(noted, _is_made_by_a_listed_row(source_id))
    returned = [
        dict(row) for row in connection.execute(select(c.ticket, c.article, c.event_key).where(back)).mappings()
    ]
    for row in returned:
        same = and_(c.source_id == source_id, c.ticket == row["ticket"], c.event_key == row["event_key"])
        connection.execute(delete(t.link_event).where(same))
    touched = [*links, *returned]
    mark_tickets(connection, source_id, [link["ticket"] for link in touched])
    mark_articles(connection, source_id, {link["article"] for link in touched if link["article"]}, every_link=False)


def _is_made_by_a_listed_row(source_id: int) -> Any:
    """Whether a row that the sweep listed makes the same link as the event at hand, be it the same row or another."""
    link, other, swept = t.link_event.c, t.link_event.alias("other").c, t.swept.c
    same = [other[name].is_not_distinct_from(link[name]) for name in _COPIED[1:]]
    listed = exists().where(swept.source_id == source_id, swept.what == "link", swept.key == other.event_key)
    return exists().where(other.source_id == source_id, other.op == Op.ADD, *same, listed)
