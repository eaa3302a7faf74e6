"""kill -9 at any moment, then start again: the same totals, nothing twice, no gap."""

import multiprocessing
import random
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from kpulse.store import tables as t
from kpulse.store.database import Database
from tests.counting.stores import Rows, read, read_derived, replayed
from tests.counting.streams import RULES
from tests.ingest.desk import LINKS, TICKETS, prepare, read_desk, run_until_killed
from tests.patience import PATIENCE

FACTS = (t.ticket, t.article, t.link_event, t.stream_state, t.source)


def everything(database: Database) -> dict[str, Rows]:
    return {**{table.name: read(database, table) for table in FACTS}, **read_derived(database)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    database = prepare(f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'k.db'}")
    assert read_desk(database).outcome == "ok"
    found = everything(database)
    database.close()
    return found


def kill_while_reading(url: str, times: int, seed: int) -> list[int]:
    """Start a run again and again and kill each; how many pages were stored each time."""
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ingest.desk"])
    dice, stored = random.Random(seed), [0]
    database = Database(url)
    for turn in range(times):
        begun = context.Event()
        process = context.Process(target=run_until_killed, args=(url, begun))
        process.start()
        assert begun.wait(60)
        if turn % 2:  # on a busy machine a moment after the start is always before the first page
            wait_for_a_page(database, stored[-1])
        process.join(dice.uniform(0, 0.12))
        process.kill()
        process.join()
        assert process.exitcode == -9
        process.close()
        stored.append(count_facts(database))
    database.close()
    return stored


def wait_for_a_page(database: Database, stored: int) -> None:
    """Wait until more is stored than before; when nothing more comes, everything is."""
    for _ in range(100):
        if count_facts(database) > stored:
            return
        time.sleep(0.01)


def count_facts(database: Database) -> int:
    with database.reading() as connection:
        tables = (t.ticket, t.article, t.link_event)
        return sum(connection.execute(select(func.count()).select_from(x)).scalar_one() for x in tables)


def hold_equal(url: str, undisturbed: dict[str, Rows]) -> None:
    database = Database(url)
    assert read_desk(database).outcome == "ok"
    found = everything(database)
    assert len(found["ticket"]) == TICKETS
    assert len(found["link_event"]) == LINKS
    assert found == undisturbed
    in_memory = replayed(database, RULES)
    assert {name: found[name] for name in in_memory} == in_memory
    database.close()


def test_killed_at_24_moments_on_sqlite(tmp_path: Path, undisturbed: dict[str, Rows]) -> None:
    url = f"sqlite:///{tmp_path / 'k.db'}"
    prepare(url).close()
    stored = kill_while_reading(url, 24 * PATIENCE, seed=1)
    assert stored == sorted(stored)
    assert len(set(stored)) > 3
    hold_equal(url, undisturbed)


def test_killed_at_5_moments_on_postgresql(postgres_url: str, undisturbed: dict[str, Rows]) -> None:
    prepare(postgres_url).close()
    stored = kill_while_reading(postgres_url, 5 * PATIENCE, seed=2)
    assert stored == sorted(stored)
    hold_equal(postgres_url, undisturbed)
