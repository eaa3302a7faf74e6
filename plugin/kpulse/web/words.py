"""Numbers, times and states in words that need no explanation. Pure functions, and their way into templates."""

import hashlib
from datetime import date
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Flask, url_for

from kpulse import __version__
from kpulse.clock import SECOND, from_instant
from kpulse.installation import Installation

STATIC = Path(__file__).parent / "static"
MINUTE, HOUR, DAY_SECONDS = 60, 3600, 86_400
FEW = 1.95  # of 100: below, a decimal carries meaning


def init_app(app: Flask, installation: Installation) -> None:
    """Make these words known to the templates."""
    zone = installation.rules_zone
    app.jinja_env.filters.update(
        count=count, age=lambda at: age(at, installation.now()), left=lambda at: left(at, installation.now())
    )
    app.jinja_env.filters["moment"] = lambda at: moment(at, zone)
    app.jinja_env.globals.update(asset=asset, version=__version__, service_mark=SERVICE_MARK)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


SERVICE_MARK = "KCS is a service mark of the Consortium for Service Innovation; this product is not endorsed by it."


def asset(name: str) -> str:
    """The address of a static file, another one whenever its content changes."""
    return url_for("static", filename=name, v=_fingerprint(name))


@lru_cache(maxsize=64)
def _fingerprint(name: str) -> str:
    return hashlib.blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()


def count(number: float) -> str:
    """12,345"""
    return f"{round(number):,}"


def percent(value: float) -> str:
    """64% (with one decimal where few are meant: 1.4%)."""
    return f"{_hundredths(value)}%"


def of_100(value: float) -> str:
    """64 of 100"""
    return f"{_hundredths(value)} of 100"


def interval(low: float, high: float) -> str:
    """between 61 and 67 of 100"""
    exact = high * 100 < FEW or f"{low * 100:.0f}" == f"{high * 100:.0f}"
    first, last = (f"{bound * 100:.1f}" if exact else f"{bound * 100:.0f}" for bound in (low, high))
    return f"between {first} and {last} of 100"


def _hundredths(value: float) -> str:
    return f"{value * 100:.1f}" if 0 < value * 100 < FEW else f"{value * 100:.0f}"


def duration(seconds: float) -> str:
    """45 minutes, 21.5 hours, 3.9 days"""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * MINUTE:
        return f"{seconds / MINUTE:.0f} minutes"
    if seconds < 2 * DAY_SECONDS:
        return f"{seconds / HOUR:.1f} hours"
    return f"{seconds / DAY_SECONDS:.1f} days"


def age(at: int, now: int) -> str:
    """just now, 5 minutes ago, 3 hours ago, 4 days ago"""
    seconds = max(0, (now - at) // SECOND)
    if seconds < MINUTE:
        return "just now"
    for size, word in ((DAY_SECONDS, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            return f"{plural(seconds // size, word)} ago"
    raise AssertionError("a minute has sixty seconds")


def left(at: int, now: int) -> str:
    """about 2 minutes left"""
    seconds = max(0, (at - now) // SECOND)
    if seconds < MINUTE:
        return "less than a minute left"
    if seconds < 2 * HOUR:
        return f"about {plural(round(seconds / MINUTE), 'minute')} left"
    return f"about {plural(round(seconds / HOUR), 'hour')} left"


def plural(number: int, word: str) -> str:
    """1 day, 2 days"""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def day(when: date) -> str:
    """3 November 2026"""
    return f"{when.day} {when:%B %Y}"


def moment(at: int, zone: ZoneInfo) -> str:
    """3 November 2026, 21:04 (Europe/Berlin)"""
    local = from_instant(at).astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M} ({zone.key})"


def listing(words: list[str]) -> str:
    """a, b and c"""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
