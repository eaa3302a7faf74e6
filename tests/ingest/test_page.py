"""One page is one transaction: it is stored with its cursor or not at all, and odd rows wait in quarantine."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from msgspec.structs import replace

from kpulse import records as r
from kpulse.errors import StoreError
from kpulse.ingest.mapping import Mapping
from kpulse.ingest.page import store_page
from kpulse.sdk.connector import Page, Rejected
from kpulse.store import tables as t
from kpulse.store.database import Database
from tests.counting import stores
from tests.counting.test_rules import AT, OLD, link, ticket


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Database]:
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = stores.open_store(url)
    yield database
    database.close()


def test_an_error_inside_a_page_leaves_nothing_behind(store: Database) -> None:
    mapping = Mapping(1, lambda source, person: person)
    page = Page(records=[ticket(), OLD, link()], cursor=7)
    with pytest.raises(RuntimeError), store.writing() as connection:  # noqa: PT012
        store_page(connection, 1, "all", page, mapping, {"cursor": 7}, 0)
        raise RuntimeError
    assert all(stores.read(store, table) == set() for table in t.metadata.tables.values())


@pytest.mark.parametrize(
    "bad",
    [
        replace(ticket(), opened_at=datetime(2025, 1, 1)),  # noqa: DTZ001
        replace(ticket(), key="k" * 256),
        replace(ticket(), key="nul\0"),
        replace(ticket(), merged_into="k" * 256),
        replace(ticket(), version=2**63),
        replace(ticket(), reopened=2**31),
        replace(ticket(), category="\ud800"),
        replace(OLD, key="k" * 256),
        link(article="k" * 300),
        r.LinksSeen(ticket="t", articles=("a",), seen_at=datetime(2025, 1, 1)),  # noqa: DTZ001
        r.LinksSeen(ticket="t", articles=("\0",), seen_at=AT),
        r.Gone(what="ticket", key="t", version=2**70),
        r.Team(key="x", name="\udfff"),
    ],
)
def test_a_bad_record_waits_and_the_others_go_on(store: Database, bad: r.Record) -> None:
    assert stores.deliver(store, [bad, ticket("good"), OLD]) == 1
    assert [row[1] for row in stores.read(store, t.ticket)] == ["good"]
    ((_, _, position, reason, _),) = stores.read(store, t.quarantine)
    assert position.startswith(type(bad).__name__)
    assert reason


def test_descriptions_are_cut_instead(store: Database) -> None:
    long = replace(ticket(), category="c" * 300, intake="po\0rtal", source_status="s" * 400)
    assert stores.deliver(store, [long, replace(OLD, language="l" * 99, title="t" * 9999)]) == 0
    (row,) = stores.read(store, t.ticket)
    assert {"c" * 255, "portal", "s" * 255} <= set(row)


def test_rows_that_the_connector_rejected_are_kept_once(store: Database) -> None:
    mapping = Mapping(1, lambda source, person: person)
    page = Page(records=[], rejected=[Rejected(position="line 7", reason="no date")])
    for _ in range(2):
        with store.writing() as connection:
            assert store_page(connection, 1, "all", page, mapping, {}, 5) == 1
    assert stores.read(store, t.quarantine) == {(1, "all", "line 7", "no date", 5)}


def test_a_failing_database_is_named_without_its_password() -> None:
    database = Database("postgresql://someone:secret@127.0.0.1:1/none")
    with pytest.raises(StoreError) as raised, database.reading():
        pass
    assert "secret" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)
