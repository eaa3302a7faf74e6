"""How often articles were looked at: a report of a day, which appears when the day is over."""

from collections import Counter
from datetime import date
from functools import lru_cache

from kpulse.sdk import Reach
from kpulse_connectors.demo.company import TEAMS
from kpulse_connectors.demo.dice import Dice
from kpulse_connectors.demo.hours import DAY, midnight
from kpulse_connectors.demo.library import shelf
from kpulse_connectors.demo.story import Story

_VIEWS_A_TICKET = 0.3


@lru_cache(maxsize=64)
def reach(story: Story, day: date) -> tuple[Reach, ...]:
    """The views and votes of ``day``, one record for every article that was seen at all."""
    dice = Dice(story.seed, day.isoformat(), "reach")
    views: Counter[str] = Counter()
    helpful: Counter[str] = Counter()
    useless: Counter[str] = Counter()
    sizes = [team.size for team in TEAMS]
    for _ in range(dice.count(story.volume(day) * _VIEWS_A_TICKET * (1 + story.progress(day)))):
        topic = dice.pick(dice.weigh(TEAMS, sizes).topics)
        found = shelf(story, topic, day).pick(midnight(day), dice)
        vote = dice.between(0, 1)
        if found is not None:
            views[found.key] += 1
            helpful[found.key] += vote < 0.05
            useless[found.key] += vote > 0.98
    return tuple(
        Reach(article=key, day=day, views=seen, helpful=helpful[key], not_helpful=useless[key])
        for key, seen in sorted(views.items())
    )


def reported(day: date) -> int:
    """The instant at which the report of ``day`` appears."""
    return midnight(day) + DAY
