"""The columns that are read of each table, and what a row of them says as records. All values are text."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from kpulse.sdk import (
    Article,
    ArticleState,
    Evidence,
    LinkEvent,
    LinksSeen,
    Membership,
    Op,
    Status,
    StatusChange,
    Team,
    Ticket,
    to_instant,
)
from kpulse_connectors.servicenow.settings import CANCELLED, MEANINGS

T = TypeVar("T")
WORKFLOW: Mapping[str, ArticleState] = {
    "draft": ArticleState.WIP,
    "review": ArticleState.NOT_VALIDATED,
    "scheduled": ArticleState.NOT_VALIDATED,
    "published": ArticleState.VALIDATED,
    "pending_retirement": ArticleState.VALIDATED,
    "retired": ArticleState.ARCHIVED,
}
CONFIDENCE: Mapping[str, ArticleState] = {
    "wip": ArticleState.WIP,
    "work in progress": ArticleState.WIP,
    "not validated": ArticleState.NOT_VALIDATED,
    "validated": ArticleState.VALIDATED,
    "archived": ArticleState.ARCHIVED,
}
PUBLISHED = ("published", "pending_retirement", "retired")


class Reference(msgspec.Struct, gc=False):
    value: str


Ref = str | Reference


class Row(msgspec.Struct, gc=False):
    sys_id: str


class Task(Row, gc=False):
    sys_updated_on: str
    state: str
    sys_created_on: str = ""
    opened_at: str = ""
    resolved_at: str = ""
    closed_at: str = ""
    close_code: str = ""
    contact_type: str = ""
    category: str = ""
    priority: str = ""
    reopen_count: str = ""
    knowledge: str = ""
    assignment_group: Ref = ""
    assigned_to: Ref = ""
    resolved_by: Ref = ""
    parent_incident: Ref = ""
    assigned_name: str = msgspec.field(default="", name="assigned_to.user_name")
    resolved_name: str = msgspec.field(default="", name="resolved_by.user_name")


class Knowledge(Row, gc=False):
    number: str
    sys_updated_on: str
    sys_created_on: str
    workflow_state: str
    short_description: str = ""
    confidence: str = ""
    published: str = ""
    retired: str = ""
    language: str = ""
    kb_category: Ref = ""
    source: Ref = ""
    base_version: Ref = ""
    author: Ref = ""
    author_name: str = msgspec.field(default="", name="author.user_name")
    base_created: str = msgspec.field(default="", name="base_version.sys_created_on")
    base_published: str = msgspec.field(default="", name="base_version.published")


class Attached(Row, gc=False):
    sys_created_on: str
    task: Ref
    kb_knowledge: Ref
    sys_created_by: str = ""
    number: str = msgspec.field(default="", name="kb_knowledge.number")


class Group(Row, gc=False):
    name: str
    parent: Ref = ""


class Member(Row, gc=False):
    group: Ref
    user: Ref
    user_name: str = msgspec.field(default="", name="user.user_name")


class Key(Row, gc=False):
    number: str = ""
    assignment_group: Ref = ""


class User(Row, gc=False):
    user_name: str
    time_zone: str = ""


class _Problem(msgspec.Struct):
    message: str | None = None


class Rows(msgspec.Struct, Generic[T]):
    result: list[T]
    error: _Problem | None = None


def reference(value: Ref) -> str | None:
    """The sys_id that a reference holds, if any."""
    return (value if isinstance(value, str) else value.value) or None


def instant(text: str) -> datetime:
    """The UTC time of a database value; ValueError, without the value, where it is none."""
    try:
        return datetime.fromisoformat(f"{text}+00:00" if len(text) > 10 else f"{text} 00:00:00+00:00")
    except ValueError:
        raise ValueError("A time in the row is missing or not written as YYYY-MM-DD HH:MM:SS.") from None


def _closure(row: Task, status: Status, team: str | None) -> Sequence[StatusChange]:
    closed = row.closed_at if status is Status.CLOSED or not row.resolved_at else ""
    times = ((Status.RESOLVED, row.resolved_at), (Status.CLOSED, closed))
    changes = [StatusChange(at=instant(at), to=to, source_status=row.state, team=team) for to, at in times if at]
    return sorted(changes, key=lambda change: change.at)


def read_ticket(row: Task, meanings: Mapping[str, str], duplicates: frozenset[str]) -> Ticket:
    """The ticket of a task row; ValueError where it cannot be told when it was opened or closed."""
    meaning, team = meanings.get(row.state, "open"), reference(row.assignment_group)
    status = MEANINGS[meaning]
    done = status in (Status.RESOLVED, Status.CLOSED)
    changes = _closure(row, status, team) if done else ()
    if done and not changes and meaning != CANCELLED:
        raise ValueError("The ticket is closed, but has neither resolved_at nor closed_at.")
    final = row.resolved_at or row.closed_at
    duplicate, parent = row.close_code in duplicates and done, reference(row.parent_incident)
    return Ticket(
        key=row.sys_id,
        version=to_instant(instant(row.sys_updated_on)),
        opened_at=instant(row.opened_at or row.sys_created_on),
        changes=changes,
        status=status,
        source_status=row.state,
        resolved_at=instant(final) if done and final else None,
        team=team,
        owner=row.resolved_name or reference(row.resolved_by) or row.assigned_name or reference(row.assigned_to),
        intake=row.contact_type or None,
        category=row.category or None,
        priority=row.priority or None,
        exclude=CANCELLED if meaning == CANCELLED else "duplicate" if duplicate and not parent else None,
        merged_into=parent if duplicate else None,
        reopened=int(row.reopen_count) if row.reopen_count.isdecimal() else None,
    )


def read_flag(row: Task) -> LinksSeen:
    """The bare flag that knowledge was used, as it stood when the row was last changed."""
    seen = (None,) if row.knowledge == "true" else ()
    return LinksSeen(ticket=row.sys_id, articles=seen, seen_at=instant(row.sys_updated_on), evidence=Evidence.UNTIMED)


def read_article(row: Knowledge, address: str) -> Sequence[Article]:
    """The article of a version row; nothing for a superseded version and for the draft of a next one."""
    base = reference(row.base_version)
    next_draft = row.workflow_state not in PUBLISHED and base not in (None, row.sys_id)
    if row.workflow_state == "outdated" or next_draft:
        return ()
    known = WORKFLOW.get(row.workflow_state, ArticleState.NOT_VALIDATED)
    sure = CONFIDENCE.get(row.confidence.lower().replace("_", " "), known)
    state = ArticleState.ARCHIVED if known is ArticleState.ARCHIVED else sure
    created, changed = instant(row.base_created or row.sys_created_on), instant(row.sys_updated_on)
    published = (row.base_published or row.published) if row.workflow_state in PUBLISHED else ""
    # The last change of a retired row is the latest time at which it can have been retired.
    archived = (instant(row.retired) if row.retired else changed) if state is ArticleState.ARCHIVED else None
    article = Article(
        key=row.number or row.sys_id,
        version=to_instant(changed),
        created_at=created,
        title=row.short_description,
        url=f"{address}/kb_view.do?sysparm_article={row.number}" if row.number else "",
        state=state,
        source_state=f"{row.workflow_state} {row.confidence}".strip(),
        archived_at=archived,
        first_published_at=max(created, instant(published)) if published else None,
        author=row.author_name or reference(row.author),
        source_ticket=reference(row.source),
        category=reference(row.kb_category),
        language=row.language or None,
    )
    return (article,)


def read_link(row: Attached) -> Sequence[LinkEvent]:
    """The attaching of an article to a task; ValueError where the row names only one of them."""
    version, task = reference(row.kb_knowledge), reference(row.task)
    if not version or not task:
        raise ValueError("The row names no article or no task that this account may see.")
    link = LinkEvent(
        op=Op.ADD,
        ticket=task,
        article=row.number or version,
        at=instant(row.sys_created_on),
        by=row.sys_created_by or None,
        event_id=row.sys_id,
        article_version=version,
    )
    return (link,)


def read_team(row: Group) -> Sequence[Team]:
    """The team that an assignment group is."""
    return (Team(key=row.sys_id, name=row.name, parent=reference(row.parent)),)


def read_membership(row: Member) -> Sequence[Membership]:
    """Who belongs to a team, named as owners of tickets and makers of links are."""
    team, person = reference(row.group), row.user_name or reference(row.user)
    if not team or not person:
        raise ValueError("The row names no group or no person that this account may see.")
    return (Membership(team=team, person=person),)
