"""What goes wrong between a desk and us: each works, or gives one sentence that says what to do, and nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.metrics.snapshot import TEXT, read_snapshot
from kpulse.sdk.testing import FaultServer, faults
from tests.end_to_end.desk import add_servicenow, ask, change, open_installation, read_once, small_desk
from tests.systems.forward_proxy import ForwardProxy
from tests.systems.tls import TlsServer

MARCH = (date(2026, 3, 1), date(2026, 4, 1))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(tmp_path / "data")
    yield opened
    opened.close()


def link_rate(installation: Installation) -> tuple[int | None, int | None]:
    value = ask(installation, *MARCH, "link_rate")[0]
    return value.x, value.n


def test_a_healthy_desk_is_read(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk:
        assert read_once(installation, add_servicenow(installation, desk.url)).outcome == "ok"
    assert link_rate(installation) == (3, 4)


def test_a_wrong_address_names_the_host(installation: Installation) -> None:
    result = read_once(installation, add_servicenow(installation, "http://no-such-host.invalid"))
    assert (result.outcome, result.kind) == ("failed", "config")
    assert result.message == "There is no host named no-such-host.invalid; check the address."


def test_a_port_where_nobody_listens(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk:
        address = desk.url
    result = read_once(installation, add_servicenow(installation, address))
    assert (result.outcome, result.kind) == ("failed", "transient")
    assert "refuses the connection; check address and port" in result.message


def test_a_wrong_password(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk:
        result = read_once(installation, add_servicenow(installation, desk.url, password="wrong-pass-phrase"))
    assert (result.outcome, result.kind) == ("failed", "config")
    assert result.message.endswith("does not accept the credential; enter a valid token or password.")
    assert "wrong-pass-phrase" not in result.message


def test_a_table_that_may_not_be_read(installation: Installation) -> None:
    replay = small_desk()
    replay.forbidden = frozenset({"incident"})
    with FaultServer(replay) as desk:
        source = add_servicenow(installation, desk.url)
        result = read_once(installation, source)
        assert (result.outcome, result.kind) == ("failed", "config")
        assert "/api/now/table/incident; ask its administrator for the right to read it" in result.message
        replay.forbidden = frozenset()
        assert read_once(installation, source).outcome == "ok"
    assert link_rate(installation) == (3, 4)


def test_a_private_certificate_authority(installation: Installation, tmp_path: Path) -> None:
    with TlsServer(small_desk(), tmp_path) as desk:
        source = add_servicenow(installation, desk.url)
        result = read_once(installation, source)
        assert (result.outcome, result.kind) == ("failed", "config")
        assert "is not trusted; give the PEM file of your company's certificate authority" in result.message
        assert read_once(installation, change(installation, source, ca_file=str(desk.ca_file))).outcome == "ok"
    assert link_rate(installation) == (3, 4)


def test_a_missing_certificate_file(installation: Installation, tmp_path: Path) -> None:
    with TlsServer(small_desk(), tmp_path) as desk:
        result = read_once(installation, add_servicenow(installation, desk.url, ca_file=str(tmp_path / "nowhere.pem")))
    assert (result.outcome, result.kind) == ("failed", "config")
    assert "nowhere.pem" in result.message


def test_an_outbound_proxy(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk, ForwardProxy(desk.url) as proxy:
        assert read_once(installation, add_servicenow(installation, desk.url, proxy=proxy.url)).outcome == "ok"
        assert len(proxy.requests) == len(desk.requests) > 0
    assert link_rate(installation) == (3, 4)


def test_a_proxy_that_is_away(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk, ForwardProxy(desk.url) as proxy:
        gone = proxy.url
        proxy.inject(faults.reset())
        result = read_once(installation, add_servicenow(installation, desk.url, proxy=gone))
    assert (result.outcome, result.kind) == ("failed", "transient")
    assert result.message.endswith(".")


def test_a_proxy_that_answers_with_a_page_of_its_own(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk, ForwardProxy(desk.url) as proxy:
        proxy.inject(faults.web_page())
        source = add_servicenow(installation, desk.url, proxy=proxy.url)
        result = read_once(installation, source)
        assert (result.outcome, result.kind) == ("failed", "config")
        assert "with a web page instead of data" in result.message
        proxy.heal()
        assert read_once(installation, source).outcome == "ok"
    assert link_rate(installation) == (3, 4)


def test_an_hour_of_errors_keeps_the_last_good_value_with_its_age(installation: Installation) -> None:
    start = datetime(2026, 4, 20, 8, tzinfo=UTC)
    installation.clock = lambda: start
    with FaultServer(small_desk()) as desk:
        source = add_servicenow(installation, desk.url)
        assert read_once(installation, source).outcome == "ok"
        before = ask(installation, *MARCH)
        desk.inject(faults.status(500))
        for quarter in range(1, 5):
            installation.clock = lambda quarter=quarter: start + timedelta(minutes=15 * quarter)  # type: ignore[misc]
            result = read_once(installation, source)
            assert (result.outcome, result.kind) == ("failed", "transient")
            assert "answered 500 (busy or broken); the next run goes on from the last saved page" in result.message
        during = ask(installation, *MARCH)
        assert during == before
        assert {value.as_of for value in during} == {"2026-04-20T08:00:00Z"}
        assert 'kpulse_source_up{source="Desk",type="servicenow"} 0.0' in metrics(installation)
        desk.heal()
        installation.clock = lambda: start + timedelta(minutes=75)
        assert read_once(installation, source).outcome == "ok"
    assert {value.as_of for value in ask(installation, *MARCH)} == {"2026-04-20T09:15:00Z"}
    assert 'kpulse_source_up{source="Desk",type="servicenow"} 1.0' in metrics(installation)


def test_trouble_in_the_middle_loses_nothing(installation: Installation) -> None:
    with FaultServer(small_desk()) as desk:
        source = add_servicenow(installation, desk.url, page_size=1)
        for path in ("incident", "m2m_kb_task", "kb_knowledge"):
            desk.inject(faults.status(503), path=path, after=1)
            assert read_once(installation, source).outcome == "failed"
            desk.heal()
        assert read_once(installation, source).outcome == "ok"
    assert link_rate(installation) == (3, 4)


def test_a_link_that_is_deleted_without_a_trace(installation: Installation) -> None:
    replay = small_desk()
    with FaultServer(replay) as desk:
        source = add_servicenow(installation, desk.url)
        assert read_once(installation, source).outcome == "ok"
        links = replay.tables["m2m_kb_task"]
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        twice = {**links[0], "sys_id": "l1-again", "sys_created_on": now, "sys_updated_on": now}
        for rows, rate in (([*links, twice], 3), ([*links[1:], twice], 3), (links[1:], 2), (links, 3)):
            replay.change("m2m_kb_task", rows)
            result = poll(installation, source, force_sweep=True)
            assert result is not None
            assert (result.outcome, link_rate(installation)) == ("ok", (rate, 4))


def metrics(installation: Installation) -> str:
    with installation.database.reading() as connection:
        snapshot = read_snapshot(connection, TEXT)
    assert snapshot is not None
    return snapshot.body.decode()
