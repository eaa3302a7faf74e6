"""A real Redmine plays a month with a known answer: the connector finds it, and the rate follows the desk link by link."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.sdk import (
    Article,
    ArticleEvent,
    ArticleState,
    ConfigError,
    Level,
    LinkEvent,
    LinksSeen,
    Record,
    SecretStr,
    Status,
    Team,
    Ticket,
    Window,
)
from kpulse.store import sources
from kpulse_connectors.redmine import Redmine, RedmineSettings
from tests.end_to_end.desk import add, ask, change, open_installation
from tests.systems import redmine_story as answer
from tests.systems.redmine import Desk

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("redmine"), pytest.mark.timeout(600)]
STREAMS = ("teams", "articles", "tickets")
Rate = tuple[int, int]


class SmallPages(Redmine):
    """The same connector with pages so small that every stream has several."""

    page_size = 2


@dataclass
class Played:
    """A desk after the month."""

    desk: Desk
    base: datetime
    ids: dict[str, str]

    @property
    def names(self) -> dict[str, str]:
        """Names by id."""
        return {key: name for name, key in self.ids.items()}

    def hour(self, when: datetime | None) -> int:
        """Hours since the base; a request takes some seconds."""
        assert when
        return int((when - self.base) / timedelta(hours=1))


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    desk = Desk.start()
    try:
        base = datetime.now(UTC).replace(microsecond=0) - timedelta(days=50)
        yield Played(desk, base, dict(answer.play(desk, base)))
    finally:
        desk.stop()


def connector(desk: Desk, who: str = "reader", **more: Any) -> Redmine:
    return SmallPages(RedmineSettings(address=desk.url, key=SecretStr(desk.keys[who]), **more))


@pytest.fixture(scope="module")
def records(played: Played) -> list[Record]:
    source = connector(played.desk)
    try:
        return [record for name in STREAMS for page in source.fetch(name, Window()) for record in page.records]
    finally:
        source.close()


def test_tickets_have_their_history(records: list[Record], played: Played) -> None:
    tickets = {played.names[each.key]: each for each in records if isinstance(each, Ticket)}
    assert tickets.keys() == answer.CLOSED_AT.keys() | answer.OPEN
    closing = {
        name: [c for c in each.changes if c.to in (Status.RESOLVED, Status.CLOSED)] for name, each in tickets.items()
    }
    assert {name: played.hour(found[-1].at) for name, found in closing.items() if found} == answer.CLOSED_AT
    assert [played.hour(change.at) for change in tickets["N3"].changes] == [58, 61, 70, 75]
    assert {name for name, each in tickets.items() if each.exclude} == answer.CANCELLED
    merged = {name: played.names[each.merged_into] for name, each in tickets.items() if each.merged_into}
    assert merged == answer.MERGED
    teams = {each.key: each.name for each in records if isinstance(each, Team)}
    assert sorted(teams.values()) == ["Helpdesk", "Network"]
    assert [teams[change.team or ""] for change in tickets["N11"].changes] == ["Helpdesk", "Network"]


def test_links_have_the_hour_and_the_author_of_their_text(records: list[Record], played: Played) -> None:
    events = [each for each in records if isinstance(each, LinkEvent)]
    shown = {
        (played.names[each.ticket], article)
        for each in records
        if isinstance(each, LinksSeen)
        for article in each.articles
        if article
    }
    made = {(played.names[e.ticket], e.article or ""): played.hour(e.at) for e in events}
    assert {link: made[link] for link in shown} == answer.LINKS
    assert [(e.op.value, played.hour(e.at)) for e in events if played.names[e.ticket] == "N4"] == [
        ("add", 80),
        ("remove", 82),
    ]
    owners = {each.key: each.owner for each in records if isinstance(each, Ticket)}
    assert all(event.by == owners[event.ticket] for event in events)


def test_pages_are_articles(records: list[Record], played: Played) -> None:
    articles = {each.key: each for each in records if isinstance(each, Article)}
    assert articles.keys() == answer.PAGES.keys()
    assert played.hour(articles["helpdesk/vpn_drops_every_hour"].created_at) == 0
    edited = [each for each in records if isinstance(each, ArticleEvent)]
    assert [(each.article, played.hour(each.at)) for each in edited] == [("helpdesk/vpn_drops_every_hour", 10)]


def test_windows_hold_what_changed_in_them(played: Played) -> None:
    source = connector(played.desk)
    hours = [0, 60, 90, 131, 400]
    found: list[str] = []
    for begin, end in itertools.pairwise(hours):
        window = Window(since=played.base + timedelta(hours=begin), until=played.base + timedelta(hours=end))
        found += [r.key for page in source.fetch("tickets", window) for r in page.records if isinstance(r, Ticket)]
    source.close()
    assert sorted(found) == sorted(played.ids[name] for name in answer.CLOSED_AT.keys() | answer.OPEN)


def test_a_sweep_lists_what_there_is(played: Played) -> None:
    source = connector(played.desk)
    tickets = {played.names[key] for page in source.sweep("tickets") for key in page.keys}
    articles = {key for page in source.sweep("articles") for key in page.keys}
    source.close()
    assert tickets == answer.CLOSED_AT.keys() | answer.OPEN
    assert articles == answer.PAGES.keys()


def test_the_scope_leaves_out_what_is_elsewhere(played: Played) -> None:
    source = connector(played.desk, projects="helpdesk", trackers="support", wikis="Network")
    tickets = {r.key for page in source.fetch("tickets", Window()) for r in page.records if isinstance(r, Ticket)}
    assert tickets == {played.ids[name] for name in ("N1", "N2", "N5", "N8", "N10", "N12")}
    pages = {r.key for page in source.fetch("articles", Window()) for r in page.records if isinstance(r, Article)}
    assert pages == {"network/cable_map", "network/who_to_call"}
    assert source.choices("projects") == ["Helpdesk", "Network"]
    assert source.choices("trackers") == ["Bug", "Feature", "Support"]
    assert source.choices("resolved") == ["New", "In Progress", "Resolved", "Feedback", "Closed", "Rejected"]
    source.close()


def test_a_parent_page_means_a_state(played: Played) -> None:
    source = connector(played.desk, page_states="Reset the token = archived")
    played.desk.page("mia", "helpdesk", "Old ways", parent="Reset the token")
    pages = {r.key: r for page in source.fetch("articles", Window()) for r in page.records if isinstance(r, Article)}
    played.desk.delete_page("admin", "helpdesk", "Old ways")
    source.close()
    assert pages["helpdesk/old_ways"].state is ArticleState.ARCHIVED
    assert pages["helpdesk/reset_the_token"].state is ArticleState.NOT_VALIDATED


def test_the_connection_test_says_what_is_missing(played: Played) -> None:
    def levels(who: str, **more: Any) -> dict[str, Level]:
        source = connector(played.desk, who, **more)
        report = source.check()
        source.close()
        return {finding.subject: finding.level for finding in report.findings}

    assert set(levels("reader").values()) == {Level.OK}
    assert levels("blind")["articles"] is not Level.OK
    nobody = levels("outsider")
    assert (nobody["projects"], nobody["tickets"]) == (Level.FAIL, Level.FAIL)
    assert levels("reader", projects="Nowhere")["projects"] is Level.FAIL
    assert levels("reader", resolved="Gelöst")["statuses"] is Level.WARN


def test_an_unknown_key_is_refused_and_not_taken_for_an_empty_desk(played: Played) -> None:
    source = Redmine(RedmineSettings(address=played.desk.url, key=SecretStr("synthetic-unknown-key")))
    with pytest.raises(ConfigError, match="API key"):
        source.check()
    for stream in STREAMS:
        with pytest.raises(ConfigError):
            list(source.fetch(stream, Window()))
    for stream in ("articles", "tickets"):
        with pytest.raises(ConfigError):
            list(source.sweep(stream))
    source.close()


@dataclass
class Polled:
    """A desk, and the installation that polls it."""

    desk: Desk
    installation: Installation
    source: sources.Source

    def poll(self, *, sweep: bool = False) -> Rate:
        """Read what is new; returns linked and eligible tickets of the last 60 days."""
        result = poll(self.installation, self.source, force_sweep=sweep)
        assert result is not None
        assert (result.outcome, result.message) == ("ok", "")
        return self.rate("link_rate")

    def rate(self, key: str) -> Rate:
        """x and n of an indicator."""
        today = date.today() + timedelta(days=2)  # noqa: DTZ011 (two days more than any zone is ahead)
        value = ask(self.installation, today - timedelta(days=60), today, key)[0]
        assert value.x is not None
        assert value.n is not None
        return value.x, value.n


@pytest.fixture
def polled(played: Played, tmp_path: Path) -> Iterator[Polled]:
    installation = open_installation(tmp_path / "data")
    source = add(
        installation,
        "redmine",
        {"address": played.desk.url},
        {"key": played.desk.keys["reader"]},
        history_days=90,
        evidence="wide",
    )
    yield Polled(played.desk, installation, source)
    installation.close()


def test_the_rate_follows_the_desk(polled: Polled) -> None:
    desk = polled.desk
    linked, eligible = polled.poll()
    assert (linked, eligible) == (answer.LINKED, answer.ELIGIBLE)
    assert polled.rate("link_rate_any") == (answer.LINKED_ANY, answer.ELIGIBLE)
    assert polled.rate("create_rate") == (answer.CREATED, answer.ELIGIBLE)
    assert polled.rate("reuse_rate") == (answer.LINKED - answer.CREATED, answer.ELIGIBLE)
    assert polled.poll(sweep=True) == (linked, eligible), "polling again changes nothing"

    first, second, third = (desk.ticket("mia", "helpdesk", f"synthetic {n}") for n in range(21, 24))
    assert polled.poll() == (linked, eligible), "open tickets are in no period"
    for ticket in (first, second, third):
        desk.status("mia", ticket, "Closed")
    assert polled.poll() == (linked, eligible + 3)
    note = desk.note("mia", first, "[[VPN drops every hour]]")
    assert polled.poll() == (linked + 1, eligible + 3), "a link after closing counts within the grace"
    desk.edit_note(note, "a mistake")
    assert polled.poll() == (linked, eligible + 3), "a link that was edited away is gone"
    desk.edit_note(note, "[[Reset the token]]")
    assert polled.poll() == (linked + 1, eligible + 3)
    desk.enter("mia", second, "[[network:Cable map]]")
    assert polled.poll() == (linked + 2, eligible + 3)
    desk.enter("mia", second, "")
    assert polled.poll() == (linked + 1, eligible + 3), "a field that was emptied links nothing"
    desk.note("mia", second, "[[Cable map]] of a project that has no such page is a red link", private=True)
    assert polled.poll() == (linked + 2, eligible + 3), "it names an article that nobody knows, which is reuse"

    relation = desk.duplicate("mia", third, second)
    assert polled.poll() == (linked + 2, eligible + 2)
    desk.separate("mia", relation)
    assert polled.poll() == (linked + 2, eligible + 3)
    desk.status("mia", first, "In Progress")
    assert polled.poll() == (linked + 1, eligible + 2), "closed_on stays, but the ticket is open"
    desk.status("mia", first, "Resolved")
    assert polled.poll() == (linked + 2, eligible + 3)
    desk.delete("mia", first)
    assert polled.poll(sweep=True) == (linked + 1, eligible + 2)
    desk.delete("mia", third)
    assert polled.poll(sweep=True) == (linked + 1, eligible + 1)
    desk.delete("mia", second)
    assert polled.poll(sweep=True) == (linked, eligible)


def test_without_text_evidence_nothing_is_linked(polled: Polled) -> None:
    with polled.installation.database.writing() as connection:
        sources.change_source(connection, polled.source.id, evidence="recorded")
    assert polled.poll() == (0, answer.ELIGIBLE)


def test_nothing_that_people_wrote_is_stored(polled: Polled) -> None:
    polled.poll()
    change(polled.installation, polled.source)
    stored = Path(polled.installation.settings.data_dir / "kpulse.db").read_bytes()
    for text in (b"synthetic 1", b"none the wiser", b"noah"):
        assert text not in stored
