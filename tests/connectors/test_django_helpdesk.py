"""The connector for django-helpdesk: the shared conformance, merges, odd rows and settings."""

from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from kpulse.sdk import (
    LinkEvent,
    LinksSeen,
    Merged,
    Page,
    Record,
    SecretStr,
    SourceChanged,
    Status,
    Ticket,
    TransientError,
    Window,
)
from kpulse.sdk.testing import Handler, LoopbackServer, Request, Response
from kpulse.sdk.testing.conformance import ConnectorConformance
from kpulse_connectors.django_helpdesk import DjangoHelpdesk, DjangoHelpdeskSettings
from tests.replay.django_helpdesk import PASSWORD, USER, HelpdeskReplay


def said(number: int, hour: int, comment: str = "", status: int | None = None, **more: Any) -> dict[str, Any]:
    date = f"2026-02-03T{hour:02d}:00:00Z"
    return {"id": number, "date": date, "user": 7, "title": "Comment", "comment": comment, "new_status": status, **more}


def ticket(number: int, *followups: dict[str, Any], status: int = 3, **more: Any) -> dict[str, Any]:
    usual = (said(10 * number, 8, title="Ticket Opened"), said(10 * number + 1, 10, "done", 3))
    row = {"id": number, "queue": 1 + number % 2, "status": status, "followup_set": list(followups or usual)}
    return {**row, "assigned_to": 7, "priority": 3, "merged_to": None, "on_hold": False, "resolution": None, **more}


def settings_for(address: str, **more: Any) -> DjangoHelpdeskSettings:
    return DjangoHelpdeskSettings(
        address=address, username=USER, password=SecretStr(PASSWORD), **{"page_size": 3, **more}
    )


def pages_of(*rows: dict[str, Any], **more: Any) -> list[Page]:
    with LoopbackServer(HelpdeskReplay(rows)) as server:
        source = DjangoHelpdesk(settings_for(server.url, **more))
        try:
            return list(source.fetch("tickets", Window()))
        finally:
            source.close()


def records_of(*rows: dict[str, Any], **more: Any) -> list[Record]:
    return [record for page in pages_of(*rows, **more) for record in page.records]


class TestConformance(ConnectorConformance):
    connector_type = DjangoHelpdesk
    required: ClassVar = {"tickets": "followup_set"}

    def settings(self, address: str) -> DjangoHelpdeskSettings:
        return settings_for(address)

    def settings_for_many(self, address: str) -> DjangoHelpdeskSettings:
        return settings_for(address, page_size=500)

    def handler(self) -> Handler:
        return HelpdeskReplay([ticket(n) for n in range(1, 9)])

    def many(self, rows: int) -> Handler:
        return HelpdeskReplay([ticket(n) for n in range(1, rows + 1)])


def test_a_merge_moves_what_was_said_and_not_what_was_done() -> None:
    moved = said(3, 9, "http://127.0.0.1/kb/guides/?kbitem=4", 3, title="[Merged from #5] synthetic")
    records = records_of(ticket(1, said(1, 8), moved, said(2, 12, "", 3)), ticket(5, moved, merged_to=1, status=5))
    tickets = {each.key: each for each in records if isinstance(each, Ticket)}
    assert [(change.to, change.at.hour) for change in tickets["1"].changes] == [(Status.OPEN, 8), (Status.RESOLVED, 12)]
    assert [(e.ticket, e.article, e.at and e.at.hour) for e in records if isinstance(e, LinkEvent)] == [("1", "4", 9)]
    assert [each for each in records if isinstance(each, Merged)] == [Merged(ticket="5", into="1")]


def test_a_status_without_a_word_counts_from_the_last_word() -> None:
    (found,) = [r for r in records_of(ticket(1, said(1, 8), said(2, 11), status=4)) if isinstance(r, Ticket)]
    assert [(change.to, change.at.hour) for change in found.changes] == [(Status.OPEN, 8), (Status.CLOSED, 11)]


def test_only_agents_link_and_the_first_text_only_when_asked_for() -> None:
    text = "http://127.0.0.1/kb/guides/?kbitem=4"
    rows = [ticket(1, said(1, 8, text), said(2, 9, text, user=None), status=1)]
    assert not [r for r in records_of(*rows) if isinstance(r, LinkEvent)]
    assert [r.at.hour for r in records_of(*rows, descriptions=True) if isinstance(r, LinkEvent) and r.at] == [8]


def test_links_in_fields_have_no_time() -> None:
    records = records_of(ticket(1, custom_used="http://127.0.0.1/kb/guides/?kbitem=4 and http://127.0.0.1/tickets/4/"))
    (seen,) = [each for each in records if isinstance(each, LinksSeen)]
    assert (list(seen.articles), seen.assumed_at) == (["4"], None)
    assert not [each for each in records if isinstance(each, LinkEvent)]


def test_a_ticket_that_cannot_be_read_waits_in_quarantine() -> None:
    naive = ticket(2, {**said(1, 8), "date": "2026-02-03T08:00:00"})
    (page,) = pages_of(ticket(1), naive, {**ticket(3), "followup_set": []})
    assert [rejected.position for rejected in page.rejected] == ["ticket 2", "ticket 3"]
    assert "nobody knows when it was opened" in page.rejected[1].reason
    with pytest.raises(SourceChanged):
        pages_of(naive)


def test_statuses_and_queues_have_the_meaning_that_was_given() -> None:
    rows = [ticket(1, status=9), ticket(2, status=8), ticket(3, said(1, 8), status=1, on_hold=True), ticket(4)]
    records = records_of(
        *rows, statuses="1=open, 3=resolved, 9=cancelled, 8=duplicate", queues="2=Support", only_named=True
    )
    tickets = {each.key: (each.status, each.exclude) for each in records if isinstance(each, Ticket)}
    assert tickets == {"1": (Status.CLOSED, "cancelled"), "3": (Status.PENDING, None)}


def test_a_sweep_of_tickets_that_shift_is_left_to_the_next_run() -> None:
    rows = [ticket(n) for n in range(1, 9)]

    def shrinking(request: Request) -> Response:
        answer = HelpdeskReplay(list(rows))(request)
        del rows[0]
        return answer

    with LoopbackServer(shrinking) as server:
        source = DjangoHelpdesk(settings_for(server.url))
        with pytest.raises(TransientError, match="deleted while they were listed"):
            list(source.sweep("tickets"))
        source.close()


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"statuses": "1=done"}, "number=meaning"),
        ({"queues": "Support"}, "number=name"),
        ({"password": SecretStr("")}, "or a token"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValidationError, match=advice):
        settings_for("https://desk.example", **wrong) if "password" not in wrong else DjangoHelpdeskSettings(
            address="https://desk.example", username=USER, **wrong
        )
