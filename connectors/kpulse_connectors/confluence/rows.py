"""The parts that are read of Confluence's answers, and what a page of either edition says as records."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from kpulse.sdk import Article, ArticleAlias, ArticleEvent, ArticleState, Record, to_instant
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


class Version(msgspec.Struct, gc=False):
    created: str = msgspec.field(name="createdAt")
    number: int = 1
    author: str | None = msgspec.field(default=None, name="authorId")


class CloudPage(msgspec.Struct):
    id: str
    status: str
    version: Version
    created: str = msgspec.field(name="createdAt")
    title: str = ""
    space: str = msgspec.field(default="", name="spaceId")
    author: str | None = msgspec.field(default=None, name="authorId")
    links: Links = msgspec.field(default_factory=Links, name="_links")


class Person(msgspec.Struct, gc=False):
    key: str = msgspec.field(default="", name="userKey")
    name: str = msgspec.field(default="", name="username")

    @property
    def id(self) -> str | None:
        return self.key or self.name or None


class ServerVersion(msgspec.Struct, gc=False):
    when: str
    number: int = 1
    by: Person | None = None


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
        changed=page.version.when,
        number=page.version.number,
        changed_by=page.version.by.id if page.version.by else None,
        webui=page.links.webui,
    )


def read_state(status: str, labels: Sequence[str], meanings: Mapping[str, ArticleState], usual: str) -> ArticleState:
    """The KCS state of a page by its status and labels."""
    if status == "draft":
        return ArticleState.WIP
    if status != "current":
        return ArticleState.ARCHIVED
    said = {label.lower() for label in labels}
    return next((state for label, state in meanings.items() if label in said), ArticleState(usual))


def read_page(page: PageFacts, state: ArticleState, site: str) -> Sequence[Record]:
    """The article that a page is, its name in addresses by title, and its latest edit; ValueError for odd times."""
    created, changed = instant(page.created), instant(page.changed)
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
    alias = (
        [ArticleAlias(article=page.id, alias=name_page(page.space, page.title))] if page.space and page.title else []
    )
    return [
        article,
        *alias,
        *([read_edit(page.id, page.changed, page.number, page.changed_by)] if page.number > 1 else []),
    ]


def read_edit(page: str, at: str, number: int, by: str | None) -> ArticleEvent:
    """The edit that made version ``number`` of a page."""
    return ArticleEvent(article=page, what="edited", at=instant(at), by=by, event_id=f"{page} {number}")
