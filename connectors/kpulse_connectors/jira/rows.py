"""The parts that are read of Jira's answers, shaped as they come."""

from typing import Any, Generic, TypeVar

import msgspec

F = TypeVar("F")
T = TypeVar("T")
FIELDS = (
    "created", "updated", "status", "resolution", "resolutiondate", "statuscategorychangedate", "assignee", "project",
    "issuetype", "components", "priority", "issuelinks",
)  # fmt: skip


class Named(msgspec.Struct, gc=False):
    name: str = ""


class Category(msgspec.Struct, gc=False):
    key: str = ""


class State(msgspec.Struct, gc=False):
    id: str
    name: str = ""
    category: Category = msgspec.field(default_factory=Category, name="statusCategory")


class Person(msgspec.Struct, gc=False):
    account: str = msgspec.field(default="", name="accountId")
    key: str = ""
    name: str = ""
    kind: str = msgspec.field(default="", name="accountType")

    @property
    def id(self) -> str | None:
        """The account id (Cloud), or the user key (Data Center)."""
        return self.account or self.key or self.name or None


class Project(msgspec.Struct, gc=False):
    id: str
    key: str = ""
    name: str = ""


class Other(msgspec.Struct, gc=False):
    id: str
    key: str = ""


class IssueLink(msgspec.Struct, gc=False):
    type: Named = msgspec.field(default_factory=Named)
    outward: Other | None = msgspec.field(default=None, name="outwardIssue")


class Fields(msgspec.Struct):
    created: str
    updated: str
    status: State
    resolution: Named | None = None
    resolved: str | None = msgspec.field(default=None, name="resolutiondate")
    moved: str | None = msgspec.field(default=None, name="statuscategorychangedate")
    assignee: Person | None = None
    project: Project | None = None
    kind: Named | None = msgspec.field(default=None, name="issuetype")
    components: list[Named] | None = None
    priority: Named | None = None
    links: list[IssueLink] | None = msgspec.field(default=None, name="issuelinks")
    team: Any = msgspec.field(default=None, name="zz_no_team_field")


class Item(msgspec.Struct, gc=False):
    field: str = ""
    before: str | None = msgspec.field(default=None, name="from")
    after: str | None = msgspec.field(default=None, name="to")
    name_before: str | None = msgspec.field(default=None, name="fromString")
    name_after: str | None = msgspec.field(default=None, name="toString")


class History(msgspec.Struct):
    created: str | int
    id: str = ""
    author: Person | None = None
    items: list[Item] = []


class Changelog(msgspec.Struct):
    histories: list[History] = []


class Issue(msgspec.Struct, Generic[F]):
    id: str
    fields: F
    key: str = ""
    changelog: Changelog = msgspec.field(default_factory=Changelog)


class Changed(msgspec.Struct, gc=False):
    updated: str


Dated = Issue[Changed]


class Found(msgspec.Struct, Generic[T]):
    """A page of Cloud's search (``nextPageToken``), or of Data Center's (``startAt``, ``total``)."""

    issues: list[T]
    token: str | None = msgspec.field(default=None, name="nextPageToken")
    start: int = msgspec.field(default=0, name="startAt")
    total: int | None = None


class Histories(msgspec.Struct):
    issue: str = msgspec.field(name="issueId")
    histories: list[History] = msgspec.field(default_factory=list, name="changeHistories")


class BulkChanges(msgspec.Struct):
    issues: list[Histories] = msgspec.field(default_factory=list, name="issueChangeLogs")
    token: str | None = msgspec.field(default=None, name="nextPageToken")


class Application(msgspec.Struct, gc=False):
    type: str | None = None


class Target(msgspec.Struct, gc=False):
    url: str = ""


class Remote(msgspec.Struct, gc=False):
    id: int | str
    target: Target = msgspec.field(default_factory=Target, name="object")
    global_id: str | None = msgspec.field(default=None, name="globalId")
    application: Application | None = None
    relationship: str | None = None


class Myself(msgspec.Struct):
    zone: str = msgspec.field(name="timeZone")
    account: str = msgspec.field(default="", name="accountId")
    name: str = ""
    display: str = msgspec.field(default="", name="displayName")


class Server(msgspec.Struct):
    version: str = ""
    edition: str = msgspec.field(default="", name="deploymentType")


class Projects(msgspec.Struct):
    values: list[Project]
    start: int = msgspec.field(default=0, name="startAt")
    last: bool = msgspec.field(default=True, name="isLast")


class Count(msgspec.Struct):
    count: int


class CustomField(msgspec.Struct):
    id: str
    name: str = ""
    custom: bool = False


def issue_type(team_field: str) -> Any:
    """The type of an issue whose team, if ``team_field`` is not empty, stands in that custom field."""
    if not team_field:
        return Issue[Fields]
    team = ("team", Any, msgspec.field(default=None, name=team_field))
    fields: Any = msgspec.defstruct("FieldsWithTeam", [team], bases=(Fields,))
    return Issue[fields]
