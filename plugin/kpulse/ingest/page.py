"""Stores one page: its records, its quarantine and its cursor in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from kpulse import records as r
from kpulse.ingest import mapping as mapping_rules
from kpulse.ingest.mapping import Mapping as RecordMapping
from kpulse.sdk.connector import Page, Rejected
from kpulse.store import tables as t
from kpulse.store import write
from kpulse.store.sources import save_state
from kpulse.store.write import Row

Put = Callable[[Connection, int, Sequence[Row]], int]


def store_page(
    connection: Connection,
    source_id: int,
    stream: str,
    page: Page,
    mapping: RecordMapping,
    state: Mapping[str, Any],
    at: int,
) -> int:
    """Store ``page`` and the stream's ``state`` after it; returns how many rows went to quarantine."""
    rows, rejected = map_records(page.records, mapping)
    for kind, put in _PUTS.items():
        if rows.get(kind):
            put(connection, source_id, rows[kind])
    _store_seen(connection, source_id, [record for record in page.records if isinstance(record, r.LinksSeen)])
    _bury(connection, source_id, [record for record in page.records if isinstance(record, r.Gone)])
    held_back = [*page.rejected, *rejected]
    write.put_quarantine(
        connection,
        [
            {"source_id": source_id, "stream": stream, "position": x.position[:255], "reason": x.reason, "seen_at": at}
            for x in held_back
        ],
    )
    save_state(connection, source_id, stream, dict(state), at)
    return len(held_back)


def map_records(records: Iterable[r.Record], mapping: RecordMapping) -> tuple[dict[type, list[Row]], list[Rejected]]:
    """Rows by kind of record, and the records that cannot be stored, with the reason."""
    maps: Mapping[type, Callable[[Any], Row]] = {
        r.Ticket: mapping.ticket,
        r.StatusEvent: mapping.status_event,
        r.Merged: mapping.merge,
        r.Article: mapping.article,
        r.LinkEvent: mapping.link_event,
        r.Team: mapping.team,
        r.Membership: mapping.membership,
        r.ArticleEvent: mapping.article_event,
        r.Reach: mapping.reach,
    }
    rows: dict[type, list[Row]] = {}
    rejected = []
    for record in records:
        kind = type(record)
        if kind in maps:
            try:
                rows.setdefault(kind, []).append(maps[kind](record))
            except (ValueError, TypeError, OverflowError) as error:
                rejected.append(
                    Rejected(position=f"{kind.__name__} {getattr(record, 'key', '')}".strip(), reason=str(error))
                )
    return rows, rejected


_PUTS: Mapping[type, Put] = {
    r.Team: write.put_teams,
    r.Membership: write.put_memberships,
    r.Ticket: write.put_tickets,
    r.StatusEvent: write.put_status_events,
    r.Merged: write.put_merges,
    r.Article: write.put_articles,
    r.ArticleEvent: write.put_article_events,
    r.Reach: write.put_reach,
    r.LinkEvent: write.put_link_events,
}


def _store_seen(connection: Connection, source_id: int, views: Sequence[r.LinksSeen]) -> None:
    if not views:
        return
    c = t.link_seen.c
    spans: dict[tuple[str, str, str], dict[str, Row]] = {}
    tickets = sorted({view.ticket for view in views})
    for start in range(0, len(tickets), write.CHUNK):
        query = select(t.link_seen).where(c.source_id == source_id, c.ticket.in_(tickets[start : start + write.CHUNK]))
        for span in connection.execute(query).mappings():
            spans.setdefault((span["ticket"], span["kind"], span["evidence"]), {})[span["article"]] = dict(span)
    changed: list[Row] = []
    for view in sorted(views, key=lambda view: view.seen_at):
        known = spans.setdefault((view.ticket, view.kind, view.evidence), {})
        for row in mapping_rules.seen_spans(source_id, view, list(known.values())):
            known[row["article"]] = row
            changed.append(row)
    write.put_links_seen(connection, source_id, changed)


def _bury(connection: Connection, source_id: int, graves: Sequence[r.Gone]) -> None:
    for what in ("ticket", "article"):
        write.bury(connection, source_id, what, {grave.key: grave.version for grave in graves if grave.what == what})
