"""The connector: which collections of RT each stream walks, and in what pages."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec

from kpulse.sdk import (
    Connector,
    KeyPage,
    Mode,
    Page,
    Record,
    Rejected,
    Report,
    SourceChanged,
    Stream,
    Team,
    Window,
)
from kpulse.sdk.links import KnowledgeBase
from kpulse_connectors.request_tracker.articles import ArticleRow, read_article
from kpulse_connectors.request_tracker.check import CLASSES, QUEUES, examine
from kpulse_connectors.request_tracker.rows import (
    QueueRow,
    Row,
    TicketRow,
    TransactionRow,
    carry_links,
    merged_into,
    read_change,
    read_ticket,
    read_time,
)
from kpulse_connectors.request_tracker.settings import RequestTrackerSettings
from kpulse_connectors.request_tracker.walk import (
    PAGE_SIZE,
    Batch,
    Query,
    json_window,
    quoted,
    sql_window,
    walk,
    within,
)

R = TypeVar("R", bound=Row)
TICKET_FIELDS = "Status,Queue,Owner,Created,Resolved,LastUpdated,EffectiveId,_hyperlinks"
ARTICLE_FIELDS = "Name,Created,LastUpdated,Disabled,Creator,Class,CustomFields,_hyperlinks"
TRANSACTION_FIELDS = "Type,Field,OldValue,NewValue,Created,Creator,ObjectId"
LINKS = "(Field = 'RefersTo' OR Field = 'ReferredToBy')"
CHANGES = f"({LINKS} OR Field = 'Status' OR Field = 'MergedInto')"


class RequestTracker(Connector):
    """Request Tracker 5.

    Links made or taken away come with time and author from the feed of transactions, in both directions: a ticket that
    refers to an article used it, and one that an article refers to is where the article was extracted from. Links given when
    a ticket was opened are in no transaction: the ticket's own list shows them, and they count from its opening.
    A reference to the address of an article in another connected knowledge base is a link in the same way.
    """

    key = "request_tracker"
    title = "Request Tracker"
    summary = "Tickets, articles and their links from Request Tracker 5 (REST 2)."
    settings_type = RequestTrackerSettings
    streams: ClassVar[Sequence[Stream]] = (
        Stream(name="teams", mode=Mode.SNAPSHOT),
        Stream(name="articles", sweep=True, whole=True),
        Stream(name="changes"),
        Stream(name="tickets", sweep=True),
    )
    page_size: ClassVar[int] = PAGE_SIZE
    settings: RequestTrackerSettings
    knowledge_bases: Sequence[KnowledgeBase] = ()

    def auth(self) -> Mapping[str, str]:
        """RT's own header for tokens."""
        return {"Authorization": f"token {self.settings.token.get_secret_value()}"}

    def check(self) -> Report:
        """Version, account, clock, and what the account can see."""
        return examine(self.http, self.settings, self.clock(), self.knowledge_bases)

    def choices(self, name: str) -> Sequence[str]:
        """The names of the queues or article classes that the account can see."""
        query = {"queues": QUEUES, "article_class": CLASSES}.get(name)
        batches = walk(self.http, query) if query else iter(())
        return sorted(row.name for batch in batches for row in _rows(batch, QueueRow, [], name) if _usable(row))

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        """See `Connector.fetch`; the cursor is the last id and how many rows came before it."""
        pages = {"teams": self._teams, "articles": self._articles, "changes": self._changes, "tickets": self._tickets}
        position = cursor or {"after": 0, "seen": 0}
        query, convert = pages[stream](window)
        seen = int(position["seen"])
        for batch in walk(self.http, query, int(position["after"]), self.page_size):
            rejected: list[Rejected] = []
            records = convert(batch, rejected)
            if len(rejected) == len(batch.rows):
                raise SourceChanged(f"RT sends {stream} that cannot be read: {rejected[0].reason}.")
            total = None if batch.remaining is None else seen + batch.remaining
            seen += len(batch.rows)
            yield Page(records=records, cursor={"after": batch.last, "seen": seen}, total=total, rejected=rejected)

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        """All tickets, merged ones included, or all articles, disabled ones included."""
        query = self._tickets(Window())[0] if stream == "tickets" else Query(path="articles", fields="id")
        query = Query(path=query.path, fields="id", sql=query.sql)
        for batch in walk(self.http, query, size=self.page_size):
            yield KeyPage(what=stream.removesuffix("s"), keys=[str(key) for key, _ in batch.rows])

    def _teams(self, window: Window) -> "_Reading":
        def convert(batch: Batch, rejected: list[Rejected]) -> list[Record]:
            rows = _rows(batch, QueueRow, rejected, "queue")
            return [Team(key=row.key, name=row.name) for row in rows if _usable(row) and self._wanted(row.name)]

        return QUEUES, convert

    def _wanted(self, queue: str) -> bool:
        return not self.settings.queues or queue.casefold() in {name.casefold() for name in self.settings.queues}

    def _tickets(self, window: Window) -> "_Reading":
        seen_at = self.clock()

        def read(row: TicketRow) -> list[Record]:
            return (
                read_ticket(row, self.settings, seen_at, self.knowledge_bases) if _in(window, row.last_updated) else []
            )

        # naming EffectiveId makes RT list merged tickets too, which it leaves out otherwise
        sql = f"EffectiveId > 0{self._scope('Queue')}{sql_window('LastUpdated', window)}"
        query = Query(path="tickets", fields=TICKET_FIELDS, sql=sql)
        return query, lambda batch, rejected: _each(
            _rows(batch, TicketRow, rejected, "ticket"), read, rejected, "ticket"
        )

    def _changes(self, window: Window) -> "_Reading":
        def read(row: TransactionRow) -> list[Record]:
            return read_change(row, self.settings, self.knowledge_bases) if _in(window, row.created) else []

        def convert(batch: Batch, rejected: list[Rejected]) -> list[Record]:
            rows = _rows(batch, TransactionRow, rejected, "transaction")
            records = _each(rows, read, rejected, "transaction")
            return records + self._carried([row for row in rows if merged_into(row)], rejected)

        sql = f"ObjectType = 'RT::Ticket' AND {CHANGES}{self._scope('TicketQueue')}{sql_window('Created', window)}"
        return Query(path="transactions", fields=TRANSACTION_FIELDS, sql=sql), convert

    def _carried(self, merges: Sequence[TransactionRow], rejected: list[Rejected]) -> list[Record]:
        history = self._history("RT::Ticket", LINKS, merges, lambda row: str(row.object_id))

        def read(merge: TransactionRow) -> list[Record]:
            return [*carry_links(merge, history[str(merge.object_id)], self.knowledge_bases)]

        return _each(merges, read, rejected, "transaction")

    def _articles(self, window: Window) -> "_Reading":
        def convert(batch: Batch, rejected: list[Rejected]) -> list[Record]:
            rows = _rows(batch, ArticleRow, rejected, "article")
            wanted = [row for row in rows if self.settings.article_class in ("", row.class_name)]
            moves = "(Type = 'CustomField' OR Field = 'Disabled')"
            history = self._history("RT::Article", moves, wanted, lambda row: row.key)

            def read(row: ArticleRow) -> list[Record]:
                return [read_article(row, history[row.key], self.settings, self.settings.address)]

            return _each(wanted, read, rejected, "article")

        filters = json_window("LastUpdated", window)
        return Query(path="articles", fields=ARTICLE_FIELDS, filters=filters, expand=["Class"]), convert

    def _history(
        self, kind: str, condition: str, rows: Sequence[R], key: Callable[[R], str]
    ) -> Mapping[str, Sequence[TransactionRow]]:
        """The transactions of these objects in order, by object: one walk for all of them."""
        found: dict[str, list[TransactionRow]] = defaultdict(list)
        if rows:
            these = " OR ".join(f"ObjectId = {int(each)}" for each in sorted({key(row) for row in rows}, key=int))
            sql = f"ObjectType = '{kind}' AND ({these}) AND {condition}"
            query = Query(path="transactions", fields=TRANSACTION_FIELDS, sql=sql)
            for batch in walk(self.http, query, size=self.page_size):
                for row in _rows(batch, TransactionRow, [], "transaction"):
                    found[str(row.object_id)].append(row)
        return found

    def _scope(self, field: str) -> str:
        names = " OR ".join(f"{field} = {quoted(name)}" for name in self.settings.queues)
        return f" AND ({names})" if names else ""


_Reading = tuple[Query, Callable[[Batch, list[Rejected]], list[Record]]]


def _rows(batch: Batch, type: type[R], rejected: list[Rejected], what: str) -> list[R]:
    rows = []
    for key, raw in batch.rows:
        try:
            rows.append(msgspec.json.decode(raw, type=type))
        except msgspec.ValidationError as error:
            rejected.append(Rejected(position=f"{what} {key}", reason=str(error)))
    return rows


def _each(rows: Sequence[R], read: Callable[[R], list[Record]], rejected: list[Rejected], what: str) -> list[Record]:
    records: list[Record] = []
    for row in rows:
        try:
            records += read(row)
        except ValueError as error:
            rejected.append(Rejected(position=f"{what} {row.key}", reason=str(error)))
    return records


def _in(window: Window, text: str) -> bool:
    when = read_time(text)
    return when is None or within(window, when)


def _usable(row: QueueRow) -> bool:
    """RT marks its own internal queues with the value 2."""
    return str(row.disabled) != "2"
