"""What a connector can say about a desk: frozen records with aware UTC times.

Keys are the source's own stable ids as text. Where a value was normalised, the source's own value stands beside it
(``status`` and ``source_status``), so that a mapping can change without fetching again. Ticket text has no field here.
msgspec makes them a tenth as dear as dataclasses; copy one with ``msgspec.structs.replace``.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """The normalised states of a ticket; RESOLVED and CLOSED are the closed set."""

    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class ArticleState(StrEnum):
    """KCS states of an article (kcs-measures.md §2.1)."""

    WIP = "wip"
    NOT_VALIDATED = "not_validated"
    VALIDATED = "validated"
    ARCHIVED = "archived"


class Evidence(StrEnum):
    """How a link is known, strongest first."""

    RECORDED = "recorded"
    CAPTURED = "captured"
    UNTIMED = "untimed"
    TEXT = "text"
    MACRO = "macro"


class LinkKind(StrEnum):
    """RESOLUTION answers the ticket's issue and counts; REFERENCE is background and does not (R7)."""

    RESOLUTION = "resolution"
    REFERENCE = "reference"


class Op(StrEnum):
    """What happened to a link."""

    ADD = "add"
    REMOVE = "remove"


class Channel(StrEnum):
    """SELF_SERVICE means that nobody of the desk worked on the ticket; how it came in is ``intake``."""

    ASSISTED = "assisted"
    SELF_SERVICE = "self_service"


class StatusChange(Struct, frozen=True, kw_only=True, gc=False):
    """A ticket entered a state; ``team`` is the team that held it then, where the source tells."""

    at: datetime
    to: Status
    source_status: str = ""
    team: str | None = None


class StatusEvent(Struct, frozen=True, kw_only=True, gc=False):
    """A status change read apart from its ticket, for sources with a bulk feed of changes (instead of a call a ticket)."""

    ticket: str
    at: datetime
    to: Status
    event_id: str
    source_status: str = ""
    team: str | None = None


class Merged(Struct, frozen=True, kw_only=True, gc=False):
    """A ticket was merged into another one, read apart from the ticket."""

    ticket: str
    into: str


class Ticket(Struct, frozen=True, kw_only=True, gc=False):
    """A ticket with its whole known history; ``version`` grows with every change in the source.

    ``resolved_at`` is the source's own final resolution time and wins over ``changes`` where given.
    ``owner`` is opaque and stored only as a keyed pseudonym. ``exclude`` is the source's reason not to count it.
    """

    key: str
    version: int
    opened_at: datetime
    changes: Sequence[StatusChange] = ()
    status: Status = Status.OPEN
    source_status: str = ""
    resolved_at: datetime | None = None
    team: str | None = None
    owner: str | None = None
    channel: Channel = Channel.ASSISTED
    intake: str | None = None
    category: str | None = None
    priority: str | None = None
    exclude: str | None = None
    merged_into: str | None = None
    reopened: int | None = None


class StateChange(Struct, frozen=True, kw_only=True, gc=False):
    """An article entered a state."""

    at: datetime
    to: ArticleState
    source_state: str = ""


class Article(Struct, frozen=True, kw_only=True, gc=False):
    """A knowledge article; ``key`` is stable over versions and translations.

    ``source_ticket`` is the ticket it was written from; ``None`` means that the source does not tell (R8).
    """

    key: str
    version: int
    created_at: datetime
    title: str = ""
    url: str = ""
    state: ArticleState = ArticleState.NOT_VALIDATED
    source_state: str = ""
    changes: Sequence[StateChange] = ()
    archived_at: datetime | None = None
    first_published_at: datetime | None = None
    audience: str | None = None
    author: str | None = None
    source_ticket: str | None = None
    category: str | None = None
    language: str | None = None


class LinkEvent(Struct, frozen=True, kw_only=True, gc=False):
    """A link between a ticket and an article was made or taken away.

    ``article`` is None for a bare "knowledge was used" flag. ``at`` is None where no time is known (evidence untimed).
    ``event_id`` identifies the event in the source; without one, equal fields are the same event (R6).
    ``knowledge_base`` names the source that holds the article, "" is this one; ``article`` may be one of its aliases.
    """

    op: Op
    ticket: str
    article: str | None
    at: datetime | None
    by: str | None = None
    kind: LinkKind = LinkKind.RESOLUTION
    evidence: Evidence = Evidence.RECORDED
    event_id: str | None = None
    article_version: str | None = None
    knowledge_base: str = ""


class LinksSeen(Struct, frozen=True, kw_only=True, gc=False):
    """The links that a ticket showed when it was read: for sources that show a state beside, or instead of, events.

    Events explain the time of a link; a link seen that no event explains counts from ``assumed_at``, or, where that is
    None, as untimed since ``seen_at``. With ``complete`` a link of this kind and evidence that is no longer shown counts as
    taken away at ``seen_at``. The article None is a bare "knowledge was used" flag.
    """

    ticket: str
    articles: Sequence[str | None]
    seen_at: datetime
    assumed_at: datetime | None = None
    complete: bool = True
    kind: LinkKind = LinkKind.RESOLUTION
    evidence: Evidence = Evidence.RECORDED
    knowledge_base: str = ""


class ArticleAlias(Struct, frozen=True, kw_only=True, gc=False):
    """Another name under which links mean an article: a number, a slug, a title, an address before a rename."""

    article: str
    alias: str


class Team(Struct, frozen=True, kw_only=True, gc=False):
    """A group of people that closes tickets, as the source names it."""

    key: str
    name: str
    parent: str | None = None


class Membership(Struct, frozen=True, kw_only=True, gc=False):
    """A person (opaque) belongs to a team in [valid_from, valid_to)."""

    team: str
    person: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class ArticleEvent(Struct, frozen=True, kw_only=True, gc=False):
    """Something happened to an article: ``edited``, ``flagged``, ``flag_closed``, ``reviewed``."""

    article: str
    what: str
    at: datetime
    by: str | None = None
    event_id: str | None = None


class Reach(Struct, frozen=True, kw_only=True, gc=False):
    """How often an article was seen on a day, without any visitor's data."""

    article: str
    day: date
    views: int = 0
    helpful: int = 0
    not_helpful: int = 0


class Gone(Struct, frozen=True, kw_only=True, gc=False):
    """Tombstone: the source deleted a ``ticket`` or ``article``; ``version`` orders it among the record's versions."""

    what: str
    key: str
    version: int


Record = (
    Ticket
    | StatusEvent
    | Merged
    | Article
    | ArticleAlias
    | LinkEvent
    | LinksSeen
    | Team
    | Membership
    | ArticleEvent
    | Reach
    | Gone
)
