"""The wiki's Action API: its envelope, its errors (which are HTTP 200), its way to continue, and signing in to it."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kpulse.sdk import Answer, Ask, ConfigError, Http, LoopGuard, SecretStr, SourceChanged, TransientError

API = "api.php"
WORKERS = 4
PLAIN: Mapping[str, str | int] = {"format": "json", "formatversion": 2}
Params = Mapping[str, str | int]
_COOKIE = re.compile(r"(?:^|,)\s*([^=;,\s]+)=([^;,]*)")
_REFUSED = re.compile(r"readapidenied|permissiondenied|mwoauth|blocked")
_BUSY = re.compile(r"maxlag|ratelimited|readonly|internal_api_error|timeout|throttled|assert\w+failed|badtoken")


class Slot(msgspec.Struct):
    """The text of a version, where it is not hidden."""

    content: str = ""


class Slots(msgspec.Struct):
    """The parts of a version."""

    main: Slot = msgspec.field(default_factory=Slot)


class Revision(msgspec.Struct):
    """A version of a page; its author or text may be hidden."""

    revid: int
    parentid: int = 0
    timestamp: str = ""
    user: str | None = None
    sha1: str = ""
    slots: Slots = msgspec.field(default_factory=Slots)


class Titled(msgspec.Struct):
    """A category of a page, or a page that redirects to it."""

    title: str
    pageid: int = 0
    timestamp: str = ""


class Row(msgspec.Struct):
    """A page as ``prop`` shows it, piece by piece."""

    pageid: int = 0
    ns: int = 0
    title: str = ""
    missing: bool = False
    pagelanguage: str = ""
    lastrevid: int = 0
    categories: list[Titled] = []
    redirects: list[Titled] = []
    revisions: list[Revision] = []

    def add(self, other: "Row") -> None:
        """Take over what ``other``, the same page in a later answer, says besides."""
        self.lastrevid = self.lastrevid or other.lastrevid
        self.pagelanguage = self.pagelanguage or other.pagelanguage
        self.categories += other.categories
        self.redirects += other.redirects
        self.revisions += other.revisions


class Listed(msgspec.Struct):
    """A page in a list, with the versions that brought it there."""

    pageid: int
    revisions: list[Revision] = []


class Logged(msgspec.Struct):
    """An entry of the wiki's log; ``logpage`` is the page's id when it was written."""

    logid: int
    title: str = ""
    ns: int = 0
    logpage: int = 0
    action: str = ""
    timestamp: str = ""


class Led(msgspec.Struct, rename={"source": "from"}):
    """A redirect that was followed."""

    source: str
    to: str


class General(msgspec.Struct):
    """What the wiki says of itself."""

    generator: str = ""
    articlepath: str = ""
    time: str = ""


class Account(msgspec.Struct):
    """Who asks."""

    name: str = ""
    anon: bool = False
    rights: list[str] = []


class Tokens(msgspec.Struct):
    """What a sign-in has to bring along."""

    logintoken: str | None = None


class Query(msgspec.Struct):
    """Whatever was asked for; None where it was not."""

    allrevisions: list[Listed] | None = None
    allpages: list[Listed] | None = None
    categorymembers: list[Listed] | None = None
    logevents: list[Logged] | None = None
    pages: list[Row] | None = None
    redirects: list[Led] = []
    general: General | None = None
    namespaces: dict[str, Any] = {}
    userinfo: Account | None = None
    tokens: Tokens = msgspec.field(default_factory=Tokens)


class Trouble(msgspec.Struct):
    """An error, which comes with HTTP 200."""

    code: str = ""


class Outcome(msgspec.Struct):
    """What became of a sign-in."""

    result: str = ""


class Reply(msgspec.Struct):
    """An answer of the API."""

    query: Query | None = None
    error: Trouble | None = None
    login: Outcome | None = None
    further: dict[str, Any] = msgspec.field(name="continue", default={})

    @property
    def behind(self) -> dict[str, str | int] | None:
        """The parameters that give the rest; None when this was all."""
        given = {name: value for name, value in self.further.items() if name.endswith("continue") and value is not None}
        return given if given.keys() - {"continue"} else None


class BotPassword:
    """Signs in with a bot password: the wiki answers with cookies, which go along with every request."""

    def __init__(self, name: str, password: SecretStr) -> None:
        self._name, self._password = name, password
        self._cookies: dict[str, str] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "BotPassword()"

    def bind(self, http: Http) -> None:
        """Sign in the way that ``http`` goes."""
        self._door = Http(http.policy, timer=http.timer)
        self._door.stopping = http.stopping

    def headers(self) -> Mapping[str, str]:
        """The cookies; signs in at the first call."""
        with self._lock:
            self._cookies = self._cookies or self._sign_in()
            return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Sign in again, unless another thread did since ``refused`` was sent."""
        with self._lock:
            if refused.get("Cookie") == "; ".join(f"{name}={value}" for name, value in self._cookies.items()):
                self._cookies = self._sign_in()
        return True

    def close(self) -> None:
        """Give back the connections."""
        self._door.close()

    def _sign_in(self) -> dict[str, str]:
        asked = self._door.get(API, Reply, {**PLAIN, "action": "query", "meta": "tokens", "type": "login"})
        raise_error(asked.body)
        token = asked.body.query.tokens.logintoken if asked.body.query else None
        if token is None:
            raise SourceChanged("The wiki gives no logintoken to sign in with; is it older than MediaWiki 1.27?")
        form = {"action": "login", "lgname": self._name, "lgtoken": token, "format": "json", "formatversion": "2"}
        form["lgpassword"] = self._password.get_secret_value()
        said = self._door.post(API, Reply, form=form)
        raise_error(said.body)
        if said.body.login is None:
            raise SourceChanged("The wiki answered the sign-in with something else.")
        if said.body.login.result != "Success":
            raise ConfigError("The wiki does not accept the bot name with this password; make a new bot password.")
        return read_cookies(asked) | read_cookies(said)


def read_cookies(answer: Answer[Any]) -> dict[str, str]:
    """The cookies that an answer sets; several come in one header, with commas between them and in their dates."""
    found = _COOKIE.findall(answer.headers.get("Set-Cookie", ""))
    return {name: value for name, value in found if value not in ("", "deleted")}


def raise_error(reply: Reply) -> None:
    """Raise what the error in ``reply`` means, if there is one."""
    if reply.error is None:
        return
    code = reply.error.code
    if _REFUSED.search(code):
        raise ConfigError(
            f"The wiki does not let this account read ({code}); give a bot password or token with the right to read."
        )
    if _BUSY.search(code):
        raise TransientError(f"The wiki is busy or ended the session ({code}); the next run goes on from there.")
    raise SourceChanged(f"The wiki does not understand the request ({code}); is it older than MediaWiki 1.27?")


class Wiki:
    """One wiki. ``signed`` says that requests go out as an account, which the wiki then has to confirm."""

    def __init__(self, http: Http, signed: bool) -> None:
        self.http = http
        self._plain: Params = {**PLAIN, "action": "query", **({"assert": "user"} if signed else {})}

    def ask(self, params: Params) -> Answer[Reply]:
        """The answer to a query."""
        answer = self.http.get(API, Reply, {**self._plain, **params})
        raise_error(answer.body)
        return answer

    def query(self, params: Params) -> Query:
        """What was asked for, in one answer."""
        return self.ask(params).body.query or Query()

    def walk(self, params: Params, further: Mapping[str, str | int] | None = None) -> Iterator[Reply]:
        """All answers to a query, from ``further`` on."""
        guard, behind = LoopGuard("its answers"), dict(further or {})
        while True:
            guard.visit(json.dumps(behind, sort_keys=True))
            reply = self.ask({**params, **behind}).body
            yield reply
            if reply.behind is None:
                return
            behind = reply.behind

    def pages(self, params: Params, first: Reply | None = None) -> tuple[Sequence[Row], Mapping[str, str]]:
        """The pages that a query with ``prop`` shows, and where redirects among them lead; ``first`` is its first answer.

        Each answer repeats the pages with a part of their properties, so that they are put together by id.
        """
        found: dict[int, Row] = {}
        led: dict[str, str] = {}
        for reply in self._answers(params, first):
            if reply.query is None or reply.query.pages is None:
                raise SourceChanged("The wiki answered without pages; is it older than MediaWiki 1.27?")
            led |= {step.source: step.to for step in reply.query.redirects}
            for row in reply.query.pages:
                if row.pageid in found:
                    found[row.pageid].add(row)
                elif row.pageid and not row.missing:
                    found[row.pageid] = row
        return list(found.values()), led

    def each(self, many: Sequence[Params]) -> Iterator[Sequence[Row]]:
        """The pages that each of these queries shows, some asked at a time."""
        asks = (Ask(API, {**self._plain, **params}) for params in many)
        with contextlib.closing(self.http.map(asks, Reply, workers=WORKERS)) as answers:
            for params, answer in zip(many, answers, strict=True):
                first = answer.body if answer else Reply()
                raise_error(first)
                yield self.pages(params, first)[0]

    def _answers(self, params: Params, first: Reply | None) -> Iterator[Reply]:
        if first is not None:
            yield first
        if first is None or first.behind is not None:
            yield from self.walk(params, first.behind if first else None)
