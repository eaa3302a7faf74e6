"""A small synthetic desk: read into a store of its own, or with the whole service running on it."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kpulse.cli.children import _end_with_parent
from kpulse.installation import Installation
from kpulse.settings import load
from kpulse.store import sources
from tests.systems.owned import free_port

NAME = "Demo company (synthetic)"
READ_ONCE = b"kpulse_source_last_success_timestamp_seconds{"
PATIENCE_SECONDS = 150


@dataclass(frozen=True)
class Running:
    """A running service: where it answers and where its data are."""

    target: str
    home: Path

    def scrape(self, **headers: str) -> bytes:
        """The body of /metrics."""
        request = urllib.request.Request(f"http://{self.target}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body: bytes = answer.read()
            return body


def open_desk(home: Path, days: int = 45) -> Installation:
    """An installation with the demo company as its source, nothing read yet."""
    installation = Installation.open(load(data_dir=home), migrate=True)
    with installation.database.writing() as connection:
        sources.add_source(
            connection,
            created_at=installation.now(),
            settings={"anchor": installation.today().isoformat()},
            secrets={},
            name=NAME,
            type="demo",
            history_days=days,
            synthetic=1,
        )
    return installation


@contextmanager
def run_desk(home: Path, days: int = 45, **env: str) -> Iterator[Running]:
    """``kpulse demo`` on the desk in ``home``: web server and worker in processes of their own."""
    open_desk(home, days).close()
    port = free_port()
    log = (home / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "kpulse", "demo", "--port", str(port)],
        env={**os.environ, **env, "KPULSE_DATA_DIR": str(home)},
        stdout=log,
        stderr=subprocess.STDOUT,
        preexec_fn=_end_with_parent,
        start_new_session=True,
    )
    try:
        running = Running(f"127.0.0.1:{port}", home)
        _wait_for_answer(running, process)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()


def wait_until_read(running: Running) -> list[bytes]:
    """Scrape until the first reading is complete; returns all scrapes on the way."""
    scrapes, end = [running.scrape()], time.monotonic() + PATIENCE_SECONDS
    while READ_ONCE not in scrapes[-1]:
        assert time.monotonic() < end, (running.home / "log").read_text()
        time.sleep(0.2)
        scrapes.append(running.scrape())
    return scrapes


def _wait_for_answer(running: Running, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://{running.target}/healthz", timeout=30).close()
        except OSError:
            assert process.poll() is None, (running.home / "log").read_text()
            assert time.monotonic() < end, (running.home / "log").read_text()
            time.sleep(0.2)
        else:
            return
