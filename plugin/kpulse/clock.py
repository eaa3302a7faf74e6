"""The one door to the time of day, and the one form in which instants are stored.

An *instant* is an integer: microseconds since 1970-01-01 in UTC. Integers compare, sort and index
the same way on every database, and no conversion can lose a second.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


def to_instant(when: datetime) -> int:
    """The instant of an aware datetime; a naive one raises ValueError, because its meaning is unknown."""
    if when.tzinfo is None:
        raise ValueError(f"{when.isoformat()} has no time zone; give one, for example a trailing Z for UTC.")
    return (when - EPOCH) // MICROSECOND


def from_instant(instant: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return EPOCH + timedelta(microseconds=instant)
