"""Two real systems: tickets in Request Tracker refer to pages of MediaWiki by the addresses that people paste.

The wiki says under which names its pages are known, the desk says which names its tickets refer to. The rate counts a
ticket when one of these names is a page: however it is spelled, and also under the title that the page had then.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select

from kpulse.sdk import Article, ArticleAlias, Gone, LinkEvent, LinksSeen, Op, Record, SecretStr, Status, Ticket
from kpulse.sdk.testing.conformance import read, records_of
from kpulse.store import tables as t
from kpulse_connectors.mediawiki import MediaWiki, MediaWikiSettings
from kpulse_connectors.request_tracker import RequestTracker, RequestTrackerSettings
from tests.end_to_end.desk import add, open_installation, read_once
from tests.systems.mediawiki import Wiki
from tests.systems.rt5 import Desk

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rt5")]
KB = "Wiki"
TITLE, NEW_TITLE = "VPN drops every hour", "VPN drops (client 5)"
OTHER = "Empty tray is not empty"


@dataclass
class Joined:
    """A desk and a wiki, and what both connectors read."""

    desk: Desk
    wiki: Wiki
    pages: Mapping[str, str]
    tickets: dict[str, str]

    def knowledge_base(self) -> MediaWiki:
        """The connector of the wiki."""
        return MediaWiki(MediaWikiSettings(address=self.wiki.url, article_path="/index.php/"))

    def read_wiki(self) -> tuple[set[str], Mapping[str, str]]:
        """The pages that exist, and the page behind each name."""
        with contextlib.closing(self.knowledge_base()) as connector:
            records = [row for stream in connector.streams for row in records_of(read(connector, stream.name))]
        gone = {row.key for row in records if isinstance(row, Gone)}
        pages = {row.key for row in records if isinstance(row, Article)} - gone
        return pages, {row.alias: row.article for row in records if isinstance(row, ArticleAlias)}

    def read_desk(self) -> list[Record]:
        """Tickets and links, as the desk's connector gives them when it knows the wiki."""
        settings = RequestTrackerSettings(address=self.desk.url, token=SecretStr(self.desk.tokens["reader"]))
        with contextlib.closing(RequestTracker(settings)) as connector:
            connector.knowledge_bases = [replace(self.knowledge_base().knowledge_base(), key=KB)]
            return [row for stream in ("changes", "tickets") for row in records_of(read(connector, stream))]

    def rate(self) -> tuple[set[str], set[str]]:
        """The names of the linked and of all resolved tickets."""
        pages, names = self.read_wiki()
        records, links = self.read_desk(), set[tuple[str, str | None]]()
        for row in records:
            if isinstance(row, LinkEvent) and row.knowledge_base == KB:
                (links.add if row.op is Op.ADD else links.discard)((row.ticket, row.article))
            elif isinstance(row, LinksSeen) and row.knowledge_base == KB:
                links |= {(row.ticket, article) for article in row.articles}
        linked = {ticket for ticket, name in links if name and names.get(name, name) in pages}
        closed = {row.key for row in records if isinstance(row, Ticket) and row.status is Status.RESOLVED}
        called = {key: name for name, key in self.tickets.items()}
        return {called[key] for key in linked & closed}, {called[key] for key in closed}


def refer(desk: Desk, ticket: str, address: str, *, word: str = "AddRefersTo") -> None:
    said = " ".join(desk.call("mia", "PUT", f"/ticket/{ticket}", json={word: address}))
    assert "refers to" in said or "no longer" in said, said


@pytest.fixture(scope="module")
def joined() -> Iterator[Joined]:
    with contextlib.ExitStack() as running:
        desk = Desk.start()
        running.callback(desk.stop)
        wiki = Wiki.start()
        running.callback(wiki.stop)
        pages = {title: wiki.write("Mia", title, "Synthetic [[Category:KB]]") for title in (TITLE, OTHER)}
        yield Joined(desk, wiki, pages, {})


def test_every_spelling_counts_and_nothing_else_does(joined: Joined) -> None:
    desk, url, page = joined.desk, joined.wiki.url, joined.pages[TITLE]
    addresses = {
        "by id": f"{url}/index.php?curid={page}",
        "by title": f"{url}/index.php?title={TITLE.replace(' ', '_')}",
        "escaped": f"{url}/index.php?title={quote(TITLE)}",
        "by path": f"{url}/index.php/{TITLE.replace(' ', '_')}",
        "old version": f"{url}/index.php?title={TITLE.replace(' ', '_')}&oldid=1#Top",
        "dead": f"{url}/index.php?title=No_such_page",
        "foreign": "https://www.unrelated.example/wiki/VPN_drops_every_hour",
        "taken back": f"{url}/index.php/{OTHER.replace(' ', '_')}",
    }
    for name, address in addresses.items():
        joined.tickets[name] = desk.ticket("mia", "Helpdesk", f"synthetic {name}")
        refer(desk, joined.tickets[name], address)
    refer(desk, joined.tickets["taken back"], addresses["taken back"], word="DeleteRefersTo")
    joined.tickets["none"] = desk.ticket("mia", "Helpdesk", "synthetic none")
    body = {"Queue": "Helpdesk", "Subject": "synthetic", "Owner": "mia", "RefersTo": [addresses["escaped"]]}
    joined.tickets["at opening"] = str(desk.call("mia", "POST", "/ticket", json=body)["id"])
    for ticket in joined.tickets.values():
        desk.resolve("mia", ticket)

    counting = {"by id", "by title", "escaped", "by path", "old version", "at opening"}
    assert joined.rate() == (counting, set(joined.tickets))

    joined.wiki.rename("Zoe", TITLE, NEW_TITLE)
    joined.tickets["after the rename"] = desk.ticket("mia", "Helpdesk", "synthetic after")
    refer(desk, joined.tickets["after the rename"], f"{url}/index.php/{NEW_TITLE.replace(' ', '_')}")
    desk.resolve("mia", joined.tickets["after the rename"])
    assert joined.rate() == (counting | {"after the rename"}, set(joined.tickets))

    joined.wiki.delete("Zoe", TITLE)  # the redirect
    assert joined.rate()[0] == {"by id", "after the rename"} | counting, "the log still knows the old title"


def test_links_come_with_time_and_person(joined: Joined) -> None:
    open_ticket = joined.desk.ticket("mia", "Helpdesk", "synthetic and open")
    refer(joined.desk, open_ticket, f"{joined.wiki.url}/index.php?curid={joined.pages[OTHER]}")
    events = [row for row in joined.read_desk() if isinstance(row, LinkEvent)]
    assert {(row.knowledge_base, row.by) for row in events} == {(KB, "mia")}
    assert all(row.at and row.at <= datetime.now(UTC) for row in events)
    with contextlib.closing(joined.knowledge_base()) as connector:
        base = replace(connector.knowledge_base(), key=KB)
    settings = RequestTrackerSettings(address=joined.desk.url, token=SecretStr(joined.desk.tokens["reader"]))
    with contextlib.closing(RequestTracker(settings)) as desk:
        assert desk.check().counts["links"] == 0, "nobody named the wiki"
        desk.knowledge_bases = [base]
        assert desk.check().counts["links"] > 0


def test_the_wiki_is_polled_through_the_store(joined: Joined, tmp_path: Path) -> None:
    installation = open_installation(tmp_path / "data")
    with contextlib.closing(installation):
        source = add(installation, "mediawiki", {"address": joined.wiki.url, "article_path": "/index.php/"})
        for _ in range(2):
            result = read_once(installation, source)
            assert (result.outcome, result.message) == ("ok", "")
        with installation.database.reading() as connection:
            stored = dict(connection.execute(select(t.article.c.key, t.article.c.title)).all())
    assert stored[joined.pages[OTHER]] == OTHER
    assert stored[joined.pages[TITLE]] in (TITLE, NEW_TITLE)
