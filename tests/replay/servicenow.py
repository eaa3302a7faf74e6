"""Answers like ServiceNow's Table API from rows in memory, with its habits: strings everywhere, limit before rights.

As in the real system a query part that is not understood is silently left out, X-Total-Count counts also the rows that
the account may not read, and a page is cut before those rows are dropped from it.
"""

import base64
import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from kpulse.sdk.testing import Request, Response, faults, json_response

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

USER, PASSWORD, TOKEN = "kpulse.reader", "pass-phrase-of-the-reader", "token-of-the-reader"
UNAUTHENTICATED = {
    "error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"},
    "status": "failure",
}
RATE_LIMITED = {"error": {"message": "Rate limit exceeded", "detail": "Too many requests"}, "status": "failure"}
CONDITION = re.compile(r"([a-z0-9_.]+)(>=|<=|!=|IN|=|>|<)(.*)", re.DOTALL)
COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    ">=": lambda have, want: have >= want,
    "<=": lambda have, want: have <= want,
    ">": lambda have, want: have > want,
    "<": lambda have, want: have < want,
    "IN": lambda have, want: have in want.split(","),
}
ACCOUNT = {"sys_id": "u-reader", "user_name": USER, "time_zone": "", "sys_updated_on": "2026-01-01 00:00:00"}


def rate_limited(seconds: float) -> faults.Fault:
    """The documented answer of an instance whose rate rule is exceeded."""
    headers = {"Retry-After": f"{seconds:g}", "X-RateLimit-Limit": "1000", "X-RateLimit-Rule": "Reader"}
    return faults.status(429, headers, json.dumps(RATE_LIMITED).encode())


@dataclass
class ServiceNowReplay:
    """A handler for ``kpulse.sdk.testing`` over ``tables`` (name to rows).

    ``hidden`` says which rows the account may not read, ``forbidden`` which tables. ``deaf`` names the fields whose
    conditions are silently left out. ``links`` keeps references as objects whatever is asked.
    """

    tables: Mapping[str, Sequence[Row]]
    hidden: Callable[[str, Row], bool] = lambda table, row: False
    forbidden: frozenset[str] = frozenset()
    deaf: frozenset[str] = frozenset()
    links: bool = False
    _by_id: dict[str, Row] = field(default_factory=dict, repr=False)
    _orders: dict[tuple[str, tuple[str, ...]], Sequence[Row]] = field(default_factory=dict, repr=False)

    def change(self, table: str, rows: Sequence[Row]) -> None:
        """Let ``table`` hold other rows from now on."""
        self.tables = {**self.tables, table: rows}
        self.__post_init__()

    def __post_init__(self) -> None:
        self.tables = {"sys_user": [ACCOUNT], **self.tables}
        self._orders.clear()
        self._by_id = {row["sys_id"]: row for rows in self.tables.values() for row in rows}

    def __call__(self, request: Request) -> Response:
        if request.headers.get("authorization") not in ACCEPTED:
            return json_response(UNAUTHENTICATED, 401, {"WWW-Authenticate": 'Basic realm="Service-now"'})
        table = request.path.rpartition("/")[2]
        if table not in self.tables:
            return json_response({"error": {"message": f"Invalid table {table}", "detail": None}}, 400)
        if table in self.forbidden:
            return json_response({"error": {"message": "Operation Failed", "detail": "ACL Exception"}}, 403)
        return self._page(table, request)

    def _page(self, table: str, request: Request) -> Response:
        asked = request.query
        limit, offset = int(asked.get("sysparm_limit", "10000")), int(asked.get("sysparm_offset", "0"))
        found = self._found(table, asked.get("sysparm_query", ""))
        rows = [row for row in found[offset : offset + limit] if not self.hidden(table, row)]
        bare = asked.get("sysparm_exclude_reference_link") == "true" and not self.links
        names = [name for name in asked.get("sysparm_fields", "").split(",") if name]
        headers = {"X-Total-Count": str(len(found)), "Link": _next(request, offset + limit, len(found))}
        return json_response({"result": [self._shown(row, names, bare) for row in rows]}, 200, headers)

    def _found(self, table: str, query: str) -> Sequence[Row]:
        wanted, orders = self._parsed(query)
        rows = self._ordered(table, tuple(orders))
        return [row for row in rows if all(any(test(row) for test in tests) for tests in wanted)]

    def _ordered(self, table: str, orders: tuple[str, ...]) -> Sequence[Row]:
        if (table, orders) not in self._orders:
            rows = sorted(self.tables[table], key=lambda row: [self._value(row, name) for name in orders])
            self._orders[table, orders] = rows
        return self._orders[table, orders]

    def _parsed(self, query: str) -> tuple[Sequence[Sequence[Test]], Sequence[str]]:
        wanted: list[list[Test]] = []
        orders: list[str] = []
        for part in filter(None, query.split("^")):
            if part.startswith("ORDERBY"):
                orders.append(part.removeprefix("ORDERBY"))
                continue
            test = self._test(part.removeprefix("OR"))
            if test and part.startswith("OR") and wanted:
                wanted[-1].append(test)
            elif test:
                wanted.append([test])
        return wanted, orders

    def _test(self, part: str) -> Test | None:
        match = CONDITION.fullmatch(part)
        if not match or match[1] in self.deaf:
            return None
        name, compare, want = match[1], COMPARE[match[2]], match[3]
        return lambda row: compare(self._value(row, name), want)

    def _value(self, row: Row, name: str) -> str:
        first, _, rest = name.partition(".")
        value = _bare(row.get(first, ""))
        if not rest:
            return value
        target = self._by_id.get(value)
        return self._value(target, rest) if target else ""

    def _shown(self, row: Row, names: Sequence[str], bare: bool) -> Row:
        known = {name: row[name] if name in row else self._value(row, name) for name in names if _exists(row, name)}
        shown = known if names else row
        return {name: _bare(value) for name, value in shown.items()} if bare else shown


ACCEPTED = {"Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), f"Bearer {TOKEN}"}


def _exists(row: Row, name: str) -> bool:
    return name in row or name.partition(".")[0] in row


def _bare(value: Any) -> str:
    return str(value["value"] if isinstance(value, Mapping) else value)


def _next(request: Request, offset: int, total: int) -> str:
    if offset >= total:
        return ""
    host = request.headers.get("host", "")
    return f'<http://{host}{request.path}?sysparm_offset={offset}>;rel="next"'


def recorded(path: Path) -> Sequence[Row]:
    """The rows of a recorded Table API answer, as they came."""
    return [row for call in json.loads(path.read_text()) for row in call["response"]["body"]["result"]]


def uci_incidents(zip_path: Path) -> Sequence[Row]:
    """The incidents of the UCI 498 log (Amaral, Fantinato, Peres; CC BY 4.0) as rows of the table ``incident``.

    Each incident is what its last event says. Times are taken as UTC; what is missing is "".
    """
    with zipfile.ZipFile(zip_path) as archive, archive.open("incident_event_log.csv") as raw:
        last = {event["number"]: event for event in csv.DictReader(io.TextIOWrapper(raw, "utf-8"))}
    return [_uci_row(event) for event in last.values()]


def uci_groups(incidents: Iterable[Row]) -> Sequence[Row]:
    """The assignment groups that ``incidents`` name, as rows of the table ``sys_user_group``."""
    names = sorted({row["assignment_group"] for row in incidents} - {""})
    return [{"sys_id": name, "name": name, "parent": "", "active": "true"} for name in names]


UCI_STATES = {"New": "1", "Active": "2", "Resolved": "6", "Closed": "7"}
UCI_TEXTS = ("category", "contact_type", "priority", "assignment_group", "assigned_to", "resolved_by", "knowledge")


def _uci_row(event: Mapping[str, str]) -> Row:
    said = {name: "" if value == "?" else value for name, value in event.items()}
    return {
        **{name: said[name] for name in UCI_TEXTS},
        "sys_id": said["number"],
        "number": said["number"],
        "state": UCI_STATES.get(said["incident_state"], "3"),
        "opened_at": _uci_time(said["opened_at"]),
        "resolved_at": _uci_time(said["resolved_at"]),
        "closed_at": _uci_time(said["closed_at"]),
        "sys_created_on": _uci_time(said["sys_created_at"] or said["opened_at"]),
        "sys_updated_on": _uci_time(said["sys_updated_at"]),
        "reopen_count": said["reopen_count"],
        "close_code": said["closed_code"],
        "parent_incident": "",
    }


def _uci_time(text: str) -> str:
    return f"{datetime.strptime(text, '%d/%m/%Y %H:%M'):%Y-%m-%d %H:%M:%S}" if text else ""  # noqa: DTZ007
