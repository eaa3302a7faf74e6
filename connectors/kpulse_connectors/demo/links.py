"""The links of a day's tickets: before and after closure, taken away again, to archived and to vanished articles."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from kpulse.sdk import LinkEvent, LinkKind, Op, from_instant
from kpulse_connectors.demo.days import Sort, Use, Writing, plan
from kpulse_connectors.demo.dice import Dice
from kpulse_connectors.demo.hours import DAY, HOUR, at_work, minutes
from kpulse_connectors.demo.library import Shelf, shelf
from kpulse_connectors.demo.story import Story
from kpulse_connectors.demo.tickets import Life, lives

_ORPHAN, _STALE = 0.006, 0.012
_SOON_AFTER, _LATE = 0.06, 0.025
_RETRACTED, _REPLACED = 0.022, 0.6
_SECOND, _REFERENCE, _REFERENCE_ONLY = 0.07, 0.05, 0.008

Timed = tuple[int, LinkEvent]


@lru_cache(maxsize=110)
def links(story: Story, day: date) -> tuple[Timed, ...]:
    """All link events, with their instants, of the tickets opened on ``day``."""
    writings, dice = plan(story, day).writings, Dice(story.seed, day.isoformat(), "links")
    found: list[Timed] = []
    for life in lives(story, day):
        found += _links(life, writings.get(life.draft.number), shelf(story, life.draft.topic, day), dice)
    return tuple(found)


def _links(life: Life, writing: Writing | None, articles: Shelf, dice: Dice) -> Iterator[Timed]:
    use = life.draft.use
    if writing is not None:
        yield _event(life, writing.key, writing.created + minutes(dice.between(0.5, 4)), 1)
    if use in (Use.REUSE, Use.BOTH):
        yield from _reuse(life, articles, dice)
    if life.draft.sort is not Sort.NORMAL:
        return
    if use is not Use.NOTHING and dice.chance(_SECOND):
        yield from _plain(life, articles, 4, dice)
    if dice.chance(_REFERENCE_ONLY if use is Use.NOTHING else _REFERENCE):
        yield from _plain(life, articles, 5, dice, LinkKind.REFERENCE)


def _reuse(life: Life, articles: Shelf, dice: Dice) -> Iterator[Timed]:
    when = _moment(life, dice)
    key = _target(articles, when, life.draft.opened, dice)
    if key is None:
        return
    yield _event(life, key, when, 2)
    if not dice.chance(_RETRACTED):
        return
    undone = when + minutes(dice.between(5, 3 * 1440))
    yield _event(life, key, undone, 2, op=Op.REMOVE)
    if dice.chance(_REPLACED):
        better = articles.pick(life.draft.opened, dice)
        if better is not None and better.key != key:
            yield _event(life, better.key, undone + minutes(dice.between(1, 10)), 3)


def _plain(
    life: Life, articles: Shelf, place: int, dice: Dice, kind: LinkKind = LinkKind.RESOLUTION
) -> Iterator[Timed]:
    found = articles.pick(life.draft.opened, dice)
    if found is not None:
        yield _event(life, found.key, _before(life, dice), place, kind=kind)


def _target(articles: Shelf, when: int, opened: int, dice: Dice) -> str | None:
    if dice.chance(_ORPHAN):
        return f"demo-kb-vanished-{int(dice.between(1, 40))}"
    stale = articles.stale(when, dice) if dice.chance(_STALE) else None
    found = stale or articles.pick(opened, dice)
    return found.key if found else None


def _moment(life: Life, dice: Dice) -> int:
    luck = dice.between(0, 1)
    if luck < _LATE:
        return at_work(life.final + 7 * DAY + minutes(dice.between(30, 5 * 1440)), dice)
    if luck < _LATE + _SOON_AFTER:
        return min(at_work(life.final + minutes(dice.between(5, 4 * 1440)), dice), life.final + 7 * DAY)
    return _before(life, dice)


def _before(life: Life, dice: Dice) -> int:
    """Some time while the ticket was worked on, mostly shortly before it was resolved."""
    length = life.first - life.draft.opened
    ago = min(minutes(dice.lognormal(12, 1.0)), 5 * HOUR, int(length * 0.9))
    return life.first - ago + ago % 1_000_000


def _event(
    life: Life, article: str, when: int, place: int, op: Op = Op.ADD, kind: LinkKind = LinkKind.RESOLUTION
) -> Timed:
    return when, LinkEvent(
        op=op,
        ticket=life.key,
        article=article,
        at=from_instant(when),
        by=life.owner,
        kind=kind,
        event_id=f"{life.key}-l{place}{'x' if op is Op.REMOVE else ''}",
    )
