"""The JSON event format: what is read, and what is said about a case that makes no sense."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kpulse.clock import to_instant
from kpulse.errors import UsageError
from kpulse.records import Article, ArticleState, Evidence, LinkEvent, Status, Ticket
from kpulse.sdk.casefile import read_case, read_cases


def a_case(**more: Any) -> dict[str, Any]:
    ticket = {
        "id": "T1",
        "opened_at": "2025-03-01T08:00:00Z",
        "status": [{"at": "2025-03-01T09:00:00Z", "to": "solved"}],
    }
    return {
        "id": "C1",
        "timezone": "Europe/Berlin",
        "from": "2025-03-01",
        "to": "2025-04-01",
        "as_of": "2025-05-01T00:00:00+02:00",
        "tickets": [ticket],
        "articles": [{"id": 7, "created_at": "2025-01-01T00:00:00Z", "state": "published"}],
        "link_events": [{"op": "add", "ticket": "T1", "article": "7", "at": None, "id": "e1"}],
        **more,
    }


def test_a_case_becomes_records() -> None:
    case = read_case(a_case())

    ticket, article, link = case.records
    assert (case.id, case.zone.key, case.grace_days) == ("C1", "Europe/Berlin", 7)
    assert case.as_of is not None
    assert to_instant(case.as_of) == 1_746_050_400_000_000
    assert isinstance(ticket, Ticket)
    assert isinstance(article, Article)
    assert isinstance(link, LinkEvent)
    assert (ticket.status, ticket.changes[0].source_status) == (Status.RESOLVED, "solved")
    assert (article.key, article.state) == ("7", ArticleState.VALIDATED)
    assert (link.evidence, link.event_id, link.at) == (Evidence.UNTIMED, "e1", None)


BROKEN: Mapping[str, tuple[Any, str]] = {
    "not an object": ([], "The case has to be a JSON object"),
    "several": ({"cases": []}, "several cases"),
    "list": (a_case(tickets={}), "tickets has to be a list"),
    "item": (a_case(tickets=["T1"]), r"tickets\[0\] has to be a JSON object"),
    "no id": (a_case(tickets=[{}]), r"tickets\[0\].id is missing"),
    "twice": (a_case(tickets=a_case()["tickets"] * 2), r"tickets\[1\].id: T1 comes twice"),
    "no time": (a_case(articles=[{"id": "A"}]), r"articles\[0\].created_at is missing"),
    "no zone": (
        a_case(articles=[{"id": "A", "created_at": "2025-03-01T08:00:00"}]),
        r"articles\[0\].created_at has to",
    ),
    "far time": (a_case(as_of="0001-01-01T00:00:00+14:00"), "as_of has to be a time"),
    "word": (
        a_case(
            tickets=[
                {"id": "T", "opened_at": "2025-03-01T08:00:00Z", "status": [{"at": "2025-03-01T08:00:00Z", "to": "x"}]}
            ]
        ),
        r"tickets\[0\].status\[0\].to is none of: open",
    ),
    "op": (a_case(link_events=[{"op": "put", "ticket": "T1"}]), r"link_events\[0\].op is none of: add, remove"),
    "zone": (a_case(timezone="Mars/Base"), "timezone has to be an IANA time zone"),
    "folder of zones": (a_case(timezone="Europe"), "timezone has to be an IANA time zone"),
    "period": (a_case(to="2025-03-01"), "to has to be later than from"),
    "grace": (a_case(grace_days=-1), "grace_days has to be a whole number"),
    "type": (a_case(title=1.5), "title has to be a text"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_case_that_makes_no_sense_is_told_where(name: str) -> None:
    data, words = BROKEN[name]

    with pytest.raises(UsageError, match=words):
        read_case(data)


def test_all_golden_cases_can_be_read(shared: Path) -> None:
    data = json.loads((shared / "golden_cases.json").read_text())

    cases = read_cases(data)

    assert len(cases) == 23
    for case, source in zip(cases, data["cases"], strict=True):
        assert read_case(source) == case
        assert [type(record) for record in case.records] == [
            kind
            for kind, name in ((Ticket, "tickets"), (Article, "articles"), (LinkEvent, "link_events"))
            for _ in source.get(name, ())
        ]
        assert (case.id, str(case.from_day), str(case.to_day)) == (source["id"], source["from"], source["to"])
