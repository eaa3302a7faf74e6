"""Rows of the articles file and of the links file become records."""

from collections import Counter
from collections.abc import Mapping, Sequence

from kpulse.sdk import Article, ArticleState, Evidence, LinkEvent, LinksSeen, Op, Record

from .cells import cell_reader, read_time, split_ids
from .columns import ARTICLES, LINKS, locate
from .settings import FilesSettings
from .states import ARTICLE_STATES, fold, read_article_states
from .table import BadRow, Table
from .times import time_reader


class ArticleRows:
    """Reads the rows of one articles file; ``unknown`` counts states that nobody gave a meaning."""

    def __init__(self, settings: FilesSettings, table: Table) -> None:
        self.places: Mapping[str, int] = locate(settings, ARTICLES, table.header, table.name)
        self.unknown: dict[str, int] = Counter()
        self._source = table.source
        self._names = {setting: repr(table.header[place]) for setting, place in self.places.items()}
        self._cells = cell_reader(settings, self.places)
        self._time = time_reader(settings)
        self._states = {**ARTICLE_STATES, **read_article_states(settings.article_states)}

    def key_of(self, row: list[str]) -> str | None:
        """The row's id, None where it has none."""
        return self._cells(row)[0]

    def __call__(self, row: list[str], number: int) -> tuple[str, Sequence[Record]]:
        """The article's id and its record; BadRow where the row makes no sense."""
        key, created, title, state, archived, source_ticket = self._cells(row)
        if key is None:
            raise BadRow(f"{self._names['article_id_column']} is empty.")
        created_at = read_time(self._time, created, self._names["article_created_column"])
        if created_at is None:
            raise BadRow(f"{self._names['article_created_column']} is empty.")
        archived_at = read_time(self._time, archived, self._names["article_archived_column"])
        article = Article(
            key=key,
            version=self._source.version(number),
            created_at=created_at,
            title=title or "",
            state=ArticleState.ARCHIVED if archived_at else self._state(state),
            source_state=state or "",
            archived_at=archived_at,
            source_ticket=source_ticket,
        )
        return key, (article,)

    def _state(self, cell: str | None) -> ArticleState:
        known = self._states.get(fold(cell)) if cell else ArticleState.NOT_VALIDATED
        if known is None:
            self.unknown[cell or ""] += 1
        return known or ArticleState.NOT_VALIDATED


class LinkRows:
    """Reads the rows of one links file: a ticket, its articles, and where the file says so, the time."""

    def __init__(self, settings: FilesSettings, table: Table) -> None:
        self.places: Mapping[str, int] = locate(settings, LINKS, table.header, table.name)
        self.unknown: dict[str, int] = Counter()
        self._source = table.source
        self._names = {setting: repr(table.header[place]) for setting, place in self.places.items()}
        self._cells = cell_reader(settings, self.places)
        self._time = time_reader(settings)

    def key_of(self, row: list[str]) -> str | None:
        """The row's id, None where it has none."""
        return self._cells(row)[0]

    def __call__(self, row: list[str], number: int) -> tuple[str, Sequence[Record]]:
        """A key of the row's own and its links; BadRow where ticket or article is missing."""
        ticket, cell, time = self._cells(row)
        articles = split_ids(cell)
        if ticket is None or not articles:
            empty = "link_ticket_column" if ticket is None else "link_article_column"
            raise BadRow(f"{self._names[empty]} is empty.")
        at = read_time(self._time, time, self._names["link_time_column"])
        if at is not None:
            return str(number), [LinkEvent(op=Op.ADD, ticket=ticket, article=each, at=at) for each in articles]
        seen_at = self._source.seen_at()
        seen = LinksSeen(ticket=ticket, articles=articles, seen_at=seen_at, complete=False, evidence=Evidence.UNTIMED)
        return str(number), (seen,)
