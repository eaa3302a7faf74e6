"""The one door to the database: reading without a lock, writing under the commit lock.

The commit lock is a correctness rule: two writers that mark and recompute the same buckets must not interleave.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from kpulse.errors import StoreError

COMMIT_LOCK = 0x6B70756C7365  # "kpulse"
WRITING = "kpulse_writing"


class Database:
    """A SQLite file (or memory, for scratch work) or a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(**{WRITING: True})
        one_state = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reader = self.engine.execution_options(**one_state)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite rather than PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that sees one state of the database."""
        with explain_failure(self.url), self._reader.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction under the commit lock; commits at the end, rolls back on any error."""
        with explain_failure(self.url), self._writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": COMMIT_LOCK})
            yield connection

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


@contextlib.contextmanager
def explain_failure(url: str) -> Iterator[None]:
    """Turn errors of the database into a StoreError that names the database, without its password."""
    try:
        yield
    except SQLAlchemyError as error:
        where = make_url(url).render_as_string(hide_password=True)
        cause = next(iter(str(getattr(error, "orig", None) or error).strip().splitlines()), type(error).__name__)
        raise StoreError(f"The database {where} failed: {cause}.") from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(
            "KPULSE_DATABASE_URL is not a database address; write postgresql+psycopg://user@host/name."
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url, parsed.database)
    if parsed.get_backend_name() != "postgresql":
        raise StoreError(f"{parsed.get_backend_name()} is not supported; use SQLite or PostgreSQL.")
    try:
        return create_engine(parsed, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError("PostgreSQL needs its driver: install knowledge-pulse[postgres].") from None


def _sqlite(url: str, path: str | None) -> Engine:
    options: dict[str, Any] = {"connect_args": {"timeout": 60, "check_same_thread": False}}
    if path in (None, "", ":memory:"):
        options["poolclass"] = StaticPool
    else:
        _make_private(Path(path or ""))
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """Make the database's file and folder so that only the service may read them, unless they are there already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}); check KPULSE_DATA_DIR and its rights."
        ) from None


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-24576",
        "temp_store=MEMORY",
        "wal_autocheckpoint=4000",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
