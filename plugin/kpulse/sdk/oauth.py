"""OAuth 2 for sources that want it: client credentials, refresh tokens and signed assertions (JWT bearer).

    def auth(self) -> Signer:
        return OAuth("oauth_token.do", ClientCredentials(client_id=..., client_secret=...))

RFC 6749 and 7523 need a form, a clock and one RSA signature, which ``cryptography`` has; no OAuth library is used.
"""

import base64
import binascii
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kpulse.clock import Clock, utc_now
from kpulse.errors import ConfigError, KpulseError
from kpulse.sdk.http import Http
from kpulse.sdk.policy import checked_address

EARLY = 60.0
ASSERTION_LIFE = 180


class Granted(msgspec.Struct):
    """What a token endpoint answers."""

    access_token: str
    expires_in: float | str | None = None
    refresh_token: str | None = None


class Grant(Protocol):
    """A way to get a token."""

    def form(self, now: int) -> Mapping[str, str]:
        """The fields to send, at the Unix time ``now``."""

    def client(self) -> tuple[str, str] | None:
        """Id and secret to send as basic authentication, for endpoints that want them there."""

    def granted(self, answer: Granted) -> None:
        """Take note of what came back, before the token is used."""


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """The program signs in as itself. ``extra`` are further fields, such as ``{"resource": …}``.

    With ``basic`` id and secret go into a header instead of the form.
    """

    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    basic: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)

    def form(self, now: int) -> Mapping[str, str]:
        """The fields to send."""
        client = {} if self.basic else {"client_id": self.client_id, "client_secret": self.client_secret}
        scope = {"scope": self.scope} if self.scope else {}
        return {"grant_type": "client_credentials", **client, **scope, **self.extra}

    def client(self) -> tuple[str, str] | None:
        """Id and secret, with ``basic``."""
        return (self.client_id, self.client_secret) if self.basic else None

    def granted(self, answer: Granted) -> None:
        """Nothing is to be kept."""


@dataclass(kw_only=True)
class RefreshToken:
    """Somebody signed in once, and the program goes on with what that gave.

    Where the source gives a new refresh token each time, the old one is worthless from then on: ``keep`` is called with
    the new one before anything else happens, and has to store it (``Connector.keep_secret``).
    """

    client_id: str
    client_secret: str = field(repr=False, default="")
    refresh_token: str = field(repr=False)
    keep: Callable[[str], None]
    scope: str = ""
    basic: bool = False

    def form(self, now: int) -> Mapping[str, str]:
        """The fields to send."""
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        client = {} if self.basic else {"client_id": self.client_id, **secret}
        scope = {"scope": self.scope} if self.scope else {}
        return {"grant_type": "refresh_token", "refresh_token": self.refresh_token, **client, **scope}

    def client(self) -> tuple[str, str] | None:
        """Id and secret, with ``basic``."""
        return (self.client_id, self.client_secret) if self.basic else None

    def granted(self, answer: Granted) -> None:
        """Keep the next refresh token, where one came."""
        if answer.refresh_token and answer.refresh_token != self.refresh_token:
            self.refresh_token = answer.refresh_token
            self.keep(answer.refresh_token)


@dataclass(frozen=True, kw_only=True)
class JwtBearer:
    """The program proves by an RSA signature (RS256) that it may act for ``subject``.

    ``private_key`` is PEM text without a pass phrase. ``key_id`` and ``claims`` go into the assertion where the source
    wants them.
    """

    issuer: str
    subject: str
    audience: str
    private_key: str = field(repr=False)
    scope: str = ""
    key_id: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)

    def form(self, now: int) -> Mapping[str, str]:
        """The fields to send."""
        scope = {"scope": self.scope} if self.scope else {}
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return {"grant_type": grant, "assertion": self.assertion(now), **scope}

    def client(self) -> tuple[str, str] | None:
        """The signature is enough."""
        return None

    def granted(self, answer: Granted) -> None:
        """Nothing is to be kept."""

    def assertion(self, now: int) -> str:
        """A signed statement that holds from ``now`` (Unix time) for three minutes."""
        head = {"alg": "RS256", "typ": "JWT", **({"kid": self.key_id} if self.key_id else {})}
        times = {"iat": now, "exp": now + ASSERTION_LIFE}
        said = {"iss": self.issuer, "sub": self.subject, "aud": self.audience, **times, **self.claims}
        text = f"{_encode(json.dumps(head).encode())}.{_encode(json.dumps(said).encode())}"
        return f"{text}.{_encode(_load(self.private_key).sign(text.encode(), PKCS1v15(), SHA256()))}"


class OAuth:
    """A ``Signer`` that gets a token when it is first needed, a new one before it runs out, and one after a 401.

    ``token_address`` is relative to the source's address or on a host of its own: nothing but the grant is sent there,
    over the same proxy and with the same private certificate authority.
    """

    def __init__(self, token_address: str, grant: Grant, *, scheme: str = "Bearer", clock: Clock = utc_now) -> None:
        self._address = token_address
        self._grant = grant
        self._scheme = scheme
        self._clock = clock
        self._lock = threading.Lock()
        self._headers: Mapping[str, str] | None = None
        self._until: float | None = None
        self._door: Http | None = None
        self._path = ""

    def __repr__(self) -> str:
        return f"OAuth({self._address})"

    def bind(self, http: Http) -> None:
        """Reach the token endpoint as ``http`` reaches the source."""
        whole = self._address if "://" in self._address else f"{http.policy.address}/{self._address.lstrip('/')}"
        try:
            parts = urlsplit(checked_address(whole))
        except ValueError as error:
            raise ConfigError(f"Address for tokens: {error}") from None
        self._path = parts.path
        policy = replace(
            http.policy, address=f"{parts.scheme}://{parts.netloc}", budgets=(), quota=None, explain=self._explain
        )
        client = self._grant.client()
        basic = {"Authorization": "Basic " + _basic(*client)} if client else {}
        self._door = Http(policy, auth=basic, timer=http.timer, stopping=http.stopping)

    def headers(self) -> Mapping[str, str]:
        """The headers with a token that still holds."""
        with self._lock:
            if self._headers is None or (self._until is not None and self._now() >= self._until):
                self._headers = self._fetch()
            return self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get a new token, unless another thread did so since ``refused`` was sent."""
        with self._lock:
            if self._headers == refused:
                self._headers = None
                self._headers = self._fetch()
            return True

    def close(self) -> None:
        """Give back the connections to the token endpoint."""
        if self._door is not None:
            self._door.close()

    def _fetch(self) -> Mapping[str, str]:
        if self._door is None:
            raise RuntimeError("bind() comes first")
        asked = self._now()
        answer = self._door.post(self._path, Granted, form=self._grant.form(int(asked))).body
        self._grant.granted(answer)
        life = _seconds(answer.expires_in)
        self._until = None if life is None else asked + life - min(EARLY, life / 10)
        return {"Authorization": f"{self._scheme} {answer.access_token}"}

    def _now(self) -> float:
        return self._clock().timestamp()

    def _explain(self, status: int, body: bytes) -> KpulseError | None:
        if status not in (400, 401, 403):
            return None
        code = _ERROR.search(body)
        reason = code[1].decode() if code else f"status {status}"
        return ConfigError(
            f"{urlsplit(self._address).netloc or 'The source'} gives no token ({reason}): "
            f"{_ADVICE.get(reason, 'check client id, secret and rights of the application')}."
        )


# Only the code is shown: the description next to it is free text.
_ERROR = re.compile(rb'"error"\s*:\s*"([a-z0-9_]{1,60})"')
_ADVICE = {
    "invalid_grant": "sign in again, or check key, user and consent of the application",
    "invalid_client": "check client id and secret",
    "unauthorized_client": "let the application use this kind of sign-in",
    "invalid_scope": "check the scopes of the application",
}


def _seconds(life: float | str | None) -> float | None:
    try:
        return None if life is None else float(life)
    except ValueError:
        return None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _basic(name: str, secret: str) -> str:
    return base64.b64encode(f"{quote(name, safe='')}:{quote(secret, safe='')}".encode()).decode()


def _load(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        raise ConfigError("The private key cannot be read; give it as PEM text without a pass phrase.") from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError("The private key is no RSA key; RS256 needs one.")
    return key
