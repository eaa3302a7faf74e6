"""A newcomer's first minutes: one command, progress, numbers, Ctrl-C, and again."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.service import Service, running

pytestmark = pytest.mark.xdist_group("first_run")


def read_rate(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/api/v1/indicators?indicator=link_rate").json()[0]
    return found


def wait_for_numbers(service: Service) -> dict[str, Any]:
    for _ in range(300):
        if (rate := read_rate(service))["value"] is not None:
            return rate
        time.sleep(0.2)
    raise AssertionError(service.said.read_text())


def test_the_demo_shows_numbers_and_keeps_them(tmp_path: Path) -> None:
    with running("demo", tmp_path / "data") as service:
        first = service.get("/")
        assert first.status_code == 200
        assert "Synthetic demo data" in first.text
        rate = wait_for_numbers(service)
        assert rate["n"] > 1000
        assert 0.4 < rate["value"] < 0.9
        page = service.get("/").text
        assert f"{rate['x']:,} of {rate['n']:,} requests" in page
        exposed = service.get("/metrics").text
        assert f"kcs_org_tickets_linked_28d {rate['x']:.1f}" in exposed
        assert service.get("/readyz").json() == {"status": "ready"}
        assert service.interrupt() == 0
    assert (tmp_path / "data" / "kpulse.db").exists()
    with running("demo", tmp_path / "data") as again:
        kept = read_rate(again)  # at once, before anything more is read
        assert kept["value"] is not None
        assert kept["x"] >= rate["x"], "older links come in while the history is read"
        assert kept["n"] >= rate["n"]
        assert again.interrupt() == 0


def test_a_new_installation_is_closed_until_its_first_account_is_made(tmp_path: Path) -> None:
    with running("run", tmp_path / "data") as service:
        assert service.get("/sources").url.startswith(service.url + "/")
        assert "password" not in service.said.read_text().lower()
        link = service.setup_link()
        assert service.get(link.removeprefix(service.url)).status_code == 200
        assert service.get("/setup/not-the-link").status_code in (403, 404, 410)


def test_the_whole_service_ends_when_it_is_killed(tmp_path: Path) -> None:
    with running("demo", tmp_path / "data") as service:
        service.process.kill()
        service.process.wait()
        for _ in range(100):
            try:
                service.get("/healthz")
            except OSError:
                return
            time.sleep(0.2)
        raise AssertionError("the web server outlived the command that started it")
