"""The shared tests of connectors find the flaws they are there for, and the faults are what they say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import pytest
import requests
from msgspec.structs import replace as changed

from kpulse.sdk import (
    Connector,
    Finding,
    HttpSettings,
    Level,
    Mode,
    Page,
    Report,
    SecretStr,
    SourceChanged,
    Stream,
    Team,
    Ticket,
    Window,
    setting,
)
from kpulse.sdk.testing import FaultServer, Handler, Request, Response, faults, json_response
from kpulse.sdk.testing.conformance import ConnectorConformance

OPENED = datetime(2026, 1, 5, tzinfo=UTC)


class Item(msgspec.Struct):
    id: int


class Items(msgspec.Struct):
    items: list[Item]
    next: str | None = None


def small_desk(rows: int) -> Handler:
    """A synthetic desk that hands out ``rows`` items, two or five hundred on a page, with absolute links."""

    def answer(request: Request) -> Response:
        start, size = int(request.query.get("start", "0")), int(request.query.get("size", "2"))
        items = [{"id": n, "text": "synthetic " * 50} for n in range(start, min(start + size, rows))]
        link = f"http://{request.headers['host']}{request.path}?start={start + size}&size={size}"
        return json_response({"items": items, "next": link if start + size < rows else None})

    return answer


class SmallSettings(HttpSettings):
    token: SecretStr = setting("Token", "The token of the desk.")
    size: int = setting("Size", "Rows on a page.", default=2)


class Small(Connector):
    """A connector without a flaw."""

    key = "small"
    title = "Small desk"
    settings_type = SmallSettings
    streams: ClassVar[Sequence[Stream]] = (Stream(name="tickets", mode=Mode.FEED), Stream(name="teams", mode=Mode.FEED))

    def auth(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    def check(self) -> Report:
        self.http.get("tickets", Items)
        return Report(findings=[Finding(level=Level.OK, subject="desk", message="It answers.")])

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        seen: set[str] = set()
        link: str | None = f"{stream}?size={self.settings.size}" if cursor is None else cursor
        while link:
            if link in seen:
                raise SourceChanged("The pages come in a circle.")
            seen.add(link)
            body = self.http.get(link, Items).body
            link = body.next
            yield Page(records=[self.record(stream, item) for item in body.items], cursor=link or "")

    def record(self, stream: str, item: Item) -> Ticket | Team:
        if stream == "teams":
            return Team(key=str(item.id), name=f"Team {item.id}")
        return Ticket(key=str(item.id), version=1, opened_at=OPENED)


class TestSmall(ConnectorConformance):
    connector_type: ClassVar[type[Connector]] = Small
    required = {"tickets": "id", "teams": "items"}  # noqa: RUF012

    def settings(self, address: str) -> SmallSettings:
        return SmallSettings(address=address, token=SecretStr("word-nobody-says"))

    def settings_for_many(self, address: str) -> SmallSettings:
        return SmallSettings(address=address, token=SecretStr("word-nobody-says"), size=500)

    def handler(self) -> Handler:
        return small_desk(6)

    def many(self, rows: int) -> Handler:
        return small_desk(rows)


class Endless(Small):
    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        link: str | None = stream if cursor is None else cursor
        while link:
            body = self.http.get(link, Items).body
            link = body.next
            yield Page(records=[self.record(stream, item) for item in body.items], cursor=link or "")


class Forgetful(Small):
    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        yield from super().fetch(stream, window)


class Hasty(Small):
    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        yield next(super().fetch(stream, window, cursor))


class Talkative(Small):
    def __repr__(self) -> str:
        return f"Talkative({self.settings.token.get_secret_value()})"


class Roaming(Small):
    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        for page in super().fetch(stream, window, cursor):
            yield page
            if page.cursor:
                requests.get(page.cursor, headers=dict(self.auth()), timeout=5)


class Hoarding(Small):
    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        yield from list(super().fetch(stream, window, cursor))


class Fickle(Small):
    calls = 0

    def record(self, stream: str, item: Item) -> Ticket | Team:
        self.calls += 1
        return changed(super().record(stream, item), key=f"{item.id}-{self.calls}")


def sees(flawed: type[Connector], test: Callable[[TestSmall], None]) -> None:
    conformance = TestSmall()
    test(conformance)
    conformance.connector_type = flawed  # type: ignore[misc]
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(conformance)


def test_flaws_are_found() -> None:
    sees(Endless, lambda tests: tests.test_pages_in_a_circle_end())
    sees(Forgetful, lambda tests: tests.test_the_cursor_of_each_page_resumes_behind_it())
    sees(Hasty, lambda tests: tests.test_every_stream_has_pages())
    sees(Roaming, lambda tests: tests.test_credentials_go_to_no_other_host())
    sees(Fickle, lambda tests: tests.test_reading_twice_gives_the_same())
    sees(Hoarding, lambda tests: tests.test_memory_stays_flat())


def test_a_secret_that_shows_is_found(caplog: pytest.LogCaptureFixture) -> None:
    sees(Talkative, lambda tests: tests.test_secrets_show_nowhere(caplog))


def test_rules_strike_when_and_where_they_should() -> None:
    with FaultServer(small_desk(2)) as server, requests.Session() as session:
        server.inject(faults.status(418), path="tick", after=1, times=1)
        codes = [session.get(f"{server.url}/{name}", timeout=5).status_code for name in ("tickets", "teams", "tickets")]
        codes.append(session.get(f"{server.url}/tickets", timeout=5).status_code)
        server.inject(faults.duplicate_page())
        pages = [session.get(f"{server.url}/x?start={n}&size=1", timeout=5).json()["items"] for n in (0, 1, 1)]
    assert codes == [200, 200, 418, 200]
    assert [page[0]["id"] for page in pages] == [0, 0, 1]
    assert [request.path for request in server.requests[:3]] == ["/tickets", "/teams", "/tickets"]
