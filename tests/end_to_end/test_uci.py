"""A real desk's log through two connectors gives the same numbers, which are known.

Source: "Incident management process enriched event log", Amaral, Fantinato, Peres, UCI Machine Learning Repository,
DOI 10.24432/C57S4H, CC BY 4.0.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import select

from kpulse.durations import STATED_ERROR
from kpulse.installation import Installation
from kpulse.periods import Grain, Period
from kpulse.sdk.testing import LoopbackServer
from kpulse.store.tables import rollup
from kpulse.values.answer import Question, Value, answer
from tests.end_to_end.desk import add, add_servicenow, ask, open_installation, read_once
from tests.replay.servicenow import ServiceNowReplay, uci_groups, uci_incidents

pytestmark = pytest.mark.xdist_group("uci")

EVERYTHING = (date(2016, 1, 1), date(2018, 1, 1))
SPRING = (date(2016, 3, 1), date(2016, 6, 1))
MAPPING = {
    "id_column": "number", "opened_column": "opened_at", "resolved_column": "resolved_at", "closed_column": "closed_at",
    "status_column": "incident_state", "team_column": "assignment_group", "owner_column": "resolved_by",
    "category_column": "category", "priority_column": "priority", "read_knowledge_flag": True, "knowledge_column": "knowledge",
    "rows": "last row per ticket wins", "date_format": "%d/%m/%Y %H:%M",
}  # fmt: skip


@pytest.fixture(scope="module")
def log() -> Path:
    path = Path(__file__).parents[2].parent / "shared" / "data" / "uci-498" / "incident_event_log.zip"
    if not path.exists():
        pytest.skip("../shared is absent, and with it the log of UCI 498")
    return path


@pytest.fixture(scope="module")
def from_files(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("files")
    with zipfile.ZipFile(log) as archive:
        archive.extractall(folder)
    opened = open_installation(folder / "data")
    source = add(opened, "files", {**MAPPING, "tickets_file": str(folder / "incident_event_log.csv")})
    assert read_once(opened, source).outcome == "ok"
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def from_servicenow(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    incidents = uci_incidents(log)
    empty = dict.fromkeys(("kb_knowledge", "m2m_kb_task", "sys_user_grmember"), ())
    replay = ServiceNowReplay({"incident": incidents, "sys_user_group": uci_groups(incidents), **empty})
    opened = open_installation(tmp_path_factory.mktemp("servicenow") / "data")
    with LoopbackServer(replay) as desk:
        assert read_once(opened, add_servicenow(opened, desk.url, knowledge_flag=True)).outcome == "ok"
    yield opened
    opened.close()


@pytest.mark.parametrize("way", ["from_files", "from_servicenow"])
def test_the_known_numbers_come_out(way: str, log: Path, request: pytest.FixtureRequest) -> None:
    installation: Installation = request.getfixturevalue(way)
    rate, strict, reuse = ask(installation, *EVERYTHING, "link_rate", "link_rate_strict", "reuse_rate")
    assert (rate.x, rate.n) == (3551, 24918)
    assert (strict.value, strict.reason) == (None, "link_time_unknown")
    assert (reuse.value, reuse.reason) == (None, "origin_unknown")
    months = ask(installation, *SPRING, "link_rate", grain=Grain.MONTH)
    assert [(v.x, v.n) for v in months] == [(3154, 7341), (210, 8419), (80, 7576)]
    keys = ("time_to_resolve_linked_median", "time_to_resolve_unlinked_median")
    medians = [v.value for v in ask(installation, *EVERYTHING, *keys)]
    assert medians == pytest.approx(_exact_medians(log), rel=STATED_ERROR)
    assert medians == pytest.approx([94.0 * 3600, 21.5 * 3600], rel=0.02)


def test_both_ways_say_the_same(from_files: Installation, from_servicenow: Installation) -> None:
    def numbers(values: list[Value]) -> list[tuple[object, ...]]:
        return [(v.indicator, v.start, v.x, v.n, v.value, v.reason) for v in values if v.indicator != "coverage"]

    for grain in (None, Grain.MONTH):
        ours = [list(ask(one, *EVERYTHING, grain=grain)) for one in (from_files, from_servicenow)]
        assert numbers(ours[0]) == numbers(ours[1])
    assert len(ours[0]) > 24


def test_every_sum_of_every_team_and_day_is_the_same(from_files: Installation, from_servicenow: Installation) -> None:
    stored = []
    for installation in (from_files, from_servicenow):
        with installation.database.reading() as connection:
            stored.append(set(connection.execute(select(rollup)).all()))
    assert stored[0] == stored[1]
    assert len(stored[0]) > 20_000


def test_small_teams_stand_together_and_nothing_is_lost(from_files: Installation) -> None:
    with from_files.database.reading() as connection:
        question = Question(period=Period(*EVERYTHING), by_team=True, indicators=["link_rate"])
        found = answer(connection, question, from_files.rules(connection), from_files.today())
    assert sum(value.n or 0 for value in found) == 24918
    assert sum(value.x or 0 for value in found) == 3551
    assert "Other teams" in {value.group for value in found}


def _exact_medians(log: Path) -> list[float]:
    """Straight from the file, in seconds: linked, unlinked."""
    with zipfile.ZipFile(log) as archive, archive.open("incident_event_log.csv") as raw:
        last = {event["number"]: event for event in csv.DictReader(io.TextIOWrapper(raw, "utf-8"))}
    times: dict[str, list[float]] = {"true": [], "false": []}
    for event in last.values():
        closed = event["resolved_at"] if event["resolved_at"] != "?" else event["closed_at"]
        times[event["knowledge"]].append((_time(closed) - _time(event["opened_at"])).total_seconds())
    return [median(times["true"]), median(times["false"])]


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC)
