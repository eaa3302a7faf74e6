"""Turns records into rows of the store: instants for times, pseudonyms for persons."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from kpulse import records as r
from kpulse.clock import to_instant
from kpulse.store.write import Row

Pseudonymise = Callable[[int, str], str]
_encode = msgspec.msgpack.encode
_json = msgspec.json.encode


class Mapping:
    """Maps the records of one source."""

    def __init__(self, source_id: int, pseudonymise: Pseudonymise) -> None:
        self._source = source_id
        self._pseudonymise = pseudonymise

    def ticket(self, ticket: r.Ticket) -> Row:
        """The row of a ticket."""
        row = {
            "source_id": self._source,
            "key": ticket.key,
            "version": ticket.version,
            "opened_at": to_instant(ticket.opened_at),
            "changes": _changes([(to_instant(c.at), c.to, c.source_status, c.team) for c in ticket.changes]),
            "status": ticket.status,
            "source_status": ticket.source_status,
            "resolved_at": _instant(ticket.resolved_at),
            "team": ticket.team,
            "owner": self._person(ticket.owner),
            "self_service": int(ticket.channel is r.Channel.SELF_SERVICE),
            "intake": ticket.intake,
            "category": ticket.category,
            "priority": ticket.priority,
            "exclude": ticket.exclude,
            "merged_into": ticket.merged_into,
            "reopened": ticket.reopened,
            "gone": 0,
        }
        row["fingerprint"] = fingerprint(row)
        return row

    def article(self, article: r.Article) -> Row:
        """The row of an article."""
        row = {
            "source_id": self._source,
            "key": article.key,
            "version": article.version,
            "created_at": to_instant(article.created_at),
            "title": article.title,
            "url": article.url,
            "state": article.state,
            "source_state": article.source_state,
            "changes": _changes([(to_instant(c.at), c.to, c.source_state, None) for c in article.changes]),
            "archived_at": _instant(article.archived_at),
            "first_published_at": _instant(article.first_published_at),
            "audience": article.audience,
            "author": self._person(article.author),
            "source_ticket": article.source_ticket,
            "category": article.category,
            "language": article.language,
            "gone": 0,
        }
        row["fingerprint"] = fingerprint(row)
        return row

    def status_event(self, event: r.StatusEvent) -> Row:
        """The row of a status change that was read apart from its ticket."""
        return {
            "source_id": self._source,
            "ticket": event.ticket,
            "event_id": event.event_id,
            "at": to_instant(event.at),
            "status": event.to,
            "source_status": event.source_status,
            "team": event.team,
        }

    def link_event(self, event: r.LinkEvent) -> Row:
        """The row of a link event; without an id of the source, equal fields are the same event (R6)."""
        row: Row = {
            "source_id": self._source,
            "ticket": event.ticket,
            "article": event.article,
            "op": event.op,
            "at": _instant(event.at),
            "actor": self._person(event.by),
            "kind": event.kind,
            "evidence": event.evidence,
            "article_version": event.article_version,
        }
        row["event_key"] = event.event_id or f"={fingerprint(row):x}"
        return row

    def merge(self, merged: r.Merged) -> Row:
        """The row of a merge that was read apart from its ticket."""
        return {"source_id": self._source, "ticket": merged.ticket, "into": merged.into}

    def team(self, team: r.Team) -> Row:
        """The row of a team."""
        return {"source_id": self._source, "key": team.key, "name": team.name, "parent": team.parent}

    def membership(self, member: r.Membership) -> Row:
        """The row of a membership; 0 stands for "always"."""
        return {
            "source_id": self._source,
            "team": member.team,
            "person": self._pseudonymise(self._source, member.person),
            "valid_from": _instant(member.valid_from) or 0,
            "valid_to": _instant(member.valid_to),
        }

    def article_event(self, event: r.ArticleEvent) -> Row:
        """The row of an article event."""
        row: Row = {
            "source_id": self._source,
            "article": event.article,
            "what": event.what,
            "at": to_instant(event.at),
            "actor": self._person(event.by),
        }
        row["event_key"] = event.event_id or f"={fingerprint(row):x}"
        return row

    def reach(self, reach: r.Reach) -> Row:
        """The row of an article's reach on a day."""
        return {
            "source_id": self._source,
            "article": reach.article,
            "day": reach.day.toordinal(),
            "views": reach.views,
            "helpful": reach.helpful,
            "not_helpful": reach.not_helpful,
        }

    def _person(self, person: str | None) -> str | None:
        return self._pseudonymise(self._source, person) if person else None


def fingerprint(row: Row) -> int:
    """A number that tells two contents of a row apart; rows of a table always name their columns in the same order."""
    digest = hashlib.blake2b(_encode(list(row.values())), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _changes(changes: Sequence[tuple[int, str, str, str | None]]) -> str:
    return _json(changes).decode() if changes else "[]"


def _instant(when: datetime | None) -> Any:
    return None if when is None else to_instant(when)
