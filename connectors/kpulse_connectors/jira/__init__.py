"""Jira and Jira Service Management, Cloud and Data Center: issues as tickets, and the Confluence pages linked to them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kpulse.sdk import (
    Ask,
    ConfigError,
    Connector,
    KeyPage,
    LoopGuard,
    Mode,
    Page,
    Record,
    Rejected,
    Report,
    Stream,
    Team,
    Window,
)
from kpulse.sdk.links import KnowledgeBase, confluence
from kpulse_connectors.atlassian import Refused
from kpulse_connectors.jira import rows
from kpulse_connectors.jira.check import look
from kpulse_connectors.jira.comments import Comment, Comments, read_comments
from kpulse_connectors.jira.links import mentions_links, read_links
from kpulse_connectors.jira.search import Params, Place, Search
from kpulse_connectors.jira.settings import JiraSettings as JiraSettings
from kpulse_connectors.jira.tickets import Meanings, read_ticket

Issues = Sequence[rows.Issue[rows.Fields]]
MOST_KEYS = 1000
MOST_COMMENTS = 100


class Jira(Connector):
    """Reads Jira; never writes to it, and asks for no text of an issue."""

    key = "jira"
    title = "Jira Service Management"
    summary = "Issues of Jira Cloud or Data Center with the Confluence pages that were linked to them."
    settings_type = JiraSettings
    settings: JiraSettings
    streams: ClassVar[Sequence[Stream]] = (
        Stream(name="teams", mode=Mode.SNAPSHOT),
        Stream(name="tickets", sweep=True),
    )
    knowledge_bases: Sequence[KnowledgeBase] = ()

    def auth(self) -> Mapping[str, str]:
        return self.settings.headers()

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        return self._teams(cursor) if stream == "teams" else self._tickets(window, cursor)

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        search = self.search(MOST_KEYS)
        for issues, _, _ in search.walk(rows.Found[rows.Dated], "updated", Window(), Place()):
            yield KeyPage(what="ticket", keys=[issue.id for issue in issues])

    def choices(self, name: str) -> Sequence[str]:
        if name == "projects":
            return sorted(project.key for page, _ in self._projects(0) for project in page)
        if name == "team":
            fields = self.http.get(f"{self.api}/field", list[rows.CustomField]).body
            return ["project", "component", *sorted(f"{field.name} ({field.id})" for field in fields if field.custom)]
        return ()

    def check(self) -> Report:
        return look(self)

    @property
    def cloud(self) -> bool:
        """Whether the site is one of Cloud."""
        return self.settings.edition == "cloud"

    @property
    def bases(self) -> Sequence[KnowledgeBase]:
        """The connected knowledge bases; without one the Confluence that has the same address as Jira."""
        parts = urlsplit(self.settings.address)
        own = confluence(self.settings.knowledge_base, [parts.hostname or ""], base=parts.path)
        return tuple(self.knowledge_bases) or (own,)

    @property
    def api(self) -> str:
        """The path of the REST API."""
        return f"rest/api/{3 if self.cloud else 2}"

    def myself(self) -> rows.Myself:
        """The account that reads."""
        return self.http.get(f"{self.api}/myself", rows.Myself).body

    def search(self, page_size: int) -> Search:
        """The search over the scope, in the account's own time zone."""
        name = self.myself().zone
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigError(
                f"Jira says the account's time zone is {name}; choose a usual one in its profile."
            ) from None
        s = self.settings
        projects = "project in ({})".format(", ".join(f'"{key}"' for key in s.projects)) if s.projects else ""
        scope = " AND ".join(filter(None, (projects, f"({s.filter})" if s.filter else "")))
        return Search(http=self.http, cloud=self.cloud, scope=scope, zone=zone, page_size=page_size)

    def histories(self, issues: Issues) -> Mapping[str, Sequence[rows.History]]:
        """The whole history of each issue, by its id."""
        if not self.cloud:
            return {issue.id: issue.changelog.histories for issue in issues}
        found: dict[str, list[rows.History]] = {issue.id: [] for issue in issues}
        guard, token = LoopGuard("the histories of issues"), ""
        while found:
            guard.visit(token)
            asked = {"issueIdsOrKeys": list(found), "maxResults": 1000} | ({"nextPageToken": token} if token else {})
            answer = self.http.post("rest/api/3/changelog/bulkfetch", rows.BulkChanges, asked).body
            for each in answer.issues:
                found.setdefault(each.issue, []).extend(each.histories)
            token = answer.token or ""
            if not token:
                break
        return found

    def remotes(self, ids: Sequence[str]) -> Mapping[str, Sequence[rows.Remote]]:
        """The remote links of issues, by their ids; without the issues that are gone meanwhile."""
        asks = [Ask(f"{self.api}/issue/{id}/remotelink") for id in ids]
        answers = self.http.map(asks, list[rows.Remote], absent_ok=True)
        return {id: answer.body for id, answer in zip(ids, answers, strict=True) if answer is not None}

    def comments(self, ids: Sequence[str]) -> Mapping[str, Sequence[Comment]]:
        """The comments of issues, by their ids; without the issues that are gone meanwhile."""
        asks = [self._comments_from(id, 0) for id in ids]
        answers = self.http.map(asks, Comments, absent_ok=True)
        found = {id: answer.body for id, answer in zip(ids, answers, strict=True) if answer is not None}
        return {id: [*first.comments, *self._more_comments(id, first)] for id, first in found.items()}

    def _more_comments(self, id: str, first: Comments) -> Iterator[Comment]:
        starts = range(MOST_COMMENTS, first.total, MOST_COMMENTS)
        for answer in self.http.map([self._comments_from(id, start) for start in starts], Comments):
            yield from answer.body.comments if answer else ()

    def _comments_from(self, id: str, start: int) -> Ask:
        params: Params = {"startAt": start, "maxResults": MOST_COMMENTS, "orderBy": "created"}
        return Ask(f"{self.api}/issue/{id}/comment", params)

    def _tickets(self, window: Window, cursor: Any) -> Iterator[Page]:
        place = Place(**cursor) if cursor else Place()
        if place.end:
            return
        search = self.search(self.settings.page_size)
        meanings = Meanings(self.settings, self.http.get(f"{self.api}/status", list[rows.State]).body)
        answer: Any = rows.Found[rows.issue_type(self.settings.team_field)]  # type: ignore[misc]
        fields = ",".join(filter(None, (*rows.FIELDS, self.settings.team_field)))
        total = None
        for issues, behind, left in self._walk(search, answer, fields, window, place):
            total = left if total is None else total
            records, rejected = self._turn(issues, meanings)
            yield Page(records=records, cursor=asdict(behind), total=None if cursor else total, rejected=rejected)

    def _walk(
        self, search: Search, answer: Any, fields: str, window: Window, place: Place
    ) -> Iterator[tuple[Issues, Place, int | None]]:
        try:
            yield from search.walk(answer, fields, window, place)
        except Refused:
            # Cloud forgets its tokens after a week; the window then has to be read again from its start.
            if not place.token:
                raise
            yield from search.walk(answer, fields, window, Place())

    def _turn(self, issues: Issues, meanings: Meanings) -> tuple[Sequence[Record], Sequence[Rejected]]:
        histories = self.histories(issues)
        every = self.settings.ask_links_of == "every"
        asked = [issue.id for issue in issues if every or mentions_links(histories[issue.id])]
        remotes = self.remotes(asked)
        said = self.comments([issue.id for issue in issues]) if self.settings.text_evidence else {}
        records: list[Record] = []
        rejected: list[Rejected] = []
        for issue in issues:
            told = histories[issue.id]
            try:
                records.append(read_ticket(issue, told, meanings, self.settings))
                if issue.id in remotes:
                    records += read_links(issue, remotes[issue.id], told, self.settings, self.bases)
                if issue.id in said:
                    records += read_comments(issue, said[issue.id], self.bases)
            except ValueError as error:
                rejected.append(Rejected(position=f"issue {issue.key or issue.id}", reason=str(error)))
        return records, rejected

    def _teams(self, cursor: Any) -> Iterator[Page]:
        start = cursor["start"] if cursor else 0
        if start is None or self.settings.team != "project":
            return
        wanted = set(self.settings.projects)
        for projects, following in self._projects(start):
            kept = [project for project in projects if not wanted or wanted & {project.key, project.name}]
            teams = [Team(key=project.id, name=project.name or project.key) for project in kept]
            yield Page(records=teams, cursor={"start": following})

    def _projects(self, start: int) -> Iterator[tuple[Sequence[rows.Project], int | None]]:
        """Pages of projects, each with the offset of the next one."""
        if not self.cloud:
            yield self.http.get("rest/api/2/project", list[rows.Project]).body, None
            return
        guard, size, at = LoopGuard("the projects"), min(self.settings.page_size, 100), start
        while True:
            params: Params = {"startAt": at, "maxResults": size, "orderBy": "key"}
            found = self.http.get("rest/api/3/project/search", rows.Projects, params).body
            guard.visit(found.start)
            at = found.start + len(found.values)
            last = found.last or not found.values
            yield found.values, None if last else at
            if last:
                return
