"""The whole life of a ticket, and the part of it that can be seen at an instant."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from kpulse.sdk import Channel, Status, StatusChange, Ticket, from_instant
from kpulse_connectors.demo.company import TEAMS, roster
from kpulse_connectors.demo.days import Draft, Sort, Use, plan, ticket_key
from kpulse_connectors.demo.dice import Dice
from kpulse_connectors.demo.hours import DAY, HOUR, at_work, minutes
from kpulse_connectors.demo.story import Story

LOOKBACK = timedelta(days=60)
"""Nothing happens to a ticket, or to its links, later than this after the day it was opened."""

_PRIORITIES, _PRIORITY_SHARES = ("low", "normal", "high", "urgent"), (0.2, 0.62, 0.14, 0.04)
_PACE = {"low": 1.6, "normal": 1.0, "high": 0.6, "urgent": 0.35}
_INTAKES = ("phone", "mail", "portal")
_REOPENED = 0.045


@dataclass(frozen=True, slots=True)
class Step:
    """A status that a ticket enters, as the demo desk calls it; ``team`` is a number."""

    at: int
    to: Status
    called: str
    team: int


@dataclass(frozen=True, slots=True)
class Life:
    """A ticket from beginning to end. ``first`` and ``final`` are the first and the last time it was resolved."""

    key: str
    draft: Draft
    steps: tuple[Step, ...]
    first: int
    final: int
    owner: str | None
    intake: str
    priority: str
    into: str | None


@lru_cache(maxsize=110)
def lives(story: Story, day: date) -> tuple[Life, ...]:
    """The tickets opened on ``day``."""
    drafted, dice = plan(story, day), Dice(story.seed, day.isoformat(), "tickets")
    begun = {draft.number: draft.opened for draft in drafted.drafts}
    found = []
    for draft in drafted.drafts:
        writing = drafted.writings.get(draft.number)
        earliest = max(begun[draft.into] if draft.into else 0, writing.created if writing else 0, draft.opened)
        found.append(_life(story, day, draft, earliest, dice))
    return tuple(found)


def _life(story: Story, day: date, draft: Draft, earliest: int, dice: Dice) -> Life:
    priority = dice.weigh(_PRIORITIES, _PRIORITY_SHARES)
    progress = story.progress(day)
    intake = dice.weigh(_INTAKES, (0.38 - 0.06 * progress, 0.27, 0.35 + 0.06 * progress))
    steps = tuple(_steps(draft, earliest, priority, dice))
    resolved = [step.at for step in steps if step.to is Status.RESOLVED] or [steps[-1].at]
    worked_on = draft.sort is not Sort.SELF_SERVICE
    return Life(
        key=ticket_key(day, draft.number),
        draft=draft,
        steps=steps,
        first=resolved[0],
        final=resolved[-1],
        owner=dice.pick(roster(story, draft.team, draft.opened)) if worked_on else None,
        intake=intake if worked_on else "portal",
        priority=priority,
        into=ticket_key(day, draft.into) if draft.into else None,
    )


def _steps(draft: Draft, earliest: int, priority: str, dice: Dice) -> Iterator[Step]:
    opened, team = draft.opened, draft.team
    if draft.sort is Sort.NORMAL:
        yield from _work(draft, earliest, priority, dice)
        return
    yield Step(opened, Status.OPEN, "New", team)
    if draft.sort is Sort.SELF_SERVICE:
        solved = opened + minutes(dice.between(1, 25))
        yield Step(solved, Status.RESOLVED, "Solved by requester", team)
        yield Step(solved + 2 * DAY, Status.CLOSED, "Closed", team)
    else:
        called = {Sort.MERGED: "Merged", Sort.SPAM: "Spam", Sort.TEST: "Test"}[draft.sort]
        yield Step(at_work(earliest + minutes(dice.between(5, 240)), dice), Status.CLOSED, called, team)


def _work(draft: Draft, earliest: int, priority: str, dice: Dice) -> Iterator[Step]:
    team = draft.team
    took = _effort(draft, priority, dice)
    resolved = at_work(max(draft.opened + took, earliest + minutes(dice.between(6, 30))), dice)
    yield from _until_resolved(draft, resolved, dice)
    yield Step(resolved, Status.RESOLVED, "Resolved", team)
    if dice.chance(_REOPENED):
        back = at_work(resolved + minutes(dice.between(30, 8 * 1440)), dice)
        if back > resolved + 3 * DAY:
            yield Step(resolved + 3 * DAY, Status.CLOSED, "Closed", team)
        yield Step(back, Status.OPEN, "Reopened", team)
        resolved = at_work(back + min(_effort(draft, priority, dice), 6 * DAY), dice)
        yield Step(resolved, Status.RESOLVED, "Resolved", team)
    yield Step(resolved + 3 * DAY, Status.CLOSED, "Closed", team)


def _until_resolved(draft: Draft, resolved: int, dice: Dice) -> Iterator[Step]:
    length, team = resolved - draft.opened, draft.team
    first = dice.pick([n for n in range(len(TEAMS)) if n != team]) if dice.chance(0.07) else team
    taken = draft.opened + _part(length, dice.between(0.02, 0.25))
    yield Step(draft.opened, Status.OPEN, "New", first)
    yield Step(taken, Status.OPEN, "In progress", team)
    if length > 6 * HOUR and dice.chance(0.35):
        asked = draft.opened + _part(length, dice.between(0.3, 0.5))
        yield Step(asked, Status.PENDING, "Waiting for requester", team)
        yield Step(asked + _part(length, dice.between(0.1, 0.4)), Status.OPEN, "In progress", team)


def _effort(draft: Draft, priority: str, dice: Dice) -> int:
    helped = {Use.NOTHING: 1.0, Use.REUSE: 0.8, Use.CREATE: 1.1, Use.BOTH: 1.0}[draft.use]
    hours = dice.lognormal(draft.topic.hours * _PACE[priority] * helped, 0.9)
    return minutes(min(hours, 12 * 24.0) * 60)


def _part(length: int, share: float) -> int:
    seconds = int(length * share) // 1_000_000
    return seconds * 1_000_000


def last_change(life: Life, now: int) -> int:
    """The instant of the ticket's last change up to ``now``; it was opened before."""
    return life.steps[_seen(life, now) - 1].at


def _seen(life: Life, now: int) -> int:
    return bisect_right(life.steps, now, key=lambda step: step.at)


def ticket_record(life: Life, now: int) -> Ticket:
    """The ticket as the desk shows it at ``now``."""
    steps = life.steps[: _seen(life, now)]
    last, draft = steps[-1], life.draft
    ended = last.to is Status.CLOSED
    return Ticket(
        key=life.key,
        version=last.at,
        opened_at=from_instant(draft.opened),
        changes=tuple(
            StatusChange(at=from_instant(step.at), to=step.to, source_status=step.called, team=TEAMS[step.team].key)
            for step in steps
        ),
        status=last.to,
        source_status=last.called,
        team=TEAMS[last.team].key,
        owner=life.owner if len(steps) > 1 else None,
        channel=Channel.SELF_SERVICE if draft.sort is Sort.SELF_SERVICE else Channel.ASSISTED,
        intake=life.intake,
        category=draft.topic.name,
        priority=life.priority,
        exclude=draft.sort.value if ended and draft.sort in (Sort.SPAM, Sort.TEST) else None,
        merged_into=life.into if ended else None,
        reopened=sum(step.called == "Reopened" for step in steps),
    )
