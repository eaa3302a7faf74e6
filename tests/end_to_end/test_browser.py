"""A KM lead's first visit in a real browser, with a real Request Tracker: from the setup link to the rate."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.end_to_end.service import Service, running
from tests.systems import rt5_story
from tests.systems.rt5 import Desk

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rt5")]
SHOTS = os.environ.get("KPULSE_SHOTS")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    desk = Desk.start()
    try:
        rt5_story.play(desk, datetime.now(UTC).replace(microsecond=0) - timedelta(days=27))
        yield desk
    finally:
        desk.stop()


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        yield page
        browser.close()
        assert wrong == []


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_from_the_setup_link_to_the_rate(desk: Desk, page: Page, tmp_path: Path) -> None:
    with running("run", tmp_path / "data") as service:
        make_first_account(page, service)
        connect_the_desk(page, desk)
        expect(page.get_by_text("Our desk is saved; it is being read now.")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_be_visible()
        shoot(page, "4-progress")
        page.goto(service.url + "/")
        expect(page.get_by_text("5 of 8 requests").first).to_be_visible(timeout=120_000)
        shoot(page, "5-leader")
        page.get_by_role("link", name="Sources").first.click()
        expect(page.locator("dd[data-count=tickets]")).to_have_text("12")
        shoot(page, "6-sources")
        page.goto("about:blank")  # its script asks how the reading goes on, and the service ends now


def make_first_account(page: Page, service: Service) -> None:
    page.goto(service.setup_link())
    shoot(page, "1-setup")
    page.get_by_label("Your name").fill("kim")
    page.get_by_label("Password", exact=True).fill("a long enough phrase")
    page.get_by_label("The same password again").fill("a long enough phrase")
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_load_state()
    assert "/setup/" not in page.url


def connect_the_desk(page: Page, desk: Desk) -> None:
    page.get_by_role("link", name="Sources").first.click()
    page.get_by_role("link", name="Add a source").first.click()
    shoot(page, "2-types")
    page.get_by_role("link", name="Request Tracker").first.click()
    page.get_by_label("Name of this source").fill("Our desk")
    page.get_by_label("Address").fill(desk.url)
    page.get_by_label("Token").fill(desk.tokens["reader"])
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("heading", name="The connection works")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Signed in as reader").first).to_be_visible()
    shoot(page, "3-tested")
    page.get_by_role("button", name="Save and read").click()
    page.wait_for_load_state()
