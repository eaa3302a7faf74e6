"""An article's row and its transactions, read as an article with its states. No I/O."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from kpulse.sdk import Article, ArticleState, StateChange, to_instant
from kpulse_connectors.request_tracker.rows import (
    Hyperlink,
    Ref,
    Row,
    TransactionRow,
    linked,
    person,
    read_time,
    required_time,
)
from kpulse_connectors.request_tracker.settings import RequestTrackerSettings, state_of

DISABLED = "disabled"


class CustomField(msgspec.Struct):
    """A custom field with its values; the values of files are objects and hold no state."""

    id: str | int
    name: str = ""
    values: list[str | int | dict[str, object] | None] = []

    @property
    def text(self) -> str:
        """The one value of a field that has one."""
        return str(self.values[0]) if len(self.values) == 1 else ""


class ArticleRow(Row, kw_only=True):
    """An article; deleting one in RT only disables it."""

    name: str
    created: str
    last_updated: str
    disabled: str | int
    creator: Ref | str | None
    class_: Ref | str | None = msgspec.field(name="Class")
    custom_fields: list[CustomField] | str
    hyperlinks: list[Hyperlink] = msgspec.field(name="_hyperlinks")

    @property
    def class_name(self) -> str:
        return self.class_.name if isinstance(self.class_, Ref) else ""


def state_field(row: ArticleRow, settings: RequestTrackerSettings) -> CustomField | None:
    """The custom field that holds the KCS state: the one that was named, or whichever holds a KCS state."""
    fields = row.custom_fields if isinstance(row.custom_fields, list) else []
    wanted = settings.state_field.casefold()
    if wanted:
        return next((field for field in fields if field.name.casefold() == wanted), None)
    return next((field for field in fields if state_of(field.text)), None)


def read_article(
    row: ArticleRow, history: Iterable[TransactionRow], settings: RequestTrackerSettings, address: str
) -> Article:
    """The article; ``history`` is its transactions in order, of which those of its state and of disabling it are used."""
    created, updated = required_time(row.created, "Created"), required_time(row.last_updated, "LastUpdated")
    field = state_field(row, settings)
    changes = state_changes(created, field, history)
    state, source_state = _state(field.text if field else "", str(row.disabled) not in ("0", ""))
    sources = linked(row.hyperlinks, "ticket")
    return Article(
        key=row.key,
        version=to_instant(updated),
        created_at=created,
        title=row.name,
        url=f"{address}/Articles/Article/Display.html?id={row.key}",
        state=state,
        source_state=source_state,
        changes=changes,
        archived_at=_archived_at(changes, updated) if state is ArticleState.ARCHIVED else None,
        author=person(row.creator),
        source_ticket=sources[0] if sources else None,
        category=row.class_name or None,
    )


def state_changes(
    created: datetime, field: CustomField | None, history: Iterable[TransactionRow]
) -> tuple[StateChange, ...]:
    """The states that the article went through, from the first one on."""
    steps = [row for row in history if _is_step(row, field)]
    moves = [row for row in steps if row.field != "Disabled"]
    word = str(moves[0].old_value or "") if moves else field.text if field else ""
    disabled, at = False, created
    changes = [StateChange(at=at, to=_state(word, disabled)[0], source_state=word)]
    for row in steps:
        if row.field == "Disabled":
            disabled = str(row.new_value) not in ("0", "")
        else:
            word = str(row.new_value or "")
        state, source_state = _state(word, disabled)
        at = read_time(row.created) or at
        if (state, source_state) != (changes[-1].to, changes[-1].source_state):
            changes.append(StateChange(at=at, to=state, source_state=source_state))
    return tuple(changes)


def _is_step(row: TransactionRow, field: CustomField | None) -> bool:
    moved = row.type == "CustomField" and field is not None and row.field == str(field.id)
    return moved or (row.type == "Set" and row.field == "Disabled")


def _state(word: str, disabled: bool) -> tuple[ArticleState, str]:
    if disabled:
        return ArticleState.ARCHIVED, DISABLED
    return state_of(word) or ArticleState.NOT_VALIDATED, word


def _archived_at(changes: Sequence[StateChange], updated: datetime) -> datetime:
    since = updated
    for change in reversed(changes):
        if change.to is not ArticleState.ARCHIVED:
            break
        since = change.at
    return since
