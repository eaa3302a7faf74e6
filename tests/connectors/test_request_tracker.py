"""The Request Tracker connector against answers in RT's real shapes, without an RT. All data is synthetic."""

import bisect
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from pydantic import ValidationError

from kpulse.sdk import (
    Article,
    ArticleState,
    ConnectorSettings,
    Gone,
    Level,
    LinkEvent,
    LinksSeen,
    Merged,
    Op,
    Record,
    SecretStr,
    SourceChanged,
    StateChange,
    Status,
    StatusEvent,
    Ticket,
    Window,
    to_instant,
)
from kpulse.sdk.testing import Handler, LoopbackServer, Request, Response, json_response
from kpulse.sdk.testing.conformance import ConnectorConformance, fixed_clock
from kpulse.sdk.testing.faults import FaultServer, shifted_clock
from kpulse_connectors.request_tracker import RequestTracker, RequestTrackerSettings
from kpulse_connectors.request_tracker.articles import ArticleRow, read_article
from kpulse_connectors.request_tracker.rows import TicketRow, TransactionRow, read_change, read_ticket

TOKEN = "1-36-synthetic-secret"
UNSET = "1970-01-01T00:00:00Z"
FIRST = datetime(2026, 2, 1, 9, tzinfo=UTC)
Item = dict[str, Any]


def settings(address: str = "http://127.0.0.1:9", **more: Any) -> RequestTrackerSettings:
    return RequestTrackerSettings(address=address, token=SecretStr(TOKEN), **more)


def after(hours: int) -> datetime:
    return FIRST + timedelta(hours=hours)


def text(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def ref(key: str, kind: str = "user", **more: Any) -> Item:
    return {"type": kind, "id": key, "_url": f"http://127.0.0.1:9/REST/2.0/{kind}/{key}"} | more


def link(ref: str, kind: str, key: str | int) -> Item:
    return {"ref": ref, "type": kind, "id": key, "_url": f"http://127.0.0.1:9/REST/2.0/{kind}/{key}"}


def article_uri(key: int) -> str:
    return f"fsck.com-article://desk.example/article/{key}"


def ticket_uri(key: int) -> str:
    return f"fsck.com-rt://desk.example/ticket/{key}"


def ticket(key: int, **more: Any) -> Item:
    row = ref(str(key), "ticket") | {"Status": "open", "Queue": ref("3", "queue"), "Owner": ref("mia")}
    row |= {
        "Created": text(after(key)),
        "Resolved": UNSET,
        "LastUpdated": text(after(key + 1)),
        "EffectiveId": str(key),
    }
    return row | {"_hyperlinks": [link("self", "ticket", key)]} | more


def transaction(key: int, type: str, field: str, of: int, new: str = "", old: str = "") -> Item:
    row = ref(str(key), "transaction") | {"Type": type, "Field": field, "ObjectId": str(of), "ObjectType": "RT::Ticket"}
    return row | {"OldValue": old, "NewValue": new, "Created": text(after(key)), "Creator": ref("mia")}


def article(key: int, state: str = "Validated", **more: Any) -> Item:
    stage = {"id": "2", "type": "customfield", "name": "Stage", "values": [state]}
    row = ref(str(key), "article") | {
        "Name": f"synthetic {key}",
        "Created": text(FIRST),
        "LastUpdated": text(after(50)),
    }
    row |= {"Disabled": "0", "Creator": ref("noah"), "Class": ref("2", "class", Name="Guides"), "_hyperlinks": []}
    return row | {"CustomFields": [{"id": "1", "name": "Content", "values": []}, stage]} | more


class Desk:
    """Answers as RT does: rows by id, no more than ``most`` a page, hidden rows taken out only after a page was cut."""

    def __init__(self, most: int = 2) -> None:
        self.most = most
        queues = [{"id": str(n), "type": "queue", "Name": f"Queue {n}", "Disabled": "0"} for n in (1, 3, 4)]
        self.rows: dict[str, list[Item]] = {
            "queues": [*queues, {"id": "5", "type": "queue", "Name": "___Approvals", "Disabled": "2"}],
            "classes": [{"id": "2", "type": "class", "Name": "Guides"}],
            "tickets": [ticket(n) for n in range(1, 6)],
            "articles": [article(n) for n in range(1, 4)],
            "transactions": [transaction(n, "AddLink", "RefersTo", n - 60, article_uri(1)) for n in range(61, 66)],
        }
        self.hidden: set[str] = set()
        self.version = "5.0.3"

    def __call__(self, request: Request) -> Response:
        assert request.headers.get("authorization") == f"token {TOKEN}"
        name = request.path.removeprefix("/REST/2.0/")
        if name == "rt":
            return json_response({"Version": self.version})
        if name == "user/36":
            return json_response({"Name": "reader"})
        return json_response(self.page(name, request))

    def page(self, name: str, request: Request) -> Item:
        """A page of the rows that the request asks for."""
        above, chosen = _asked(request)
        start = bisect.bisect_right(self.rows[name], above, key=lambda row: int(row["id"]))
        rows = [row for row in self.rows[name][start:] if chosen(row)]
        size, page = min(self.most, int(request.query["per_page"])), int(request.query["page"])
        cut = rows[size * (page - 1) : size * page]
        items = [row for row in cut if f"{name} {row['id']}" not in self.hidden]
        told = name != "transactions" and not self.hidden
        total = len(rows) if told else None
        return {"count": len(items), "total": total, "pages": None, "page": page, "per_page": size, "items": items}


def _asked(request: Request) -> tuple[int, Any]:
    if request.method == "POST":
        return next(each["value"] for each in json.loads(request.body) if each["field"] == "id"), lambda row: True
    query = request.query["query"]
    kind, objects = re.search(r"ObjectType = '([\w:]+)'", query), set(re.findall(r"ObjectId = (\d+)", query))
    found = re.search(r" AND id > (\d+)$|^id > 0 AND id > (\d+)$", query)
    assert found, query

    def chosen(row: Item) -> bool:
        return not kind or (row["ObjectType"] == kind[1] and (not objects or row["ObjectId"] in objects))

    return int(found[1] or found[2]), chosen


class TestConformance(ConnectorConformance):
    """What every connector has to keep."""

    connector_type = RequestTracker
    required: ClassVar[Mapping[str, str]] = {
        "teams": "Name",
        "articles": "LastUpdated",
        "changes": "ObjectId",
        "tickets": "Created",
    }

    def settings(self, address: str) -> ConnectorSettings:
        return settings(address)

    def handler(self) -> Handler:
        return Desk()

    def many(self, rows: int) -> Handler | None:
        desk = Desk(most=100)
        desk.rows["tickets"] = [ticket(n) for n in range(1, rows + 1)]
        return desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def server(desk: Desk) -> Iterator[FaultServer]:
    with FaultServer(desk) as running:
        yield running


def connector(server: LoopbackServer, **more: Any) -> RequestTracker:
    return RequestTracker(settings(server.url, **more), clock=fixed_clock)


def read(source: RequestTracker, stream: str, window: Window | None = None) -> list[Record]:
    return [record for page in source.fetch(stream, window or Window()) for record in page.records]


def keys(records: list[Record]) -> list[str]:
    return [record.key for record in records if isinstance(record, Ticket | Article)]


def test_a_page_of_hidden_rows_is_not_the_end(desk: Desk, server: FaultServer) -> None:
    desk.hidden = {f"tickets {n}" for n in (1, 2, 3, 4)} | {f"transactions {n}" for n in (61, 62, 64)}
    assert keys(read(connector(server), "tickets")) == ["5"]
    assert [e.event_id for e in read(connector(server), "changes") if isinstance(e, LinkEvent)] == ["63", "65"]


def test_only_rows_in_the_window_become_records(server: FaultServer) -> None:
    source = connector(server)
    window = Window(since=after(3), until=after(5))
    assert keys(read(source, "tickets", window)) == ["2", "3"]
    asked = server.requests[0].query["query"]
    assert f"LastUpdated >= '{after(3) - timedelta(hours=13):%Y-%m-%d %H:%M:%S}'" in asked
    assert f"LastUpdated < '{after(5) + timedelta(hours=15):%Y-%m-%d %H:%M:%S}'" in asked
    changes = read(source, "changes", Window(since=after(62), until=after(64)))
    assert [each.event_id for each in changes if isinstance(each, LinkEvent)] == ["62", "63"]


def test_one_request_a_page_and_none_a_ticket(desk: Desk, server: FaultServer) -> None:
    desk.most = 100
    desk.rows["tickets"] = [ticket(n) for n in range(1, 251)]
    assert len(read(connector(server), "tickets")) == 250
    assert len(server.requests) == 4


def test_progress_is_told_where_rt_counts(server: FaultServer) -> None:
    source = connector(server)
    pages = list(source.fetch("tickets", Window()))
    assert [page.total for page in pages] == [5, 5, 5]
    assert [page.total for page in source.fetch("tickets", Window(), pages[0].cursor)] == [5, 5]
    assert {page.total for page in source.fetch("changes", Window())} == {None}


def test_queue_names_are_quoted(server: FaultServer) -> None:
    source = connector(server, queues="Mia's queue, Back\\slash")
    read(source, "tickets")
    read(source, "changes")
    asked = [request.query["query"] for request in server.requests]
    assert r"(Queue = 'Mia\'s queue' OR Queue = 'Back\\slash')" in asked[0]
    assert r"(TicketQueue = 'Mia\'s queue' OR TicketQueue = 'Back\\slash')" in asked[-1]


def test_a_row_that_cannot_be_read_is_named_and_the_others_are_kept(desk: Desk, server: FaultServer) -> None:
    desk.most = 100
    del desk.rows["tickets"][1]["Status"]
    desk.rows["tickets"][2]["Created"] = "yesterday"
    pages = list(connector(server).fetch("tickets", Window()))
    assert keys(list(pages[0].records)) == ["1", "4", "5"]
    assert [(each.position, each.reason) for each in pages[0].rejected] == [
        ("ticket 2", "Object missing required field `Status`"),
        ("ticket 3", "a time is not in ISO form"),
    ]


def test_rows_out_of_order_are_refused(desk: Desk, server: FaultServer) -> None:
    desk.most = 100
    desk.page = lambda name, request: {"items": [ticket(2), ticket(1)], "total": 2}  # type: ignore[method-assign]
    with pytest.raises(SourceChanged, match="out of order"):
        read(connector(server), "tickets")


def test_links_of_a_merged_ticket_move_to_the_survivor(desk: Desk, server: FaultServer) -> None:
    desk.rows["transactions"] = [
        transaction(61, "AddLink", "RefersTo", 3, article_uri(1)),
        transaction(62, "AddLink", "RefersTo", 3, article_uri(2)),
        transaction(63, "DeleteLink", "RefersTo", 3, old=article_uri(1)),
        transaction(64, "AddLink", "MergedInto", 3, ticket_uri(1)),
        transaction(65, "AddLink", "MergedInto", 1, ticket_uri(1)),
        transaction(66, "DeleteLink", "RefersTo", 1, old=article_uri(2)),
    ]
    records = read(connector(server), "changes", Window(since=after(64)))
    carried = LinkEvent(op=Op.ADD, ticket="1", article="2", at=after(62), by="mia", event_id="62-1")
    left = LinkEvent(op=Op.REMOVE, ticket="3", article="2", at=after(64), by="mia", event_id="62-1-left")
    removed = LinkEvent(op=Op.REMOVE, ticket="1", article="2", at=after(66), by="mia", event_id="66")
    assert records == [Merged(ticket="3", into="1"), carried, left, removed]


def test_the_history_of_articles_takes_one_walk_a_page(desk: Desk, server: FaultServer) -> None:
    desk.most = 100
    move = transaction(70, "CustomField", "2", 1, "Validated", "WIP") | {"ObjectType": "RT::Article"}
    desk.rows["transactions"].append(move)
    first = next(each for each in read(connector(server), "articles") if isinstance(each, Article))
    assert [(change.at, change.to) for change in first.changes] == [
        (FIRST, ArticleState.WIP),
        (after(70), ArticleState.VALIDATED),
    ]
    assert [request.path.rpartition("/")[2] for request in server.requests].count("articles") == 2


def ticket_records(row: Item, **more: Any) -> list[Record]:
    return read_ticket(msgspec.convert(row, TicketRow), settings(**more), fixed_clock())


def change_records(row: Item) -> list[Record]:
    return read_change(msgspec.convert(row, TransactionRow), settings())


def test_a_ticket_row_says_what_it_shows() -> None:
    links = [link("refers-to", "article", "10"), link("refers-to", "article", 9), link("refers-to", "ticket", "4")]
    row = ticket(
        7, Status="resolved", Resolved=text(after(8)), _hyperlinks=[*links, link("referred-to-by", "article", "5")]
    )
    assert ticket_records(row) == [
        Ticket(
            key="7",
            version=to_instant(after(8)),
            opened_at=after(7),
            status=Status.RESOLVED,
            source_status="resolved",
            resolved_at=after(8),
            team="3",
            owner="mia",
        ),
        LinksSeen(ticket="7", articles=["9", "10"], seen_at=fixed_clock(), assumed_at=after(7), complete=False),
    ]


@pytest.mark.parametrize(
    ("row", "field", "expected"),
    [
        (ticket(1, Owner=ref("Nobody")), "owner", None),
        (ticket(1, Status="resolved"), "resolved_at", None),
        (ticket(1, Status="open", Resolved=text(after(3))), "resolved_at", None),
        (ticket(1, Status="Stalled"), "status", Status.PENDING),
        (ticket(1, Status="in triage"), "status", Status.OPEN),
        (ticket(1, Status="rejected"), "exclude", "cancelled"),
        (ticket(1, Status="rejected"), "status", Status.CLOSED),
        (ticket(3, EffectiveId="1"), "merged_into", "1"),
        (ticket(3, EffectiveId=ref("3", "ticket")), "merged_into", None),
    ],
)
def test_a_ticket_row_is_normalised(row: Item, field: str, expected: object) -> None:
    (record,) = ticket_records(row)
    assert getattr(record, field) == expected


def test_the_lead_says_what_a_status_means() -> None:
    words = {"resolved": "answered, done", "closed": ["Shut"], "excluded": "spam", "pending": ""}
    found = [ticket_records(ticket(1, Status=word), **words)[0] for word in ("Answered", "shut", "resolved", "SPAM")]
    assert [each.status for each in found if isinstance(each, Ticket)] == [
        Status.RESOLVED,
        Status.CLOSED,
        Status.OPEN,
        Status.CLOSED,
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (transaction(1, "AddLink", "RefersTo", 7, ticket_uri(8)), []),
        (transaction(1, "AddLink", "RefersTo", 7, "https://wiki.example/article/3"), []),
        (transaction(1, "AddLink", "DependsOn", 7, ticket_uri(8)), []),
        (transaction(1, "AddLink", "MergedInto", 7, ticket_uri(7)), []),
        (transaction(1, "AddLink", "MergedInto", 7, ticket_uri(8)), [Merged(ticket="7", into="8")]),
        (
            transaction(1, "Status", "Status", 7, "deleted", "new"),
            [Gone(what="ticket", key="7", version=to_instant(after(1)) + 1)],
        ),
        (
            transaction(1, "Status", "Status", 7, "open", "resolved"),
            [StatusEvent(ticket="7", at=after(1), to=Status.OPEN, event_id="1", source_status="open")],
        ),
        (
            transaction(1, "AddLink", "ReferredToBy", 7, article_uri(3)),
            [LinkEvent(op=Op.ADD, ticket="7", article="3", at=after(1), by="mia", event_id="1")],
        ),
        (
            transaction(1, "DeleteLink", "RefersTo", 7, old=article_uri(3)),
            [LinkEvent(op=Op.REMOVE, ticket="7", article="3", at=after(1), by="mia", event_id="1")],
        ),
    ],
)
def test_a_transaction_says_one_thing_or_nothing(row: Item, expected: list[Record]) -> None:
    assert change_records(row) == expected


def article_record(row: Item, history: list[Item] | None = None, **more: Any) -> Article:
    moves = [msgspec.convert(each, TransactionRow) for each in history or []]
    return read_article(msgspec.convert(row, ArticleRow), moves, settings(**more), "http://desk.example")


def test_a_disabled_article_is_archived_since_then() -> None:
    history = [
        transaction(5, "CustomField", "2", 1, "NotValidated", "WIP"),
        transaction(6, "CustomField", "1", 1, "text of another field", ""),
        transaction(7, "Set", "Disabled", 1, "1", "0"),
        transaction(8, "Set", "Disabled", 1, "0", "1"),
        transaction(9, "CustomField", "2", 1, "Archived", "NotValidated"),
        transaction(10, "Set", "Disabled", 1, "1", "0"),
    ]
    found = article_record(article(1, "Archived", Disabled="1"), history)
    assert found.changes == (
        StateChange(at=FIRST, to=ArticleState.WIP, source_state="WIP"),
        StateChange(at=after(5), to=ArticleState.NOT_VALIDATED, source_state="NotValidated"),
        StateChange(at=after(7), to=ArticleState.ARCHIVED, source_state="disabled"),
        StateChange(at=after(8), to=ArticleState.NOT_VALIDATED, source_state="NotValidated"),
        StateChange(at=after(9), to=ArticleState.ARCHIVED, source_state="Archived"),
        StateChange(at=after(10), to=ArticleState.ARCHIVED, source_state="disabled"),
    )
    assert found.archived_at == after(9)


def test_a_disabled_article_without_history_is_archived_since_its_last_change() -> None:
    assert article_record(article(1, Disabled="1")).archived_at == after(50)


def test_an_article_says_where_it_came_from() -> None:
    found = article_record(article(1, "not validated", _hyperlinks=[link("refers-to", "ticket", "12")]))
    assert (found.source_ticket, found.author, found.category, found.archived_at) == ("12", "noah", "Guides", None)
    assert (found.state, found.source_state) == (ArticleState.NOT_VALIDATED, "not validated")
    assert found.url == "http://desk.example/Articles/Article/Display.html?id=1"


def test_the_lead_names_the_state_field() -> None:
    review = {"id": "3", "name": "Review", "values": ["WIP"]}
    row = article(1, "Validated")
    row["CustomFields"].insert(0, review)
    assert article_record(row).state is ArticleState.WIP
    assert article_record(row, state_field="stage").state is ArticleState.VALIDATED
    assert article_record(row, state_field="absent").state is ArticleState.NOT_VALIDATED


def findings(server: FaultServer, **more: Any) -> dict[str, tuple[Level, str]]:
    report = connector(server, **more).check()
    return {each.subject: (each.level, each.message) for each in report.findings}


def test_check_warns_of_no_links_old_versions_and_wrong_clocks(desk: Desk, server: FaultServer) -> None:
    assert {level for level, _ in findings(server).values()} == {Level.OK}
    desk.rows["transactions"], desk.version = [], "4.4.6"
    server.inject(shifted_clock(timedelta(minutes=-10)))
    found = findings(server)
    assert found["links"][0] is Level.WARN
    assert "LinkArticlesOnInclude" in found["links"][1]
    assert found["version"][0] is Level.FAIL
    assert re.search(r"clock is (59\d|60\d) seconds behind ours", found["clock"][1])


def test_check_fails_without_a_readable_ticket(desk: Desk, server: FaultServer) -> None:
    desk.rows["tickets"] = []
    level, message = findings(server)["tickets"]
    assert level is Level.FAIL
    assert "ShowTicket" in message


def test_choices_leave_out_what_rt_keeps_for_itself(server: FaultServer) -> None:
    source = connector(server)
    assert source.choices("queues") == ["Queue 1", "Queue 3", "Queue 4"]
    assert source.choices("article_class") == ["Guides"]
    assert not source.choices("resolved")


def test_a_token_must_be_given_and_is_not_shown() -> None:
    with pytest.raises(ValidationError, match="token"):
        RequestTrackerSettings(address="http://127.0.0.1:9", token=SecretStr(""))
    assert RequestTrackerSettings.secret_fields() >= {"token"}


def test_the_recording_of_a_real_rt_reads_as_its_story(shared: Path) -> None:
    file = shared / "recordings" / "request-tracker" / "rt5.0.3_rest2_recording.json"
    answers = {each["name"]: each["response"]["body"] for each in json.loads(file.read_text())}
    tickets = [record for row in answers["tickets incl. linked field"]["items"] for record in ticket_records(row)]
    states = {each.key: each.source_status for each in tickets if isinstance(each, Ticket)}
    assert states == dict.fromkeys("245", "resolved") | dict.fromkeys("36", "new") | {"1": "open", "7": "resolved"}
    events = [each for row in answers["AddLink transactions"]["items"] for each in change_records(row)]
    made = {(each.ticket, each.article) for each in events if isinstance(each, LinkEvent)}
    assert made == {("1", "1"), ("2", "2"), ("4", "3"), ("6", "1")}
    assert {(each.ticket, key) for each in tickets if isinstance(each, LinksSeen) for key in each.articles} == made
    history = [each for row in answers["ticket 1 history"]["items"] for each in change_records(row | {"ObjectId": "1"})]
    assert [each.to for each in history if isinstance(each, StatusEvent)] == [Status.RESOLVED, Status.OPEN]


def test_the_recorded_articles_tell_their_states_and_source(shared: Path) -> None:
    file = shared / "recordings" / "request-tracker" / "rt5.0.3_rest2_recording.json"
    answers = {each["name"]: each["response"]["body"] for each in json.loads(file.read_text())}
    history = [row | {"ObjectId": "1"} for row in answers["article 1 history"]["items"]]
    first, third = article_record(answers["article 1"], history), article_record(answers["article 3"])
    assert [change.to for change in first.changes] == [ArticleState.WIP, ArticleState.VALIDATED]
    assert (third.source_ticket, third.state) == ("4", ArticleState.WIP)
