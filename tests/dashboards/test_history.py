"""One line over loaded history (a sample a day) and live samples, and no figure that the service does not say any more."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.systems.owned import missing

FOLDER = ROOT / "dashboards" / "kpulse_dashboards" / "json"
ALIVE = 'kpulse_build_info{job="kpulse"}'


def expression(title: str, reference: str, teams: str = ".*") -> str:
    dashboard = json.loads((FOLDER / "kcs-leaders.json").read_text(encoding="utf-8"))
    panel = next(panel for panel in dashboard["panels"] if panel["title"] == title)
    found: str = next(target["expr"] for target in panel["targets"] if target["refId"] == reference)
    return found.replace("$team", teams)


def evaluate(folder: Path, step: str, series: dict[str, str], expected: list[tuple[str, str, list[Any]]]) -> None:
    """Let promtool compare: ``expected`` holds (expression, time, samples)."""
    promtool = shutil.which("promtool") or missing("promtool", ["prometheus"])
    test = {
        "interval": step,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": e, "eval_time": at, "exp_samples": found} for e, at, found in expected],
    }
    file = folder / "test.yml"
    file.write_text(json.dumps({"rule_files": [], "evaluation_interval": step, "tests": [test]}), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def sample(value: float, labels: str = "{}") -> dict[str, Any]:
    return {"labels": labels, "value": value}


def test_a_sample_a_day_is_an_unbroken_line(tmp_path: Path) -> None:
    line = expression("Answers used or written down, over time", "A")
    history = {'kcs_org_link_ratio_28d{job="loaded"}': "0.25 0.5 0.75"}
    times = {"0h": 0.25, "7h": 0.25, "23h": 0.25, "31h": 0.5, "49h": 0.75, "71h": 0.75}
    evaluate(tmp_path, "1d", history, [(line, at, [sample(value)]) for at, value in times.items()])
    evaluate(tmp_path, "1d", history, [(line, "80h", [])])


def test_live_samples_win_over_history_and_over_a_process_that_is_gone(tmp_path: Path) -> None:
    line = expression("Answers used or written down, over time", "A")
    series = {
        'kcs_org_link_ratio_28d{instance="gone"}': "0.75 0.75 _x100",
        'kcs_org_link_ratio_28d{instance="new"}': "_ _ 0.5x100",
        ALIVE: "1x100",
    }
    evaluate(tmp_path, "1m", series, [(line, "30m", [sample(0.5)])])


def test_what_is_not_known_any_more_is_gone_at_once(tmp_path: Path) -> None:
    line = expression("Answers used or written down, over time", "A")
    series = {"kcs_org_link_ratio_28d": "0.75 stale _x100", ALIVE: "1x100"}
    evaluate(tmp_path, "1m", series, [(line, "30m", [])])


def test_while_the_service_is_away_the_last_value_stays_for_a_day(tmp_path: Path) -> None:
    line = expression("Answers used or written down, over time", "A")
    series = {"kcs_org_link_ratio_28d": "0.75 stale", ALIVE: "1 stale"}
    evaluate(tmp_path, "1m", series, [(line, "20h", [sample(0.75)]), (line, "27h", [])])


def test_a_team_that_is_hidden_now_is_not_counted_twice(tmp_path: Path) -> None:
    line = expression("The chosen teams together, over time", "A")
    hidden, other, shown = 'team="Small"', 'team="Other teams"', 'team="Large"'
    series = {ALIVE: "1x100"}
    for name, values in (
        ("linked", ("4x2 stale", "_ _ _ 6x97", "10x100")),
        ("closed", ("8x2 stale", "_ _ _ 12x97", "20x100")),
    ):
        for team, numbers in zip((hidden, other, shown), values, strict=True):
            series[f"kcs_team_tickets_{name}_28d{{{team}}}"] = numbers
    evaluate(tmp_path, "1m", series, [(line, "30m", [sample(16 / 32)]), (line, "2m", [sample(14 / 28)])])


def test_the_change_compares_with_the_same_figure_four_weeks_ago(tmp_path: Path) -> None:
    change = expression("Answers used or written down", "B")
    history = {'kcs_org_link_ratio_28d{job="loaded"}': "0.25 " + "0.5 " * 30}
    evaluate(
        tmp_path, "1d", history, [(change, "28d", [sample(25)]), (change, "29d", [sample(0)]), (change, "20d", [])]
    )
