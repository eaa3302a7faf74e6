"""Walking the issues of a search to their end, on Cloud and on Data Center."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kpulse.sdk import Http, LoopGuard, SourceChanged, Window
from kpulse_connectors.atlassian import instant

MINUTE = "%Y-%m-%d %H:%M"
BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)
SHARED_ROWS = 10
Params = Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Behind the issue ``last``: at Cloud's ``token``, or at ``offset`` among the issues changed since ``since``."""

    since: str = ""
    token: str = ""
    offset: int = 0
    last: str = ""
    end: bool = False


END = Place(end=True)


@dataclass(frozen=True, kw_only=True)
class Search:
    """Searches one site. ``scope`` is the JQL that every issue meets, ``zone`` the one in which the account's JQL is
    read."""

    http: Http
    cloud: bool
    scope: str
    zone: ZoneInfo
    page_size: int

    def walk(
        self, answer: Any, fields: str, window: Window, place: Place
    ) -> Iterator[tuple[Sequence[Any], Place, int | None]]:
        """Pages of issues in the order of their last change, each with the place behind it and, on Data Center, the
        number of issues that the search still has."""
        return (self._by_token if self.cloud else self._by_time)(answer, fields, window, place)

    def jql(self, window: Window, since: str = "") -> str:
        """The search for what changed in ``window``, which is a little wider, because JQL knows no seconds."""
        low = since or write_minute(window.since or BEGINNING, self.zone)
        parts = [f'updated >= "{low}"', self.scope]
        if window.until:
            parts.append(f'updated < "{write_minute(window.until, self.zone, up=True)}"')
        return f"{' AND '.join(filter(None, parts))} ORDER BY updated ASC, key ASC"

    def _by_token(
        self, answer: Any, fields: str, window: Window, place: Place
    ) -> Iterator[tuple[Sequence[Any], Place, int | None]]:
        guard = LoopGuard("the issues")
        while not place.end:
            guard.visit(place.token)
            found = self._ask_by_token(answer, fields, window, place)
            place = Place(token=found.token) if found.token else END
            yield found.issues, place, None

    def _ask_by_token(self, answer: Any, fields: str, window: Window, place: Place) -> Any:
        params: Params = {"jql": self.jql(window), "fields": fields, "maxResults": self.page_size}
        behind: Params = {"nextPageToken": place.token} if place.token else {}
        return self.http.get("rest/api/3/search/jql", answer, {**params, **behind}).body

    def _by_time(
        self, answer: Any, fields: str, window: Window, place: Place
    ) -> Iterator[tuple[Sequence[Any], Place, int | None]]:
        """Goes on from the minute of the last issue: what changes while it is read leaves its place and would shift all
        behind it past an offset. Inside of one minute the offset counts, and some issues are read again."""
        guard = LoopGuard("the issues")
        while not place.end:
            guard.visit((place.since, place.offset))
            here = place
            found = self._ask_by_time(answer, fields, window, here)
            self._distrust(found, here)
            place = self._behind(found, here)
            yield _unread(found.issues, here.last), place, found.total

    def _ask_by_time(self, answer: Any, fields: str, window: Window, here: Place) -> Any:
        params: Params = {"jql": self.jql(window, here.since), "fields": fields, "startAt": here.offset}
        history: Params = {"expand": "changelog"} if "," in fields else {}
        return self.http.get("rest/api/2/search", answer, {**params, **history, "maxResults": self.page_size}).body

    def _behind(self, found: Any, here: Place) -> Place:
        if not found.issues or here.offset + len(found.issues) >= found.total:
            return END
        last = found.issues[-1]
        minute = instant(last.fields.updated).astimezone(self.zone).strftime(MINUTE)
        if minute > here.since:
            return Place(since=minute, last=last.id)
        shared = min(SHARED_ROWS, len(found.issues) // 2)
        return replace(here, offset=here.offset + len(found.issues) - shared, last=last.id)

    def _distrust(self, found: Any, here: Place) -> None:
        if found.total is None:
            raise SourceChanged("Jira's search came without its total; is this site really Data Center?")
        first = found.issues[0] if found.issues else None
        early = first and here.since and instant(first.fields.updated) < read_minute(here.since, self.zone)
        if found.start != here.offset or early:
            raise SourceChanged("Jira sent issues outside of what was asked; a proxy may repeat old answers.")


def write_minute(when: datetime, zone: ZoneInfo, *, up: bool = False) -> str:
    """``when`` as JQL spells it in ``zone``, cut to the minute, or with ``up`` raised to the next one.

    Where clocks are set back an hour has two meanings; the one that makes the window wider is made sure of.
    """
    raised = when + timedelta(seconds=59, microseconds=999_999) if up else when
    local = raised.astimezone(zone).replace(second=0, microsecond=0, fold=0)
    if up and local.astimezone(UTC) < when.astimezone(UTC):
        local = local.replace(tzinfo=None) + timedelta(hours=1)
    return local.strftime(MINUTE)


def read_minute(text: str, zone: ZoneInfo) -> datetime:
    """The first instant that ``write_minute`` can have meant."""
    return datetime.strptime(text, MINUTE).replace(tzinfo=zone).astimezone(UTC)


def _unread(issues: Sequence[Any], last: str) -> Sequence[Any]:
    """What follows the issue ``last``, or everything where it is not there."""
    for number, issue in enumerate(issues, start=1):
        if issue.id == last:
            return issues[number:]
    return issues
