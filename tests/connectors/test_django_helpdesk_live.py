"""A real django-helpdesk plays a month with a known answer: the connector finds it, and the rate follows the desk."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.sdk import ConfigError, Level, LinkEvent, LinksSeen, Record, SecretStr, Status, Team, Ticket, Window
from kpulse.store import sources
from kpulse_connectors.django_helpdesk import DjangoHelpdesk, DjangoHelpdeskSettings
from tests.end_to_end.desk import add, ask, open_installation
from tests.systems import django_helpdesk as hd
from tests.systems import django_helpdesk_story as answer

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("django_helpdesk"), pytest.mark.timeout(600)]
QUEUES = "1=Helpdesk, 2=Network"
Rate = tuple[int, int]


@dataclass
class Played:
    """A desk after the month."""

    desk: hd.Desk
    base: datetime
    ids: dict[str, str]

    @property
    def names(self) -> dict[str, str]:
        """Names by id."""
        return {key: name for name, key in self.ids.items()}

    def hour(self, when: datetime | None) -> int | None:
        """Hours since the base; a request takes some seconds."""
        return int((when - self.base) / timedelta(hours=1)) if when else None


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    desk = hd.Desk.start()
    try:
        base = datetime.now(UTC).replace(microsecond=0) - timedelta(days=50)
        yield Played(desk, base, dict(answer.play(desk, base)))
    finally:
        desk.stop()


def connector(desk: hd.Desk, who: str = "reader", password: str = "", **more: Any) -> DjangoHelpdesk:
    secret = SecretStr(password or f"{who}-synthetic")
    return DjangoHelpdesk(
        DjangoHelpdeskSettings(address=desk.url, username=who, password=secret, page_size=3, queues=QUEUES, **more)
    )


@pytest.fixture(scope="module")
def records(played: Played) -> list[Record]:
    source = connector(played.desk)
    try:
        return [record for page in source.fetch("tickets", Window()) for record in page.records]
    finally:
        source.close()


def test_tickets_have_their_history(records: list[Record], played: Played) -> None:
    tickets = {played.names[each.key]: each for each in records if isinstance(each, Ticket)}
    assert tickets.keys() == answer.CLOSED_AT.keys() | answer.OPEN
    closed = (Status.RESOLVED, Status.CLOSED)
    closing = {name: [c for c in each.changes if c.to in closed] for name, each in tickets.items()}
    assert {name: played.hour(found[-1].at) for name, found in closing.items() if found} == answer.CLOSED_AT
    assert [played.hour(change.at) for change in tickets["N3"].changes] == [58, 61, 70, 75]
    merged = {name: played.names[each.merged_into] for name, each in tickets.items() if each.merged_into}
    assert merged == answer.MERGED
    teams = {each.key: each.name for each in records if isinstance(each, Team)}
    assert teams == {"1": "Helpdesk", "2": "Network"}
    assert teams[tickets["N3"].team or ""] == "Network"


def test_links_have_the_hour_and_the_author_of_their_text(records: list[Record], played: Played) -> None:
    events = [each for each in records if isinstance(each, LinkEvent)]
    shown = {
        (played.names[r.ticket], article or "") for r in records if isinstance(r, LinksSeen) for article in r.articles
    }
    made = {(played.names[event.ticket], event.article or ""): played.hour(event.at) for event in events}
    assert {link: made.get(link) for link in shown} == answer.LINKS
    owners = {each.key: each.owner for each in records if isinstance(each, Ticket)}
    assert all(event.by == owners[event.ticket] for event in events)


def test_a_sweep_lists_what_there_is(played: Played) -> None:
    source = connector(played.desk)
    assert {
        played.names[key] for page in source.sweep("tickets") for key in page.keys
    } == played.ids.keys() - answer.GONE
    source.close()


def test_the_connection_test_says_what_is_missing(played: Played) -> None:
    source = connector(played.desk)
    report = source.check()
    assert (report.ok, report.counts) == (True, {"tickets": len(played.ids) - len(answer.GONE)})
    assert {f.subject: f.level for f in report.findings} == {
        "clock": Level.OK,
        "tickets": Level.OK,
        "links": Level.WARN,
    }
    source.close()


@pytest.mark.parametrize(("who", "password"), [("reader", "wrong"), ("outsider", "")])
def test_an_account_that_may_not_read_is_refused(played: Played, who: str, password: str) -> None:
    source = connector(played.desk, who, password)
    with pytest.raises(ConfigError, match="staff status"):
        source.check()
    with pytest.raises(ConfigError, match="staff status"):
        list(source.sweep("tickets"))
    source.close()


@dataclass
class Polled:
    """A desk, and the installation that polls it."""

    desk: hd.Desk
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


def test_the_rate_follows_the_desk(played: Played, tmp_path: Path) -> None:
    desk, installation = played.desk, open_installation(tmp_path / "data")
    settings = {"address": desk.url, "username": "reader", "queues": QUEUES}
    source = add(installation, "django_helpdesk", settings, {"password": "reader-synthetic"}, evidence="wide")
    polled = Polled(desk, installation, source)
    linked, eligible = polled.poll()
    assert (linked, eligible) == (answer.LINKED, answer.ELIGIBLE)
    assert polled.rate("link_rate_any") == (answer.LINKED_ANY, answer.ELIGIBLE)
    assert polled.poll(sweep=True) == (linked, eligible), "polling again changes nothing"

    first, second, third = (desk.ticket("mia", "Helpdesk", f"synthetic {n}") for n in range(21, 24))
    assert polled.poll() == (linked, eligible), "open tickets are in no period"
    for ticket in (first, second, third):
        desk.close("mia", ticket)
    assert polled.poll() == (linked, eligible + 3)
    comment = desk.comment("mia", first, desk.article(1))
    assert polled.poll() == (linked + 1, eligible + 3), "a link after closing counts within the grace"
    desk.edit_comment(comment, "a mistake")
    assert polled.poll() == (linked, eligible + 3), "a link that was edited away is gone"
    desk.edit_comment(comment, desk.article(2))
    assert polled.poll() == (linked + 1, eligible + 3)
    desk.change("mia", second, custom_articles=desk.article(3))
    assert polled.poll() == (linked + 2, eligible + 3)
    desk.change("mia", second, custom_articles="-")
    assert polled.poll() == (linked + 1, eligible + 3), "a field that was emptied links nothing"
    desk.comment("mia", first, "again", status=hd.REOPENED)
    assert polled.poll() == (linked, eligible + 2)
    desk.close("mia", first)
    assert polled.poll() == (linked + 1, eligible + 3)
    desk.change("mia", third, status=hd.DUPLICATE, merged_to=int(second))
    assert polled.poll() == (linked + 1, eligible + 2)
    for ticket, expected in (
        (first, (linked, eligible + 1)),
        (third, (linked, eligible + 1)),
        (second, (linked, eligible)),
    ):
        desk.delete("mia", ticket)
        assert polled.poll(sweep=True) == expected
    stored = Path(installation.settings.data_dir / "kpulse.db").read_bytes()
    installation.close()
    for text in (b"synthetic 1", b"customer@desk.example", b"This should help"):
        assert text not in stored
