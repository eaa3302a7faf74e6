"""A synthetic ticket system on 127.0.0.1 that answers like ServiceNow's Table API, in a process of its own.

Rows of about 4 KB are rendered once, in the order of their last change, into one block of bytes; a page is a slice of it,
so the server costs little beside what is measured. ``POST /change`` moves 1 % of the tickets to the end, as changed.
"""

import bisect
import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 390
TEAMS, PEOPLE = 40, 600
SECOND = "%Y-%m-%d %H:%M:%S"
WORDS = "synthetic text about nothing, as long as what people write into a ticket, which nobody here reads; "
EMPTY = [f"synthetic_empty_{number}" for number in range(48)]
REFERENCES = [f"synthetic_reference_{number}" for number in range(10)]
TIMES = [f"synthetic_time_{number}" for number in range(4)]
NUMBERS = [f"synthetic_number_{number}" for number in range(8)]
SINCE, UNTIL = re.compile(r"sys_updated_on>=([^^]*)"), re.compile(r"sys_updated_on<([^^]*)")
KEYS_SINCE = re.compile(r"sys_id>=([^^]*)")


def ticket(number: int, changed: datetime) -> dict[str, str]:
    """A synthetic incident as the Table API spells it: every value is text, half of the 92 columns are empty."""
    opened = changed - timedelta(hours=5 + number % 90)
    closed = number % 10 != 0
    unread = dict.fromkeys(EMPTY, "") | dict.fromkeys(NUMBERS, f"{number:08}")
    unread |= dict.fromkeys(TIMES, f"{opened:{SECOND}}") | dict.fromkeys(REFERENCES, f"{number % 997:032x}")
    return unread | {
        "sys_id": f"{number * 2654435761 % 2**32:08x}{number:024x}",
        "number": f"INC{number:07}",
        "state": "7" if closed else "2",
        "sys_created_on": f"{opened:{SECOND}}",
        "opened_at": f"{opened:{SECOND}}",
        "resolved_at": f"{changed - timedelta(hours=2):{SECOND}}" if closed else "",
        "closed_at": f"{changed:{SECOND}}" if closed else "",
        "sys_updated_on": f"{changed:{SECOND}}",
        "close_code": "Solved (Permanently)" if closed else "",
        "contact_type": ("phone", "email", "self-service")[number % 3],
        "category": ("network", "hardware", "software", "inquiry")[number % 4],
        "priority": str(1 + number % 5),
        "reopen_count": "0",
        "knowledge": "false",
        "assignment_group": f"{number % TEAMS:032x}",
        "assigned_to": f"{number % PEOPLE:032x}",
        "assigned_to.user_name": f"person{number % PEOPLE}",
        "resolved_by": f"{number % PEOPLE:032x}" if closed else "",
        "resolved_by.user_name": f"person{number % PEOPLE}" if closed else "",
        "parent_incident": "",
        "short_description": f"Synthetic ticket {number}",
        "description": WORDS * 7,
        "close_notes": WORDS,
    }


class Desk:
    """``tickets`` synthetic tickets, in the order of their last change."""

    def __init__(self, tickets: int) -> None:
        self._begin, self._step = NOW - timedelta(days=DAYS), timedelta(days=DAYS) / tickets
        self._all = range(tickets)
        self._render([(number, self._begin + self._step * number) for number in self._all])

    def change(self) -> None:
        """Change every hundredth ticket in the hours after NOW."""
        order = [(n, self._begin + self._step * n) for n in self._all if n % 100 != 50]
        late = self._all[50::100]
        order += [(n, NOW + timedelta(hours=2) * place / len(late)) for place, n in enumerate(late)]
        self._render(order)

    def _render(self, order: list[tuple[int, datetime]]) -> None:
        block, self.starts = bytearray(), [0]
        self.changed, self.keys = [], []
        for number, changed in order:
            row = ticket(number, changed)
            block += json.dumps(row).encode() + b","
            self.starts.append(len(block))
            self.changed.append(row["sys_updated_on"])
            self.keys.append(row["sys_id"])
        self.block = memoryview(block)
        self.keys.sort()

    def key_page(self, query: str, offset: int, limit: int) -> tuple[bytes, int]:
        """The same for a query that asks for keys alone, in their order."""
        since = KEYS_SINCE.search(query)
        low = bisect.bisect_left(self.keys, since[1]) if since else 0
        rows = ({"sys_id": key, "number": "INC"} for key in self.keys[low + offset : low + offset + limit])
        return b",".join(json.dumps(row).encode() for row in rows), len(self.keys) - low

    def page(self, query: str, offset: int, limit: int) -> tuple[memoryview, int]:
        """The bytes of a page without its brackets, and how many rows fit the query."""
        since, until = SINCE.search(query), UNTIL.search(query)
        low = bisect.bisect_left(self.changed, since[1]) if since else 0
        high = bisect.bisect_left(self.changed, until[1]) if until else len(self.changed)
        first, last = min(low + offset, high), min(low + offset + limit, high)
        return self.block[self.starts[first] : max(self.starts[first], self.starts[last] - 1)], max(0, high - low)


class Handler(BaseHTTPRequestHandler):
    """Answers for ``desk``; tables other than incident and the groups are empty."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    desk: Desk

    def do_GET(self) -> None:
        """One page of a table."""
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        table = parts.path.rpartition("/")[2]
        offset, limit = int(asked.get("sysparm_offset", 0)), int(asked.get("sysparm_limit", 10_000))
        if table != "incident":
            groups = [{"sys_id": f"{number:032x}", "name": f"Team {number}"} for number in range(TEAMS)]
            rows = groups if table == "sys_user_group" else []
            self._send(json.dumps(rows[offset : offset + limit])[1:-1].encode(), len(rows))
        elif asked.get("sysparm_fields", "").startswith("sys_id,number"):
            self._send(*self.desk.key_page(asked.get("sysparm_query", ""), offset, limit))
        else:
            self._send(*self.desk.page(asked.get("sysparm_query", ""), offset, limit))

    def do_POST(self) -> None:
        """Change 1 % of the tickets."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.desk.change()
        self._send(b"", 0)

    def _send(self, rows: Any, total: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("X-Total-Count", str(total))
        self.send_header("Content-Length", str(len(rows) + 13))
        self.end_headers()
        for part in (b'{"result":[', rows, b"]}"):
            self.wfile.write(part)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(tickets: int) -> Iterator[str]:
    """The address of a server with ``tickets`` tickets, in a process that ends with the block or with this process."""
    command = [sys.executable, str(Path(__file__)), str(tickets)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def main() -> None:
    """Serve until standard input is closed."""
    Handler.desk = Desk(int(sys.argv[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
