"""Which days were read completely, and as of when the data speak (R21)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from kpulse.periods import local_day
from kpulse.store import tables as t
from kpulse.store.notes import read_note, write_note
from kpulse.store.sources import last_runs

GOOD = ("ok", "partial")
NOTE = "coverage"


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """``first`` and ``last`` are the days that all ready sources cover, None while none is ready; ``as_of`` an instant.

    A source is ready when the newest days of all its streams were read. ``complete`` says that every source was read once
    to its end.
    """

    first: int | None
    last: int | None
    as_of: int | None
    complete: bool

    def count_days(self, first: int, end: int) -> int:
        """How many of the days [first, end) are covered."""
        if self.first is None or self.last is None:
            return 0
        return max(0, min(end, self.last + 1) - max(first, self.first))


NOTHING = Coverage(first=None, last=None, as_of=None, complete=False)


def read_coverage(connection: Connection) -> Coverage:
    """What the present numbers cover: what was read when they were last brought up to date."""
    kept = read_note(connection, NOTE)
    return Coverage(**json.loads(kept)) if kept else NOTHING


def keep_coverage(connection: Connection, coverage: Coverage) -> None:
    """Keep what numbers cover that were brought up to date."""
    write_note(connection, NOTE, json.dumps(asdict(coverage)))


def measure_coverage(connection: Connection, zone: ZoneInfo) -> Coverage:
    """What the sources cover together by now; a paused one covers what it covered before."""
    known = list(connection.execute(select(t.source.c.id)).scalars())
    states: dict[int, list[Mapping[str, Any]]] = {source: [] for source in known}
    for source_id, state in connection.execute(select(t.stream_state.c.source_id, t.stream_state.c.state)):
        if source_id in states:
            states[source_id].append(json.loads(state))
    spans = [span for of_source in states.values() if (span := _span(of_source))]
    good = last_runs(connection, outcomes=GOOD)
    as_of = min((good[source].started_at for source in known if source in good), default=None)
    if not spans:
        return Coverage(first=None, last=None, as_of=as_of, complete=False)
    begin, end = max(span[0] for span in spans), min(span[1] for span in spans)
    complete = all(source in good for source in known)
    return Coverage(first=local_day(begin, zone), last=local_day(end, zone), as_of=as_of, complete=complete)


def _span(states: list[Mapping[str, Any]]) -> tuple[int, int] | None:
    read = [state for state in states if "read_to" in state]
    if not read or len(read) < len(states):
        return None
    return max(state.get("read_from", 0) for state in read), min(state["read_to"] for state in read)
