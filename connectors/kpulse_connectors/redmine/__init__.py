"""Redmine: issues as tickets, wiki pages as articles, and the links that people write into notes and fields."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import msgspec

from kpulse.sdk import (
    Article,
    Ask,
    Connector,
    KeyPage,
    Mode,
    Page,
    Report,
    SourceChanged,
    Stream,
    Team,
    Window,
)
from kpulse.sdk.links import KnowledgeBase
from kpulse_connectors.redmine import check
from kpulse_connectors.redmine.issues import (
    Issue,
    IssueRow,
    IssueStatus,
    Named,
    OneIssue,
    Reading,
    read_issue,
)
from kpulse_connectors.redmine.settings import RedmineSettings as RedmineSettings
from kpulse_connectors.redmine.settings import among
from kpulse_connectors.redmine.wiki import LinkFinder, Project, WikiIndex, WikiPage, own_pages, read_page

T = TypeVar("T")
SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
FIRST = "1970-01-01T00:00:00Z"


class Projects(msgspec.Struct):
    """A page of projects."""

    projects: list[Project]
    offset: int
    total_count: int


class Issues(msgspec.Struct):
    """A page of issues."""

    issues: list[IssueRow]
    offset: int
    total_count: int


class Statuses(msgspec.Struct):
    """All statuses."""

    issue_statuses: list[IssueStatus]


class Trackers(msgspec.Struct):
    """All trackers."""

    trackers: list[Named]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a walk over issues stands: at the time ``since``, of which it has ``seen`` some issues.

    ``offset`` passes a whole page of issues that changed in the same second.
    """

    since: str = ""
    seen: Sequence[int] = ()
    offset: int = 0
    ended: bool = False

    def behind(self, found: Issues) -> "Place":
        """The place after these issues."""
        rows = found.issues
        if not rows or found.offset + len(rows) >= found.total_count:
            return replace(self, ended=True)
        last = rows[-1].updated_on
        since = _second(last)
        if since == self.since:
            return replace(self, seen=[*self.seen, *(row.id for row in rows)], offset=found.offset + len(rows))
        return Place(since=since, seen=[row.id for row in rows if row.updated_on >= last - SECOND])


class Redmine(Connector):
    """Redmine 4 to 6.

    Issues are walked by the time of their last change and never by page numbers, which shift while people work. The
    history of a changed issue is one request each, made concurrently.
    """

    key = "redmine"
    title = "Redmine"
    summary = "Issues, wiki pages, and the wiki links that people write into notes and custom fields."
    settings_type = RedmineSettings
    settings: RedmineSettings
    streams: ClassVar[Sequence[Stream]] = (
        Stream(name="teams", mode=Mode.SNAPSHOT),
        Stream(name="articles", mode=Mode.SNAPSHOT, sweep=True),
        Stream(name="tickets", sweep=True),
    )
    page_size: ClassVar[int] = 100

    def auth(self) -> Mapping[str, str]:
        return {"X-Redmine-API-Key": self.settings.key.get_secret_value()}

    def check(self) -> Report:
        return check.examine(self)

    def knowledge_base(self) -> KnowledgeBase:
        """How addresses of this Redmine's wiki pages look."""
        return own_pages(self.key, self.settings.address)

    def choices(self, name: str) -> Sequence[str]:
        if name in ("projects", "wikis"):
            return sorted(project.name for project in self.projects())
        if name in ("resolved", "pending", "excluded"):
            return [status.name for status in self.statuses().values()]
        return [row.name for row in self.get("trackers.json", Trackers).trackers] if name == "trackers" else ()

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        check.sign_in(self.http)
        read = {"teams": self._teams, "articles": self._articles, "tickets": self._tickets}[stream]
        yield from read(window, cursor)

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        check.sign_in(self.http)
        if stream == "articles":
            for page in self._articles(Window(), None):
                yield KeyPage(what="article", keys=[r.key for r in page.records if isinstance(r, Article)])
            return
        after, wanted = 0, self._wanted(list(self.projects()))
        while rows := self._issues(sort="id", issue_id=f">={after + 1}").issues:
            if rows[0].id <= after:
                raise SourceChanged("Redmine does not keep to the ids that were asked for.")
            yield KeyPage(what="ticket", keys=[str(row.id) for row in rows if wanted(row)])
            after = rows[-1].id

    def get(self, path: str, type: type[T], **params: str | int) -> T:
        """The body of an answer."""
        return self.http.get(path, type, params).body

    def projects(self) -> Iterator[Project]:
        """All projects that the account can see, closed ones included."""
        return (project for page in self._project_pages(0) for project in page.projects)

    def _project_pages(self, offset: int) -> Iterator[Projects]:
        total = offset + 1
        while offset < total:
            sent: dict[str, str | int] = {"limit": self.page_size, "offset": offset}
            page = self.get("projects.json", Projects, include="enabled_modules", status="1|5", **sent)
            if page.offset != offset:
                raise SourceChanged("Redmine sends projects in a circle: they are not the ones that were asked for.")
            yield page
            offset, total = offset + len(page.projects), page.total_count if page.projects else 0

    def statuses(self) -> Mapping[str, IssueStatus]:
        """The statuses of the workflow by id."""
        return {str(row.id): row for row in self.get("issue_statuses.json", Statuses).issue_statuses}

    def wikis(self) -> list[Project]:
        """The projects whose wiki holds articles, by id."""
        found = [project for project in self.projects() if project.has_wiki and _among(project, self.settings.wikis)]
        return sorted(found, key=lambda project: project.id)

    def reading(self) -> Reading:
        """What is needed to read issues now."""
        known, wikis = list(self.projects()), self.settings.wikis
        articles = frozenset(p.identifier for p in known if p.has_wiki and _among(p, wikis))
        finder = LinkFinder(self.settings.address, articles, getattr(self, "knowledge_bases", ()))
        return Reading(self.settings, self.statuses(), known, finder, self.clock())

    def pages(self, project: Project) -> Sequence[WikiPage]:
        """The pages of a project's wiki; none when it was switched on but never begun."""
        try:
            return self.http.get(f"projects/{project.id}/wiki/index.json", WikiIndex, absent_ok=True).body.wiki_pages
        except LookupError:
            return ()

    def histories(self, rows: Sequence[IssueRow]) -> Iterator[Issue]:
        """The issues with their journals; those that were deleted meanwhile are left out."""
        asks = [Ask(f"issues/{row.id}.json", {"include": "journals,relations"}) for row in rows]
        return (answer.body.issue for answer in self.http.map(asks, OneIssue, absent_ok=True) if answer)

    def recent(self, number: int) -> Issues:
        """The issues that changed last."""
        return self.get("issues.json", Issues, status_id="*", sort="updated_on:desc,id", limit=number)

    def _teams(self, window: Window, cursor: Any) -> Iterator[Page]:
        for page in self._project_pages(int(cursor or 0)):
            teams = [_team(project) for project in page.projects if _among(project, self.settings.projects)]
            yield Page(records=teams, cursor=page.offset + len(page.projects), total=page.total_count)

    def _articles(self, window: Window, cursor: Any) -> Iterator[Page]:
        for project in self.wikis():
            if project.id <= (cursor or 0):
                continue
            pages = self.pages(project)
            states = self.settings.states_by_parent
            records = [r for page in pages for r in read_page(page, project, self.settings.address, states)]
            yield Page(records=records, cursor=project.id)

    def _tickets(self, window: Window, cursor: Any) -> Iterator[Page]:
        reading = self.reading()
        wanted = self._wanted(reading.projects)
        place = Place(**cursor) if cursor else Place(since=_second(window.since))
        while not place.ended:
            found = self._changed(place, _second(window.until, up=True))
            fresh = [row for row in found.issues if row.id not in place.seen]
            records = [r for issue in self.histories(list(filter(wanted, fresh))) for r in read_issue(issue, reading)]
            place = place.behind(found)
            yield Page(records=records, cursor=asdict(place))

    def _changed(self, place: Place, until: str) -> Issues:
        """The issues changed since ``place``, the longest unchanged first."""
        between = f"><{place.since or FIRST}|{until}" if until else f">={place.since}" if place.since else "*"
        found = self._issues(sort="updated_on,id", updated_on=between, offset=place.offset)
        early = datetime.fromisoformat(place.since) - SECOND if place.since else None
        if found.offset != place.offset or (early and any(row.updated_on < early for row in found.issues)):
            raise SourceChanged("Redmine sends issues in a circle: they are not the ones that were asked for.")
        return found

    def _issues(self, **params: str | int) -> Issues:
        return self.get("issues.json", Issues, status_id="*", limit=self.page_size, **params)

    def _wanted(self, known: Sequence[Project]) -> Callable[[IssueRow], bool]:
        inside = {project.id for project in known if _among(project, self.settings.projects)}
        trackers, everywhere = self.settings.trackers, not self.settings.projects
        return lambda row: (
            (everywhere or row.project.id in inside) and (not trackers or among(row.tracker.name, trackers))
        )


def _among(project: Project, names: tuple[str, ...]) -> bool:
    return not names or among(project.name, names) or among(project.identifier, names)


def _team(project: Project) -> Team:
    return Team(key=str(project.id), name=project.name, parent=str(project.parent.id) if project.parent else None)


def _second(when: datetime | None, *, up: bool = False) -> str:
    """A time as Redmine's filters want it: to the second, never later than meant, or with ``up`` never earlier."""
    if when is None:
        return ""
    return f"{(when + (SECOND - MICROSECOND) * up).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
