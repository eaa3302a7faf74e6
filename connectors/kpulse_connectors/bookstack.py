"""BookStack as a knowledge base: pages as articles, tags as their states."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from pydantic import BeforeValidator, field_validator

from kpulse.sdk import (
    Answer,
    Article,
    ArticleAlias,
    ArticleEvent,
    ArticleState,
    Ask,
    Budget,
    Connector,
    Finding,
    HttpPolicy,
    HttpSettings,
    KeyPage,
    Level,
    Page,
    Record,
    Rejected,
    Report,
    SecretStr,
    SourceChanged,
    Stream,
    Window,
    setting,
    to_instant,
)
from kpulse.sdk.links import KnowledgeBase, bookstack

# A filter is compared with times in the zone that the server was set up with, which it does not tell.
FURTHEST_WEST, FURTHEST_EAST = timedelta(hours=13), timedelta(hours=15)
CAUTIOUS = (ArticleState.ARCHIVED, ArticleState.WIP, ArticleState.NOT_VALIDATED, ArticleState.VALIDATED)


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return [part.strip() for part in parts if part.strip()] if isinstance(parts, list) else parts


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


def plain(name: str) -> str:
    """A name without case, blanks and signs, to compare it."""
    return re.sub(r"[\W_]+", "", name).casefold()


class BookStackSettings(HttpSettings):
    """Lists are given as lists or as text with commas; tags are compared without case, blanks and signs."""

    token_id: str = setting(
        "Token id", "Of an API token, made in BookStack in the account's own settings.", min_length=1
    )
    token: SecretStr = setting("Token secret", "The secret that was shown with the token.", min_length=1)
    books: Names = setting(
        "Books",
        "The books whose pages are articles, by the name in their address; empty means all that the account can see.",
        step="scope",
        default=(),
        choices=True,
    )
    state_tag: str = setting(
        "State tag",
        "The tag whose value is a page's state; empty takes any tag that names one.",
        step="map",
        default="",
    )
    states: Names = setting(
        "States",
        "What a tag says of a page: wip, not_validated, validated or archived. Pages without one are not validated.",
        step="map",
        default=("WIP=wip", "Not validated=not_validated", "Validated=validated", "Archived=archived"),
    )
    page_size: int = setting("Rows per page", "BookStack gives 500 at most.", default=100, advanced=True, ge=1, le=500)
    per_minute: int = setting(
        "Requests a minute", "As many as the server allows (API_REQUESTS_PER_MIN).", default=180, advanced=True, ge=1
    )

    @field_validator("states")
    @classmethod
    def _states(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            if pair.partition("=")[2].strip() not in set(ArticleState):
                raise ValueError(f"Write {pair} as tag=state; states are {', '.join(ArticleState)}.")
        return value

    def policy(self) -> HttpPolicy:
        """Every page is asked for by itself, so that the server's limit is what the first reading waits for."""
        return replace(super().policy(), budgets=(Budget(requests=self.per_minute, seconds=60.0),))

    def state_of(self, tags: Sequence["Tag"]) -> tuple[ArticleState | None, str]:
        """The state that ``tags`` give a page and the word that says so; the one that promises least goes first."""
        pairs = (pair.rpartition("=") for pair in self.states)
        meanings = {plain(name): ArticleState(state.strip()) for name, _, state in pairs}
        asked = [tag for tag in tags if not self.state_tag or plain(tag.name) == plain(self.state_tag)]
        found = {
            meanings[plain(word)]: word for tag in asked for word in (tag.name, tag.value) if plain(word) in meanings
        }
        return next(((state, found[state]) for state in CAUTIOUS if state in found), (None, ""))


class Tag(msgspec.Struct):
    """A tag; its value may be empty."""

    name: str = ""
    value: str = ""


class User(msgspec.Struct):
    """Who did something."""

    id: int


class Row(msgspec.Struct):
    """A page in a list."""

    id: int
    updated_at: str
    draft: bool = False
    template: bool = False
    book_slug: str = ""


class PageRow(Row, kw_only=True):
    """A page by itself, which alone shows its tags."""

    name: str
    slug: str
    created_at: str
    created_by: User | int | None = None
    updated_by: User | int | None = None
    revision_count: int = 0
    tags: list[Tag] = []


class Book(msgspec.Struct):
    """A book in a list."""

    id: int
    slug: str


class Rows(msgspec.Struct):
    """A list of pages."""

    data: list[Row]
    total: int = 0


class Books(msgspec.Struct):
    """A list of books."""

    data: list[Book]
    total: int = 0


class BookStack(Connector):
    """Pages are articles; their key is the id, which survives every rename. Lists are walked by id, so that pages which
    change meanwhile shift nothing."""

    key = "bookstack"
    title = "BookStack"
    summary = "Pages of a BookStack as articles; tags are their states."
    settings_type = BookStackSettings
    streams: ClassVar[Sequence[Stream]] = (Stream(name="articles", sweep=True, whole=True),)
    settings: BookStackSettings

    def auth(self) -> Mapping[str, str]:
        """BookStack's own header for tokens."""
        return {"Authorization": f"Token {self.settings.token_id}:{self.settings.token.get_secret_value()}"}

    def knowledge_base(self) -> KnowledgeBase:
        """How addresses of pages look here."""
        parts = urlsplit(self.settings.address)
        return bookstack(self.key, [parts.hostname or ""], base=parts.path)

    def choices(self, name: str) -> Sequence[str]:
        """The names that books have in addresses."""
        return sorted(self._books()) if name == "books" else ()

    def check(self) -> Report:
        """What the account can see, and whether any page says its state."""
        answer = self._ask(0, Window())
        missing = set(self.settings.books) - self._books() if self.settings.books else set()
        sample = list(self._read(self._wanted(answer.body.data)[:20]))
        stated = sum(self.settings.state_of(row.tags)[0] is not None for row in sample)
        seen = f"The account can read {answer.body.total} pages."
        findings = [
            _finding(
                "books",
                "All books that are named were found.",
                missing and f"No book is named {_listed(missing)}; check the names.",
                Level.FAIL,
            ),
            _finding("articles", seen, not sample and "The account sees no page; let it view the books."),
            _finding(
                "states",
                f"Of the first {len(sample)} pages {stated} have a tag that is a state.",
                not stated and "No tag of the first pages is a state; name the tags that are.",
            ),
        ]
        return Report(findings=findings, counts={"articles": answer.body.total})

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        """See `Connector.fetch`; the cursor is the last id."""
        seen = 0
        for listed, total in self._walk(window, int(cursor or 0)):
            records: list[Record] = []
            rejected: list[Rejected] = []
            changed = [row for row in self._wanted(listed) if _within(window, row.updated_at)]
            for row in self._read(changed):
                try:
                    records += self._records(row)
                except ValueError as error:
                    rejected.append(Rejected(position=f"page {row.id}", reason=str(error)))
            yield Page(records=records, cursor=listed[-1].id, total=seen + total, rejected=rejected)
            seen += len(listed)

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        """The ids of all pages; what lies in the recycle bin is not among them."""
        for listed, _ in self._walk(Window(), 0):
            yield KeyPage(what="article", keys=[str(row.id) for row in self._wanted(listed)])

    def _walk(self, window: Window, after: int) -> Iterator[tuple[Sequence[Row], int]]:
        """The pages behind ``after`` by id, and how many there are from there on."""
        while True:
            body = self._ask(after, window).body
            if not body.data:
                return
            ids = [after, *(row.id for row in body.data)]
            if ids != sorted(set(ids)):
                raise SourceChanged("BookStack ignores the filter by id; a newer version of it is needed.")
            yield body.data, body.total
            after = ids[-1]

    def _ask(self, after: int, window: Window) -> Answer[Rows]:
        params: dict[str, str | int] = {"count": self.settings.page_size, "sort": "+id", "filter[id:gt]": after}
        if window.since is not None:
            params["filter[updated_at:gte]"] = f"{window.since - FURTHEST_WEST:%Y-%m-%d %H:%M:%S}"
        if window.until is not None:
            params["filter[updated_at:lte]"] = f"{window.until + FURTHEST_EAST:%Y-%m-%d %H:%M:%S}"
        return self.http.get("api/pages", Rows, params)

    def _books(self) -> set[str]:
        found: set[str] = set()
        for ask in range(0, 1_000_000, 500):
            body = self.http.get("api/books", Books, {"count": 500, "offset": ask, "sort": "+id"}).body
            found |= {book.slug for book in body.data}
            if ask + len(body.data) >= body.total or not body.data:
                break
        return found

    def _wanted(self, rows: Sequence[Row]) -> Sequence[Row]:
        books = set(self.settings.books)
        return [row for row in rows if not row.draft and not row.template and (not books or row.book_slug in books)]

    def _read(self, rows: Sequence[Row]) -> Iterator[PageRow]:
        """The pages by themselves; one that was deleted meanwhile is left out."""
        for row, answer in zip(
            rows, self.http.map([Ask(f"api/pages/{row.id}") for row in rows], PageRow, absent_ok=True), strict=True
        ):
            if answer is not None:
                answer.body.book_slug = answer.body.book_slug or row.book_slug
                yield answer.body

    def _records(self, row: PageRow) -> Iterator[Record]:
        updated, (state, source) = _time(row.updated_at), self.settings.state_of(row.tags)
        yield Article(
            key=str(row.id),
            version=to_instant(updated),
            created_at=_time(row.created_at),
            title=row.name,
            url=f"{self.settings.address}/link/{row.id}",
            state=state or ArticleState.NOT_VALIDATED,
            source_state=source,
            archived_at=updated if state is ArticleState.ARCHIVED else None,
            author=_person(row.created_by),
            category=row.book_slug or None,
        )
        if row.book_slug:
            yield ArticleAlias(article=str(row.id), alias=f"{row.book_slug}/{row.slug}")
        if row.revision_count > 1:
            event = f"{row.id}-{row.revision_count}"
            by = _person(row.updated_by)
            yield ArticleEvent(article=str(row.id), what="edited", at=updated, by=by, event_id=event)


def _finding(subject: str, good: str, trouble: object, level: Level = Level.WARN) -> Finding:
    """``good``, or ``trouble`` where that says something."""
    return Finding(level=level if trouble else Level.OK, subject=subject, message=str(trouble) if trouble else good)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _person(who: User | int | None) -> str | None:
    return str(who.id if isinstance(who, User) else who) if who else None


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("A time has no zone.")
    return when.astimezone(UTC)


def _within(window: Window, text: str) -> bool:
    try:
        when = _time(text)
    except ValueError:
        return True
    return (window.since is None or window.since <= when) and (window.until is None or when < window.until)
