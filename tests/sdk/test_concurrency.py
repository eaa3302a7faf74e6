"""Many requests at a time: order, bounds, errors, endings, and what it is good for."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from kpulse.sdk import Answer, Ask, ConfigError, Http, HttpPolicy, SourceChanged, TransientError, numbered, offsets
from kpulse.sdk.testing import FaultServer, Request, Response, faults, json_response


class Page(msgspec.Struct):
    n: int
    last: bool = False


def echo(request: Request) -> Response:
    """Answers later pages sooner, so that order is not luck."""
    n = int(request.query.get("page", request.query.get("offset", "0")))
    time.sleep(0.02 * (n % 3 == 0))
    if request.path == "/gone":
        return json_response({}, 404)
    return json_response({"n": n, "last": n >= 20})


@contextlib.contextmanager
def door(server: FaultServer, **more: Any) -> Iterator[Http]:
    known: dict[str, Any] = {"address": server.url, "attempts": 2, "first_wait": 0.01, "longest_wait": 1.0}
    with contextlib.closing(Http(HttpPolicy(**known | more), auth={"Authorization": "Bearer x"})) as http:
        yield http


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(echo) as running:
        yield running


def asks(count: int, path: str = "rows") -> Sequence[Ask]:
    return [Ask(path, {"page": n}) for n in range(count)]


def more(answer: Answer[Page]) -> bool:
    return not answer.body.last


def test_answers_come_in_the_order_of_the_asks(server: FaultServer) -> None:
    with door(server) as http:
        assert [answer.body.n for answer in http.map(asks(60), Page) if answer] == list(range(60))
        assert list(http.map([], Page)) == []


def test_what_is_absent_is_none_in_its_place_where_that_is_asked_for(server: FaultServer) -> None:
    mixed = [Ask("rows"), Ask("gone"), Ask("rows")]
    with door(server) as http:
        assert [answer is None for answer in http.map(mixed, Page, absent_ok=True)] == [False, True, False]
        with pytest.raises(ConfigError, match="nothing at /gone"):
            list(http.map(mixed, Page))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(faults.status(403), ConfigError), (faults.status(500), TransientError), (faults.without("n"), SourceChanged)],
)
def test_an_error_ends_it_as_it_would_end_one_request(
    server: FaultServer, fault: faults.Fault, kind: type[Exception]
) -> None:
    server.inject(fault, path="bad")
    with door(server) as http:
        got: list[object] = []
        with pytest.raises(kind):
            got.extend(http.map([*asks(5), Ask("bad"), *asks(500)], Page, workers=4))
        assert len(got) == 5
        assert len(server.requests) < 60
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("kpulse-http")] == []


def test_asks_are_read_only_a_little_ahead(server: FaultServer) -> None:
    read = []

    def endless() -> Iterator[Ask]:
        for n in range(10_000):
            read.append(n)
            yield Ask("rows", {"page": n})

    with door(server) as http:
        answers = http.map(endless(), Page, workers=4)
        for _ in range(10):
            next(answers)
        assert len(read) <= 10 + 8
        answers.close()
        under_way = len(server.requests)
        assert under_way <= len(read)
        assert list(http.map(asks(1), Page))
        assert len(server.requests) == under_way + 1


def test_no_more_than_the_workers_ask_at_a_time() -> None:
    at_once, most, lock = [0], [0], threading.Lock()

    def counting(request: Request) -> Response:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.02)
        with lock:
            at_once[0] -= 1
        return json_response({"n": 0})

    with FaultServer(counting) as server, door(server) as http:
        list(http.map(asks(30), Page, workers=3))
        assert most[0] == 3
        for workers in (0, 65):
            with pytest.raises(ValueError, match="workers"):
                list(http.map(asks(1), Page, workers=workers))


def test_pages_end_where_the_source_says_and_a_short_list_costs_one_request(server: FaultServer) -> None:
    with door(server) as http:
        pages = http.pages(numbered("rows", {"size": 5}, start=1), Page, more)
        assert [answer.body.n for answer in pages] == list(range(1, 21))
        assert len(server.requests) <= 20 + 10
        server.requests.clear()
        assert [answer.body.n for answer in http.pages(offsets("rows", {}, 50, start=20), Page, more)] == [20]
        assert [request.query for request in server.requests] == [{"offset": "20"}]


def test_what_breaks_beyond_the_end_does_no_harm(server: FaultServer) -> None:
    server.inject(
        lambda request, handler: json_response({}, 400) if int(request.query["page"]) > 20 else handler(request)
    )
    with door(server) as http:
        assert len(list(http.pages(numbered("rows", {}), Page, more))) == 20


def test_each_request_is_signed_in_and_connections_are_used_again() -> None:
    peers: set[str] = set()

    def noting(request: Request) -> Response:
        peers.add(threading.current_thread().name)  # the server has one thread for each connection
        assert request.headers["authorization"] == "Bearer x"
        return json_response({"n": 0})

    with FaultServer(noting) as server, door(server) as http:
        for _ in range(5):
            list(http.map(asks(40), Page, workers=4))
        assert 1 <= len(peers) <= 4


def test_cookies_of_one_session_reach_no_other_thread_at_the_same_time() -> None:
    def setting(request: Request) -> Response:
        return json_response({"n": 0}, 200, {"Set-Cookie": f"c{request.query['page']}=1; Path=/"})

    with FaultServer(setting) as server, door(server) as http:
        assert len(list(http.map(asks(300), Page, workers=16))) == 300


def test_many_at_a_time_are_faster() -> None:
    def far_away(request: Request) -> Response:
        time.sleep(0.05)
        return json_response({"n": 0})

    with FaultServer(far_away) as server, door(server) as http:
        begun = time.monotonic()
        list(http.map(asks(32), Page, workers=1))
        alone = time.monotonic() - begun
        begun = time.monotonic()
        list(http.map(asks(32), Page, workers=16))
        together = time.monotonic() - begun
    assert alone > 4 * together
