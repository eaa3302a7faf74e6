"""Stores one page: its records, its quarantine and its cursor in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from kpulse import records as r
from kpulse.ingest import seen
from kpulse.ingest.fitting import fit
from kpulse.ingest.mapping import Mapping as RecordMapping
from kpulse.sdk.connector import Page, Rejected
from kpulse.store import tables as t
from kpulse.store import write
from kpulse.store.sources import save_state
from kpulse.store.write import Row

Put = Callable[[Connection, int, Sequence[Row]], int]
Place = tuple[str, str, str]


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
    views, graves = _sift(page.records, rejected)
    _store_seen(connection, source_id, views)
    _bury(connection, source_id, graves)
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
                rows.setdefault(kind, []).append(fit(maps[kind](record), _TABLES[kind]))
            except (ValueError, TypeError, OverflowError) as error:
                rejected.append(_reject(record, error))
    return rows, rejected


def _sift(records: Iterable[r.Record], rejected: list[Rejected]) -> tuple[list[r.LinksSeen], list[r.Gone]]:
    """The views and the graves that can be stored; the others go to ``rejected``."""
    views: list[r.LinksSeen] = []
    graves: list[r.Gone] = []
    for record in records:
        try:
            if isinstance(record, r.LinksSeen):
                seen.add_view((), record)
                for article in record.articles or ("",):
                    fit({"ticket": record.ticket, "article": article or ""}, t.link_seen)
                views.append(record)
            elif isinstance(record, r.Gone):
                fit({"key": record.key, "version": record.version}, t.ticket)
                graves.append(record)
        except (ValueError, TypeError, OverflowError) as error:
            rejected.append(_reject(record, error))
    return views, graves


def _reject(record: r.Record, error: Exception) -> Rejected:
    name = getattr(record, "key", None) or getattr(record, "ticket", None) or getattr(record, "article", "")
    position = f"{type(record).__name__} {name}".encode("ascii", "replace").decode().replace("\0", "?").strip()
    return Rejected(position=position, reason=str(error))


_TABLES: Mapping[type, Table] = {
    r.Ticket: t.ticket,
    r.StatusEvent: t.status_event,
    r.Merged: t.merge,
    r.Article: t.article,
    r.LinkEvent: t.link_event,
    r.Team: t.team,
    r.Membership: t.membership,
    r.ArticleEvent: t.article_event,
    r.Reach: t.reach,
}
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
    known = _read_stretches(connection, source_id, sorted({view.ticket for view in views}))
    now = dict(known)
    for view in views:
        place = (view.ticket, view.kind.value, view.evidence.value)
        now[place] = seen.add_view(now.get(place, []), view)
    names = ("source_id", "ticket", "kind", "evidence")
    changed = {place: stretches for place, stretches in now.items() if stretches != known.get(place)}
    write.put_link_views(
        connection,
        [
            {**dict(zip(names, (source_id, *place), strict=True)), "stretches": seen.write_stretches(stretches)}
            for place, stretches in changed.items()
        ],
    )
    spans: list[Row] = []
    for place, stretches in changed.items():
        before = seen.find_spans(known.get(place, ()))
        for article, span in seen.find_spans(stretches).items():
            if before.get(article) != span:
                key = dict(zip(names, (source_id, *place), strict=True))
                spans.append({**key, "article": article, **span._asdict()})
    write.put_links_seen(connection, source_id, spans)


def _read_stretches(connection: Connection, source_id: int, tickets: Sequence[str]) -> dict[Place, list[seen.Stretch]]:
    c = t.link_view.c
    found: dict[Place, list[seen.Stretch]] = {}
    for start in range(0, len(tickets), write.CHUNK):
        part = tickets[start : start + write.CHUNK]
        query = select(c.ticket, c.kind, c.evidence, c.stretches).where(c.source_id == source_id, c.ticket.in_(part))
        for ticket, kind, evidence, stored in connection.execute(query):
            found[ticket, kind, evidence] = seen.read_stretches(stored)
    return found


def _bury(connection: Connection, source_id: int, graves: Sequence[r.Gone]) -> None:
    for what in ("ticket", "article"):
        newest: dict[str, int] = {}
        for grave in graves:
            if grave.what == what:
                newest[grave.key] = max(grave.version, newest.get(grave.key, grave.version))
        write.bury(connection, source_id, what, newest)
