"""Loads tickets with all that counting needs: merge families, links, articles, and who first linked an article."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, and_, or_, select

from kpulse.records import ArticleState, LinkKind, Status
from kpulse.rollup.counting import decide, find_links, find_survivors, may_have_created
from kpulse.rollup.facts import ArticleFact, ArticleKey, Change, LinkFact, Outcome, Rules, SeenFact, TicketFact
from kpulse.store import tables as t
from kpulse.store.write import CHUNK

CLOSED = frozenset((Status.RESOLVED.value, Status.CLOSED.value))
_changes = msgspec.json.Decoder(list[tuple[int, str, str, str | None]])


@dataclass(frozen=True, slots=True)
class Families:
    """Tickets by key, and for each survivor its family (itself first)."""

    tickets: dict[str, TicketFact]
    by_survivor: dict[str, list[TicketFact]]


def derive(
    connection: Connection, source_id: int, keys: Iterable[str], rules: Rules
) -> Iterator[tuple[str, Outcome | None]]:
    """The outcome of each of ``keys`` and of every other ticket of their merge families."""
    families = load_families(connection, source_id, keys)
    links = {key: find_links(family, rules) for key, family in families.by_survivor.items()}
    named = {link.article for found in links.values() for link in found if link.article}
    articles = load_articles(connection, source_id, named, rules.as_of)
    candidates = {
        (source_id, link.article)
        for key, found in links.items()
        for link in found
        if key in families.tickets and may_have_created(families.tickets[key], articles.get((source_id, link.article)))
    }
    holders = find_holders(connection, source_id, {article for _, article in candidates}, rules)
    for key, family in families.by_survivor.items():
        members = frozenset(ticket.key for ticket in family)
        for ticket in family:
            own = links[key] if ticket.key == key else []
            yield ticket.key, decide(ticket, members, own, articles, holders, rules)


def load_families(connection: Connection, source_id: int, keys: Iterable[str]) -> Families:
    """The merge families of ``keys``."""
    edges, members = _load_merges(connection, source_id, set(keys))
    survivors = find_survivors(edges)
    tickets = {fact.key: fact for fact in _load_tickets(connection, source_id, sorted(members))}
    for key in survivors.keys() & tickets.keys():
        tickets[key].merged_into = survivors[key] if survivors[key] != key else None
    by_survivor: dict[str, list[TicketFact]] = defaultdict(list)
    for key in sorted(tickets, key=lambda key: (key in edges and survivors[key] != key, key)):
        by_survivor[survivors.get(key, key)].append(tickets[key])
    return Families(tickets, by_survivor)


def load_articles(
    connection: Connection, source_id: int, keys: Iterable[str], as_of: int | None
) -> dict[ArticleKey, ArticleFact]:
    """The articles that exist, by (source, key)."""
    found = {}
    columns = (
        t.article.c.key,
        t.article.c.created_at,
        t.article.c.source_ticket,
        t.article.c.changes,
        t.article.c.archived_at,
    )
    for part in _parts(keys):
        query = select(*columns).where(
            t.article.c.source_id == source_id, t.article.c.key.in_(part), t.article.c.gone == 0
        )
        for key, created_at, source_ticket, changes, archived_at in connection.execute(query):
            found[source_id, key] = ArticleFact(
                created_at=created_at, source_ticket=source_ticket, archived=_read_archived(changes, archived_at)
            )
    return found


def find_holders(
    connection: Connection, source_id: int, articles: Iterable[str], rules: Rules
) -> dict[ArticleKey, str]:
    """For each article the survivor that carries its earliest link (R8)."""
    wanted = set(articles)
    if not wanted:
        return {}
    linked: set[str] = set()
    for part in _parts(wanted):
        for table in (t.link_event, t.link_seen):
            where = (table.c.source_id == source_id) & table.c.article.in_(part)
            linked.update(connection.execute(select(table.c.ticket).where(where)).scalars())
    earliest: dict[ArticleKey, tuple[int, str]] = {}
    families = load_families(connection, source_id, linked)
    for ticket in families.tickets.values():
        if ticket.gone and ticket.merged_into is None:
            continue
        for link in find_links([ticket], rules):  # not of the family: merging moves a link, it makes none earlier
            if link.article in wanted and link.made_at is not None:
                place = (source_id, link.article)
                earliest[place] = min(earliest.get(place, (link.made_at, ticket.key)), (link.made_at, ticket.key))
    return {place: families.tickets[key].merged_into or key for place, (_, key) in earliest.items()}


def _load_merges(connection: Connection, source_id: int, keys: set[str]) -> tuple[dict[str, str], set[str]]:
    """The merges around ``keys``, and all tickets of the families that they make; what a ticket says of itself wins."""
    told: dict[str, str] = {}
    own: dict[str, str] = {}
    members, frontier = set(keys), set(keys)
    tables = (
        (told, t.merge, t.merge.c.ticket, t.merge.c.into),
        (own, t.ticket, t.ticket.c.key, t.ticket.c.merged_into),
    )
    while frontier:
        met: set[str] = set()
        for edges, table, child, into in tables:
            found = dict(_read_merges(connection, table.c.source_id == source_id, child, into, frontier))
            edges.update(found)
            met.update(found, found.values())
        frontier = met - members
        members |= frontier
    return {**told, **own}, members


def _read_merges(
    connection: Connection, of_source: "ColumnElement[bool]", child: "Column[str]", into: "Column[Any]", keys: set[str]
) -> Iterator[tuple[str, str]]:
    for part in _parts(keys):
        touches = or_(and_(child.in_(part), into.is_not(None)), into.in_(part))
        query = select(child, into).where(of_source, touches)
        yield from ((key, target) for key, target in connection.execute(query) if key != target)


def _load_tickets(connection: Connection, source_id: int, keys: Sequence[str]) -> Iterator[TicketFact]:
    names = dict(connection.execute(select(t.team.c.key, t.team.c.name).where(t.team.c.source_id == source_id)).all())
    c = t.ticket.c
    columns = (
        c.key, c.opened_at, c.changes, c.status, c.resolved_at, c.team, c.owner, c.self_service, c.exclude, c.gone,
    )  # fmt: skip
    for part in _parts(keys):
        facts = {}
        for key, opened, changes, status, resolved, team, owner, alone, exclude, gone in connection.execute(
            select(*columns).where(c.source_id == source_id, c.key.in_(part))
        ):
            facts[key] = TicketFact(
                source_id=source_id,
                key=key,
                opened_at=opened,
                changes=[] if changes == "[]" else _read_changes(changes, names),
                closed_now=status in CLOSED,
                resolved_at=resolved,
                team=names.get(team, team) or "",
                owner=owner,
                self_service=bool(alone),
                exclude=exclude,
                gone=bool(gone),
            )
        _add_status_events(connection, source_id, part, facts, names)
        _add_links(connection, source_id, part, facts)
        yield from facts.values()


def _add_status_events(
    connection: Connection, source_id: int, keys: Sequence[str], facts: dict[str, TicketFact], names: dict[str, str]
) -> None:
    c = t.status_event.c
    query = (
        select(c.ticket, c.at, c.status, c.team)
        .where(c.source_id == source_id, c.ticket.in_(keys))
        .order_by(c.at, c.event_id)
    )
    for ticket, at, status, team in connection.execute(query):
        if ticket in facts:
            facts[ticket].changes.append(Change(at, status in CLOSED, names.get(team, team)))


def _add_links(connection: Connection, source_id: int, keys: Sequence[str], facts: dict[str, TicketFact]) -> None:
    e, s = t.link_event.c, t.link_seen.c
    events = select(e.ticket, e.op, e.at, e.article, e.evidence).where(
        e.source_id == source_id, e.ticket.in_(keys), e.kind == LinkKind.RESOLUTION
    )
    for ticket, op, at, article, evidence in connection.execute(events):
        if ticket in facts:
            facts[ticket].links.append(LinkFact(op, at, article or "", evidence))
    spans = select(s.ticket, s.article, s.evidence, s.absent_at, s.assumed_at).where(
        s.source_id == source_id, s.ticket.in_(keys), s.kind == LinkKind.RESOLUTION
    )
    for ticket, *span in connection.execute(spans):
        if ticket in facts:
            facts[ticket].seen.append(SeenFact(*span))


def _read_changes(stored: str, names: dict[str, str]) -> list[Change]:
    return [
        Change(at, status in CLOSED, names.get(team, team) if team else None)
        for at, status, _, team in _changes.decode(stored)
    ]


def _read_archived(stored: str, archived_at: int | None) -> tuple[tuple[int, bool], ...]:
    if stored == "[]":
        return ((archived_at, True),) if archived_at is not None else ()
    return tuple((at, state == ArticleState.ARCHIVED) for at, state, _, _ in sorted(_changes.decode(stored)))


def _parts(keys: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
