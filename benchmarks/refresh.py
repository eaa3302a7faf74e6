"""What 1,000 changed tickets cost, beside deriving everything anew: the demo company and 200,000 synthetic tickets."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import loopback
from measure import Taken, median, print_table, run_fresh, time_call
from sqlalchemy import select

from ingest import ours, prepare
from kpulse.clock import DAY
from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.jobs.refresh import refresh
from kpulse.rollup.recompute import recompute
from kpulse.settings import load
from kpulse.store import sources, tables
from kpulse.store.dirty import mark_everything
from kpulse.store.write import put_tickets
from kpulse.web.reading import read_facts

CHANGED = 1000
DEMO_DAY = datetime(2026, 2, 28, 18, tzinfo=UTC)


def fill_demo(folder: str) -> int:
    """Poll the demo company into ``folder``; returns how many records it told."""
    installation = _open(folder, DEMO_DAY)
    with installation.database.writing() as connection:
        made = sources.add_source(
            connection,
            created_at=installation.now(),
            settings={"anchor": f"{DEMO_DAY:%Y-%m-%d}"},
            secrets={},
            name="Demo company",
            type="demo",
            synthetic=1,
        )
        source = sources.find_source(connection, made)
    result = poll(installation, source)
    installation.close()
    if result is None or result.outcome != "ok":
        raise SystemExit(f"The demo company was not read to its end: {result}")
    return result.records


def fill_synthetic(folder: str, address: str) -> int:
    """Read the tickets of the loopback server into ``folder``; returns how many there were."""
    path = Path(folder) / "kpulse.db"
    prepare(path)
    return ours(address, str(path))


def compare(folder: str, rounds: int) -> dict[str, dict[str, Any]]:
    """The cost of both ways, one after the other several times, and of reading what the leader page says."""
    installation = _open(folder, loopback.NOW)
    refresh(installation)
    ways: dict[str, Callable[[], Any]] = {
        "1,000 changes": lambda: _recompute(installation),
        "everything": lambda: _rebuild(installation),
        "1,000 changes, published": lambda: refresh(installation),
        "leader page read": lambda: _read(installation),
    }
    found: dict[str, list[Taken]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            if name.startswith("1,000"):
                _change(installation, number)
            taken = time_call(way)
            found[name].append(Taken(taken.seconds, taken.cpu, taken.peak_mb))
    with installation.database.reading() as connection:
        tickets = sources.count_facts(connection, 1)["tickets"]
    installation.close()
    return {name: {**median(taken).__dict__, "result": tickets} for name, taken in found.items()}


def bench(*, quick: bool = False) -> dict[str, Any]:
    """Both stores, each with 1,000 changes and with everything anew."""
    rounds, tickets = (2, 20_000) if quick else (3, 200_000)
    with tempfile.TemporaryDirectory() as demo, tempfile.TemporaryDirectory() as synthetic:
        run_fresh("refresh:fill_demo", folder=demo)
        with loopback.served(tickets) as address:
            run_fresh("refresh:fill_synthetic", folder=synthetic, address=address)
        folders = {"demo company": demo, "synthetic": synthetic}
        return {name: _show(name, run_fresh("refresh:compare", folder=f, rounds=rounds)) for name, f in folders.items()}


def _show(name: str, taken: Taken) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = taken.result
    whole = found["everything"]
    rows = [
        [way, f"{each['seconds']:.3f}", f"{each['cpu']:.3f}", f"{each['cpu'] / whole['cpu']:.3f}"]
        for way, each in found.items()
    ]
    title = f"Refresh of {whole['result']:,} tickets ({name}), peak {taken.peak_mb:.0f} MB"
    print_table(title, ["what", "seconds", "CPU s", "of everything"], rows)
    return found


def _open(folder: str, now: datetime) -> Installation:
    return Installation.open(load(data_dir=Path(folder), database_url=""), migrate=True, clock=lambda: now)


def _change(installation: Installation, round_number: int) -> None:
    """Have 1,000 tickets, spread over all of them, closed an hour later than was known."""
    with installation.database.writing() as connection:
        rows = connection.execute(select(tables.ticket).where(tables.ticket.c.gone == 0)).mappings().all()
        step = max(1, len(rows) // CHANGED)
        changed = [dict(row) for row in rows[round_number % step :: step]][:CHANGED]
        for row in changed:
            row["version"] += DAY
            row["fingerprint"] += 1
            row["resolved_at"] = row["resolved_at"] and row["resolved_at"] + DAY // 24
        put_tickets(connection, 1, changed)


def _recompute(installation: Installation) -> int:
    with installation.database.reading() as connection:
        rules = installation.rules(connection)
    return recompute(installation.database, rules)


def _rebuild(installation: Installation) -> int:
    with installation.database.writing() as connection:
        mark_everything(connection)
    return _recompute(installation)


def _read(installation: Installation) -> None:
    with installation.database.reading() as connection:
        read_facts(connection, installation)
