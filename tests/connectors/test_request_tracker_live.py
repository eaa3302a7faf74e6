"""A real Request Tracker 5 plays a month with a known answer, and the connector finds that answer."""

import contextlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kpulse.sdk import (
    Article,
    ConfigError,
    Evidence,
    Gone,
    Level,
    LinkEvent,
    LinksSeen,
    Merged,
    Op,
    Record,
    SecretStr,
    Status,
    StatusEvent,
    Team,
    Ticket,
    Window,
)
from kpulse_connectors.request_tracker import RequestTracker, RequestTrackerSettings
from tests.systems import rt5_story as answer
from tests.systems.rt5 import Desk
from tests.systems.rt5_story import Story, play

pytestmark = pytest.mark.real
STREAMS = ("teams", "articles", "changes", "tickets")
EARLIEST_ZONE, LATEST_ZONE = "Etc/GMT+12", "Pacific/Kiritimati"


class SmallPages(RequestTracker):
    """The same connector with pages so small that every stream has several."""

    page_size = 4


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    running = Desk.start(time_zone=LATEST_ZONE)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def story(desk: Desk) -> Story:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return play(desk, midnight - answer.SPAN)


def connector(
    desk: Desk, who: str = "reader", kind: type[RequestTracker] = RequestTracker, **more: Any
) -> RequestTracker:
    return kind(RequestTrackerSettings(address=desk.url, token=SecretStr(desk.tokens[who]), **more))


def read(source: RequestTracker, window: Window = Window(), streams: tuple[str, ...] = STREAMS) -> list[Record]:  # noqa: B008
    with contextlib.closing(source):
        return [record for name in streams for page in source.fetch(name, window) for record in page.records]


@pytest.fixture(scope="module")
def records(desk: Desk, story: Story) -> list[Record]:
    return read(connector(desk, kind=SmallPages))


@pytest.fixture(scope="module")
def tickets(records: list[Record], story: Story) -> dict[str, Ticket]:
    return {story.names["N", each.key]: each for each in records if isinstance(each, Ticket)}


def test_tickets_have_their_final_state(tickets: dict[str, Ticket], story: Story) -> None:
    assert tickets.keys() == answer.STATUS.keys() | answer.MERGED.keys()
    assert {name: tickets[name].source_status for name in answer.STATUS} == answer.STATUS
    assert {name for name, each in tickets.items() if each.exclude == "cancelled"} == answer.CANCELLED
    assert tickets["N12"].status is Status.PENDING
    found = {name: story.hour(each.resolved_at) for name, each in tickets.items() if each.resolved_at}
    assert found == pytest.approx(answer.RESOLVED_AT | {"N9": 250}, abs=0.01)


def test_tickets_belong_to_their_owner_and_queue(tickets: dict[str, Ticket], records: list[Record]) -> None:
    teams = {each.key: each.name for each in records if isinstance(each, Team)}
    assert sorted(teams.values()) == ["General", "Helpdesk", "Network"]
    assert {name: tickets[name].owner for name in answer.OWNER} == answer.OWNER
    assert {name: teams[tickets[name].team or ""] for name in answer.TEAM} == answer.TEAM


def test_merged_and_deleted_tickets_are_told(tickets: dict[str, Ticket], records: list[Record], story: Story) -> None:
    ids = story.ids
    merges = [each for each in records if isinstance(each, Merged)]
    assert merges == [Merged(ticket=ids[child], into=ids[into]) for child, into in answer.MERGED.items()]
    assert {n: t.merged_into for n, t in tickets.items() if t.merged_into} == {
        c: ids[i] for c, i in answer.MERGED.items()
    }
    assert {(each.what, each.key) for each in records if isinstance(each, Gone)} == {
        ("ticket", ids[n]) for n in answer.GONE
    }


def test_a_reopening_is_told_with_its_times(records: list[Record], story: Story) -> None:
    events = [each for each in records if isinstance(each, StatusEvent) and each.ticket == story.ids["N5"]]
    assert [each.to for each in events] == [Status.RESOLVED, Status.OPEN, Status.RESOLVED]
    assert [story.hour(each.at) for each in events] == pytest.approx([130, 160, 170], abs=0.01)


def active_links(records: list[Record], story: Story) -> dict[tuple[str, str], float]:
    """The links that stand at the end with the hour of each, by the rules of the records."""
    events = sorted(
        (e for e in records if isinstance(e, LinkEvent) and e.at), key=lambda e: (str(e.at), e.op is Op.REMOVE)
    )
    known = {(event.ticket, event.article) for event in events}
    standing: dict[tuple[str, str | None], datetime] = {}
    for event in events:
        assert event.at is not None
        if event.op is Op.ADD:
            standing.setdefault((event.ticket, event.article), event.at)
        else:
            standing.pop((event.ticket, event.article), None)
    for seen in (each for each in records if isinstance(each, LinksSeen)):
        assert seen.assumed_at is not None
        assert not seen.complete
        for article in seen.articles:
            if (seen.ticket, article) not in known:
                standing[seen.ticket, article] = seen.assumed_at
    left_out = {e.ticket for e in records if isinstance(e, Merged)} | {e.key for e in records if isinstance(e, Gone)}
    names = story.names
    return {
        (names["N", t], names["G", a or ""]): story.hour(at) for (t, a), at in standing.items() if t not in left_out
    }


def test_the_links_and_their_times_are_found(records: list[Record], story: Story) -> None:
    assert active_links(records, story) == pytest.approx(answer.LINKS, abs=0.01)
    assert {each.evidence for each in records if isinstance(each, LinkEvent | LinksSeen)} == {Evidence.RECORDED}


def test_the_link_rate_is_the_known_one(records: list[Record], tickets: dict[str, Ticket], story: Story) -> None:
    links = active_links(records, story)
    eligible = {
        n: story.hour(t.resolved_at)
        for n, t in tickets.items()
        if t.resolved_at and not t.exclude and not t.merged_into
    }
    linked_ever = {ticket for ticket, _ in links} & eligible.keys()
    linked = {
        ticket
        for (ticket, _), hour in links.items()
        if ticket in eligible and hour <= eligible[ticket] + 7 * answer.DAY
    }
    assert (len(eligible), len(linked), len(linked_ever)) == (answer.ELIGIBLE, answer.LINKED, answer.LINKED_ANY)


def test_articles_have_their_states_and_their_source(records: list[Record], story: Story) -> None:
    articles = {story.names["G", each.key]: each for each in records if isinstance(each, Article)}
    found = {
        name: [(story.hour(change.at), str(change.to)) for change in each.changes] for name, each in articles.items()
    }
    assert found.keys() == answer.STATES.keys()
    for name, states in answer.STATES.items():
        assert [state for _, state in found[name]] == [state for _, state in states], name
        assert [hour for hour, _ in found[name]] == pytest.approx([hour for hour, _ in states], abs=0.01), name
        assert str(articles[name].state) == states[-1][1]
    archived = {name: story.hour(each.archived_at) for name, each in articles.items() if each.archived_at}
    assert archived == pytest.approx({"G2": 600, "G3": 620}, abs=0.01)
    sources = {name: each.source_ticket for name, each in articles.items() if each.source_ticket}
    assert sources == {name: story.ids[ticket] for name, ticket in answer.SOURCE_TICKET.items()}
    assert {each.category for each in articles.values()} == {"Guides"}


def test_small_pages_and_large_ones_tell_the_same(desk: Desk, records: list[Record]) -> None:
    def told(found: list[Record]) -> set[str]:
        return {repr(each) for each in found if not isinstance(each, LinksSeen)}

    assert told(read(connector(desk))) == told(records)


@pytest.mark.parametrize("zone", [EARLIEST_ZONE, LATEST_ZONE])
def test_windows_mean_utc_wherever_the_account_lives(desk: Desk, story: Story, zone: str) -> None:
    def told(stream: str, window: Window) -> list[str]:
        found = read(connector(desk), window, (stream,))
        return sorted({repr(each) for each in found if not isinstance(each, LinksSeen)})

    desk.own_time_zone("reader", zone)
    edges = [None, *(story.base + timedelta(hours=hour) for hour in (165, 320)), None]
    for stream in ("articles", "changes", "tickets"):
        whole = told(stream, Window())
        parts = [told(stream, Window(since=since, until=until)) for since, until in itertools.pairwise(edges)]
        assert sorted({each for part in parts for each in part}) == whole, stream
        assert all(len(part) < len(whole) for part in parts), stream


def test_a_page_can_be_resumed(desk: Desk, story: Story) -> None:
    source = connector(desk, kind=SmallPages)
    for stream in ("changes", "articles"):
        pages = list(source.fetch(stream, Window()))
        assert len(pages) > 1 or stream == "articles"
        rest = list(source.fetch(stream, Window(), pages[0].cursor))
        assert [page.records for page in rest] == [page.records for page in pages[1:]]
        assert [page.cursor for page in rest] == [page.cursor for page in pages[1:]]
    source.close()


def test_sweeps_list_every_key_that_lives(desk: Desk, story: Story) -> None:
    source = connector(desk, kind=SmallPages)
    swept = {name: [(p.what, key) for p in source.sweep(name) for key in p.keys] for name in ("tickets", "articles")}
    names = story.names
    assert {names["N", key] for _, key in swept["tickets"]} == {n for n in story.ids if n[0] == "N"} - answer.GONE
    assert {names["G", key] for _, key in swept["articles"]} == {n for n in story.ids if n[0] == "G"}
    assert {what for pages in swept.values() for what, _ in pages} == {"ticket", "article"}
    source.close()


def test_only_the_chosen_queues_and_class_are_read(desk: Desk, story: Story) -> None:
    found = read(connector(desk, queues="Network", article_class="General"))
    assert {story.names["N", each.key] for each in found if isinstance(each, Ticket)} == {
        "N3",
        "N5",
        "N8",
        "N10",
        "N12",
        "N13",
    }
    assert {each.name for each in found if isinstance(each, Team)} == {"Network"}
    assert not [each for each in found if isinstance(each, Article)]
    assert {story.names["N", each.ticket] for each in found if isinstance(each, LinkEvent)} == {
        "N5",
        "N8",
        "N10",
        "N13",
    }


def test_check_says_what_the_account_sees(desk: Desk, story: Story) -> None:
    source = connector(desk)
    report = source.check()
    assert report.ok, report
    assert {finding.level for finding in report.findings} == {Level.OK}, report
    assert report.identity == "reader"
    assert report.counts["tickets"] == len(answer.STATUS)
    assert report.counts["articles"] == len(answer.STATES)
    assert report.counts["links"] >= len(answer.LINKS) - 1
    assert source.choices("queues") == ["General", "Helpdesk", "Network"]
    assert source.choices("article_class") == ["General", "Guides"]
    source.close()


def test_check_names_the_missing_rights_and_queues(desk: Desk, story: Story) -> None:
    source = connector(desk, "blind", queues="Network, Helpdeck")
    report = source.check()
    found = {(finding.subject, finding.level): finding.message for finding in report.findings}
    assert "ShowArticle" in found["articles", Level.WARN]
    assert "'Helpdeck'" in found["queues", Level.FAIL]
    assert not report.ok
    source.close()


def test_links_are_seen_without_the_right_to_read_articles(desk: Desk, records: list[Record]) -> None:
    blind = {each for each in read(connector(desk, "blind"), streams=("changes",)) if isinstance(each, LinkEvent)}
    assert blind == {each for each in records if isinstance(each, LinkEvent)}
    assert blind


def test_a_wrong_token_is_the_leads_to_mend(desk: Desk) -> None:
    source = RequestTracker(RequestTrackerSettings(address=desk.url, token=SecretStr("1-2-synthetic")))
    with pytest.raises(ConfigError, match="credential"):
        source.check()
    source.close()
