"""What the counting rules look at, and what they say about a ticket. All times are instants."""

from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kpulse.clock import DAY

ArticleKey = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The choices that counting depends on.

    ``grace`` is in microseconds (R9). ``as_of`` hides later events (R2), None shows everything known. ``wide`` names
    the sources whose text and macro evidence counts too (design: only when the KM lead chooses).
    """

    zone: ZoneInfo
    grace: int = 7 * DAY
    as_of: int | None = None
    wide: frozenset[int] = frozenset()

    @property
    def version(self) -> str:
        """Names the rules, for values that are kept."""
        return f"1/{self.zone.key}/{self.grace // DAY}d/" + ",".join(map(str, sorted(self.wide)))


class Change(NamedTuple):
    """A ticket entered a state that is, or is not, in the closed set."""

    at: int
    closed: bool
    team: str | None = None


class LinkFact(NamedTuple):
    """A link event; ``article`` "" is a bare flag, ``at`` None an unknown time."""

    op: str
    at: int | None
    article: str
    evidence: str


class SeenFact(NamedTuple):
    """A span in which a link was seen on the ticket."""

    article: str
    evidence: str
    absent_at: int | None
    assumed_at: int | None


@dataclass(slots=True, kw_only=True)
class TicketFact:
    """A ticket with everything that counting needs; ``team`` is already the organisation's name of the team."""

    source_id: int
    key: str
    opened_at: int
    changes: list[Change] = field(default_factory=list)
    closed_now: bool = False
    resolved_at: int | None = None
    team: str = ""
    owner: str | None = None
    self_service: bool = False
    exclude: str | None = None
    merged_into: str | None = None
    gone: bool = False
    links: list[LinkFact] = field(default_factory=list)
    seen: list[SeenFact] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFact:
    """An article that its knowledge base knows; ``archived`` holds (instant, is archived from then on), in order."""

    created_at: int
    source_ticket: str | None = None
    archived: tuple[tuple[int, bool], ...] = ()


class ActiveLink(NamedTuple):
    """A resolution link that counts at the as-of instant."""

    article: str
    made_at: int | None
    evidence: str


class CountedLink(NamedTuple):
    """A headline link of an eligible ticket: ``origin`` is ``reuse``, ``create`` or ``unknown`` (a bare flag)."""

    article: str
    origin: str
    evidence: str
    made_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the rules say about a closed ticket; the numbers are 0 or 1 but for the counts of links and the slot."""

    source_id: int
    ticket: str
    team: str
    day: int
    closed_at: int
    excluded: str = ""
    owner: str | None = None
    linked: int = 0
    linked_strict: int = 0
    strict_unknown: int = 0
    linked_any: int = 0
    linked_fresh: int = 0
    reuse: int = 0
    creation: int = 0
    origin_unknown: int = 0
    links: int = 0
    stale: int = 0
    orphan: int = 0
    before_open: int = 0
    odd_clock: int = 0
    slot: int = 0
    counted: tuple[CountedLink, ...] = ()
