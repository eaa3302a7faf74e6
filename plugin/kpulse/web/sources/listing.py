"""A source and its state in words. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass

from kpulse.store.sources import Run, Source
from kpulse.web.progress import Progress, describe

HELD = "accept the deletions"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A source as the list and its own page show it."""

    source: Source
    type_title: str
    state: str
    tone: str
    sentence: str
    since: int | None
    progress: Progress
    counts: Mapping[str, int]
    has_held_deletions: bool


def describe_source(
    source: Source, title: str, last: Run | None, good: Run | None, counts: Mapping[str, int], now: int
) -> Row:
    """The state of a source in one word, one sentence and its age."""
    word, tone, sentence = say_state(source, last)
    return Row(
        source=source,
        type_title=title,
        state=word,
        tone=tone,
        sentence=sentence,
        since=good.started_at if good is not None else None,
        progress=describe(source, last, good is not None, now),
        counts=counts,
        has_held_deletions=bool(last and last.outcome == "partial" and HELD in last.message),
    )


def say_state(source: Source, last: Run | None) -> tuple[str, str, str]:
    """Word, tone and sentence."""
    if not source.enabled:
        return "Paused", "quiet", "It is not read until you resume it; what was read stays."
    if last is None:
        return "Waiting", "expected", "Its first reading begins within seconds, when a worker is running."
    if not last.outcome:
        return "Reading", "expected", ""
    if last.outcome == "ok":
        return "OK", "expected", ""
    if last.kind == "stopped":
        return "Stopped", "quiet", last.message
    word = "Partial" if last.outcome == "partial" else "Failed"
    return word, "look", last.message
