"""kpulse source, doctor, db and secrets: a desk's life without a browser."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kpulse.cli import main
from kpulse.sdk.testing import FaultServer
from tests.end_to_end.desk import small_desk
from tests.replay.servicenow import PASSWORD, USER

MARCH = ("--from", "2026-03-01", "--to", "2026-04-01", "--json", "--indicator", "link_rate")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KPULSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DESK_PASSWORD", PASSWORD)


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def add(address: str, password: str = "env:DESK_PASSWORD") -> Result:
    pairs = (f"address={address}", f"username={USER}", f"password={password}")
    options = [part for pair in pairs for part in ("--set", pair)]
    return run("source", "add", "servicenow", "--name", "Desk", "--history-days", "0", *options)


def read_all(folder: Path) -> bytes:
    """Every byte that the service keeps."""
    return b"".join(path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file())


def link_rate() -> tuple[int, int]:
    value = json.loads(run("indicators", *MARCH).stdout)[0]
    return value["x"], value["n"]


def test_a_desk_is_added_checked_read_and_removed() -> None:
    with FaultServer(small_desk()) as desk:
        assert add(desk.url).output == "Added source 1: Desk.\n"
        check = run("source", "check", "Desk")
        assert (check.exit_code, f"Signed in as {USER}" in check.output) == (0, True)
        assert run("source", "sync").stdout.startswith("Desk: ok, ")
    listed = json.loads(run("source", "list", "--json").stdout)[0]
    assert (listed["outcome"], listed["tickets"], listed["articles"], listed["progress"]) == ("ok", 4, 2, 1.0)
    assert link_rate() == (3, 4)
    assert run("db", "verify").output == "The stored sums are exact.\n"
    removed = run("source", "remove", "Desk", "--yes")
    assert (removed.output, removed.exception) == ("Removed Desk.\n", None)
    assert json.loads(run("indicators", *MARCH).stdout)[0]["value"] is None


def test_a_referenced_secret_is_not_copied_and_a_plain_one_is_sealed(tmp_path: Path) -> None:
    with FaultServer(small_desk()) as desk:
        add(desk.url)
        assert b"env:DESK_PASSWORD" in read_all(tmp_path)
        assert PASSWORD.encode() not in read_all(tmp_path)
        run("source", "remove", "Desk", "--yes")
        add(desk.url, PASSWORD)
        assert run("source", "sync", "Desk").exit_code == 0
        assert run("secrets", "rotate").exit_code == 0
        assert run("source", "sync", "Desk").exit_code == 0
    assert PASSWORD.encode() not in read_all(tmp_path)


def test_a_wrong_setting_is_named() -> None:
    result = run("source", "add", "servicenow", "--name", "Desk", "--set", "adress=x")
    assert (result.exit_code, "write NAME=VALUE with one of: address" in result.stderr) == (2, True)
    result = run("source", "add", "servicenow", "--name", "Desk", "--set", "address=ftp://x")
    assert result.exit_code == 1
    assert "Address: Give the full address, starting with https://" in result.stderr
    assert run("source", "add", "nothing", "--name", "Desk").exit_code == 2


def test_a_name_is_taken_once() -> None:
    with FaultServer(small_desk()) as desk:
        add(desk.url)
        result = add(desk.url)
    assert (result.exit_code, "There is a source named 'Desk' already" in result.stderr) == (2, True)


def test_a_failing_source_ends_with_1_and_its_sentence() -> None:
    add("http://no-such-host.invalid")
    result = run("source", "sync", "Desk")
    assert result.exit_code == 1
    assert "There is no host named no-such-host.invalid" in result.output
    doctor = run("doctor")
    assert (doctor.exit_code, "FAIL  Desk: There is no host" in doctor.output) == (1, True)


def test_the_doctor_is_content_with_a_healthy_desk() -> None:
    with FaultServer(small_desk()) as desk:
        add(desk.url)
        run("source", "sync")
        doctor = run("doctor")
    assert doctor.exit_code == 0
    assert "OK    Desk: was read: 4 tickets, 2 articles, 3 link events" in doctor.output


def test_a_backup_brings_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(small_desk()) as desk:
        add(desk.url, PASSWORD)
        run("source", "sync")
        assert run("db", "backup", "copy").exit_code == 0
        assert run("db", "backup", "copy").exit_code == 2
        monkeypatch.setenv("KPULSE_DATA_DIR", str(tmp_path / "elsewhere"))
        assert run("db", "restore", "copy", "--yes").exit_code == 0
        assert run("source", "sync", "Desk").exit_code == 0
    assert link_rate() == (3, 4)


def test_all_connectors_are_listed_with_their_settings() -> None:
    described = {one["type"]: one for one in json.loads(run("source", "types", "--json").stdout)}
    assert {"demo", "files", "request_tracker", "servicenow"} <= set(described)
    assert described["request_tracker"]["settings"]["properties"]["address"]["title"] == "Address"


def test_people_and_programs_are_let_in_and_out() -> None:
    run("db", "upgrade")
    phrase = "a long enough phrase"
    assert (
        run("user", "add", "kim", "--role", "km_lead", "--password", phrase).output == "kim may sign in as km_lead.\n"
    )
    assert run("user", "add", "kim", "--password", phrase).exit_code == 2
    assert run("user", "add", "lee", "--password", "short").exit_code == 2
    assert run("user", "list").output.split() == ["kim", "km_lead"]
    assert run("user", "remove", "kim").exit_code == 0
    assert run("user", "remove", "kim").exit_code == 2
    token = run("user", "token", "grafana").output.strip()
    assert token.startswith("kp_")
    assert run("user", "token", "grafana").exit_code == 2
