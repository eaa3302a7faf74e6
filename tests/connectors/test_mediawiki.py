"""MediaWiki: the shared conformance tests, known answers, odd wikis and recorded answers."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from kpulse.sdk import (
    Article,
    ArticleAlias,
    ArticleEvent,
    ArticleState,
    ConfigError,
    Gone,
    Level,
    Page,
    Record,
    SourceChanged,
    TransientError,
    Window,
    to_instant,
)
from kpulse.sdk.links import read_address
from kpulse.sdk.testing import FaultServer, Handler, Request, Response, json_response
from kpulse.sdk.testing.conformance import ConnectorConformance, fixed_clock, read, records_of
from kpulse_connectors.mediawiki import MediaWiki, MediaWikiSettings
from kpulse_connectors.mediawiki.api import read_cookies
from tests.replay import mediawiki as replay
from tests.replay.mediawiki import MediaWikiReplay, page, version


def day(number: int, hour: int = 9) -> str:
    return f"2026-02-{number:02}T{hour:02}:00:00Z"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def one_version(number: int, **more: Any) -> replay.Row:
    return page(number, f"Synthetic page {number}", version(number, day(1 + number % 28), "text"), **more)


def event(number: int, kind: str, title: str, of: int, when: str, **more: Any) -> dict[str, Any]:
    usual = {"logid": number, "ns": 0, "title": title, "logpage": of, "type": kind, "action": kind, "timestamp": when}
    return usual | more


VPN = page(
    1,
    "VPN drops every hour",
    version(10, day(1), "a [[Category:KB]] [[Category:State/WIP]]"),
    version(11, day(2), "b [[Category:KB]] [[Category:State/WIP]]", parent=10, user="Noah"),
    version(12, day(3), "c [[Category:KB]] [[category: State/Validated |x]]", parent=11, user=None),
    version(13, day(4), "c [[Category:KB]] [[Category:State/Validated]]", parent=12, sha1="sha12"),  # a rename
    categories=[
        {"ns": 14, "title": "Category:KB", "timestamp": day(1)},
        {"ns": 14, "title": "Category:State/Validated", "timestamp": day(3)},
    ],
)
PAGES = (
    VPN,
    page(2, "VPN drops", version(14, day(4), "#REDIRECT [[VPN drops every hour]]"), redirect="VPN drops every hour"),
    page(3, "Empty tray", version(15, day(5), "d [[Category:Validated]] [[Category:Printers]]")),
    page(4, "404", version(16, day(6), "e")),
    page(5, "Talk:Empty tray", version(17, day(7), "f"), ns=1),
    page(6, "Old answer", version(18, day(8), "g"), version(19, day(9), "#REDIRECT", parent=18), redirect="VPN drops"),
)
LOG = (
    event(1, "delete", "Gone for good", 90, day(10), action="delete"),
    event(2, "delete", "Talk:Gone", 91, day(11), action="delete", ns=1),
    event(3, "delete", "Empty tray", 3, day(12), action="delete"),
    event(4, "delete", "Empty tray", 3, day(13), action="restore"),
    event(5, "delete", "404", 4, day(14), action="revision"),
    event(6, "move", "VPN drops", 1, day(4)),
    event(7, "move", "Tray is empty", 3, day(5)),
    event(8, "move", "Not found", 4, day(6)),
)


def wiki(**more: Any) -> MediaWikiReplay:
    return MediaWikiReplay(**{"pages": PAGES, "log": LOG, **more})


def settings(address: str, **said: Any) -> MediaWikiSettings:
    return MediaWikiSettings(**{"address": address, "page_size": 2, **said})


@contextlib.contextmanager
def served(handler: Handler, **said: Any) -> Iterator[tuple[FaultServer, MediaWiki]]:
    with (
        FaultServer(handler) as server,
        contextlib.closing(MediaWiki(settings(server.url, **said), clock=fixed_clock)) as connector,
    ):
        yield server, connector


def everything(handler: Handler, stream: str, **said: Any) -> list[Page]:
    with served(handler, **said) as (_, connector):
        return read(connector, stream)


def articles(records: Sequence[Record]) -> Mapping[str, Article]:
    return {record.key: record for record in records if isinstance(record, Article)}


def names(records: Sequence[Record], article: str) -> set[str]:
    return {record.alias for record in records if isinstance(record, ArticleAlias) and record.article == article}


class TestMediaWiki(ConnectorConformance):
    connector_type = MediaWiki
    busiest = "articles"
    required = {"articles": "pageid", "deletions": "logid", "renames": "logid"}  # noqa: RUF012

    def settings(self, address: str) -> MediaWikiSettings:
        return settings(address)

    def handler(self) -> Handler:
        return wiki()

    def settings_for_many(self, address: str) -> MediaWikiSettings:
        return settings(address, page_size=50)

    def many(self, rows: int) -> Handler:
        return MediaWikiReplay([one_version(n) for n in range(1, rows + 1)], at_once=True)


class TestMediaWikiByBotPassword(ConnectorConformance):
    """The same for a wiki that shows nothing without signing in."""

    connector_type = MediaWiki

    def settings(self, address: str) -> MediaWikiSettings:
        return settings(address, username=replay.BOT, password=SecretStr(replay.PASSWORD))

    def handler(self) -> Handler:
        return wiki(private=True)


def test_a_page_says_what_its_versions_say() -> None:
    records = records_of(everything(wiki(), "articles"))
    vpn = articles(records)["1"]
    assert (vpn.title, vpn.author, vpn.language, vpn.category) == ("VPN drops every hour", "Mia", "en", "KB")
    assert (vpn.created_at, vpn.version) == (at(day(1)), to_instant(at(day(4))) + 13)
    assert vpn.url.endswith("/index.php?curid=1")
    assert (vpn.state, vpn.source_state) == (ArticleState.VALIDATED, "State/Validated")
    assert [(change.at, change.to) for change in vpn.changes] == [
        (at(day(1)), ArticleState.WIP),
        (at(day(3)), ArticleState.VALIDATED),
    ]
    edits = [record for record in records if isinstance(record, ArticleEvent) and record.article == "1"]
    assert [(edit.what, edit.at, edit.by, edit.event_id) for edit in edits[:2]] == [
        ("edited", at(day(2)), "Noah", "11"),
        ("edited", at(day(3)), None, "12"),
    ]
    assert {edit.event_id for edit in edits} == {"11", "12"}, "a rename is no edit"


def test_pages_outside_the_scope_and_redirects_are_no_articles() -> None:
    assert set(articles(records_of(everything(wiki(), "articles")))) == {"1", "3", "4"}
    assert set(articles(records_of(everything(wiki(), "articles", namespaces="Help")))) == set()
    assert set(articles(records_of(everything(wiki(), "articles", category="kB")))) == {"1"}
    assert not records_of(everything(wiki(), "articles", category="kb")), "as a wiki compares, of which the sweep asks"


def test_a_page_has_the_names_of_its_redirects() -> None:
    records = records_of(everything(wiki(), "articles"))
    titles = {"VPN drops every hour", "VPN drops", "Old answer"}
    versions = {f"oldid:{number}" for number in (10, 11, 12, 13)}
    assert names(records, "1") == titles | {title.replace(" ", "_") for title in titles} | {"2"} | versions
    assert names(records, "4") == {":404", "oldid:16"}, "a title of digits is not the page of that id"


def test_a_page_is_read_once_when_its_newest_version_comes_by() -> None:
    window = Window(since=at(day(1)), until=at(day(3)))
    with served(wiki(pages=[VPN])) as (_, connector):
        assert not [record for page in connector.fetch("articles", window) for record in page.records]
        later = Window(since=at(day(3)), until=at(day(5)))
        records = [record for page in connector.fetch("articles", later) for record in page.records]
    assert [record.key for record in records if isinstance(record, Article)] == ["1"]
    assert len([record for record in records if isinstance(record, ArticleEvent)]) == 2


def test_windows_meet_without_a_gap() -> None:
    cut = at(day(5)).replace(microsecond=1)
    with served(wiki()) as (_, connector):
        for stream in ("articles", "deletions", "renames"):
            whole = records_of(read(connector, stream))
            parts = [Window(until=cut), Window(since=cut)]
            got = [r for window in parts for page in connector.fetch(stream, window) for r in page.records]
            assert {repr(record) for record in whole} == {repr(record) for record in got}


def test_deleted_pages_are_gone_and_restored_ones_are_back() -> None:
    records = records_of(everything(wiki(), "deletions"))
    gone = [(record.key, record.version) for record in records if isinstance(record, Gone)]
    assert [key for key, _ in gone] == ["90", "3"]
    back = articles(records)["3"]
    assert back.version > gone[1][1] > to_instant(at(day(5)))


def test_an_old_title_is_a_name_as_long_as_no_page_has_taken_it() -> None:
    records = records_of(everything(wiki(), "renames"))
    assert names(records, "3") == {"Tray is empty", "Tray_is_empty"}
    assert names(records, "4") == {"Not found", "Not_found"}
    assert not names(records, "1"), "a redirect still holds that title"


def test_a_state_that_a_template_sets_is_known_by_its_category() -> None:
    categories = [{"ns": 14, "title": "Kategorie:Validated", "timestamp": day(7)}]
    shown = page(
        1, "A", version(1, day(1), "{{State|WIP}}"), version(2, day(7), "{{State}}", parent=1), categories=categories
    )
    (article,) = articles(records_of(everything(MediaWikiReplay([shown]), "articles"))).values()
    assert [(change.at, change.to, change.source_state) for change in article.changes] == [
        (at(day(7)), ArticleState.VALIDATED, "Validated")
    ]


@pytest.mark.parametrize(
    ("text", "state", "source"),
    [
        ("[[Category:Archived]] [[Category:Validated]]", ArticleState.ARCHIVED, "Archived"),
        ("[[Category:Work in progress]]", ArticleState.WIP, "Work in progress"),
        ("[[Category:KCS/not-validated]]", ArticleState.NOT_VALIDATED, "KCS/not-validated"),
        ("[[Category:Printers]]", ArticleState.NOT_VALIDATED, ""),
    ],
)
def test_categories_are_states(text: str, state: ArticleState, source: str) -> None:
    shown = page(1, "A", version(1, day(1), text))
    (article,) = articles(records_of(everything(MediaWikiReplay([shown]), "articles"))).values()
    assert (article.state, article.source_state) == (state, source)
    assert article.archived_at == (at(day(1)) if state is ArticleState.ARCHIVED else None)


def test_a_page_that_shows_no_version_is_kept_apart() -> None:
    shown = page(1, "A", version(1, "yesterday", "x"))
    pages = everything(MediaWikiReplay([shown, one_version(2)]), "articles")
    assert set(articles(records_of(pages))) == {"2"}
    assert [(row.position, row.reason) for page in pages for row in page.rejected] == [
        ("page 1", "A time is not in ISO form.")
    ]


def test_the_sweep_lists_articles_only() -> None:
    with served(wiki()) as (_, connector):
        assert {key for found in connector.sweep("articles") for key in found.keys} == {"1", "3", "4"}
    with served(wiki(), category="kB") as (_, connector):
        assert {key for found in connector.sweep("articles") for key in found.keys} == {"1"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("readapidenied", ConfigError),
        ("mwoauth-invalid-authorization", ConfigError),
        ("maxlag", TransientError),
        ("ratelimited", TransientError),
        ("internal_api_error_DBQueryError", TransientError),
        ("assertuserfailed", TransientError),
        ("badvalue", SourceChanged),
    ],
)
def test_an_error_is_an_error_although_it_is_http_200(code: str, kind: type[Exception]) -> None:
    with served(lambda request: replay.error(code)) as (_, connector), pytest.raises(kind, match=code):
        read(connector, "articles")


def test_a_wrong_bot_password_is_for_the_km_lead() -> None:
    with (
        served(wiki(private=True), username=replay.BOT, password=SecretStr("not-it")) as (_, connector),
        pytest.raises(ConfigError, match="bot password"),
    ):
        read(connector, "articles")
    with served(wiki(private=True)) as (_, connector), pytest.raises(ConfigError, match="right to read"):
        read(connector, "articles")


def test_a_token_signs_in() -> None:
    with served(wiki(private=True), token=SecretStr(replay.TOKEN)) as (_, connector):
        assert connector.check().identity == "Reader"
        assert len(articles(records_of(read(connector, "articles")))) == 3


def test_cookies_are_read_out_of_one_header() -> None:
    headers = {"Set-Cookie": "a=1; expires=Thu, 24-Dec-2026 10:00:00 GMT; path=/, b=x%3D; HttpOnly, c=deleted; path=/"}

    class Said:
        """An answer with these headers."""

    said: Any = Said()
    said.headers = headers
    assert read_cookies(said) == {"a": "1", "b": "x%3D"}


def test_the_connection_test_says_what_is_amiss() -> None:
    with served(wiki(generator="MediaWiki 1.23.14"), namespaces="Guides") as (_, connector):
        report = connector.check()
    assert {finding.subject for finding in report.findings if finding.level is Level.FAIL} == {"version", "namespaces"}
    with served(wiki(articlepath="/help/$1", pages=[one_version(1)])) as (_, connector):
        report = connector.check()
    assert {finding.subject for finding in report.findings if finding.level is Level.WARN} == {"addresses", "states"}
    with served(wiki()) as (_, connector):
        assert connector.choices("namespaces") == ["(Main)", "Help", "Category"]


def test_an_unknown_namespace_is_named() -> None:
    with served(wiki(), namespaces="Guides") as (_, connector), pytest.raises(ConfigError, match="Guides"):
        read(connector, "articles")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://wiki.example.org/w/index.php?curid=12", "12"),
        ("https://wiki.example.org/?curid=12", "12"),
        ("https://wiki.example.org/wiki/VPN_drops_every_hour", "VPN drops every hour"),
        ("https://wiki.example.org/wiki/VPN%20drops%20every%20hour#Top", "VPN drops every hour"),
        ("https://wiki.example.org/w/index.php?title=VPN_drops&oldid=99#Top", "VPN drops"),
        ("https://WIKI.example.org/w/index.php?title=vPN%20drops&action=history", "VPN drops"),
        ("https://wiki.example.org/w/index.php/VPN_drops/Step_2", "VPN drops/Step 2"),
        ("https://wiki.example.org/w/index.php?oldid=99", "oldid:99"),
        ("https://wiki.example.org/wiki/404", ":404"),
        ("https://wiki.example.org/wiki/What_does_error_7_mean%3F", "What does error 7 mean?"),
        ("https://wiki.example.org/wiki/Help:Stra%C3%9Fe", "Help:Straße"),
        ("https://wiki.example.org/wiki/Talk:VPN_drops", None),
        ("https://wiki.example.org/wiki/Special:RecentChanges", None),
        ("https://wiki.example.org/", None),
        ("https://wiki.example.org/w/index.php?search=VPN", None),
        ("https://other.example.org/wiki/VPN_drops", None),
    ],
)
def test_every_spelling_of_an_address_gives_a_name(address: str, name: str | None) -> None:
    base = MediaWiki(settings("https://wiki.example.org/w")).knowledge_base()
    found = read_address(address, [base])
    assert (found[1] if found else None) == name


@pytest.mark.parametrize("said", [{"username": "x"}, {"states": "WIP=started"}, {"namespaces": ""}])
def test_settings_that_make_no_sense_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings("https://wiki.example.org", **said)


def test_a_bot_may_have_long_histories() -> None:
    versions = [version(n, day(n), f"text {n}", parent=n - 1) for n in range(1, 28)]
    pages = everything(MediaWikiReplay([page(1, "A", *versions)], most=5), "articles")
    assert len([record for record in records_of(pages) if isinstance(record, ArticleEvent)]) == 26


def recorded(folder: Path, name: str) -> Any:
    """A recorded answer (formatversion 1), as formatversion 2 spells it."""
    body = json.loads((folder / f"perceval_mediawiki_{name}.json").read_text())
    if "pages" in body.get("query", {}):
        body["query"]["pages"] = list(body["query"]["pages"].values())
    for space in body.get("query", {}).get("namespaces", {}).values():
        space["name"] = space.pop("*")
    return body


class Recorded:
    """Serves the recordings of a real wiki by what is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, request: Request) -> Response:
        asked = request.query
        if "meta" in asked:
            return json_response(recorded(self.folder, "namespaces"))
        if asked.get("list") == "allrevisions":
            return json_response(recorded(self.folder, "pages_allrevisions"))
        if asked.get("list") == "allpages":
            return json_response(recorded(self.folder, "pages_all"))
        if "rvlimit" in asked:
            return json_response(recorded(self.folder, f"page_{asked['pageids']}_revisions"))
        pages = [recorded(self.folder, f"page_{n}_revisions")["query"]["pages"][0] for n in (592384, 476589)]
        newest = pages[0]["revisions"][0]
        pages[0] |= {"lastrevid": newest["revid"], "revisions": [newest]}
        return json_response({"query": {"pages": pages}})


def test_recorded_answers_of_a_real_wiki_are_read(shared: Path) -> None:
    folder = shared / "recordings" / "mediawiki"
    if not folder.is_dir():
        pytest.skip("the recordings are absent")
    with served(Recorded(folder)) as (_, connector):
        (got,) = read(connector, "articles")
        keys = [key for found in connector.sweep("articles") for key in found.keys]
        assert "Help" in connector.choices("namespaces")
    (article,) = articles(got.records).values()
    assert (article.key, article.author) == ("592384", "Keegan (WMF)")
    assert article.created_at == datetime(2016, 6, 21, 17, 16, 29, tzinfo=UTC)
    assert [row.position for row in got.rejected] == ["page 476589"], "a page without a version is kept apart"
    assert keys == ["592384", "476583", "476589"]
