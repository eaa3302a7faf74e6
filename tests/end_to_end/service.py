"""Runs the real service as its own process, the way a person starts it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

SETUP = re.compile(r"(http://\S+/setup/\S+)")


@dataclass
class Service:
    """A running ``kpulse run`` or ``kpulse demo``."""

    process: subprocess.Popen[str]
    url: str
    said: Path

    def get(self, path: str) -> requests.Response:
        """An answer of the service, without any proxy of the environment."""
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.url + path, timeout=30)

    def setup_link(self) -> str:
        """The one-time link that was printed at the start."""
        found = SETUP.search(self.said.read_text())
        assert found is not None, self.said.read_text()
        return found[1]

    def interrupt(self) -> int:
        """What Ctrl-C does; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextlib.contextmanager
def running(command: str, data_dir: Path, **settings: str) -> Iterator[Service]:
    """The service from its first answer on; it is ended in any case."""
    port, said = _free_port(), data_dir.parent / f"{data_dir.name}.{command}.log"
    env = {name: value for name, value in os.environ.items() if not name.startswith("KPULSE_")}
    env |= {"KPULSE_DATA_DIR": str(data_dir), **settings}
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kpulse", command, "--port", str(port)], stdout=out, stderr=out, env=env, text=True
        )
    service = Service(process, f"http://127.0.0.1:{port}", said)
    try:
        _wait_for_answer(service)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_answer(service: Service) -> None:
    for _ in range(600):
        with contextlib.suppress(requests.ConnectionError):
            if service.get("/healthz").ok:
                return
        assert service.process.poll() is None, service.said.read_text()
        time.sleep(0.1)
    raise AssertionError(f"no answer: {service.said.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
