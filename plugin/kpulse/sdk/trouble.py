"""What went wrong between us and a source, told apart by who can mend it."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
from requests.structures import CaseInsensitiveDict

from kpulse.clock import utc_now
from kpulse.errors import ConfigError, KpulseError, SourceChanged, TransientError
from kpulse.sdk.policy import HttpPolicy

T = TypeVar("T")
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
ENOUGH_TO_EXPLAIN = 16 * 1024


class Retry(Exception):
    """Worth another attempt, after ``after`` seconds where the source says so; ``error`` is what it is otherwise."""

    def __init__(self, error: TransientError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


class Unsigned(ConfigError):
    """The source does not accept the credential (any more)."""


@contextlib.contextmanager
def explained(policy: HttpPolicy) -> Iterator[None]:
    """Turn what the network raises inside the block into errors that say what to do."""
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
        raise Retry(
            TransientError(
                f"The proxy {host_of(policy.proxy)} did not pass the request on; check its address and that it allows {host}."
            )
        ) from None
    except requests.exceptions.InvalidURL:
        raise ConfigError(f"{policy.address} is not an address that can be asked; check its spelling.") from None
    except (requests.exceptions.InvalidHeader, UnicodeError):
        raise ConfigError(
            "User name, password or token holds a line break or a character that no request can carry; enter it again."
        ) from None
    except requests.exceptions.ContentDecodingError:
        raise Retry(TransientError(f"{host} sent a broken answer; the next run tries again.")) from None
    except requests.exceptions.Timeout:
        raise Retry(TransientError(f"{host} did not answer in time; the next run tries again.")) from None
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
        return Retry(TransientError(f"{host} refuses the connection; check address and port, and that it is running."))
    return Retry(TransientError(f"The connection to {host} broke off; the next run tries again."))


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


def host_of(address: str | None) -> str:
    """Host and port of an address, without a sign-in."""
    return urlsplit(address or "").netloc.rpartition("@")[2]


def check(response: requests.Response, policy: HttpPolicy, absent_ok: bool) -> None:
    """Raise what the status of an answer means; LookupError for 404 and 410 where ``absent_ok``."""
    status, host = response.status_code, urlsplit(policy.address).netloc
    if status >= 400 and policy.explain:
        _ask_for_meaning(response, policy.explain)
    if status in BUSY:
        raise Retry(
            TransientError(
                f"{host} answered {status} ({_reason(status)}); the next run goes on from the last saved page."
            ),
            retry_after(response.headers),
        )
    if status in (404, 410) and absent_ok:
        raise LookupError(response.url)
    if status == 401:
        raise Unsigned(f"{host} does not accept the credential; enter a valid token or password.")
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


def _ask_for_meaning(response: requests.Response, explain: Callable[[int, bytes], KpulseError | None]) -> None:
    meant = explain(response.status_code, next(response.iter_content(ENOUGH_TO_EXPLAIN), b""))
    if isinstance(meant, TransientError):
        raise Retry(meant, retry_after(response.headers))
    if meant is not None:
        raise meant


_REFUSED = {
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


def read_body(response: requests.Response, policy: HttpPolicy) -> bytearray:
    """The whole body; SourceChanged when it is larger than the policy allows."""
    body = bytearray()
    for chunk in response.iter_content(1 << 20):
        body += chunk
        if len(body) > policy.largest_answer:
            raise SourceChanged(
                f"{urlsplit(policy.address).netloc} sent more than {policy.largest_answer >> 20} MB in one answer."
            )
    return body


def decode(body: bytearray, type: type[T], response: requests.Response) -> T:
    """The body as ``type``; the error names the path and the field that is missing."""
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
        raise Retry(TransientError(f"{host} sent a broken answer to {path}; the next run tries again.")) from None
