"""Finds deletions that an API hides: compares all keys that exist with all keys that are known.

Nothing is taken away unless the list of keys was read to its end, and an unusual loss waits for a look.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, exists, func, select, update

from kpulse.ingest.unlinking import find_unlisted, take_away
from kpulse.sdk.connector import KeyPage
from kpulse.store import tables as t
from kpulse.store.database import Database
from kpulse.store.dirty import insert_into, mark_articles, mark_articles_of, mark_tickets
from kpulse.store.write import UNKNOWN

LINK = "link"
USUAL_LOSS = 20
USUAL_SHARE = 0.10


@dataclass(frozen=True)
class Loss:
    """What a sweep found missing of one kind; ``held`` when it was too much to be believed."""

    what: str
    missing: int
    known: int
    held: bool


def reconcile(
    database: Database, source_id: int, pages: Iterable[KeyPage], *, accept: bool = False, at: int = 0
) -> list[Loss]:
    """Read all key pages, then set and clear tombstones; with ``accept`` also an unusual loss is believed.

    A link that is no longer listed counts as taken away ``at`` this instant.
    """
    with database.writing() as connection:
        connection.execute(delete(t.swept).where(t.swept.c.source_id == source_id))
    kinds = set()
    for page in pages:
        kinds.add(page.what)
        rows = [{"source_id": source_id, "what": page.what, "key": key} for key in dict.fromkeys(page.keys)]
        with database.writing() as connection:
            if rows:
                connection.execute(insert_into(connection, t.swept).on_conflict_do_nothing(), rows)
    with database.writing() as connection:
        losses = [
            _compare_links(connection, source_id, accept, at)
            if what == LINK
            else _compare(connection, source_id, what, accept)
            for what in sorted(kinds)
        ]
        connection.execute(delete(t.swept).where(t.swept.c.source_id == source_id))
    return losses


def is_unusual(missing: int, known: int) -> bool:
    """Whether so many keys are gone at once that lost rights are likelier than deletions."""
    return missing > USUAL_LOSS and missing > USUAL_SHARE * known


def _compare_links(connection: Connection, source_id: int, accept: bool, at: int) -> Loss:
    gone, known = find_unlisted(connection, source_id)
    held = is_unusual(len(gone), known) and not accept
    if not held:
        take_away(connection, source_id, gone, at)
    return Loss(LINK, len(gone), known, held=held)


def _compare(connection: Connection, source_id: int, what: str, accept: bool) -> Loss:
    table = t.ticket if what == "ticket" else t.article
    listed = exists().where(t.swept.c.source_id == source_id, t.swept.c.what == what, t.swept.c.key == table.c.key)
    alive = and_(table.c.source_id == source_id, table.c.gone == 0)
    if what == "ticket":
        merged = exists().where(t.merge.c.source_id == source_id, t.merge.c.ticket == table.c.key)
        alive = and_(alive, table.c.merged_into.is_(None), ~merged)
    known = connection.execute(select(func.count()).select_from(table).where(alive)).scalar_one()
    missing = list(connection.execute(select(table.c.key).where(alive, ~listed)).scalars())
    if is_unusual(len(missing), known) and not accept:
        return Loss(what, len(missing), known, held=True)
    back = list(
        connection.execute(
            select(table.c.key).where(table.c.source_id == source_id, table.c.gone == 1, listed)
        ).scalars()
    )
    for gone, keys in ((1, missing), (0, back)):
        for start in range(0, len(keys), 1000):
            part = keys[start : start + 1000]
            where = and_(table.c.source_id == source_id, table.c.key.in_(part))
            connection.execute(update(table).where(where).values(gone=gone, fingerprint=UNKNOWN))
        if what == "ticket":
            mark_tickets(connection, source_id, keys)
            for start in range(0, len(keys), 1000):
                mark_articles_of(connection, source_id, keys[start : start + 1000])
        else:
            mark_articles(connection, source_id, keys, every_link=True)
    return Loss(what, len(missing), known, held=False)
