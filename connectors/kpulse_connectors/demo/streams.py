"""What each stream has to say about a span of time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from kpulse.sdk import Membership, Record, Team, Window, to_instant
from kpulse_connectors.demo.articles import article_record, article_version, known
from kpulse_connectors.demo.company import membership_records, team_records
from kpulse_connectors.demo.hours import day_of, days, midnight
from kpulse_connectors.demo.links import links
from kpulse_connectors.demo.pages import Row
from kpulse_connectors.demo.reach import reach, reported
from kpulse_connectors.demo.story import Story
from kpulse_connectors.demo.tickets import LOOKBACK, last_change, lives, ticket_record


@dataclass(frozen=True)
class Span:
    """Instants in [since, until): none before the story begins, none later than the clock."""

    since: int
    until: int

    @classmethod
    def of(cls, story: Story, window: Window, now: int) -> "Span":
        """The part of ``window`` that lies within the story and not in the future of ``now``."""
        begin, end = midnight(story.start), now + 1
        return cls(
            max(begin, begin if window.since is None else to_instant(window.since)),
            min(end, end if window.until is None else to_instant(window.until)),
        )

    def __contains__(self, instant: int) -> bool:
        return self.since <= instant < self.until

    def days(self, story: Story, before: timedelta = timedelta()) -> list[date]:
        """The days that the span touches, and those of the story up to ``before`` earlier."""
        if self.since >= self.until:
            return []
        return days(max(day_of(self.since) - before, story.start), day_of(self.until - 1))


Build = Callable[[Any], Record]
Rows = tuple[list[Row[Any]], Build]


def _same(record: Record) -> Record:
    return record


def _team_rows(story: Story, span: Span, now: int) -> Rows:
    teams: Iterator[Team] = team_records()
    return [Row(0, team.key, team) for team in teams], _same


def _membership_rows(story: Story, span: Span, now: int) -> Rows:
    members: Iterator[Membership] = membership_records(story, now)
    return [Row(0, f"{member.team} {member.person}", member) for member in members], _same


def _ticket_rows(story: Story, span: Span, now: int) -> Rows:
    opened = (life for day in span.days(story, LOOKBACK) for life in lives(story, day) if life.draft.opened <= now)
    rows = [Row(at, life.key, life) for life in opened if (at := last_change(life, now)) in span]
    return rows, lambda life: ticket_record(life, now)


def _link_rows(story: Story, span: Span, now: int) -> Rows:
    found = (timed for day in span.days(story, LOOKBACK) for timed in links(story, day))
    return [Row(at, event.event_id or "", event) for at, event in found if at in span], _same


def _article_rows(story: Story, span: Span, now: int) -> Rows:
    rows = [*_written(story, span, now), *_reached(story, span)]
    return rows, lambda thing: thing if isinstance(thing, Record) else article_record(thing, now)


def _written(story: Story, span: Span, now: int) -> Iterator[Row[Any]]:
    if span.since >= span.until:
        return
    for life in known(story, day_of(span.until - 1)):
        if life.writing.created <= now and (at := article_version(life, now)) in span:
            yield Row(at, f"1 {life.writing.key}", life)
        yield from (Row(at, f"2 {event.event_id}", event) for at, event in life.events if at in span)


def _reached(story: Story, span: Span) -> Iterator[Row[Any]]:
    for day in span.days(story, timedelta(days=1)):
        if reported(day) in span:
            yield from (Row(reported(day), f"3 {seen.article}", seen) for seen in reach(story, day))


ROWS: dict[str, Callable[[Story, Span, int], Rows]] = {
    "teams": _team_rows,
    "memberships": _membership_rows,
    "articles": _article_rows,
    "tickets": _ticket_rows,
    "links": _link_rows,
}
