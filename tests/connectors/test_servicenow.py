"""ServiceNow: the shared conformance tests, known answers, odd rows, recorded incidents and a whole real log."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kpulse.sdk import (
    Article,
    ArticleState,
    Channel,
    ConfigError,
    Evidence,
    Level,
    LinkEvent,
    LinksSeen,
    Membership,
    Page,
    Record,
    SourceChanged,
    Status,
    Team,
    Ticket,
    TransientError,
    Window,
    to_instant,
)
from kpulse.sdk.testing import FaultServer, Handler, faults
from kpulse.sdk.testing.conformance import ConnectorConformance, fixed_clock, read, records_of
from kpulse_connectors.servicenow import ServiceNow, ServiceNowSettings
from tests.replay import servicenow as replay

Row = dict[str, Any]


def stamp(minute: int) -> str:
    return f"{datetime(2026, 2, 20, tzinfo=UTC) + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def task(number: int, **said: Any) -> Row:
    """A synthetic incident that was opened, resolved and closed in the usual order."""
    usual = {
        "sys_id": f"inc{number:04}",
        "number": f"INC{number:07}",
        "state": "7",
        "sys_created_on": stamp(number),
        "opened_at": stamp(number),
        "resolved_at": stamp(number + 60),
        "closed_at": stamp(number + 120),
        "sys_updated_on": stamp(number + 120),
        "close_code": "Solved",
        "contact_type": "phone",
        "category": "network",
        "priority": "3",
        "reopen_count": "0",
        "knowledge": "false",
        "assignment_group": "grp1",
        "assigned_to": "usr1",
        "resolved_by": "usr2",
        "parent_incident": "",
        "short_description": "synthetic: the printer is on fire",
    }
    return usual | said


def article(number: int, **said: Any) -> Row:
    usual = {
        "sys_id": f"kb{number:04}v1",
        "number": f"KB{number:07}",
        "short_description": f"Synthetic article {number}",
        "workflow_state": "published",
        "published": "2026-02-20",
        "sys_created_on": stamp(number),
        "sys_updated_on": stamp(number + 30),
        "author": "usr1",
        "kb_category": "cat1",
        "source": "",
        "base_version": f"kb{number:04}v1",
        "language": "en",
    }
    return usual | said


def attached(number: int, ticket: int, of: int, **said: Any) -> Row:
    usual = {
        "sys_id": f"lnk{number:04}",
        "sys_created_on": stamp(50 + number),
        "sys_created_by": "bo.b",
        "task": f"inc{ticket:04}",
        "kb_knowledge": f"kb{of:04}v1",
    }
    return usual | said


USERS = [
    {"sys_id": "usr1", "user_name": "al.a", "sys_updated_on": stamp(0)},
    {"sys_id": "usr2", "user_name": "bo.b", "sys_updated_on": stamp(0)},
]


def desk(**tables: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Mapping[str, Any]]]:
    """A synthetic instance with several pages of two rows of everything."""
    usual: dict[str, Sequence[Mapping[str, Any]]] = {
        "sys_user": [replay.ACCOUNT, *USERS],
        "sys_user_group": [{"sys_id": f"grp{n}", "name": f"Group {n}", "parent": ""} for n in range(1, 6)],
        "sys_user_grmember": [{"sys_id": f"mem{n}", "group": f"grp{n}", "user": "usr1"} for n in range(1, 4)],
        "incident": [task(n, knowledge="true" if n == 3 else "false") for n in range(1, 8)],
        "kb_knowledge": [article(n) for n in range(1, 6)],
        "m2m_kb_task": [attached(n, n, 1 + n % 3) for n in range(1, 6)],
    }
    return usual | tables


def settings(address: str, **said: Any) -> ServiceNowSettings:
    known: dict[str, Any] = {"address": address, "username": replay.USER, "password": replay.PASSWORD, "page_size": 2}
    return ServiceNowSettings(**known | said)


@contextlib.contextmanager
def served(handler: Handler, **said: Any) -> Iterator[tuple[FaultServer, ServiceNow]]:
    with FaultServer(handler) as server:
        connector = ServiceNow(settings(server.url, **said), clock=fixed_clock)
        with contextlib.closing(connector):
            yield server, connector


def everything(handler: Handler, stream: str, **said: Any) -> list[Page]:
    with served(handler, **said) as (_, connector):
        return read(connector, stream)


def one(tables: Mapping[str, Sequence[Row]], stream: str, **said: Any) -> list[Record]:
    return records_of(everything(replay.ServiceNowReplay({**desk(), **tables}), stream, **said))


class TestServiceNow(ConnectorConformance):
    connector_type = ServiceNow
    required = {"teams": "name", "articles": "workflow_state", "links": "task", "tickets": "state"}  # noqa: RUF012

    def settings(self, address: str) -> ServiceNowSettings:
        return settings(address, knowledge_flag=True)

    def handler(self) -> Handler:
        return replay.ServiceNowReplay(desk())

    def settings_for_many(self, address: str) -> ServiceNowSettings:
        return settings(address, page_size=500)

    def many(self, rows: int) -> Handler:
        text = "synthetic " * 100
        return replay.ServiceNowReplay(desk(incident=[task(n, description=text) for n in range(rows)]))


class TestServiceNowByToken(ConnectorConformance):
    """The same with a token, with references as objects, and with every second row hidden from the account."""

    connector_type = ServiceNow

    def settings(self, address: str) -> ServiceNowSettings:
        return ServiceNowSettings(address=address, token=replay.TOKEN, page_size=3)  # type: ignore[arg-type]

    def handler(self) -> Handler:
        return replay.ServiceNowReplay(
            desk(), links=True, hidden=lambda table, row: row["sys_id"].removesuffix("v1")[-1] in "24"
        )

    def many(self, rows: int) -> Handler:
        return replay.ServiceNowReplay(desk(incident=[task(n, sys_updated_on=stamp(n // 40)) for n in range(rows)]))

    def settings_for_many(self, address: str) -> ServiceNowSettings:
        return ServiceNowSettings(address=address, token=replay.TOKEN, page_size=500)  # type: ignore[arg-type]


def test_a_ticket_says_what_its_row_says() -> None:
    row = task(1, parent_incident="inc0009", contact_type="self-service", reopen_count="2")
    (ticket,) = one({"incident": [row]}, "tickets")
    assert isinstance(ticket, Ticket)
    assert ticket.version == to_instant(at("2026-02-20 02:01:00"))
    assert ticket.opened_at == at("2026-02-20 00:01:00")
    assert ticket.resolved_at == at("2026-02-20 01:01:00")
    assert [(change.at, change.to) for change in ticket.changes] == [
        (at("2026-02-20 01:01:00"), Status.RESOLVED),
        (at("2026-02-20 02:01:00"), Status.CLOSED),
    ]
    assert (ticket.status, ticket.source_status, ticket.team, ticket.owner) == (Status.CLOSED, "7", "grp1", "bo.b")
    assert (ticket.intake, ticket.channel, ticket.reopened) == ("self-service", Channel.ASSISTED, 2)
    assert (ticket.category, ticket.priority, ticket.exclude, ticket.merged_into) == ("network", "3", None, None)


@pytest.mark.parametrize(
    ("said", "status", "resolved_at", "exclude", "merged_into"),
    [
        ({"state": "2"}, Status.OPEN, None, None, None),
        ({"state": "3"}, Status.PENDING, None, None, None),
        ({"state": "6", "closed_at": ""}, Status.RESOLVED, stamp(61), None, None),
        ({"resolved_at": ""}, Status.CLOSED, stamp(121), None, None),
        ({"state": "8", "resolved_at": "", "closed_at": ""}, Status.CLOSED, None, "cancelled", None),
        ({"close_code": "Duplicate", "parent_incident": "inc0009"}, Status.CLOSED, stamp(61), None, "inc0009"),
        ({"close_code": "Duplicate"}, Status.CLOSED, stamp(61), "duplicate", None),
        ({"closed_at": stamp(30), "opened_at": stamp(90)}, Status.CLOSED, stamp(61), None, None),
    ],
)
def test_states_closure_and_exclusion(
    said: Row, status: Status, resolved_at: str | None, exclude: str | None, merged_into: str | None
) -> None:
    (ticket,) = one({"incident": [task(1, **said)]}, "tickets", states="3=pending, 6=resolved, 7=closed, 8=cancelled")
    assert isinstance(ticket, Ticket)
    assert ticket.status is status
    assert ticket.resolved_at == (at(resolved_at) if resolved_at else None)
    assert (ticket.exclude, ticket.merged_into) == (exclude, merged_into)
    assert list(ticket.changes) == sorted(ticket.changes, key=lambda change: change.at)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"resolved_at": "", "closed_at": ""}, "neither resolved_at nor closed_at"),
        ({"opened_at": "20.02.2026 10:00"}, "YYYY-MM-DD"),
        ({"opened_at": "", "sys_created_on": ""}, "YYYY-MM-DD"),
    ],
)
def test_a_row_that_cannot_be_read_is_kept_apart(said: Row, reason: str) -> None:
    pages = everything(replay.ServiceNowReplay(desk(incident=[task(1, **said), task(2), task(3)])), "tickets")
    assert [record.key for record in records_of(pages) if isinstance(record, Ticket)] == ["inc0002", "inc0003"]
    (rejected,) = [row for page in pages for row in page.rejected]
    assert rejected.position == "incident/inc0001"
    assert reason in rejected.reason
    assert "20.02" not in rejected.reason


def test_the_knowledge_flag_is_read_only_when_asked_for() -> None:
    rows = {"incident": [task(1, knowledge="true"), task(2)]}
    assert not [record for record in one(rows, "tickets") if isinstance(record, LinksSeen)]
    seen = [record for record in one(rows, "tickets", knowledge_flag=True) if isinstance(record, LinksSeen)]
    assert [(links.ticket, tuple(links.articles)) for links in seen] == [("inc0001", (None,)), ("inc0002", ())]
    assert {(links.evidence, links.complete, links.assumed_at) for links in seen} == {(Evidence.UNTIMED, True, None)}


def test_a_link_is_an_event_with_time_and_person() -> None:
    rows = [attached(1, 4, 2), attached(2, 4, 99), attached(3, 4, 1, task="")]
    pages = everything(replay.ServiceNowReplay(desk(m2m_kb_task=rows)), "links")
    first, unknown = records_of(pages)
    assert isinstance(first, LinkEvent)
    assert isinstance(unknown, LinkEvent)
    assert (first.ticket, first.article, first.article_version) == ("inc0004", "KB0000002", "kb0002v1")
    assert (first.at, first.by, first.event_id) == (at(stamp(51)), "bo.b", "lnk0001")
    assert first.evidence is Evidence.RECORDED
    assert unknown.article == "kb0099v1"
    assert [row.position for page in pages for row in page.rejected] == ["m2m_kb_task/lnk0003"]


def test_versions_are_one_article() -> None:
    versions = [
        article(1, workflow_state="outdated", sys_updated_on=stamp(500)),
        article(1, sys_id="kb0001v2", sys_created_on=stamp(400), sys_updated_on=stamp(499), source="inc0004"),
        article(1, sys_id="kb0001v3", sys_created_on=stamp(600), sys_updated_on=stamp(601), workflow_state="draft"),
    ]
    (only,) = one({"kb_knowledge": versions}, "articles")
    assert isinstance(only, Article)
    assert (only.key, only.source_ticket, only.author) == ("KB0000001", "inc0004", "al.a")
    assert (only.created_at, only.version) == (at(stamp(1)), to_instant(at(stamp(499))))
    assert only.first_published_at == at(stamp(1))
    assert only.url.endswith("/kb_view.do?sysparm_article=KB0000001")


@pytest.mark.parametrize(
    ("said", "state", "archived_at"),
    [
        ({"workflow_state": "draft"}, ArticleState.WIP, None),
        ({"workflow_state": "review"}, ArticleState.NOT_VALIDATED, None),
        ({"workflow_state": "published"}, ArticleState.VALIDATED, None),
        ({"workflow_state": "published", "confidence": "not_validated"}, ArticleState.NOT_VALIDATED, None),
        ({"workflow_state": "pending_retirement"}, ArticleState.VALIDATED, None),
        ({"workflow_state": "retired", "confidence": "validated"}, ArticleState.ARCHIVED, stamp(31)),
        ({"workflow_state": "retired", "retired": "2026-02-21"}, ArticleState.ARCHIVED, "2026-02-21 00:00:00"),
        ({"workflow_state": "own_invention"}, ArticleState.NOT_VALIDATED, None),
    ],
)
def test_states_of_articles(said: Row, state: ArticleState, archived_at: str | None) -> None:
    (only,) = one({"kb_knowledge": [article(1, **said)]}, "articles")
    assert isinstance(only, Article)
    assert only.state is state
    assert only.archived_at == (at(archived_at) if archived_at else None)


def test_teams_and_who_is_in_them() -> None:
    records = one({}, "teams")
    assert [team.key for team in records if isinstance(team, Team)] == [f"grp{n}" for n in range(1, 6)]
    people = [(member.team, member.person) for member in records if isinstance(member, Membership)]
    assert people == [("grp1", "al.a"), ("grp2", "al.a"), ("grp3", "al.a")]


def test_several_tables_are_read_one_after_the_other() -> None:
    cases = [task(n, sys_id=f"cas{n}") for n in range(3)]
    handler = replay.ServiceNowReplay(desk(sn_customerservice_case=cases))
    with served(handler, tables="incident, sn_customerservice_case") as (_, connector):
        pages = read(connector, "tickets")
        for number, page in enumerate(pages, start=1):
            assert records_of(read(connector, "tickets", page.cursor)) == records_of(pages[number:])
    keys = [record.key for record in records_of(pages) if isinstance(record, Ticket)]
    assert keys == [f"inc{n:04}" for n in range(1, 8)] + ["cas0", "cas1", "cas2"]


def test_a_window_gives_what_changed_in_it() -> None:
    window = Window(since=at(stamp(123)), until=at(stamp(126)))
    with served(replay.ServiceNowReplay(desk())) as (_, connector):
        pages = list(connector.fetch("tickets", window))
    assert [record.key for record in records_of(pages) if isinstance(record, Ticket)] == [
        "inc0003",
        "inc0004",
        "inc0005",
    ]
    assert {page.total for page in pages} == {3}


def test_rows_of_the_same_second_are_all_read() -> None:
    rows = [task(n, sys_updated_on=stamp(500 if n < 8 else 600)) for n in range(10)]
    keys = {record.key for record in one({"incident": rows}, "tickets") if isinstance(record, Ticket)}
    assert len(keys) == 10


@pytest.mark.parametrize("last", range(3, 12))
def test_hidden_rows_make_pages_short_but_end_nothing(last: int) -> None:
    rows = [task(n, sys_updated_on=stamp(500 + n // 3)) for n in range(12)]
    hidden = {f"inc{n:04}" for n in range(2, last)}
    handler = replay.ServiceNowReplay(desk(incident=rows), hidden=lambda table, row: row["sys_id"] in hidden)
    pages = everything(handler, "tickets")
    keys = {record.key for record in records_of(pages) if isinstance(record, Ticket)}
    assert keys == {row["sys_id"] for row in rows} - hidden
    if last > 6:
        assert any(not page.records for page in pages[:-1])


@pytest.mark.parametrize("deaf", ["sys_updated_on", "assignment_group"])
def test_a_condition_that_was_left_out_is_noticed(deaf: str) -> None:
    rows = [task(n, assignment_group=f"grp{1 + n % 2}") for n in range(1, 8)]
    handler = replay.ServiceNowReplay(desk(incident=rows), deaf=frozenset({deaf}))
    with served(handler, groups="Group 1") as (_, connector), pytest.raises(SourceChanged, match="asked"):
        list(connector.fetch("tickets", Window(since=at(stamp(124)))))


def test_the_scope_limits_tickets_and_their_sweep() -> None:
    rows = [task(n, assignment_group=f"grp{1 + n % 3}") for n in range(1, 8)]
    with served(replay.ServiceNowReplay(desk(incident=rows)), groups="Group 2, Group 3") as (_, connector):
        teams = Counter(record.team for record in records_of(read(connector, "tickets")) if isinstance(record, Ticket))
        swept = {key for page in connector.sweep("tickets") for key in page.keys}
    assert teams == {"grp2": 3, "grp3": 2}
    assert swept == {row["sys_id"] for row in rows if row["assignment_group"] != "grp1"}
    with (
        served(replay.ServiceNowReplay(desk()), groups="Group 1, Nobody") as (_, connector),
        pytest.raises(ConfigError, match="Nobody"),
    ):
        read(connector, "tickets")


def test_the_groups_are_offered() -> None:
    with served(replay.ServiceNowReplay(desk())) as (_, connector):
        assert connector.choices("groups") == [f"Group {n}" for n in range(1, 6)]
        assert connector.choices("tables") == ()


def test_an_answer_that_was_cut_short_is_not_taken_for_the_end() -> None:
    cut = faults.edited(lambda row: {**row, "error": {"message": "Transaction cancelled"}} if "result" in row else row)
    with served(replay.ServiceNowReplay(desk())) as (server, connector):
        server.inject(cut, after=1)
        with pytest.raises(TransientError, match="Rows per page"):
            read(connector, "tickets")
        server.heal()
        server.inject(lambda request, handler: replace(handler(request), headers={}))
        with pytest.raises(SourceChanged, match="X-Total-Count"):
            read(connector, "tickets")


def test_a_rate_rule_is_waited_for() -> None:
    with served(replay.ServiceNowReplay(desk())) as (server, connector):
        calm = read(connector, "tickets")
        asked = len(server.requests)
        server.inject(replay.rate_limited(0.3), after=1, times=1)
        assert read(connector, "tickets") == calm
    first, refused, again = server.requests[asked : asked + 3]
    assert first.query != refused.query == again.query
    assert again.at - refused.at >= 0.3


def test_a_wrong_password_is_told() -> None:
    with (
        served(replay.ServiceNowReplay(desk()), password="wrong") as (_, connector),
        pytest.raises(ConfigError, match="valid token or password"),
    ):
        connector.check()


def test_only_the_columns_that_are_counted_are_asked_for() -> None:
    with served(replay.ServiceNowReplay(desk())) as (server, connector):
        read(connector, "tickets")
    for request in server.requests:
        asked = set(request.query["sysparm_fields"].split(","))
        assert "sys_updated_on" in asked
        assert not asked & {"short_description", "description", "work_notes", "comments", "close_notes", "caller_id"}
        assert request.query["sysparm_display_value"] == "false"
        assert request.query["sysparm_exclude_reference_link"] == "true"


def test_the_connection_test_reports_what_may_be_seen() -> None:
    recent = [attached(n, n, 1) for n in range(1, 4)] + [attached(9, 1, 1, sys_created_on="2025-12-01 00:00:00")]
    with served(replay.ServiceNowReplay(desk(m2m_kb_task=recent))) as (_, connector):
        report = connector.check()
    assert report.ok
    assert report.identity == replay.USER
    assert report.counts == {
        "incident": 7,
        "kb_knowledge": 5,
        "m2m_kb_task": 4,
        "sys_user_group": 5,
        "sys_user_grmember": 3,
    }
    said = {finding.subject: finding for finding in report.findings}
    assert said["links"].message.startswith("3 articles")
    assert said["knowledge flag"].message.startswith("1 tickets carry the flag")
    assert said["clock"].level is Level.OK


def test_the_connection_test_warns() -> None:
    account = {**replay.ACCOUNT, "time_zone": "US/Pacific"}
    handler = replay.ServiceNowReplay(
        desk(m2m_kb_task=[], sys_user=[account]),
        forbidden=frozenset({"kb_knowledge"}),
        hidden=lambda table, row: table == "sys_user_group",
    )
    with served(handler) as (server, connector):
        server.inject(faults.shifted_clock(timedelta(hours=-2)))
        report = connector.check()
    warned = {finding.subject for finding in report.findings if finding.level is Level.WARN}
    assert warned == {"clock", "account", "kb_knowledge", "sys_user_group", "links"}
    assert report.ok


def test_a_ticket_table_that_may_not_be_read_fails_the_connection_test() -> None:
    with served(replay.ServiceNowReplay(desk()), tables="incident, sn_nowhere") as (_, connector):
        report = connector.check()
    assert not report.ok
    with (
        served(replay.ServiceNowReplay(desk(), forbidden=frozenset({"incident"}))) as (_, connector),
        pytest.raises(ConfigError, match="incident"),
    ):
        connector.check()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ({"password": ""}, "user name and password, or a token"),
        ({"tables": "incident; drop"}, "names of tables"),
        ({"tables": " , "}, "names of tables"),
        ({"states": "6=done"}, "value=meaning"),
        ({"groups": "a^ORb"}, "cannot stand"),
        ({"username": "a^ORactive=true"}, "cannot stand"),
        ({"page_size": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_advice(said: Row, advice: str) -> None:
    with pytest.raises(ValidationError, match=advice) as caught:
        settings("https://desk.example.org", **said)
    assert replay.PASSWORD not in str(caught.value)


@pytest.fixture(scope="module")
def recordings(shared: Path) -> Path:
    folder = shared / "recordings" / "servicenow"
    if not folder.is_dir():
        pytest.skip("the recordings of ServiceNow are absent")
    return folder


def test_recorded_incidents_and_groups_are_read(recordings: Path) -> None:
    incidents = replay.recorded(recordings / "jupiterone_incidents_part1.json")
    groups = replay.recorded(recordings / "jupiterone_groups.json")
    handler = replay.ServiceNowReplay(desk(incident=incidents, sys_user_group=groups), links=True)
    pages = everything(handler, "tickets", page_size=10)
    tickets = {record.key: record for record in records_of(pages) if isinstance(record, Ticket)}
    assert (len(tickets), [page.rejected for page in pages if page.rejected]) == (34, [])
    assert Counter(ticket.status for ticket in tickets.values()) == {Status.CLOSED: 21, Status.OPEN: 13}
    teams = {record.key for record in records_of(everything(handler, "teams")) if isinstance(record, Team)}
    assert len(teams) == 46
    assert {ticket.team for ticket in tickets.values()} - {None} <= teams
    odd = tickets["9c573169c611228700193229fff72400"]
    assert odd.resolved_at == at("2024-03-08 19:56:12")
    assert odd.changes[0].at == at("2023-12-08 23:10:06")


def test_a_whole_real_log_is_read(shared: Path) -> None:
    log = shared / "data" / "uci-498" / "incident_event_log.zip"
    if not log.is_file():
        pytest.skip("the UCI 498 log is absent")
    rows = replay.uci_incidents(log)
    handler = replay.ServiceNowReplay(desk(incident=rows, sys_user_group=replay.uci_groups(rows)))
    records = records_of(everything(handler, "tickets", knowledge_flag=True, page_size=1000))
    tickets = {record.key: record for record in records if isinstance(record, Ticket)}
    flagged = {record.ticket for record in records if isinstance(record, LinksSeen) and record.articles}
    assert (len(rows), len(tickets), len(flagged)) == (24_918, 24_918, 3_551)
    closed: Counter[str] = Counter()
    linked: Counter[str] = Counter()
    for ticket in tickets.values():
        assert ticket.resolved_at is not None
        closed[f"{ticket.resolved_at:%Y-%m}"] += 1
        linked[f"{ticket.resolved_at:%Y-%m}"] += ticket.key in flagged
    months = ("2016-03", "2016-04", "2016-05")
    assert [closed[month] for month in months] == [7_341, 8_419, 7_576]
    assert [linked[month] for month in months] == [3_154, 210, 80]
    unresolved = {row["sys_id"] for row in rows if not row["resolved_at"]}
    by_close = {key for key in unresolved if tickets[key].resolved_at == tickets[key].changes[-1].at}
    assert len(unresolved) == len(by_close) == 1_556
