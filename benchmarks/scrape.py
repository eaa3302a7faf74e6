"""Serving /metrics beside serving the same bytes as a static file, by the same server process, idle and during a sync.

The server is the service's own: its whole application under gunicorn, one process, threads. Only a route for the file is
added. Requests alternate over one kept connection; the ratio is that of the medians.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Response, send_from_directory
from measure import print_table

from kpulse.app import create_app
from kpulse.cli.server import Server
from kpulse.ingest.sync import Sync
from kpulse.installation import Installation
from kpulse.jobs.refresh import throttled
from kpulse.metrics.definitions import list_definitions
from kpulse.metrics.families import Family
from kpulse.metrics.snapshot import TEXT, keep, render
from kpulse.rollup.recompute import recompute
from kpulse.settings import load
from kpulse.store import sources

OUT = Path(__file__).resolve().parent / "out"
SIZES = (2_000, 10_000)
FORMS = {"plain": "", "gzip": ".gz"}
REFRESH_SECONDS = 3.0
GOAL = 1.5
WARM_UP = 20


class ServerWithFiles(Server):
    """The service's web server with one more route, for the files of a folder."""

    def __init__(self, settings: Any, folder: Path) -> None:
        self._folder = folder
        super().__init__(settings)

    def load(self) -> Any:
        """The whole application and the route."""
        app = create_app(Installation.open(self._settings))

        @app.get("/same/<name>")
        def same(name: str) -> Response:
            return send_from_directory(self._folder, name)

        return app


def make_families(series: int) -> list[Family]:
    """Families with the names and help texts of the service, filled up with synthetic teams."""
    teams = [one for one in list_definitions() if one.labels == ("team",)]
    count, rest = divmod(series, len(teams))
    return [
        Family(one.name, one.help, [({"team": f"Team number {n:04}"}, n / 7) for n in range(count + (place < rest))])
        for place, one in enumerate(teams)
    ]


def read_without_end(home: Path, series: int) -> None:
    """Read a synthetic desk over and over, keeping new bytes as often as a real sync does."""
    installation, bodies = Installation.open(load(data_dir=home)), render(make_families(series))
    while True:
        with installation.database.writing() as connection:
            for left in sources.list_sources(connection):
                sources.remove_source(connection, left.id)
        source = _add_desk(installation)

        def publish() -> None:
            with installation.database.reading() as connection:
                rules = installation.rules(connection)
            recompute(installation.database, rules)
            keep(installation, bodies)

        Sync(
            installation.database,
            source,
            installation.connect(source),
            installation.keyring.pseudonym,
            poll_minutes=15,
            clock=installation.clock,
            after_page=throttled(publish, REFRESH_SECONDS, time.monotonic),
        ).run()


def bench(*, quick: bool) -> list[dict[str, Any]]:
    """Measure and print; one entry for each size, form and state of the service."""
    rounds = 100 if quick else 1000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        found = list(_measure_all(home, rounds))
    head = ("series", "form", "state", "KB", "/metrics ms", "file ms", "ratio", "p90 ratio")
    print_table(
        f"/metrics beside the same bytes as a file (goal: ratio at most {GOAL})", head, [_row(one) for one in found]
    )
    return found


def _measure_all(home: Path, rounds: int) -> Iterator[dict[str, Any]]:
    installation = Installation.open(load(data_dir=home), migrate=True)
    with _child("--serve", home) as lines:
        port = int(lines.readline())
        for series in SIZES:
            bodies = render(make_families(series))
            keep(installation, bodies)
            for form, ending in FORMS.items():
                (home / f"{form}.txt").write_bytes(bodies[TEXT + ending])
            for state in ("idle", "sync"):
                with _syncing(home, series, state == "sync"):
                    for form in FORMS:
                        yield {"series": series, "state": state, **_compare(port, form, rounds)}
    installation.close()


def _compare(port: int, form: str, rounds: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    ways = {"metrics": "/metrics", "file": f"/same/{form}.txt"}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    sizes = set()
    for number in range(-WARM_UP, rounds):
        for name in list(ways) if number % 2 else list(ways)[::-1]:
            begin = time.perf_counter()
            connection.request("GET", ways[name], headers={"Accept-Encoding": "gzip" if form == "gzip" else "identity"})
            answer = connection.getresponse()
            sizes.add((answer.status, len(answer.read())))
            if number >= 0:
                taken[name].append(1000 * (time.perf_counter() - begin))
    connection.close()
    if len(sizes) != 1:
        raise SystemExit(f"Both ways must answer the same number of bytes, but they were {sizes}.")
    middle = {name: statistics.median(times) for name, times in taken.items()}
    slow = {name: statistics.quantiles(times, n=10)[-1] for name, times in taken.items()}
    return {
        "form": form,
        "bytes": sizes.pop()[1],
        "metrics_ms": middle["metrics"],
        "file_ms": middle["file"],
        "ratio": middle["metrics"] / middle["file"],
        "ratio_p90": slow["metrics"] / slow["file"],
    }


@contextmanager
def _syncing(home: Path, series: int, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    with _child("--sync", home, "--series", str(series)):
        time.sleep(3)  # until it reads
        yield


@contextmanager
def _child(*arguments: object) -> Iterator[Any]:
    command = [sys.executable, str(Path(__file__)), *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "KPULSE_LOG_LEVEL": "ERROR"}
    )
    try:
        yield process.stdout
        if process.poll() is not None:
            raise SystemExit(f"{arguments[0]} ended by itself.")
    finally:
        process.terminate()
        process.wait(30)


def _add_desk(installation: Installation) -> sources.Source:
    with installation.database.writing() as connection:
        made = sources.add_source(
            connection,
            created_at=installation.now(),
            settings={"anchor": installation.today().isoformat()},
            secrets={},
            name="Demo company (synthetic)",
            type="demo",
            synthetic=1,
        )
        return sources.find_source(connection, made)


def _serve(home: Path) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ServerWithFiles(load(data_dir=home, port=port), home)
    server.cfg.set("when_ready", lambda _: print(port, flush=True))
    server.run()


def _row(one: dict[str, Any]) -> list[str]:
    figures = (f"{one['bytes'] / 1000:.0f}", f"{one['metrics_ms']:.2f}", f"{one['file_ms']:.2f}")
    return [f"{one['series']:,}", one["form"], one["state"], *figures, f"{one['ratio']:.2f}", f"{one['ratio_p90']:.2f}"]


def main(argv: Sequence[str] = ()) -> None:
    """Measure, print the table and write out/scrape.json."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer requests")
    options.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--sync", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--series", type=int, help=argparse.SUPPRESS)
    asked = options.parse_args(list(argv))
    if asked.serve:
        _serve(asked.serve)
    elif asked.sync:
        read_without_end(asked.sync, asked.series)
    else:
        found = bench(quick=asked.quick)
        OUT.mkdir(exist_ok=True)
        (OUT / "scrape.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
