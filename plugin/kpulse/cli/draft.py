"""The files of a new connector, with ``@@name@@``, ``@@Name@@`` and ``@@title@@`` to be filled in."""

from collections.abc import Mapping

_PROJECT = """[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "kpulse-@@name@@"
version = "0.1.0"
description = "Knowledge Pulse reads @@title@@."
requires-python = ">=3.11"
dependencies = ["knowledge-pulse"]

[project.entry-points."kpulse.connectors"]
@@name@@ = "kpulse_@@name@@:@@Name@@"

[tool.setuptools]
py-modules = ["kpulse_@@name@@"]

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]
"""

_README = """# @@title@@ for Knowledge Pulse

A connector that works against the invented desk in `tests/replay.py`. Change, in this order:

1. `tests/replay.py`: make it answer like the real system (recorded answers, without anything that names a person).
2. The rows and the paths in `kpulse_@@name@@.py`.
3. The settings: what a KM lead has to say so that the connector can sign in and count.

`pytest` runs the tests that every connector has to pass. After `pip install -e .` the connector is in the list of
`kpulse source types` and in the form for new sources.
"""

_CONNECTOR = '''"""Reads @@title@@: tickets, the articles linked to them, and the articles themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from kpulse.sdk import (
    Article,
    ArticleState,
    Budget,
    Connector,
    Evidence,
    Finding,
    HttpPolicy,
    HttpSettings,
    Level,
    LinksSeen,
    LoopGuard,
    Page,
    Record,
    Report,
    SecretStr,
    Status,
    Stream,
    Ticket,
    Window,
    setting,
    to_instant,
)


class Row(msgspec.Struct):
    """What every row has. Declare only what is used: the rest is skipped, and what is missing is named."""

    id: int
    created_at: datetime
    updated_at: datetime


class TicketRow(Row):
    closed_at: datetime | None = None
    team: str | None = None
    articles: list[int] = []


class ArticleRow(Row):
    title: str = ""
    published: bool = True


class Tickets(msgspec.Struct):
    rows: list[TicketRow]


class Articles(msgspec.Struct):
    rows: list[ArticleRow]


class @@Name@@Settings(HttpSettings):
    """What a KM lead says. It is drawn as a form; a SecretStr is sealed and never shown again."""

    token: SecretStr = setting("Token", "A token of an account that may only read.")
    page_size: int = setting("Rows per page", "Lower it when answers time out.", default=100, advanced=True, ge=1)

    def policy(self) -> HttpPolicy:
        return replace(super().policy(), budgets=(Budget(requests=600, seconds=60),))


class @@Name@@(Connector):
    """Reads @@title@@; never writes to it."""

    key = "@@name@@"
    title = "@@title@@"
    summary = "Tickets and articles of @@title@@."
    settings_type = @@Name@@Settings
    settings: @@Name@@Settings
    streams: ClassVar[Sequence[Stream]] = (Stream(name="articles"), Stream(name="tickets"))

    def auth(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    def check(self) -> Report:
        self.http.get("api/tickets", Tickets, {"limit": 1})
        return Report(findings=[Finding(level=Level.OK, subject="tickets", message="They can be read.")])

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        guard, after = LoopGuard(stream), int(cursor["after"]) if cursor else 0
        while True:
            guard.visit(after)
            rows = self._rows(stream, window, after)
            if not rows:
                return
            after = rows[-1].id
            records = [record for row in rows for record in read(row, self.clock())]
            yield Page(records=records, cursor={"after": after})

    def _rows(self, stream: str, window: Window, after: int) -> Sequence[TicketRow] | Sequence[ArticleRow]:
        asked: dict[str, str | int] = {"after": after, "limit": self.settings.page_size}
        asked |= {"since": window.since.isoformat()} if window.since else {}
        asked |= {"until": window.until.isoformat()} if window.until else {}
        if stream == "tickets":
            return self.http.get("api/tickets", Tickets, asked).body.rows
        return self.http.get("api/articles", Articles, asked).body.rows


def read(row: TicketRow | ArticleRow, now: datetime) -> Sequence[Record]:
    """The records that a row says at the time ``now``."""
    version = to_instant(row.updated_at)
    if isinstance(row, ArticleRow):
        state = ArticleState.VALIDATED if row.published else ArticleState.WIP
        return [Article(key=str(row.id), version=version, created_at=row.created_at, title=row.title, state=state)]
    ticket = Ticket(
        key=str(row.id),
        version=version,
        opened_at=row.created_at,
        resolved_at=row.closed_at,
        status=Status.CLOSED if row.closed_at else Status.OPEN,
        team=row.team,
    )
    # This desk shows which articles are linked, but not since when; where it says so, use LinkEvent.
    linked = [str(n) for n in row.articles]
    return [ticket, LinksSeen(ticket=ticket.key, articles=linked, seen_at=now, evidence=Evidence.UNTIMED)]
'''

_REPLAY = '''"""An invented desk that answers like @@title@@: everything in it is synthetic."""

from collections.abc import Mapping, Sequence
from typing import Any

from kpulse.sdk.testing import Handler, Request, Response, json_response


def desk(rows: int = 5) -> Handler:
    """A desk with ``rows`` tickets and ``rows`` articles."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = {
        "/api/tickets": [ticket(n) for n in range(1, rows + 1)],
        "/api/articles": [article(n) for n in range(1, rows + 1)],
    }

    def answer(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer token-of-a-test":
            return json_response({"error": "not signed in"}, 401)
        if request.path not in tables:
            return json_response({"error": "not found"}, 404)
        after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "100"))
        return json_response({"rows": [row for row in tables[request.path] if row["id"] > after][:limit]})

    return answer


def ticket(n: int) -> Mapping[str, Any]:
    times = {"created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-06T08:00:00Z", "closed_at": "2026-01-06T08:00:00Z"}
    return {"id": n, **times, "team": "Service Desk", "articles": [n] if n % 2 else [], "text": "not read " * 20}


def article(n: int) -> Mapping[str, Any]:
    times = {"created_at": "2026-01-01T08:00:00Z", "updated_at": "2026-01-02T08:00:00Z"}
    return {"id": n, **times, "title": f"Synthetic article {n}", "published": True}
'''

_TESTS = '''"""The tests that every connector has to pass, and the answers of this one."""

from kpulse.sdk import LinksSeen, Ticket
from kpulse.sdk.testing import Handler
from kpulse.sdk.testing.conformance import ConnectorConformance, read, records_of
from kpulse_@@name@@ import @@Name@@, @@Name@@Settings
from replay import desk


class Test@@Name@@(ConnectorConformance):
    connector_type = @@Name@@
    required = {"tickets": "id", "articles": "id"}

    def settings(self, address: str) -> @@Name@@Settings:
        return @@Name@@Settings(address=address, token="token-of-a-test", page_size=2)

    def settings_for_many(self, address: str) -> @@Name@@Settings:
        return @@Name@@Settings(address=address, token="token-of-a-test", page_size=500)

    def handler(self) -> Handler:
        return desk()

    def many(self, rows: int) -> Handler:
        return desk(rows)

    def test_known_answers(self) -> None:
        with self.opened() as connector:
            records = records_of(read(connector, "tickets"))
        assert [record.key for record in records if isinstance(record, Ticket)] == ["1", "2", "3", "4", "5"]
        assert [record.articles for record in records if isinstance(record, LinksSeen)] == [["1"], [], ["3"], [], ["5"]]
'''

DRAFT: Mapping[str, str] = {
    "pyproject.toml": _PROJECT,
    "README.md": _README,
    "kpulse_@@name@@.py": _CONNECTOR,
    "tests/replay.py": _REPLAY,
    "tests/test_@@name@@.py": _TESTS,
}
