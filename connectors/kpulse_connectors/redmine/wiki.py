"""Wiki pages as articles, and the links to them that people write into tickets. No I/O.

An article's key is ``project/page`` in lower case, as Redmine itself finds a page by title whatever its case.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from kpulse.sdk import Article, ArticleAlias, ArticleEvent, ArticleState, Record, to_instant
from kpulse.sdk.links import Found, KnowledgeBase, find_links, redmine

Id = Annotated[int, msgspec.Meta(ge=1)]


class Above(msgspec.Struct):
    """The project that a project belongs to."""

    id: Id


class Module(msgspec.Struct):
    """A module that a project has switched on."""

    name: str


class Project(msgspec.Struct):
    """A project; ``identifier`` never changes."""

    id: Id
    name: str
    identifier: str
    parent: Above | None = None
    enabled_modules: list[Module] = []

    @property
    def has_wiki(self) -> bool:
        """Whether it has a wiki."""
        return any(module.name == "wiki" for module in self.enabled_modules)


class Parent(msgspec.Struct):
    """The page that a page stands under."""

    title: str


class WikiPage(msgspec.Struct, kw_only=True):
    """A page as the index of a wiki lists it."""

    title: str
    version: int
    created_on: datetime
    updated_on: datetime
    parent: Parent | None = None


class WikiIndex(msgspec.Struct):
    """The answer of ``/projects/…/wiki/index.json``."""

    wiki_pages: list[WikiPage]


_CODE = re.compile(r"<pre>.*?</pre>|<code.*?</code>|^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_DROPPED = str.maketrans("", "", ",./?;|:")
_LISTS = frozenset(("index", "date_index", "export", "new"))


def page_name(title: str) -> str:
    """A page's title as it stands in addresses, in lower case: all spellings of a link to it give the same."""
    return re.sub(r"\s+", "_", title.strip()).translate(_DROPPED).casefold()


def article_key(identifier: str, title: str) -> str:
    """The key of a page of a project's wiki."""
    return f"{identifier}/{page_name(title)}"


def own_pages(key: str, address: str, project: str | None = None) -> KnowledgeBase:
    """How links to pages of the Redmine at ``address`` look, in texts of ``project`` also without the project's name."""
    parts = urlsplit(address)
    return redmine(key, [parts.hostname or ""], base=parts.path, project=project)


@dataclass(frozen=True)
class LinkFinder:
    """Finds the articles that a text points to, as pairs of a knowledge base ("" is this Redmine) and an article.

    ``wanted`` are the identifiers of the projects whose pages are articles, ``others`` the knowledge bases elsewhere.
    Code is left out like quoted mail and signatures.
    """

    address: str
    wanted: frozenset[str]
    others: Sequence[KnowledgeBase] = ()

    def find(self, text: str, identifier: str) -> Sequence[tuple[str, str]]:
        """What ``text`` in a ticket of the project ``identifier`` points to, each once."""
        bases = [own_pages("", self.address, identifier), *self.others]
        found = ((one.kb, self._named(one)) for one in find_links(_CODE.sub(" ", text), bases))
        return list(dict.fromkeys((base, article) for base, article in found if article))

    def _named(self, found: Found) -> str | None:
        if found.kb:
            return found.article
        project, _, page = found.article.partition("/")
        known = project in self.wanted and page_name(page) not in ("", *_LISTS)
        return article_key(project, page) if known else None


def read_page(page: WikiPage, project: Project, address: str, states: Mapping[str, ArticleState]) -> Iterator[Record]:
    """The article and its last edit. ``states`` are the meanings of the pages that others stand under; since when a page
    stands there Redmine does not tell."""
    key = article_key(project.identifier, page.title)
    parent = page.parent.title if page.parent else ""
    title = page.title.replace("_", " ")
    yield Article(
        key=key,
        version=to_instant(page.updated_on),
        created_at=page.created_on,
        title=title,
        url=f"{address}/projects/{project.identifier}/wiki/{page.title}",
        state=states.get(page_name(parent), ArticleState.NOT_VALIDATED),
        source_state=parent,
        category=project.name,
    )
    yield ArticleAlias(article=key, alias=f"{project.identifier}/{title}")
    if page.version > 1:
        yield ArticleEvent(article=key, what="edited", at=page.updated_on, event_id=f"{key}@{page.version}")
