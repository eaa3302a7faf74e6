"""What a connector is: declared settings, declared streams, and a way to fetch one page after the other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from kpulse.clock import Clock, utc_now
from kpulse.records import Record
from kpulse.sdk.http import Http, Signer
from kpulse.sdk.settings import ConnectorSettings, HttpSettings


class Mode(StrEnum):
    """How a stream can be read.

    WINDOW: by time of change, any window, so that the newest 30 days come first. FEED: only forward from an opaque
    cursor that the source hands out. SNAPSHOT: all of it, every time.
    """

    WINDOW = "window"
    FEED = "feed"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A kind of thing that a connector reads.

    ``overlap`` is read again at every poll, because a cursor that is only a time can miss what was written late.
    ``sweep`` says that ``Connector.sweep`` can list all keys, which is how deletions are found that the API hides; it is
    done when ``sweep_every`` has passed since the last one. ``whole`` is for what stays in use however old it is, such as
    articles: it is read back to the beginning, whatever history of tickets is wanted.
    """

    name: str
    mode: Mode = Mode.WINDOW
    overlap: timedelta = timedelta(hours=24)
    sweep: bool = False
    sweep_every: timedelta = timedelta(hours=24)
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Window:
    """Changes in [since, until); ``None`` is no bound. Only for streams of Mode.WINDOW are the bounds set."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A row that could not be read: where it stands in the source and why, without its content."""

    position: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of records, to be stored in one transaction together with ``cursor``.

    ``cursor`` resumes the same window after this page; it is JSON data without secrets, None when the source has no
    place to resume from. ``total`` is the number of rows in the window, where the source tells.
    """

    records: Sequence[Record]
    cursor: Any = None
    total: int | None = None
    rejected: Sequence[Rejected] = ()


@dataclass(frozen=True, kw_only=True)
class KeyPage:
    """A page of all keys of ``what`` that exist in the source now: ``ticket``, ``article``, or ``link`` (the event ids
    of the links that still stand, for sources that delete a link without a trace)."""

    what: str
    keys: Sequence[str]


class Level(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that Test connection found out, in a sentence for the KM lead."""

    level: Level
    subject: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """The answer of Test connection: who I am, what I may read, counts, whether links were seen at all."""

    findings: Sequence[Finding]
    identity: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the source can be polled with these settings."""
        return all(finding.level is not Level.FAIL for finding in self.findings)


class Connector(ABC):
    """A system that tickets, articles or links can be read from.

    Subclasses declare the class attributes and turn rows into records. They keep no state between pages but what is
    in the cursor, never write to the source, and never read a ticket's text into a record.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str] = ""
    settings_type: ClassVar[type[ConnectorSettings]] = ConnectorSettings
    streams: ClassVar[Sequence[Stream]]
    synthetic: ClassVar[bool] = False
    keeper: Callable[[str, str], None] | None = None

    def __init__(self, settings: Any, *, http: Http | None = None, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.clock = clock
        self._http = http

    @property
    def http(self) -> Http:
        """The door to the source; opened at first use with this connector's settings and ``auth``."""
        if self._http is None:
            if not isinstance(self.settings, HttpSettings):
                raise TypeError(f"{type(self).__name__} asks for HTTP, so its settings must derive from HttpSettings")
            self._http = Http(self.settings.policy(), auth=self.auth())
        return self._http

    def auth(self) -> Mapping[str, str] | Signer:
        """The headers that sign this connector in, or what gets and renews them (see ``kpulse.sdk.oauth``)."""
        return {}

    def keep_secret(self, name: str, value: str) -> None:
        """Have ``value`` stored as the secret setting ``name``: the source replaced it, as with a refresh token.

        ``keeper`` is set by the service where the settings are stored; elsewhere the value lives as long as this object.
        """
        if self.keeper is not None:
            self.keeper(name, value)

    @abstractmethod
    def check(self) -> Report:
        """Try the settings without storing anything; raises KpulseError where the source cannot be reached at all."""

    @abstractmethod
    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        """The pages of ``stream`` in ``window``, from the start or from behind the page that gave ``cursor``."""

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        """All keys that exist now; only asked of streams that declare ``sweep``."""
        raise NotImplementedError(f"{self.key} declares no sweep of {stream}")

    def choices(self, name: str) -> Sequence[str]:
        """The live values that the setting ``name`` may take, for example the queues; empty where unknown."""
        return ()

    def close(self) -> None:
        """Give back what the connector holds open."""
        if self._http is not None:
            self._http.close()
