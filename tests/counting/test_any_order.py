"""Whatever order, repeats and interruptions the pages come in, the same records give the same numbers."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from kpulse.rollup.recompute import recompute
from kpulse.store.database import Database
from tests.counting import stores
from tests.counting.streams import RULES, Delivery, deliveries
from tests.patience import PATIENCE

MANY = settings(max_examples=80 * PATIENCE, suppress_health_check=list(HealthCheck))
FEWER = settings(MANY, max_examples=40 * PATIENCE)


@pytest.fixture(scope="module")
def fresh() -> Iterator[Database]:
    database = stores.open_store()
    yield database
    database.close()


@pytest.fixture(scope="module")
def sqlite() -> Iterator[Database]:
    database = stores.open_store()
    yield database
    database.close()


@pytest.fixture
def server(postgres_url: str) -> Iterator[Database]:
    database = stores.open_store(postgres_url)
    yield database
    database.close()


@MANY
@given(delivery=deliveries())
def test_incremental_is_full_is_replay_on_sqlite(sqlite: Database, fresh: Database, delivery: Delivery) -> None:
    hold_equal(sqlite, fresh, delivery)


@FEWER
@given(delivery=deliveries())
def test_incremental_is_full_is_replay_on_postgresql(server: Database, fresh: Database, delivery: Delivery) -> None:
    hold_equal(server, fresh, delivery)


def hold_equal(database: Database, fresh: Database, delivery: Delivery) -> None:
    stores.empty(database)
    stores.empty(fresh)
    for source, records, pause in delivery.pages:
        assert stores.deliver(database, records, source=source) == 0
        if pause:
            recompute(database, RULES)
    recompute(database, RULES)
    for source in (1, 2):
        stores.deliver(fresh, [record for owner, record in delivery.records if owner == source], source=source)
    recompute(fresh, RULES)
    derived = stores.read_derived(database)
    assert stores.is_clean(database)
    assert derived == stores.read_derived(fresh)
    in_memory = stores.replayed(database, RULES)
    assert {name: derived[name] for name in in_memory} == in_memory
