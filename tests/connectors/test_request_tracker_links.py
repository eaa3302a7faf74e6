"""Tickets in Request Tracker that refer to articles of other knowledge bases by their addresses. All data is synthetic."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kpulse.sdk import LinkEvent, LinksSeen, Op, SecretStr
from kpulse.sdk.links import bookstack, mediawiki
from kpulse.sdk.testing.conformance import fixed_clock
from kpulse_connectors.request_tracker import RequestTrackerSettings
from kpulse_connectors.request_tracker.rows import TicketRow, TransactionRow, carry_links, read_link, read_ticket

FIRST = datetime(2026, 2, 1, 9, tzinfo=UTC)
BASES = (mediawiki("Wiki", ["wiki.example.org"]), bookstack("Shelf", ["docs.example.org"]))
WIKI, SHELF = "https://wiki.example.org/index.php?curid=12", "https://docs.example.org/link/7"
FOREIGN = "https://www.example.net/index.php?curid=12"
OWN = "fsck.com-article://desk.example/article/3"


def transaction(key: int, kind: str, *, new: str = "", old: str = "", field: str = "RefersTo") -> TransactionRow:
    row = {"id": str(key), "Type": kind, "Field": field, "OldValue": old, "NewValue": new, "ObjectId": "1"}
    row |= {"Created": f"{FIRST + timedelta(hours=key):%Y-%m-%dT%H:%M:%SZ}", "Creator": "mia"}
    return msgspec.convert(row, TransactionRow)


@pytest.mark.parametrize(
    ("address", "base", "article"), [(WIKI, "Wiki", "12"), (SHELF, "Shelf", "7"), (OWN, "", "3"), (FOREIGN, None, None)]
)
def test_a_link_names_the_knowledge_base_that_holds_the_article(address: str, base: str | None, article: str) -> None:
    for kind, said in (("AddLink", {"new": address}), ("DeleteLink", {"old": address})):
        link = read_link(transaction(5, kind, **said), BASES)
        assert (link and (link.op, link.knowledge_base, link.article, link.by, link.event_id)) == (
            None if base is None else (Op.ADD if kind == "AddLink" else Op.REMOVE, base, article, "mia", "5")
        )


def test_an_address_means_nothing_where_no_knowledge_base_is_connected() -> None:
    assert read_link(transaction(5, "AddLink", new=WIKI)) is None


def test_links_given_at_opening_are_seen_by_knowledge_base() -> None:
    def refers(address: str) -> dict[str, Any]:
        return {"ref": "refers-to", "type": "external", "_url": address}

    shown = [refers(WIKI), refers(FOREIGN), refers(SHELF), {"ref": "refers-to", "type": "article", "id": 3}]
    row = {"id": 1, "Status": "open", "Queue": {"id": "3"}, "Owner": None, "Resolved": "", "EffectiveId": 1}
    row |= {"Created": "2026-02-01T09:00:00Z", "LastUpdated": "2026-02-01T09:00:00Z", "_hyperlinks": shown}
    settings = RequestTrackerSettings(address="http://127.0.0.1:9", token=SecretStr("synthetic"))
    _, *views = read_ticket(msgspec.convert(row, TicketRow), settings, fixed_clock(), BASES)
    assert [(view.knowledge_base, view.articles) for view in views if isinstance(view, LinksSeen)] == [
        ("", ["3"]),
        ("Wiki", ["12"]),
        ("Shelf", ["7"]),
    ]
    assert {view.assumed_at for view in views if isinstance(view, LinksSeen)} == {FIRST}


def test_a_merge_carries_links_of_every_knowledge_base() -> None:
    same_number = "fsck.com-article://desk.example/article/12"
    history = [
        transaction(1, "AddLink", new=WIKI),
        transaction(2, "AddLink", new=same_number),
        transaction(3, "AddLink", new=SHELF),
        transaction(4, "DeleteLink", old=same_number),
    ]
    merge = transaction(5, "AddLink", new="fsck.com-rt://desk.example/ticket/9", field="MergedInto")
    moved = [link for link in carry_links(merge, history, BASES) if isinstance(link, LinkEvent) and link.op is Op.ADD]
    assert [(link.ticket, link.knowledge_base, link.article) for link in moved] == [
        ("9", "Wiki", "12"),
        ("9", "Shelf", "7"),
    ]
