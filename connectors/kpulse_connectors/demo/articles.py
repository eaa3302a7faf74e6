"""The whole life of an article, and the part of it that can be seen at an instant."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from kpulse.sdk import Article, ArticleEvent, ArticleState, StateChange, from_instant
from kpulse_connectors.demo.company import roster
from kpulse_connectors.demo.days import Writing, writings
from kpulse_connectors.demo.dice import Dice
from kpulse_connectors.demo.hours import at_work, days, midnight, minutes
from kpulse_connectors.demo.library import legacy
from kpulse_connectors.demo.story import Story
from kpulse_connectors.demo.titles import title

_NEVER = 1 << 62
_STUCK, _BEGUN_ROUGH, _FOR_ALL = 0.06, 0.35, 0.5


@dataclass(frozen=True, slots=True)
class Biography:
    """An article from beginning to end; ``changes`` are the instants that give it a new version."""

    writing: Writing
    title: str
    states: tuple[tuple[int, ArticleState], ...]
    published: int | None
    events: tuple[tuple[int, ArticleEvent], ...]
    changes: tuple[int, ...]


@lru_cache(maxsize=8192)
def biographies(story: Story, day: date) -> tuple[Biography, ...]:
    """The articles that were begun on ``day``."""
    return tuple(_biography(story, writing) for writing in writings(story, day))


@lru_cache(maxsize=8)
def old_biographies(story: Story) -> tuple[Biography, ...]:
    """The articles from before the story; their move into this knowledge base, on its first day, changed them all."""
    return tuple(_biography(story, writing, midnight(story.start)) for writing in legacy(story))


def known(story: Story, until: date) -> Iterator[Biography]:
    """All articles begun up to ``until``, that day included."""
    yield from old_biographies(story)
    for day in days(story.start, until):
        yield from biographies(story, day)


def _biography(story: Story, writing: Writing, moved: int | None = None) -> Biography:
    dice = Dice(story.seed, writing.key)
    named = title(writing.topic, dice)
    states = tuple(_states(writing, dice))
    ready = next((at for at, state in states if state is ArticleState.NOT_VALIDATED), None)
    published = _publication(writing, ready, dice)
    end = writing.archived or _NEVER
    events = tuple(sorted((e for e in _events(story, writing, states, dice) if e[0] < end), key=lambda e: e[0]))
    edits = [at for at, event in events if event.what == "edited"]
    changes = {at for at, _ in states} | set(edits) | {at for at in (published, moved) if at}
    return Biography(writing, named, states, published, events, tuple(sorted(changes)))


def _states(writing: Writing, dice: Dice) -> Iterator[tuple[int, ArticleState]]:
    end, at = writing.archived or _NEVER, writing.created
    if dice.chance(_BEGUN_ROUGH):
        yield at, ArticleState.WIP
        at = _NEVER if dice.chance(_STUCK) else at_work(at + minutes(dice.lognormal(600, 1.2)), dice)
    if at < end and at != _NEVER:
        yield at, ArticleState.NOT_VALIDATED
        checked = at_work(at + minutes(dice.lognormal(20 * 1440, 0.8)), dice)
        if checked < end and dice.chance(0.75 if writing.appeal else 0.3):
            yield checked, ArticleState.VALIDATED
    if writing.archived:
        yield writing.archived, ArticleState.ARCHIVED


def _publication(writing: Writing, ready: int | None, dice: Dice) -> int | None:
    at = ready + (0 if dice.chance(0.4) else minutes(dice.lognormal(1440, 1.3))) if ready else _NEVER
    return at if dice.chance(_FOR_ALL) and at < (writing.archived or _NEVER) else None


def _events(
    story: Story, writing: Writing, states: tuple[tuple[int, ArticleState], ...], dice: Dice
) -> Iterator[tuple[int, ArticleEvent]]:
    for number in range(dice.count(2.2 if writing.appeal else 0.5)):
        at = at_work(writing.created + minutes(dice.between(0.2, 300) * 1440), dice)
        yield _event(story, writing, "edited", at, f"e{number}", dice)
    for number in range(dice.count(0.4 if writing.appeal else 0.08)):
        flagged = at_work(writing.created + minutes(dice.between(2, 250) * 1440), dice)
        yield _event(story, writing, "flagged", flagged, f"f{number}", dice)
        if dice.chance(0.85):
            mended = at_work(flagged + minutes(dice.lognormal(3 * 1440, 1.1)), dice)
            yield _event(story, writing, "edited", mended, f"m{number}", dice)
            yield _event(story, writing, "flag_closed", mended, f"c{number}", dice)
    for at, state in states:
        if state is ArticleState.VALIDATED:
            yield _event(story, writing, "reviewed", at, "r", dice)


def _event(story: Story, writing: Writing, what: str, at: int, name: str, dice: Dice) -> tuple[int, ArticleEvent]:
    by = dice.pick(roster(story, writing.team, at))
    return at, ArticleEvent(
        article=writing.key, what=what, at=from_instant(at), by=by, event_id=f"{writing.key}-{name}"
    )


def article_record(life: Biography, now: int) -> Article:
    """The article as the knowledge base shows it at ``now``; it was written before."""
    writing = life.writing
    states = [(at, state) for at, state in life.states if at <= now]
    public = life.published is not None and life.published <= now
    archived = writing.archived if writing.archived and writing.archived <= now else None
    return Article(
        key=writing.key,
        version=article_version(life, now),
        created_at=from_instant(writing.created),
        title=life.title,
        url=f"https://demo.invalid/kb/{writing.key}",
        state=states[-1][1],
        source_state=states[-1][1].value,
        changes=tuple(StateChange(at=from_instant(at), to=state, source_state=state.value) for at, state in states),
        archived_at=from_instant(archived) if archived else None,
        first_published_at=from_instant(life.published) if public and life.published else None,
        audience="requesters" if public else "internal",
        author=writing.author,
        source_ticket=writing.source_ticket,
        category=writing.topic.name,
        language="en",
    )


def article_version(life: Biography, now: int) -> int:
    """The instant of the article's last change up to ``now``."""
    return life.changes[bisect_right(life.changes, now) - 1]
