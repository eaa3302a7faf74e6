"""kpulse compute and kpulse indicators."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kpulse.cli import main

CASE: dict[str, Any] = {
    "id": "own", "timezone": "UTC", "from": "2026-03-01", "to": "2026-04-01", "as_of": "2026-05-01T00:00:00Z", "grace_days": 7,
    "tickets": [
        {"id": "T1", "opened_at": "2026-03-02T08:00:00Z", "status": [{"at": "2026-03-02T10:00:00Z", "to": "closed"}]},
        {"id": "T2", "opened_at": "2026-03-02T08:00:00Z", "status": [{"at": "2026-03-02T11:00:00Z", "to": "closed"}]},
        {"id": "T3", "opened_at": "2026-03-02T08:00:00Z", "status": [{"at": "2026-03-02T11:00:00Z", "to": "closed"}], "exclude": "spam"},
    ],
    "articles": [{"id": "A1", "created_at": "2025-01-01T00:00:00Z"}],
    "link_events": [{"op": "add", "ticket": "T1", "article": "A1", "at": "2026-03-09T10:00:00Z", "kind": "resolution"}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KPULSE_DATA_DIR", str(tmp_path / "data"))


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def test_a_case_from_a_file_gives_one_object(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(json.dumps(CASE))
    found = json.loads(run("compute", "case.json", "--json").stdout)
    assert (found["eligible"], found["excluded"], found["linked"], found["linked_strict"]) == (2, 1, 1, 0)
    assert (found["link_rate"], found["excluded_by_reason"], found["null_reason"]) == (0.5, {"spam": 1}, None)
    assert (found["id"], found["reuse_count"]) == ("own", {"A1": 1})


def test_cases_from_standard_input_give_a_list() -> None:
    found = json.loads(run("compute", "-", "--json", text=json.dumps({"cases": [CASE, {**CASE, "id": "next"}]})).stdout)
    assert [case["id"] for case in found] == ["own", "next"]


def test_options_win_over_the_file() -> None:
    found = json.loads(run("compute", "-", "--json", "--grace-days", "6", text=json.dumps(CASE)).stdout)
    assert (found["linked"], found["linked_any"]) == (0, 1)
    found = json.loads(
        run("compute", "-", "--json", "--from", "2026-04-01", "--to", "2026-05-01", text=json.dumps(CASE)).stdout
    )
    assert (found["eligible"], found["link_rate"], found["null_reason"]) == (0, None, "no_tickets")


def test_without_json_people_can_read_it() -> None:
    answer = run("compute", "-", text=json.dumps(CASE)).stdout
    assert "link_rate                    0.5" in answer
    assert "known_share_of_linked        1.0" in answer


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[1]", "case"),
        (json.dumps({**CASE, "timezone": "Mars/Base"}), "IANA time zone"),
        (json.dumps({**CASE, "from": "2026-04-01", "to": "2026-03-01"}), "to has to be later than from"),
        (json.dumps({k: v for k, v in CASE.items() if k != "from"}), "names no period"),
        (json.dumps({**CASE, "tickets": [{"id": "T1"}]}), "opened_at"),
    ],
)
def test_bad_input_ends_with_2_and_one_sentence(text: str, says: str) -> None:
    result = run("compute", "-", "--json", text=text)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_file_ends_with_2() -> None:
    result = run("compute", "nowhere.json")
    assert (result.exit_code, "nowhere.json cannot be read" in result.stderr) == (2, True)


def test_indicators_without_any_source_are_null_with_a_reason() -> None:
    assert run("db", "upgrade").exit_code == 0
    values = json.loads(run("indicators", "--json", "--indicator", "link_rate").stdout)
    assert [(v["indicator"], v["group"], v["value"], v["reason"]) for v in values] == [
        ("link_rate", "organisation", None, "connector_stale")
    ]
    assert set(values[0]) == {
        "indicator", "group", "from", "to", "x", "n", "value", "low", "high", "status", "reason", "as_of",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "soon"), "'soon' is not a day"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "is empty"),
        (("--indicator", "happiness"), "There is no indicator 'happiness'"),
        (("--team", "Nobody"), "There is no team 'Nobody'"),
        (("--by", "team", "--team", "A"), "not both"),
    ],
)
def test_a_question_that_makes_no_sense_ends_with_2(options: tuple[str, ...], says: str) -> None:
    assert run("db", "upgrade").exit_code == 0
    result = run("indicators", *options)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_database_of_another_version_says_what_to_run() -> None:
    result = run("indicators")
    assert result.exit_code == 1
    assert "run: kpulse db upgrade" in result.stderr
