"""The tests that every connector has to pass; subclass in a test module and say three things.

    class TestMyDesk(ConnectorConformance):
        connector_type = MyDesk
        def settings(self, address): return MyDeskSettings(address=address, token="s3cret-token")
        def handler(self): return my_replay_of_a_desk   # with two pages or more of every stream

Connectors that read no network subclass ``ReadingConformance`` and say how to open one.
"""
# ruff: noqa: S101

import contextlib
import gc
import itertools
import json
import logging
import traceback
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from kpulse.sdk import (
    Article,
    ConfigError,
    Connector,
    ConnectorSettings,
    Http,
    HttpPolicy,
    KpulseError,
    LinkEvent,
    Mode,
    Op,
    Page,
    Record,
    SecretStr,
    SourceChanged,
    Stream,
    Ticket,
    TransientError,
    Window,
)
from kpulse.sdk.testing import faults
from kpulse.sdk.testing.faults import Fault, FaultServer
from kpulse.sdk.testing.server import Handler, LoopbackServer, Request, json_response

MOST_PAGES = 2_000
SHORT_PATIENCE, PATIENCE, LONG_PATIENCE = 0.1, 0.5, 30.0
LATE = ("hang", "slow")
BUSY: Mapping[str, Callable[[], Fault]] = {
    "429": lambda: faults.too_many(0.01),
    "500": lambda: faults.status(500),
    "503": lambda: faults.status(503),
    "hang": lambda: faults.hang(10 * PATIENCE),
    "slow": lambda: faults.slow(10 * PATIENCE),
    "reset": faults.reset,
    "truncated": faults.truncated,
    "garbage": faults.garbage,
}


def read(connector: Connector, stream: str, cursor: Any = None) -> list[Page]:
    """All pages of ``stream`` from ``cursor`` on; fails the test when there is no end."""
    pages = list(itertools.islice(connector.fetch(stream, Window(), cursor), MOST_PAGES + 1))
    assert len(pages) <= MOST_PAGES, f"{stream} gives more than {MOST_PAGES} pages; does it ever end?"
    return pages


def records_of(pages: Sequence[Page]) -> list[Record]:
    """The records of ``pages`` in order."""
    return [record for page in pages for record in page.records]


def fixed_clock() -> datetime:
    """A time that stands still, so that two readings can be compared."""
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


class ReadingConformance(ABC):
    """What holds for every connector, wherever it reads from.

    ``single_page`` names the streams that never have a second page, each with the reason.
    """

    connector_type: ClassVar[type[Connector]]
    single_page: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def opened(self) -> contextlib.AbstractContextManager[Connector]:
        """A connector whose source is there while the block runs."""

    def test_settings_can_be_drawn_as_a_form(self) -> None:
        schema = self.connector_type.settings_type.model_json_schema()
        for name, shown in schema.get("properties", {}).items():
            assert shown.get("title"), f"The setting {name} has no title."
            assert shown.get("description"), f"The setting {name} has no help."
            assert shown.get("step") in ("connect", "scope", "map", "schedule"), f"Declare {name} with setting()."
        assert json.loads(json.dumps(schema)) == schema

    def test_it_declares_itself(self) -> None:
        names = [stream.name for stream in self.connector_type.streams]
        assert names
        assert len(set(names)) == len(names)
        assert self.connector_type.key.isidentifier()
        assert self.connector_type.title

    def test_every_stream_has_pages(self) -> None:
        with self.opened() as connector:
            for stream in self.connector_type.streams:
                pages = read(connector, stream.name)
                assert records_of(pages), f"{stream.name} gives no record."
                assert len(pages) >= 2 or self.single_page.get(stream.name), f"{stream.name} gives a single page."

    def test_reading_twice_gives_the_same(self) -> None:
        with self.opened() as connector:
            for stream in self.connector_type.streams:
                assert read(connector, stream.name) == read(connector, stream.name)

    def test_the_cursor_of_each_page_resumes_behind_it(self) -> None:
        with self.opened() as connector:
            for stream in self.connector_type.streams:
                pages = read(connector, stream.name)
                for number, page in enumerate(pages, start=1):
                    if page.cursor is None:
                        assert stream.mode is Mode.SNAPSHOT, f"{stream.name} cannot be resumed after page {number}."
                        continue
                    kept = json.loads(json.dumps(page.cursor))
                    assert records_of(read(connector, stream.name, kept)) == records_of(pages[number:])

    def test_a_sweep_lists_what_the_stream_gave(self) -> None:
        with self.opened() as connector:
            for stream in self.connector_type.streams:
                if stream.sweep:
                    swept = {(page.what, key) for page in connector.sweep(stream.name) for key in page.keys}
                    # Only sources that delete links without a trace have to list them.
                    listed = {"ticket", "article"} | {what for what, _ in swept}
                    named = map(_named, records_of(read(connector, stream.name)))
                    given = {name for name in named if name is not None and name[0] in listed}
                    assert given
                    assert given <= swept, f"The sweep of {stream.name} misses {given - swept}."

    def test_the_connection_test_is_content(self) -> None:
        with self.opened() as connector:
            report = connector.check()
        assert report.findings
        assert report.ok, [finding.message for finding in report.findings]


def _named(record: Record) -> tuple[str, str] | None:
    if isinstance(record, Ticket):
        return "ticket", record.key
    if isinstance(record, LinkEvent) and record.event_id and record.op is Op.ADD:
        return "link", record.event_id
    return ("article", record.key) if isinstance(record, Article) else None


class ConnectorConformance(ReadingConformance):
    """What holds for every connector that reads over HTTP.

    ``required`` names for each stream a field without which its rows cannot be read. ``busiest`` is the stream that
    ``many`` fills for the test of memory.
    """

    required: ClassVar[Mapping[str, str]] = {}
    busiest: ClassVar[str] = "tickets"

    @abstractmethod
    def settings(self, address: str) -> ConnectorSettings:
        """Settings for a source at ``address``; its secrets must be words that appear nowhere else."""

    @abstractmethod
    def handler(self) -> Handler:
        """A source with at least two pages of every stream."""

    def many(self, rows: int) -> Handler | None:
        """A source whose busiest stream has ``rows`` rows."""
        return None

    def settings_for_many(self, address: str) -> ConnectorSettings:
        """The settings for ``many``; give them pages of about 500 rows, where the size of a page is a setting."""
        return self.settings(address)

    def policy(self, address: str, patience: float) -> HttpPolicy:
        """Two attempts and short waits, so that faults cost no time; ``patience`` is the time-out of a read in seconds."""
        return HttpPolicy(address=address, attempts=2, first_wait=0.01, longest_wait=2.0, read_timeout=patience)

    def connect(self, settings: ConnectorSettings, address: str, patience: float = LONG_PATIENCE) -> Connector:
        """The connector, with the policy of these tests."""
        http = Http(self.policy(address, patience), auth=self.connector_type(settings).auth())
        return self.connector_type(settings, http=http, clock=fixed_clock)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Connector]:
        with self.serving() as (_, connector):
            yield connector

    @contextlib.contextmanager
    def serving(self, fault: Fault | None = None, patience: float = LONG_PATIENCE) -> Iterator[tuple[FaultServer, Any]]:
        """A server, spoiled by ``fault``, and a connector to it."""
        with FaultServer(self.handler()) as server:
            if fault:
                server.inject(fault)
            with contextlib.closing(self.connect(self.settings(server.url), server.url, patience)) as connector:
                yield server, connector

    def streams(self) -> Sequence[Stream]:
        """The streams of the connector."""
        return self.connector_type.streams

    @pytest.mark.parametrize("code", [401, 403, 404, 410])
    def test_a_refusal_is_for_the_km_lead(self, code: int) -> None:
        for stream in self.streams():
            with self.serving(faults.status(code)) as (server, connector):
                with pytest.raises(ConfigError):
                    read(connector, stream.name)
                assert len(server.requests) == 1, f"{stream.name} asks again after {code}."

    @pytest.mark.parametrize("name", sorted(BUSY))
    def test_trouble_is_tried_again_and_then_left_to_the_next_run(self, name: str) -> None:
        for stream in self.streams():
            # Every answer is late here, so that a slow machine changes nothing and patience can be short.
            patience = SHORT_PATIENCE if name in LATE else LONG_PATIENCE
            with self.serving(BUSY[name](), patience=patience) as (server, connector):
                with pytest.raises(TransientError):
                    read(connector, stream.name)
                assert len(server.requests) == 2, f"{stream.name} should try twice with this policy."

    @pytest.mark.parametrize("name", sorted(BUSY))
    def test_a_hiccup_changes_nothing(self, name: str) -> None:
        with self.serving(patience=PATIENCE if name in LATE else LONG_PATIENCE) as (server, connector):
            for stream in self.streams():
                calm = read(connector, stream.name)
                server.inject(BUSY[name](), after=1, times=1)
                assert read(connector, stream.name) == calm
                server.heal()

    def test_a_busy_source_is_left_alone_as_long_as_it_asks(self) -> None:
        wanted = 0.4
        for stream in self.streams():
            with self.serving() as (server, connector):
                server.inject(faults.too_many(wanted), times=1)
                read(connector, stream.name)
                assert server.requests[1].at - server.requests[0].at >= wanted

    def test_a_web_page_is_for_the_km_lead(self) -> None:
        for stream in self.streams():
            with self.serving(faults.web_page()) as (_, connector), pytest.raises(ConfigError):
                read(connector, stream.name)

    def test_pages_in_a_circle_end(self) -> None:
        for stream in self.streams():
            if stream.name not in self.single_page:
                with self.serving(faults.page_loop()) as (_, connector), pytest.raises(SourceChanged):
                    read(connector, stream.name)

    def test_a_page_that_comes_twice_loses_nothing_silently(self) -> None:
        for stream in self.streams():
            with self.serving() as (server, connector):
                calm = records_of(read(connector, stream.name))
                server.inject(faults.duplicate_page())
                with contextlib.suppress(SourceChanged):
                    got = records_of(read(connector, stream.name))
                    assert all(record in got for record in calm)

    def test_a_missing_field_is_named(self) -> None:
        assert set(self.required) <= {stream.name for stream in self.streams()}
        for stream, name in self.required.items():
            with self.serving(faults.without(name)) as (_, connector), pytest.raises(SourceChanged, match=name):
                read(connector, stream)

    def test_unknown_fields_change_nothing(self) -> None:
        with self.serving() as (server, connector):
            for stream in self.streams():
                calm = read(connector, stream.name)
                server.inject(faults.with_unknown_fields())
                assert read(connector, stream.name) == calm
                server.heal()

    def test_credentials_go_to_no_other_host(self) -> None:
        with LoopbackServer(_anything) as other:
            for stream in self.streams():
                with self.serving(faults.redirect(other.url)) as (_, connector), pytest.raises(ConfigError):
                    read(connector, stream.name)
                with self.serving() as (server, connector), contextlib.suppress(SourceChanged):
                    server.inject(faults.moved_links(server.url, other.url))
                    read(connector, stream.name)
            assert other.requests == []

    def test_secrets_show_nowhere(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        for fault in (None, faults.status(401), faults.status(500), faults.garbage(), faults.web_page()):
            with self.serving(fault) as (_, connector):
                shown = [repr(connector), repr(connector.http), repr(connector.settings), str(connector.settings)]
                shown += [connector.settings.model_dump_json(), repr(connector.http.policy)]
                for attempt in (connector.check, *(self._reader(connector, stream) for stream in self.streams())):
                    shown.append(_outcome(attempt))
                for secret in _secrets(connector):
                    assert not [text for text in (*shown, caplog.text) if secret in text]

    def _reader(self, connector: Connector, stream: Stream) -> Callable[[], object]:
        return lambda: [page.cursor for page in read(connector, stream.name)]

    def test_memory_stays_flat(self) -> None:
        few, many = self.many(2_000), self.many(10_000)
        if few is None or many is None:
            pytest.skip("no handler with many rows was given")
        self._peak(few, 2_000)
        small, large = self._peak(few, 2_000), self._peak(many, 10_000)
        assert large <= 1.5 * small, f"10,000 rows took {large:,} bytes, 2,000 rows {small:,}."

    def _peak(self, handler: Handler, rows: int) -> int:
        with (
            FaultServer(handler) as server,
            contextlib.closing(self.connect(self.settings_for_many(server.url), server.url)) as connector,
        ):
            gc.collect()
            tracemalloc.start()
            try:
                read_rows = 0
                for page in connector.fetch(self.busiest, Window()):
                    read_rows += len(page.records)
                    server.requests.clear()  # what the server keeps is no memory of the connector
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        assert read_rows >= rows
        return peak


def _anything(request: Request) -> Any:
    return json_response({})


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        return repr(attempt())
    except KpulseError as error:
        return "".join(traceback.format_exception(error)) + repr(error)


def _secrets(connector: Connector) -> set[str]:
    """The secrets of the settings, and what the headers make of them."""
    values = [getattr(connector.settings, name) for name in type(connector.settings).secret_fields()]
    plain = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    signed = connector.auth()
    headers = signed.values() if isinstance(signed, Mapping) else ()
    sent = {header.rpartition(" ")[2] for header in headers if len(header) > 11}
    return (plain | sent) - {""}
