"""django-helpdesk: tickets with their follow-ups over its REST API, and the article links that agents write into them.

The API tells neither when a ticket changed nor anything about articles. So all tickets are read every time, and articles
are known by the links to them: ``/kb/<category>/?kbitem=<id>``.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from kpulse.sdk import (
    Answer,
    Connector,
    Finding,
    KeyPage,
    Level,
    Mode,
    Page,
    Record,
    Report,
    SourceChanged,
    Stream,
    Team,
    TransientError,
    Window,
)
from kpulse.sdk.links import KnowledgeBase
from kpulse_connectors.django_helpdesk.settings import DjangoHelpdeskSettings as DjangoHelpdeskSettings
from kpulse_connectors.django_helpdesk.settings import read_pairs
from kpulse_connectors.django_helpdesk.tickets import Row, Tickets, decode, ids_of, own_articles, read_ticket

LARGEST_SKEW_SECONDS = 120
SAMPLE = 25


@dataclass(frozen=True)
class Place:
    """Where the walk stands: the next page of ``size`` tickets, how many came before it, and the last of them."""

    size: int
    page: int = 1
    seen: int = 0
    last: int = 0
    ended: bool = False


class DjangoHelpdesk(Connector):
    """django-helpdesk 2: reads every ticket each time, in as few pages as possible."""

    key = "django_helpdesk"
    title = "django-helpdesk"
    summary = "Tickets, and the article links that agents write into replies, comments and custom fields."
    settings_type = DjangoHelpdeskSettings
    settings: DjangoHelpdeskSettings
    streams: ClassVar[Sequence[Stream]] = (Stream(name="tickets", mode=Mode.SNAPSHOT, sweep=True),)

    def auth(self) -> Mapping[str, str]:
        token = self.settings.token.get_secret_value()
        if token:
            return {"Authorization": f"Token {token}"}
        pair = f"{self.settings.username}:{self.settings.password.get_secret_value()}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def knowledge_base(self) -> KnowledgeBase:
        """How addresses of this help desk's articles look."""
        return own_articles(self.key, self.settings.address)

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        bases = [own_articles("", self.settings.address), *getattr(self, "knowledge_bases", ())]
        for found, place in self._walk(Place(**cursor) if cursor else Place(self.settings.page_size)):
            rows, rejected = decode(found)
            wanted = [row for row in rows if self._wanted(row)]
            names = read_pairs(self.settings.queues)
            queues = dict.fromkeys(str(row.queue) for row in wanted)
            records: list[Record] = [Team(key=key, name=names.get(key, f"Queue {key}")) for key in queues]
            for row in wanted:
                records += read_ticket(row, self.settings, bases, self.clock())
            yield Page(records=records, cursor=asdict(place), total=found.count, rejected=rejected)

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        seen = count = 0
        for found, behind in self._walk(Place(self.settings.page_size)):
            seen, count = behind.seen, found.count
            elsewhere = {row.id for row in decode(found)[0] if not self._wanted(row)}
            yield KeyPage(what="ticket", keys=[str(key) for key in ids_of(found) if key not in elsewhere])
        if seen != count:
            raise TransientError("Tickets were deleted while they were listed; the next run lists them again.")

    def check(self) -> Report:
        first = self._page(1, SAMPLE)
        count = first.body.count
        newest = self._page(-(-count // SAMPLE), SAMPLE).body if count > SAMPLE else first.body
        rows = [*decode(first.body)[0], *decode(newest)[0]]
        findings = [_clock(first.clock_skew), *self._look(count, rows), _LINKS]
        return Report(findings=findings, identity=self.settings.username or None, counts={"tickets": count})

    def _look(self, count: int, rows: Sequence[Row]) -> Iterator[Finding]:
        if not count:
            message = "The account can read no ticket; give it access to the queues."
            yield Finding(level=Level.FAIL, subject="tickets", message=message)
            return
        yield Finding(level=Level.OK, subject="tickets", message=f"The account can read {count} tickets.")
        unnamed = sorted({row.queue for row in rows} - {int(key) for key in read_pairs(self.settings.queues)})
        if unnamed:
            message = f"Give the queues {', '.join(map(str, unnamed))} their names in the settings; the API has none."
            yield Finding(level=Level.WARN, subject="queues", message=message)
        unknown = sorted({str(row.status) for row in rows} - read_pairs(self.settings.statuses).keys())
        if unknown:
            message = f"The statuses {', '.join(unknown)} have no meaning in the settings and count as open."
            yield Finding(level=Level.WARN, subject="statuses", message=message)

    def _wanted(self, row: Row) -> bool:
        return not self.settings.only_named or str(row.queue) in read_pairs(self.settings.queues)

    def _walk(self, place: Place) -> Iterator[tuple[Tickets, Place]]:
        """The pages from ``place`` on, each with the place behind it."""
        while not place.ended:
            try:
                found = self._page(place.page, place.size, absent_ok=place.page > 1).body
            except LookupError:  # the last tickets were deleted meanwhile
                return
            ids = ids_of(found)
            if ids and ids[0] <= place.last:
                raise SourceChanged("django-helpdesk sends tickets in a circle: a page came a second time.")
            place = Place(
                size=place.size,
                page=place.page + 1,
                seen=place.seen + len(ids),
                last=ids[-1] if ids else place.last,
                ended=not found.next or not ids,
            )
            yield found, place

    def _page(self, page: int, size: int, *, absent_ok: bool = False) -> Answer[Tickets]:
        return self.http.get("api/tickets/", Tickets, {"page": page, "page_size": size}, absent_ok=absent_ok)


def _clock(skew: float | None) -> Finding:
    if skew is not None and abs(skew) > LARGEST_SKEW_SECONDS:
        message = f"The clock of django-helpdesk is {skew:+.0f} seconds off ours; set both by a time server."
        return Finding(level=Level.WARN, subject="clock", message=message)
    return Finding(level=Level.OK, subject="clock", message="The clocks agree, as far as they can be compared.")


_LINKS = Finding(
    level=Level.WARN,
    subject="links",
    message="django-helpdesk records no link that an agent makes, so choose wide evidence: addresses of articles in replies, "
    "comments and custom fields are counted. That a ticket was opened from an article is not reuse and not read.",
)
