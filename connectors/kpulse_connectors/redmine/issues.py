"""Issues with their journals, read as tickets and as the links that their texts hold. No I/O."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from kpulse.sdk import Evidence, LinkEvent, LinksSeen, Op, Record, Status, StatusChange, Ticket, to_instant
from kpulse_connectors.redmine.settings import RedmineSettings, among
from kpulse_connectors.redmine.wiki import Id, LinkFinder, Project

Target = tuple[str, str]


class Named(msgspec.Struct):
    """A reference to a person, project, status or the like."""

    id: Id
    name: str = ""


class IssueStatus(msgspec.Struct):
    """A status of the workflow."""

    id: Id
    name: str
    is_closed: bool = False


class IssueRow(msgspec.Struct, kw_only=True):
    """An issue as lists show it: enough to know whether and when it changed."""

    id: Id
    project: Named
    tracker: Named
    updated_on: datetime


class Detail(msgspec.Struct):
    """What a journal entry says about one field; ``name`` is the field's name, or the id of a custom field."""

    property: str
    name: str
    old_value: object = None
    new_value: object = None


class Journal(msgspec.Struct, kw_only=True):
    """An entry of an issue's history."""

    id: Id
    created_on: datetime
    user: Named | None = None
    notes: str | None = None
    details: list[Detail] = []


class Relation(msgspec.Struct):
    """A relation between two issues."""

    issue_id: Id
    issue_to_id: Id
    relation_type: str


class CustomField(msgspec.Struct):
    """A custom field with its value, a list of values where it may have several."""

    id: Id
    value: object = None


class Issue(IssueRow, kw_only=True):
    """An issue with its whole history."""

    status: Named
    created_on: datetime
    closed_on: datetime | None = None
    description: str | None = None
    author: Named | None = None
    assigned_to: Named | None = None
    priority: Named | None = None
    category: Named | None = None
    custom_fields: list[CustomField] = []
    journals: list[Journal] = []
    relations: list[Relation] = []


class OneIssue(msgspec.Struct):
    """The answer of ``/issues/ID.json``."""

    issue: Issue


@dataclass(frozen=True)
class Reading:
    """What is needed to read an issue."""

    settings: RedmineSettings
    statuses: Mapping[str, IssueStatus]
    projects: Sequence[Project]
    finder: LinkFinder
    now: datetime

    def identifier(self, project: int) -> str:
        """The identifier of the project with this id, "" when the account cannot see it."""
        return next((each.identifier for each in self.projects if each.id == project), "")

    def name(self, status: str) -> str:
        """The name of the status with this id, the id itself when the workflow has it no longer."""
        return self.statuses[status].name if status in self.statuses else status

    def meaning(self, status: str) -> Status:
        """What the status with this id means; one that the workflow has no longer is open."""
        known, name = self.statuses.get(status), self.name(status)
        if among(name, self.settings.resolved):
            return Status.RESOLVED
        if among(name, self.settings.excluded) or (known and known.is_closed):
            return Status.CLOSED
        return Status.PENDING if among(name, self.settings.pending) else Status.OPEN


def read_issue(issue: Issue, reading: Reading) -> Iterator[Record]:
    """The ticket and its links; one that is taken away while another place still shows it stays."""
    yield _ticket(issue, reading)
    holders: Counter[Target] = Counter()
    events = [*_noted(issue, reading), *_entered(issue, reading)]
    for at, op, target, by in sorted(events, key=lambda event: (event[0], event[1] is Op.REMOVE)):
        holders[target] += 1 if op is Op.ADD else -1
        if op is Op.ADD or not holders[target]:
            yield LinkEvent(
                op=op,
                ticket=str(issue.id),
                article=target[1],
                at=at,
                by=_person(by),
                evidence=Evidence.TEXT,
                knowledge_base=target[0],
            )
    yield from _standing(issue, [target for target, count in holders.items() if count], reading)


def _standing(issue: Issue, targets: Sequence[Target], reading: Reading) -> Iterator[LinksSeen]:
    for base in ("", *(each.key for each in reading.finder.others)):
        yield LinksSeen(
            ticket=str(issue.id),
            articles=[article for place, article in targets if place == base],
            seen_at=reading.now,
            evidence=Evidence.TEXT,
            knowledge_base=base,
        )


def _ticket(issue: Issue, reading: Reading) -> Ticket:
    changes = _changes(issue, reading)
    name = issue.status.name
    copies = (r.issue_to_id for r in issue.relations if r.relation_type == "duplicates" and r.issue_id == issue.id)
    original = next(copies, None)
    return Ticket(
        key=str(issue.id),
        version=to_instant(issue.updated_on),
        opened_at=issue.created_on,
        changes=changes,
        status=reading.meaning(str(issue.status.id)),
        source_status=name,
        team=str(issue.project.id),
        owner=_person(issue.assigned_to),
        category=issue.category.name if issue.category else issue.tracker.name or None,
        priority=issue.priority.name if issue.priority else None,
        exclude="cancelled" if among(name, reading.settings.excluded) else None,
        merged_into=None if original is None else str(original),
    )


def _changes(issue: Issue, reading: Reading) -> Sequence[StatusChange]:
    """The statuses from the first one on, each with the project that held the issue then."""
    steps = [*_history(issue, "attr", "status_id", str(issue.status.id))]
    teams = [*_history(issue, "attr", "project_id", str(issue.project.id))]
    at, first, _ = steps[0]
    if len(steps) == 1 and issue.closed_on and reading.meaning(first or "") in (Status.RESOLVED, Status.CLOSED):
        steps = [(at, None, None), (max(issue.closed_on, at), first, None)]  # closed without an entry, as imports do
    return [
        StatusChange(
            at=at,
            to=reading.meaning(status or ""),
            source_status=reading.name(status or ""),
            team=[team for since, team, _ in teams if since <= at][-1],
        )
        for at, status, _ in steps
    ]


Step = tuple[datetime, str | None, Journal | None]
Event = tuple[datetime, Op, Target, Named | None]


def _history(issue: Issue, property: str, name: str, value: object) -> Iterator[Step]:
    """The values of a field in time, from the issue's creation on; ``value`` is today's."""
    entries = [(j, d) for j in issue.journals for d in j.details if (d.property, d.name) == (property, name)]
    first = entries[0][1].old_value if entries else value
    yield issue.created_on, _text(first), None
    for journal, detail in entries:
        yield max(journal.created_on, issue.created_on), _text(detail.new_value), journal


def _text(value: object) -> str | None:
    return "\n".join(map(str, value)) if isinstance(value, list) else None if value is None else str(value)


def _person(person: Named | None) -> str | None:
    return str(person.id) if person else None


def _noted(issue: Issue, reading: Reading) -> Iterator[Event]:
    """The links in notes; a note that was edited shows only what it says now."""
    for journal in issue.journals:
        for article in _links(journal.notes, issue, reading):
            yield journal.created_on, Op.ADD, article, journal.user


def _entered(issue: Issue, reading: Reading) -> Iterator[Event]:
    """The links that were entered into custom fields (and the description), and taken out of them again."""
    fields: list[tuple[str, str, object]] = [("cf", str(field.id), field.value) for field in issue.custom_fields]
    if reading.settings.descriptions:
        fields.append(("attr", "description", issue.description))
    for property, name, value in fields:
        before: set[Target] = set()
        for at, text, journal in _history(issue, property, name, value):
            now = set(_links(text, issue, reading))
            by = journal.user if journal else issue.author
            yield from ((at, Op.ADD, article, by) for article in sorted(now - before))
            yield from ((at, Op.REMOVE, article, by) for article in sorted(before - now))
            before = now


def _links(text: str | None, issue: Issue, reading: Reading) -> Iterable[Target]:
    return reading.finder.find(text, reading.identifier(issue.project.id)) if text else ()
