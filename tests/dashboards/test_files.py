"""The committed dashboards: what their code makes, and what a reader, a Grafana server and a house rule need of them."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from kpulse.metrics.definitions import list_definitions
from kpulse_dashboards.shape import walk
from tests.conftest import ROOT

FOLDER = ROOT / "dashboards" / "kpulse_dashboards" / "json"
FILES = sorted(path.name for path in FOLDER.glob("*.json"))
UIDS = {"kcs-leaders"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"percentunit", "locale", "s", "none", "dateTimeFromNow", "suffix: points"}
COLOURS = {"blue", "orange", "text"}
WITHOUT_DATA = {"text", "row"}
METRIC = re.compile(r"\b(?:kcs|kpulse)_[a-z0-9_]+\b")
WIDTH = 24
LEADER_TILES = 5
JARGON = re.compile(r"\b(KPI|metric|ticket|rollup|bucket|PromQL|link rate|median|p90|ratio|wilson)\b", re.IGNORECASE)

# On purpose not on the dashboard for leaders.
NOT_FOR_LEADERS = re.compile(
    r"kcs_(org|team)_(tickets_linked_strict|link_strict|link_any|known|reuse_concentration|never_reused|resolution_links"
    r"|stale_link|time_to_resolve_p90)\w*"
    r"|kcs_org_(reuse|create|stale_link|orphan_link)_ratio_(low|high)_28d"
    r"|kcs_team_(tickets_excluded|tickets_with|reuse|create|orphan_link|link_ratio_(low|high)|time_to_resolve)\w*"
    r"|kpulse_(sources_enabled|source_last_success_timestamp_seconds|dirty_buckets|metrics_published_timestamp_seconds)"
)


@pytest.fixture(params=FILES)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / request.param).read_text(encoding="utf-8"))
    return found


def data_panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in walk(dashboard) if panel["type"] not in WITHOUT_DATA]


def targets(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [target for panel in data_panels(dashboard) for target in panel["targets"]]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def colours(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (v for k, v in value.items() if k in ("fixedColor", "color") and isinstance(v, str))
        for inner in value.values():
            yield from colours(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from colours(inner)


def keys(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}"
            yield from keys(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from keys(inner, f"{path}[{place}]")


@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2")  # which file provisioning does not take
def test_files_are_what_the_code_makes() -> None:
    from kpulse_dashboards.build import build

    committed = {name: (FOLDER / name).read_text(encoding="utf-8") for name in FILES}
    assert committed == build(), "run: make dashboards"


@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2")
def test_no_key_is_misspelt() -> None:
    """What Grafana's types do not know is lost on the way through them."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    for name in FILES:
        found = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        again = json.loads(JSONEncoder().encode(Dashboard.from_json(found)))
        assert sorted(set(keys(found)) - set(keys(again))) == []
        found["panels"][1]["options"]["colourMode"] = "none"
        again = json.loads(JSONEncoder().encode(Dashboard.from_json(found)))
        assert sorted(set(keys(found)) - set(keys(again))) == [".panels[1].options.colourMode"]


def test_uids_stay_for_good() -> None:
    assert {json.loads((FOLDER / name).read_text(encoding="utf-8"))["uid"] for name in FILES} == UIDS


def test_file_provisioning_of_every_grafana_takes_it(dashboard: dict[str, Any]) -> None:
    assert dashboard["schemaVersion"] <= 42
    assert dashboard["editable"] is False
    assert {"id", "__inputs", "apiVersion", "kind", "spec"} & dashboard.keys() == set()
    assert [panel for panel in walk(dashboard) if "libraryPanel" in panel] == []


def test_ids_count_from_one(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in walk(dashboard)]
    assert ids == list(range(1, len(ids) + 1))


def test_nothing_overlaps_or_sticks_out(dashboard: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in walk(dashboard)]
    assert [one for one in places if one["x"] + one["w"] > WIDTH or one["h"] < 1] == []
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []


def test_text_fits_a_phone(dashboard: dict[str, Any]) -> None:
    assert [p["title"] for p in walk(dashboard) if p["type"] == "text" and p["gridPos"]["h"] < 5] == []


def test_repeats_have_a_direction_and_nothing_else_has(dashboard: dict[str, Any]) -> None:
    assert [p["title"] for p in walk(dashboard) if bool(p.get("repeat")) != ("repeatDirection" in p)] == []


def test_every_panel_says_what_it_is(dashboard: dict[str, Any]) -> None:
    assert [panel for panel in walk(dashboard) if not panel.get("title")] == []
    assert [p["title"] for p in data_panels(dashboard) if len(p.get("description", "").split()) < 10] == []


def test_every_data_panel_says_why_it_is_empty(dashboard: dict[str, Any]) -> None:
    said = {p["title"]: p["fieldConfig"]["defaults"].get("noValue", "") for p in data_panels(dashboard)}
    assert {title for title, text in said.items() if len(text.split()) < 4} == set()


def test_units_are_known(dashboard: dict[str, Any]) -> None:
    defaults = {p["fieldConfig"]["defaults"].get("unit") for p in data_panels(dashboard)}
    overrides = {
        value["value"]
        for p in data_panels(dashboard)
        for override in p["fieldConfig"]["overrides"]
        for value in override["properties"]
        if value["id"] == "unit"
    }
    assert defaults | overrides <= UNITS


def test_the_data_source_is_chosen_by_the_reader(dashboard: dict[str, Any]) -> None:
    variables = {one["name"]: one for one in dashboard["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    named = [one["datasource"] for one in [*data_panels(dashboard), *targets(dashboard)]]
    named += [one["datasource"] for one in variables.values() if one["type"] == "query"]
    assert [one for one in named if one != SOURCE] == []


def test_variables_follow_the_data(dashboard: dict[str, Any]) -> None:
    for one in dashboard["templating"]["list"]:
        if one["type"] == "query":
            assert one["refresh"] == 2
            assert one["multi"]
            assert one["includeAll"]
            assert one["allValue"] == ".*"
            assert one["label"]


def test_targets_are_complete_and_distinct(dashboard: dict[str, Any]) -> None:
    for panel in data_panels(dashboard):
        references = [target["refId"] for target in panel["targets"]]
        assert references
        assert len(set(references)) == len(references)
        assert [one for one in panel["targets"] if not one["expr"] or one["instant"] == one["range"]] == []
        chart = panel["type"] == "timeseries"
        assert [one for one in panel["targets"] if one["range"] != chart] == []


def test_which_machine_was_scraped_never_shows(dashboard: dict[str, Any]) -> None:
    """The linter's rules for job and instance do not fit: one service, any number of processes that say the same."""
    for target in targets(dashboard):
        selectors = len(re.findall(METRIC, target["expr"])) - target["expr"].count("unless on () kpulse_build_info")
        aggregated = len(re.findall(r"\bmax(?: by \((?:team|source)\))? ?\((?:last_over_time\()?k", target["expr"]))
        assert aggregated == selectors > 0
        assert "job" not in target["expr"]
        assert "instance" not in target["expr"]


def test_gauges_are_not_read_as_counters(dashboard: dict[str, Any]) -> None:
    assert [t["expr"] for t in targets(dashboard) if re.search(r"\b(i?rate|increase|delta)\(", t["expr"])] == []


def test_every_metric_exists_and_none_is_forgotten() -> None:
    text = "".join((FOLDER / name).read_text(encoding="utf-8") for name in FILES)
    used, defined = set(METRIC.findall(text)), {one.name for one in list_definitions()}
    assert used - defined == set()
    assert {one for one in defined - used if not NOT_FOR_LEADERS.fullmatch(one)} == set()
    assert {one for one in used if NOT_FOR_LEADERS.fullmatch(one)} == set()


def test_an_activity_has_no_goal_and_no_red_or_green(dashboard: dict[str, Any]) -> None:
    for panel in data_panels(dashboard):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert [step["value"] for step in steps] == [None]
        assert panel["fieldConfig"]["defaults"].get("custom", {}).get("thresholdsStyle") is None
        assert set(colours(panel)) <= COLOURS


def test_a_coloured_state_is_also_a_word(dashboard: dict[str, Any]) -> None:
    states = [
        result
        for panel in data_panels(dashboard)
        for one in panel["fieldConfig"]["defaults"].get("mappings", [])
        for result in one["options"].values()
    ]
    assert states
    assert [one for one in states if one["color"] in COLOURS and not one["text"]] == []


def test_a_leader_sees_few_tiles_in_plain_words() -> None:
    found: dict[str, Any] = json.loads((FOLDER / "kcs-leaders.json").read_text(encoding="utf-8"))
    first_chart = next(panel["gridPos"]["y"] for panel in found["panels"] if panel["type"] == "timeseries")
    assert len([p for p in found["panels"] if p["type"] == "stat" and p["gridPos"]["y"] < first_chart]) == LEADER_TILES
    assert [panel["title"] for panel in found["panels"] if JARGON.search(panel["title"])] == []
    words = found["panels"][0]["options"]["content"]
    assert '"KCS" is a service mark of the Consortium for Service Innovation.' in words
    assert [link["url"] for link in found["links"]] == ["${leader_page}"]


def test_times_of_linked_beside_unlinked_work_are_not_shown(dashboard: dict[str, Any]) -> None:
    assert not re.search("resolve_(un)?linked", json.dumps(dashboard))


def test_provisioning_names_what_the_dashboards_need() -> None:
    folder = ROOT / "dashboards" / "kpulse_dashboards" / "provisioning"
    source = (folder / "datasources" / "kcs.yaml").read_text(encoding="utf-8")
    scrape = (folder / "prometheus.yml").read_text(encoding="utf-8")
    provider = (folder / "dashboards" / "kcs.yaml").read_text(encoding="utf-8")
    assert "uid: kcs-prometheus\n    type: prometheus\n" in source
    assert re.findall(r"timeInterval: (\w+)", source) == re.findall(r"scrape_interval: (\w+)", scrape) == ["60s"]
    assert "type: file\n" in provider
    assert "allowUiUpdates: false\n" in provider
