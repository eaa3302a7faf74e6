"""Local calendar days of the organisation and the periods made of them (R1).

A *day* is the proleptic Gregorian ordinal of a local calendar day (``date.toordinal``), an integer. A period is
half-open: [start, end).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kpulse.clock import from_instant, to_instant
from kpulse.errors import UsageError

EARLIEST, LATEST = 1970, 2200


class Grain(StrEnum):
    """The calendar units that values are shown in; weeks start on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The local days [start, end)."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise UsageError(f"The period from {self.start} to {self.end} is empty; the end must be a later day.")
        if self.start.year < EARLIEST or self.end.year > LATEST:
            raise UsageError(f"The period from {self.start} to {self.end} has to lie between {EARLIEST} and {LATEST}.")

    @property
    def days(self) -> tuple[int, int]:
        """First day and the day after the last, as ordinals."""
        return self.start.toordinal(), self.end.toordinal()

    def __str__(self) -> str:
        return f"{self.start}/{self.end}"


def read_zone(name: str) -> ZoneInfo:
    """The IANA time zone ``name``; UsageError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"There is no time zone {name!r}; use an IANA name such as Europe/Berlin or UTC.") from None


def local_day(instant: int, zone: ZoneInfo) -> int:
    """The local calendar day in which an instant falls; at the ends of the calendar, where no zone reaches, the UTC day."""
    try:
        moment = from_instant(instant)
        return (moment if zone.key == "UTC" else moment.astimezone(zone)).toordinal()
    except OverflowError:
        return date.min.toordinal() if instant < 0 else date.max.toordinal()


def day_start(day: int, zone: ZoneInfo) -> int:
    """The instant at which a local day begins."""
    first = date.fromordinal(day)
    return to_instant(datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC))


def rolling(today: date, days: int) -> Period:
    """The last ``days`` local days, today included."""
    return Period(today - timedelta(days=days - 1), today + timedelta(days=1))


def floor(day: date, grain: Grain) -> date:
    """The first day of the calendar unit that holds ``day``."""
    match grain:
        case Grain.DAY:
            return day
        case Grain.WEEK:
            return day - timedelta(days=day.weekday())
        case Grain.MONTH:
            return day.replace(day=1)
        case Grain.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case Grain.YEAR:
            return day.replace(month=1, day=1)


def following(first: date, grain: Grain) -> date:
    """The first day of the unit after the one that begins on ``first``."""
    length = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31, Grain.QUARTER: 92, Grain.YEAR: 366}[grain]
    return floor(first + timedelta(days=length), grain)


def split(period: Period, grain: Grain) -> Iterator[Period]:
    """The parts of ``period`` by calendar unit; the first and the last may be cut short."""
    start = period.start
    while start < period.end:
        end = min(following(floor(start, grain), grain), period.end)
        yield Period(start, end)
        start = end
