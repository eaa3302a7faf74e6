"""A real desk's log, end to end: from a file of events to the numbers of the leader page.

Source: "Incident management process enriched event log", Amaral, Fantinato, Peres, UCI Machine Learning Repository,
DOI 10.24432/C57S4H, CC BY 4.0. It is read from beside the repository and not part of it.
"""

import tempfile
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measure import Taken, median, print_table, run_fresh, time_call

from kpulse.ingest.sync import Sync
from kpulse.installation import Installation
from kpulse.jobs.refresh import refresh
from kpulse.settings import load
from kpulse.store import sources
from kpulse.web.reading import read_facts

LOG = Path(__file__).resolve().parents[2] / "shared" / "data" / "uci-498" / "incident_event_log.zip"
NAME = "incident_event_log.csv"
NOW = datetime(2017, 3, 1, tzinfo=UTC)
MAPPING = {
    "id_column": "number", "opened_column": "opened_at", "resolved_column": "resolved_at", "closed_column": "closed_at",
    "status_column": "incident_state", "team_column": "assignment_group", "owner_column": "resolved_by",
    "category_column": "category", "priority_column": "priority", "read_knowledge_flag": True, "knowledge_column": "knowledge",
    "rows": "last row per ticket wins", "date_format": "%d/%m/%Y %H:%M",
}  # fmt: skip


def run(log: str, folder: str) -> dict[str, dict[str, Any]]:
    """The parts of the way, each with what it took."""
    settings = load(data_dir=Path(folder), database_url="")
    installation = Installation.open(settings, migrate=True, clock=lambda: NOW)
    with installation.database.writing() as connection:
        made = sources.add_source(
            connection,
            created_at=installation.now(),
            settings={**MAPPING, "tickets_file": log},
            secrets={},
            name="UCI 498",
            type="files",
            history_days=0,
        )
        source = sources.find_source(connection, made)
    sync = Sync(
        installation.database,
        source,
        installation.connect(source),
        installation.keyring.pseudonym,
        clock=installation.clock,
    )
    parts = {
        "sync": time_call(lambda: sync.run().outcome),
        "refresh": time_call(lambda: refresh(installation)),
        "leader page": time_call(lambda: _read(installation)),
    }
    installation.close()
    return {name: asdict(taken) for name, taken in parts.items()}


def bench(*, quick: bool = False) -> dict[str, Any]:
    """The log three times, each in a fresh process."""
    if not LOG.exists():
        print(f"\nThe UCI log was left out: there is no {LOG.name} beside the repository.")
        return {"skipped": f"no {LOG.name} beside the repository"}
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(LOG) as archive:
            log = archive.extract(NAME, folder)
        with Path(log).open("rb") as file:
            events = sum(1 for _ in file) - 1
        taken = [run_fresh("uci:run", log=log, folder=f"{folder}/data{number}") for number in range(1 if quick else 3)]
    whole = median(taken)
    parts = {name: median([Taken(**each.result[name]) for each in taken]) for name in whole.result}
    rows = [[name, f"{each.seconds:.2f}", f"{each.cpu:.2f}", f"{each.peak_mb:.0f}"] for name, each in parts.items()]
    rows.append(["all, with opening the store", f"{whole.seconds:.2f}", f"{whole.cpu:.2f}", f"{whole.peak_mb:.0f}"])
    speed = events / whole.seconds
    print_table(
        f"UCI log: {events:,} events to the leader page, {speed:,.0f} events/s",
        ["part", "seconds", "CPU s", "peak MB"],
        rows,
    )
    return {"events": events, "all": asdict(whole), **{name: asdict(each) for name, each in parts.items()}}


def _read(installation: Installation) -> None:
    with installation.database.reading() as connection:
        read_facts(connection, installation)
