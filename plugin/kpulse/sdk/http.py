"""The one door to other systems: time-outs, retries, size caps, no foreign hosts, and errors that say what to do."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
import tenacity
from requests.structures import CaseInsensitiveDict

from kpulse import __version__
from kpulse.clock import utc_now
from kpulse.errors import ConfigError, KpulseError, SourceChanged, TransientError
from kpulse.sdk.guard import GuardedAdapter

T = TypeVar("T")
Params = Mapping[str, str | int]
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


def checked_address(value: str) -> str:
    """An http(s) address without a trailing slash, query or credentials; ValueError says what to change."""
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError:
        raise ValueError("This is not an address; check host and port.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("Give the full address, starting with https:// (or http:// inside your own network).")
    if parts.username or parts.password:
        raise ValueError("Leave user name and password out of the address; there are fields of their own for them.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


@dataclass(frozen=True, kw_only=True)
class HttpPolicy:
    """How a source is reached. ``attempts`` counts the first one.

    A source that asks for more than ``longest_wait`` seconds is left to the next run: it is never asked too early.
    """

    address: str
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 120.0
    largest_answer: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A decoded answer. ``clock_skew`` is the source's clock minus ours, in seconds, where the answer had a Date."""

    status: int
    headers: Mapping[str, str]
    body: T

    @property
    def clock_skew(self) -> float | None:
        date = self.headers.get("Date")
        with contextlib.suppress(TypeError, ValueError):
            return (parsedate_to_datetime(date or "") - utc_now()).total_seconds()
        return None


class _Retry(Exception):
    def __init__(self, error: TransientError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


class Http:
    """Talks to one source. Credentials go to that source's host and to no other."""

    def __init__(self, policy: HttpPolicy, *, auth: Mapping[str, str] | None = None) -> None:
        self.policy = policy
        self.stopping = threading.Event()
        self._auth = dict(auth or {})
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = policy.ca_file or True
        self._session.headers.update({"User-Agent": f"knowledge-pulse/{__version__}", "Accept": "application/json"})
        if policy.proxy:
            self._session.proxies = {"http": policy.proxy, "https": policy.proxy}
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, GuardedAdapter())

    def __repr__(self) -> str:
        return f"Http({self.policy.address})"

    def close(self) -> None:
        """End waiting and give back the connections."""
        self.stopping.set()
        self._session.close()

    def get(self, path: str, type: type[T], params: Params | None = None, *, absent_ok: bool = False) -> Answer[T]:
        """The answer to GET ``path`` (relative to the address, or absolute on the same host), decoded as ``type``.

        Unknown fields are skipped without becoming objects. With ``absent_ok`` a 404 or 410 raises LookupError.
        """
        return self._send("GET", path, type, params=params, absent_ok=absent_ok)

    def post(self, path: str, type: type[T], json: Any, params: Params | None = None) -> Answer[T]:
        """The answer to a POST that reads (a search): ``json`` is sent as the body."""
        return self._send("POST", path, type, params=params, json=json)

    def _send(self, method: str, path: str, type: type[T], *, absent_ok: bool = False, **sent: Any) -> Answer[T]:
        url = self._url(path)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Retry),
            stop=self._gives_up,
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, method, url, type, absent_ok, sent)
        except _Retry as last:
            raise last.error from None

    def _gives_up(self, state: tenacity.RetryCallState) -> bool:
        too_long = (_asked_to_wait(state) or 0.0) > self.policy.longest_wait
        return too_long or state.attempt_number >= self.policy.attempts or self.stopping.is_set()

    def _sleep(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        asked, first = _asked_to_wait(state), self.policy.first_wait
        if asked is not None:
            return asked
        return float(
            tenacity.wait_exponential(multiplier=first, max=30.0)(state) + tenacity.wait_random(0, first)(state)
        )

    def _url(self, path: str) -> str:
        url = path if _ABSOLUTE.match(path) else f"{self.policy.address}/{path.lstrip('/')}"
        if _origin(url) != _origin(self.policy.address):
            raise SourceChanged(
                f"{_host(self.policy.address)} pointed to another host, {_host(url)}; credentials are not sent there. "
                "If the system moved, change the address of the source."
            )
        return url

    def _once(self, method: str, url: str, type: type[T], absent_ok: bool, sent: Mapping[str, Any]) -> Answer[T]:
        timeout = (self.policy.connect_timeout, self.policy.read_timeout)
        with (
            _explained(self.policy),
            contextlib.closing(
                self._session.request(
                    method, url, headers=self._auth, timeout=timeout, allow_redirects=False, stream=True, **sent
                )
            ) as response,
        ):
            _check(response, self.policy, absent_ok)
            return Answer(response.status_code, response.headers, _decode(_body(response, self.policy), type, response))


_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PORTS = {"http": 80, "https": 443}


def _origin(url: str) -> tuple[str, str | None, int | None, bool]:
    """Scheme, host, port and whether a sign-in hides in the address; what cannot be read is like nothing else."""
    parts = urlsplit(url)
    with contextlib.suppress(ValueError):
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), "@" in parts.netloc
    return "", None, None, True


def _asked_to_wait(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.after if isinstance(error, _Retry) else None


@contextlib.contextmanager
def _explained(policy: HttpPolicy) -> Iterator[None]:
    host = urlsplit(policy.address).netloc
    try:
        yield
    except requests.exceptions.SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" not in repr(error):
            raise ConfigError(
                f"{host} makes no secure connection; check that https:// and the port are right."
            ) from None
        raise ConfigError(
            f"The certificate of {host} is not trusted; give the PEM file of your company's certificate authority "
            "under Private certificate authority."
        ) from None
    except requests.exceptions.ProxyError:
        raise _Retry(
            TransientError(
                f"The proxy {_host(policy.proxy)} did not pass the request on; check its address and that it allows {host}."
            )
        ) from None
    except requests.exceptions.InvalidURL:
        raise ConfigError(f"{policy.address} is not an address that can be asked; check its spelling.") from None
    except (requests.exceptions.InvalidHeader, UnicodeError):
        raise ConfigError(
            "User name, password or token holds a line break or a character that no request can carry; enter it again."
        ) from None
    except requests.exceptions.ContentDecodingError:
        raise _Retry(TransientError(f"{host} sent a broken answer; the next run tries again.")) from None
    except requests.exceptions.Timeout:
        raise _Retry(TransientError(f"{host} did not answer in time; the next run tries again.")) from None
    except OSError as error:
        if policy.ca_file and not Path(policy.ca_file).is_file():
            raise ConfigError(f"There is no certificate file {policy.ca_file} on the server; check its path.") from None
        raise _reached_nothing(error, host) from None


def _reached_nothing(error: Exception, host: str) -> Exception:
    blocked = _cause(error, KpulseError)
    if blocked is not None:
        return blocked
    if "NameResolutionError" in repr(error) or "getaddrinfo" in repr(error):
        return ConfigError(f"There is no host named {host}; check the address.")
    if "refused" in repr(error):
        return _Retry(TransientError(f"{host} refuses the connection; check address and port, and that it is running."))
    return _Retry(TransientError(f"The connection to {host} broke off; the next run tries again."))


def _cause(error: BaseException | None, kind: type[T]) -> T | None:
    seen: set[int] = set()
    queue: list[Any] = [error]
    while queue:
        current = queue.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        if isinstance(current, kind):
            return current
        seen.add(id(current))
        queue += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    return None


def _host(address: str | None) -> str:
    return urlsplit(address or "").netloc.rpartition("@")[2]


def _check(response: requests.Response, policy: HttpPolicy, absent_ok: bool) -> None:
    status, host = response.status_code, urlsplit(policy.address).netloc
    if status in BUSY:
        raise _Retry(
            TransientError(
                f"{host} answered {status} ({_reason(status)}); the next run goes on from the last saved page."
            ),
            retry_after(response.headers),
        )
    if status in (404, 410) and absent_ok:
        raise LookupError(response.url)
    if status in _REFUSED:
        raise ConfigError(_REFUSED[status].format(host=host, path=urlsplit(response.url or "").path))
    if 300 <= status < 400:
        target = urlsplit(urljoin(response.url or "", response.headers.get("Location", "")))
        raise ConfigError(
            f"{host} sends requests on to {target.scheme}://{target.netloc}{target.path}; redirects are not followed. "
            "If that is the right system, use its address (a sign-in page there means that the credential is not accepted)."
        )
    if status >= 400:
        raise SourceChanged(
            f"{host} answered {status} to {urlsplit(response.url or '').path}; the connector does not know this answer."
        )


_REFUSED = {
    401: "{host} does not accept the credential; enter a valid token or password.",
    403: "{host} does not let this account read {path}; ask its administrator for the right to read it.",
    404: "{host} has nothing at {path}; check the address and that the system's API is switched on.",
    407: "The proxy wants a sign-in; put user and password into the proxy's address.",
    410: "{host} has switched off {path}; a newer version of the connector is needed.",
}


def _reason(status: int) -> str:
    return "too many requests" if status == 429 else "busy or broken"


def retry_after(headers: Mapping[str, str], now: Callable[[], datetime] = utc_now) -> float | None:
    """Seconds to wait by the Retry-After header (a number or an HTTP date), None without a usable one."""
    value = CaseInsensitiveDict(headers).get("Retry-After")
    if value is None:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
    return None


def _body(response: requests.Response, policy: HttpPolicy) -> bytearray:
    body = bytearray()
    for chunk in response.iter_content(1 << 20):
        body += chunk
        if len(body) > policy.largest_answer:
            raise SourceChanged(
                f"{urlsplit(policy.address).netloc} sent more than {policy.largest_answer >> 20} MB in one answer."
            )
    return body


def _decode(body: bytearray, type: type[T], response: requests.Response) -> T:
    host, path = urlsplit(response.url or "").netloc, urlsplit(response.url or "").path
    try:
        return msgspec.json.decode(body, type=type)
    except RecursionError:
        raise SourceChanged(f"{host} answered {path} with data nested deeper than any connector reads.") from None
    except msgspec.ValidationError as error:
        raise SourceChanged(f"{host} answered {path} without what the connector needs: {error}.") from None
    except msgspec.DecodeError:
        if b"<html" in body[:2000].lower() or "html" in response.headers.get("Content-Type", ""):
            raise ConfigError(
                f"{host} answered {path} with a web page instead of data: the address is not the API's, or a proxy or sign-in page stands before it."
            ) from None
        raise _Retry(TransientError(f"{host} sent a broken answer to {path}; the next run tries again.")) from None
