"""Processes that write, count and hold locks at the same time."""

from multiprocessing.synchronize import Event

from kpulse import records as r
from kpulse.rollup.recompute import recompute
from kpulse.store.database import Database
from kpulse.store.locks import try_lock
from tests.counting import stores
from tests.counting.streams import RULES
from tests.counting.test_rules import OLD, link, ticket

ROUNDS, SIZE = 12, 20


def records_of(writer: int, number: int) -> list[r.Record]:
    """Tickets that both writers bring, in other versions, and links to one article."""
    keys = [f"t{number * SIZE + n}" for n in range(SIZE)]
    tickets = [ticket(key, version=writer, team=f"team {writer}") for key in keys]
    return [OLD, *tickets, *(link(key, event_id=f"{writer}-{key}") for key in keys[writer::2])]


def write(url: str, writer: int) -> None:
    """Store pages and recompute after each; the writers go through the same tickets from both ends."""
    database = Database(url)
    order = range(ROUNDS) if writer == 1 else reversed(range(ROUNDS))
    for number in order:
        stores.deliver(database, records_of(writer, number))
        recompute(database, RULES)
    database.close()


def hold(url: str, held: Event, released: Event) -> None:
    """Take the leader's lock and keep it until told, or killed."""
    with try_lock(Database(url), "leader") as leading:
        assert leading
        held.set()
        released.wait(60)
