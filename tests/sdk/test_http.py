"""The door to other systems: retries, caps, foreign hosts, and errors that say what to do."""

import contextlib
import gzip
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from kpulse.sdk import (
    ConfigError,
    ConnectorSettings,
    Http,
    HttpPolicy,
    HttpSettings,
    LoopGuard,
    SecretStr,
    SourceChanged,
    TransientError,
    page_numbers,
    setting,
)
from kpulse.sdk.guard import refuse_forbidden
from kpulse.sdk.http import checked_address, retry_after
from kpulse.sdk.testing import FaultServer, LoopbackServer, Request, Response, faults, json_response

SECRET = "correct-horse-battery"


class Row(msgspec.Struct):
    id: int


class Rows(msgspec.Struct):
    rows: list[Row]


def desk(request: Request) -> Response:
    if request.method == "POST":
        return json_response({"rows": [{"id": len(request.body)}]})
    return json_response({"rows": [{"id": 1, "text": "unread"}, {"id": 2}], "more": {"a": [1]}})


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(desk) as running:
        yield running


@contextlib.contextmanager
def to(server: LoopbackServer, auth: str = f"Bearer {SECRET}", **policy: Any) -> Iterator[Http]:
    known: dict[str, Any] = {"address": server.url, "attempts": 3, "first_wait": 0.01, "longest_wait": 1.0}
    with contextlib.closing(Http(HttpPolicy(**known | policy), auth={"Authorization": auth})) as http:
        yield http


def ids(http: Http, path: str = "api/rows", **how: Any) -> Sequence[int]:
    return [row.id for row in http.get(path, Rows, **how).body.rows]


def test_it_signs_in_and_decodes_only_what_was_declared(server: FaultServer) -> None:
    with to(server) as http:
        assert ids(http, params={"q": "a^b=c"}) == [1, 2]
        assert http.post("api/search", Rows, json={"q": 1}).body.rows[0].id == len('{"q": 1}')
    first = server.requests[0]
    assert first.path == "/api/rows"
    assert first.query == {"q": "a^b=c"}
    assert first.headers["authorization"] == f"Bearer {SECRET}"
    assert first.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(429),
        faults.status(500),
        faults.status(503),
        faults.reset(),
        faults.truncated(),
        faults.garbage(),
        faults.status(200, body=b""),
        faults.status(200, {"Content-Encoding": "gzip"}, b"not gzip at all"),
    ],
)
def test_trouble_is_tried_again(server: FaultServer, fault: faults.Fault) -> None:
    server.inject(fault, times=2)
    with to(server) as http:
        assert ids(http) == [1, 2]
        assert len(server.requests) == 3
        server.heal()
        server.inject(fault)
        with pytest.raises(TransientError):
            ids(http)
    assert len(server.requests) == 6


@pytest.mark.parametrize("fault", [faults.hang(20), faults.slow(20)])
def test_a_silent_source_is_not_waited_for(server: FaultServer, fault: faults.Fault) -> None:
    server.inject(fault)
    with to(server, read_timeout=0.2, attempts=2) as http, pytest.raises(TransientError):
        ids(http)
    assert len(server.requests) == 2


def test_a_closed_port_is_named() -> None:
    with LoopbackServer(desk) as gone:
        pass
    with to(gone, attempts=2) as http, pytest.raises(TransientError, match="refuses the connection"):
        ids(http)


def test_the_wait_that_was_asked_for_is_kept(server: FaultServer) -> None:
    server.inject(faults.too_many(0.4), times=1)
    with to(server) as http:
        assert ids(http) == [1, 2]
    assert server.requests[1].at - server.requests[0].at >= 0.4


def test_a_wait_beyond_patience_is_left_to_the_next_run(server: FaultServer) -> None:
    server.inject(faults.too_many(3600), times=1)
    with to(server) as http, pytest.raises(TransientError, match="429"):
        ids(http)
    assert len(server.requests) == 1


def test_closing_ends_the_waiting(server: FaultServer) -> None:
    server.inject(faults.status(503))
    with to(server, attempts=1_000_000, first_wait=300.0) as http:
        http.stopping.set()
        with pytest.raises(TransientError):
            ids(http)
    assert len(server.requests) == 1


def test_retry_after_reads_numbers_and_dates() -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"Retry-After": "Mon, 02 Mar 2026 12:00:30 GMT"}, lambda: now) == 30.0
    assert retry_after({"Retry-After": "Mon, 02 Mar 2026 11:00:00 GMT"}, lambda: now) == 0.0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (faults.status(401), "valid token or password"),
        (faults.status(403), "does not let this account read /api/rows"),
        (faults.status(404), "nothing at /api/rows"),
        (faults.status(410), "newer version"),
        (faults.web_page(), "web page instead of data"),
        (faults.redirect("https://sign-in.example.org"), "https://sign-in.example.org/api/rows"),
    ],
)
def test_what_the_km_lead_can_mend_says_how(server: FaultServer, fault: faults.Fault, says: str) -> None:
    server.inject(fault)
    with to(server) as http, pytest.raises(ConfigError, match=says):
        ids(http)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (faults.status(400), "answered 400 to /api/rows"),
        (faults.without("id"), "missing required field `id`"),
        (faults.status(200, body=b"[" * 200_000), "Expected `object`|nested deeper"),
        (faults.status(200, body=b'{"rows":[],"x":' + b"[" * 200_000), "nested deeper"),
    ],
)
def test_an_unknown_shape_is_for_the_developers(server: FaultServer, fault: faults.Fault, says: str) -> None:
    server.inject(fault)
    with to(server) as http, pytest.raises(SourceChanged, match=says):
        ids(http)


def test_what_may_be_absent_is_told_apart(server: FaultServer) -> None:
    server.inject(faults.status(404))
    with to(server) as http, pytest.raises(LookupError):
        ids(http, absent_ok=True)


def test_an_answer_without_end_is_cut_off(server: FaultServer) -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    server.inject(faults.status(200, {"Content-Encoding": "gzip"}, bomb))
    with to(server, largest_answer=1 << 20) as http, pytest.raises(SourceChanged, match="more than 1 MB"):
        ids(http)


def test_credentials_go_to_no_other_host(server: FaultServer) -> None:
    with LoopbackServer(desk) as other, to(server) as http:
        port = server.url.rpartition(":")[2]
        for link in (
            f"{other.url}/api/rows",
            f"http://localhost:{port}/api/rows",
            f"https://127.0.0.1:{port}/api/rows",
            f"http://{SECRET}@127.0.0.1:{port}/api/rows",
            f"http://127.0.0.1:{port}\\@{other.url[7:]}/api/rows",
            f"http://{other.url[7:]}\\@127.0.0.1:{port}/api/rows",
            "http://127.0.0.1:99999999/api/rows",
        ):
            with pytest.raises(SourceChanged, match="another host") as caught:
                ids(http, link)
            assert SECRET not in str(caught.value)
        assert other.requests == server.requests == []


def test_links_to_the_same_host_are_followed(server: FaultServer) -> None:
    port = server.url.rpartition(":")[2]
    with to(server) as http:
        assert ids(http, f"HTTP://127.0.0.1:{port}/api/rows?page=2") == [1, 2]
        assert ids(http, "/api/rows?of=http://elsewhere.example.org/") == [1, 2]
    assert server.requests[1].query == {"of": "http://elsewhere.example.org/"}


@pytest.mark.parametrize("secret", [f"{SECRET}\nX: 1", f" {SECRET}", f"{SECRET}–dash"])
def test_a_credential_that_no_header_can_carry_is_not_shown(server: FaultServer, secret: str) -> None:
    with to(server, auth=secret) as http, pytest.raises(ConfigError, match="enter it again") as caught:
        ids(http)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_secrets_show_nowhere(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.inject(faults.status(500))
    proxy = f"http://user:{SECRET}@127.0.0.1:9"
    with to(server) as http, pytest.raises(TransientError):
        ids(http)
    with (
        to(server, proxy=proxy, attempts=2) as behind,
        pytest.raises(TransientError, match=r"127\.0\.0\.1:9") as caught,
    ):
        ids(behind)
    assert SECRET not in " ".join([caplog.text, repr(behind), repr(behind.policy), str(caught.value)])


def test_a_certificate_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    policy = HttpPolicy(address="https://127.0.0.1:9", ca_file=str(tmp_path / "none.pem"), attempts=2, first_wait=0.01)
    with contextlib.closing(Http(policy)) as http, pytest.raises(ConfigError, match=r"none\.pem"):
        ids(http)


def test_a_plain_port_asked_for_https_is_told_apart_from_a_bad_certificate(server: FaultServer) -> None:
    secure = server.url.replace("http:", "https:")
    with to(server, address=secure) as http, pytest.raises(ConfigError, match="https:// and the port"):
        ids(http)


def test_the_clock_of_the_source_is_compared(server: FaultServer) -> None:
    server.inject(faults.shifted_clock(timedelta(hours=1)))
    with to(server) as http:
        skew = http.get("api/rows", Rows).clock_skew
    assert skew is not None
    assert 3_500 < skew <= 3_601
    server.heal()
    server.inject(faults.edited(lambda row: row))
    server.inject(lambda request, handler: replace(handler(request), headers={"Date": "yesterday"}))
    with to(server) as http:
        assert http.get("api/rows", Rows).clock_skew is None


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "fd00:ec2::254"])
def test_addresses_that_hand_out_credentials_are_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="metadata"):
        refuse_forbidden(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.0.2.1", "::1"])
def test_addresses_of_a_company_network_are_allowed(address: str) -> None:
    refuse_forbidden(address)


def test_the_peer_is_looked_at_before_anything_is_sent(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpulse.sdk.guard.METADATA", {__import__("ipaddress").ip_address("127.0.0.1")})
    with to(server) as http, pytest.raises(ConfigError, match="check the address"):
        ids(http)
    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" https://desk.example.org/ ", "https://desk.example.org"),
        ("http://10.0.0.1:8080/base/?a=1#x", "http://10.0.0.1:8080/base"),
    ],
)
def test_an_address_is_cleaned(given: str, kept: str) -> None:
    assert checked_address(given) == kept


@pytest.mark.parametrize(
    "given", ["desk.example.org", "ftp://desk", "https://", "https://me:secret@desk", "https://desk:abc", "http://[::1"]
)
def test_what_is_no_address_is_refused_with_advice(given: str) -> None:
    with pytest.raises(ValidationError, match=r"Give the full address|Leave user name|check host and port") as caught:
        HttpSettings(address=given)
    assert "secret" not in str(caught.value)


def test_settings_know_their_secrets() -> None:
    class Sealed(HttpSettings):
        token: SecretStr = setting("Token", "A token.")
        spare: SecretStr | None = setting("Spare", "Another one.", default=None)
        more: list[SecretStr | None] = setting("More", "Many.", default=[])
        name: str = setting("Name", "A name.", default="", max_length=3)

    sealed = Sealed(
        address="https://desk.example.org", token=SecretStr(SECRET), proxy=SecretStr(f"http://u:{SECRET}@p")
    )
    assert Sealed.secret_fields() == {"token", "spare", "more", "proxy"}
    assert SECRET not in repr(sealed) + str(sealed) + sealed.model_dump_json() + repr(sealed.policy())
    assert sealed.policy().proxy == f"http://u:{SECRET}@p"
    with pytest.raises(ValidationError) as caught:
        Sealed(address="https://desk.example.org", token=SECRET, name=SECRET)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


def test_settings_carry_what_the_form_draws() -> None:
    class Drawn(ConnectorSettings):
        queue: str = setting("Queue", "Which queue.", step="scope", choices=True, example="Mail", default="")

    shown = Drawn.model_json_schema()["properties"]["queue"]
    assert (shown["title"], shown["description"], shown["step"]) == ("Queue", "Which queue.", "scope")
    assert (shown["choices"], shown["example"], shown["advanced"]) == (True, "Mail", False)
    with pytest.raises(ValidationError, match="unknown"):
        Drawn(unknown=1)  # type: ignore[call-arg]


def test_a_circle_of_pages_ends() -> None:
    guard = LoopGuard("tickets")
    for page in ("a", "b"):
        guard.visit(page)
    with pytest.raises(SourceChanged, match="tickets in a circle: page 'a'"):
        guard.visit("a")


def test_page_numbers_end() -> None:
    assert list(islice(page_numbers(), 3)) == [1, 2, 3]
    assert list(islice(page_numbers(0, most=3), 3)) == list(islice(count(), 3))
    with pytest.raises(SourceChanged, match="more than 3 pages"):
        list(page_numbers(0, most=3))
