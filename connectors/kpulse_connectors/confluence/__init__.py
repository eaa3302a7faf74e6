"""Confluence, Cloud and Data Center: the pages of chosen spaces as articles, with their states, names and edits."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from kpulse.sdk import (
    ArticleState,
    Ask,
    ConfigError,
    Connector,
    KeyPage,
    Mode,
    Page,
    Record,
    Rejected,
    Report,
    Stream,
    Window,
)
from kpulse.sdk.links import KnowledgeBase, confluence
from kpulse_connectors.atlassian import instant
from kpulse_connectors.confluence import rows
from kpulse_connectors.confluence.check import look
from kpulse_connectors.confluence.lists import Lists, Params
from kpulse_connectors.confluence.settings import ConfluenceSettings as ConfluenceSettings

STATUSES = ("current", "archived", "trashed")
EXPANDED = "version,history,space,metadata.labels"
END = "-"
ZONES = timedelta(days=2)


class Confluence(Connector):
    """Reads Confluence; never writes to it, and asks for no text of a page."""

    key = "confluence"
    title = "Confluence"
    summary = "Pages of Confluence Cloud or Data Center as knowledge articles."
    settings_type = ConfluenceSettings
    settings: ConfluenceSettings
    streams: ClassVar[Sequence[Stream]] = (
        Stream(name="articles", mode=Mode.SNAPSHOT, sweep=True),
        Stream(name="edits", mode=Mode.FEED),
    )

    def auth(self) -> Mapping[str, str]:
        return self.settings.headers()

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        return self._edits(cursor or {}) if stream == "edits" else self._articles(cursor or {})

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        spaces = self.spaces() if self.cloud else {}
        for part in self._parts():
            for found, _ in self.lists.walk(self._name(), rows.Key, self._params(part, spaces, "")):
                yield KeyPage(what="article", keys=[page.id for page in found])

    def choices(self, name: str) -> Sequence[str]:
        return sorted(self.spaces(every=True).values()) if name == "spaces" else ()

    def check(self) -> Report:
        return look(self)

    def knowledge_base(self) -> KnowledgeBase:
        """How other desks' texts and links point to the pages of this site."""
        parts = urlsplit(self.settings.address)
        return confluence("", [parts.hostname or ""], base=parts.path.removesuffix("/wiki"))

    @property
    def cloud(self) -> bool:
        """Whether the site is one of Cloud."""
        return self.settings.edition == "cloud"

    @property
    def site(self) -> str:
        """The address that the paths of pages continue."""
        return f"{self.settings.address}/{self._prefix}".rstrip("/")

    @property
    def lists(self) -> Lists:
        """The lists of the site."""
        return Lists(self.http, cloud=self.cloud, prefix=self._prefix, page_size=self.settings.page_size)

    @property
    def _prefix(self) -> str:
        return "wiki/" if self.cloud and not self.settings.address.endswith("/wiki") else ""

    def spaces(self, *, every: bool = False) -> Mapping[str, str]:
        """The keys of the spaces in scope, or of ``every`` one, by their ids; ConfigError where one is missing."""
        wanted = () if every else self.settings.spaces
        these: Params = {"keys": ",".join(wanted)} if wanted and self.cloud else {}
        pages = self.lists.walk("spaces" if self.cloud else "space", rows.Space, these)
        found = {str(space.id): space.key for page, _ in pages for space in page}
        missing = sorted(set(wanted) - set(found.values()))
        if missing:
            raise ConfigError(f"This account sees no space {', '.join(missing)}; check the key and its rights.")
        return found

    def labelled(self, spaces: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """The labels that tell a state, by page. Cloud has them in no list of pages, so they are asked for one by one."""
        wanted, found = set(self.settings.meanings), dict[str, list[str]]()
        if not wanted:
            return found
        for labels, _ in self.lists.walk("labels", rows.Label, {"prefix": "global"}):
            for label in labels:
                if label.name.lower() in wanted:
                    self._note(label, spaces, found)
        return found

    def _note(self, label: rows.Label, spaces: Mapping[str, str], found: dict[str, list[str]]) -> None:
        scope: Params = {"space-id": ",".join(spaces)} if self.settings.spaces else {}
        for pages, _ in self.lists.walk(f"labels/{label.id}/pages", rows.Key, scope):
            for page in pages:
                found.setdefault(page.id, []).append(label.name)

    def _parts(self) -> Sequence[str]:
        """What is walked one after the other: the statuses on Cloud, the spaces on Data Center ("" for all of them)."""
        return STATUSES if self.cloud else tuple(self.settings.spaces) or ("",)

    def _name(self) -> str:
        return "pages" if self.cloud else "content"

    def _params(self, part: str, spaces: Mapping[str, str], expand: str = EXPANDED) -> Params:
        if self.cloud:
            scope: Params = {"space-id": ",".join(spaces)} if self.settings.spaces else {}
            return {**scope, "status": part, "sort": "id"}
        more: Params = {**({"spaceKey": part} if part else {}), **({"expand": expand} if expand else {})}
        return {"type": "page", "status": "any", **more}

    def _articles(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        parts = self._parts()
        place = cursor.get("part", parts[0])
        if place == END:
            return
        spaces = self.spaces() if self.cloud else {}
        labels = self.labelled(spaces) if self.cloud else {}
        row: Any = rows.CloudPage if self.cloud else rows.ServerPage
        first = parts.index(place) if place in parts else 0
        for part, following in zip(parts[first:], [*parts[first + 1 :], END], strict=True):
            start = cursor.get("at", "") if part == place else ""
            for found, at in self.lists.walk(self._name(), row, self._params(part, spaces), start):
                records, rejected = self._turn(found, spaces, labels)
                behind = {"part": part, "at": at} if at else {"part": following}
                yield Page(records=records, cursor=behind, rejected=rejected)

    def _turn(
        self, found: Sequence[Any], spaces: Mapping[str, str], labels: Mapping[str, Sequence[str]]
    ) -> tuple[Sequence[Record], Sequence[Rejected]]:
        records: list[Record] = []
        rejected: list[Rejected] = []
        for page in found:
            facts = rows.facts_of_cloud(page, spaces) if self.cloud else rows.facts_of_server(page)
            its = labels.get(page.id, ()) if self.cloud else [label.name for label in page.metadata.labels.results]
            try:
                records += rows.read_page(facts, self._state(facts.status, its), self.site)
            except ValueError as error:
                rejected.append(Rejected(position=f"page {page.id}", reason=str(error)))
        return records, rejected

    def _state(self, status: str, labels: Sequence[str]) -> ArticleState:
        return rows.read_state(status, labels, self.settings.meanings, self.settings.unlabelled)

    def _edits(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """All versions of the pages that changed since the last reading, the latest change first."""
        since, mark = cursor.get("since", ""), cursor.get("mark", "")
        name, row, params = self._changed(since)
        for found, at in self.lists.walk(name, row, params, cursor.get("at", "")):
            dated, rejected = rows.date_pages(found)
            fresh = [page for page, when in dated if not since or when > instant(since)]
            mark = max([mark, *(when.isoformat() for _, when in dated)])
            more = bool(at) and len(fresh) == len(dated)
            behind = {"since": since, "mark": mark, "at": at} if more else {"since": mark or since}
            records, odd = self._versions([page for page in fresh if page.version.number > 1])
            yield Page(records=records, cursor=behind, rejected=[*rejected, *odd])
            if not more:
                return

    def _changed(self, since: str) -> tuple[str, Any, Params]:
        if self.cloud:
            spaces = ",".join(self.spaces()) if self.settings.spaces else ""
            scope: Params = {"space-id": spaces} if spaces else {}
            return "pages", rows.CloudPage, {**scope, "status": "current", "sort": "-modified-date"}
        # The zone of a CQL date is not known, so the day is chosen early enough for all of them.
        day = f' and lastmodified >= "{instant(since) - ZONES:%Y-%m-%d}"' if since else ""
        keys = ", ".join(f'"{key}"' for key in self.settings.spaces)
        cql = f"type = page{f' and space in ({keys})' if keys else ''}{day} order by lastmodified desc"
        return "content/search", rows.ServerPage, {"cql": cql, "expand": "version,history"}

    def _versions(self, pages: Sequence[Any]) -> tuple[Sequence[Record], Sequence[Rejected]]:
        names = [f"pages/{page.id}/versions" if self.cloud else f"content/{page.id}/version" for page in pages]
        asks = [Ask(self.lists.path(name), self.lists.params({})) for name in names]
        row: Any = rows.Version if self.cloud else rows.ServerVersion
        versions: list[tuple[str, Any]] = []
        # Older Data Centers have no list of versions; the latest one is known from the page itself.
        answers = self.http.map(asks, rows.Listed[row], absent_ok=True)
        for page, name, answer in zip(pages, names, answers, strict=True):
            its = [page.version] if answer is None else list(answer.body.results)
            if answer is not None and (at := self.lists.behind(answer.body)):
                its += [version for found, _ in self.lists.walk(name, row, {}, at) for version in found]
            versions += [(page.id, version) for version in its if version.number > 1]
        return rows.read_edits(versions)
