"""The one door to other systems: time-outs, retries, budgets, size caps, no foreign hosts, and errors that say what to do."""

import contextlib
import re
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity

from kpulse import __version__
from kpulse.clock import utc_now
from kpulse.errors import SourceChanged
from kpulse.sdk.guard import GuardedAdapter
from kpulse.sdk.limits import Limits, Timer, pause_by
from kpulse.sdk.policy import HttpPolicy as HttpPolicy
from kpulse.sdk.policy import checked_address as checked_address
from kpulse.sdk.trouble import Retry, Unsigned, check, decode, explained, host_of, read_body
from kpulse.sdk.trouble import retry_after as retry_after

T = TypeVar("T")
Given = TypeVar("Given")
Params = Mapping[str, str | int]
MOST_WORKERS = 64


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


@dataclass(frozen=True)
class Ask:
    """A GET to be made: what ``Http.get`` takes."""

    path: str
    params: Params | None = None


class Signer(Protocol):
    """Signs requests in with a credential that changes, such as an OAuth token. Used by many threads at once."""

    def bind(self, http: "Http") -> None:
        """Learn from ``http`` how the network is reached: proxy, certificates, patience, stopping."""

    def headers(self) -> Mapping[str, str]:
        """The headers that sign a request in; raises KpulseError when there is no way to get them."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get a new credential because ``refused`` was not accepted; False when there is none to be had."""

    def close(self) -> None:
        """Give back what is held open."""


class Fixed:
    """A ``Signer`` for headers that never change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def bind(self, http: "Http") -> None:
        """Needs nothing."""

    def headers(self) -> Mapping[str, str]:
        """The headers."""
        return self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:
        """There is nothing newer."""
        return False

    def close(self) -> None:
        """Holds nothing open."""


class Http:
    """Talks to one source. Credentials go to that source's host and to no other. May be used by many threads.

    A session is lent to one request at a time, because its cookies are not safe for two; the connections under all
    sessions are shared, because urllib3's pools are made for that and a TLS handshake is dear.
    """

    def __init__(
        self,
        policy: HttpPolicy,
        *,
        auth: Mapping[str, str] | Signer | None = None,
        timer: Timer | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self.policy = policy
        self.stopping = stopping or threading.Event()
        self.timer = timer or Timer()
        self._limits = Limits(policy.budgets, self.timer, self.stopping, policy.longest_wait)
        self._signer: Signer = Fixed(auth or {}) if isinstance(auth, Mapping | None) else auth
        self._signer.bind(self)
        self._base = urlsplit(policy.address).path
        self._adapter = GuardedAdapter(pool_maxsize=MOST_WORKERS)
        self._idle: deque[requests.Session] = deque()

    def __repr__(self) -> str:
        return f"Http({self.policy.address})"

    def close(self) -> None:
        """End waiting and give back the connections."""
        self.stopping.set()
        self._signer.close()
        self._adapter.close()

    def get(self, path: str, type: type[T], params: Params | None = None, *, absent_ok: bool = False) -> Answer[T]:
        """The answer to GET ``path`` (relative to the address, or absolute on the same host), decoded as ``type``.

        Unknown fields are skipped without becoming objects. With ``absent_ok`` a 404 or 410 raises LookupError.
        """
        return self._send("GET", path, type, params=params, absent_ok=absent_ok)

    def post(
        self,
        path: str,
        type: type[T],
        json: Any = None,
        params: Params | None = None,
        *,
        form: Mapping[str, str] | None = None,
    ) -> Answer[T]:
        """The answer to a POST that reads (a search): ``json`` or ``form`` is sent as the body."""
        return self._send("POST", path, type, params=params, json=json, data=form)

    def map(
        self, asks: Iterable[Ask], type: type[T], *, absent_ok: bool = False, workers: int = 10
    ) -> Generator[Answer[T] | None, None, None]:
        """The answers to many GETs, made ``workers`` at a time inside the budgets, in the order of ``asks``.

        With ``absent_ok`` what is absent (404, 410) is None in its place. Any error ends the iteration as it would end
        ``get``. ``asks`` is read only a little ahead, and no more than a few answers wait in memory. When the iteration
        has ended, or was closed, no request is under way any more.
        """

        def fetch(ask: Ask) -> Answer[T] | None:
            try:
                return self.get(ask.path, type, ask.params, absent_ok=absent_ok)
            except LookupError:
                return None

        return _ahead(asks, fetch, workers, 2 * workers, 2 * workers)

    def pages(
        self, asks: Iterable[Ask], type: type[T], more: Callable[[Answer[T]], bool], *, workers: int = 10
    ) -> Generator[Answer[T], None, None]:
        """The answers to ``asks`` (pages by number or offset, see ``paging``) up to the first without ``more`` behind it.

        The first page is asked alone; then, as long as there are more, reading ahead doubles up to ``workers`` pages, so
        that a short list costs few requests beyond its end.
        """

        def fetch(ask: Ask) -> Answer[T]:
            return self.get(ask.path, type, ask.params)

        with contextlib.closing(_ahead(asks, fetch, workers, 1, workers)) as answers:
            for answer in answers:
                yield answer
                if not more(answer):
                    return

    def _send(self, method: str, path: str, type: type[T], *, absent_ok: bool = False, **sent: Any) -> Answer[T]:
        url = self._url(path)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retry),
            stop=self._gives_up,
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._signed, method, url, type, absent_ok, sent)
        except Retry as last:
            raise last.error from None

    def _gives_up(self, state: tenacity.RetryCallState) -> bool:
        too_long = (_asked_to_wait(state) or 0.0) > self.policy.longest_wait
        return too_long or state.attempt_number >= self.policy.attempts or self.stopping.is_set()

    def _sleep(self, seconds: float) -> None:
        self.timer.wait(self.stopping, seconds)

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
                f"{host_of(self.policy.address)} pointed to another host, {host_of(url)}; credentials are not sent there. "
                "If the system moved, change the address of the source."
            )
        return url

    def _signed(self, method: str, url: str, type: type[T], absent_ok: bool, sent: Mapping[str, Any]) -> Answer[T]:
        headers = self._signer.headers()
        try:
            return self._once(method, url, type, absent_ok, headers, sent)
        except Unsigned:
            if not self._signer.renew(headers):
                raise
        return self._once(method, url, type, absent_ok, self._signer.headers(), sent)

    def _once(
        self,
        method: str,
        url: str,
        type: type[T],
        absent_ok: bool,
        headers: Mapping[str, str],
        sent: Mapping[str, Any],
    ) -> Answer[T]:
        self._limits.take(urlsplit(url).path.removeprefix(self._base))
        how: Mapping[str, Any] = {
            "timeout": (self.policy.connect_timeout, self.policy.read_timeout),
            "allow_redirects": False,
            "stream": True,
        }
        with (
            self._session() as session,
            explained(self.policy),
            contextlib.closing(session.request(method, url, headers=dict(headers), **how, **sent)) as response,
        ):
            self._heed(response)
            check(response, self.policy, absent_ok)
            return Answer(
                response.status_code, response.headers, decode(read_body(response, self.policy), type, response)
            )

    def _heed(self, response: requests.Response) -> None:
        """Let all threads wait when the source asks one of them to, or says that the quota is used up."""
        asked = retry_after(response.headers) if response.status_code >= 400 else None
        if asked is None and self.policy.quota:
            asked = pause_by(self.policy.quota, response.headers, utc_now())
        if asked:
            self._limits.hold(asked)

    @contextlib.contextmanager
    def _session(self) -> Iterator[requests.Session]:
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._open()
        try:
            yield session
        finally:
            self._idle.append(session)

    def _open(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = self.policy.ca_file or True
        session.headers.update({"User-Agent": f"knowledge-pulse/{__version__}", "Accept": "application/json"})
        if self.policy.proxy:
            session.proxies = {"http": self.policy.proxy, "https": self.policy.proxy}
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._adapter)
        return session


_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PORTS = {"http": 80, "https": 443}


def _ahead(
    asks: Iterable[Ask], fetch: Callable[[Ask], Given], workers: int, first: int, most: int
) -> Generator[Given, None, None]:
    """What ``fetch`` gives for each ask, in order; at first ``first``, later up to ``most`` are fetched ahead."""
    if not 1 <= workers <= MOST_WORKERS:
        raise ValueError(f"Between 1 and {MOST_WORKERS} workers can ask at a time.")
    upcoming, under_way, ahead = iter(asks), deque[Future[Given]](), first
    with ThreadPoolExecutor(workers, thread_name_prefix="kpulse-http") as pool:
        try:
            while True:
                under_way.extend(pool.submit(fetch, ask) for ask in islice(upcoming, ahead - len(under_way)))
                if not under_way:
                    return
                yield under_way.popleft().result()
                ahead = min(2 * ahead, most)
        finally:
            pool.shutdown(cancel_futures=True)


def _origin(url: str) -> tuple[str, str | None, int | None, bool]:
    """Scheme, host, port and whether a sign-in hides in the address; what cannot be read is like nothing else."""
    parts = urlsplit(url)
    with contextlib.suppress(ValueError):
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), "@" in parts.netloc
    return "", None, None, True


def _asked_to_wait(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.after if isinstance(error, Retry) else None
