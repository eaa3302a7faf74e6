"""Puts facts into the store: an older version never replaces a newer one, a repeat changes nothing, changes are marked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from kpulse.store import tables as t
from kpulse.store.bulk import Row as Row
from kpulse.store.bulk import find_rows, keep_first, replace_different, replace_older, write_rows
from kpulse.store.dirty import insert_into, mark_articles, mark_articles_of, mark_team, mark_tickets

CHUNK = 1000
COUNTING_PARTS = ("created_at", "source_ticket", "archived_at", "changes", "gone")
UNKNOWN, BURIED = 0, 1  # fingerprints without a content: to be read again, and deleted by the source's own word


def put_tickets(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store ticket rows; returns how many were new or newer."""
    old = _existing(connection, t.ticket, source_id, rows, ("merged_into", "gone"))
    fresh = _newer(rows, old)
    write_rows(connection, t.ticket, fresh, replace_older)
    touched = [row["key"] for row in fresh]
    touched += [old[row["key"]]["merged_into"] for row in fresh if row["key"] in old and old[row["key"]]["merged_into"]]
    mark_tickets(connection, source_id, touched)
    moved = [row["key"] for row in fresh if row["key"] not in old or _has_moved(row, old[row["key"]])]
    for keys in _chunks(moved):
        mark_articles_of(connection, source_id, keys)
    return len(fresh)


def _has_moved(row: Row, old: Mapping[str, Any]) -> bool:
    """Whether the links of a known ticket begin or cease to count, or count for another survivor."""
    return bool(old["gone"]) or row["merged_into"] != old["merged_into"]


def put_articles(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store article rows; returns how many were new or newer."""
    old = _existing(connection, t.article, source_id, rows, COUNTING_PARTS)
    fresh = _newer(rows, old)
    write_rows(connection, t.article, fresh, replace_older)
    changed = [
        row["key"]
        for row in fresh
        if row["key"] not in old or any(row[c] != old[row["key"]][c] for c in COUNTING_PARTS)
    ]
    mark_articles(connection, source_id, changed, every_link=True)
    return len(fresh)


def bury(connection: Connection, source_id: int, what: str, versions: Mapping[str, int]) -> None:
    """Set tombstones on tickets or articles; a page that arrives late with the same or an older version does not undo
    them. A deleted ticket is merged no longer, whether its last content or its deletion was read first."""
    table = t.ticket if what == "ticket" else t.article
    start: Row = {"opened_at": 0, "merged_into": None} if what == "ticket" else {"created_at": 0}
    rows = [
        {"source_id": source_id, "key": k, "version": v, "fingerprint": BURIED, "gone": 1, **start}
        for k, v in versions.items()
    ]
    if not rows:
        return
    insert = insert_into(connection, table)
    new = insert.excluded
    kept = {name: new[name] for name in ("version", "fingerprint", "gone", "merged_into") if name in rows[0]}
    if what == "ticket":
        _mark_family(connection, source_id, list(versions))
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["source_id", "key"], set_=kept, where=new.version >= table.c.version
        ),
        rows,
    )
    if what == "ticket":
        for keys in _chunks(list(versions)):
            mark_articles_of(connection, source_id, keys)
    else:
        mark_articles(connection, source_id, versions, every_link=True)


def _mark_family(connection: Connection, source_id: int, keys: Sequence[str]) -> None:
    """These tickets and what they are merged into now are to be derived again."""
    c = t.ticket.c
    mark_tickets(connection, source_id, keys)
    for part in _chunks(keys):
        into = select(c.merged_into).where(c.source_id == source_id, c.key.in_(part), c.merged_into.is_not(None))
        mark_tickets(connection, source_id, [key for key in connection.execute(into).scalars() if key])


def put_status_events(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store status changes that were read apart from their tickets."""
    return len(_put_events(connection, t.status_event, source_id, rows, "event_id"))


def put_link_events(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store link events; also marks articles whose earliest link may have moved."""
    fresh = _put_events(connection, t.link_event, source_id, rows, "event_key")
    mark_articles(connection, source_id, {row["article"] for row in fresh if row["article"]}, every_link=False)
    return len(fresh)


def put_link_views(connection: Connection, rows: Sequence[Row]) -> int:
    """Store what was seen of tickets' links over time; ``put_links_seen`` stores what follows from it."""
    write_rows(connection, t.link_view, rows, replace_different)
    return len(rows)


def put_links_seen(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store spans of links that were seen on tickets."""
    write_rows(connection, t.link_seen, rows, replace_different)
    mark_tickets(connection, source_id, [row["ticket"] for row in rows])
    mark_articles(connection, source_id, {row["article"] for row in rows if row["article"]}, every_link=False)
    return len(rows)


def put_merges(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store which ticket was merged into which, where that was read apart from the ticket."""
    old: dict[str, str] = {}
    for keys in _chunks([row["ticket"] for row in rows]):
        where = (t.merge.c.source_id == source_id) & t.merge.c.ticket.in_(keys)
        old.update(dict(connection.execute(select(t.merge.c.ticket, t.merge.c.into).where(where)).all()))
    fresh = [row for row in rows if old.get(row["ticket"]) != row["into"]]
    write_rows(connection, t.merge, fresh, replace_different)
    mark_tickets(
        connection,
        source_id,
        [key for row in fresh for key in (row["ticket"], row["into"], old.get(row["ticket"])) if key],
    )
    for part in _chunks([row["ticket"] for row in fresh]):
        mark_articles_of(connection, source_id, part)
    return len(fresh)


def put_teams(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store teams; a team that gets another name takes its tickets along."""
    old = dict(connection.execute(select(t.team.c.key, t.team.c.name).where(t.team.c.source_id == source_id)).all())
    write_rows(connection, t.team, rows, replace_different)
    for row in rows:
        if old.get(row["key"], row["key"]) != row["name"]:
            mark_team(connection, source_id, row["key"])
    return len(rows)


def put_memberships(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store who belongs to which team since when."""
    write_rows(connection, t.membership, rows, replace_different)
    return len(rows)


def put_article_events(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store what happened to articles."""
    write_rows(connection, t.article_event, rows, replace_different)
    return len(rows)


def put_reach(connection: Connection, source_id: int, rows: Sequence[Row]) -> int:
    """Store how often articles were seen on a day."""
    write_rows(connection, t.reach, rows, replace_different)
    return len(rows)


def put_quarantine(connection: Connection, rows: Sequence[Row]) -> int:
    """Store where rows could not be read and why."""
    write_rows(connection, t.quarantine, rows, replace_different)
    return len(rows)


def _put_events(connection: Connection, table: Table, source_id: int, rows: Sequence[Row], identity: str) -> list[Row]:
    known: set[tuple[str, str]] = set()
    for tickets in _chunks(list(dict.fromkeys(row["ticket"] for row in rows))):
        where = (table.c.source_id == source_id) & table.c.ticket.in_(tickets)
        known.update(connection.execute(select(table.c.ticket, table.c[identity]).where(where)))
    fresh = [row for row in rows if (row["ticket"], row[identity]) not in known]
    write_rows(connection, table, fresh, keep_first)
    mark_tickets(connection, source_id, [row["ticket"] for row in fresh])
    return fresh


def _existing(
    connection: Connection, table: Table, source_id: int, rows: Sequence[Row], more: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    columns = ("key", "version", "fingerprint", *more)
    found = find_rows(connection, table, columns, source_id, "key", [row["key"] for row in rows])
    return {row[0]: dict(zip(columns, row, strict=True)) for row in found}


def _newer(rows: Sequence[Row], old: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    newest: dict[str, Row] = {}
    for row in rows:
        known = newest.get(row["key"])
        if known is None or row["version"] >= known["version"]:
            newest[row["key"]] = row
    return [row for key, row in newest.items() if key not in old or _is_news(row, old[key])]


def _is_news(row: Row, old: Mapping[str, Any]) -> bool:
    if row["version"] != old["version"]:
        return bool(row["version"] > old["version"])
    return old["fingerprint"] not in (row["fingerprint"], BURIED)


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
