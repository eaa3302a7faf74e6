"""Scratch stores to count in, and what is derived in them."""

import atexit
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Select, delete, func, select

from kpulse import records as r
from kpulse.ingest.mapping import Mapping
from kpulse.ingest.page import store_page
from kpulse.rollup.facts import Outcome, Rules
from kpulse.rollup.measures import sum_articles, sum_outcomes
from kpulse.rollup.recompute import count_dirty
from kpulse.rollup.replay import replay
from kpulse.sdk.connector import Page
from kpulse.store import tables as t
from kpulse.store.database import Database

Rows = set[tuple[Any, ...]]


def open_store(url: str = "sqlite://") -> Database:
    database = Database(url)
    t.metadata.create_all(database.engine)
    return database


def empty(database: Database) -> None:
    with database.writing() as connection:
        for table in t.metadata.tables.values():
            connection.execute(delete(table))


def deliver(database: Database, records: Sequence[r.Record], *, source: int = 1) -> int:
    """Store one page; returns how many records went to quarantine."""
    with database.writing() as connection:
        mapping = Mapping(source, lambda source_id, person: f"{source_id}-{person}")
        return store_page(connection, source, "all", Page(records=records), mapping, {}, 0)


@cache
def scratch() -> Database:
    """A store that the tests of a process share."""
    database = open_store()
    atexit.register(database.close)
    return database


def count(records: Iterable[r.Record], rules: Rules) -> dict[str, Outcome]:
    """The outcome of each ticket, through an empty store."""
    database = scratch()
    empty(database)
    deliver(database, list(records))
    return {outcome.ticket: outcome for outcome in replay(database, rules)}


def read(database: Database, table: Any, *without: str) -> Rows:
    columns = [column for column in table.columns if column.name not in without]
    with database.reading() as connection:
        return {tuple(row) for row in connection.execute(select(*columns))}


def read_derived(database: Database) -> dict[str, Rows]:
    """Everything that is derived from facts."""
    return {table.name: read(database, table) for table in (t.outcome, t.counted_link, t.rollup, t.article_rollup)}


def replayed(database: Database, rules: Rules) -> dict[str, Rows]:
    """What the same facts come to when counted in memory."""
    outcomes = list(replay(database, rules))
    sums = sum_outcomes(outcomes)
    articles = sum_articles(outcomes)
    return {
        "rollup": {(team, day, m, slot, n) for (team, day), found in sums.items() for (m, slot), n in found.items()},
        "article_rollup": {(*place, found["reuse"], found["create"]) for place, found in articles.items()},
        "outcome": {tuple(getattr(outcome, column.name) for column in t.outcome.columns) for outcome in outcomes},
    }


def is_clean(database: Database) -> bool:
    with database.reading() as connection:
        return count_dirty(connection) == 0


def as_of(rules: Rules, instant: int | None) -> Rules:
    return replace(rules, as_of=instant)


def count_tickets() -> Select[int]:
    """The question how many tickets are stored."""
    return select(func.count()).select_from(t.ticket)
