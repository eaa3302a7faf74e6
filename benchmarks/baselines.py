"""What ingest is measured against: the loops that one would write by hand, into a table with the same columns."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import requests
import urllib3

PAGE = 1000
COLUMNS = (
    "sys_id", "sys_updated_on", "state", "sys_created_on", "opened_at", "resolved_at", "closed_at", "close_code",
    "contact_type", "category", "priority", "reopen_count", "knowledge", "assignment_group", "assigned_to",
    "resolved_by", "parent_incident", "assigned_to.user_name", "resolved_by.user_name",
)  # fmt: skip


class Ticket(msgspec.Struct, gc=False):
    """The needed columns."""

    sys_id: str
    sys_updated_on: str
    state: str
    sys_created_on: str
    opened_at: str
    resolved_at: str
    closed_at: str
    close_code: str
    contact_type: str
    category: str
    priority: str
    reopen_count: str
    knowledge: str
    assignment_group: str
    assigned_to: str
    resolved_by: str
    parent_incident: str
    assigned_name: str = msgspec.field(name="assigned_to.user_name")
    resolved_name: str = msgspec.field(name="resolved_by.user_name")


class Answer(msgspec.Struct):
    """A page."""

    result: list[Ticket]


def download(address: str, database: str, since: str = "") -> int:
    """Fetch every page and look at nothing but its length; returns the number of pages."""
    pool = urllib3.PoolManager()
    pages = 0
    for params in _pages(since):
        got = pool.request("GET", f"{address}/api/now/table/incident", fields=params)
        pages += 1
        if int(got.headers["X-Total-Count"]) <= params["sysparm_offset"] + PAGE:
            break
    return pages


def decode(address: str, database: str, since: str = "") -> int:
    """Read every page into typed rows and keep none."""
    return sum(len(rows) for rows in _typed(address, since))


def plain(address: str, database: str, since: str = "") -> int:
    """requests, json and executemany."""
    read = 0
    with requests.Session() as session, contextlib.closing(_open(database)) as connection:
        for params in _pages(since):
            got = session.get(f"{address}/api/now/table/incident", params=params, timeout=60)
            rows = json.loads(got.content)["result"]
            _store(connection, [[row[name] for name in COLUMNS] for row in rows])
            read += len(rows)
            if len(rows) < PAGE:
                break
    return read


def lean(address: str, database: str, since: str = "") -> int:
    """urllib3, a typed decoder and executemany."""
    read = 0
    with contextlib.closing(_open(database)) as connection:
        for rows in _typed(address, since):
            _store(connection, map(msgspec.structs.astuple, rows))
            read += len(rows)
    return read


def _typed(address: str, since: str) -> Iterator[list[Ticket]]:
    pool, decoder = urllib3.PoolManager(), msgspec.json.Decoder(Answer)
    for params in _pages(since):
        got = pool.request("GET", f"{address}/api/now/table/incident", fields=params)
        rows = decoder.decode(got.data).result
        yield rows
        if len(rows) < PAGE:
            return


def _pages(since: str) -> Iterator[Mapping[str, Any]]:
    query = f"sys_updated_on>={since}" if since else ""
    offset = 0
    while True:
        yield {"sysparm_limit": PAGE, "sysparm_offset": offset, "sysparm_query": query}
        offset += PAGE


def _open(path: str) -> sqlite3.Connection:
    new = not Path(path).exists()
    connection = sqlite3.connect(path)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}").close()
    if new:
        columns = ", ".join(f'"{name}" TEXT' for name in COLUMNS[1:])
        connection.execute(f"CREATE TABLE ticket (sys_id TEXT PRIMARY KEY, {columns})")
        connection.execute('CREATE INDEX ix_group ON ticket (assignment_group, "closed_at")')
    return connection


def _store(connection: sqlite3.Connection, rows: Iterable[Any]) -> None:
    marks = ", ".join("?" * len(COLUMNS))
    with connection:
        connection.executemany(f"INSERT OR REPLACE INTO ticket VALUES ({marks})", rows)
