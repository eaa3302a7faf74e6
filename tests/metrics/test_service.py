"""The whole service in processes of its own: scrapes before, during and after the first reading."""

import shutil
import subprocess
import urllib.error
from pathlib import Path

import pytest

from tests.metrics.desk import run_desk, wait_until_read
from tests.systems.owned import missing

LAST_LINE = b"kpulse_metrics_dropped_series 0.0\n"
TOKEN = "a-token-only-for-this-test"


def test_a_running_sync_is_scraped_whole_and_clean(tmp_path: Path) -> None:
    promtool = shutil.which("promtool") or missing("promtool", ["prometheus"])
    with run_desk(tmp_path, days=250) as running:
        scrapes = wait_until_read(running)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            running.scrape(**{"X-Forwarded-For": "203.0.113.9"})
    made = [one for one in scrapes if not one.startswith(b"# no metrics yet")]
    assert [one for one in made if not one.endswith(LAST_LINE)] == []
    during = [
        one
        for one in made
        if b"kpulse_source_first_reading_ratio{" in one and b"last_success_timestamp_seconds{" not in one
    ]
    assert during, "no scrape fell into the first reading"
    said = subprocess.run([promtool, "check", "metrics"], input=made[-1], capture_output=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_a_token_guards_the_running_service(tmp_path: Path) -> None:
    with run_desk(tmp_path, KPULSE_METRICS_TOKEN=TOKEN) as running:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                running.scrape(**headers)
        assert running.scrape(Authorization=f"Bearer {TOKEN}")
