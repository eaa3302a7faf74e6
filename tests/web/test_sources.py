"""A source from the generated form to its removal."""

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from kpulse.installation import Installation
from kpulse.jobs.polling import find_due, poll
from kpulse.registry import list_connectors
from kpulse.store import sources
from kpulse.store import tables as t
from kpulse.store.locks import try_lock
from kpulse.store.sources import Source
from kpulse.web import accounts
from kpulse.web.sources import polls
from tests.web.conftest import Browser, add_desk
from tests.web.desk import TOKEN

GOOD = {
    "source_name": "Our desk",
    "address": "https://desk.example.org/",
    "token": TOKEN,
    "queues": "North, South",
    "words": "done=resolved",
    "size": "large",
    "rows": "50",
    "history_days": "400",
    "evidence": "recorded",
}


@pytest.fixture(autouse=True)
def finish(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Waits for readings that pages asked for; done anyway before the database is closed."""
    started: list[threading.Thread] = []
    begin = polls._start

    def remember(name: str, work: Callable[[], object]) -> threading.Thread:
        started.append(begin(name, work))
        return started[-1]

    def wait() -> None:
        for thread in started:
            thread.join(60)
            assert not thread.is_alive()

    monkeypatch.setattr(polls, "_start", remember)
    yield wait
    wait()


def stored(installation: Installation) -> list[Source]:
    with installation.database.reading() as connection:
        return sources.list_sources(connection)


def changes(installation: Installation) -> list[str]:
    with installation.database.reading() as connection:
        return [what for _, _, what in accounts.list_changes(connection)]


def test_all_types_are_offered_and_a_broken_one_says_why(km_lead: Browser) -> None:
    page = km_lead.read("/sources/new")
    for key, found in list_connectors().items():
        assert (found.connector.title if found.connector else key) in page
    assert "Not available: ModuleNotFoundError: No module named 'no'" in page


def test_a_form_is_drawn_for_every_installed_connector(km_lead: Browser) -> None:
    usable = {key: found.connector for key, found in list_connectors().items() if found.connector is not None}
    assert {"demo", "desk", "files", "request_tracker", "servicenow"} <= usable.keys()
    for key, kind in usable.items():
        page = km_lead.read(f"/sources/new/{key}")
        for name, info in kind.settings_type.model_fields.items():
            assert f'name="{name}"' in page or f'name="{name}__upload"' in page, (key, name)
            assert str(info.title) in page
            assert str(info.description or "") in page
        for name in kind.settings_type.secret_fields():
            assert f'<input type="password" id="f-{name}"' in page


def test_kinds_of_inputs(km_lead: Browser) -> None:
    page = km_lead.read("/sources/new/desk")
    assert '<textarea id="f-words"' in page
    assert "<option selected>small</option>" in page
    assert '<input type="number" id="f-rows" name="rows"' in page
    assert 'min="1" max="500"' in page
    assert '<input type="checkbox" id="f-flag"' in page
    assert '<input type="file" name="extra_file__upload"' in page
    assert '<input type="date" id="f-anchor"' in km_lead.read("/sources/new/demo")


def test_the_connection_is_tested_with_what_is_entered_and_nothing_is_stored(
    installation: Installation, km_lead: Browser
) -> None:
    km_lead.read("/sources/new/desk")
    answer = km_lead.post("/sources/new/desk", {**GOOD, "action": "test"})
    page = answer.get_data(as_text=True)
    assert "The connection works" in page
    assert "Reader of the desk" in page
    assert "42" in page
    assert "Links were seen." in page
    assert 'data-for="f-queues">North</button>' in page
    assert TOKEN not in page
    assert stored(installation) == []


def test_a_wrong_credential_gets_the_sentence_of_the_connector(km_lead: Browser) -> None:
    km_lead.read("/sources/new/desk")
    answer = km_lead.post("/sources/new/desk", {**GOOD, "token": "another-token", "action": "test"})
    page = answer.get_data(as_text=True)
    assert "This does not work yet" in page
    assert "make a new one in its settings" in page
    assert "another-token" not in page


def test_everything_wrong_is_shown_at_its_field(installation: Installation, km_lead: Browser) -> None:
    km_lead.read("/sources/new/desk")
    wrong = {**GOOD, "address": "desk.example.org", "token": "", "rows": "9000", "source_name": "", "poll_minutes": "0"}
    answer = km_lead.post("/sources/new/desk", {**wrong, "action": "save"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 400
    for name in ("address", "token", "rows", "source_name", "poll_minutes"):
        assert f'id="{name}-error"' in page, name
    assert "Give the full address, starting with https://" in page
    assert stored(installation) == []


def test_saving_stores_a_sealed_source_which_is_due_at_once(installation: Installation, km_lead: Browser) -> None:
    km_lead.read("/sources/new/desk")
    data = {**GOOD, "poll_minutes": "30", "history_days": "0", "evidence": "wide", "flag": "on", "action": "save"}
    answer = km_lead.post("/sources/new/desk", data)
    assert answer.status_code == 302
    (source,) = stored(installation)
    assert (source.name, source.type, source.evidence) == ("Our desk", "desk", "wide")
    assert (source.poll_minutes, source.history_days, source.enabled, source.synthetic) == (30, 0, True, False)
    assert source.settings["queues"] == ["North", "South"]
    assert source.settings["flag"] is True
    assert source.settings["address"] == "https://desk.example.org"
    assert TOKEN not in str(source)
    assert installation.connect(source).settings.token.get_secret_value() == TOKEN
    assert [each.id for each in find_due(installation)] == [source.id]
    assert changes(installation)[0] == "source Our desk (desk) added"
    assert "is saved; it is being read now" in km_lead.read(answer.location)


def test_a_name_can_be_taken_only_once(installation: Installation, km_lead: Browser) -> None:
    add_desk(installation)
    km_lead.read("/sources/new/desk")
    answer = km_lead.post("/sources/new/desk", {**GOOD, "action": "save"})
    assert answer.status_code == 400
    assert "choose another name" in answer.get_data(as_text=True)
    assert len(stored(installation)) == 1


def test_a_secret_is_never_sent_back_and_empty_keeps_it(installation: Installation, km_lead: Browser) -> None:
    source = add_desk(installation, enabled=0)
    path = f"/sources/{source.id}/edit"
    page = km_lead.read(path)
    assert TOKEN not in page
    assert source.secrets["token"] not in page
    assert "stored; leave empty to keep it" in page
    tested = km_lead.post(path, {**GOOD, "token": "", "action": "test"}).get_data(as_text=True)
    assert "The connection works" in tested
    assert TOKEN not in tested
    assert km_lead.post(path, {**GOOD, "token": "", "rows": "60", "action": "save"}).status_code == 302
    (after,) = stored(installation)
    assert after.secrets == source.secrets
    assert after.settings["rows"] == 60
    assert "rows" in changes(installation)[0]
    assert "token" not in changes(installation)[0]


def test_a_kept_secret_does_not_follow_to_another_host(installation: Installation, km_lead: Browser) -> None:
    source = add_desk(installation)
    path = f"/sources/{source.id}/edit"
    km_lead.read(path)
    for action in ("test", "save"):
        elsewhere = {**GOOD, "token": "", "address": "https://elsewhere.example.net", "action": action}
        answer = km_lead.post(path, elsewhere)
        assert answer.status_code == 400
        assert "The address changed, so enter this again" in answer.get_data(as_text=True)
    assert stored(installation) == [source]


def test_only_administrators_name_paths_and_references(
    installation: Installation, km_lead: Browser, sign_in: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", TOKEN)
    clever = {**GOOD, "token": "env:DESK_TOKEN", "extra_file": "/etc/hostname", "action": "save"}
    km_lead.read("/sources/new/desk")
    page = km_lead.post("/sources/new/desk", clever).get_data(as_text=True)
    assert "only an administrator may refer to env: or file:" in page
    assert "only an administrator may name a path" in page
    assert stored(installation) == []
    admin = sign_in("admin")
    admin.read("/sources/new/desk")
    assert admin.post("/sources/new/desk", clever).status_code == 302
    (source,) = stored(installation)
    assert source.secrets["token"] == "env:DESK_TOKEN"
    assert source.settings["extra_file"] == "/etc/hostname"


def test_an_uploaded_file_is_kept_replaced_and_removed(
    installation: Installation, km_lead: Browser, finish: Callable[[], None]
) -> None:
    def upload(path: str, name: str) -> Any:
        content = (io.BytesIO(b"id,opened_at,resolved_at\n1,2025-06-01T08:00:00Z,2025-06-01T09:00:00Z\n"), name)
        data = {"source_name": "Export", "tickets_file__upload": content, "rows": "one per ticket", "action": "save"}
        return km_lead.post(path, data, content_type="multipart/form-data")

    km_lead.read("/sources/new/files")
    assert upload("/sources/new/files", "../../odd name.csv").status_code == 302
    (source,) = stored(installation)
    first = Path(source.settings["tickets_file"])
    assert first.is_relative_to(installation.settings.data_dir.resolve() / "uploads")
    assert first.name == "odd_name.csv"
    assert first.stat().st_mode & 0o077 == 0
    assert "odd_name.csv" in km_lead.read(f"/sources/{source.id}/edit")
    assert upload(f"/sources/{source.id}/edit", "newer.csv").status_code == 302
    (source,) = stored(installation)
    second = Path(source.settings["tickets_file"])
    assert second.name == "newer.csv"
    assert second.exists()
    assert not first.exists()
    finish()
    assert ended_runs(installation, source.id) == ["ok"]
    assert km_lead.post(f"/sources/{source.id}/remove").status_code == 302
    assert not second.exists()


def test_an_uploaded_mapping_names_no_files_of_the_server(installation: Installation, km_lead: Browser) -> None:
    km_lead.read("/sources/new/files")
    mapping = (io.BytesIO(b'tickets_file = "/etc/passwd"\n'), "mapping.toml")
    data = {"source_name": "Export", "mapping_file__upload": mapping, "rows": "one per ticket", "action": "save"}
    answer = km_lead.post("/sources/new/files", data, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert "This mapping names files on the server" in answer.get_data(as_text=True)
    assert stored(installation) == []


def test_the_list_shows_state_counts_and_age(read_desk: Source, km_lead: Browser) -> None:
    page = km_lead.read("/sources/")
    assert ">Partial<" in page
    assert "1 rows could not be read and wait in quarantine" in page
    assert "last read just now" in page
    (told,) = km_lead.get("/sources/status.json").get_json()["sources"]
    assert told["counts"] == {"tickets": "2,800", "articles": "1", "links": "840", "quarantined": "1"}
    assert told["state"] == "Partial"


def test_the_quarantine_names_place_and_reason(read_desk: Source, km_lead: Browser) -> None:
    page = km_lead.read(f"/sources/{read_desk.id}/quarantine")
    assert "line 7" in page
    assert "The date is not a date." in page


def test_pause_and_resume(
    read_desk: Source, installation: Installation, km_lead: Browser, finish: Callable[[], None]
) -> None:
    path = f"/sources/{read_desk.id}"
    km_lead.read(path)
    assert km_lead.post(f"{path}/pause").status_code == 302
    assert not stored(installation)[0].enabled
    assert ">Paused<" in km_lead.read(path)
    assert km_lead.post(f"{path}/resume").status_code == 302
    assert stored(installation)[0].enabled
    finish()
    assert len(ended_runs(installation, read_desk.id)) == 2
    assert changes(installation)[:2] == ["source Our desk resumed", "source Our desk paused"]


def test_reading_again_keeps_the_numbers(
    read_desk: Source, installation: Installation, km_lead: Browser, finish: Callable[[], None]
) -> None:
    km_lead.read(f"/sources/{read_desk.id}")
    assert km_lead.post(f"/sources/{read_desk.id}/read-again").status_code == 302
    finish()
    assert len(ended_runs(installation, read_desk.id)) == 2
    with installation.database.reading() as connection:
        assert sources.count_facts(connection, read_desk.id)["tickets"] == 2800


def test_accepting_deletions_reads_with_that_permission(
    read_desk: Source, installation: Installation, km_lead: Browser, finish: Callable[[], None]
) -> None:
    held = "900 of 1000 tickets are no longer listed by the source. Check the rights, or accept the deletions if they are real."
    with installation.database.writing() as connection:
        connection.execute(t.run.update().values(message=held))
    assert "Accept the deletions" in km_lead.read(f"/sources/{read_desk.id}")
    assert km_lead.post(f"/sources/{read_desk.id}/accept-deletions").status_code == 302
    finish()
    assert len(ended_runs(installation, read_desk.id)) == 2
    assert "Accept the deletions" not in km_lead.read(f"/sources/{read_desk.id}")
    assert changes(installation)[0] == "source Our desk deletions accepted"


def test_removing_asks_first_and_takes_everything_along(
    read_desk: Source, installation: Installation, km_lead: Browser
) -> None:
    path = f"/sources/{read_desk.id}/remove"
    assert "Remove Our desk?" in km_lead.read(path)
    assert stored(installation)
    assert km_lead.post(path).status_code == 302
    assert stored(installation) == []
    with installation.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(t.ticket)).scalar_one() == 0


def test_a_source_that_is_being_read_is_not_removed(
    read_desk: Source, installation: Installation, km_lead: Browser
) -> None:
    km_lead.read(f"/sources/{read_desk.id}/remove")
    with try_lock(installation.database, f"source-{read_desk.id}") as free:
        assert free
        answer = km_lead.post(f"/sources/{read_desk.id}/remove")
    assert answer.status_code == 409
    assert "being read right now" in answer.get_data(as_text=True)
    assert stored(installation)


def test_a_broken_page_is_logged_and_explained(app: Flask, km_lead: Browser) -> None:
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail() -> str:
        raise ZeroDivisionError

    app.view_functions["sources.show_all"] = fail
    answer = km_lead.get("/sources/")
    assert answer.status_code == 500
    assert "It was written to the service" in answer.get_data(as_text=True)


def ended_runs(installation: Installation, source_id: int) -> list[str]:
    with installation.database.reading() as connection:
        return [run.outcome for run in sources.list_runs(connection, source_id) if run.outcome]


def test_polling_a_saved_source_brings_numbers(installation: Installation, km_lead: Browser) -> None:
    km_lead.read("/sources/new/desk")
    km_lead.post("/sources/new/desk", {**GOOD, "action": "save"})
    result = poll(installation, stored(installation)[0])
    assert result is not None
    assert result.records == 3641
    assert "requests" in km_lead.read("/")
