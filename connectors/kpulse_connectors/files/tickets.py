"""A row of the tickets file becomes a ticket and the links it shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from kpulse.sdk import Evidence, LinkEvent, LinksSeen, Op, Record, Status, StatusChange, Ticket

from .cells import cell_reader, read_time, split_ids
from .columns import ABSENT, TICKETS, locate
from .settings import FilesSettings
from .states import Meaning, find_meaning, fold, read_ticket_states
from .table import BadRow, Table
from .times import time_reader

NO = frozenset(("false", "no", "0", "nein", "falsch"))
YES = frozenset(("true", "yes", "1", "ja", "wahr"))
BY_TIMES = Meaning()


class TicketRows:
    """Reads the rows of one tickets file; ``unknown`` counts states that nobody gave a meaning."""

    def __init__(self, settings: FilesSettings, table: Table) -> None:
        self.places: Mapping[str, int] = locate(settings, TICKETS, table.header, table.name)
        self.unknown: dict[str, int] = Counter()
        self._source = table.source
        self._names = {setting: repr(table.header[place]) for setting, place in self.places.items()}
        self._cells = cell_reader(settings, self.places)
        self._time = time_reader(settings)
        self._states = read_ticket_states(settings.states)
        self._known: dict[str, Meaning | None] = {}
        self._log = settings.rows != "one per ticket"
        self._sole = not settings.links_file
        self._says_yes = frozenset(word.strip().casefold() for word in settings.knowledge_yes.split(","))
        self._shows_articles = self.places["article_column"] != ABSENT
        self._shows_flag = self.places["knowledge_column"] != ABSENT
        self._shows_time = self.places["linked_column"] != ABSENT

    def key_of(self, row: list[str]) -> str | None:
        """The row's id, None where it has none."""
        return self._cells(row)[0]

    def __call__(self, row: list[str], number: int) -> tuple[str, Sequence[Record]]:
        """The ticket's id and its records; BadRow where the row makes no sense."""
        cells = self._cells(row)
        (key, opened, resolved, closed, state, team, owner, category, priority, intake) = cells[:10]
        exclude, merged_into, reopened, articles, linked_at, knowledge = cells[10:]
        if key is None:
            raise BadRow(f"{self._names['id_column']} is empty.")
        meaning = self._meaning(state)
        resolved_at = self._read(resolved, "resolved_column")
        closed_at = self._read(closed, "closed_column")
        status = meaning.status or _status_by(resolved_at, closed_at)
        is_closed = status is Status.RESOLVED or status is Status.CLOSED
        ticket = Ticket(
            key=key,
            version=self._source.version(number),
            opened_at=self._opened(opened),
            changes=_changes(resolved_at, closed_at) if is_closed else (),
            status=status,
            source_status=state or "",
            resolved_at=resolved_at if is_closed else None,
            team=team,
            owner=owner,
            category=category,
            priority=priority,
            intake=intake,
            exclude=_reason(exclude) or meaning.exclude,
            merged_into=merged_into if merged_into != key else None,
            reopened=self._count(reopened),
        )
        return key, (ticket, *self._links(key, articles, linked_at, knowledge, number))

    def _links(
        self, key: str, cell: str | None, time: str | None, knowledge: str | None, number: int
    ) -> Sequence[Record]:
        if not (self._shows_articles or self._shows_flag):
            return ()
        articles: tuple[str | None, ...] = split_ids(cell)
        if not articles and knowledge is not None and knowledge.casefold() in self._says_yes:
            articles = (None,)
        at = self._read(time, "linked_column")
        # An empty cell takes back links of the kind that this file shows.
        timed = at is not None if articles else self._shows_time
        seen = LinksSeen(
            ticket=key,
            articles=articles,
            seen_at=self._source.seen_at(number if self._log else 0),
            assumed_at=at if articles else None,
            complete=self._sole,
            evidence=Evidence.RECORDED if timed else Evidence.UNTIMED,
        )
        return (*(LinkEvent(op=Op.ADD, ticket=key, article=each, at=at) for each in articles if at), seen)

    def _meaning(self, state: str | None) -> Meaning:
        if state is None:
            return BY_TIMES
        if state not in self._known:
            self._known[state] = find_meaning(state, self._states)
        meaning = self._known[state]
        if meaning is None:
            self.unknown[state] += 1
            return BY_TIMES
        return meaning

    def _opened(self, cell: str | None) -> datetime:
        opened = self._read(cell, "opened_column")
        if opened is None:
            raise BadRow(f"{self._names['opened_column']} is empty.")
        return opened

    def _read(self, cell: str | None, setting: str) -> datetime | None:
        return None if cell is None else read_time(self._time, cell, self._names[setting])

    def _count(self, cell: str | None) -> int | None:
        try:
            return None if cell is None else int(float(cell))
        except (ValueError, OverflowError):
            raise BadRow(f"{self._names['reopened_column']} is not a number.") from None


def _status_by(resolved_at: datetime | None, closed_at: datetime | None) -> Status:
    if closed_at:
        return Status.CLOSED
    return Status.RESOLVED if resolved_at else Status.OPEN


def _changes(resolved_at: datetime | None, closed_at: datetime | None) -> tuple[StatusChange, ...]:
    resolved = (StatusChange(at=resolved_at, to=Status.RESOLVED),) if resolved_at else ()
    closed = (StatusChange(at=closed_at, to=Status.CLOSED),) if closed_at else ()
    if resolved_at and closed_at and closed_at < resolved_at:
        return (*closed, *resolved)
    return (*resolved, *closed)


def _reason(cell: str | None) -> str | None:
    plain = fold(cell or "")
    if not plain or plain in NO:
        return None
    return "excluded" if plain in YES else cell
