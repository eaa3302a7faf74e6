"""What a KM lead says about a Confluence site."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import field_validator

from kpulse.sdk import ArticleState, setting
from kpulse_connectors.atlassian import AtlassianSettings


class ConfluenceSettings(AtlassianSettings):
    """Where the site is, which spaces hold knowledge, and what labels say about the state of a page."""

    spaces: list[str] = setting(
        "Spaces",
        "Read only the pages of these spaces, by key; empty means all that the account may see.",
        step="scope",
        default=[],
        choices=True,
        example="KB, HELP",
        max_length=100,
    )
    labels: str = setting(
        "Labels that tell the state",
        "What labels on pages mean, as label=state; states are wip, not_validated, validated and archived.",
        step="map",
        default="kcs-wip=wip, kcs-not-validated=not_validated, kcs-validated=validated, kcs-archived=archived",
    )
    unlabelled: Literal["wip", "not_validated", "validated"] = setting(
        "Pages without such a label", "The state of a published page that has none of these labels.", step="map",
        default="validated",
    )  # fmt: skip
    page_size: int = setting(
        "Pages per request", "Lower it when Confluence cuts answers short.", default=200, advanced=True, ge=1, le=250
    )

    @field_validator("spaces")
    @classmethod
    def _spaces(cls, value: list[str]) -> list[str]:
        for key in value:
            if not re.fullmatch(r"~?[\w.-]+", key):
                raise ValueError(f"{key} is no key of a space; it stands in the space's address, for example KB.")
        return value

    @field_validator("labels")
    @classmethod
    def _labels(cls, value: str) -> str:
        for pair in _pairs(value):
            if not pair.partition("=")[0].strip() or pair.partition("=")[2].strip() not in set(ArticleState):
                raise ValueError(f"Write {pair} as label=state; states are {', '.join(ArticleState)}.")
        return value

    @property
    def meanings(self) -> Mapping[str, ArticleState]:
        """The state that each label means; where a page has several, the first one here holds."""
        parts = (pair.partition("=") for pair in _pairs(self.labels))
        return {label.strip().lower(): ArticleState(state.strip()) for label, _, state in parts}


def _pairs(text: str) -> list[str]:
    return [pair.strip() for pair in text.split(",") if pair.strip()]
