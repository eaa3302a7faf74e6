"""The parts that are read of Confluence's answers, and what a page of either edition says as records."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from kpulse.sdk import Article, ArticleAlias, ArticleEvent, ArticleState, Record, Rejected, to_instant
from kpulse_connectors.atlassian import instant, name_page

T = TypeVar("T")


class Links(msgspec.Struct, gc=False):
    next: str = ""
    webui: str = ""


class Listed(msgspec.Struct, Generic[T]):
    """A page of a list; Cloud goes on by the cursor in ``links.next``, Data Center by ``start``."""

    results: list[T]
    links: Links = msgspec.field(default_factory=Links, name="_links")
    start: int = 0


class Person(msgspec.Struct, gc=False):
    key: str = msgspec.field(default="", name="userKey")
    name: str = msgspec.field(default="", name="username")

    @property
    def id(self) -> str | None:
        return self.key or self.name or None


class Version(msgspec.Struct, gc=False):
    created: str = msgspec.field(name="createdAt")
    number: int = 1
    author: str | None = msgspec.field(default=None, name="authorId")


class ServerVersion(msgspec.Struct, gc=False):
    created: str = msgspec.field(default="", name="when")
    number: int = 1
    by: Person | None = None

    @property
    def author(self) -> str | None:
        return self.by.id if self.by else None


class CloudPage(msgspec.Struct):
    id: str
    status: str
    version: Version
    created: str = msgspec.field(name="createdAt")
    title: str = ""
    space: str = msgspec.field(default="", name="spaceId")
    author: str | None = msgspec.field(default=None, name="authorId")
    links: Links = msgspec.field(default_factory=Links, name="_links")


class Created(msgspec.Struct, gc=False):
    at: str = msgspec.field(name="createdDate")
    by: Person | None = msgspec.field(default=None, name="createdBy")


class Space(msgspec.Struct, gc=False):
    key: str
    id: str | int = ""
    name: str = ""


class Label(msgspec.Struct, gc=False):
    name: str
    id: str = ""


class Labels(msgspec.Struct):
    results: list[Label] = []


class Metadata(msgspec.Struct):
    labels: Labels = msgspec.field(default_factory=Labels)


class ServerPage(msgspec.Struct):
    id: str
    status: str
    version: ServerVersion
    history: Created
    title: str = ""
    type: str = "page"
    space: Space | None = None
    metadata: Metadata = msgspec.field(default_factory=Metadata)
    links: Links = msgspec.field(default_factory=Links, name="_links")


class Key(msgspec.Struct, gc=False):
    id: str


P = TypeVar("P", CloudPage, ServerPage)


class PageFacts(msgspec.Struct, kw_only=True):
    """What a page of either edition tells."""

    id: str
    status: str
    title: str
    space: str
    created: str
    author: str | None
    changed: str
    number: int
    changed_by: str | None
    webui: str


def facts_of_cloud(page: CloudPage, spaces: Mapping[str, str]) -> PageFacts:
    """The facts of a page of Cloud; ``spaces`` are the keys of spaces by their ids."""
    return PageFacts(
        id=page.id,
        status=page.status,
        title=page.title,
        space=spaces.get(page.space, ""),
        created=page.created,
        author=page.author,
        changed=page.version.created,
        number=page.version.number,
        changed_by=page.version.author,
        webui=page.links.webui,
    )


def facts_of_server(page: ServerPage) -> PageFacts:
    """The facts of a page of Data Center."""
    return PageFacts(
        id=page.id,
        status=page.status,
        title=page.title,
        space=page.space.key if page.space else "",
        created=page.history.at,
        author=page.history.by.id if page.history.by else None,
        changed=page.version.created,
        number=page.version.number,
        changed_by=page.version.author,
        webui=page.links.webui,
    )


def read_state(status: str, labels: Sequence[str], meanings: Mapping[str, ArticleState], usual: str) -> ArticleState:
    """The KCS state of a page by its status and labels."""
    if status == "draft":
        return ArticleState.WIP
    if status in ("archived", "trashed", "deleted"):
        return ArticleState.ARCHIVED
    said = {label.lower() for label in labels}
    return next((state for label, state in meanings.items() if label in said), ArticleState(usual))


def read_page(page: PageFacts, state: ArticleState, site: str) -> Sequence[Record]:
    """The article that a page is, its name in addresses by title, and its latest edit; ValueError for odd times."""
    created, changed = instant(page.created), instant(page.changed or page.created)
    article = Article(
        key=page.id,
        version=to_instant(changed),
        created_at=created,
        title=page.title,
        url=f"{site}{page.webui}" if page.webui else "",
        state=state,
        source_state=page.status,
        # Confluence does not tell when a page was archived; since its last edit is the earliest that is possible.
        archived_at=max(created, changed) if state is ArticleState.ARCHIVED else None,
        first_published_at=None if page.status == "draft" else created,
        author=page.author,
        category=page.space or None,
    )
    named = bool(page.space and page.title)
    alias = [ArticleAlias(article=page.id, alias=name_page(page.space, page.title))] if named else []
    edits = [_edit(page.id, page.changed, page.number, page.changed_by)] if page.number > 1 and page.changed else []
    return [article, *alias, *edits]


def date_pages(pages: Sequence[P]) -> tuple[Sequence[tuple[P, datetime]], Sequence[Rejected]]:
    """Pages with the time of their last change, and those whose time cannot be read."""
    dated: list[tuple[P, datetime]] = []
    rejected: list[Rejected] = []
    for page in pages:
        try:
            dated.append((page, instant(page.version.created)))
        except ValueError as error:
            rejected.append(Rejected(position=f"page {page.id}", reason=str(error)))
    return dated, rejected


def read_edits(versions: Iterable[tuple[str, Version | ServerVersion]]) -> tuple[Sequence[Record], Sequence[Rejected]]:
    """The edits that made the versions of pages (each with the page's id), and those that cannot be read."""
    records: list[Record] = []
    rejected: list[Rejected] = []
    for page, version in versions:
        try:
            records.append(_edit(page, version.created, version.number, version.author))
        except ValueError as error:
            rejected.append(Rejected(position=f"page {page} version {version.number}", reason=str(error)))
    return records, rejected


def _edit(page: str, at: str, number: int, by: str | None) -> ArticleEvent:
    return ArticleEvent(article=page, what="edited", at=instant(at), by=by, event_id=f"{page} {number}")
