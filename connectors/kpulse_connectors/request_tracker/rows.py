"""The rows that RT sends, and what each of them says as records. No I/O.

Unset times are served as 1970, unset owners as the account ``Nobody``; ids come as numbers or as text.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from kpulse.sdk import (
    Gone,
    LinkEvent,
    LinksSeen,
    Merged,
    Op,
    Record,
    Status,
    StatusEvent,
    Ticket,
    to_instant,
)
from kpulse.sdk.links import KnowledgeBase, read_address
from kpulse_connectors.request_tracker.settings import RequestTrackerSettings

DELETED = "deleted"
NOBODY = "Nobody"
_ARTICLE = re.compile(r"^fsck\.com-article://[^/]*/article/(\d+)$")
_TICKET = re.compile(r"^fsck\.com-rt://[^/]*/ticket/(\d+)$")
_LINK_OPS = {"AddLink": Op.ADD, "DeleteLink": Op.REMOVE}
_LINK_FIELDS = ("RefersTo", "ReferredToBy")  # an article that was used, and one that was extracted from the ticket


class Ref(msgspec.Struct):
    """A pointer to another object; ``Name`` only where it was asked for."""

    id: str | int = ""
    name: str = msgspec.field(name="Name", default="")


class Hyperlink(msgspec.Struct):
    """One entry of ``_hyperlinks``: links to tickets, articles, history, custom fields."""

    ref: str = ""
    type: str = ""
    id: str | int = ""
    url: str = msgspec.field(name="_url", default="")


class Row(msgspec.Struct, rename="pascal", kw_only=True):
    """What every row has."""

    id: str | int = msgspec.field(name="id")

    @property
    def key(self) -> str:
        return str(self.id)


class QueueRow(Row, kw_only=True):
    """A queue or a class."""

    name: str
    disabled: str | int = "0"


class TicketRow(Row, kw_only=True):
    """A ticket; ``effective_id`` is another ticket's when this one was merged into it."""

    status: str
    queue: Ref
    owner: Ref | str | None
    created: str
    resolved: str
    last_updated: str
    effective_id: str | int | Ref
    hyperlinks: list[Hyperlink] = msgspec.field(name="_hyperlinks")


class TransactionRow(Row, kw_only=True):
    """Something that happened to a ticket or an article."""

    type: str
    field: str
    old_value: str | int | None
    new_value: str | int | None
    created: str
    creator: Ref | str | None
    object_id: str | int


def read_time(text: str) -> datetime | None:
    """The aware UTC time that RT wrote, None where it is unset; ValueError where it is no time."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a time is not in ISO form") from None
    if when.tzinfo is None:
        raise ValueError("a time has no zone")
    return when.astimezone(UTC) if when.year > 1970 else None


def required_time(text: str, field: str) -> datetime:
    """As `read_time`, but a row without this time cannot be used."""
    when = read_time(text)
    if when is None:
        raise ValueError(f"{field} is not set")
    return when


def person(who: Ref | str | None) -> str | None:
    """An account's name, None for nobody."""
    name = str(who.id) if isinstance(who, Ref) else who
    return None if name in (None, "", NOBODY) else name


def linked(row_links: Sequence[Hyperlink], kind: str) -> list[str]:
    """The keys of the ``kind`` (``article`` or ``ticket``) that an object refers to."""
    return sorted({str(link.id) for link in row_links if link.ref == "refers-to" and link.type == kind}, key=int)


def linked_outside(row_links: Sequence[Hyperlink], bases: Sequence[KnowledgeBase]) -> Mapping[str, Sequence[str]]:
    """The articles of other knowledge bases that an object refers to by their addresses, by knowledge base."""
    found = (read_address(link.url, bases) for link in row_links if link.ref == "refers-to" and link.type == "external")
    outside: dict[str, list[str]] = defaultdict(list)
    for base, article, _ in filter(None, found):
        outside[base.key].append(article)
    return outside


def read_ticket(
    row: TicketRow, settings: RequestTrackerSettings, seen_at: datetime, bases: Sequence[KnowledgeBase] = ()
) -> list[Record]:
    """The ticket, and the articles it shows: a link given when the ticket was opened has no event of its own."""
    opened_at, status = required_time(row.created, "Created"), settings.status_of(row.status)
    closed = status in (Status.RESOLVED, Status.CLOSED)
    survivor = str(row.effective_id.id if isinstance(row.effective_id, Ref) else row.effective_id)
    ticket = Ticket(
        key=row.key,
        version=to_instant(required_time(row.last_updated, "LastUpdated")),
        opened_at=opened_at,
        status=status,
        source_status=row.status,
        resolved_at=read_time(row.resolved) if closed else None,
        team=str(row.queue.id) or None,
        owner=person(row.owner),
        exclude=settings.exclude_of(row.status),
        merged_into=survivor if survivor != row.key else None,
    )
    shown = {"": linked(row.hyperlinks, "article"), **linked_outside(row.hyperlinks, bases)}
    view = LinksSeen(ticket=row.key, articles=(), seen_at=seen_at, assumed_at=opened_at, complete=False)
    views = [replace(view, articles=articles, knowledge_base=base) for base, articles in shown.items() if articles]
    return [ticket, *views]


def read_change(
    row: TransactionRow, settings: RequestTrackerSettings, bases: Sequence[KnowledgeBase] = ()
) -> list[Record]:
    """What a ticket's transaction says: a link made or taken away, a new status, a deletion or a merge."""
    at, ticket = required_time(row.created, "Created"), str(row.object_id)
    if row.field == "Status":
        word = str(row.new_value)
        if word == DELETED:  # one tick later, so that it is newer than the ticket as it was read in that second
            return [Gone(what="ticket", key=ticket, version=to_instant(at) + 1)]
        return [StatusEvent(ticket=ticket, at=at, to=settings.status_of(word), event_id=row.key, source_status=word)]
    if row.field == "MergedInto":
        survivor = merged_into(row)
        return [Merged(ticket=ticket, into=survivor)] if survivor else []
    link = read_link(row, bases)
    return [link] if link else []


def merged_into(row: TransactionRow) -> str | None:
    """The ticket that this one was merged into; the survivor gets the same transaction, about itself, which says None."""
    found = _TICKET.match(str(row.new_value)) if row.type == "AddLink" and row.field == "MergedInto" else None
    return found[1] if found and found[1] != str(row.object_id) else None


def read_link(row: TransactionRow, bases: Sequence[KnowledgeBase] = ()) -> LinkEvent | None:
    """The link to an article that was made or taken away, None for every other kind of link.

    The article is RT's own, or one of ``bases`` by its address.
    """
    op = _LINK_OPS.get(row.type) if row.field in _LINK_FIELDS else None
    target = _target(str(row.old_value if op is Op.REMOVE else row.new_value), bases)
    if op is None or target is None:
        return None
    return LinkEvent(
        op=op,
        ticket=str(row.object_id),
        article=target[1],
        at=required_time(row.created, "Created"),
        by=person(row.creator),
        event_id=row.key,
        knowledge_base=target[0],
    )


def _target(uri: str, bases: Sequence[KnowledgeBase]) -> tuple[str, str] | None:
    """The knowledge base ("" is RT) and the article that a link leads to, None where it leads elsewhere."""
    own = _ARTICLE.match(uri)
    found = None if own else read_address(uri, bases)
    return ("", own[1]) if own else (found[0].key, found[1]) if found else None


def carry_links(
    merge: TransactionRow, history: Iterable[TransactionRow], bases: Sequence[KnowledgeBase] = ()
) -> list[LinkEvent]:
    """The links of a merged ticket leave it and become the survivor's: RT moves them without a transaction.

    ``history`` is the merged ticket's link transactions in order. On the survivor a link keeps the time at which it was made.
    """
    survivor, active = merged_into(merge), dict[tuple[str, str | None], LinkEvent]()
    for row in history:
        before = int(row.id) < int(merge.id) and str(row.object_id) == str(merge.object_id)
        link = read_link(row, bases) if before else None
        if link and link.op is Op.ADD:
            active.setdefault((link.knowledge_base, link.article), link)
        elif link:
            active.pop((link.knowledge_base, link.article), None)
    moved = [(link, f"{link.event_id}-{survivor}") for link in active.values()] if survivor else []
    arrived = [replace(link, ticket=str(survivor), event_id=event_id) for link, event_id in moved]
    at, by = required_time(merge.created, "Created"), person(merge.creator)
    left = [replace(link, op=Op.REMOVE, at=at, by=by, event_id=f"{event_id}-left") for link, event_id in moved]
    return arrived + left
