"""What an issue and its history say as a ticket. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from kpulse.sdk import Status, StatusChange, Ticket, to_instant
from kpulse_connectors.atlassian import instant
from kpulse_connectors.jira.rows import Fields, History, Issue, State
from kpulse_connectors.jira.settings import CANCELLED, MEANINGS, JiraSettings

CLOSED = (Status.RESOLVED, Status.CLOSED)


class Move(NamedTuple):
    """The issue went from one state to another; the ids are those of the states."""

    at: datetime
    before: str
    name_before: str
    after: str
    name_after: str


class Meanings:
    """What the states of a site mean, by the KM lead's words or by their category."""

    def __init__(self, settings: JiraSettings, states: Sequence[State]) -> None:
        self._words: Mapping[str, str] = settings.meanings
        self._categories = {state.id: state.category.key for state in states}

    def word(self, id: str, name: str) -> str:
        """``open``, ``pending``, ``resolved``, ``closed`` or ``cancelled``; a state that is gone counts as open."""
        by_category = "resolved" if self._categories.get(id) == "done" else "open"
        return self._words.get(name.lower(), by_category)

    def status(self, id: str, name: str) -> Status:
        """The normalised state."""
        return MEANINGS[self.word(id, name)]

    def learn(self, state: State) -> None:
        """Note the category of a state that an issue is in."""
        if state.category.key:
            self._categories[state.id] = state.category.key


def read_ticket(issue: Issue[Fields], histories: Sequence[History], meanings: Meanings, s: JiraSettings) -> Ticket:
    """The ticket of an issue; ValueError where a time in it cannot be read."""
    fields = issue.fields
    meanings.learn(fields.status)
    changes = read_changes(fields, read_moves(histories), meanings)
    word = meanings.word(fields.status.id, fields.status.name)
    resolution = fields.resolution.name if fields.resolution else ""
    original = _original(fields, s) if resolution in s.duplicates else None
    return Ticket(
        key=issue.id,
        version=to_instant(instant(fields.updated)),
        opened_at=instant(fields.created),
        changes=changes,
        status=MEANINGS[word],
        source_status=fields.status.name,
        resolved_at=_resolved_at(fields, changes, MEANINGS[word]),
        team=_team(fields, s),
        owner=fields.assignee.id if fields.assignee else None,
        category=fields.kind.name if fields.kind else None,
        priority=fields.priority.name if fields.priority else None,
        exclude=_excluded(word, resolution, original, s),
        merged_into=original,
        reopened=sum(one.to in CLOSED and two.to not in CLOSED for one, two in pairwise(changes)),
    )


def read_moves(histories: Sequence[History]) -> Sequence[Move]:
    """The changes of state in the order of time."""
    moves = [
        Move(
            instant(history.created),
            item.before or "",
            item.name_before or "",
            item.after or "",
            item.name_after or "",
        )
        for history in histories
        for item in history.items
        if item.field == "status"
    ]
    return sorted(moves)


def read_changes(fields: Fields, moves: Sequence[Move], meanings: Meanings) -> Sequence[StatusChange]:
    """The states of an issue over time, without the first one unless that is a closed one."""
    now = fields.status
    first = (moves[0].before, moves[0].name_before) if moves else (now.id, now.name)
    changes = [_change(instant(fields.created), first, meanings)] if meanings.status(*first) in CLOSED else []
    changes += [_change(move.at, (move.after, move.name_after), meanings) for move in moves]
    if moves and moves[-1].after != now.id:
        # Imports and rebuilt workflows leave no history; the issue has been in its state since then at the latest.
        at = max(moves[-1].at, instant(fields.moved or fields.resolved or fields.updated))
        changes.append(_change(at, (now.id, now.name), meanings))
    if not moves and changes and (fields.resolved or fields.moved):
        changes = [_change(instant(fields.resolved or fields.moved or ""), first, meanings)]
    return changes


def _change(at: datetime, state: tuple[str, str], meanings: Meanings) -> StatusChange:
    return StatusChange(at=at, to=meanings.status(*state), source_status=state[1])


def _resolved_at(fields: Fields, changes: Sequence[StatusChange], status: Status) -> datetime | None:
    """Jira's own time of resolution, unless the issue is open or was opened again without losing its resolution."""
    if status not in CLOSED or not fields.resolved:
        return None
    resolved = instant(fields.resolved)
    stale = any(change.at > resolved and change.to not in CLOSED for change in changes)
    return None if stale else resolved


def _team(fields: Fields, s: JiraSettings) -> str | None:
    if s.team_field:
        return name_value(fields.team)
    if s.team == "component":
        return fields.components[0].name if fields.components else None
    return fields.project.id if fields.project else None


def name_value(value: Any) -> str | None:
    """The name in the value of a custom field: a text, an option, a group, a team, or the first of several."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, Mapping):
        value = next((value[name] for name in ("name", "title", "value", "id") if value.get(name)), None)
    return str(value) if value not in (None, "") else None


def _original(fields: Fields, s: JiraSettings) -> str | None:
    wanted = s.duplicate_link.lower()
    found = (link.outward.id for link in fields.links or () if link.outward and link.type.name.lower() == wanted)
    return next(found, None)


def _excluded(word: str, resolution: str, original: str | None, s: JiraSettings) -> str | None:
    if word == CANCELLED:
        return CANCELLED
    if resolution and resolution in s.excluded:
        return resolution
    return "duplicate" if resolution in s.duplicates and original is None else None
