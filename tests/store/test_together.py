"""Two processes on one database: no deadlock, exact sums, one leader."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from kpulse.rollup.recompute import recompute
from kpulse.store.database import Database
from kpulse.store.locks import try_lock
from tests.counting import stores
from tests.counting.streams import RULES
from tests.store import writers


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'k.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture(scope="module")
def context() -> Any:
    found: Any = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.store.writers", "tests.ingest.desk"])
    return found


def test_two_writers_that_recompute_end_with_exact_sums(url: str, context: Any) -> None:
    database, alone = stores.open_store(url), stores.scratch()
    stores.empty(alone)
    processes = [context.Process(target=writers.write, args=(url, writer)) for writer in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    for writer in (1, 2):
        for number in range(writers.ROUNDS):
            stores.deliver(alone, writers.records_of(writer, number))
    recompute(alone, RULES)
    assert stores.is_clean(database)
    assert stores.read_derived(database) == stores.read_derived(alone)
    database.close()


def test_one_leads_and_another_takes_over_when_it_is_killed(url: str, context: Any) -> None:
    database, held, released = Database(url), context.Event(), context.Event()
    leader = context.Process(target=writers.hold, args=(url, held, released))
    leader.start()
    assert held.wait(60)
    with try_lock(database, "leader") as leading:
        assert not leading
    with try_lock(database, "another") as free:
        assert free
    leader.kill()
    leader.join()
    assert any(takes_over(database) for _ in range(1000))
    database.close()


def takes_over(database: Database) -> bool:
    """The server may need a moment to see that the process is gone."""
    with try_lock(database, "leader") as leading:
        return leading


def test_a_reader_sees_one_state_while_others_write(url: str) -> None:
    database = stores.open_store(url)
    with database.reading() as connection:
        before = connection.execute(stores.count_tickets()).scalar_one()
        stores.deliver(database, writers.records_of(1, 0))
        assert connection.execute(stores.count_tickets()).scalar_one() == before == 0
    with database.reading() as connection:
        assert connection.execute(stores.count_tickets()).scalar_one() == writers.SIZE
    database.close()
