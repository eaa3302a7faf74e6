"""Days and working hours as instants (microseconds UTC). The demo company lives in UTC."""

from datetime import UTC, date, datetime, time, timedelta

from kpulse.sdk import from_instant, to_instant
from kpulse_connectors.demo.dice import Dice

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_OPENS, _ENDS = 7 * HOUR, 19 * HOUR


def midnight(day: date) -> int:
    """The instant at which ``day`` begins."""
    return to_instant(datetime.combine(day, time(), UTC))


def day_of(instant: int) -> date:
    """The day that holds ``instant``."""
    return from_instant(instant).date()


def days(first: date, last: date) -> list[date]:
    """All days from ``first`` to ``last``, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def minutes(amount: float) -> int:
    """So many minutes, rounded to whole seconds, never less than one second."""
    return max(1, round(amount * 60)) * 1_000_000


def is_workday(instant: int) -> bool:
    """Whether ``instant`` falls on Monday to Friday; 1970-01-01 was a Thursday."""
    return (instant // DAY + 3) % 7 < 5


def at_work(instant: int, dice: Dice) -> int:
    """``instant`` itself within working hours, else some time of the next working morning (mostly: some work at night)."""
    if is_workday(instant) and _OPENS <= instant % DAY < _ENDS:
        return instant
    if dice.chance(0.08):
        return instant
    start = instant - instant % DAY + (DAY if instant % DAY >= _ENDS else 0)
    while not is_workday(start):
        start += DAY
    return start + _OPENS + minutes(dice.between(15, 240))
