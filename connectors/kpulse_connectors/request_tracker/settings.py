"""What the KM lead says about a Request Tracker: where it is, what to read, and what its words mean."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from kpulse.sdk import ArticleState, HttpSettings, SecretStr, Status, setting

CANCELLED = "cancelled"
KCS_STATES = {
    "wip": ArticleState.WIP,
    "workinprogress": ArticleState.WIP,
    "notvalidated": ArticleState.NOT_VALIDATED,
    "validated": ArticleState.VALIDATED,
    "archived": ArticleState.ARCHIVED,
}


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return [part.strip() for part in parts if part.strip()] if isinstance(parts, list) else parts


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class RequestTrackerSettings(HttpSettings):
    """Lists are given as lists or as text with commas; status names are compared without regard to case."""

    token: SecretStr = setting(
        "Token",
        "An authentication token of an account that may read, made in RT under Settings, Auth Tokens.",
        min_length=1,
    )
    queues: Names = setting(
        "Queues",
        "Queues whose tickets count; empty means all that the account can see.",
        step="scope",
        default=(),
        choices=True,
    )
    article_class: str = setting(
        "Article class",
        "The class of the knowledge articles; empty means every class.",
        step="scope",
        default="",
        choices=True,
    )
    resolved: Names = setting("Resolved", "Statuses of an answered ticket.", step="map", default=("resolved",))
    closed: Names = setting("Closed", "Statuses of a ticket that is closed for good.", step="map", default=("closed",))
    pending: Names = setting(
        "Waiting", "Statuses of a ticket that waits for someone.", step="map", default=("stalled",)
    )
    excluded: Names = setting(
        "Cancelled",
        "Statuses of a ticket that ended without work; such tickets do not count.",
        step="map",
        default=("rejected",),
    )
    state_field: str = setting(
        "Article state field",
        "The custom field with the KCS state of an article; empty takes whichever field holds one of the states.",
        step="map",
        default="",
        example="ArticleState",
    )

    def status_of(self, word: str) -> Status:
        """The normalised status; a word that is not mapped is an open ticket."""
        meanings = (
            (self.resolved, Status.RESOLVED),
            (self.closed, Status.CLOSED),
            (self.excluded, Status.CLOSED),
            (self.pending, Status.PENDING),
        )
        return next((status for words, status in meanings if _among(word, words)), Status.OPEN)

    def exclude_of(self, word: str) -> str | None:
        """Why a ticket in this status does not count, None when it does."""
        return CANCELLED if _among(word, self.excluded) else None


def state_of(word: str) -> ArticleState | None:
    """The KCS state that a word names (``Not Validated``, ``notvalidated`` …), None when it names none."""
    return KCS_STATES.get(re.sub(r"[^a-z]", "", word.lower()))


def _among(word: str, words: tuple[str, ...]) -> bool:
    return word.casefold() in {each.casefold() for each in words}
