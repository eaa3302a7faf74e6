"""The migrations give exactly the tables that the code knows, on both databases, however often they run."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from kpulse.store import schema
from kpulse.store.database import Database
from kpulse.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = Database("sqlite://" if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    yield database
    database.close()


def test_migrations_give_the_tables_and_may_run_twice(empty: Database) -> None:
    assert not schema.is_current(empty)
    for _ in range(2):
        schema.upgrade(empty)
        assert schema.is_current(empty)
    with empty.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
