"""The long proofs of ``make proof``: what the tests hold in minutes, held for much longer, with a dated report."""

import datetime as dt
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROOFS = ("tests/counting/test_any_order.py", "tests/counting/test_invariants.py", "tests/ingest/test_kill.py")
USUAL_PATIENCE = "10"


def main() -> int:
    """Run the proofs, write docs/proof/DATE.md and pass pytest's status on."""
    patience = os.environ.get("KPULSE_PROOF", USUAL_PATIENCE)
    command = [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "loadgroup", "--timeout", "7200", *PROOFS]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "KPULSE_PROOF": patience}, capture_output=True, text=True, check=False
    )
    print(done.stdout, done.stderr, sep="\n")
    today = dt.datetime.now(dt.UTC).date()
    report = ROOT / "docs" / "proof" / f"{today}.md"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(_write_report(today, patience, done.stdout), encoding="utf-8")
    return done.returncode


def _write_report(today: dt.date, patience: str, said: str) -> str:
    results = sorted(
        {line.split(" ", 2)[-1].strip() for line in said.splitlines() if "PASSED" in line or "FAILED" in line}
    )
    closing = said.strip().splitlines()[-1].strip("= ") if said.strip() else "pytest said nothing"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    lines = [
        f"# Long proofs of {today}",
        "",
        f"Machine: {machine}. Every property with {patience} times its usual examples, every kill test with {patience} times",
        "its usual kills. Made by `make proof`.",
        "",
        *(f"* {line}" for line in results),
        "",
        f"**{closing}**",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
