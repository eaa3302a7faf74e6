"""Walking through RT's collections by id, so that rows which change meanwhile shift nothing.

Three things that RT does shape this: it says how many rows there are only to accounts that may see all of them; it takes
rows that the account may not see out of a page *after* cutting the page, so that an empty page can stand before full ones;
and it reads the times in a query in the time zone of the account, which it does not tell.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from kpulse.sdk import Http, SourceChanged, Window

API = "REST/2.0"
PAGE_SIZE = 100  # RT cuts larger ones to this without a word
EMPTY_PAGES_AT_END = 3
FURTHEST_WEST = timedelta(hours=13)
FURTHEST_EAST = timedelta(hours=15)


class Collection(msgspec.Struct):
    """An answer with rows; ``total`` is None for accounts that may not see everything."""

    items: list[msgspec.Raw]
    total: int | float | None = None


class Identified(msgspec.Struct):
    """The part of a row by which to go on."""

    id: str | int


@dataclass(frozen=True, kw_only=True)
class Query:
    """Rows of ``path`` with ``fields``, chosen by ``sql`` (RT's own query language) or by JSON ``filters``.

    ``expand`` names fields whose object is wanted with its name.
    """

    path: str
    fields: str
    sql: str | None = None
    filters: Sequence[dict[str, str | int]] = ()
    expand: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The next rows, each with its id. ``remaining`` counts these and all behind them, where RT tells."""

    rows: Sequence[tuple[int, msgspec.Raw]]
    remaining: int | None

    @property
    def last(self) -> int:
        """The id to go on behind."""
        return self.rows[-1][0]


def walk(http: Http, query: Query, after: int = 0, size: int = PAGE_SIZE) -> Iterator[Batch]:
    """All rows with an id above ``after``, by id; SourceChanged where RT does not go forward."""
    page = 1
    while page <= EMPTY_PAGES_AT_END:
        answer = ask(http, query, after, page, size)
        rows = [
            (int(msgspec.json.decode(raw, type=Identified).id), raw) for raw in answer.items if bytes(raw) != b"null"
        ]
        if rows:
            _check_order(query, [after, *(row[0] for row in rows)])
            yield Batch(rows=rows, remaining=None if answer.total is None else int(answer.total))
            after, page = rows[-1][0], 1
        elif answer.total == 0:
            return
        else:
            page += 1


def _check_order(query: Query, ids: Sequence[int]) -> None:
    if any(low >= high for low, high in itertools.pairwise(ids)):
        raise SourceChanged(
            f"RT sent {query.path} out of order behind number {ids[0]}, so they cannot be read to the end."
        )


def ask(http: Http, query: Query, after: int = 0, page: int = 1, size: int = PAGE_SIZE) -> Collection:
    """One page of the rows behind ``after``, hidden articles and queues included."""
    params: dict[str, str | int] = {
        "fields": query.fields,
        "orderby": "id",
        "order": "ASC",
        "per_page": size,
        "page": page,
    }
    params |= {f"fields[{field}]": "Name" for field in query.expand}
    if query.sql is not None:
        params["query"] = f"{query.sql} AND id > {after}"
        return http.get(f"{API}/{query.path}", Collection, params).body
    params["find_disabled_rows"] = 1
    behind = {"field": "id", "operator": ">", "value": after}
    return http.post(f"{API}/{query.path}", Collection, [*query.filters, behind], params).body


def within(window: Window, when: datetime) -> bool:
    """Whether a time is in the window."""
    return (window.since is None or window.since <= when) and (window.until is None or when < window.until)


def sql_window(field: str, window: Window) -> str:
    """A condition that is true of every row in the window, whatever the account's time zone; rows around it come along."""
    parts = []
    if window.since is not None:
        parts.append(f"{field} >= '{plain(window.since - FURTHEST_WEST)}'")
    if window.until is not None:
        parts.append(f"{field} < '{plain(window.until + FURTHEST_EAST)}'")
    return "".join(f" AND {part}" for part in parts)


def json_window(field: str, window: Window) -> list[dict[str, str | int]]:
    """The window as JSON filters, which RT compares with its stored UTC times."""
    bounds = ((">=", window.since), ("<", window.until and window.until + timedelta(seconds=1)))
    return [
        {"field": field, "operator": operator, "value": plain(when), "entry_aggregator": "AND"}
        for operator, when in bounds
        if when is not None
    ]


def plain(when: datetime) -> str:
    """A time as RT's queries want it."""
    return f"{when:%Y-%m-%d %H:%M:%S}"


def quoted(text: str) -> str:
    """A name as a string of RT's query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
