"""What the leader page says, and what it never says."""

import json
import re
from datetime import timedelta

import pytest

from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.store import sources
from kpulse.store import tables as t
from kpulse.store.notes import bump
from kpulse.store.sources import Source
from kpulse.web.leader_page import KEPT
from tests.web.conftest import Browser, add, add_desk
from tests.web.desk import AWAY, NOW, TOKEN, Desk


def words_of(page: str) -> str:
    """The text that people see."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<(script|svg)\b.*?</\1>", " ", page, flags=re.S)))


@pytest.fixture
def text(read_desk: Source, km_lead: Browser) -> str:
    return words_of(km_lead.read("/"))


def test_an_empty_installation_says_what_to_do(anybody: Browser) -> None:
    page = anybody.read("/")
    assert "Nothing is connected yet" in page
    assert "/sources/new" in page
    assert "%" not in words_of(page)


def test_at_most_five_tiles_each_with_value_basis_and_explanation(read_desk: Source, km_lead: Browser) -> None:
    page = km_lead.read("/")
    tiles = re.findall(r'<article class="tile.*?</article>', page, flags=re.S)
    assert len(tiles) == 5
    assert all("How is this computed?" in tile for tile in tiles)
    main = words_of(tiles[0])
    assert "Answers used or written down" in main
    assert "In how many of 100 finished requests" in main
    found = re.search(r"(\d+)% ([\d,]+) of ([\d,]+) requests between (\d+) and (\d+) of 100", main)
    assert found is not None
    share, x, n, low, high = (int(number) for number in found.groups())
    assert round(100 * x / n) == share
    assert low < share < high


def test_changes_are_worded_by_their_intervals(text: str) -> None:
    assert re.search(r"a year before: [\d.]+% – clear change", text)
    assert "as expected" in text


def test_it_says_what_is_not_known(text: str) -> None:
    assert "What we do not know" in text
    assert "All 28 days were read" in text
    assert "shown only together as Other teams" in text
    assert "recorded by the desk as a link" in text
    assert "A link counts until 7 days after a request was finished" in text
    assert "1 row of Our desk could not be read and is missing here" in text
    assert "data as of 30 June 2025, 12:00 (UTC), just now" in text


def test_it_never_says(text: str) -> None:
    lowered = text.casefold()
    for never in ("target", "link rate", "ranking", "best team", "worst", "person 1", "tiny", "top ", "leaderboard"):
        assert never not in lowered, never


def test_teams_stand_by_name_and_small_ones_together(read_desk: Source, km_lead: Browser) -> None:
    page = km_lead.read("/")
    names = re.findall(r'role="rowheader">([^<]+)<', page)
    assert names[0] == "All together"
    assert names[1:] in (["Access", "Other teams"], ["Billing", "Other teams"])


def test_the_trend_has_thirteen_months_as_data_and_as_table(read_desk: Source, km_lead: Browser) -> None:
    page = km_lead.read("/")
    data = json.loads(re.search(r'id="trend-data">(.*?)</script>', page, flags=re.S).group(1))  # type: ignore[union-attr]
    assert data["labels"][0] == "Jun 2024"
    assert data["labels"][-1] == "Jun 2025"
    assert [line["key"] for line in data["series"]] == ["link_rate", "reuse_rate", "create_rate"]
    assert all(len(line["values"]) == 13 for line in data["series"])
    assert all(
        low <= share <= high
        for line in data["series"][:1]
        for low, share, high in zip(line["low"], line["values"], line["high"], strict=True)
        if share is not None
    )
    assert data["provisional"] == [False] * 12 + [True]
    for label in data["labels"]:
        assert f'<th scope="row">{label}</th>' in page


def test_synthetic_data_are_labelled(installation: Installation, anybody: Browser) -> None:
    add(installation, "demo", {"anchor": "2025-06-30"}, name="Demo company")
    assert "Synthetic demo data." in anybody.read("/")


def test_real_data_are_not(read_desk: Source, km_lead: Browser) -> None:
    assert "Synthetic" not in km_lead.read("/")


def test_a_failed_source_keeps_the_last_value_with_its_age_and_says_why(
    read_desk: Source, installation: Installation, km_lead: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = re.search(r'class="value">(\d+%)', km_lead.read("/"))
    monkeypatch.setattr(Desk, "trouble", AWAY)
    installation.clock = lambda: NOW + timedelta(hours=3)
    result = poll(installation, read_desk)
    assert result is not None
    assert result.outcome == "failed"
    page = km_lead.read("/")
    assert before is not None
    assert f'class="value">{before.group(1)}' in page
    text = words_of(page)
    assert f"Our desk could not be read. {AWAY}" in text
    assert "The numbers below are the last good ones, from 3 hours ago." in text


def test_the_first_reading_shows_progress(installation: Installation, km_lead: Browser) -> None:
    source = add_desk(installation)
    with installation.database.writing() as connection:
        run = sources.start_run(connection, source.id, installation.now())
        sources.change_run(
            connection, run, stage="tickets: newest", progress=250, records=1234, eta=installation.now() + 120_000_000
        )
    page = km_lead.read("/")
    assert 'value="250"' in page
    assert "reading tickets, the newest 30 days first" in page
    assert "about 2 minutes left" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    told = km_lead.get("/progress.json").get_json()
    assert told["first_reading"]
    assert told["sources"][0]["promille"] == 250
    assert told["sources"][0]["records"] == "1,234 records"


def test_a_source_without_finished_requests_says_so(installation: Installation, km_lead: Browser) -> None:
    source = add_desk(installation)
    with installation.database.writing() as connection:
        run = sources.start_run(connection, source.id, installation.now())
        sources.change_run(connection, run, ended_at=installation.now(), outcome="ok", progress=1000)
    assert "No finished request was found" in km_lead.read("/")


def test_the_page_is_made_once_for_the_same_facts(
    read_desk: Source, installation: Installation, km_lead: Browser
) -> None:
    km_lead.read("/")
    kept = km_lead.client.application.extensions[KEPT]
    first, version, _ = kept.get(installation)
    assert kept.get(installation)[0] is first
    poll(installation, read_desk)
    second, newer, _ = kept.get(installation)
    assert second is not first
    assert newer != version


def test_every_number_has_a_page_and_times_of_some_requests_have_no_values(read_desk: Source, km_lead: Browser) -> None:
    page = words_of(km_lead.read("/indicators/link_rate"))
    assert "What fools it" in page
    assert "between" in page
    assert "No request was finished in this period." in page
    hidden = words_of(km_lead.read("/indicators/time_to_resolve_linked_median"))
    assert "read without a fair comparison they mislead" in hidden
    assert "hours" not in hidden


def test_the_footer_names_the_owner_of_the_mark(anybody: Browser) -> None:
    assert "KCS is a service mark of the Consortium for Service Innovation" in anybody.read("/")


def test_nothing_is_said_before_the_newest_days_are_counted(installation: Installation, km_lead: Browser) -> None:
    source = add_desk(installation)
    with installation.database.writing() as connection:
        run = sources.start_run(connection, source.id, installation.now())
        sources.change_run(connection, run, stage="everything: newest")
        connection.execute(t.rollup.insert(), {"team": "Access", "day": installation.today().toordinal(), "measure": "closed", "slot": 0, "n": 50})  # fmt: skip
    page = km_lead.read("/")
    assert "Reading for the first time" in page
    assert 'class="value"' not in page


def test_what_waits_to_be_counted_is_not_compared(
    read_desk: Source, installation: Installation, km_lead: Browser
) -> None:
    assert "a year before" in km_lead.read("/")
    with installation.database.writing() as connection:
        connection.execute(t.dirty_ticket.insert(), [{"source_id": read_desk.id, "ticket": f"T{n}"} for n in range(60)])
        bump(connection, "data_version")
    page = km_lead.read("/")
    assert "Everything is read; it is being counted." in page
    assert "a year before" not in page
    assert 'class="value"' in page
    assert 'id="trend-data"' not in page
    assert km_lead.get("/progress.json").get_json()["first_reading"]


def test_a_second_source_does_not_take_the_numbers_away(
    read_desk: Source, installation: Installation, km_lead: Browser
) -> None:
    before = re.search(r'class="value">(\d+%)', km_lead.read("/"))
    add(installation, "desk", {"address": "https://other.example.org", "token": TOKEN}, name="Another source")
    page = km_lead.read("/")
    assert before is not None
    assert f'class="value">{before.group(1)}' in page
    assert "waiting for its first reading" in page
