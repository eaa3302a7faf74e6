"""Reads a question from text parameters, for the API and the command line alike."""

from collections.abc import Sequence
from datetime import date

from kpulse.errors import UsageError
from kpulse.periods import Grain, Period, rolling, split
from kpulse.values.answer import Question

USUAL_DAYS = 28
MOST_PARTS = 1200


def read_question(
    today: date,
    *,
    start: str | None = None,
    end: str | None = None,
    team: str | None = None,
    by: str | None = None,
    grain: str | None = None,
    indicators: Sequence[str] | None = None,
) -> Question:
    """The question; without a period the last 28 days. UsageError says which parameter makes no sense."""
    if by not in (None, "team"):
        raise UsageError("by: only by=team is known.")
    if by and team:
        raise UsageError("Ask for one team or for all teams side by side, not both.")
    if grain is not None and grain not in list(Grain):
        raise UsageError(f"grain: {grain!r} is none of {', '.join(Grain)}.")
    period = _read_period(today, start, end)
    if grain and sum(1 for _ in split(period, Grain(grain))) > MOST_PARTS:
        raise UsageError(f"That is more than {MOST_PARTS} periods; ask for a coarser grain or fewer days.")
    return Question(
        period=period,
        grain=Grain(grain) if grain else None,
        team=team,
        by_team=by == "team",
        indicators=indicators or None,
    )


def _read_period(today: date, start: str | None, end: str | None) -> Period:
    usual = rolling(today, USUAL_DAYS)
    last = _read_day("to", end) if end else usual.end
    first = _read_day("from", start) if start else rolling(date.fromordinal(last.toordinal() - 1), USUAL_DAYS).start
    return Period(first, last)


def _read_day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{name}: {text!r} is not a day; write it like 2026-03-31.") from None
