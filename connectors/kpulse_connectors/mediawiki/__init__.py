"""MediaWiki as a knowledge base: pages, their edits, states by category, renames, redirects and deletions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from kpulse.sdk import (
    ArticleAlias,
    Connector,
    Gone,
    KeyPage,
    Page,
    Record,
    Rejected,
    Report,
    Signer,
    SourceChanged,
    Stream,
    Window,
)
from kpulse.sdk.links import KnowledgeBase
from kpulse_connectors.mediawiki.api import (
    BotPassword,
    Query,
    Revision,
    Row,
    Wiki,
)
from kpulse_connectors.mediawiki.check import examine, namespace_ids, namespace_names
from kpulse_connectors.mediawiki.names import find_pages, name_of, names_of, read_aliases
from kpulse_connectors.mediawiki.pages import (
    SECOND,
    categories_of,
    joined,
    order_of,
    read_page,
    read_time,
    whole_second,
)
from kpulse_connectors.mediawiki.settings import MediaWikiSettings as MediaWikiSettings

R = TypeVar("R")
TEXT = "ids|timestamp|user|sha1"


class MediaWiki(Connector):
    """Pages of chosen namespaces are articles; their key is the page id, which survives every rename.

    The feed of versions tells which pages changed, and a page is read when its newest version comes by: whole, with every
    name it has. The log tells of deletions, and of renames that left no redirect.
    """

    key = "mediawiki"
    title = "MediaWiki"
    summary = "Pages of a MediaWiki as articles; categories are their states."
    settings_type = MediaWikiSettings
    streams: ClassVar[Sequence[Stream]] = (
        Stream(name="renames", whole=True),
        Stream(name="articles", sweep=True, whole=True),
        Stream(name="deletions"),
    )
    settings: MediaWikiSettings

    def auth(self) -> Mapping[str, str] | Signer:
        """A token, a bot password, or nothing for a wiki that everybody may read."""
        if self.settings.token.get_secret_value():
            return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}
        if self.settings.username:
            return BotPassword(self.settings.username, self.settings.password)
        return {}

    @property
    def wiki(self) -> Wiki:
        """The wiki's API."""
        return Wiki(self.http, signed=bool(self.settings.username or self.settings.token.get_secret_value()))

    def knowledge_base(self) -> KnowledgeBase:
        """How addresses of this wiki's pages look."""
        return find_pages(self.key, self.settings.address, self.settings.article_path)

    def check(self) -> Report:
        """Version, account, address of pages, namespaces, and how many pages have a state."""
        return examine(self.wiki, self.settings)

    def choices(self, name: str) -> Sequence[str]:
        """The names of the namespaces."""
        return namespace_names(self.wiki) if name == "namespaces" else ()

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        """See `Connector.fetch`; the cursor is what the wiki wants to hear to go on."""
        if cursor is not None and cursor["further"] is None:
            return
        spaces = namespace_ids(self.wiki, self.settings)
        params, read = {"articles": self._articles, "renames": self._renames, "deletions": self._deletions}[stream](
            window, spaces
        )
        for reply in self.wiki.walk(params, cursor and cursor["further"]):
            rejected: list[Rejected] = []
            records = read(reply.query or Query(), rejected)
            yield Page(records=records, cursor={"further": reply.behind}, rejected=rejected)

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        """The ids of all pages that are articles."""
        for space in sorted(namespace_ids(self.wiki, self.settings)):
            for reply in self.wiki.walk(self._everything(space)):
                query = reply.query or Query()
                listed = query.categorymembers if self.settings.category else query.allpages
                yield KeyPage(what="article", keys=[str(row.pageid) for row in _given(listed, "pages")])

    def _everything(self, space: int) -> Mapping[str, str | int]:
        if self.settings.category:
            title = f"Category:{name_of(self.settings.category)}"
            return {
                "list": "categorymembers",
                "cmtitle": title,
                "cmnamespace": space,
                "cmprop": "ids",
                "cmlimit": "max",
            }
        return {"list": "allpages", "apnamespace": space, "apfilterredir": "nonredirects", "aplimit": "max"}

    def _articles(self, window: Window, spaces: frozenset[int]) -> "_Reading":
        """The pages whose newest version comes by."""

        def read(query: Query, rejected: list[Rejected]) -> Sequence[Record]:
            listed: dict[int, set[int]] = {}
            for row in _given(query.allrevisions, "versions"):
                listed.setdefault(row.pageid, set()).update(revision.revid for revision in row.revisions)
            return self._read_pages(listed, spaces, rejected)

        asked = {"list": "allrevisions", "arvprop": "ids", "arvnamespace": joined(sorted(spaces))}
        return {**asked, "arvlimit": self.settings.page_size, **_bounds("arv", window)}, read

    def _deletions(self, window: Window, spaces: frozenset[int]) -> "_Reading":
        """Pages that were deleted, and whole pages that were brought back."""

        def read(query: Query, rejected: list[Rejected]) -> Sequence[Record]:
            records: list[Record] = []
            for row in _given(query.logevents, "log entries"):
                # a second later, so that it is newer than the page's last version
                order = order_of(read_time(row.timestamp), row.logid) + SECOND
                if row.action == "restore" and row.logpage:
                    records += self._read_pages({row.logpage: set()}, spaces, rejected, order)
                elif row.action.startswith("delete") and row.logpage and row.ns in spaces:
                    records.append(Gone(what="article", key=str(row.logpage), version=order))
            return records

        return self._log("delete", window), read

    def _renames(self, window: Window, spaces: frozenset[int]) -> "_Reading":
        """Old titles that no page has taken since, and that no redirect keeps."""

        def read(query: Query, rejected: list[Rejected]) -> Sequence[Record]:
            moved = {row.title: row for row in _given(query.logevents, "log entries") if row.logpage}
            if not moved:
                return ()
            taken = self.wiki.query({"titles": joined(moved)}).pages or []
            free = [moved[row.title] for row in taken if row.missing and row.title in moved]
            return [ArticleAlias(article=str(row.logpage), alias=name) for row in free for name in names_of(row.title)]

        return self._log("move", window), read

    def _log(self, kind: str, window: Window) -> Mapping[str, str | int]:
        asked = {"list": "logevents", "letype": kind, "leprop": "ids|title|type|timestamp"}
        return {**asked, "lelimit": self.settings.page_size, **_bounds("le", window)}

    def _read_pages(
        self, listed: Mapping[int, set[int]], spaces: frozenset[int], rejected: list[Rejected], order: int | None = None
    ) -> Sequence[Record]:
        """The articles among the pages ``listed`` whose newest version is in the list, or to which a listed page redirects."""
        if not listed:
            return ()
        rows, led = self.wiki.pages({**_WHOLE, "pageids": joined(sorted(listed))})
        wanted = [row for row in rows if row.ns in spaces and self._is_due(row, listed, led)]
        histories = self._histories([row.pageid for row in wanted if any(each.parentid for each in row.revisions)])
        records: list[Record] = []
        for row in wanted:
            try:
                history = histories.get(row.pageid, row.revisions)
                article, edits = read_page(row, history, self.settings, order)
                records += [article, *edits, *read_aliases(row, history, led)]
            except ValueError as error:
                rejected.append(Rejected(position=f"page {row.pageid}", reason=str(error)))
        return records

    def _is_due(self, row: Row, listed: Mapping[int, set[int]], led: Mapping[str, str]) -> bool:
        newest = listed.get(row.pageid)
        due = row.title in led.values() or (newest is not None and (not newest or row.lastrevid in newest))
        return due and self.settings.covers(categories_of(row))

    def _histories(self, pages: Sequence[int]) -> Mapping[int, Sequence[Revision]]:
        """All versions of these pages, the oldest first."""
        props = f"{TEXT}|content" if self.settings.read_histories else TEXT
        asked = {"prop": "revisions", "rvprop": props, "rvslots": "main", "rvdir": "newer", "rvlimit": "max"}
        found = self.wiki.each([{**asked, "pageids": page} for page in pages])
        return {row.pageid: sorted(row.revisions, key=_age) for rows in found for row in rows}


def _age(revision: Revision) -> tuple[str, int]:
    return revision.timestamp, revision.revid


_Reading = tuple[Mapping[str, str | int], Callable[[Query, list[Rejected]], Sequence[Record]]]
_WHOLE: Mapping[str, str | int] = {
    "redirects": 1,
    "prop": "info|categories|redirects|revisions",
    "clprop": "timestamp",
    "cllimit": "max",
    "rdprop": "pageid|title",
    "rdlimit": "max",
    "rvprop": f"{TEXT}|content",
    "rvslots": "main",
}


def _bounds(prefix: str, window: Window) -> Mapping[str, str]:
    """The window as the wiki takes it: whole seconds, both bounds inclusive, oldest first."""
    since, until = window.since, window.until and whole_second(window.until) - timedelta(seconds=1)
    bounds = {f"{prefix}start": since, f"{prefix}end": until}
    return {f"{prefix}dir": "newer", **{name: f"{when:%Y-%m-%dT%H:%M:%SZ}" for name, when in bounds.items() if when}}


def _given(rows: list[R] | None, what: str) -> Sequence[R]:
    if rows is None:
        raise SourceChanged(f"The wiki answered without {what}; is it older than MediaWiki 1.27?")
    return rows
