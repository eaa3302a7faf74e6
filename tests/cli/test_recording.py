"""Recorded answers keep their shape and lose people, texts and secrets."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from kpulse.cli.recording import write_recording
from kpulse.errors import ConfigError
from kpulse.sdk.scrubbing import Scrubber
from kpulse.sdk.testing import LoopbackServer
from kpulse_connectors.demo import Demo
from kpulse_connectors.servicenow import ServiceNow, ServiceNowSettings
from tests.connectors.test_servicenow import article, task
from tests.replay import servicenow as replay


def test_a_desk_is_recorded_without_its_people(tmp_path: Path) -> None:
    group = {"sys_id": "grp1", "name": "Synthetic desk", "parent": "", "active": "true"}
    member = {"sys_id": "m1", "group": "grp1", "user": "usr1"}
    tables = {
        "incident": [task(n, assigned_to="kim.muster@aurora.example") for n in range(1, 8)],
        "kb_knowledge": [article(n) for n in range(1, 4)],
        "m2m_kb_task": [],
        "sys_user_group": [group],
        "sys_user_grmember": [member],
    }
    with LoopbackServer(replay.ServiceNowReplay(tables)) as server:
        settings = ServiceNowSettings(
            address=server.url, username=replay.USER, password=SecretStr(replay.PASSWORD), page_size=3
        )
        connector = ServiceNow(settings)
        written = write_recording(connector, tmp_path, pages=2)
        connector.close()
        asked = len(server.requests)
    files = sorted(tmp_path.glob("*.json"))
    assert len(files) == written == asked
    text = "".join(path.read_text() for path in files)
    for private in (
        "kim.muster",
        "usr1",
        "aurora.example",
        "Synthetic desk",
        replay.PASSWORD,
        server.url,
        "Authorization",
    ):
        assert private not in text
    tickets = [json.loads(path.read_text()) for path in files if path.stem.endswith("tickets")]
    assert len(tickets) == 2
    row = tickets[0]["response"]["body"]["result"][0]
    assert (row["sys_id"], row["state"], row["opened_at"]) == ("inc0001", "7", task(1)["opened_at"])
    assert row["assigned_to"].startswith("person-")
    assert tickets[0]["response"]["headers"]["X-Total-Count"] == "7"
    assert tickets[0]["request"]["path"] == "/api/now/table/incident"


def test_what_is_not_read_over_http_has_nothing_to_record(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to record"):
        write_recording(Demo(Demo.settings_type.model_validate({"anchor": "2026-03-01"})), tmp_path, pages=1)


def test_scrubbing_keeps_shape_and_references() -> None:
    scrubber = Scrubber({"hush"})
    before = {
        "id": 7,
        "requester_id": 4711,
        "assignee_id": 4711,
        "assignee": {"displayName": "Kim Muster", "id": 5},
        "email": "kim@aurora.example",
        "access_token": "abc",
        "status": "closed",
        "created_at": "2026-01-05T08:00:00Z",
        "comment": "call me at home",
        "note": "x",
        "self": "https://aurora.example/api/kim@aurora.example?key=hush",
        "tags": ["vpn", "free words of a person"],
        "open": True,
        "empty": "",
        "nothing": None,
    }
    after = scrubber.scrub(before)
    assert list(after) == list(before)
    kept = {name: after[name] for name in ("id", "status", "created_at", "open", "empty", "nothing")}
    assert kept == {name: before[name] for name in kept}
    assert after["requester_id"] == after["assignee_id"] != 4711
    assert after["tags"][0] == "vpn"
    text = json.dumps(after)
    for private in ("Kim", "kim", "aurora", "abc", "home", "hush", "free words", '"x"'):
        assert private not in text
