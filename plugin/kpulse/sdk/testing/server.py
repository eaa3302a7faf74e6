"""A real HTTP server on loopback that answers by a plain function and writes down what it was asked."""

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asked; header names are lower case, ``at`` is a monotonic time in seconds."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Response:
    """What the server answers. After ``whole`` bytes of the body it waits ``pause`` seconds and, with ``cut``, breaks off.

    ``reset`` breaks the connection instead of answering.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: int | None = None
    pause: float = 0.0
    cut: bool = False
    reset: bool = False


Handler = Callable[[Request], Response]


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` as a JSON answer."""
    return Response(
        status=status,
        headers={"Content-Type": "application/json;charset=UTF-8", **(headers or {})},
        body=json.dumps(value).encode(),
    )


class LoopbackServer:
    """Serves ``handler`` on a free port of 127.0.0.1 while its ``with`` block runs; ``requests`` are kept in order."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.end()
        self._thread.join()

    def answer(self, request: Request) -> Response:
        """The answer to ``request``, which is noted first."""
        self.requests.append(request)
        return self.handler(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, owner: LoopbackServer) -> None:
        self.owner = owner
        self.ending = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Exchange)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what many of these tests provoke; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        self.ending.set()
        self.shutdown()
        for connection in list(self._open):
            _hang_up(connection)
        self.server_close()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
            at=time.monotonic(),
        )
        self._send(self.server.owner.answer(request))

    do_POST = do_GET  # noqa: N815 (the name is the standard library's)

    def _send(self, response: Response) -> None:
        if response.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            self.connection.close()
            self.close_connection = True
            return
        whole = len(response.body) if response.whole is None else response.whole
        self.wfile.write(_head(response) + response.body[:whole])
        if response.pause:
            self.server.ending.wait(response.pause)
        if response.cut:
            self.close_connection = True
        else:
            self.wfile.write(response.body[whole:])

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the requests are kept."""


def _head(response: Response) -> bytes:
    headers = {"Date": formatdate(usegmt=True), **response.headers, "Content-Length": str(len(response.body))}
    lines = [f"HTTP/1.1 {response.status} Answer", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")
