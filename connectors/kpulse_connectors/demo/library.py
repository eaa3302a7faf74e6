"""What there is to reuse: for every topic the articles in order of writing, and which of them is picked."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate

from kpulse_connectors.demo.company import TEAMS, Topic, roster
from kpulse_connectors.demo.days import Writing, fate, writings
from kpulse_connectors.demo.dice import Dice
from kpulse_connectors.demo.hours import days, midnight, minutes
from kpulse_connectors.demo.story import Story

_OLD_A_TOPIC = 8
_TRIES = 6


@lru_cache(maxsize=8)
def legacy(story: Story) -> tuple[Writing, ...]:
    """The articles from before the story, whose source tickets nobody knows."""
    return tuple(
        _old(story, team, topic, n)
        for team in range(len(TEAMS))
        for topic in TEAMS[team].topics
        for n in range(_OLD_A_TOPIC)
    )


def _old(story: Story, team: int, topic: Topic, number: int) -> Writing:
    dice = Dice(story.seed, "legacy", topic.key, number)
    begin = midnight(story.start)
    created = begin - minutes(dice.between(5, 700) * 1440)
    appeal, archived = fate(created, dice)
    return Writing(
        key=f"demo-kb-old-{topic.key}-{number + 1}",
        topic=topic,
        team=team,
        created=created,
        author=dice.pick(roster(story, team, begin)),
        appeal=min(appeal, 12.0),
        archived=archived,
        source_ticket=None,
    )


def written(story: Story, until: date) -> Iterator[Writing]:
    """All articles that were begun up to ``until``, that day included, oldest day first."""
    yield from legacy(story)
    for day in days(story.start, until):
        yield from writings(story, day)


@dataclass
class Shelf:
    """The articles of a topic in order of writing. What is added later changes nothing for an earlier instant."""

    articles: list[Writing] = field(default_factory=list)
    created: list[int] = field(default_factory=list)
    reach: list[float] = field(default_factory=list)
    archive: list[Writing] = field(default_factory=list)
    archived: list[int] = field(default_factory=list)

    def pick(self, when: int, dice: Dice) -> Writing | None:
        """An article to use at ``when``: written before and not archived, popular ones more often."""
        there = bisect_left(self.created, when)
        total = self.reach[there - 1] if there else 0.0
        for _ in range(_TRIES if total else 0):
            found = self.articles[min(bisect_right(self.reach, dice.between(0, total)), there - 1)]
            if found.archived is None or found.archived > when:
                return found
        return None

    def stale(self, when: int, dice: Dice) -> Writing | None:
        """An article that was archived before ``when``."""
        gone = bisect_left(self.archived, when)
        return self.archive[int(dice.between(0, gone))] if gone else None


def _shelf(articles: list[Writing]) -> Shelf:
    articles.sort(key=lambda article: (article.created, article.key))
    archive = sorted((a for a in articles if a.archived), key=lambda a: (a.archived or 0, a.key))
    return Shelf(
        articles,
        [article.created for article in articles],
        list(accumulate(article.appeal for article in articles)),
        archive,
        [article.archived or 0 for article in archive],
    )


@lru_cache(maxsize=4)
def _shelves(story: Story, until: date) -> dict[str, Shelf]:
    sorted_in: dict[str, list[Writing]] = {topic.key: [] for team in TEAMS for topic in team.topics}
    for article in written(story, until):
        sorted_in[article.topic.key].append(article)
    return {key: _shelf(articles) for key, articles in sorted_in.items()}


def shelf(story: Story, topic: Topic, opened: date) -> Shelf:
    """The shelf of ``topic`` for a ticket opened on ``opened``, filled further than any such ticket can live."""
    ahead = opened + timedelta(days=70)
    return _shelves(story, date(ahead.year + ahead.month // 12, ahead.month % 12 + 1, 28))[topic.key]
