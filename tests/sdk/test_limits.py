"""Rate budgets: what goes out when, for one thread and for many, and when everybody has to wait."""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpulse.sdk import Ask, Budget, ConfigError, Http, HttpPolicy, KpulseError, Quota, Timer, TransientError
from kpulse.sdk.limits import Limits, pause_by
from kpulse.sdk.testing import FaultServer, Request, Response, faults, json_response


class Skipping(Timer):
    """A timer that does not wait: time jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        self.at += seconds
        return stopping.is_set()


class Nothing(msgspec.Struct):
    pass


def limits(*budgets: Budget, timer: Timer | None = None) -> Limits:
    return Limits(budgets, timer or Skipping(), threading.Event(), longest_wait=120.0)


def sent(budgets: Sequence[Budget], paths: Sequence[str]) -> Sequence[float]:
    """When requests to ``paths`` go out, one after the other."""
    timer = Skipping()
    held, times = limits(*budgets, timer=timer), []
    for path in paths:
        held.take(path)
        times.append(timer.at)
    return times


def desk(request: Request) -> Response:
    return json_response({})


def policy(server: FaultServer, **more: Any) -> HttpPolicy:
    known: dict[str, Any] = {"address": server.url + "/base", "attempts": 3, "first_wait": 0.01, "longest_wait": 2.0}
    return HttpPolicy(**known | more)


def test_no_time_is_lost_and_none_is_stolen() -> None:
    exports = Budget(path="/api/v2/incremental", requests=10, seconds=60)
    times = sent([exports], ["/api/v2/incremental/tickets"] * 35)
    assert times == [0.0] * 10 + [60.0] * 10 + [120.0] * 10 + [180.0] * 5


def test_a_request_counts_against_every_budget_that_has_its_path() -> None:
    whole, exports = Budget(requests=4, seconds=60), Budget(path="/exports", requests=2, seconds=10)
    assert sent([whole, exports], ["/exports", "/exports", "/exports", "/users", "/users"]) == [0, 0, 10, 10, 60]
    assert sent([whole, exports], ["/users"] * 4) == [0] * 4


@given(
    st.lists(
        st.builds(Budget, requests=st.integers(1, 5), seconds=st.floats(0.5, 20), path=st.sampled_from(["/", "/a"]))
    ),
    st.lists(st.sampled_from(["/a", "/b"]), max_size=40),
)
def test_no_window_ever_holds_more_than_its_budget(budgets: Sequence[Budget], paths: Sequence[str]) -> None:
    times = sent(budgets, paths)
    for budget in budgets:
        mine = [at for at, path in zip(times, paths, strict=True) if path.startswith(budget.path)]
        for first, beyond in zip(mine, mine[budget.requests :], strict=False):
            assert beyond - first >= budget.seconds - 1e-9


def test_a_request_that_waits_for_one_budget_uses_up_no_other() -> None:
    timer = Skipping()
    held = limits(Budget(path="/a", requests=1, seconds=50), Budget(requests=2, seconds=10), timer=timer)
    held.take("/a")
    assert held._try("/a") == 50.0
    assert held._try("/b") == 0.0


def test_a_pause_is_for_all_and_one_beyond_patience_is_for_the_next_run() -> None:
    timer = Skipping()
    held = limits(timer=timer)
    held.hold(30)
    held.hold(5)
    held.take("/a")
    assert timer.at == 30.0
    held.hold(500)
    with pytest.raises(TransientError, match="left alone for 500 s"):
        held.take("/a")


@pytest.mark.parametrize(("requests", "seconds"), [(0, 1.0), (1, 0.0)])
def test_a_budget_of_nothing_is_a_mistake(requests: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Budget(requests=requests, seconds=seconds)


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"x-left": "3", "X-Reset": "20"}, None),
        ({"X-Left": "2", "X-Reset": "20"}, 20.0),
        ({"X-Left": "0", "X-Reset": str(int(NOW.timestamp()) + 7)}, 7.0),
        ({"X-Left": "0", "X-Reset": "2026-03-02T12:00:09Z"}, 9.0),
        ({"X-Left": "0", "X-Reset": "2026-03-02T11:00:00Z"}, 0.0),
        ({"X-Left": "0", "X-Reset": "soon"}, None),
        ({"X-Left": "0"}, None),
        ({"X-Left": "many", "X-Reset": "20"}, None),
        ({}, None),
    ],
)
def test_headers_tell_what_is_left(headers: Mapping[str, str], pause: float | None) -> None:
    assert pause_by(Quota(remaining="X-Left", reset="X-Reset", spare=2), headers, NOW) == pause


def test_the_door_keeps_to_the_budget_below_a_base_path() -> None:
    with FaultServer(desk) as server:
        budgets = (Budget(path="/exports", requests=5, seconds=60),)
        with contextlib.closing(Http(policy(server, budgets=budgets), timer=Timer(200))) as http:
            asks = [Ask("exports", {"page": n}) for n in range(12)]
            assert len(list(http.map(asks, Nothing, workers=8))) == 12
            begun = server.requests[-1].at
            for _ in range(3):
                http.get("/users", Nothing)
            assert server.requests[11].at == begun
        times = [request.at * 200 for request in server.requests if request.path == "/base/exports"]
        # A request is seen a little after it went out: half a window of slack keeps slow machines honest.
        assert times[5] - times[0] >= 30
        assert times[10] - times[0] >= 90


def test_all_threads_wait_when_one_is_told_to() -> None:
    with FaultServer(desk) as server:
        server.inject(faults.too_many(0.6), times=1)
        with contextlib.closing(Http(policy(server))) as http:
            http.get("first", Nothing)
            assert server.requests[1].at - server.requests[0].at >= 0.6
            server.inject(faults.too_many(0.6), after=1, times=1)
            list(http.map([Ask(str(n)) for n in range(40)], Nothing, workers=4))
        times = [request.at for request in server.requests[2:]]
        assert len(times) == 41
        # Four can be under way when the answer arrives; nobody begins anew.
        assert sum(1 for at in times if at - times[0] < 0.5) <= 12


def test_a_used_up_quota_makes_all_wait() -> None:
    def nearly_empty(request: Request) -> Response:
        return json_response({}, 200, {"X-Left": "1", "X-Reset": "0.3"})

    with FaultServer(nearly_empty) as server:
        quota = Quota(remaining="x-left", reset="x-reset", spare=1)
        with contextlib.closing(Http(policy(server, quota=quota))) as http:
            for _ in range(3):
                http.get("a", Nothing)
        times = [request.at for request in server.requests]
        assert times[2] - times[0] >= 0.6


def test_waiting_for_a_budget_can_be_ended() -> None:
    with FaultServer(desk) as server:
        http = Http(policy(server, budgets=(Budget(requests=1, seconds=3_000),)))
        http.get("a", Nothing)
        timer = threading.Timer(0.2, http.close)
        timer.start()
        with pytest.raises(TransientError, match="was stopped"):
            http.get("a", Nothing)
        timer.join()
        assert len(server.requests) == 1


def test_a_vendor_may_say_what_a_refusal_means() -> None:
    def meaning(status: int, body: bytes) -> KpulseError | None:
        if b"REQUEST_LIMIT_EXCEEDED" in body:
            return TransientError("The daily number of requests is used up.")
        return ConfigError("Switch the API on.") if b"API_DISABLED" in body else None

    with FaultServer(desk) as server, contextlib.closing(Http(policy(server, explain=meaning))) as http:
        server.inject(faults.status(403, body=b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]'), times=2)
        http.get("a", Nothing)
        assert len(server.requests) == 3
        for body, says in ((b"API_DISABLED", "Switch the API on"), (b"", "does not let this account read")):
            server.heal()
            server.inject(faults.status(403, body=body))
            with pytest.raises(ConfigError, match=says):
                http.get("a", Nothing)
