"""The connector for Redmine: the shared conformance, odd pages, texts, and recorded answers."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from kpulse.sdk import ConfigError, LinkEvent, LinksSeen, Record, SecretStr, Status, Ticket, Window
from kpulse.sdk.links import KnowledgeBase, mediawiki
from kpulse.sdk.testing import Handler, LoopbackServer
from kpulse.sdk.testing.conformance import ConnectorConformance, read, records_of
from kpulse_connectors.redmine import Redmine, RedmineSettings
from kpulse_connectors.redmine.wiki import LinkFinder
from tests.replay.redmine import KEY, RedmineReplay

STATUSES = [
    {"id": 1, "name": "New", "is_closed": False},
    {"id": 3, "name": "Resolved", "is_closed": False},
    {"id": 5, "name": "Closed", "is_closed": True},
]
PROJECTS = [
    {"id": n, "name": name, "identifier": name.lower(), "enabled_modules": [{"name": "wiki"}]}
    for n, name in enumerate(("Desk", "Lab", "Shop"), start=1)
]


def page(title: str, **more: Any) -> dict[str, Any]:
    times = {"created_on": "2026-01-01T00:00:00Z", "updated_on": "2026-01-02T00:00:00Z"}
    return {"title": title, "version": 1, **times, **more}


def journal(number: int, at: str, notes: str = "", **changed: tuple[Any, Any]) -> dict[str, Any]:
    details = [
        {
            "property": "cf" if name.startswith("cf") else "attr",
            "name": name.removeprefix("cf"),
            "old_value": old,
            "new_value": new,
        }
        for name, (old, new) in changed.items()
    ]
    return {"id": number, "created_on": at, "user": {"id": 7, "name": "Mia"}, "notes": notes, "details": details}


def issue(number: int, *, updated: str = "", **more: Any) -> dict[str, Any]:
    at = f"2026-02-{1 + number % 28:02d}T08:00:00Z"
    closed = journal(100 * number, at.replace("T08", "T10"), "[[Guide]]", status_id=("1", "5"))
    row = {
        "id": number, "project": {"id": 1, "name": "Desk"}, "tracker": {"id": 3, "name": "Support"}, "created_on": at,
        "status": {"id": 5, "name": "Closed"}, "updated_on": updated or at.replace("T08", "T10"), "closed_on": None,
        "author": {"id": 8, "name": "Ada"}, "assigned_to": {"id": 7, "name": "Mia"}, "description": "", "custom_fields": [],
        "priority": {"id": 2, "name": "Normal"}, "journals": [closed],
    }  # fmt: skip
    return {**row, **more}


def desk(issues: list[dict[str, Any]], most: int = 2) -> RedmineReplay:
    pages = {1: [page("Guide"), page("Printer_is_empty", version=3)], 3: [page("Prices", parent={"title": "Archive"})]}
    return RedmineReplay(issues, PROJECTS, pages, STATUSES, most)


def read_tickets(handler: Handler, **settings: Any) -> list[Record]:
    with LoopbackServer(handler) as server:
        source = Redmine(RedmineSettings(address=server.url, key=SecretStr(KEY), **settings))
        try:
            return records_of(read(source, "tickets"))
        finally:
            source.close()


def tickets_of(records: list[Record]) -> dict[str, Ticket]:
    return {each.key: each for each in records if isinstance(each, Ticket)}


class TestConformance(ConnectorConformance):
    connector_type = Redmine
    required: ClassVar = {"teams": "identifier", "articles": "title", "tickets": "updated_on"}

    def settings(self, address: str) -> RedmineSettings:
        return RedmineSettings(address=address, key=SecretStr(KEY))

    def handler(self) -> Handler:
        return desk([issue(n) for n in range(1, 8)])

    def many(self, rows: int) -> Handler:
        return desk([issue(n, journals=[], relations=[]) for n in range(1, rows // 2 + 1)], most=100)


def test_issues_of_one_second_are_all_read() -> None:
    rows = [issue(n, updated="2026-02-03T10:00:00Z" if n < 8 else "") for n in range(1, 12)]
    assert tickets_of(read_tickets(desk(rows))).keys() == {str(n) for n in range(1, 12)}


def test_an_issue_that_is_deleted_while_it_is_read_is_left_out() -> None:
    handler = desk([issue(n) for n in range(1, 6)])
    del handler._by_id["3"]
    assert tickets_of(read_tickets(handler)).keys() == {"1", "2", "4", "5"}


def test_a_ticket_that_was_imported_as_closed_was_closed_when_redmine_says() -> None:
    rows = [
        issue(1, journals=[], closed_on="2026-02-20T09:00:00Z"),
        issue(2, journals=[], status={"id": 1, "name": "New"}),
    ]
    tickets = tickets_of(read_tickets(desk(rows)))
    assert [(c.to, c.at.day) for c in tickets["1"].changes] == [(Status.OPEN, 2), (Status.CLOSED, 20)]
    assert [c.to for c in tickets["2"].changes] == [Status.OPEN]


def test_a_link_stays_while_another_place_shows_it() -> None:
    history = [
        journal(1, "2026-02-02T09:00:00Z", "[[Guide]]"),
        journal(2, "2026-02-02T10:00:00Z", cf4=(None, "[[Guide]] [[Printer is empty]]")),
        journal(3, "2026-02-02T11:00:00Z", cf4=("[[Guide]] [[Printer is empty]]", None)),
    ]
    records = read_tickets(desk([issue(1, journals=history, custom_fields=[{"id": 4, "value": None}])]))
    events = [(e.op.value, e.article, e.at.hour) for e in records if isinstance(e, LinkEvent) and e.at]
    assert sorted(events) == [
        ("add", "desk/guide", 9),
        ("add", "desk/guide", 10),
        ("add", "desk/printer_is_empty", 10),
        ("remove", "desk/printer_is_empty", 11),
    ]
    assert [list(each.articles) for each in records if isinstance(each, LinksSeen)] == [["desk/guide"]]


def test_the_first_text_counts_only_when_asked_for() -> None:
    rows = [issue(1, journals=[], description="as in [[Guide]]")]
    assert not [r for r in read_tickets(desk(rows)) if isinstance(r, LinkEvent)]
    found = [r for r in read_tickets(desk(rows), descriptions=True) if isinstance(r, LinkEvent)]
    assert [(event.article, event.by) for event in found] == [("desk/guide", "8")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[[Guide]]", ["desk/guide"]),
        ("[[guide|words]] and [[Guide#part]]", ["desk/guide"]),
        ("[[shop:Prices]]", ["shop/prices"]),
        ("https://desk.example/r/projects/shop/wiki/Prices/4", ["shop/prices"]),
        ("(https://desk.example/r/projects/desk/wiki/Printer_is_empty)", ["desk/printer_is_empty"]),
        ("> [[Guide]]", []),
        ("![[Guide]]", []),
        ("<pre>[[Guide]]</pre> `[[Guide]]`", []),
        ("https://desk.example/r/projects/desk/wiki/index", []),
        ("https://other.example/r/projects/desk/wiki/Guide", []),
        ("[[secret:Guide]]", []),
        ("https://desk.example/r/issues/4", []),
    ],
)
def test_texts(text: str, found: list[str]) -> None:
    finder = LinkFinder("https://desk.example/r", frozenset(("desk", "shop")))
    assert finder.find(text, "desk") == [("", article) for article in found]


def test_links_into_another_knowledge_base_say_where_it_is() -> None:
    other: KnowledgeBase = mediawiki("Handbook", ["wiki.example"])
    finder = LinkFinder("https://desk.example", frozenset(("desk",)), [other])
    found = finder.find("https://wiki.example/wiki/Token and [[Guide]]", "desk")
    assert found == [("Handbook", "Token"), ("", "desk/guide")]


def test_a_key_that_is_not_known_never_means_an_empty_desk() -> None:
    with LoopbackServer(desk([issue(1)])) as server:
        source = Redmine(RedmineSettings(address=server.url, key=SecretStr("another")))
        for attempt in (lambda: list(source.fetch("tickets", Window())), lambda: list(source.sweep("tickets"))):
            with pytest.raises(ConfigError, match="API key"):
                attempt()
        source.close()


@pytest.mark.parametrize("pair", ["Archive", "Archive=old"])
def test_a_state_that_is_none_is_refused(pair: str) -> None:
    with pytest.raises(ValidationError, match="states are wip"):
        RedmineSettings(address="https://desk.example", key=SecretStr("k"), page_states=(pair,))


def test_recorded_issues_are_read_without_loss(shared: Path) -> None:
    folder = shared / "recordings" / "redmine"
    if not folder.is_dir():
        pytest.skip("../shared/recordings/redmine is absent")
    whole = [json.loads((folder / f"perceval_redmine_issue_{n}.json").read_text())["issue"] for n in (2, 5, 9)]
    statuses = [{"id": 5, "name": "Cerrada", "is_closed": True}]
    handler = RedmineReplay(whole, [{"id": 1, "name": "Global", "identifier": "global"}], {}, statuses, most=2)
    tickets = tickets_of(read_tickets(handler))
    assert tickets.keys() == {"2", "5", "9"}
    for row in whole:
        ticket = tickets[str(row["id"])]
        closing = [change.at for change in ticket.changes if change.to is Status.CLOSED]
        assert f"{closing[0]:%Y-%m-%dT%H:%M:%S.000Z}" == row["closed_on"]
        assert (ticket.team, ticket.source_status) == ("1", "Cerrada")
