"""The bare bones of one day: which tickets are opened, which articles written. Depends on the story and the date only."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from functools import lru_cache

from kpulse_connectors.demo.company import TEAMS, Profile, Topic, roster
from kpulse_connectors.demo.dice import Dice
from kpulse_connectors.demo.hours import DAY, HOUR, MINUTE, midnight, minutes
from kpulse_connectors.demo.story import Story

_SMALL, _LARGE = 0.86, 1.06  # a team of four also does projects, so it takes fewer tickets a head


class Sort(Enum):
    """What a ticket is, as far as counting cares."""

    NORMAL = "normal"
    SELF_SERVICE = "self_service"
    SPAM = "spam"
    TEST = "test"
    MERGED = "merged"


class Use(Enum):
    """What is done with knowledge on a ticket."""

    NOTHING = "nothing"
    REUSE = "reuse"
    CREATE = "create"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A ticket on the day it is opened: ``number`` within the day, in order of opening; ``into`` for merged ones."""

    number: int
    opened: int
    team: int
    topic: Topic
    sort: Sort
    use: Use
    into: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Writing:
    """An article on the day it is written. ``appeal`` is how often it will be picked, 0 for most of them."""

    key: str
    topic: Topic
    team: int
    created: int
    author: str
    appeal: float
    archived: int | None
    source_ticket: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A day; ``writings`` by the number of the ticket that they are written from."""

    drafts: tuple[Draft, ...]
    writings: dict[int, Writing]


def ticket_key(day: date, number: int) -> str:
    """The id of ticket ``number`` of ``day``."""
    return f"demo-{day:%y%m%d}-{number:03}"


@lru_cache(maxsize=160)
def plan(story: Story, day: date) -> Plan:
    """All that is begun on ``day``."""
    dice = Dice(story.seed, day.isoformat(), "plan")
    drafts = _numbered(_opened(story, day, dice), dice)
    written = {draft.number: _write(story, day, draft, dice) for draft in drafts if draft.use in (Use.CREATE, Use.BOTH)}
    return Plan(drafts, written)


@lru_cache(maxsize=8192)
def writings(story: Story, day: date) -> tuple[Writing, ...]:
    """The articles written on ``day``; small, so that many days are remembered."""
    return tuple(plan(story, day).writings.values())


def _opened(story: Story, day: date, dice: Dice) -> Iterator[Draft]:
    volume = story.volume(day)
    heads = [team.size * (_SMALL if team.size < 5 else _LARGE) for team in TEAMS]
    for number, team in enumerate(TEAMS):
        rate, create = story.link_rate(team, day), story.create_share(team, day)
        shares = _mix(team, story.progress(day))
        for _ in range(dice.count(volume * heads[number] / sum(heads))):
            topic = dice.weigh(team.topics, shares)
            sort = _sort(story.progress(day), dice)
            use = _use(sort, rate * topic.ease, create, dice)
            yield Draft(number=0, opened=_opening(day, dice), team=number, topic=topic, sort=sort, use=use)


def _mix(team: Profile, progress: float) -> list[float]:
    easy, *others, hard = team.topics
    return [easy.share * (1 - 0.12 * progress), *(topic.share for topic in others), hard.share * (1 + 0.25 * progress)]


def _sort(progress: float, dice: Dice) -> Sort:
    return dice.weigh(tuple(Sort), (0.918 - 0.03 * progress, 0.04 + 0.03 * progress, 0.014, 0.005, 0.023))


def _use(sort: Sort, rate: float, create: float, dice: Dice) -> Use:
    if sort in (Sort.SPAM, Sort.TEST) or not dice.chance(min(rate, 0.96)):
        return Use.NOTHING
    if sort is not Sort.NORMAL:
        return Use.REUSE
    if dice.chance(create):
        return Use.BOTH if dice.chance(0.05) else Use.CREATE
    return Use.REUSE


def _opening(day: date, dice: Dice) -> int:
    if dice.chance(0.1):
        return midnight(day) + minutes(dice.between(0, 23 * 60))
    return midnight(day) + 7 * HOUR + minutes((dice.between(0, 640) + dice.between(0, 640)) / 2)


def _numbered(drafts: Iterator[Draft], dice: Dice) -> tuple[Draft, ...]:
    ready: list[Draft] = []
    for number, draft in enumerate(sorted(drafts, key=lambda draft: draft.opened), 1):
        ready.append(_placed(replace(draft, number=number), ready, dice))
    return tuple(ready)


def _placed(draft: Draft, before: list[Draft], dice: Dice) -> Draft:
    if draft.sort is not Sort.MERGED:
        return draft
    twins = [other.number for other in before if other.team == draft.team and other.sort is Sort.NORMAL]
    return replace(draft, into=dice.pick(twins)) if twins else replace(draft, sort=Sort.NORMAL)


def _write(story: Story, day: date, draft: Draft, dice: Dice) -> Writing:
    created = min(draft.opened + minutes(dice.lognormal(35, 0.8)), midnight(day) + DAY - 2 * MINUTE)
    appeal, archived = fate(created, dice)
    return Writing(
        key=f"demo-kb-{day:%y%m%d}-{draft.number:03}",
        topic=draft.topic,
        team=draft.team,
        created=created,
        author=dice.pick(roster(story, draft.team, created)),
        appeal=appeal,
        archived=archived,
        source_ticket=ticket_key(day, draft.number),
    )


def fate(created: int, dice: Dice) -> tuple[float, int | None]:
    """How often an article will be picked, and when it is archived, if ever."""
    appeal = dice.pareto(1.1, 60.0) if dice.chance(0.45) else 0.0
    archived = created + minutes(dice.between(60, 320) * 1440) if dice.chance(0.07 if appeal else 0.2) else None
    return appeal, archived
