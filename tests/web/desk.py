"""A small desk as a real connector: a year of tickets in memory, with a token, a scope and rows that cannot be read."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from kpulse.sdk import (
    Article,
    ConfigError,
    Connector,
    Finding,
    HttpSettings,
    Level,
    LinkEvent,
    Mode,
    Op,
    Page,
    Record,
    Rejected,
    Report,
    SecretStr,
    Status,
    StatusChange,
    Stream,
    Ticket,
    TransientError,
    Window,
    setting,
)

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
TOKEN = "token-of-the-desk"
TEAMS = {"Access": 6, "Billing": 6, "Tiny": 1}
AWAY = "The desk is away for an hour; nothing is lost, the next run tries again."


class DeskSettings(HttpSettings):
    """Every kind of setting that a form can draw."""

    token: SecretStr = setting("Token", "Made by the desk.", min_length=8)
    note: SecretStr = setting("Spare secret", default=SecretStr(""), advanced=True)
    queues: tuple[str, ...] = setting("Queues", step="scope", default=(), choices=True)
    words: str = setting("Words", step="map", default="done=resolved", multiline=True)
    size: Literal["small", "large"] = setting("Size", step="scope", default="small")
    rows: int = setting("Rows", default=100, advanced=True, ge=1, le=500)
    flag: bool = setting("Flag", step="map", default=False)
    extra_file: str = setting("Extra file", default="")


class Desk(Connector):
    """A desk in memory."""

    key = "desk"
    title = "Small desk"
    summary = "For tests."
    settings_type = DeskSettings
    streams: ClassVar[Sequence[Stream]] = (Stream(name="everything", mode=Mode.SNAPSHOT),)
    trouble: ClassVar[str] = ""

    def check(self) -> Report:
        """Only the right token works."""
        if self.settings.token.get_secret_value() != TOKEN:
            raise ConfigError("The desk does not know this token; make a new one in its settings.")
        findings = [Finding(level=Level.OK, subject="links", message="Links were seen.")]
        return Report(findings=findings, identity="Reader of the desk", counts={"tickets": 42})

    def choices(self, name: str) -> Sequence[str]:
        """Two queues."""
        return ("North", "South") if name == "queues" else ()

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        """All records, then one row that cannot be read."""
        if self.trouble:
            raise TransientError(self.trouble)
        yield Page(records=list(records()), rejected=[Rejected(position="line 7", reason="The date is not a date.")])


def records() -> Iterator[Record]:
    """Four hundred days: seven tickets a day, of which more and more are linked."""
    begin = NOW - timedelta(days=400)
    yield Article(key="A1", version=1, created_at=begin - timedelta(days=10), title="How to get in")
    owners = [(team, f"{team} person {n}") for team, people in TEAMS.items() for n in range(people)]
    for number in range(400 * 7):
        opened = begin + timedelta(days=number // 7, minutes=number % 7)
        team, owner = owners[number % len(owners)]
        key = f"T{number}"
        closed = opened + timedelta(hours=2)
        yield Ticket(
            key=key,
            version=1,
            opened_at=opened,
            changes=[StatusChange(at=closed, to=Status.RESOLVED)],
            status=Status.RESOLVED,
            team=team,
            owner=owner,
        )
        if number % 10 < number // 400:
            yield LinkEvent(op=Op.ADD, ticket=key, article="A1", at=opened + timedelta(hours=1))
