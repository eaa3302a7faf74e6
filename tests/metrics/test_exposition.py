"""What stands in /metrics: the values of every other face, nothing that is not known, nobody and no single case."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from sqlalchemy import select

from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.jobs.refresh import refresh
from kpulse.metrics.definitions import EXPOSED, define_indicator, list_definitions, window_of
from kpulse.metrics.families import Family, distinct
from kpulse.metrics.reference import write_reference
from kpulse.metrics.snapshot import OPENMETRICS, TEXT, cut_to_budget, keep, read_snapshot, render
from kpulse.periods import rolling
from kpulse.settings import load
from kpulse.store import sources
from kpulse.store import tables as t
from kpulse.values.answer import Question, answer
from kpulse.values.visibility import OTHER_TEAMS
from tests.conftest import ROOT
from tests.metrics.desk import open_desk
from tests.systems.owned import missing

LEAST_KEY = 3
Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A synthetic desk that was read."""
    installation = open_desk(tmp_path_factory.mktemp("desk"))
    with installation.database.reading() as connection:
        source = sources.list_sources(connection)[0]
    result = poll(installation, source)
    assert result is not None
    assert result.outcome == "ok"
    yield installation
    installation.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Installation]:
    """An installation without a source."""
    installation = Installation.open(load(data_dir=tmp_path), migrate=True)
    yield installation
    installation.close()


def body(installation: Installation, name: str = TEXT) -> str:
    with installation.database.reading() as connection:
        found = read_snapshot(connection, name)
    assert found is not None
    return found.body.decode()


def samples(families: Iterable[Metric]) -> dict[Sample, float]:
    listed = [((s.name, tuple(sorted(s.labels.items()))), s.value) for family in families for s in family.samples]
    assert len(dict(listed)) == len(listed)
    return dict(listed)


def read_openmetrics(text: str) -> Iterable[Metric]:
    found: Iterable[Metric] = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return found


def check(text: str) -> subprocess.CompletedProcess[str]:
    promtool = shutil.which("promtool") or missing("promtool", ["prometheus"])
    return subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)


def test_promtool_has_nothing_to_say(desk: Installation) -> None:
    said = check(body(desk))
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_promtool_would_say_something() -> None:
    assert check("# TYPE Bad_total gauge\nBad_total 1\n").returncode != 0


def test_every_metric_is_defined_and_every_definition_is_a_metric(desk: Installation) -> None:
    found = [
        (name, text)
        for line in body(desk).splitlines()
        if line.startswith("# HELP")
        for _, _, name, text in [line.split(" ", 3)]
    ]
    assert sorted(found) == sorted((one.name, one.help) for one in list_definitions())


def test_labels_are_those_of_the_definition(desk: Installation) -> None:
    labels = {one.name: set(one.labels) for one in list_definitions()}
    assert [key for key in samples(parse(body(desk))) if {name for name, _ in key[1]} != labels[key[0]]] == []


def test_openmetrics_says_the_same(desk: Installation) -> None:
    text = body(desk, OPENMETRICS)
    assert text.endswith("# EOF\n")
    assert samples(read_openmetrics(text)) == samples(parse(body(desk)))


@pytest.mark.parametrize("team", [False, True])
def test_values_are_those_of_every_other_face(desk: Installation, team: bool) -> None:
    exposed = samples(parse(body(desk)))
    compared = 0
    for key, entry in EXPOSED.items():
        if team and not entry.for_teams:
            continue
        question = Question(period=rolling(desk.today(), window_of(entry)), by_team=team, indicators=[key])
        with desk.database.reading() as connection:
            values = answer(connection, question, desk.rules(connection), desk.today())
        for value in values:
            for field, meant in define_indicator(entry, team=team):
                label = (("team", value.group),) if team else ()
                wanted = None if value.value is None else getattr(value, field)
                assert exposed.get((meant.name, label)) == wanted
                compared += wanted is not None
    assert compared > 20


def test_small_teams_stand_together(desk: Installation) -> None:
    teams = {
        dict(labels)["team"] for (name, labels) in samples(parse(body(desk))) if name == "kcs_team_tickets_closed_28d"
    }
    assert OTHER_TEAMS in teams
    assert "Data and reporting" not in teams


def test_teams_add_up_to_the_organisation(desk: Installation) -> None:
    found = samples(parse(body(desk)))
    for part in ("tickets_closed", "tickets_linked", "tickets_with_reuse", "tickets_with_new_article"):
        teams = sum(number for (name, _), number in found.items() if name == f"kcs_team_{part}_28d")
        assert teams == found[f"kcs_org_{part}_28d", ()] > 0


def test_no_ticket_no_article_no_person(desk: Installation) -> None:
    columns = [
        t.ticket.c.key, t.ticket.c.owner, t.article.c.key, t.article.c.title, t.article.c.url, t.article.c.author,
        t.link_event.c.actor, t.membership.c.person, t.outcome.c.owner,
    ]  # fmt: skip
    with desk.database.reading() as connection:
        kept = {str(x) for c in columns for x in connection.execute(select(c).distinct()).scalars() if x}
    assert len(kept) > 3000
    values = {value for _, labels in samples(parse(body(desk))) for _, value in labels}
    text = body(desk)
    assert [x for x in kept if x in values or (len(x) > LEAST_KEY and x in text)] == []


def test_linked_beside_unlinked_times_stay_out(desk: Installation) -> None:
    assert "linked_median" not in body(desk)
    assert "linked_p90" not in body(desk)


def test_nothing_is_known_of_an_empty_installation(empty: Installation) -> None:
    refresh(empty)
    found = samples(parse(body(empty)))
    assert found["kpulse_sources_enabled", ()] == 0
    assert {name for name, _ in found if name.startswith("kcs_")} == set()
    assert ("kpulse_data_as_of_timestamp_seconds", ()) not in found
    assert check(body(empty)).returncode == 0


def test_nothing_is_known_before_a_source_was_read(tmp_path: Path) -> None:
    waiting = open_desk(tmp_path)
    refresh(waiting)
    names = {name for name, _ in samples(parse(body(waiting)))}
    waiting.close()
    assert {name for name in names if name.startswith("kcs_") or name == "kpulse_source_up"} == set()


def test_a_run_that_was_stopped_does_not_make_a_source_fail(empty: Installation) -> None:
    with empty.database.writing() as connection:
        source = sources.add_source(connection, created_at=0, settings={}, secrets={}, name="Desk", type="demo")
        for outcome, kind in (("ok", ""), ("failed", "stopped"), ("", "")):
            run = sources.start_run(connection, source, empty.now())
            sources.change_run(connection, run, outcome=outcome, kind=kind)
    refresh(empty)
    label = (("source", "Desk"), ("type", "demo"))
    assert samples(parse(body(empty)))["kpulse_source_up", label] == 1
    with empty.database.writing() as connection:
        run = sources.start_run(connection, source, empty.now())
        sources.change_run(connection, run, outcome="failed", kind="config")
        sources.start_run(connection, source, empty.now())
    refresh(empty)
    assert samples(parse(body(empty)))["kpulse_source_up", label] == 0


def test_the_budget_keeps_families_whole_and_counts_the_rest() -> None:
    def family(name: str, series: int) -> Family:
        return Family(name, "Help.", [({"team": str(n)}, 1.0) for n in range(series)])

    kept = cut_to_budget([family("a", 4), family("b", 7), family("c", 3)], budget=10)
    assert [(one.name, len(one.samples)) for one in kept] == [("a", 4), ("c", 3), ("kpulse_metrics_dropped_series", 1)]
    assert kept[-1].samples == [({}, 7.0)]
    whole = cut_to_budget([family("a", 9)], budget=10)
    assert [len(one.samples) for one in whole] == [9, 1]
    assert whole[-1].samples == [({}, 0.0)]


def test_labels_hold_nothing_that_breaks_a_query_and_stay_apart(empty: Installation) -> None:
    names = ['a"b', "a'b", "c\\d", "line\nbreak", "ü, {x} = 1"]
    assert distinct(names) == ["a'b", "a'b (2)", "c/d", "line break", "ü, {x} = 1"]
    keep(empty, render([Family("kcs_team_x_28d", "Help.", [({"team": x}, 1.0) for x in distinct(names)])]))
    assert len(samples(parse(body(empty)))) == len(names)
    assert len(samples(read_openmetrics(body(empty, OPENMETRICS)))) == len(names)


def test_the_reference_page_is_current() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == write_reference(), "run: python -m kpulse.metrics.reference > docs/metrics.md"
