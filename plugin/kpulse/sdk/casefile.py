"""The JSON event format: one case, or ``{"cases": [...]}``, becomes records. ``docs/connectors/files.md`` describes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from kpulse.errors import UsageError as UsageError
from kpulse.records import (
    Article,
    ArticleState,
    Channel,
    Evidence,
    LinkEvent,
    LinkKind,
    Op,
    Record,
    Status,
    StatusChange,
    Ticket,
)

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

TIME_FORM = "a time with its zone, such as 2025-03-01T08:00:00Z"
STATUS_WORDS: Mapping[str, Status] = {
    **dict.fromkeys(("open", "new", "assigned", "active", "in_progress", "reopened"), Status.OPEN),
    **dict.fromkeys(("pending", "waiting", "on_hold"), Status.PENDING),
    **dict.fromkeys(("resolved", "solved"), Status.RESOLVED),
    "closed": Status.CLOSED,
}
STATE_WORDS: Mapping[str, ArticleState] = {state.value: state for state in ArticleState} | {
    "draft": ArticleState.WIP,
    "published": ArticleState.VALIDATED,
    "retired": ArticleState.ARCHIVED,
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A period of a desk. ``from_day`` is inclusive, ``to_day`` exclusive; None where the file does not say."""

    id: str
    title: str
    zone: ZoneInfo
    from_day: date | None
    to_day: date | None
    as_of: datetime | None
    grace_days: int
    records: Sequence[Record]


def read_cases(data: object, *, apart: bool = False, version: int = 1) -> Sequence[Case]:
    """All cases of a file, in order; UsageError names the place that makes no sense.

    Keys stand as in the file, also where two cases use the same ones: each case is a world of its own. With ``apart``
    the keys of several cases are prefixed with ``<case id>/``, so that they can live in one store.
    """
    if not (isinstance(data, dict) and "cases" in data):
        return (read_case(data, version=version),)
    top = _Node(data, "")
    days, nodes, names = top.number("grace_days", 7), list(top.items("cases")), _Keys("")
    apart = apart and len(nodes) > 1
    return tuple(_case(node, f"{names.own(node, 'case')}/" if apart else "", version, days) for node in nodes)


def read_case(data: object, *, prefix: str = "", version: int = 1) -> Case:
    """One case; UsageError names the place that makes no sense.

    ``prefix`` goes before every ticket, article and event key; ``version`` is the version of the records.
    """
    node = _Node(data, "")
    if "cases" in node:
        raise UsageError("The file holds several cases; give one object with tickets, articles and link_events.")
    return _case(node, prefix, version, 7)


def _case(node: "_Node", prefix: str, version: int, grace_days: int) -> Case:
    from_day, to_day = node.day("from"), node.day("to")
    if from_day and to_day and to_day <= from_day:
        raise UsageError(f"{node.at('to')} has to be later than from; it is the first day that no longer belongs.")
    keys = _Keys(prefix)
    tickets = [_ticket(each, keys, version) for each in node.items("tickets")]
    articles = [_article(each, keys, version) for each in node.items("articles")]
    return Case(
        id=node.text("id") or "",
        title=node.text("title") or "",
        zone=node.zone("timezone") or ZoneInfo("UTC"),
        from_day=from_day,
        to_day=to_day,
        as_of=node.time("as_of"),
        grace_days=node.number("grace_days", grace_days),
        records=(*tickets, *articles, *(_link(each, prefix) for each in node.items("link_events"))),
    )


class _Keys:
    """Prefixes keys and finds the ones that come twice."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._seen: set[tuple[str, str]] = set()

    def own(self, node: "_Node", kind: str) -> str:
        key = node.needed("id")
        if (kind, key) in self._seen:
            raise UsageError(f"{node.at('id')}: {key} comes twice; give every {kind} an id of its own.")
        self._seen.add((kind, key))
        return self.prefix + key


def _ticket(node: "_Node", keys: _Keys, version: int) -> Ticket:
    changes = sorted((_change(each) for each in node.items("status")), key=lambda change: change.at)
    return Ticket(
        key=keys.own(node, "ticket"),
        version=version,
        opened_at=node.needed_time("opened_at"),
        changes=tuple(changes),
        status=changes[-1].to if changes else Status.OPEN,
        source_status=changes[-1].source_status if changes else "",
        resolved_at=node.time("resolved_at"),
        team=node.text("team"),
        owner=node.text("owner"),
        channel=node.word("channel", _words(Channel), Channel.ASSISTED),
        intake=node.text("intake"),
        category=node.text("category"),
        priority=node.text("priority"),
        exclude=node.text("exclude"),
        merged_into=_prefixed(keys.prefix, node.text("merged_into")),
    )


def _change(node: "_Node") -> StatusChange:
    source = node.needed("to")
    return StatusChange(
        at=node.needed_time("at"),
        to=node.word("to", STATUS_WORDS, Status.OPEN),
        source_status=source,
        team=node.text("team"),
    )


def _article(node: "_Node", keys: _Keys, version: int) -> Article:
    archived_at = node.time("archived_at")
    return Article(
        key=keys.own(node, "article"),
        version=version,
        created_at=node.needed_time("created_at"),
        title=node.text("title") or "",
        url=node.text("url") or "",
        state=node.word("state", STATE_WORDS, ArticleState.ARCHIVED if archived_at else ArticleState.NOT_VALIDATED),
        source_state=node.text("state") or "",
        archived_at=archived_at,
        first_published_at=node.time("first_published_at"),
        audience=node.text("audience"),
        author=node.text("author"),
        source_ticket=_prefixed(keys.prefix, node.text("source_ticket")),
        category=node.text("category"),
        language=node.text("language"),
    )


def _link(node: "_Node", prefix: str) -> LinkEvent:
    at = node.time("at")
    return LinkEvent(
        op=node.word("op", _words(Op), Op.ADD),
        ticket=prefix + node.needed("ticket"),
        article=_prefixed(prefix, node.text("article")),
        at=at,
        by=node.text("by"),
        kind=node.word("kind", _words(LinkKind), LinkKind.RESOLUTION),
        evidence=node.word("evidence", _words(Evidence), Evidence.RECORDED if at else Evidence.UNTIMED),
        event_id=_prefixed(prefix, node.text("id")),
    )


def _prefixed(prefix: str, key: str | None) -> str | None:
    return None if key is None else prefix + key


def _words(enum: type[Word]) -> Mapping[str, Word]:
    return {member.value: member for member in enum}


class _Node:
    """An object of the file that knows where it stands, so that every complaint can name the place."""

    def __init__(self, data: object, path: str) -> None:
        if not isinstance(data, dict):
            raise UsageError(f"{path or 'The case'} has to be a JSON object with named fields.")
        self._data: Mapping[str, Any] = data
        self._path = path

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def items(self, key: str) -> Iterator["_Node"]:
        found = self._data.get(key)
        if found is not None and not isinstance(found, list):
            raise UsageError(f"{self.at(key)} has to be a list.")
        return (_Node(each, f"{self.at(key)}[{index}]") for index, each in enumerate(found or ()))

    def text(self, key: str) -> str | None:
        found = self._data.get(key)
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        if found is not None and not isinstance(found, str):
            raise UsageError(f"{self.at(key)} has to be a text.")
        return found or None

    def needed(self, key: str) -> str:
        found = self.text(key)
        if found is None:
            raise UsageError(f"{self.at(key)} is missing; give it a value.")
        return found

    def number(self, key: str, default: int) -> int:
        found = self._data.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= 3660:
            raise UsageError(f"{self.at(key)} has to be a whole number of days, 0 to 3660.")
        return found

    def word(self, key: str, words: Mapping[str, T], default: T) -> T:
        found = self.text(key)
        if found is None:
            return default
        known = words.get(found.strip().lower().replace(" ", "_").replace("-", "_"))
        if known is None:
            raise UsageError(f"{self.at(key)} is none of: {', '.join(words)}.")
        return known

    def day(self, key: str) -> date | None:
        return self._optional(key, date.fromisoformat, "a day such as 2025-03-01")

    def time(self, key: str) -> datetime | None:
        return self._optional(key, _aware, TIME_FORM)

    def needed_time(self, key: str) -> datetime:
        return self._parsed(key, self.needed(key), _aware, TIME_FORM)

    def zone(self, key: str) -> ZoneInfo | None:
        return self._optional(key, ZoneInfo, "an IANA time zone such as Europe/Berlin")

    def _optional(self, key: str, parse: Callable[[str], T], form: str) -> T | None:
        found = self.text(key)
        return None if found is None else self._parsed(key, found, parse, form)

    def _parsed(self, key: str, found: str, parse: Callable[[str], T], form: str) -> T:
        try:
            return parse(found)
        except (ValueError, OverflowError, LookupError, OSError):
            raise UsageError(f"{self.at(key)} has to be {form}.") from None


def _aware(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("no time zone")
    return when.astimezone(UTC)
