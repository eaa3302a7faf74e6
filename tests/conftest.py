"""Fixtures for the whole suite: real systems, the shared material and the property test profiles."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

from tests.systems import owned

ROOT = Path(__file__).parent.parent
REAL = {"postgres", "postgres_url", "prometheus", "chromium"}

settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


class StartPrometheus(Protocol):
    """Call it with the ``host:port`` to scrape; what it starts ends with the test module."""

    def __call__(
        self,
        target: str,
        *,
        bearer: Path | None = None,
        rules: Path | None = None,
        alertmanager_hook: str | None = None,
    ) -> owned.Owned: ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real system, so that ``-m 'not real'`` is the quick run; keep a module's tests on one worker,
    which then starts the systems of that module once."""
    for item in items:
        if REAL.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("real")
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the repository, where there is one."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server, started once for each worker."""
    with owned.start_postgres() as server:
        yield server.url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The address of a new empty PostgreSQL database."""
    with owned.fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def prometheus() -> Iterator[StartPrometheus]:
    """Starts Prometheus servers."""
    with ExitStack() as running:

        def begin(
            target: str, *, bearer: Path | None = None, rules: Path | None = None, alertmanager_hook: str | None = None
        ) -> owned.Owned:
            return running.enter_context(
                owned.start_prometheus(target, bearer=bearer, rules=rules, alertmanager_hook=alertmanager_hook)
            )

        yield begin


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium, for ``executable_path``."""
    return owned.find_chromium()
