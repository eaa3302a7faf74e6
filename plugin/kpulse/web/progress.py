"""How far the readings are, in words and numbers: for bars, and as JSON for the pages that stay open. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kpulse.store.sources import Run, Source
from kpulse.web import words

STAGES = {"newest": "the newest 30 days first", "news": "what is new", "history": "older months"}
WAITING = "waiting for its first reading"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A reading: ``promille`` of the first reading done, and sentences."""

    source: int
    name: str
    running: bool
    first: bool
    promille: int
    stage: str
    left: str
    records: str


def list_progress(sources: Sequence[Source], runs: Mapping[int, Run], done: frozenset[int], now: int) -> list[Progress]:
    """The progress of every enabled source; ``done`` are the sources that were read completely once."""
    return [describe(source, runs.get(source.id), source.id in done, now) for source in sources if source.enabled]


def describe(source: Source, run: Run | None, done: bool, now: int) -> Progress:
    """The progress of one source."""
    running = run is not None and not run.outcome
    going = run if run is not None and running else None
    return Progress(
        source=source.id,
        name=source.name,
        running=running,
        first=not done,
        promille=1000 if done and not running else run.progress if run is not None else 0,
        stage=say_stage(going.stage) if going else WAITING if run is None else "",
        left=words.left(going.eta, now) if going and going.eta else "",
        records=f"{words.count(going.records)} records" if going else "",
    )


def is_first_reading(progress: Sequence[Progress]) -> bool:
    """Whether a first reading is under way or about to begin."""
    return any(each.first and (each.running or each.stage == WAITING) for each in progress)


def say_stage(stage: str) -> str:
    """tickets: newest -> reading tickets, the newest 30 days first"""
    stream, _, step = stage.partition(": ")
    if not stream:
        return "beginning"
    return f"reading {stream.replace('_', ' ')}, {STAGES.get(step, step)}" if step else f"reading {stream}"


def as_json(progress: Sequence[Progress], version: str, *, counted: bool) -> dict[str, Any]:
    """What the open pages ask for; ``version`` changes with the numbers."""
    return {
        "first_reading": is_first_reading(progress) or not counted,
        "version": version,
        "sources": [asdict(each) for each in progress],
    }
