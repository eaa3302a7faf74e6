"""An installation, its application and browsers for it, with a small desk installed as a connector."""

import re
import shutil
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kpulse.app import create_app
from kpulse.installation import Installation, read_settings
from kpulse.jobs.polling import poll
from kpulse.registry import find_connector, list_connectors
from kpulse.settings import load
from kpulse.store import sources
from kpulse.store.sources import Source
from kpulse.web import accounts
from tests.web.desk import NOW, TOKEN

PASSWORD = "a long enough sentence"
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """A test client that takes the form token of the last page along, as a browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        answer = self.client.get(path, **options)
        found = CSRF.search(answer.get_data(as_text=True))
        self.token = found.group(1) if found else self.token
        return answer

    def read(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]
        return unescape(answer.get_data(as_text=True))

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **options)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Installs the desk of these tests the way any third party installs a connector, and a broken one beside it."""
    folder = tmp_path_factory.mktemp("site") / "desk-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: desk\nVersion: 1\n")
    points = "[kpulse.connectors]\ndesk = tests.web.desk:Desk\nbroken = no.such:Thing\n"
    (folder / "entry_points.txt").write_text(points)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder.parent))
        list_connectors.cache_clear()
        yield
    list_connectors.cache_clear()


def open_installation(folder: Path) -> Installation:
    """An installation at noon of 30 June 2025."""
    return Installation.open(load(data_dir=folder, organisation="Example Ltd"), migrate=True, clock=lambda: NOW)


@pytest.fixture(scope="module")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an installation without anything, to be copied."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    open_installation(folder).close()
    return folder


@pytest.fixture(scope="module")
def read_folder(empty_folder: Path, desk: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an installation whose desk was read once, to be copied."""
    folder = tmp_path_factory.mktemp("read") / "data"
    shutil.copytree(empty_folder, folder)
    opened = open_installation(folder)
    result = poll(opened, add_desk(opened))
    assert result is not None
    assert result.outcome == "partial"  # one row cannot be read
    opened.close()
    return folder


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path, desk: None) -> Iterator[Installation]:
    """An installation: empty, or for tests that ask for ``read_desk`` with a desk that was read once."""
    name = "read_folder" if "read_desk" in request.fixturenames else "empty_folder"
    shutil.copytree(request.getfixturevalue(name), tmp_path / "data")
    opened = open_installation(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def app(installation: Installation) -> Flask:
    made = create_app(installation)
    made.testing = True
    return made


@pytest.fixture
def anybody(app: Flask) -> Browser:
    """Somebody who is not signed in."""
    return Browser(app.test_client())


@pytest.fixture
def sign_in(app: Flask, installation: Installation) -> Callable[[str], Browser]:
    """Makes an account of a role and signs it in."""

    def begin(role: str) -> Browser:
        with accounts.writing(installation.database) as session:
            accounts.add(session, f"Some {role}", PASSWORD, role, installation.now())
        browser = Browser(app.test_client())
        browser.read("/sign-in")
        answer = browser.post("/sign-in", {"name": f"Some {role}", "password": PASSWORD})
        assert answer.status_code == 302
        return browser

    return begin


@pytest.fixture
def km_lead(sign_in: Callable[[str], Browser]) -> Browser:
    return sign_in("km_lead")


def add_desk(installation: Installation, **values: Any) -> Source:
    """A stored desk with its right token."""
    return add(installation, "desk", {"address": "https://desk.example.org", "token": TOKEN}, name="Our desk", **values)


def add(installation: Installation, key: str, settings: dict[str, Any], *, name: str, **values: Any) -> Source:
    kind = find_connector(key)
    plain, sealed = installation.split_secrets(kind, read_settings(kind, settings))
    stored = {"evidence": "recorded", "poll_minutes": None, "history_days": 400, "enabled": 1, **values}
    with installation.database.writing() as connection:
        number = sources.add_source(
            connection,
            created_at=installation.now(),
            settings=plain,
            secrets=sealed,
            type=key,
            name=name,
            synthetic=int(kind.synthetic),
            **stored,
        )
        return sources.find_source(connection, number)


@pytest.fixture
def read_desk(installation: Installation) -> Source:
    """A desk that was read once."""
    with installation.database.reading() as connection:
        return sources.find_source(connection, "Our desk")
