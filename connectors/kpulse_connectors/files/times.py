"""Times in cells: one format for the whole file, and a zone for those that carry none."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from kpulse.sdk import ConfigError

from .settings import FilesSettings
from .table import BadRow

REMEMBERED = 1 << 16


def time_reader(settings: FilesSettings) -> Callable[[str], datetime]:
    """A function from a cell to aware UTC time that raises BadRow; ConfigError for an unknown zone."""
    zone, form = _zone(settings.zone), settings.date_format.strip()
    expected = f"of the form {form}" if form else "in ISO 8601, such as 2025-03-01T08:00:00Z"

    # Exports repeat their times a lot, and strptime is the slowest step of a row.
    @lru_cache(REMEMBERED)
    def read(cell: str) -> datetime:
        try:
            when = datetime.strptime(cell, form) if form else datetime.fromisoformat(cell)  # noqa: DTZ007
            return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadRow(f"is not a time {expected}.") from None

    return read


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name.strip())
    except (LookupError, ValueError, OSError):
        raise ConfigError(
            f"{FilesSettings.title_of('zone')}: there is no time zone {name!r}; use an IANA name such as Europe/Berlin."
        ) from None
