"""Starts a real system for a test and makes sure that it ends, even when the test session is killed.

A script beside this file is one system. ``SCRIPT up`` prints ``READY url word …`` and ends; ``SCRIPT down`` stops what
``up`` started; exit status 3 means that a Debian package is missing. Its folder and port come as ``<PREFIX>_HOME`` and
``<PREFIX>_PORT``. Every pytest-xdist worker owns its own instances.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

SCRIPTS = Path(__file__).parent
MISSING_PACKAGE = 3
ATTEMPTS = 3
SECONDS_TO_START = 240
SECONDS_TO_STOP = 60

# `tail --pid` returns when the test process is gone, however it went.
GUARD = 'tail --pid="$1" -f /dev/null; "$2" down; rm -rf -- "$3"'


@dataclass(kw_only=True)
class Owned:
    """A running system: its address, the other words of its READY line and its folder."""

    url: str
    words: tuple[str, ...]
    home: Path
    script: Path
    env: Mapping[str, str] = field(repr=False)
    guard: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> None:
        """Stop the system and remove its folder; a second call does nothing."""
        if self.guard.poll() is None:
            os.killpg(self.guard.pid, signal.SIGKILL)
        self.guard.wait()
        if self.home.exists():
            _call(self.script, "down", self.env, SECONDS_TO_STOP)
            shutil.rmtree(self.home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def required() -> bool:
    """Whether a missing real system is a failure (continuous integration) and not a reason to skip."""
    return os.environ.get("KPULSE_REQUIRE_REAL") == "1"


def missing(what: str, packages: Sequence[str]) -> NoReturn:
    """Skip the test, or fail it when real systems are required; the reason names the Debian packages."""
    reason = f"{what} is not here: apt-get install {' '.join(packages)}"
    if required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(script: str, env: Mapping[str, str], packages: Sequence[str], *, prefix: str) -> Owned:
    """Start ``tests/systems/<script>`` with an own folder and free port; use as a context manager or call ``stop``.

    ``env`` adds to the environment and may fix ``<prefix>_PORT``. Skips or fails, by ``required``, when the script
    says that one of ``packages`` is missing; fails with the script's own words when it does not start.
    """
    said = ""
    for _ in range(ATTEMPTS):  # another process may take the free port first
        home = _new_home(Path(script).stem)
        full = {**os.environ, f"{prefix}_PORT": str(free_port()), **env, f"{prefix}_HOME": str(home)}
        guard = _guard(SCRIPTS / script, full, home)
        done = _call(SCRIPTS / script, "up", full, SECONDS_TO_START)
        ready = _ready(done.stdout) if done.returncode == 0 else ()
        system = Owned(
            url=ready[0] if ready else "", words=ready[1:], home=home, script=SCRIPTS / script, env=full, guard=guard
        )
        if ready:
            return system
        said = f"{done.stdout}{done.stderr}".strip()
        system.stop()
        if done.returncode == MISSING_PACKAGE:
            missing(f"{script} ({said})", packages)
    pytest.fail(f"{script} did not start: {said}", pytrace=False)


def start_postgres() -> Owned:
    """A PostgreSQL server; ``url`` is a SQLAlchemy address of its maintenance database."""
    return start("postgres.sh", {}, ["postgresql"], prefix="PG")


def start_prometheus(
    target: str, *, bearer: Path | None = None, rules: Path | None = None, alertmanager_hook: str | None = None
) -> Owned:
    """A Prometheus that scrapes ``target`` (host:port) each second as job ``kpulse``.

    ``bearer`` is a file with a token, ``rules`` a rule file; with ``alertmanager_hook`` an Alertmanager posts its alerts
    to that URL and ``words[0]`` is its own address.
    """
    env = {"TARGET": target}
    packages = ["prometheus", "curl"]
    if bearer is not None:
        env["BEARER"] = str(bearer)
    if rules is not None:
        env["RULES"] = str(rules)
    if alertmanager_hook is not None:
        env |= {"WITH_AM": "1", "AM_PORT": str(free_port()), "HOOK": alertmanager_hook}
        packages.append("prometheus-alertmanager")
    return start("prometheus.sh", env, packages, prefix="PM")


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The SQLAlchemy address of a new empty database on ``server``, dropped at the end."""
    name = f"kpulse_{uuid4().hex}"
    with psycopg.connect(server.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server.replace("+psycopg", "", 1), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def find_chromium() -> str:
    """The path of an installed Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    missing("Chromium", ["chromium", "fonts-dejavu-core"])


def _new_home(name: str) -> Path:
    """A folder that other accounts may enter: pytest's own are closed to them, and PostgreSQL refuses to be root."""
    home = Path(tempfile.mkdtemp(prefix=f"kpulse-{name}-"))
    home.chmod(0o755)
    return home


def _guard(script: Path, env: Mapping[str, str], home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "guard", str(os.getpid()), str(script), str(home)],
        env=env,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _call(script: Path, word: str, env: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(script), word], env=env, capture_output=True, text=True, timeout=seconds, check=False)


def _ready(output: str) -> tuple[str, ...]:
    lines = [line.split()[1:] for line in output.splitlines() if line.startswith("READY ")]
    return tuple(lines[-1]) if lines else ()
