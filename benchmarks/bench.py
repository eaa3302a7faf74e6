"""Measures speed and memory, prints tables and keeps the figures: ``make bench``, ``make bench ARGS='--only ingest'``.

Read ratios and CPU seconds; seconds by the clock also tell what else the machine was doing.
"""

import argparse
import importlib
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = ("ingest", "uci", "refresh")


def main() -> None:
    """Run what was asked for and write ``out/<part>.json``."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=(*PARTS, "scrape"), help="run one part")
    options.add_argument("--quick", action="store_true", help="smaller and fewer runs")
    asked = options.parse_args()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    print(f"Machine: {machine}; load {os.getloadavg()[0]:.1f} at the beginning. Medians of interleaved runs.")
    for part in PARTS:
        if asked.only in (None, part):
            found = importlib.import_module(part).bench(quick=asked.quick)
            (HERE / "out").mkdir(exist_ok=True)
            written = {"at": datetime.now(UTC).isoformat(), "machine": machine, "quick": asked.quick, "found": found}
            (HERE / "out" / f"{part}.json").write_text(json.dumps(written, indent=1), encoding="utf-8")
    if asked.only in (None, "scrape") and (HERE / "scrape.py").exists():
        importlib.import_module("scrape").main()


if __name__ == "__main__":
    main()
