"""The leader page in a real browser: charts are drawn, nothing complains, nothing is wider than the screen."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from kpulse.app import create_app
from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.settings import load
from tests.web.conftest import add

HISTORY = 150


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A served installation with some months of the demo company."""
    installation = Installation.open(load(data_dir=tmp_path_factory.mktemp("data")), migrate=True)
    anchor = installation.today().isoformat()
    demo = add(installation, "demo", {"anchor": anchor}, name="Demo company", history_days=HISTORY)
    poll(installation, demo)
    server = make_server("127.0.0.1", 0, create_app(installation), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    installation.close()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.real
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn(browser: Browser, address: str, width: int, scheme: str, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#trend[data-drawn=yes] canvas")
    assert page.locator("svg.spark").count() >= 4
    assert page.locator(".team svg circle").count() >= 3
    assert page.evaluate(INKED) > 1000
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=tmp_path / f"leader-{width}-{scheme}.png", full_page=True)
    assert complaints == []
    context.close()


INKED = """() => {
  const canvas = document.querySelector('#trend canvas');
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let inked = 0;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 128) inked += 1;
  return inked;
}"""


@pytest.mark.real
def test_without_scripts_the_page_says_the_same(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".tile .value").count() == 5
    assert page.locator("details table tbody tr").count() >= 13
    context.close()
