"""What indicators are computed from, and what they come to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from kpulse.indicators.intervals import wilson


@dataclass(frozen=True, kw_only=True)
class ArticleParts:
    """Use of articles in the period: reuse counts of articles that lived in it (zeros too), and, of those at least 90
    days old and not archived at its end, how many were neither reused nor seen."""

    reuse_counts: tuple[int, ...] = ()
    aged: int = 0
    aged_unused: int = 0


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The additive integers of a group and period.

    ``sums`` maps (measure, slot) to a count. ``articles`` is None where it is not asked for. ``days_covered`` of ``days``
    were read from the sources.
    """

    sums: Counter[tuple[str, int]] = field(default_factory=Counter)
    articles: ArticleParts | None = None
    days: int = 0
    days_covered: int = 0

    def count(self, measure: str) -> int:
        """The count of a measure that has no slots."""
        return self.sums[measure, 0]

    def histogram(self, *measures: str) -> dict[int, int]:
        """Counts by slot of one or more measures."""
        slots: Counter[int] = Counter()
        for (measure, slot), n in self.sums.items():
            if measure in measures:
                slots[slot] += n
        return dict(slots)

    @property
    def reasons(self) -> Mapping[str, int]:
        """Excluded tickets by reason."""
        prefix = "excluded:"
        return {m.removeprefix(prefix): n for (m, _), n in sorted(self.sums.items()) if m.startswith(prefix)}

    @property
    def unread_reason(self) -> str | None:
        """Why nothing can be said: no day of the period was read (R14). Half-read days make no number."""
        return "connector_stale" if self.days and not self.days_covered else None

    @property
    def no_tickets_reason(self) -> str | None:
        """Why there is no eligible ticket; None when there is one (R14)."""
        if self.unread_reason or self.count("closed"):
            return self.unread_reason
        return "all_excluded" if self.count("excluded") else "no_tickets"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A computed indicator: ``value`` None comes with a ``reason``; ``x`` of ``n`` where it is a share."""

    value: float | None
    x: int | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def share(x: int, n: int, reason: str | None = None) -> Figure:
    """The share x/n with its interval, or null with ``reason``."""
    bounds = wilson(x, n)
    if reason is not None or bounds is None:
        return Figure(value=None, x=x, n=n, reason=reason or "no_tickets")
    return Figure(value=x / n, x=x, n=n, low=bounds[0], high=bounds[1])


def number(parts: Parts, measure: str) -> Figure:
    """The plain count of a measure."""
    if parts.unread_reason:
        return Figure(value=None, reason=parts.unread_reason)
    return Figure(value=parts.count(measure), x=parts.count(measure))
