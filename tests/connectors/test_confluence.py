"""Confluence: the shared conformance tests for both editions, known answers, recorded pages, the vendor's OpenAPI."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kpulse.sdk import (
    Article,
    ArticleAlias,
    ArticleEvent,
    ArticleState,
    ConfigError,
    Level,
    Page,
    SourceChanged,
    Window,
    to_instant,
)
from kpulse.sdk.links import By, find_links
from kpulse.sdk.testing import FaultServer, Handler, Request, json_response
from kpulse.sdk.testing.conformance import ConnectorConformance, fixed_clock, read, records_of
from kpulse_connectors.atlassian import find_page
from kpulse_connectors.confluence import Confluence, ConfluenceSettings
from tests.contracts.openapi import read_contract
from tests.replay import confluence as replay
from tests.replay.jira import TOKEN, USER

Row = dict[str, Any]
DAY = datetime(2026, 2, 20, tzinfo=UTC)


def at(minute: float) -> datetime:
    return DAY + timedelta(minutes=minute)


def stamp(minute: float) -> str:
    return f"{at(minute):%Y-%m-%dT%H:%M:%S}.000Z"


def version(number: int, minute: float) -> Row:
    return {
        "number": number,
        "createdAt": stamp(minute),
        "authorId": f"writer{number}",
        "minorEdit": False,
        "message": "",
    }


def page(number: int, **said: Any) -> Row:
    """A synthetic page with two versions."""
    usual = {
        "id": str(1000 + number),
        "status": "current",
        "title": f"Synthetic page {number}",
        "spaceId": replay.SPACES[number % 2]["id"],
        "authorId": "writer1",
        "createdAt": stamp(number),
        "version": version(2, number + 100),
        "_links": {"webui": f"/spaces/KB/pages/{1000 + number}/Synthetic+page+{number}"},
    }
    return usual | said


def site(cloud: bool = True, **said: Any) -> replay.ConfluenceReplay:
    """A synthetic site with several pages of two rows of everything."""
    pages = [page(n) for n in range(1, 8)] + [page(n, status="archived") for n in (8, 9)] + [page(10, status="trashed")]
    usual: dict[str, Any] = {
        "pages": pages,
        "versions": {row["id"]: [version(2, 100 + n), version(1, n)] for n, row in enumerate(pages, start=1)},
        "labels": {"1001": ["kcs-wip", "printer"], "1002": ["KCS-Validated"], "1003": ["kcs-archived"]},
        "cloud": cloud,
    }
    return replay.ConfluenceReplay(**usual | said)


def settings(address: str, **said: Any) -> ConfluenceSettings:
    known: dict[str, Any] = {"address": address, "user": USER, "token": TOKEN, "page_size": 2}
    return ConfluenceSettings(**known | said)


@contextlib.contextmanager
def served(handler: replay.ConfluenceReplay, **said: Any) -> Iterator[tuple[FaultServer, Confluence]]:
    said = {"edition": "cloud" if handler.cloud else "data_center"} | said
    with FaultServer(handler) as server:
        connector = Confluence(settings(server.url, **said), clock=fixed_clock)
        with contextlib.closing(connector):
            yield server, connector


def everything(handler: replay.ConfluenceReplay, stream: str = "articles", **said: Any) -> list[Page]:
    with served(handler, **said) as (_, connector):
        return read(connector, stream)


def articles_of(handler: replay.ConfluenceReplay, **said: Any) -> dict[str, Article]:
    return {row.key: row for row in records_of(everything(handler, **said)) if isinstance(row, Article)}


def crowd(rows: int, cloud: bool) -> Handler:
    body = {"storage": {"value": "synthetic " * 50}}
    return site(cloud, pages=[page(n, body=body) for n in range(rows)], versions={}, labels={})


class TestConfluenceCloud(ConnectorConformance):
    connector_type = Confluence
    required = {"articles": "createdAt", "edits": "version"}  # noqa: RUF012
    busiest = "articles"

    def settings(self, address: str) -> ConfluenceSettings:
        return settings(address)

    def handler(self) -> Handler:
        return site()

    def settings_for_many(self, address: str) -> ConfluenceSettings:
        return settings(address, page_size=250)

    def many(self, rows: int) -> Handler:
        return crowd(rows, cloud=True)


class TestConfluenceDataCenter(ConnectorConformance):
    connector_type = Confluence
    required = {"articles": "history", "edits": "version"}  # noqa: RUF012
    busiest = "articles"

    def settings(self, address: str) -> ConfluenceSettings:
        return settings(address, edition="data_center", user="", spaces=["KB", "DEV"])

    def handler(self) -> Handler:
        return site(cloud=False)

    def settings_for_many(self, address: str) -> ConfluenceSettings:
        return settings(address, edition="data_center", user="", page_size=250)

    def many(self, rows: int) -> Handler:
        return crowd(rows, cloud=False)


@pytest.mark.parametrize("cloud", [True, False])
def test_an_article_says_what_its_page_says(cloud: bool) -> None:
    with served(site(cloud)) as (server, connector):
        records = records_of(read(connector, "articles"))
    article = next(row for row in records if isinstance(row, Article) and row.key == "1004")
    assert (article.title, article.author, article.category) == ("Synthetic page 4", "writer1", "KB")
    assert (article.version, article.created_at) == (to_instant(at(104)), at(4))
    assert (article.state, article.source_state, article.archived_at) == (ArticleState.VALIDATED, "current", None)
    assert (article.first_published_at, article.source_ticket) == (at(4), None)
    base = f"{server.url}/wiki" if cloud else server.url
    assert article.url == f"{base}/spaces/KB/pages/1004/Synthetic+page+4"
    assert find_page(article.url) == "1004"
    assert ArticleAlias(article="1004", alias="KB/Synthetic page 4") in records
    edits = [row for row in records if isinstance(row, ArticleEvent) and row.article == "1004"]
    assert [(row.what, row.at, row.by, row.event_id) for row in edits] == [("edited", at(104), "writer2", "1004 2")]


@pytest.mark.parametrize("cloud", [True, False])
def test_states_come_from_labels_and_status(cloud: bool) -> None:
    articles = articles_of(site(cloud), unlabelled="not_validated")
    states = {key: (article.state.value, article.source_state) for key, article in articles.items()}
    assert states == {
        "1001": ("wip", "current"),
        "1002": ("validated", "current"),
        "1003": ("archived", "current"),
        **{str(1000 + n): ("not_validated", "current") for n in range(4, 8)},
        "1008": ("archived", "archived"),
        "1009": ("archived", "archived"),
        "1010": ("archived", "trashed"),
    }
    assert {key for key, article in articles.items() if article.archived_at} == {"1003", "1008", "1009", "1010"}
    assert articles["1003"].archived_at == at(103)


def test_labels_are_a_mapping_and_the_first_one_holds() -> None:
    handler = site(labels={"1001": ["draft", "checked"], "1002": ["checked"], "1003": ["kcs-wip"]})
    articles = articles_of(handler, labels="Draft=wip, checked = not_validated")
    assert [articles[str(1000 + n)].state.value for n in (1, 2, 3)] == ["wip", "not_validated", "validated"]
    assert {article.state.value for article in articles_of(handler, labels="").values()} == {"validated", "archived"}


@pytest.mark.parametrize("cloud", [True, False])
def test_all_edits_are_read_and_then_only_new_ones(cloud: bool) -> None:
    versions = [version(number, 100 + number) for number in (5, 4, 3, 2, 1)]
    handler = site(cloud, pages=[page(1, version=version(5, 105)), page(2)], versions={"1001": versions})
    with served(handler) as (_, connector):
        pages = read(connector, "edits")
        assert records_of(read(connector, "edits", pages[-1].cursor)) == []
        handler.pages = [page(1, version=version(6, 300)), *handler.pages[1:]]
        handler.versions = {"1001": [version(6, 300), *versions]}
        fresh = records_of(read(connector, "edits", pages[-1].cursor))
    edits = [row for row in records_of(pages) if isinstance(row, ArticleEvent) and row.article == "1001"]
    assert [(row.event_id, row.at, row.by) for row in edits] == [
        (f"1001 {number}", at(100 + number), f"writer{number}") for number in (5, 4, 3, 2)
    ]
    assert fresh[0] == ArticleEvent(article="1001", what="edited", at=at(300), by="writer6", event_id="1001 6")
    assert fresh[1:] == edits


def test_an_older_data_center_tells_the_latest_edit_only() -> None:
    records = records_of(everything(site(cloud=False, lists_versions=False), "edits"))
    assert {row.event_id for row in records if isinstance(row, ArticleEvent)} == {f"{1000 + n} 2" for n in range(1, 8)}


def test_only_what_is_in_scope_is_read_and_swept() -> None:
    for cloud in (True, False):
        with served(site(cloud), spaces=["DEV"]) as (_, connector):
            keys = {row.key for row in records_of(read(connector, "articles")) if isinstance(row, Article)}
            edited = {row.article for row in records_of(read(connector, "edits")) if isinstance(row, ArticleEvent)}
            swept = {key for found in connector.sweep("articles") for key in found.keys}
            assert connector.choices("spaces") == ["DEV", "KB", "~someone"]
            assert connector.choices("labels") == ()
        assert keys == swept == {"1001", "1003", "1005", "1007", "1009"}
        assert edited == {"1001", "1003", "1005", "1007"}


def test_a_space_that_is_not_there_is_told() -> None:
    with served(site(), spaces=["KB", "NOPE"]) as (_, connector), pytest.raises(ConfigError, match="NOPE"):
        read(connector, "articles")


def test_pages_that_are_hidden_make_a_list_short_but_end_nothing() -> None:
    handler = site(cloud=False, hidden=frozenset({"1001", "1002", "1005"}))
    assert set(articles_of(handler)) == {str(1000 + n) for n in (3, 4, 6, 7, 8, 9, 10)}


def test_an_odd_row_is_kept_apart() -> None:
    rows = [page(1, createdAt="yesterday"), page(2), page(3, version=version(2, 5) | {"createdAt": "2026-02-20"})]
    handler = site(pages=rows, labels={})
    pages = everything(handler)
    assert {row.key for row in records_of(pages) if isinstance(row, Article)} == {"1002"}
    assert [row.position for found in pages for row in found.rejected] == ["page 1001", "page 1003"]
    edits = everything(handler, "edits", page_size=10)
    assert [row.position for found in edits for row in found.rejected] == ["page 1003"]


def test_a_next_page_without_a_cursor_is_noticed() -> None:
    def spoiled(request: Request) -> Any:
        return json_response(
            {"results": [{"key": "KB", "id": "100"}], "_links": {"next": "/wiki/api/v2/pages?limit=2"}}
        )

    with FaultServer(spoiled) as server:
        connector = Confluence(settings(server.url), clock=fixed_clock)
        with contextlib.closing(connector), pytest.raises(SourceChanged, match="no cursor"):
            read(connector, "articles")


ADDRESSES = [
    ("https://x.example.org/wiki/spaces/KB/pages/123/Reset+a+printer", "123"),
    ("https://x.example.org/wiki/spaces/KB/pages/edit-v2/123", "123"),
    ("https://x.example.org/wiki/pages/viewpage.action?pageId=11304962", "11304962"),
    ("https://x.example.org/confluence/pages/viewpage.action?spaceKey=KB&pageId=12", "12"),
    ("https://x.example.org/x/zB5o", "6823628"),
    ("https://x.example.org/wiki/x/baUs", "2925933"),
    ("https://x.example.org/display/KB/Reset+a+printer", "KB/Reset a printer"),
    ("https://x.example.org/confluence/display/KB/Dr%C3%BCcker", "KB/Drücker"),
    ("https://x.example.org/servicedesk/customer/portal/1/article/77", "77"),
    ("https://x.example.org/wiki/spaces/KB/overview", None),
    ("https://x.example.org/browse/SUP-1", None),
]


@pytest.mark.parametrize(("address", "found"), ADDRESSES)
def test_every_form_of_address_leads_to_its_page(address: str, found: str | None) -> None:
    assert find_page(address) == found


def test_the_knowledge_base_finds_its_pages_in_texts() -> None:
    connector = Confluence(settings("https://x.example.org/wiki"))
    base = connector.knowledge_base()
    text = "\n".join(address for address, _ in ADDRESSES if "/confluence/" not in address)
    found = [(one.article, one.by) for one in find_links(text, [base])]
    assert found == [
        ("123", By.ID),
        ("11304962", By.ID),
        ("6823628", By.ID),
        ("2925933", By.ID),
        ("KB/Reset a printer", By.TITLE),
        ("77", By.ID),
    ]
    under = Confluence(settings("https://x.example.org/confluence", edition="data_center")).knowledge_base()
    assert [one.article for one in find_links(ADDRESSES[3][0], [under])] == ["12"]
    assert not find_links("https://other.example.org/wiki/x/zB5o", [base])


@pytest.mark.parametrize("cloud", [True, False])
def test_the_connection_test_tells_what_may_be_seen(cloud: bool) -> None:
    with served(site(cloud)) as (_, connector):
        report = connector.check()
    assert (report.ok, report.identity, report.counts) == (True, USER, {"spaces": 3})
    said = {finding.subject: finding.message for finding in report.findings}
    assert ("labels" in said) == cloud
    assert not cloud or "3 pages" in said["labels"]


def test_the_connection_test_warns() -> None:
    with served(site(pages=[], labels={})) as (_, connector):
        levels = {finding.subject: finding.level for finding in connector.check().findings}
    assert (levels["pages"], levels["labels"]) == (Level.WARN, Level.WARN)
    with served(site(spaces=[], pages=[], labels={})) as (_, connector):
        assert not connector.check().ok
    with served(site(), token="wrong") as (_, connector), pytest.raises(ConfigError, match="valid token"):
        connector.check()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"spaces": ['KB" or type = page']}, "no key of a space"),
        ({"spaces": [f"S{n}" for n in range(101)]}, "100"),
        ({"labels": "kcs-wip=begun"}, "states are"),
        ({"labels": "=wip"}, "label=state"),
    ],
)
def test_settings_that_make_no_sense_are_told(said: Row, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        settings("https://x.example.org", **said)


def test_every_request_to_cloud_keeps_the_vendors_contract(shared: Path) -> None:
    contract = read_contract(shared / "recordings/confluence/cloud_v2_openapi.json")
    asked: list[Request] = []
    for said in ({}, {"spaces": ["KB", "DEV"]}):
        with served(site(), **said) as (server, connector):
            connector.check()
            connector.choices("spaces")
            for stream in ("articles", "edits"):
                read(connector, stream)
            list(connector.sweep("articles"))
        asked += server.requests
    assert {request.path.rpartition("/")[2] for request in asked} == {"spaces", "labels", "pages", "versions"}
    assert [problem for request in asked for problem in contract.problems(request)] == []
    assert not [request for request in asked if "body-format" in request.query]


RECORDED = {
    "perceval_confluence_content_1_v1.json": ("1", 1),
    "perceval_confluence_content_1_v2.json": ("1", 2),
    "perceval_confluence_content_1_v3.json": ("1", 3),
    "perceval_confluence_content_2_v1.json": ("2", 1),
}


def answering(*pages: Sequence[Row]) -> Handler:
    """A Data Center whose lists of content are these recorded ones."""

    def handler(request: Request) -> Any:
        number = int(request.query.get("start", "0"))
        links = {"next": f"/rest/api/content?start={number + 1}"} if number + 1 < len(pages) else {}
        return json_response({"results": pages[number], "start": number, "_links": links})

    return handler


def read_recorded(handler: Handler) -> list[Page]:
    with FaultServer(handler) as server:
        connector = Confluence(settings(server.url, edition="data_center", user=""), clock=fixed_clock)
        with contextlib.closing(connector):
            return list(connector.fetch("articles", Window()))


def test_recorded_pages_are_all_read(shared: Path) -> None:
    rows = [json.loads((shared / "recordings/confluence" / name).read_text()) for name in RECORDED]
    pages = read_recorded(answering(*([row] for row in rows)))
    assert not [row for found in pages for row in found.rejected]
    for row, found, (key, number) in zip(rows, pages, RECORDED.values(), strict=True):
        article, *rest = found.records
        assert isinstance(article, Article)
        assert (article.key, article.title, article.state) == (key, row["title"], ArticleState.VALIDATED)
        changed = row["version"].get("when")  # One recording was shortened by it.
        assert article.version == to_instant(datetime.fromisoformat(changed or row["history"]["createdDate"]))
        assert article.created_at == datetime.fromisoformat(row["history"]["createdDate"])
        assert [isinstance(each, ArticleEvent) for each in rest] == [True] * (number > 1 and changed is not None)
        assert article.author == row["history"]["createdBy"].get("userKey")


def test_recorded_tiny_addresses_give_the_recorded_ids(shared: Path) -> None:
    row = json.loads((shared / "recordings/confluence/perceval_confluence_content_1_v2.json").read_text())
    page_id = row["history"]["_links"]["self"].split("/")[-2]
    assert find_page(f"{row['_links']['base']}{row['_links']['tinyui']}") == page_id
    assert find_page(f"{row['_links']['base']}{row['_links']['webui']}") == f"DEV/{row['title']}"
