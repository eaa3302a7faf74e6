"""OAuth 2: tokens are got once, renewed in time and after a refusal, kept, and never shown."""

import base64
import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kpulse.sdk import Ask, ConfigError, Http, HttpPolicy, SourceChanged, TransientError
from kpulse.sdk.oauth import ClientCredentials, Grant, JwtBearer, OAuth, RefreshToken
from kpulse.sdk.testing import FaultServer, LoopbackServer, Request, Response, faults, json_response

SECRET, REFRESH = "secret-that-nobody-says", "refresh-that-nobody-says"
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Nothing(msgspec.Struct):
    pass


@dataclass
class TokenDesk:
    """A synthetic source with a token endpoint: tokens are numbered, and only the newest ``valid`` is accepted."""

    life: object = 3600
    rotates: bool = False
    forms: list[dict[str, str]] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        if request.path == "/token":
            self.forms.append(
                dict(parse_qsl(request.body.decode())) | {"header": request.headers.get("authorization", "")}
            )
            more = {"refresh_token": f"{REFRESH}-{len(self.forms)}"} if self.rotates else {}
            return json_response({"access_token": self.token, "token_type": "Bearer", "expires_in": self.life, **more})
        self.signed.append(request.headers.get("authorization", ""))
        return json_response({}, 200 if self.signed[-1] == f"Bearer {self.token}" else 401)

    @property
    def token(self) -> str:
        return f"token-nobody-says-{len(self.forms)}"


@dataclass
class Hands:
    """A clock that is set by hand."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


def credentials(**more: Any) -> ClientCredentials:
    return ClientCredentials(client_id="app", client_secret=SECRET, **more)


@contextlib.contextmanager
def door(
    server: LoopbackServer, grant: Grant, tokens: str = "token", clock: Hands | None = None, **policy: Any
) -> Iterator[Http]:
    known: dict[str, Any] = {"address": server.url, "attempts": 2, "first_wait": 0.01, "longest_wait": 1.0} | policy
    with contextlib.closing(Http(HttpPolicy(**known), auth=OAuth(tokens, grant, clock=clock or Hands()))) as http:
        yield http


def test_one_token_serves_many_requests_and_threads() -> None:
    desk = TokenDesk()
    with LoopbackServer(desk) as server, door(server, credentials(scope="read")) as http:
        assert desk.forms == []
        list(http.map([Ask("a")] * 30, Nothing))
        assert set(desk.signed) == {"Bearer token-nobody-says-1"}
    sent = {"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET, "scope": "read"}
    assert desk.forms == [sent | {"header": ""}]


def test_id_and_secret_may_go_into_a_header() -> None:
    desk = TokenDesk()
    with LoopbackServer(desk) as server, door(server, credentials(basic=True, extra={"resource": "r"})) as http:
        http.get("a", Nothing)
    basic = "Basic " + base64.b64encode(f"app:{SECRET}".encode()).decode()
    assert desk.forms == [{"grant_type": "client_credentials", "resource": "r", "header": basic}]


@pytest.mark.parametrize("life", [3600, "3600"])
def test_a_token_is_renewed_before_it_runs_out(life: object) -> None:
    desk, clock = TokenDesk(life=life), Hands()
    with LoopbackServer(desk) as server, door(server, credentials(), clock=clock) as http:
        for seconds, tokens in ((0, 1), (3539, 1), (3540, 2), (7000, 2), (7080, 3)):
            clock.at = START + timedelta(seconds=seconds)
            http.get("a", Nothing)
            assert len(desk.forms) == tokens


@pytest.mark.parametrize("life", [None, "forever"])
def test_a_token_without_a_known_end_is_used_until_it_is_refused(life: object) -> None:
    desk, clock = TokenDesk(life=life), Hands()
    with LoopbackServer(desk) as server, door(server, credentials(), clock=clock) as http:
        http.get("a", Nothing)
        clock.at += timedelta(days=300)
        http.get("a", Nothing)
        assert len(desk.forms) == 1


def test_after_a_401_the_token_is_renewed_once_for_all_threads() -> None:
    desk = TokenDesk()
    with LoopbackServer(desk) as server, door(server, credentials()) as http:
        http.get("a", Nothing)
        desk.forms.append({})  # now the token that we hold is an old one
        desk.signed.clear()
        list(http.map([Ask("a")] * 20, Nothing, workers=8))
        assert len(desk.forms) == 3
        assert desk.signed.count("Bearer token-nobody-says-3") == 20


def test_a_source_that_refuses_every_token_is_for_the_km_lead() -> None:
    with FaultServer(TokenDesk()) as server, door(server, credentials()) as http:
        server.inject(faults.status(401), path="/a")
        with pytest.raises(ConfigError, match="does not accept the credential"):
            http.get("a", Nothing)
        assert [request.path for request in server.requests] == ["/token", "/a", "/token", "/a"]


def test_the_token_may_come_from_another_host_to_which_no_token_goes() -> None:
    issuer, desk = TokenDesk(), TokenDesk()
    desk.forms.append({})
    with LoopbackServer(issuer) as there, LoopbackServer(desk) as here:
        with door(here, credentials(), f"{there.url}/token") as http:
            http.get("a", Nothing)
            with pytest.raises(SourceChanged, match="another host"):
                http.get(f"{there.url}/a", Nothing)
        assert [request.path for request in here.requests] == ["/a"]
        assert [request.path for request in there.requests] == ["/token"]


def test_the_proxy_serves_the_token_endpoint_too() -> None:
    desk = TokenDesk()
    with LoopbackServer(desk) as proxy:
        policy: Mapping[str, Any] = {"address": "http://desk.example.org", "proxy": proxy.url}
        with door(proxy, credentials(), "http://sign-in.example.org/token", **policy) as http:
            http.get("a", Nothing)
    assert [request.headers["host"] for request in proxy.requests] == ["sign-in.example.org", "desk.example.org"]


def test_the_private_certificate_authority_serves_the_token_endpoint_too() -> None:
    http = Http(
        HttpPolicy(address="https://127.0.0.1:9", ca_file="none.pem", attempts=1), auth=OAuth("t", credentials())
    )
    with contextlib.closing(http), pytest.raises(ConfigError, match=r"no certificate file none\.pem"):
        http.get("a", Nothing)


def test_a_new_refresh_token_is_kept_before_the_access_token_is_used() -> None:
    desk, kept, clock = TokenDesk(rotates=True), [], Hands()
    grant = RefreshToken(
        client_id="app", refresh_token=REFRESH, keep=lambda token: kept.append((token, len(desk.signed)))
    )
    with LoopbackServer(desk) as server, door(server, grant, clock=clock) as http:
        http.get("a", Nothing)
        clock.at += timedelta(hours=1)
        http.get("a", Nothing)
    assert [form["refresh_token"] for form in desk.forms] == [REFRESH, f"{REFRESH}-1"]
    assert kept == [(f"{REFRESH}-1", 0), (f"{REFRESH}-2", 1)]


def test_a_refresh_token_that_stays_is_not_stored_again() -> None:
    desk, kept = TokenDesk(), list[str]()
    grant = RefreshToken(client_id="app", client_secret=SECRET, refresh_token=REFRESH, keep=kept.append, basic=True)
    with LoopbackServer(desk) as server, door(server, grant) as http:
        http.get("a", Nothing)
    assert kept == []
    assert "client_id" not in desk.forms[0]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def bearer(private_key: str, **more: Any) -> JwtBearer:
    return JwtBearer(
        issuer="app",
        subject="kpulse@example.org",
        audience="https://sign-in.example.org",
        private_key=private_key,
        **more,
    )


def test_an_assertion_is_signed_and_short_lived(key: rsa.RSAPrivateKey) -> None:
    desk = TokenDesk()
    with LoopbackServer(desk) as server, door(server, bearer(pem(key), key_id="k1", claims={"jti": "1"})) as http:
        http.get("a", Nothing)
    head, said, signature = desk.forms[0]["assertion"].split(".")
    key.public_key().verify(unpacked(signature), f"{head}.{said}".encode(), padding.PKCS1v15(), SHA256())
    assert json.loads(unpacked(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    now = int(START.timestamp())
    assert json.loads(unpacked(said)) == {
        "iss": "app",
        "sub": "kpulse@example.org",
        "aud": "https://sign-in.example.org",
        "iat": now,
        "exp": now + 180,
        "jti": "1",
    }
    assert desk.forms[0]["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"


def unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_key_that_cannot_sign_is_named() -> None:
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    for text, says in (("no key", "PEM text"), (other, "no RSA key")):
        with LoopbackServer(TokenDesk()) as server, door(server, bearer(text)) as http:
            with pytest.raises(ConfigError, match=says):
                http.get("a", Nothing)
            assert server.requests == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            b'{"error": "invalid_client", "error_description": "%s"}' % SECRET.encode(),
            r"\(invalid_client\): check client id",
        ),
        (b'{"error":"invalid_grant"}', "sign in again"),
        (b"<html>", r"\(status 400\): check client id, secret and rights"),
    ],
)
def test_a_refused_grant_says_what_to_do(body: bytes, says: str) -> None:
    with FaultServer(TokenDesk()) as server, door(server, credentials()) as http:
        server.inject(faults.status(400, body=body))
        with pytest.raises(ConfigError, match=says) as caught:
            http.get("a", Nothing)
        assert SECRET not in str(caught.value)
        assert len(server.requests) == 1


def test_a_busy_token_endpoint_is_tried_again() -> None:
    with FaultServer(TokenDesk()) as server, door(server, credentials()) as http:
        server.inject(faults.too_many(0.01), times=1)
        http.get("a", Nothing)
        server.heal()
        assert [request.path for request in server.requests] == ["/token", "/token", "/a"]
    with FaultServer(TokenDesk()) as server, door(server, credentials()) as http:
        server.inject(faults.status(503))
        with pytest.raises(TransientError):
            http.get("a", Nothing)


def test_an_address_for_tokens_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="Address for tokens: Leave user name"):
        Http(HttpPolicy(address="https://a.example.org"), auth=OAuth("https://u:p@b.example.org/t", credentials()))


def test_closing_ends_the_wait_for_a_token() -> None:
    with FaultServer(TokenDesk()) as server, door(server, credentials(), attempts=1000, first_wait=300.0) as http:
        server.inject(faults.status(503))
        timer = threading.Timer(0.2, http.close)
        timer.start()
        with pytest.raises(TransientError):
            http.get("a", Nothing)
        timer.join()
        assert len(server.requests) <= 2


def test_secrets_and_tokens_show_nowhere(caplog: pytest.LogCaptureFixture, key: rsa.RSAPrivateKey) -> None:
    caplog.set_level(logging.DEBUG)
    refreshing = RefreshToken(client_id="app", client_secret=SECRET, refresh_token=REFRESH, keep=lambda token: None)
    signing = bearer(pem(key))
    for grant in (credentials(), refreshing, signing):
        with FaultServer(TokenDesk(rotates=True)) as server, door(server, grant) as http:
            http.get("a", Nothing)
            server.inject(faults.status(401))
            with pytest.raises(ConfigError) as caught:
                http.get("a", Nothing)
            shown = " ".join(
                [repr(grant), repr(http), repr(http.policy), repr(caught.value), repr(OAuth("t", grant)), caplog.text]
            )
        for secret in (SECRET, REFRESH, "token-nobody-says", "PRIVATE KEY"):
            assert secret not in shown
