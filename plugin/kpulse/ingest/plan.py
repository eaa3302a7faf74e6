"""Decides what to read next of a stream: the newest 30 days first, then news, then history backwards. Pure functions.

The state of a stream is JSON data: ``window`` and ``cursor`` while a window is being read, ``rows`` how many it gave;
``began`` when the stream was first read; ``read_to`` up to where news were read, ``read_from`` back to where history was
read, ``step`` the length of the next window of history; ``feed`` the cursor of a feed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kpulse.clock import DAY, MICROSECOND, from_instant
from kpulse.sdk.connector import Mode, Stream, Window

FIRST = 30 * DAY
STAGES = ("newest", "news", "history")
State = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A window to read. ``begin`` and ``end`` are instants, None for feeds and snapshots; ``cursor`` resumes inside."""

    stream: str
    stage: str
    begin: int | None = None
    end: int | None = None
    cursor: Any = None

    @property
    def window(self) -> Window:
        """The window as connectors see it; news have no end, so that nothing slips through."""
        return Window(
            since=None if self.begin is None else from_instant(self.begin),
            until=None if self.end is None or self.stage != "history" else from_instant(self.end),
        )


def next_step(stream: Stream, state: State, *, now: int, due: int, history: int) -> Step | None:
    """The next window of ``stream``; None when news were read since ``due`` and history is complete.

    ``history`` is how far back to read, in microseconds; 0 means everything, as for a stream that is read whole.
    """
    name = stream.name
    if stream.mode is not Mode.WINDOW:
        fresh = state.get("read_to", -1) >= due
        cursor = state.get("feed") if stream.mode is Mode.FEED else state.get("cursor")
        return None if fresh else Step(stream=name, stage="news" if "read_to" in state else "newest", cursor=cursor)
    if state.get("window"):
        begin, end, stage = state["window"]
        return Step(stream=name, stage=stage, begin=begin, end=end, cursor=state.get("cursor"))
    horizon = _horizon(stream, state, now, history)
    if "read_to" not in state:
        return Step(stream=name, stage="newest", begin=max(horizon, now - FIRST), end=now)
    if state["read_to"] < due:
        return Step(stream=name, stage="news", begin=state["read_to"] - stream.overlap // MICROSECOND, end=now)
    if state["read_from"] > horizon:
        begin = max(horizon, state["read_from"] - state.get("step", FIRST))
        return Step(stream=name, stage="history", begin=begin, end=state["read_from"])
    return None


def choose(steps: Iterable[Step]) -> Step | None:
    """The step to take first: newest before news before history, and of history the latest window."""
    return min(steps, key=lambda step: (STAGES.index(step.stage), -(step.end or 0)), default=None)


def save_page(state: State, step: Step, cursor: Any, rows: int, mode: Mode) -> dict[str, Any]:
    """The state after a page of ``step`` with ``rows`` records."""
    if mode is Mode.FEED:
        return {**state, "feed": cursor}
    window = {} if step.begin is None else {"window": [step.begin, step.end, step.stage]}
    return {**state, **window, "cursor": cursor, "rows": state.get("rows", 0) + rows}


def end_step(state: State, step: Step, *, began: int) -> dict[str, Any]:
    """The state after the last page of ``step``, which was begun at ``began``.

    A window of history that was empty doubles the next one, so that years without data pass quickly.
    """
    done = {name: value for name, value in state.items() if name not in ("window", "cursor", "rows")}
    done.setdefault("began", began)
    if step.begin is None or step.end is None:
        return {**done, "read_to": began}
    if step.stage == "history":
        done["step"] = FIRST if state.get("rows") else 2 * done.get("step", FIRST)
    done["read_to"] = max(done.get("read_to", step.end), step.end)
    done["read_from"] = min(done.get("read_from", step.begin), step.begin)
    return done


def measure_progress(streams: Iterable[Stream], states: Mapping[str, State], *, now: int, history: int) -> float:
    """How much of the first reading is done, 0 to 1, by the time that the windows cover."""
    shares = [_share(stream, states.get(stream.name, {}), now, history) for stream in streams]
    return sum(shares) / len(shares) if shares else 1.0


def _share(stream: Stream, state: State, now: int, history: int) -> float:
    if "read_to" not in state:
        return 0.0
    if stream.mode is not Mode.WINDOW:
        return 1.0
    span = state["began"] - _horizon(stream, state, now, history)
    return 1.0 if span <= 0 else float(min(1.0, (state["began"] - state["read_from"]) / span))


def _horizon(stream: Stream, state: State, now: int, history: int) -> int:
    return state.get("began", now) - history if history and not stream.whole else 0
