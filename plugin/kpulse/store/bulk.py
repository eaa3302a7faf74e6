"""Writes and finds many rows with one prepared statement, past SQLAlchemy's work for each row and each key.

That work is most of the cost of taking in (docs/performance.md).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table, or_
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]
Rule = Callable[[Any, Sequence[str]], Any]
KEYS_AT_ONCE = 1024


def append(insert: Any, columns: Sequence[str]) -> Any:
    """No such row is there yet; one that is would be an error."""
    return insert


def keep_first(insert: Any, columns: Sequence[str]) -> Any:
    """A row that is there already stays as it is."""
    return insert.on_conflict_do_nothing()


def replace_older(insert: Any, columns: Sequence[str]) -> Any:
    """A row that is there already is replaced unless its version is newer."""
    newer = insert.excluded.version >= insert.table.c.version
    return insert.on_conflict_do_update(index_elements=_keys(insert), set_=_rest(insert, columns), where=newer)


def replace_different(insert: Any, columns: Sequence[str]) -> Any:
    """A row that is there already is replaced where it says something else."""
    new = _rest(insert, columns)
    differs = or_(*(value.is_distinct_from(insert.table.c[name]) for name, value in new.items()))
    return insert.on_conflict_do_update(index_elements=_keys(insert), set_=new, where=differs)


def write_rows(connection: Connection, table: Table, rows: Sequence[Row], rule: Rule) -> None:
    """Insert ``rows``, which all have the same columns; ``rule`` says what happens to those that are there already."""
    if not rows:
        return
    text, order = _compile(connection.dialect, table, tuple(rows[0]), rule)
    connection.exec_driver_sql(text, list(map(itemgetter(*order), rows)) if order else list(rows))


def find_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], source_id: int, by: str, keys: Sequence[str]
) -> Iterator[Sequence[Any]]:
    """``columns`` of those rows of a source whose column ``by`` is one of ``keys``."""
    for start in range(0, len(keys), KEYS_AT_ONCE):
        part = keys[start : start + KEYS_AT_ONCE]
        # Few lengths make few statements; a key that is asked for twice is found once.
        asked = 1 << (len(part) - 1).bit_length()
        text = _select_text(connection.dialect, table, columns, by, asked)
        padding = [part[-1]] * (asked - len(part))
        yield from connection.exec_driver_sql(text, (source_id, *part, *padding))


def insert_for(dialect: Dialect, table: Table) -> Any:
    """An INSERT of this dialect, which knows ON CONFLICT."""
    return (sqlite if dialect.name == "sqlite" else postgresql).insert(table)


@lru_cache(maxsize=256)
def _compile(dialect: Dialect, table: Table, columns: tuple[str, ...], rule: Rule) -> tuple[str, tuple[str, ...]]:
    """The text of the statement, and the order of its parameters where they have no names."""
    compiled: Any = rule(insert_for(dialect, table), columns).compile(dialect=dialect, column_keys=columns)
    return str(compiled), tuple(compiled.positiontup or ())


@lru_cache(maxsize=256)
def _select_text(dialect: Dialect, table: Table, columns: tuple[str, ...], by: str, asked: int) -> str:
    quote, mark = dialect.identifier_preparer.quote, "?" if dialect.name == "sqlite" else "%s"
    where = f"source_id = {mark} AND {quote(by)} IN ({', '.join([mark] * asked)})"
    # Names come from the tables of this package and values are bound.
    return f"SELECT {', '.join(map(quote, columns))} FROM {quote(table.name)} WHERE {where}"  # noqa: S608


def _keys(insert: Any) -> list[str]:
    return [column.name for column in insert.table.primary_key]


def _rest(insert: Any, columns: Sequence[str]) -> dict[str, Any]:
    return {name: insert.excluded[name] for name in columns if name not in _keys(insert)}
