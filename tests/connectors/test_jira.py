"""Jira: the shared conformance tests for both editions, known answers, odd rows, recorded issues, the vendor's OpenAPI."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from kpulse.rollup.facts import Outcome, Rules
from kpulse.rollup.replay import replay as replay_facts
from kpulse.sdk import (
    ConfigError,
    Evidence,
    Level,
    LinkEvent,
    LinkKind,
    LinksSeen,
    Page,
    SourceChanged,
    Status,
    Team,
    Ticket,
    Window,
    to_instant,
)
from kpulse.sdk.links import confluence
from kpulse.sdk.testing import FaultServer, Handler, Request
from kpulse.sdk.testing.conformance import ConnectorConformance, fixed_clock, read, records_of
from kpulse_connectors.jira import Jira, JiraSettings
from kpulse_connectors.jira.search import write_minute
from tests.contracts.openapi import read_contract
from tests.counting import stores
from tests.replay import jira as replay

Row = dict[str, Any]
CONFLUENCE = {"type": "com.atlassian.confluence", "name": "System Confluence"}
DAY = datetime(2026, 2, 20, tzinfo=UTC)


def stamp(minute: float) -> str:
    return replay.stamp(DAY + timedelta(minutes=minute))


def at(minute: float) -> datetime:
    return DAY + timedelta(minutes=minute)


def state(id: str) -> Row:
    return next(dict(row) for row in replay.STATES if row["id"] == id)


def issue(number: int, **said: Any) -> Row:
    """A synthetic issue that was opened, and closed an hour later."""
    fields = {
        "created": stamp(number),
        "updated": stamp(number + 60),
        "status": state("5"),
        "resolution": {"name": "Done"},
        "resolutiondate": stamp(number + 60),
        "assignee": {"accountId": "agent1", "displayName": "Synthetic Agent"},
        "project": replay.PROJECTS[number % 2],
        "issuetype": {"name": "Service Request"},
        "components": [{"name": "Mail"}],
        "priority": {"name": "Hoch"},
        "issuelinks": [],
        "summary": "synthetic: the printer is on fire",
    }
    return {"id": str(20000 + number), "key": f"SUP-{number}", "fields": fields | said}


def moved(minute: float, before: str, after: str) -> Row:
    names = {row["id"]: row["name"] for row in replay.STATES}
    item = {
        "field": "status",
        "fieldtype": "jira",
        "from": before,
        "fromString": names.get(before, "Gone"),
        "to": after,
    }
    item |= {"toString": names.get(after, "Gone")}
    return {"id": f"m{minute}", "created": stamp(minute), "author": {"accountId": "agent1"}, "items": [item]}


def linked(minute: float, link: int, **said: Any) -> Row:
    item = {"field": "RemoteIssueLink", "fieldtype": "jira", "from": None, "to": str(link)}
    item |= {"toString": 'This issue links to "Page (Wiki)"'}
    return {"id": f"l{minute}", "created": stamp(minute), "author": {"accountId": "agent2"}, "items": [item | said]}


def unlinked(minute: float, link: int) -> Row:
    return linked(minute, link, **{"from": str(link), "to": None})


def remote(link: int, page: int, **said: Any) -> Row:
    usual = {
        "id": link,
        "globalId": f"appId=14a8b58c-61f0&pageId={page}",
        "application": CONFLUENCE,
        "relationship": "Wiki Page",
        "object": {"url": f"https://x.example.org/wiki/pages/viewpage.action?pageId={page}", "title": "Wiki Page"},
    }
    return usual | said


def site(cloud: bool = True, **said: Any) -> replay.JiraReplay:
    """A synthetic site with several pages of two issues."""
    usual: dict[str, Any] = {
        "issues": [issue(n) for n in range(1, 8)],
        "histories": {str(20000 + n): [moved(n + 60, "1", "5"), linked(n + 30, 500 + n)] for n in range(1, 6)},
        "remotes": {str(20000 + n): [remote(500 + n, 900 + n % 3)] for n in range(1, 6)},
        "cloud": cloud,
    }
    return replay.JiraReplay(**usual | said)


def settings(address: str, **said: Any) -> JiraSettings:
    known: dict[str, Any] = {"address": address, "user": replay.USER, "token": replay.TOKEN, "page_size": 2}
    return JiraSettings(**known | said)


@contextlib.contextmanager
def served(handler: replay.JiraReplay, **said: Any) -> Iterator[tuple[FaultServer, Jira]]:
    said = {"edition": "cloud" if handler.cloud else "data_center"} | said
    with FaultServer(handler) as server:
        connector = Jira(settings(server.url, **said), clock=fixed_clock)
        with contextlib.closing(connector):
            yield server, connector


def everything(handler: replay.JiraReplay, stream: str = "tickets", **said: Any) -> list[Page]:
    with served(handler, **said) as (_, connector):
        return read(connector, stream)


def one_ticket(row: Row, histories: Sequence[Row] = (), cloud: bool = True, **said: Any) -> Ticket:
    handler = site(cloud, issues=[row], histories={row["id"]: histories}, remotes={})
    (record,) = records_of(everything(handler, **said))
    assert isinstance(record, Ticket)
    return record


def links_of(handler: replay.JiraReplay, **said: Any) -> tuple[list[LinkEvent], list[LinksSeen]]:
    records = records_of(everything(handler, **said))
    events = [record for record in records if isinstance(record, LinkEvent)]
    return events, [record for record in records if isinstance(record, LinksSeen)]


def crowd(rows: int, cloud: bool) -> Handler:
    """Many issues, also many in the same minute, with texts that nobody asks for."""
    many = [issue(n, updated=stamp(n // 40), description="synthetic " * 50) for n in range(rows)]
    return replay.JiraReplay(many, cloud=cloud)


class TestJiraCloud(ConnectorConformance):
    connector_type = Jira
    required = {"teams": "id", "tickets": "updated"}  # noqa: RUF012

    def settings(self, address: str) -> JiraSettings:
        return settings(address)

    def handler(self) -> Handler:
        return site()

    def settings_for_many(self, address: str) -> JiraSettings:
        return settings(address, page_size=500)

    def many(self, rows: int) -> Handler:
        return crowd(rows, cloud=True)


class TestJiraDataCenter(ConnectorConformance):
    """With a personal access token, and by time instead of by token."""

    connector_type = Jira
    required = {"teams": "id", "tickets": "updated"}  # noqa: RUF012
    single_page = {"teams": "Data Center lists its projects in one answer"}  # noqa: RUF012

    def settings(self, address: str) -> JiraSettings:
        return settings(address, edition="data_center", user="")

    def handler(self) -> Handler:
        return site(cloud=False)

    def settings_for_many(self, address: str) -> JiraSettings:
        return settings(address, edition="data_center", user="", page_size=500)

    def many(self, rows: int) -> Handler:
        return crowd(rows, cloud=False)


@pytest.mark.parametrize("cloud", [True, False])
def test_a_ticket_says_what_its_issue_says(cloud: bool) -> None:
    histories = [moved(61, "4", "5"), moved(20, "1", "4"), moved(70, "5", "3"), moved(90, "3", "5")]
    row = issue(1, resolutiondate=stamp(90), updated=stamp(95))
    ticket = one_ticket(row, histories, cloud, states="Waiting for customer=pending")
    assert (ticket.key, ticket.version) == ("20001", to_instant(at(95)))
    assert (ticket.opened_at, ticket.resolved_at) == (at(1), at(90))
    assert [(change.at, change.to) for change in ticket.changes] == [
        (at(20), Status.PENDING),
        (at(61), Status.RESOLVED),
        (at(70), Status.OPEN),
        (at(90), Status.RESOLVED),
    ]
    assert (ticket.status, ticket.source_status, ticket.reopened) == (Status.RESOLVED, "已完成", 1)
    assert (ticket.team, ticket.owner, ticket.priority) == (replay.PROJECTS[1]["id"], "agent1", "Hoch")
    assert (ticket.category, ticket.exclude, ticket.merged_into) == ("Service Request", None, None)


DUPLICATE = {"type": {"name": "Duplicate"}, "outwardIssue": {"id": "20077", "key": "SUP-77"}}
OF_OTHER = {"type": {"name": "Duplicate"}, "inwardIssue": {"id": "20078", "key": "SUP-78"}}


@pytest.mark.parametrize(
    ("said", "how", "status", "resolved_at", "exclude", "merged_into"),
    [
        ({"status": state("1"), "resolution": None, "resolutiondate": None}, {}, Status.OPEN, None, None, None),
        ({"status": state("3"), "resolutiondate": stamp(61)}, {}, Status.OPEN, None, None, None),
        ({}, {"states": "已完成=closed"}, Status.CLOSED, 61, None, None),
        ({"status": state("6")}, {"states": "canceled = cancelled"}, Status.CLOSED, 61, "cancelled", None),
        ({"resolution": {"name": "Duplicate"}, "issuelinks": [OF_OTHER, DUPLICATE]}, {}, Status.RESOLVED, 61, None, "20077"),
        ({"resolution": {"name": "Duplicate"}, "issuelinks": [OF_OTHER]}, {}, Status.RESOLVED, 61, "duplicate", None),
        ({"issuelinks": [DUPLICATE]}, {}, Status.RESOLVED, 61, None, None),
        ({"resolution": {"name": "Declined"}}, {"excluded": ["Declined"]}, Status.RESOLVED, 61, "Declined", None),
    ],
)  # fmt: skip
def test_states_duplicates_and_exclusions(
    said: Row, how: Row, status: Status, resolved_at: int | None, exclude: str | None, merged_into: str | None
) -> None:
    ticket = one_ticket(issue(1, **said), **how)
    assert (ticket.status, ticket.exclude, ticket.merged_into) == (status, exclude, merged_into)
    assert ticket.resolved_at == (at(resolved_at) if resolved_at else None)


@pytest.mark.parametrize(
    ("said", "histories", "expected"),
    [
        # A team-managed workflow sets no resolution: the history alone tells when.
        ({"resolutiondate": None}, [moved(61, "1", "5")], [(61, Status.RESOLVED)]),
        # Closed when made, or imported as closed: nothing was ever moved.
        ({"resolutiondate": None}, [], [(1, Status.RESOLVED)]),
        ({}, [], [(61, Status.RESOLVED)]),
        ({"resolutiondate": None, "statuscategorychangedate": stamp(30)}, [], [(30, Status.RESOLVED)]),
        # The first state was a closed one.
        ({}, [moved(5, "5", "1"), moved(61, "1", "5")], [(1, Status.RESOLVED), (5, Status.OPEN), (61, Status.RESOLVED)]),
        # The history stops short of the present state.
        ({"statuscategorychangedate": stamp(61)}, [moved(10, "1", "3")], [(10, Status.OPEN), (61, Status.RESOLVED)]),
        # A state that no longer exists is open until the next one.
        ({}, [moved(10, "1", "99"), moved(61, "99", "5")], [(10, Status.OPEN), (61, Status.RESOLVED)]),
    ],
)  # fmt: skip
def test_gaps_in_the_history(said: Row, histories: Sequence[Row], expected: list[tuple[int, Status]]) -> None:
    ticket = one_ticket(issue(1, **said), histories)
    assert [(change.at, change.to) for change in ticket.changes] == [(at(minute), to) for minute, to in expected]


@pytest.mark.parametrize("factor", [1, 1000])
def test_times_of_the_bulk_history_may_be_numbers(factor: int) -> None:
    told = moved(61, "1", "5") | {"created": int(at(61).timestamp()) * factor}
    assert [change.at for change in one_ticket(issue(1), [told]).changes] == [at(61)]


def test_a_resolution_that_outlived_a_reopening_is_not_believed() -> None:
    histories = [moved(61, "1", "5"), moved(70, "5", "3"), moved(90, "3", "5")]
    assert one_ticket(issue(1), histories).resolved_at is None


@pytest.mark.parametrize(
    ("team", "value", "expected"),
    [
        ("project", None, replay.PROJECTS[1]["id"]),
        ("component", None, "Mail"),
        ("Team (customfield_10001)", {"id": "ab-12", "name": "Network"}, "Network"),
        ("customfield_10001", {"value": "Option A"}, "Option A"),
        ("customfield_10001", [{"name": "group-1"}, {"name": "group-2"}], "group-1"),
        ("customfield_10001", "plain", "plain"),
        ("customfield_10001", None, None),
        ("customfield_10001", [], None),
    ],
)
def test_what_tells_the_team(team: str, value: Any, expected: str | None) -> None:
    with served(site(issues=[issue(1, customfield_10001=value)]), team=team) as (server, connector):
        (ticket, *_) = records_of(read(connector, "tickets"))
    assert isinstance(ticket, Ticket)
    assert ticket.team == expected
    asked = [request.query["fields"] for request in server.requests if "search" in request.path]
    assert all(("customfield_10001" in fields) == ("customfield" in team) for fields in asked)
    assert not any(word in fields for fields in asked for word in ("summary", "description", "comment"))


@pytest.mark.parametrize("cloud", [True, False])
def test_a_link_has_the_time_and_person_of_the_history(cloud: bool) -> None:
    handler = site(
        cloud,
        issues=[issue(1)],
        histories={"20001": [linked(40, 501), moved(61, "1", "5"), linked(20, 502, field="RemoteWorkItemLink")]},
        remotes={"20001": [remote(501, 77), remote(502, 78), remote(503, 79)]},
    )
    events, seen = links_of(handler, knowledge_base="wiki")
    made = [(event.article, event.at, event.by, event.event_id, event.knowledge_base) for event in events]
    assert made == [
        ("77", at(40), "agent2", "remotelink 501", "wiki"),
        ("78", at(20), "agent2", "remotelink 502", "wiki"),
    ]
    assert {event.evidence for event in events} == {Evidence.RECORDED}
    # The third link is one that the history does not tell of: it is seen, without a time.
    assert [(view.kind, list(view.articles), view.seen_at) for view in seen] == [
        (LinkKind.RESOLUTION, ["77", "78", "79"], at(61)),
        (LinkKind.REFERENCE, [], at(61)),
    ]
    assert all(view.complete and view.assumed_at is None and view.knowledge_base == "wiki" for view in seen)


def test_a_link_that_was_taken_away_is_gone_since_then() -> None:
    histories = {"20001": [linked(20, 501), linked(25, 502), unlinked(40, 501), moved(61, "1", "5")]}
    events, seen = links_of(site(issues=[issue(1)], histories=histories, remotes={"20001": [remote(502, 78)]}))
    assert [event.article for event in events] == ["78"]
    views = [(view.seen_at, list(view.articles)) for view in seen if view.kind is LinkKind.RESOLUTION]
    assert views == [(at(40), ["78"]), (at(61), ["78"])]


def test_the_last_link_taken_away_leaves_a_view_of_nothing() -> None:
    histories = {"20001": [linked(20, 501), unlinked(40, 501)]}
    events, seen = links_of(site(issues=[issue(1)], histories=histories, remotes={}))
    assert events == []
    assert [list(view.articles) for view in seen] == [[], [], [], []]


RULES = Rules(zone=ZoneInfo("UTC"))


@pytest.mark.parametrize("cloud", [True, False])
def test_the_store_counts_what_the_site_says_link_by_link(cloud: bool) -> None:
    """The same desk read again after each change: linked, unlinked, and with a link that the history hides."""

    def outcome(minute: int, histories: Sequence[Row], remotes: Sequence[Row], as_of: int | None = None) -> Outcome:
        handler = site(
            cloud,
            issues=[issue(1, updated=stamp(minute))],
            histories={"20001": [moved(61, "1", "5"), *histories]},
            remotes={"20001": remotes},
        )
        assert stores.deliver(store, records_of(everything(handler, ask_links_of="every"))) == 0
        rules = replace(RULES, as_of=to_instant(at(as_of)) if as_of else None)
        (only,) = replay_facts(store, rules)
        return only

    store = stores.scratch()
    stores.empty(store)
    made, gone = linked(20, 501), unlinked(90, 501)
    assert outcome(62, [], []).linked_any == 0
    first = outcome(63, [made], [remote(501, 77)])
    assert (first.linked, first.linked_strict, first.closed_at) == (1, 1, to_instant(at(61)))
    # A week without the desk being read, then the removal is found; its time comes from the history.
    last = outcome(10_000, [made, gone], [])
    assert last.linked == 0
    assert outcome(10_000, [made, gone], [], as_of=89).linked == 1
    assert outcome(10_000, [made, gone], [], as_of=91).linked == 0
    hidden = outcome(10_001, [made, gone], [remote(502, 78)])
    assert (hidden.linked, hidden.linked_strict, hidden.strict_unknown) == (1, 0, 1)


def test_only_pages_of_confluence_are_articles_and_mentions_are_background() -> None:
    web = {"application": {}, "globalId": None, "object": {"url": "https://git.example.org/-/issues/2"}}
    old = {"globalId": None, "object": {"url": "https://wiki.example.org/display/KB/Reset+a+printer"}}
    remotes = [remote(501, 77, relationship="Mentioned in"), remote(502, 0, **web), remote(503, 0, **old)]
    histories = {"20001": [linked(20, 501), linked(21, 502), linked(22, 503)]}
    events, seen = links_of(site(issues=[issue(1)], histories=histories, remotes={"20001": remotes}))
    assert [(event.article, event.kind) for event in events] == [
        ("77", LinkKind.REFERENCE),
        ("KB/Reset a printer", LinkKind.RESOLUTION),
    ]
    assert {view.kind: list(view.articles) for view in seen} == {
        LinkKind.REFERENCE: ["77"],
        LinkKind.RESOLUTION: ["KB/Reset a printer"],
    }


def test_a_link_to_a_connected_knowledge_base_names_it() -> None:
    remotes = [
        remote(501, 77),
        remote(
            502, 0, application={}, globalId=None, object={"url": "https://help.example.org/wiki/spaces/KB/pages/88/T"}
        ),
        remote(503, 0, globalId=None, object={"url": "https://x.example.org/wiki/display/KB/Reset+a+printer"}),
        remote(504, 99, object={"url": "https://elsewhere.example.org/wiki/pages/viewpage.action?pageId=99"}),
    ]
    handler = site(issues=[issue(1)], histories={"20001": [linked(20, 502)]}, remotes={"20001": remotes})
    with served(handler, knowledge_base="wiki") as (_, connector):
        connector.knowledge_bases = (confluence("own", ["x.example.org"]), confluence("help", ["help.example.org"]))
        records = records_of(read(connector, "tickets"))
    (made,) = [record for record in records if isinstance(record, LinkEvent)]
    assert (made.knowledge_base, made.article, made.at) == ("help", "88", at(20))
    views = [view for view in records if isinstance(view, LinksSeen) and view.kind is LinkKind.RESOLUTION]
    assert {view.knowledge_base: list(view.articles) for view in views} == {
        "own": ["77", "KB/Reset a printer"],
        "help": ["88"],
        "wiki": ["99"],
    }


def comment(number: int, body: Any, kind: str = "atlassian") -> Row:
    author = {"accountId": f"{kind}{number}", "accountType": kind}
    return {"id": str(number), "created": stamp(number), "author": author, "body": body}


def document(*nodes: Row) -> Row:
    return {"type": "doc", "version": 1, "content": list(nodes)}


PAGE = "https://x.example.org/wiki/spaces/KB/pages"
CARD = document({"type": "paragraph", "content": [{"type": "inlineCard", "attrs": {"url": f"{PAGE}/77/Synthetic"}}]})
MARKED = {
    "type": "text",
    "text": "here",
    "marks": [{"type": "strong"}, {"type": "link", "attrs": {"href": f"{PAGE}/78"}}],
}
QUOTE = {"type": "blockquote", "content": [{"type": "text", "text": f"{PAGE}/79"}]}
WRITTEN = {"type": "paragraph", "content": [{"type": "text", "text": f"See {PAGE}/80, please."}]}


@pytest.mark.parametrize("cloud", [True, False])
def test_articles_are_found_in_what_the_desk_wrote(cloud: bool) -> None:
    said = [comment(10, CARD), comment(11, document({"type": "paragraph", "content": [MARKED]}, QUOTE, WRITTEN))]
    said += [comment(12, f"h3. Do this [Reset a printer|{PAGE}/81/Reset]")]
    said += [comment(13, f"{PAGE}/90", "customer"), comment(14, f"{PAGE}/91", "app"), comment(15, "nothing of use")]
    handler = site(cloud, issues=[issue(1), issue(2)], histories={}, comments={"20001": said})
    with served(handler, text_evidence=True) as (_, connector):
        connector.knowledge_bases = (confluence("wiki", ["x.example.org"]),)
        records = records_of(read(connector, "tickets"))
    events = [record for record in records if isinstance(record, LinkEvent)]
    assert [(event.article, event.at, event.by) for event in events] == [
        ("77", at(10), "atlassian10"),
        ("78", at(11), "atlassian11"),
        ("80", at(11), "atlassian11"),
        ("81", at(12), "atlassian12"),
    ]
    assert {(event.evidence, event.knowledge_base, event.ticket) for event in events} == {
        (Evidence.TEXT, "wiki", "20001")
    }
    seen = [view for view in records if isinstance(view, LinksSeen)]
    assert [(view.ticket, list(view.articles), view.evidence, view.complete) for view in seen] == [
        ("20001", ["77", "78", "80", "81"], Evidence.TEXT, True),
        ("20002", [], Evidence.TEXT, True),
    ]
    assert not any(word in repr(records) for word in ("please", "Do this", "nothing of use"))


def test_many_comments_are_all_read_and_the_own_site_is_the_usual_knowledge_base() -> None:
    address = "http://127.0.0.1/wiki/x/zB5o"
    said = [comment(number, address if number in (0, 249) else "-") for number in range(250)]
    handler = site(issues=[issue(1)], histories={}, comments={"20001": said})
    events, _ = links_of(handler, text_evidence=True, knowledge_base="wiki")
    assert [(event.article, event.at, event.knowledge_base) for event in events] == [
        ("6823628", at(0), "wiki"),
        ("6823628", at(249), "wiki"),
    ]


def test_comments_are_read_only_when_asked_for() -> None:
    for wanted in (False, True):
        with served(site(), text_evidence=wanted) as (server, connector):
            read(connector, "tickets")
        assert any("comment" in request.path for request in server.requests) == wanted


def test_links_are_asked_for_where_the_history_mentions_them_or_everywhere() -> None:
    def asked(**said: Any) -> list[str]:
        with served(site(), **said) as (server, connector):
            read(connector, "tickets")
        return [request.path.split("/")[-2] for request in server.requests if request.path.endswith("/remotelink")]

    assert sorted(asked()) == [str(20000 + n) for n in range(1, 6)]
    assert sorted(asked(ask_links_of="every")) == [str(20000 + n) for n in range(1, 8)]


def test_an_issue_that_goes_away_meanwhile_keeps_what_was_read_of_it() -> None:
    handler = site()
    gone = [row for row in handler.issues if row["id"] != "20001"]

    def delete(request: Request) -> None:
        if request.path.endswith("/remotelink"):
            handler.issues = gone

    handler.before = delete
    records = records_of(everything(handler, page_size=10))
    assert "20001" in {record.key for record in records if isinstance(record, Ticket)}
    assert "20001" not in {record.ticket for record in records if isinstance(record, LinkEvent | LinksSeen)}


@pytest.mark.parametrize("cloud", [True, False])
def test_a_window_gives_what_changed_in_it_and_at_most_a_minute_more(cloud: bool) -> None:
    window = Window(since=at(63) + timedelta(seconds=20), until=at(65) + timedelta(seconds=20))
    with served(site(cloud)) as (server, connector):
        records = records_of(list(connector.fetch("tickets", window)))
    keys = [record.key for record in records if isinstance(record, Ticket)]
    assert keys == ["20003", "20004", "20005"]
    jql = next(request.query["jql"] for request in server.requests if "search" in request.path)
    assert 'updated >= "2026-02-20 02:03"' in jql
    assert 'updated < "2026-02-20 02:06"' in jql


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("minutes", range(0, 200, 7))
def test_a_minute_in_jql_never_makes_a_window_narrower(minutes: int) -> None:
    """Also in the night in which clocks are set back, whose hour from two to three comes twice."""
    when = datetime(2026, 10, 24, 23, 30, 17, tzinfo=UTC) + timedelta(minutes=minutes)

    def understood(text: str) -> datetime:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN).astimezone(UTC)

    assert understood(write_minute(when, BERLIN)) <= when <= understood(write_minute(when, BERLIN, up=True))


@pytest.mark.parametrize("cloud", [True, False])
def test_issues_of_the_same_minute_are_all_read_once(cloud: bool) -> None:
    rows = [issue(n, updated=stamp(500 if n < 30 else 600)) for n in range(40)]
    records = records_of(everything(site(cloud, issues=rows, histories={}), page_size=7))
    keys = [record.key for record in records if isinstance(record, Ticket)]
    assert len(set(keys)) == 40
    if cloud:
        assert len(keys) == 40


def test_issues_that_change_while_they_are_read_hide_no_other_one() -> None:
    """On Data Center each answer comes after the first issues moved to the end, as it happens on a busy desk."""
    handler = site(cloud=False, issues=[issue(n) for n in range(20)], histories={})
    asked = [0]

    def touch(request: Request) -> None:
        if request.path.endswith("/search"):
            asked[0] += 1
            rows = list(handler.issues)
            if asked[0] <= 8:
                rows[asked[0]] = issue(asked[0], updated=stamp(1000 + asked[0]))
            handler.issues = rows

    handler.before = touch
    records = records_of(everything(handler, page_size=4))
    assert {record.key for record in records if isinstance(record, Ticket)} == {str(20000 + n) for n in range(20)}


def test_a_forgotten_token_starts_the_window_again() -> None:
    with served(site(forgotten=frozenset({"after-a-week"}))) as (_, connector):
        pages = read(connector, "tickets")
        again = read(connector, "tickets", {**pages[0].cursor, "token": "after-a-week"})
    assert records_of(again) == records_of(pages)


def test_a_project_that_is_not_there_is_told() -> None:
    with served(site(), projects=["SUP", "NOPE"]) as (_, connector), pytest.raises(ConfigError, match="'NOPE'"):
        read(connector, "tickets")


def test_the_scope_limits_tickets_teams_and_sweep() -> None:
    rows = [issue(n, issuetype={"name": "Incident" if n % 4 else "Task"}) for n in range(1, 9)]
    said: Row = {"projects": ["SUP"], "filter": "issuetype = Incident"}
    with served(site(issues=rows, histories={}), **said) as (_, connector):
        keys = {record.key for record in records_of(read(connector, "tickets")) if isinstance(record, Ticket)}
        swept = {key for page in connector.sweep("tickets") for key in page.keys}
        teams = records_of(read(connector, "teams"))
        assert connector.choices("projects") == ["HR", "IT", "SUP"]
        assert connector.choices("team") == ["project", "component", "Team (customfield_10001)"]
        assert connector.choices("edition") == ()
    assert keys == swept == {"20002", "20006"}
    assert teams == [Team(key="10000", name="Project SUP")]


def test_an_odd_row_is_kept_apart() -> None:
    rows = [issue(1, created="20.02.2026"), issue(2), issue(3, resolutiondate="2026-02-20T10:00:00")]
    pages = everything(site(issues=rows, histories={}))
    assert [record.key for record in records_of(pages) if isinstance(record, Ticket)] == ["20002"]
    rejected = [row for page in pages for row in page.rejected]
    assert [row.position for row in rejected] == ["issue SUP-1", "issue SUP-3"]
    assert not any("2026" in row.reason for row in rejected)


def test_the_connection_test_tells_what_may_be_seen() -> None:
    recent = [issue(n) for n in range(1, 8)]
    with served(site(issues=recent)) as (_, connector):
        report = connector.check()
    assert (report.ok, report.identity, report.counts) == (True, "Synthetic Reader", {"tickets": 7})
    said = {finding.subject: finding for finding in report.findings}
    assert said["links"].level is Level.OK
    assert "5 of the first 7" in said["links"].message


def test_the_connection_test_warns() -> None:
    def finding(subject: str, handler: replay.JiraReplay, **said: Any) -> tuple[Level, str]:
        with served(handler, **said) as (_, connector):
            found = {finding.subject: finding for finding in connector.check().findings}
        return found[subject].level, found[subject].message

    assert finding("edition", site(), edition="cloud")[0] is Level.OK
    level, text = finding("links", site(remotes={}))
    assert (level, "Find articles in comments" in text) == (Level.WARN, True)
    level, text = finding("links", site(histories={}))
    assert (level, "every" in text) == (Level.WARN, True)
    assert finding("links", site(histories={}), ask_links_of="every")[0] is Level.OK
    with served(site(cloud=False), projects=["NOPE"]) as (_, connector), pytest.raises(ConfigError, match="NOPE"):
        connector.check()


def test_the_wrong_edition_is_told() -> None:
    handler = site(cloud=False)
    with FaultServer(_both(handler)) as server:
        connector = Jira(settings(server.url, edition="data_center"), clock=fixed_clock)
        handler.cloud = True
        with contextlib.closing(connector):
            edition = next(f for f in connector.check().findings if f.subject == "edition")
    assert edition.level is Level.FAIL
    assert "is Cloud" in edition.message


def _both(handler: replay.JiraReplay) -> Handler:
    """The site of Cloud, which also answers the paths of Data Center's API that Cloud still has."""

    def answer(request: Request) -> Any:
        handler.cloud = request.path.endswith("serverInfo")
        path = request.path.replace("/2/", "/3/") if handler.cloud else request.path
        return handler(Request(method=request.method, path=path, query=request.query, headers=request.headers))

    return answer


def test_a_wrong_token_is_told() -> None:
    with served(site(), token="wrong") as (_, connector), pytest.raises(ConfigError, match="valid token"):
        connector.check()


def test_an_unknown_time_zone_is_told() -> None:
    with served(site(zone="Mars/Olympus")) as (_, connector), pytest.raises(ConfigError, match="time zone"):
        read(connector, "tickets")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"projects": ['A" OR 1=1']}, "no key of a project"),
        ({"filter": "type = Bug order by key"}, "ORDER BY"),
        ({"filter": "(type = Bug"}, "brackets"),
        ({"team": "Team"}, "custom field"),
        ({"states": "Done=finished"}, "meanings are"),
        ({"address": "jira"}, "https://"),
    ],
)
def test_settings_that_make_no_sense_are_told(said: Row, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        settings(**{"address": "https://x.example.org"} | said)


def test_every_request_to_cloud_keeps_the_vendors_contract(shared: Path) -> None:
    contract = read_contract(shared / "recordings/jira/cloud_platform_v3_openapi_2025_trimmed.json")
    said: Row = {"projects": ["SUP", "IT"], "team": "Team (customfield_10001)", "ask_links_of": "every"}
    with served(site(), text_evidence=True, **said) as (server, connector):
        connector.check()
        connector.choices("projects")
        connector.choices("team")
        read(connector, "tickets")
        list(connector.sweep("tickets"))
    with served(site()) as (more, connector):
        read(connector, "teams")
    requests = [*server.requests, *more.requests]
    assert {request.path.rpartition("/")[2] for request in requests} == {
        "myself", "serverInfo", "status", "field", "jql", "bulkfetch", "approximate-count", "remotelink", "comment", "search",
    }  # fmt: skip
    assert [problem for request in requests for problem in contract.problems(request)] == []


def recorded(path: Path) -> list[Row]:
    found: list[Row] = json.loads(path.read_text())["issues"]
    return found


RECORDED = {
    "goatlassian_search-issues.json": 18,
    "goatlassian_issue-search-v2.json": 18,
    "perceval_jira_issues_page_1.json": 2,
    "perceval_jira_issues_page_2.json": 1,
}


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_issues_are_all_read(shared: Path, name: str, cloud: bool) -> None:
    rows = recorded(shared / "recordings/jira" / name)
    check_recorded(rows, RECORDED[name], cloud)


def check_recorded(rows: list[Row], count: int, cloud: bool) -> None:
    pages = everything(replay.JiraReplay(rows, cloud=cloud, zone="Europe/London"))
    tickets = {record.key: record for record in records_of(pages) if isinstance(record, Ticket)}
    assert len(tickets) == count == len(rows)
    assert not [row for page in pages for row in page.rejected]
    for row in rows:
        ticket, fields = tickets[row["id"]], row["fields"]
        closed = fields["status"].get("statusCategory", {}).get("key") == "done"
        assert (ticket.status is Status.RESOLVED) == closed
        assert ticket.opened_at == datetime.fromisoformat(fields["created"])
        resolved = fields.get("resolutiondate")
        assert ticket.resolved_at == (datetime.fromisoformat(resolved) if resolved and closed else None)
        assert ticket.team == fields["project"]["id"]


def test_a_recorded_data_center_is_all_read(shared: Path) -> None:
    calls = json.loads((shared / "recordings/jira/jupiterone_datacenter8_steps.json").read_text())
    answers = [call["response"]["body"] for call in calls if call["request"]["url"].endswith("/search")]
    check_recorded([row for answer in answers for row in answer["issues"]], 25, cloud=False)


def test_recorded_remote_links_give_the_one_page(shared: Path) -> None:
    rows = json.loads((shared / "recordings/jira/devlake_cloud_remotelinks.json").read_text())
    owners = sorted({str(row["input"]["issue_id"]) for row in rows})
    issues = [issue(n, updated=stamp(n)) | {"id": id} for n, id in enumerate(owners)]
    remotes = {id: [row["data"] for row in rows if str(row["input"]["issue_id"]) == id] for id in owners}
    _, seen = links_of(site(issues=issues, histories={}, remotes=remotes), ask_links_of="every", page_size=10)
    assert [(view.ticket, list(view.articles)) for view in seen if view.articles] == [("10139", ["11304962"])]
    assert {view.ticket for view in seen} == set(owners)


@pytest.mark.parametrize("name", ["goatlassian_get-issue-comments.json", "goatlassian_get-issue-comments-v2.json"])
def test_recorded_comments_are_all_read(shared: Path, name: str) -> None:
    rows = json.loads((shared / "recordings/jira" / name).read_text())["comments"]
    asked: list[str] = []
    handler = site(issues=[issue(1)], histories={}, comments={"20001": rows})
    handler.before = lambda request: asked.append(request.path)
    pages = everything(handler, text_evidence=True)
    assert [path for path in asked if path.endswith("/issue/20001/comment")]
    assert not [row for page in pages for row in page.rejected]
    (view,) = [record for record in records_of(pages) if isinstance(record, LinksSeen)]
    assert list(view.articles) == []


def test_recorded_states_go_by_their_category(shared: Path) -> None:
    rows = [row["data"] for row in json.loads((shared / "recordings/jira/devlake_cloud_statuses.json").read_text())]
    for row in rows:
        names = {each["id"] for each in rows if each["statusCategory"]["key"] == "done"}
        ticket = one_ticket(issue(1, status=row))
        assert (ticket.status is Status.RESOLVED) == (row["id"] in names)


def test_a_page_without_the_total_of_data_center_is_noticed() -> None:
    handler = site()
    with FaultServer(lambda request: _renamed(handler, request)) as server:
        connector = Jira(settings(server.url, edition="data_center"), clock=fixed_clock)
        with contextlib.closing(connector), pytest.raises(SourceChanged, match="Data Center"):
            read(connector, "tickets")


def _renamed(handler: replay.JiraReplay, request: Request) -> Any:
    path = request.path.replace("/2/", "/3/")
    path = path + "/jql" if path.endswith("/search") else path
    return handler(Request(method=request.method, path=path, query=request.query, headers=request.headers))
