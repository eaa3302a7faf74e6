"""What a KM lead says about a ServiceNow instance."""

import re
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import field_validator, model_validator

from kpulse.sdk import HttpSettings, SecretStr, Status, setting

CANCELLED = "cancelled"
MEANINGS: Mapping[str, Status] = {**{status.value: status for status in Status}, CANCELLED: Status.CLOSED}


def listed(text: str) -> Sequence[str]:
    """The words of a list with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


class ServiceNowSettings(HttpSettings):
    """Where the instance is, who reads it, and what its states mean."""

    username: str = setting("User name", "An account that may only read, for basic authentication.", default="")
    password: SecretStr = setting("Password", "The password of that account.", default=SecretStr(""))
    token: SecretStr = setting(
        "Token", "An OAuth access token, instead of user name and password.", default=SecretStr(""), advanced=True
    )
    tables: str = setting(
        "Ticket tables",
        "The task tables whose rows are tickets, separated by commas.",
        step="scope",
        default="incident",
        example="incident, sn_customerservice_case",
    )
    groups: str = setting(
        "Assignment groups",
        "Read only the tickets of these groups, by name and separated by commas; empty means all.",
        step="scope",
        default="",
        choices=True,
    )
    states: str = setting(
        "States",
        "What the values of the field state mean: open, pending, resolved, closed or cancelled. Others are open.",
        step="map",
        default="6=resolved, 7=closed, 8=cancelled",
    )
    duplicates: str = setting(
        "Close codes of duplicates",
        "Tickets closed with one of these codes count as merged into their parent, or are left out without one.",
        step="map",
        default="Duplicate",
    )
    knowledge_flag: bool = setting(
        "The flag Knowledge means that an article was used",
        "Usually this flag asks for an article to be written. Switch it on only where your desk uses it to say that "
        "knowledge was used; article and time then stay unknown.",
        step="map",
        default=False,
    )
    page_size: int = setting(
        "Rows per page", "Lower it when the instance cuts answers short.", default=1000, advanced=True, ge=1, le=10_000
    )

    @field_validator("tables")
    @classmethod
    def _tables(cls, value: str) -> str:
        if not listed(value) or not all(re.fullmatch(r"[a-z0-9_]+", name) for name in listed(value)):
            raise ValueError("Give names of tables as ServiceNow spells them, for example incident.")
        return value

    @field_validator("username", "groups")
    @classmethod
    def _plain(cls, value: str) -> str:
        if "^" in value:
            raise ValueError("The sign ^ cannot stand in a ServiceNow query; rename what holds it.")
        return value

    @field_validator("states")
    @classmethod
    def _states(cls, value: str) -> str:
        for pair in listed(value):
            if pair.partition("=")[2].strip() not in MEANINGS:
                raise ValueError(f"Write {pair} as value=meaning; meanings are {', '.join(MEANINGS)}.")
        return value

    @model_validator(mode="after")
    def _signs_in(self) -> Self:
        if not self.token.get_secret_value() and not (self.username and self.password.get_secret_value()):
            raise ValueError("Give user name and password, or a token.")
        return self

    @property
    def meanings(self) -> Mapping[str, str]:
        """The meaning of each value of the field ``state``."""
        pairs = (pair.partition("=") for pair in listed(self.states))
        return {value.strip(): meaning.strip() for value, _, meaning in pairs}
