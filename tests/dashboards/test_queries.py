"""Every expression of every dashboard on a real Prometheus that scrapes the running service."""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from kpulse_dashboards.shape import walk
from tests.conftest import ROOT, StartPrometheus
from tests.metrics.desk import Running, run_desk, wait_until_read

FOLDER = ROOT / "dashboards" / "kpulse_dashboards" / "json"
PATIENCE_SECONDS = 60
SPECIAL = re.compile(r"[\\^$*{}\[\]'+?.()|]")
EMPTY = {
    (
        "kcs-leaders",
        "Answers used or written down",
        "B",
    ): "it compares with four weeks ago, and this history began a minute ago"
}
TEAMS = ["Accounts and access", "Business applications"]
CHOICES = {"All": [".*"], "one team": TEAMS[:1], "two teams": TEAMS}
Target = tuple[str, str, str, str]


def list_targets() -> list[Target]:
    """(dashboard, panel, reference, expression)"""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for panel in walk(dashboard):
            place = dashboard["uid"], panel["title"]
            found += [(*place, target["refId"], target["expr"]) for target in panel.get("targets", ())]
    return found


def interpolate(expression: str, teams: list[str]) -> str:
    """As Grafana fills a variable into a regular expression: one value plain, several in brackets, both escaped."""
    escaped = [team if team == ".*" else SPECIAL.sub(lambda hit: "\\\\" + hit.group(), team) for team in teams]
    return expression.replace("$team", escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})")


class Asked:
    """A Prometheus that has scraped the whole synthetic desk."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, expression: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        assert found["status"] == "success"
        assert not found.get("warnings")
        result: list[dict[str, Any]] = found["data"]["result"]
        return result


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_desk(tmp_path_factory.mktemp("desk"), days=120) as running:
        wait_until_read(running)
        yield running


@pytest.fixture(scope="module")
def asked(prometheus: StartPrometheus, desk: Running) -> Asked:
    server = Asked(prometheus(desk.target).url)
    wait_for(server, 1)
    return server


def wait_for(server: Asked, instances: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while len(server("kpulse_source_last_success_timestamp_seconds")) < instances:
        assert time.monotonic() < end, "Prometheus scraped nothing"
        time.sleep(0.3)


@pytest.mark.parametrize("choice", list(CHOICES))
@pytest.mark.parametrize("target", list_targets(), ids=lambda target: f"{target[1]} {target[2]}")
def test_every_expression_answers(asked: Asked, target: Target, choice: str) -> None:
    uid, title, reference, expression = target
    query = interpolate(expression, CHOICES[choice])
    assert "$" not in query
    found = asked(query)
    if (uid, title, reference) in EMPTY:
        assert found == []
        return
    assert found, f"{query} is empty"
    assert [one for one in found if one["value"][1] == "NaN"] == []
    assert [one["metric"] for one in found if {"job", "instance", "__name__"} & one["metric"].keys()] == []


def expression(title: str, reference: str = "A") -> str:
    return next(text for _, name, ref, text in list_targets() if (name, ref) == (title, reference))


def test_declared_empty_panels_exist() -> None:
    assert {target[:3] for target in list_targets()} >= EMPTY.keys()


def test_a_tile_says_how_many_of_how_many(asked: Asked) -> None:
    (tile,) = asked(expression("Answers used or written down"))
    x, n = int(tile["metric"]["x"]), int(tile["metric"]["n"])
    assert 0 < x < n
    assert float(tile["value"][1]) == pytest.approx(x / n)


@pytest.mark.parametrize("choice", list(CHOICES))
def test_bars_are_named_and_are_the_chosen_teams(asked: Asked, choice: str) -> None:
    bars = asked(interpolate(expression("Answers used or written down, by team"), CHOICES[choice]))
    teams = {bar["metric"]["team"] for bar in bars}
    assert teams == set(TEAMS[: len(CHOICES[choice])]) if choice != "All" else {*TEAMS, "Other teams"} <= teams
    for bar in bars:
        x, n = int(bar["metric"]["x"]), int(bar["metric"]["n"])
        assert bar["metric"]["name"] == f"{bar['metric']['team']}: {x} of {n}"
        assert float(bar["value"][1]) == pytest.approx(x / n)


def test_all_teams_together_are_the_organisation(asked: Asked) -> None:
    (teams,) = asked(interpolate(expression("The chosen teams together, over time"), CHOICES["All"]))
    (whole,) = asked(expression("The chosen teams together, over time", "B"))
    assert float(teams["value"][1]) == pytest.approx(float(whole["value"][1]))


def test_the_band_holds_the_line(asked: Asked) -> None:
    title = "Answers used or written down, over time"
    low, line, high = (float(asked(expression(title, ref))[0]["value"][1]) for ref in "BAC")
    assert low < line < high


def test_every_team_of_the_variable_can_be_chosen(asked: Asked) -> None:
    with urllib.request.urlopen(f"{asked.url}/api/v1/label/team/values", timeout=30) as answer:
        teams: list[str] = json.load(answer)["data"]
    assert len(teams) > 2
    for team in teams:
        assert asked(interpolate(expression("Answers used or written down, by team"), [team])), team


def test_escaping_is_that_of_grafana() -> None:
    assert interpolate('{team=~"$team"}', ["a.b (c)"]) == '{team=~"a\\\\.b \\\\(c\\\\)"}'
    assert interpolate('{team=~"$team"}', ["a", "b"]) == '{team=~"(a|b)"}'


def test_two_processes_that_say_the_same_count_once(prometheus: StartPrometheus, desk: Running) -> None:
    # Two addresses of one service are two instances for Prometheus; the list of targets is taken as it is given.
    twice = Asked(prometheus(f'{desk.target}", "localhost:{desk.target.rpartition(":")[2]}').url)
    wait_for(twice, 2)
    (finished,) = twice(expression("Finished requests"))
    assert finished["value"][1] == twice("max(kcs_org_tickets_closed_28d)")[0]["value"][1]
    (whole,) = twice("max(kcs_org_link_ratio_28d)")
    (teams,) = twice(interpolate(expression("The chosen teams together, over time"), CHOICES["All"]))
    assert float(teams["value"][1]) == pytest.approx(float(whole["value"][1]))
