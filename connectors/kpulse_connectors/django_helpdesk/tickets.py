"""Tickets with their follow-ups, and the article links that agents write into them. No I/O."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from kpulse.sdk import (
    Evidence,
    LinkEvent,
    LinksSeen,
    Merged,
    Op,
    Record,
    Rejected,
    SourceChanged,
    Status,
    StatusChange,
    Ticket,
)
from kpulse.sdk.links import By, KnowledgeBase, Shape, find_links
from kpulse_connectors.django_helpdesk.settings import (
    CANCELLED,
    DUPLICATE,
    MEANINGS,
    DjangoHelpdeskSettings,
    read_pairs,
)

OPENED = 1
Id = Annotated[int, msgspec.Meta(ge=1)]
_MOVED = re.compile(r"\[[^\]]*#\d+\]")  # how a merge marks the follow-ups that it moves


class FollowUp(msgspec.Struct, kw_only=True):
    """What was said or done; without a user it came from the customer."""

    id: Id
    date: Annotated[datetime, msgspec.Meta(tz=True)]
    title: str = ""
    user: int | None = None
    comment: str | None = None
    new_status: int | None = None


class Key(msgspec.Struct):
    """What every ticket has."""

    id: Id


class Row(msgspec.Struct, kw_only=True):
    """A ticket as the API sends it; ``texts`` are its custom fields. The field
    ``resolution`` is the first wording of a comment and says nothing new."""

    id: Id
    queue: int
    status: int
    followup_set: list[FollowUp]
    assigned_to: int | None = None
    on_hold: bool = False
    priority: int | None = None
    merged_to: int | None = None
    texts: list[str] = []


class Tickets(msgspec.Struct):
    """A page of tickets; ``next`` is used only as a sign that there is one."""

    count: int
    results: list[msgspec.Raw]
    next: str | None = None


def own_articles(key: str, address: str) -> KnowledgeBase:
    """How addresses of articles of the help desk at ``address`` look."""
    parts = urlsplit(address)
    shape = Shape(By.ID, r"/kb/[-\w]+/?", "kbitem", r"\d+")
    return KnowledgeBase(key=key, hosts=frozenset([parts.hostname or ""]), shapes=(shape,), base=parts.path)


def read_ticket(
    row: Row, settings: DjangoHelpdeskSettings, bases: Sequence[KnowledgeBase], now: datetime
) -> Iterator[Record]:
    """The ticket and its links. A merge moves all follow-ups to the other ticket, so that only the merge is left to tell."""
    key, own = str(row.id), [each for each in row.followup_set if not _MOVED.match(each.title)]
    if not own:
        yield Merged(ticket=key, into=str(row.merged_to))
        return
    meaning = _meaning(row.status, settings)
    status = MEANINGS[meaning]
    yield Ticket(
        key=key,
        version=1,  # the API tells none: what was read last is true
        opened_at=own[0].date,
        changes=_changes(row, own, settings),
        status=Status.PENDING if row.on_hold and status is Status.OPEN else status,
        source_status=str(row.status),
        team=str(row.queue),
        owner=None if row.assigned_to is None else str(row.assigned_to),
        priority=None if row.priority is None else str(row.priority),
        exclude=meaning if meaning in (CANCELLED, DUPLICATE) and row.merged_to is None else None,
        merged_into=None if row.merged_to is None else str(row.merged_to),
    )
    yield from _links(row, own[0] if not settings.descriptions else None, bases, now)


def _links(row: Row, opening: FollowUp | None, bases: Sequence[KnowledgeBase], now: datetime) -> Iterator[Record]:
    """The links in what agents wrote, with their time, and those that stand in fields, of which no time is known."""
    standing = dict.fromkeys((one.kb, one.article) for text in row.texts for one in find_links(text, bases))
    for each in row.followup_set:
        if each.user is None or each is opening or not each.comment:
            continue
        for one in find_links(each.comment, bases):
            standing[one.kb, one.article] = None
            yield LinkEvent(
                op=Op.ADD,
                ticket=str(row.id),
                article=one.article,
                at=each.date,
                by=str(each.user),
                evidence=Evidence.TEXT,
                knowledge_base=one.kb,
            )
    for base in bases:
        shown = [article for kb, article in standing if kb == base.key]
        yield LinksSeen(
            ticket=str(row.id), articles=shown, seen_at=now, evidence=Evidence.TEXT, knowledge_base=base.key
        )


def _meaning(status: int, settings: DjangoHelpdeskSettings) -> str:
    return read_pairs(settings.statuses).get(str(status), Status.OPEN.value)


def _changes(row: Row, own: Sequence[FollowUp], settings: DjangoHelpdeskSettings) -> Sequence[StatusChange]:
    """The statuses in time. One that was set without a follow-up has no time; it counts from the last follow-up."""
    steps = [(own[0].date, OPENED)]
    steps += [(each.date, each.new_status) for each in own if each.new_status is not None]
    if steps[-1][1] != row.status:
        steps.append((own[-1].date, row.status))
    return [
        StatusChange(at=at, to=MEANINGS[_meaning(status, settings)], source_status=str(status)) for at, status in steps
    ]


def ids_of(found: Tickets) -> Sequence[int]:
    return [msgspec.json.decode(raw, type=Key).id for raw in found.results]


def decode(found: Tickets) -> tuple[Sequence[Row], Sequence[Rejected]]:
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for raw in found.results:
        try:
            fields = msgspec.json.decode(raw, type=dict[str, object])
            row = msgspec.convert(fields, Row)
            row.texts = [
                value for name, value in fields.items() if name.startswith("custom_") and isinstance(value, str)
            ]
            if not any(not _MOVED.match(each.title) for each in row.followup_set) and row.merged_to is None:
                raise msgspec.ValidationError("it has no follow-up, so nobody knows when it was opened")
            rows.append(row)
        except msgspec.ValidationError as error:
            rejected.append(Rejected(position=f"ticket {msgspec.json.decode(raw, type=Key).id}", reason=str(error)))
    if rejected and not rows:
        raise SourceChanged(f"django-helpdesk sends tickets that cannot be read: {rejected[0].reason}.")
    return rows, rejected
