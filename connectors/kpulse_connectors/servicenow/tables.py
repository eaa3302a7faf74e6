"""Walking a table of ServiceNow to its end, whatever it hides, drops or ignores on the way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kpulse.sdk import Http, LoopGuard, Record, SourceChanged, TransientError, Window
from kpulse_connectors.servicenow.rows import Row, Rows, reference

SECOND = "%Y-%m-%d %H:%M:%S"
Params = Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A table to walk in the order of the column ``by``, and how a row of it becomes records.

    ``groups`` limits the rows to assignment groups, where it is not empty.
    """

    table: str
    row: type[Row]
    answer: Any
    by: str
    turn: Callable[[Any], Sequence[Record]]
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Behind the row ``last``: at ``offset`` among the rows of ``table`` whose ordering column is ``at`` or later."""

    table: str
    at: str = ""
    offset: int = 0
    last: str = ""


END = Place(table="-")


@dataclass(frozen=True)
class Count:
    """How many rows a query has, whether the first one may be read, and the source's clock minus ours in seconds."""

    total: int
    visible: bool
    skew: float | None


class Tables:
    """The Table API of one instance, in pages of ``page_size`` rows."""

    def __init__(self, http: Http, page_size: int) -> None:
        self._http = http
        self.page_size = page_size

    def walk(self, part: Part, window: Window, place: Place) -> Iterator[tuple[Sequence[Any], Place | None, int]]:
        """Pages of rows, each with the place behind it (None at the end) and the number of rows still counted.

        Reading goes on from the time of the last row, so that rows which change while they are read, and so leave the
        window, move no other row past us. But ServiceNow cuts the page before it drops the rows that the account may
        not read: a page can be short or empty anywhere. Where time does not move on, the offset does, and only the
        total count tells the end. The last second is read again, because rows that share it may still follow.
        """
        guard = LoopGuard(f"the rows of {part.table}")
        behind: Place | None = place
        while behind is not None:
            here = behind
            found, total = self._ask(part, window, here)
            if found:
                guard.visit((here.at, found[0].sys_id))
            behind = self._behind(part, here, found, total)
            yield found[1:] if found and found[0].sys_id == here.last else found, behind, total

    def _behind(self, part: Part, here: Place, found: Sequence[Any], total: int) -> Place | None:
        if here.offset + self.page_size >= total:
            return None
        at, last = (getattr(found[-1], part.by), found[-1].sys_id) if found else (here.at, here.last)
        offset = 0 if at.lower() > here.at.lower() else here.offset + self.page_size
        return Place(table=part.table, at=at, offset=offset, last=last)

    def _ask(self, part: Part, window: Window, here: Place) -> tuple[Sequence[Any], int]:
        since = "" if part.by == "sys_id" else second(window.since)
        until = "" if part.by == "sys_id" else second(window.until, timedelta(microseconds=999_999))
        low = max(here.at, since)
        query = [f"{part.by}>={low}"] * bool(low) + [f"{part.by}<{until}"] * bool(until)
        query += [f"assignment_groupIN{','.join(sorted(part.groups))}"] * bool(part.groups)
        params: Params = {
            "sysparm_query": "^".join([*query, f"ORDERBY{part.by}", *["ORDERBYsys_id"] * (part.by != "sys_id")]),
            "sysparm_fields": ",".join(field.encode_name for field in msgspec.structs.fields(part.row)),
            "sysparm_limit": self.page_size,
            "sysparm_offset": here.offset,
        }
        found, total, _ = self.get(part.table, part.answer, params)
        _distrust(part, found, low, until)
        return found, total

    def get(self, table: str, answer: Any, params: Params) -> tuple[Sequence[Any], int, float | None]:
        """The rows, how many there are in all, and the source's clock minus ours in seconds."""
        plain = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}
        got = self._http.get(f"api/now/table/{table}", answer, {**params, **plain})
        if got.body.error is not None:
            raise TransientError(
                f"ServiceNow cut its answer about {table} short; lower Rows per page if that stays so."
            )
        total = got.headers.get("X-Total-Count", "")
        if not total.isdecimal():
            raise SourceChanged(f"{table} came without X-Total-Count, which alone tells the end; does a proxy drop it?")
        return got.body.result, int(total), got.clock_skew

    def count(self, table: str, query: str = "") -> Count:
        """How many rows of ``table`` fit ``query``."""
        params: Params = {"sysparm_query": query, "sysparm_fields": "sys_id", "sysparm_limit": 1}
        found, total, skew = self.get(table, Rows[Row], params)
        return Count(total, bool(found), skew)


def part_of(
    table: str,
    row: type[Row],
    by: str,
    turn: Callable[[Any], Sequence[Record]],
    groups: frozenset[str] = frozenset(),
) -> Part:
    """A part that decodes only the columns that ``row`` declares."""
    answer: Any = Rows[row]  # type: ignore[valid-type]
    return Part(table=table, row=row, answer=answer, by=by, turn=turn, groups=groups)


def _distrust(part: Part, found: Sequence[Any], low: str, until: str) -> None:
    """See that the rows fit what was asked: ServiceNow leaves out without a word what it does not like in a query."""
    # A database that ignores case orders ids without it.
    places = [getattr(row, part.by).lower() for row in found]
    if places and (places[0] < low.lower() or (until and places[-1] >= until) or places != sorted(places)):
        raise SourceChanged(
            f"{part.table} sent rows outside of what was asked by {part.by}; let the account read that field, "
            "and set the account's time zone to GMT."
        )
    if part.groups and not all(reference(row.assignment_group) in part.groups for row in found):
        raise SourceChanged(f"{part.table} sent tickets of other assignment groups than those that were asked for.")


def second(when: datetime | None, up: timedelta = timedelta()) -> str:
    """``when`` plus ``up`` as a query spells it, cut to the second; empty for None."""
    return f"{(when + up).astimezone(UTC):{SECOND}}" if when else ""
