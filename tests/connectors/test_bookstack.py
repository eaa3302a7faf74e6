"""BookStack: the shared conformance tests, known answers, and the vendor's sample answers."""

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
    Level,
    Page,
    Record,
    SourceChanged,
    Window,
    to_instant,
)
from kpulse.sdk.links import read_address
from kpulse.sdk.testing import FaultServer, Handler, Request, Response, json_response
from kpulse.sdk.testing.conformance import ConnectorConformance, fixed_clock, read, records_of
from kpulse_connectors.bookstack import BookStack, BookStackSettings
from tests.replay import bookstack as replay
from tests.replay.bookstack import BookStackReplay, page


def stamp(day: int) -> str:
    return f"2026-02-{day:02}T09:00:00.000000Z"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


PAGES = (
    page(1, stamp(1), tags=[{"name": "State", "value": "Validated", "order": 0}]),
    page(2, stamp(5), tags=[{"name": "WIP", "value": ""}, {"name": "Category", "value": "Guide"}], revision_count=1),
    page(3, stamp(3), draft=True),
    page(4, stamp(4), template=True),
    page(5, stamp(2), book_slug="cafeteria"),
    page(9, stamp(6), tags=[{"name": "State", "value": "archived"}, {"name": "Quality", "value": "validated"}]),
)


def settings(address: str, **said: Any) -> BookStackSettings:
    usual: dict[str, Any] = {
        "address": address,
        "token_id": replay.ID,
        "token": SecretStr(replay.SECRET),
        "page_size": 2,
    }
    return BookStackSettings(**usual | said)


@contextlib.contextmanager
def served(handler: Handler, **said: Any) -> Iterator[tuple[FaultServer, BookStack]]:
    with (
        FaultServer(handler) as server,
        contextlib.closing(BookStack(settings(server.url, **said), clock=fixed_clock)) as connector,
    ):
        yield server, connector


def everything(handler: Handler, **said: Any) -> list[Page]:
    with served(handler, **said) as (_, connector):
        return read(connector, "articles")


def articles(records: Sequence[Record]) -> Mapping[str, Article]:
    return {record.key: record for record in records if isinstance(record, Article)}


class TestBookStack(ConnectorConformance):
    connector_type = BookStack
    busiest = "articles"
    required = {"articles": "updated_at"}  # noqa: RUF012

    def settings(self, address: str) -> BookStackSettings:
        return settings(address)

    def handler(self) -> Handler:
        return BookStackReplay(PAGES)

    def settings_for_many(self, address: str) -> BookStackSettings:
        return settings(address, page_size=200)

    def many(self, rows: int) -> Handler:
        return BookStackReplay([page(n, stamp(1 + n % 28)) for n in range(1, rows // 3 + 2)])  # three records each


def test_a_page_says_what_its_row_says() -> None:
    records = records_of(everything(BookStackReplay(PAGES)))
    article = articles(records)["1"]
    assert (article.title, article.author, article.category) == ("Synthetic page 1", "3", "desk")
    assert (article.version, article.created_at) == (to_instant(at(stamp(1))), datetime(2026, 1, 1, 8, tzinfo=UTC))
    assert (article.state, article.source_state) == (ArticleState.VALIDATED, "Validated")
    assert article.url.endswith("/link/1")
    edits = [record for record in records if isinstance(record, ArticleEvent) and record.article == "1"]
    assert [(edit.at, edit.by, edit.event_id) for edit in edits] == [(at(stamp(1)), "4", "1-2")]
    assert not [record for record in records if isinstance(record, ArticleEvent) and record.article == "2"]


def test_drafts_templates_and_other_books_are_no_articles() -> None:
    assert set(articles(records_of(everything(BookStackReplay(PAGES))))) == {"1", "2", "5", "9"}
    assert set(articles(records_of(everything(BookStackReplay(PAGES), books="desk")))) == {"1", "2", "9"}


@pytest.mark.parametrize(
    ("said", "states"),
    [
        ({}, {"1": "validated", "2": "wip", "5": "not_validated", "9": "archived"}),
        ({"state_tag": "state"}, {"1": "validated", "2": "not_validated", "5": "not_validated", "9": "archived"}),
        ({"states": "Guide=validated"}, {"2": "validated"}),
    ],
)
def test_tags_are_states(said: Mapping[str, Any], states: Mapping[str, str]) -> None:
    found = articles(records_of(everything(BookStackReplay(PAGES), **said)))
    assert {key: found[key].state.value for key in states} == states
    assert (found["9"].archived_at is not None) == (found["9"].state is ArticleState.ARCHIVED)


def test_a_window_holds_what_changed_in_it() -> None:
    with served(BookStackReplay(PAGES)) as (_, connector):
        for since, until, keys in ((2, 5, {"5"}), (5, None, {"2", "9"}), (None, 2, {"1"})):
            window = Window(since=at(stamp(since)) if since else None, until=at(stamp(until)) if until else None)
            records = [record for page in connector.fetch("articles", window) for record in page.records]
            assert set(articles(records)) == keys


def test_a_page_that_is_deleted_meanwhile_is_left_out() -> None:
    assert set(articles(records_of(everything(BookStackReplay(PAGES, gone=frozenset({2})))))) == {"1", "5", "9"}


def test_a_time_that_makes_no_sense_is_kept_apart() -> None:
    pages = everything(BookStackReplay([page(1, stamp(1), created_at="yesterday"), page(2, stamp(1))]))
    assert [row.position for each in pages for row in each.rejected] == ["page 1"]
    assert set(articles(records_of(pages))) == {"2"}


def test_a_server_that_ignores_filters_is_not_read_in_circles() -> None:
    with pytest.raises(SourceChanged, match="ignores the filter"):
        everything(BookStackReplay(PAGES, deaf=True))


@pytest.mark.parametrize(
    ("path", "page_id"),
    [
        ("/link/9", "9"),
        ("/books/desk/page/synthetic-page-2", "2"),
        ("/books/desk/page/synthetic-page-2#bkmrk-top", "2"),
        ("/books/desk", None),
        ("/books/desk/page/unknown", None),
        ("/shelves/all", None),
    ],
)
def test_addresses_lead_to_pages(path: str, page_id: str | None) -> None:
    records = records_of(everything(BookStackReplay(PAGES)))
    names = {key: key for key in articles(records)}
    names |= {row.alias: row.article for row in records if isinstance(row, ArticleAlias)}
    base = BookStack(settings("https://docs.example.org/kb")).knowledge_base()
    found = read_address(f"https://docs.example.org/kb{path}", [base])
    assert (names.get(found[1]) if found else None) == page_id
    assert read_address(f"https://docs.example.com/kb{path}", [base]) is None


def test_the_connection_test_says_what_is_amiss() -> None:
    with served(BookStackReplay([page(1, stamp(1))]), books="desk, guides") as (_, connector):
        report = connector.check()
        assert connector.choices("books") == ["desk"]
    assert {finding.subject: finding.level for finding in report.findings if finding.level is not Level.OK} == {
        "books": Level.FAIL,
        "states": Level.WARN,
    }


def test_the_vendors_limit_is_kept() -> None:
    (budget,) = settings("https://docs.example.org").policy().budgets
    assert (budget.requests, budget.seconds) == (180, 60.0)


@pytest.mark.parametrize("said", [{"states": "WIP=started"}, {"token_id": ""}, {"page_size": 501}])
def test_settings_that_make_no_sense_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings("https://docs.example.org", **said)


class Samples:
    """Serves the vendor's own samples; every page that is asked for is the one sample of a page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, request: Request) -> Response:
        name = request.path.removeprefix("/api/")
        if name == "pages":
            rows = self._sample("pages-list")
            after = int(request.query["filter[id:gt]"])
            return json_response({**rows, "data": [row for row in rows["data"] if row["id"] > after]})
        if name == "books":
            return json_response({**self._sample("books-list"), "total": 2})
        return json_response({**self._sample("pages-read"), "id": int(name.removeprefix("pages/"))})

    def _sample(self, name: str) -> Any:
        return json.loads((self.folder / f"bookstack_{name}.json").read_text())


def test_the_vendors_samples_are_read(shared: Path) -> None:
    folder = shared / "recordings" / "bookstack"
    if not folder.is_dir():
        pytest.skip("the samples are absent")
    with served(Samples(folder), page_size=100, states="Top content=validated") as (_, connector):
        pages = read(connector, "articles")
        assert connector.choices("books") == ["bookstack-user-guide", "inventore-inventore-quia-voluptatem"]
        assert {key for each in connector.sweep("articles") for key in each.keys} == {"1", "2", "3"}
    found = articles(records_of(pages))
    assert set(found) == {"1", "2", "3"}
    assert not [row for each in pages for row in each.rejected]
    assert {article.state for article in found.values()} == {ArticleState.VALIDATED}
    assert pages[0].total == 322
