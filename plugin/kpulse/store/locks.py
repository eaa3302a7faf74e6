"""Locks that only one process holds and that the operating system or the database gives back when it dies."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from kpulse.store.database import Database, explain_failure


@contextlib.contextmanager
def try_lock(database: Database, name: str, direct_url: str = "") -> Iterator[bool]:
    """Whether the lock ``name`` was free; held until the block ends.

    On PostgreSQL it lives in a session of its own, which must not pass a pooler: ``direct_url`` bypasses it.
    """
    if database.is_sqlite:
        with _file_lock(database, name) as held:
            yield held
    else:
        with _session_lock(direct_url or database.url, name) as held:
            yield held


@contextlib.contextmanager
def _file_lock(database: Database, name: str) -> Iterator[bool]:
    path = make_url(database.url).database
    if path in (None, "", ":memory:"):
        yield True
        return
    with Path(f"{path}.{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def _session_lock(url: str, name: str) -> Iterator[bool]:
    key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with explain_failure(url), engine.connect() as connection:
        yield bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one())
