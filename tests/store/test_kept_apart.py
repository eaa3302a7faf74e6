"""Synthetic and real numbers never stand in one rate, and a removed source leaves nothing behind."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from kpulse.errors import ConfigError, UsageError
from kpulse.ingest.sync import Sync
from kpulse.sdk.testing import FaultServer
from kpulse.store import sources
from kpulse.store import tables as t
from tests.end_to_end.desk import add, add_servicenow, open_installation, read_once, small_desk


def test_a_real_source_takes_the_place_of_the_demo(tmp_path: Path) -> None:
    installation = open_installation(tmp_path)
    demo = add(
        installation, "demo", {"anchor": installation.today().isoformat()}, name="Demo", synthetic=1, history_days=40
    )
    assert read_once(installation, demo).outcome == "ok"
    with FaultServer(small_desk()) as desk:
        real = add_servicenow(installation, desk.url)
        assert real.id != demo.id
        assert read_once(installation, real).outcome == "ok"
    with installation.database.reading() as connection:
        assert [one.name for one in sources.list_sources(connection)] == ["Desk"]
        for table in (t.outcome, t.ticket, t.link_event, t.article):
            assert set(connection.execute(select(table.c.source_id)).scalars()) == {real.id}
        assert connection.execute(select(func.sum(t.rollup.c.n)).where(t.rollup.c.measure == "closed")).scalar() == 4
    with pytest.raises(UsageError, match="has real sources"):
        add(installation, "demo", {"anchor": "2026-01-01"}, name="Demo", synthetic=1)
    installation.close()


def test_a_source_that_is_removed_while_it_is_read_leaves_nothing_behind(tmp_path: Path) -> None:
    installation = open_installation(tmp_path)
    with FaultServer(small_desk()) as desk:
        source = add_servicenow(installation, desk.url, page_size=1)

        def remove() -> None:
            with installation.database.writing() as connection:
                if any(one.id == source.id for one in sources.list_sources(connection)):
                    sources.remove_source(connection, source.id)

        connector = installation.connect(source)
        pseudonym = installation.keyring.pseudonym
        result = Sync(installation.database, source, connector, pseudonym, after_page=remove).run()
        connector.close()
    assert (result.outcome, result.kind) == ("failed", ConfigError.kind)
    assert "was removed while it was being read" in result.message
    with installation.database.reading() as connection:
        for table in (*sources.FACTS, t.source):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0, table.name
    installation.close()
