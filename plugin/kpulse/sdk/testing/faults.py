"""Everything that goes wrong between a connector and its source, as rules that a test injects."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from kpulse.clock import utc_now
from kpulse.sdk.testing.server import Handler, LoopbackServer, Request, Response

Fault = Callable[[Request, Handler], Response]


@dataclass
class _Rule:
    fault: Fault
    path: str
    after: int
    times: int | None
    met: int = 0

    def strikes(self, request: Request) -> bool:
        if self.path not in request.path:
            return False
        self.met += 1
        return self.met > self.after and (self.times is None or self.met <= self.after + self.times)


class FaultServer(LoopbackServer):
    """A loopback server whose answers can be spoiled by rules; a rule added later sees an answer first."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)
        self._rules: list[_Rule] = []

    def inject(self, fault: Fault, *, path: str = "", after: int = 0, times: int | None = None) -> None:
        """Let ``fault`` strike requests whose path contains ``path``: after the first ``after`` ones, ``times`` times."""
        self._rules.append(_Rule(fault, path, after, times))

    def heal(self) -> None:
        """Take all rules back."""
        self._rules.clear()

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        handler = self.handler
        for rule in self._rules:
            if rule.strikes(request):
                handler = _spoil(rule.fault, handler)
        return handler(request)


def _spoil(fault: Fault, handler: Handler) -> Handler:
    return lambda request: fault(request, handler)


def status(code: int, headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> Fault:
    """Answer with ``code`` instead."""
    return lambda request, handler: Response(
        status=code, headers={"Content-Type": "application/json", **(headers or {})}, body=body
    )


def too_many(seconds: float) -> Fault:
    """Answer 429 with Retry-After."""
    return status(429, {"Retry-After": f"{seconds:g}"})


def garbage() -> Fault:
    """Answer 200 with bytes that are no JSON."""
    return lambda request, handler: Response(headers={"Content-Type": "application/json"}, body=b'\x00\xff{"broken')


def web_page() -> Fault:
    """Answer 200 with a sign-in page."""
    page = b"<!DOCTYPE html><html><title>Sign in</title><form></form></html>"
    return lambda request, handler: Response(headers={"Content-Type": "text/html"}, body=page)


def truncated() -> Fault:
    """Break off in the middle of the body."""
    return lambda request, handler: _halved(handler(request), cut=True)


def slow(seconds: float) -> Fault:
    """Wait in the middle of the body."""
    return lambda request, handler: _halved(handler(request), pause=seconds)


def _halved(answer: Response, **how: Any) -> Response:
    return replace(answer, whole=len(answer.body) // 2, **how)


def hang(seconds: float) -> Fault:
    """Send the head of the answer, and then nothing for ``seconds``."""
    return lambda request, handler: replace(handler(request), whole=0, pause=seconds, cut=True)


def reset() -> Fault:
    """Reset the connection instead of answering."""
    return lambda request, handler: Response(reset=True)


def page_loop() -> Fault:
    """Give the first answer of each path again and again, whatever is asked."""
    return _repeated(None)


def duplicate_page() -> Fault:
    """Give the first answer of each path twice, then go on."""
    return _repeated(1)


def _repeated(times: int | None) -> Fault:
    first: dict[str, Response] = {}
    given: dict[str, int] = {}

    def fault(request: Request, handler: Handler) -> Response:
        if request.path not in first:
            first[request.path] = handler(request)
            return first[request.path]
        given[request.path] = given.get(request.path, 0) + 1
        return first[request.path] if times is None or given[request.path] <= times else handler(request)

    return fault


def redirect(address: str, code: int = 302) -> Fault:
    """Send the client on to the same path under ``address``."""
    return lambda request, handler: Response(status=code, headers={"Location": address + request.path})


def moved_links(ours: str, theirs: str) -> Fault:
    """Let every link in body and headers that starts with the address ``ours`` point to ``theirs``."""

    def fault(request: Request, handler: Handler) -> Response:
        answer = handler(request)
        headers = {name: value.replace(ours, theirs) for name, value in answer.headers.items()}
        return replace(answer, headers=headers, body=answer.body.replace(ours.encode(), theirs.encode()))

    return fault


def shifted_clock(by: timedelta) -> Fault:
    """Let the Date header go wrong by ``by``."""

    def fault(request: Request, handler: Handler) -> Response:
        answer = handler(request)
        return replace(answer, headers={**answer.headers, "Date": format_datetime(utc_now() + by, usegmt=True)})

    return fault


def edited(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    """Pass every JSON object of the body, the inner ones first, through ``edit``."""

    def fault(request: Request, handler: Handler) -> Response:
        answer = handler(request)
        return replace(answer, body=json.dumps(json.loads(answer.body, object_hook=edit)).encode())

    return fault


def without(name: str) -> Fault:
    """Leave the field ``name`` out of every object."""
    return edited(lambda row: {key: value for key, value in row.items() if key != name})


def with_unknown_fields() -> Fault:
    """Put fields that nobody declared into every object."""
    return edited(lambda row: {"zz_unknown": {"deep": [1, None, "x"]}, **row, "zz_new": "text"})
