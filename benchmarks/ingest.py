"""How fast tickets are taken in: our whole pipeline beside the loops that one would write by hand."""

import contextlib
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import loopback
from measure import Taken, alternate, print_table, run_fresh
from pydantic import SecretStr

from kpulse.clock import to_instant
from kpulse.ingest.sync import Sync
from kpulse.sdk.connector import Connector
from kpulse.store import schema, sources
from kpulse.store.database import Database
from kpulse.store.secrets import Keyring
from kpulse_connectors.servicenow import ServiceNow, ServiceNowSettings

LATER = loopback.NOW + timedelta(hours=3)
WAYS = ("ours", "plain", "lean", "decode", "download")


def ours(address: str, database: str) -> int:
    """The first reading: windows, version guard, marks, cursor, quarantine and books, one transaction a page."""
    return _sync(address, database, loopback.NOW)


def again(address: str, database: str) -> int:
    """The next reading, three hours later: 24 hours of overlap and what changed."""
    return _sync(address, database, LATER)


def anew(address: str, database: str) -> int:
    """Everything read once more from the beginning, for example because a cursor was lost."""
    opened = Database(f"sqlite:///{database}")
    with opened.writing() as connection:
        sources.forget_states(connection, 1)
        _save_swept(connection, LATER)
    opened.close()
    return _sync(address, database, LATER)


def sweep(address: str, database: str) -> int:
    """The daily comparison of all keys, beside a reading of news."""
    return _sync(address, database, LATER, force_sweep=True)


def prepare(path: Path) -> None:
    """An empty store with one source, whose keys were swept a moment ago."""
    opened = Database(f"sqlite:///{path}")
    schema.upgrade(opened)
    with opened.writing() as connection:
        sources.add_source(
            connection,
            created_at=to_instant(loopback.NOW),
            settings={},
            secrets={},
            name="Synthetic desk",
            type="servicenow",
            history_days=400,
        )
        _save_swept(connection, loopback.NOW)
    opened.close()


def _save_swept(connection: Any, when: datetime) -> None:
    at = to_instant(when)
    for stream in ("tickets", "articles"):
        sources.save_state(connection, 1, stream, {"swept_at": at}, at)


def _sync(address: str, database: str, now: datetime, *, force_sweep: bool = False) -> int:
    opened = Database(f"sqlite:///{database}")
    with opened.reading() as connection:
        source = sources.find_source(connection, 1)
    with contextlib.closing(_connector(address)) as connector:
        sync = Sync(
            opened,
            source,
            connector,
            Keyring(Path(database).parent / "keys").pseudonym,
            clock=lambda: now,
            force_sweep=force_sweep,
        )
        result = sync.run()
    opened.close()
    if result.outcome != "ok":
        raise SystemExit(f"The run did not end well: {result}")
    return result.records


def _connector(address: str) -> Connector:
    settings = ServiceNowSettings(address=address, token=SecretStr("synthetic"))
    return ServiceNow(settings, clock=lambda: LATER)


def bench(*, quick: bool = False) -> dict[str, Any]:
    """First readings of 20,000 and 200,000 tickets, and readings after 1 % of them changed."""
    sizes = {20_000: 3} if quick else {20_000: 5, 200_000: 2}
    return {str(size): _bench_size(size, rounds) for size, rounds in sizes.items()}


def _bench_size(size: int, rounds: int) -> dict[str, Any]:
    with loopback.served(size) as address, tempfile.TemporaryDirectory() as folder:
        first = alternate({way: partial(_first, way, address, Path(folder)) for way in WAYS}, rounds)
        _show(f"First reading of {size:,} tickets", first, size)
        kept = _changed(address, Path(folder))
        since = f"{loopback.NOW - timedelta(hours=24):{loopback.SECOND}}"
        news = {
            "ours, news": lambda: _on_copy("ingest:again", address, kept),
            "decode, news": lambda: run_fresh("baselines:decode", address=address, database="", since=since),
            "ours, everything": lambda: _on_copy("ingest:anew", address, kept),
            "decode, everything": lambda: run_fresh("baselines:decode", address=address, database=""),
            "ours, news and sweep": lambda: _on_copy("ingest:sweep", address, kept),
        }
        second = alternate(news, rounds)
        _show(f"{size:,} tickets again, 1 % of them changed", second, None)
    return {name: taken.__dict__ for name, taken in (first | second).items()}


def _first(way: str, address: str, folder: Path) -> Taken:
    with _scratch(folder) as path:
        if way != "ours":
            return run_fresh(f"baselines:{way}", address=address, database=str(path))
        prepare(path)
        return run_fresh("ingest:ours", address=address, database=str(path))


def _changed(address: str, folder: Path) -> Path:
    """A store that has read everything, before 1 % changed in the source."""
    path = folder / "kept.db"
    prepare(path)
    run_fresh("ingest:ours", address=address, database=str(path))
    request = urllib.request.Request(f"{address}/change", data=b"", method="POST")
    with urllib.request.urlopen(request, timeout=600) as answer:
        answer.read()
    return path


def _on_copy(target: str, address: str, kept: Path) -> Taken:
    with _scratch(kept.parent) as path:
        path.write_bytes(kept.read_bytes())
        return run_fresh(target, address=address, database=str(path))


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        yield Path(inner) / "store.db"


def _show(title: str, found: dict[str, Taken], size: int | None) -> None:
    bases = [base for base in ("plain", "lean") if base in found]
    rows = [
        [
            name,
            f"{taken.seconds:.2f}",
            f"{(size or taken.result) / taken.seconds:,.0f}",
            f"{1000 * taken.cpu / (size or taken.result):.4f}",
            f"{taken.peak_mb:.0f}",
            *(f"{found[base].seconds / taken.seconds:.2f}" for base in bases),
            *(f"{taken.cpu / found[base].cpu:.2f}" for base in bases),
        ]
        for name, taken in found.items()
    ]
    ratios = [f"speed / {base}" for base in bases] + [f"CPU / {base}" for base in bases]
    print_table(title, ["way", "seconds", "records/s", "CPU s per 1,000", "peak MB", *ratios], rows)
