"""Who may scrape, and what a scrape gets: the kept bytes in the form that was asked for, also while the database fails."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from kpulse.app import create_app
from kpulse.installation import Installation
from kpulse.jobs.refresh import refresh
from kpulse.settings import load

TOKEN = "a-token-only-for-this-test"
HERE = {"REMOTE_ADDR": "127.0.0.1"}
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = Installation.open(load(data_dir=tmp_path), migrate=True)
    yield opened
    opened.close()


@pytest.fixture
def client(installation: Installation) -> FlaskClient:
    return create_app(installation).test_client()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[FlaskClient]:
    opened = Installation.open(load(data_dir=tmp_path, metrics_token=TOKEN), migrate=True)
    yield create_app(opened).test_client()
    opened.close()


def test_this_machine_needs_no_token(client: FlaskClient) -> None:
    assert client.get("/metrics", environ_base=HERE).status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200


def test_others_need_one(client: FlaskClient) -> None:
    answer = client.get("/metrics", environ_base=ELSEWHERE)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "KPULSE_METRICS_TOKEN" in answer.text


@pytest.mark.parametrize(
    "header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"]
)
def test_what_was_passed_on_by_a_proxy_is_not_this_machine(client: FlaskClient, header: str) -> None:
    assert client.get("/metrics", environ_base=HERE, headers={header: "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize("place", [HERE, ELSEWHERE])
def test_the_token_opens(guarded: FlaskClient, place: dict[str, str]) -> None:
    right = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "198.51.100.1"}
    assert guarded.get("/metrics", environ_base=place, headers=right).status_code == 200


@pytest.mark.parametrize("place", [HERE, ELSEWHERE])
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ü"])
def test_nothing_else_does(guarded: FlaskClient, place: dict[str, str], given: str) -> None:
    headers = {"Authorization": given} if given else {}
    assert guarded.get("/metrics", environ_base=place, headers=headers).status_code == 401


def test_without_a_set_token_no_token_opens(client: FlaskClient) -> None:
    for given in ("Bearer ", "Bearer x"):
        answer = client.get("/metrics", environ_base=ELSEWHERE, headers={"Authorization": given})
        assert answer.status_code == 401


def test_before_the_first_refresh_there_is_nothing_to_say(client: FlaskClient) -> None:
    answer = client.get("/metrics", environ_base=HERE, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert [line for line in answer.text.splitlines() if not line.startswith("#")] == []


def test_the_form_is_the_one_asked_for(installation: Installation, client: FlaskClient) -> None:
    refresh(installation)
    plain = client.get("/metrics", environ_base=HERE)
    assert plain.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert "Content-Encoding" not in plain.headers
    zipped = client.get("/metrics", environ_base=HERE, headers={"Accept-Encoding": "gzip, deflate"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == plain.data
    refused = client.get("/metrics", environ_base=HERE, headers={"Accept-Encoding": "gzip;q=0"})
    assert refused.data == plain.data
    asked = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    open_metrics = client.get("/metrics", environ_base=HERE, headers={"Accept": asked})
    assert open_metrics.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.data.endswith(b"# EOF\n")


def test_a_newer_snapshot_is_served(installation: Installation, client: FlaskClient) -> None:
    refresh(installation)
    before = client.get("/metrics", environ_base=HERE).data
    refresh(installation)
    after = client.get("/metrics", environ_base=HERE).data
    assert before != after


def test_a_failing_database_leaves_the_last_good_bytes(installation: Installation, client: FlaskClient) -> None:
    refresh(installation)
    good = client.get("/metrics", environ_base=HERE)
    with installation.database.writing() as connection:
        connection.execute(text("ALTER TABLE snapshot RENAME TO gone"))
    again = client.get("/metrics", environ_base=HERE)
    assert (again.status_code, again.data) == (200, good.data)
    never_read = client.get("/metrics", environ_base=HERE, headers={"Accept-Encoding": "gzip"})
    assert never_read.status_code == 503
    assert never_read.text.startswith("The database ")
