"""Small named values of the service: versions, marks, choices."""

from sqlalchemy import Connection, select

from kpulse.store import tables as t
from kpulse.store.dirty import insert_into


def read_note(connection: Connection, name: str) -> str | None:
    """The value of a note, None where there is none."""
    return connection.execute(select(t.note.c.value).where(t.note.c.name == name)).scalar()


def write_note(connection: Connection, name: str, value: str) -> None:
    """Set a note."""
    insert = insert_into(connection, t.note).values(name=name, value=value)
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def bump(connection: Connection, name: str) -> int:
    """Count a note up by one and return the new number."""
    number = int(read_note(connection, name) or 0) + 1
    write_note(connection, name, str(number))
    return number
