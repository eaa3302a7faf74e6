"""What happens over time: thirteen months up to the anchor in which three waves of teams adopt, and life after it."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Protocol

MONTHS = 13
_GO_LIVE = {1: 2, 2: 5, 3: 8}
_WEEKDAYS = (1.13, 1.05, 1.0, 0.98, 0.90, 0.16, 0.11)
_SEASON = (1.06, 1.02, 1.0, 0.98, 0.99, 0.98, 0.92, 0.90, 1.05, 1.03, 1.02, 0.93)
_A_DAY = 122.0


class Adopter(Protocol):
    """The traits of a team that the story needs."""

    @property
    def wave(self) -> int: ...
    @property
    def base(self) -> float: ...
    @property
    def peak(self) -> float: ...
    @property
    def coached_after(self) -> int: ...
    @property
    def dips(self) -> bool: ...


@dataclass(frozen=True)
class Story:
    """The settings that make one demo company; the same two always tell the same story."""

    seed: int
    anchor: date

    @property
    def start(self) -> date:
        """The first day of the story, thirteen months before the anchor."""
        return _shift(self.anchor, -MONTHS)

    def month(self, number: int) -> date:
        """The day after ``number`` whole months of the story."""
        return _shift(self.anchor, number - MONTHS)

    def go_live(self, team: Adopter) -> date:
        """The day from which the team is asked to work with knowledge: wave 1 in month 3, 2 in month 6, 3 in month 9."""
        return self.month(_GO_LIVE[team.wave])

    def link_rate(self, team: Adopter, day: date) -> float:
        """The share of the team's tickets opened on ``day`` that will be linked."""
        if day < self.go_live(team):
            return team.base
        turn = self.month(_GO_LIVE[team.wave] + team.coached_after)
        rate = team.base + (team.peak - team.base) / (1 + math.exp(-(_weeks(turn, day) - 5.0) / 1.5))
        return rate * self._sag(team, day)

    def create_share(self, team: Adopter, day: date) -> float:
        """The share of links for which an article is written, high while there is little to reuse."""
        turn = self.month(_GO_LIVE[team.wave] + team.coached_after)
        return 0.22 + 0.46 * math.exp(-max(0.0, _weeks(turn, day) - 3.0) / 9.0)

    def volume(self, day: date) -> float:
        """The tickets to expect on ``day`` over all teams."""
        quiet = 0.4 if (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1) else 1.0
        return _A_DAY * _WEEKDAYS[day.weekday()] * _SEASON[day.month - 1] * quiet

    def progress(self, day: date) -> float:
        """How far the story is: 0 at its start, 1 at the anchor and for ever after."""
        return min(1.0, max(0.0, (day - self.start).days / (self.anchor - self.start).days))

    def _sag(self, team: Adopter, day: date) -> float:
        if not team.dips:
            return 1.0
        weeks = _weeks(self.month(_GO_LIVE[team.wave] + 5), day)
        return 1.0 - 0.45 * math.exp(-(((weeks - 2.5) / 1.8) ** 2))


def _weeks(since: date, day: date) -> float:
    return (day - since).days / 7


def _shift(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, 28))
