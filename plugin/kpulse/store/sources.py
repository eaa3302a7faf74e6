"""The configured sources, how far each of their streams was read, and the runs that read them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from kpulse.errors import ConfigError, UsageError
from kpulse.store import tables as t
from kpulse.store.bulk import replace_different, write_rows
from kpulse.store.dirty import mark_source

STOPPED = "stopped"
FACTS = (
    t.ticket, t.status_event, t.merge, t.article, t.link_event, t.link_seen, t.link_view, t.team, t.membership, t.article_event,
    t.reach, t.quarantine, t.stream_state, t.run, t.swept,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Source:
    """A configured source. ``secrets`` maps names of settings to sealed values."""

    id: int
    name: str
    type: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    evidence: str
    poll_minutes: int | None
    history_days: int
    enabled: bool
    synthetic: bool


@dataclass(frozen=True, kw_only=True)
class Run:
    """One reading of a source; ``outcome`` is empty while it runs, then ok, partial or failed."""

    id: int
    source_id: int
    started_at: int
    ended_at: int | None
    outcome: str
    kind: str
    message: str
    records: int
    rejected: int
    stage: str
    progress: int
    eta: int | None


def list_sources(connection: Connection) -> list[Source]:
    """All sources, oldest first."""
    return [_source(row) for row in connection.execute(select(t.source).order_by(t.source.c.id))]


def find_source(connection: Connection, name_or_id: str | int) -> Source:
    """The source of that name or id; UsageError lists the known names."""
    for source in list_sources(connection):
        if name_or_id in (source.id, source.name, str(source.id)):
            return source
    known = ", ".join(source.name for source in list_sources(connection)) or "none yet"
    raise UsageError(f"There is no source {name_or_id!r}; known sources: {known}.")


def add_source(
    connection: Connection, *, created_at: int, settings: Mapping[str, Any], secrets: Mapping[str, str], **values: Any
) -> int:
    """Store a new source and return its id; UsageError when the name is taken."""
    if not str(values["name"]).strip() or not str(values["name"]).isprintable():
        raise UsageError("Give the source a name of one line.")
    taken = select(t.source.c.id).where(t.source.c.name == values["name"])
    if connection.execute(taken).first():
        raise UsageError(f"There is a source named {values['name']!r} already; choose another name.")
    _keep_apart(connection, synthetic=bool(values.get("synthetic")))
    stored = {
        **values,
        "created_at": created_at,
        "settings": json.dumps(dict(settings)),
        "secrets": json.dumps(dict(secrets)),
    }
    return int(connection.execute(insert(t.source).values(stored).returning(t.source.c.id)).scalar_one())


def _keep_apart(connection: Connection, *, synthetic: bool) -> None:
    """Synthetic and real numbers never stand in one rate: a real source takes the place of synthetic ones."""
    known = list_sources(connection)
    if synthetic and any(not one.synthetic for one in known):
        raise UsageError(
            "This installation has real sources; look at the demo in one of its own (another KPULSE_DATA_DIR)."
        )
    for one in known:
        if one.synthetic and not synthetic:
            remove_source(connection, one.id)


def change_source(connection: Connection, source_id: int, **values: Any) -> None:
    """Change fields of a source; another evidence rule has all its tickets derived again."""
    before = find_source(connection, source_id)
    stored = {
        name: json.dumps(dict(value)) if name in ("settings", "secrets") else value for name, value in values.items()
    }
    connection.execute(update(t.source).where(t.source.c.id == source_id).values(stored))
    if values.get("evidence", before.evidence) != before.evidence:
        mark_source(connection, source_id)


def remove_source(connection: Connection, source_id: int) -> None:
    """Delete a source and all its facts; what was derived from them leaves with the next recompute.

    Settled months hold its numbers too, so they settle anew from what remains.
    """
    mark_source(connection, source_id)
    for table in FACTS:
        connection.execute(delete(table).where(table.c.source_id == source_id))
    connection.execute(delete(t.source).where(t.source.c.id == source_id))
    connection.execute(delete(t.settled))
    connection.execute(delete(t.settlement))


def require_source(connection: Connection, source_id: int) -> None:
    """ConfigError when the source was removed meanwhile, so that nothing of it is stored any more."""
    if connection.execute(select(t.source.c.id).where(t.source.c.id == source_id)).first() is None:
        raise ConfigError("The source was removed while it was being read; nothing more of it is stored.")


def read_states(connection: Connection, source_id: int) -> dict[str, Any]:
    """How far each stream was read."""
    query = select(t.stream_state.c.stream, t.stream_state.c.state).where(t.stream_state.c.source_id == source_id)
    return {stream: json.loads(state) for stream, state in connection.execute(query)}


def save_state(connection: Connection, source_id: int, stream: str, state: Any, at: int) -> None:
    """Remember how far a stream was read."""
    row = {"source_id": source_id, "stream": stream, "state": json.dumps(state), "saved_at": at}
    write_rows(connection, t.stream_state, [row], replace_different)


def forget_states(connection: Connection, source_id: int) -> None:
    """Read all streams of a source from the beginning again; facts stay and are brought up to date."""
    connection.execute(delete(t.stream_state).where(t.stream_state.c.source_id == source_id))


def start_run(connection: Connection, source_id: int, at: int) -> int:
    """Open the books of a run; a run that was cut off before is closed as failed."""
    cut = update(t.run).where(t.run.c.source_id == source_id, t.run.c.outcome == "")
    connection.execute(
        cut.values(
            outcome="failed", kind="transient", message="The run was cut off; this one goes on from its last page."
        )
    )
    values = {"source_id": source_id, "started_at": at}
    return int(connection.execute(insert(t.run).values(values).returning(t.run.c.id)).scalar_one())


def change_run(connection: Connection, run_id: int, **values: Any) -> None:
    """Write down how a run goes on or ended."""
    connection.execute(update(t.run).where(t.run.c.id == run_id).values(values))


def last_runs(connection: Connection, *, outcomes: Sequence[str] | None = None) -> dict[int, Run]:
    """The newest run of each source: of all runs, or of those that went to their end with certain outcomes."""
    newest = select(func.max(t.run.c.id)).group_by(t.run.c.source_id)
    if outcomes is not None:
        newest = newest.where(t.run.c.outcome.in_(outcomes), t.run.c.kind != STOPPED)
    rows = connection.execute(select(t.run).where(t.run.c.id.in_(newest))).mappings()
    return {row["source_id"]: Run(**row) for row in rows}


def list_runs(connection: Connection, source_id: int, most: int = 20) -> list[Run]:
    """The newest runs of a source, newest first."""
    query = select(t.run).where(t.run.c.source_id == source_id).order_by(t.run.c.id.desc()).limit(most)
    return [Run(**row) for row in connection.execute(query).mappings()]


def count_facts(connection: Connection, source_id: int) -> dict[str, int]:
    """How many tickets, articles, links and quarantined rows of a source are stored."""
    found = {}
    for name, table in (
        ("tickets", t.ticket),
        ("articles", t.article),
        ("link events", t.link_event),
        ("links seen", t.link_seen),
        ("quarantined", t.quarantine),
    ):
        query = select(func.count()).select_from(table).where(table.c.source_id == source_id)
        found[name] = connection.execute(query.where(table.c.gone == 0) if "gone" in table.c else query).scalar_one()
    return found


def list_quarantine(connection: Connection, source_id: int, most: int = 100) -> list[tuple[str, str, str]]:
    """Rows that could not be read: (stream, position, reason)."""
    c = t.quarantine.c
    query = (
        select(c.stream, c.position, c.reason)
        .where(c.source_id == source_id)
        .order_by(c.seen_at.desc(), c.position)
        .limit(most)
    )
    return [tuple(row) for row in connection.execute(query)]


def _source(row: Row[Any]) -> Source:
    values = dict(row._mapping)
    values.pop("created_at")
    return Source(
        **{
            **values,
            "settings": json.loads(values["settings"]),
            "secrets": json.loads(values["secrets"] or "{}"),
            "enabled": bool(values["enabled"]),
            "synthetic": bool(values["synthetic"]),
        }
    )
