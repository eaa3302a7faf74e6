"""Which days were read completely, and as of when the data speak (R21)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from kpulse.periods import local_day
from kpulse.store import tables as t
from kpulse.store.sources import last_runs

GOOD = ("ok", "partial")


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """``first`` and ``last`` are the days that all sources cover, None while one covers nothing; ``as_of`` an instant.

    ``complete`` says that the first reading of every source is done.
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


def read_coverage(connection: Connection, zone: ZoneInfo) -> Coverage:
    """What the enabled sources cover together."""
    c = t.source.c
    enabled = list(connection.execute(select(c.id).where(c.enabled == 1)).scalars())
    states: dict[int, list[Mapping[str, Any]]] = {source: [] for source in enabled}
    for source_id, state in connection.execute(select(t.stream_state.c.source_id, t.stream_state.c.state)):
        if source_id in states:
            states[source_id].append(json.loads(state))
    spans = [_span(of_source) for of_source in states.values()]
    good = last_runs(connection, outcomes=GOOD)
    as_of = min((good[source].started_at for source in enabled if source in good), default=None)
    done = bool(enabled) and all(source in good for source in enabled)
    if not spans or any(span is None for span in spans):
        return Coverage(first=None, last=None, as_of=as_of, complete=False)
    begin, end = max(span[0] for span in spans if span), min(span[1] for span in spans if span)
    return Coverage(first=local_day(begin, zone), last=local_day(end, zone), as_of=as_of, complete=done)


def _span(states: list[Mapping[str, Any]]) -> tuple[int, int] | None:
    read = [state for state in states if "read_to" in state]
    if not read or len(read) < len(states):
        return None
    return max(state.get("read_from", 0) for state in read), min(state["read_to"] for state in read)
