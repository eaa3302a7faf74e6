"""What a KM lead says about a Jira site."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import field_validator

from kpulse.sdk import Status, setting
from kpulse_connectors.atlassian import AtlassianSettings

CANCELLED = "cancelled"
MEANINGS: Mapping[str, Status] = {**{status.value: status for status in Status}, CANCELLED: Status.CLOSED}
CUSTOM = re.compile(r"customfield_\d+")


class JiraSettings(AtlassianSettings):
    """Where the site is, which issues are tickets, and what their states, resolutions and links mean."""

    projects: list[str] = setting(
        "Projects", "Read only these projects, by key; empty means all that the account may see.", step="scope",
        default=[], choices=True, example="SUP, IT",
    )  # fmt: skip
    filter: str = setting(
        "Further condition", "A JQL condition that issues have to meet to be tickets.", step="scope",
        default="", advanced=True, example='issuetype in ("Service Request", Incident)',
    )  # fmt: skip
    team: str = setting(
        "Team", "What says which team works on a ticket: project, component, or a custom field.", step="map",
        default="project", choices=True, example="Team (customfield_10001)",
    )  # fmt: skip
    states: str = setting(
        "States",
        "What states mean, as name=meaning; meanings are open, pending, resolved, closed and cancelled. States that are "
        "not named go by their category: done is resolved, the others are open.",
        step="map", default="", example="Waiting for customer=pending, Closed=closed, Canceled=cancelled",
    )  # fmt: skip
    duplicates: list[str] = setting(
        "Resolutions of duplicates",
        "Tickets with one of these resolutions count as merged into the issue that they duplicate.",
        step="map", default=["Duplicate"],
    )  # fmt: skip
    duplicate_link: str = setting(
        "Link of duplicates", "The type of issue link that leads from a duplicate to its original.", step="map",
        default="Duplicate", advanced=True,
    )  # fmt: skip
    excluded: list[str] = setting(
        "Resolutions that do not count", "Tickets with one of these resolutions are left out.", step="map",
        default=[], example="Declined, Spam",
    )  # fmt: skip
    knowledge_base: str = setting(
        "Knowledge base", "The name of the source that holds the Confluence pages; empty where there is none.",
        step="map", default="", example="confluence",
    )  # fmt: skip
    background: list[str] = setting(
        "Relationships that are background",
        "Links to pages with one of these relationships are no answer to the ticket: they appear when a page mentions it.",
        step="map", default=["mentioned in", "mentioned on"], advanced=True,
    )  # fmt: skip
    ask_links_of: Literal["mentioned", "every"] = setting(
        "Ask for the links of",
        "Mentioned: issues whose history mentions a link to another system. Every: all changed issues, at one more "
        "request each, for sites whose history does not tell.",
        step="map", default="mentioned", advanced=True,
    )  # fmt: skip
    text_evidence: bool = setting(
        "Find articles in comments",
        "Look for addresses of articles in the comments of changed issues, at one more request each. For desks that paste "
        "addresses instead of linking pages; nothing of a comment is kept.",
        step="map",
        default=False,
    )
    page_size: int = setting(
        "Issues per page", "Lower it when Jira cuts answers short.", default=100, advanced=True, ge=2, le=1000
    )

    @field_validator("projects")
    @classmethod
    def _projects(cls, value: list[str]) -> list[str]:
        for name in value:
            if not re.fullmatch(r"[^\"'\\,]+", name):
                raise ValueError(f"{name} is no key of a project; it looks like SUP.")
        return value

    @field_validator("filter")
    @classmethod
    def _filter(cls, value: str) -> str:
        if re.search(r"\border\s+by\b", value, re.IGNORECASE):
            raise ValueError("Leave out ORDER BY; issues are always read in the order of their last change.")
        if value.count("(") != value.count(")"):
            raise ValueError("The brackets do not match; try the condition in Jira's search first.")
        return value

    @field_validator("team")
    @classmethod
    def _team(cls, value: str) -> str:
        if value not in ("project", "component") and not CUSTOM.search(value):
            raise ValueError("Choose project, component or a custom field with its id, such as customfield_10001.")
        return value

    @field_validator("states")
    @classmethod
    def _states(cls, value: str) -> str:
        for pair in _pairs(value):
            if "=" not in pair or pair.rpartition("=")[2].strip().lower() not in MEANINGS:
                raise ValueError(f"Write {pair} as name=meaning; meanings are {', '.join(MEANINGS)}.")
        return value

    @property
    def meanings(self) -> Mapping[str, str]:
        """The meaning of each state that was named, by its name in lower case."""
        parts = (pair.rpartition("=") for pair in _pairs(self.states))
        return {name.strip().lower(): meaning.strip().lower() for name, _, meaning in parts}

    @property
    def team_field(self) -> str:
        """The id of the custom field that names the team; empty where none does."""
        found = CUSTOM.search(self.team)
        return found[0] if found else ""


def _pairs(text: str) -> list[str]:
    return [pair.strip() for pair in text.split(",") if pair.strip()]
