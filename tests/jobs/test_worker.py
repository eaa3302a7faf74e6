"""The worker polls what is due, leads alone, and survives a broken job."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kpulse.installation import Installation
from kpulse.jobs.polling import find_due, poll
from kpulse.jobs.refresh import throttled
from kpulse.jobs.runner import ThreadRunner
from kpulse.jobs.worker import Worker
from kpulse.sdk.testing import FaultServer
from kpulse.store import sources
from kpulse.store.locks import try_lock
from tests.end_to_end.desk import add_servicenow, open_installation, small_desk

START = datetime(2026, 4, 20, 8, tzinfo=UTC)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(tmp_path / "data", poll_minutes=15)
    opened.clock = lambda: START
    yield opened
    opened.close()


def later(installation: Installation, minutes: int) -> list[str]:
    installation.clock = lambda: START + timedelta(minutes=minutes)
    return [source.name for source in find_due(installation)]


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not happen")


def test_a_source_is_due_at_first_and_then_by_its_schedule(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk:
        source = add_servicenow(installation, desk.url)
        assert later(installation, 0) == ["Desk"]
        poll(installation, source)
        assert later(installation, 14) == []
        assert later(installation, 15) == ["Desk"]
        with installation.database.writing() as connection:
            sources.change_source(connection, source.id, poll_minutes=60)
        assert (later(installation, 59), later(installation, 60)) == ([], ["Desk"])
        with installation.database.writing() as connection:
            sources.change_source(connection, source.id, enabled=0)
        assert later(installation, 600) == []


def test_a_run_that_was_cut_off_is_due_at_once(installation: Installation) -> None:
    source = add_servicenow(installation, "http://127.0.0.1:9")
    with installation.database.writing() as connection:
        sources.start_run(connection, source.id, installation.now())
    assert later(installation, 1) == ["Desk"]


def test_a_source_that_is_being_read_is_left_alone(installation: Installation) -> None:
    source = add_servicenow(installation, "http://127.0.0.1:9")
    with try_lock(installation.database, f"source-{source.id}") as free:
        assert free
        assert poll(installation, source) is None


def test_the_worker_polls_and_ends_when_told(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk:
        source = add_servicenow(installation, desk.url)
        worker = Worker(installation)
        thread = threading.Thread(target=worker.run)
        thread.start()

        def is_read() -> bool:
            with installation.database.reading() as connection:
                runs = sources.last_runs(connection)
            return source.id in runs and runs[source.id].outcome == "ok"

        wait_for(is_read)
        with try_lock(installation.database, "leader") as free:
            assert not free, "a second worker must wait"
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()
    with try_lock(installation.database, "leader") as free:
        assert free


def test_a_job_of_the_same_name_runs_once_at_a_time_and_a_broken_one_harms_nothing() -> None:
    runner, gate, done = ThreadRunner(2), threading.Event(), threading.Event()

    def break_down() -> None:
        gate.wait(30)
        raise RuntimeError("broken on purpose")

    assert runner.submit("a", break_down)
    assert not runner.submit("a", done.set)
    gate.set()
    wait_for(lambda: runner.submit("a", done.set))
    assert done.wait(30)
    runner.close()


def test_throttling_calls_at_most_once_in_so_many_seconds() -> None:
    now, calls = [0.0], list[float]()
    call = throttled(lambda: calls.append(now[0]), 3.0, lambda: now[0])
    for now[0] in (0.0, 1.0, 2.9, 3.0, 4.0, 5.9, 6.0):
        call()
    assert calls == [3.0, 6.0]
