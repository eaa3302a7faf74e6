"""What a KM lead says about a Redmine: what to read, and what its statuses and pages mean."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, field_validator

from kpulse.sdk import ArticleState, ConfigError, HttpPolicy, HttpSettings, KpulseError, SecretStr, setting
from kpulse_connectors.redmine.wiki import page_name


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return [part.strip() for part in parts if part.strip()] if isinstance(parts, list) else parts


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class RedmineSettings(HttpSettings):
    """Lists are given as lists or as text with commas; names are compared without regard to case."""

    key: SecretStr = setting(
        "API key", "The key of an account that may only read, shown in Redmine under My account.", min_length=1
    )
    projects: Names = setting(
        "Projects",
        "Projects (name or identifier) whose issues are tickets; empty means all that the account can see.",
        step="scope",
        default=(),
        choices=True,
    )
    trackers: Names = setting(
        "Trackers", "Trackers whose issues are tickets; empty means all.", step="scope", default=(), choices=True
    )
    wikis: Names = setting(
        "Wikis",
        "Projects whose wiki pages are knowledge articles; empty means every wiki that the account can see.",
        step="scope",
        default=(),
        choices=True,
    )
    resolved: Names = setting(
        "Resolved",
        "Statuses of an answered ticket, also those that Redmine does not call closed.",
        step="map",
        default=("Resolved",),
        choices=True,
    )
    pending: Names = setting(
        "Waiting", "Statuses of a ticket that waits for someone.", step="map", default=("Feedback",), choices=True
    )
    excluded: Names = setting(
        "Cancelled",
        "Statuses of a ticket that ended without work; such tickets do not count.",
        step="map",
        default=("Rejected",),
        choices=True,
    )
    page_states: Names = setting(
        "States by parent page",
        "What the place of a wiki page says: parent page = wip, not_validated, validated or archived, with commas between.",
        step="map",
        default=(),
        example="Drafts=wip, Archive=archived",
    )
    descriptions: bool = setting(
        "Read descriptions",
        "Also count wiki links in the first text of a ticket. Leave it off where customers write that text.",
        step="map",
        default=False,
    )

    @field_validator("page_states")
    @classmethod
    def _page_states(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            if pair.rpartition("=")[2].strip() not in set(ArticleState):
                raise ValueError(f"Write {pair} as parent page = state; states are {', '.join(ArticleState)}.")
        return value

    def policy(self) -> HttpPolicy:
        """How to reach Redmine, and what its refusals mean."""
        return replace(super().policy(), explain=_explain)

    @property
    def states_by_parent(self) -> Mapping[str, ArticleState]:
        """The state that each parent page means; titles as `wiki.page_name` writes them."""
        pairs = (pair.rpartition("=") for pair in self.page_states)
        return {page_name(title.strip()): ArticleState(state.strip()) for title, _, state in pairs}


def _explain(status: int, body: bytes) -> KpulseError | None:
    if status != 401:
        return None
    return ConfigError(
        "Redmine does not accept the API key: enter a valid one, or let an administrator switch on Administration, "
        "Settings, API, Enable REST web service."
    )


def among(word: str, words: tuple[str, ...]) -> bool:
    """Whether ``word`` is one of ``words``, in whatever case."""
    return word.casefold() in {each.casefold() for each in words}
