"""Counts from the facts alone, in memory: for other zones, past instants, and to check the stored rollups."""

from collections.abc import Iterator

from sqlalchemy import select, tuple_

from kpulse.rollup.facts import Outcome, Rules
from kpulse.rollup.families import derive
from kpulse.store import tables as t
from kpulse.store.database import Database

TICKETS_AT_ONCE = 2000


def replay(database: Database, rules: Rules) -> Iterator[Outcome]:
    """The outcomes of all closed tickets under ``rules``, without touching what is stored."""
    with database.reading() as connection:
        place = (t.ticket.c.source_id, t.ticket.c.key)
        last: tuple[int, str] = (-1, "")
        while rows := connection.execute(
            select(*place).where(tuple_(*place) > last).order_by(*place).limit(TICKETS_AT_ONCE)
        ).all():
            last = rows[-1]
            for source_id in sorted({source for source, _ in rows}):
                keys = {key for source, key in rows if source == source_id}
                found = derive(connection, source_id, keys, rules)
                yield from (outcome for key, outcome in found if key in keys and outcome)
