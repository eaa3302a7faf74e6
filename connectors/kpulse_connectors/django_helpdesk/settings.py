"""What a KM lead says about a help desk: who reads it, and what its numbers mean."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from pydantic import field_validator, model_validator

from kpulse.sdk import ConfigError, HttpPolicy, HttpSettings, KpulseError, SecretStr, Status, setting

CANCELLED, DUPLICATE = "cancelled", "duplicate"
MEANINGS: Mapping[str, Status] = {
    **{status.value: status for status in Status},
    CANCELLED: Status.CLOSED,
    DUPLICATE: Status.CLOSED,
}


def read_pairs(text: str) -> Mapping[str, str]:
    """``value=meaning`` pairs with commas between."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {value.strip(): meaning.strip() for value, _, meaning in pairs}


class DjangoHelpdeskSettings(HttpSettings):
    """Where the help desk is, who reads it, and what its numbers mean."""

    username: str = setting("User name", "An account with staff status that may see the queues.", default="")
    password: SecretStr = setting("Password", "The password of that account.", default=SecretStr(""))
    token: SecretStr = setting(
        "Token",
        "A token instead of user name and password, where the site has switched on token authentication.",
        default=SecretStr(""),
        advanced=True,
    )
    queues: str = setting(
        "Queues",
        "The names of the queues, which the API does not tell: number=name, with commas between.",
        step="scope",
        default="",
        example="1=Support, 2=Billing",
    )
    only_named: bool = setting(
        "Only these queues", "Leave out the tickets of queues that have no name above.", step="scope", default=False
    )
    statuses: str = setting(
        "Statuses",
        "What the status numbers mean: open, pending, resolved, closed, cancelled or duplicate. Others are open.",
        step="map",
        default="1=open, 2=open, 3=resolved, 4=closed, 5=duplicate",
    )
    descriptions: bool = setting(
        "Read descriptions",
        "Also count article links in the text with which an agent opened a ticket.",
        step="map",
        default=False,
    )
    page_size: int = setting(
        "Tickets per page",
        "For every page django-helpdesk loads all its tickets, so few large pages are kinder than many small ones.",
        default=500,
        advanced=True,
        ge=1,
        le=5000,
    )

    @field_validator("statuses")
    @classmethod
    def _statuses(cls, value: str) -> str:
        for number, meaning in read_pairs(value).items():
            if not number.isdigit() or meaning not in MEANINGS:
                raise ValueError(f"Write {number} as number=meaning; meanings are {', '.join(MEANINGS)}.")
        return value

    @field_validator("queues")
    @classmethod
    def _queues(cls, value: str) -> str:
        for number, name in read_pairs(value).items():
            if not number.isdigit() or not name:
                raise ValueError(f"Write {number} as number=name; the number stands in the queue's address.")
        return value

    def policy(self) -> HttpPolicy:
        """How to reach the help desk, and what its refusals mean."""
        return replace(super().policy(), explain=_explain)

    @model_validator(mode="after")
    def _signs_in(self) -> Self:
        if not self.token.get_secret_value() and not (self.username and self.password.get_secret_value()):
            raise ValueError("Give user name and password, or a token.")
        return self


def _explain(status: int, body: bytes) -> KpulseError | None:
    if status not in (401, 403):
        return None
    return ConfigError(
        "django-helpdesk does not let this account read tickets: check user name and password or token, and that the account "
        "has staff status."
    )
