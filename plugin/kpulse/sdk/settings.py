"""Declared settings: they draw the web form, check CLI and file configuration, and become JSON Schema."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from kpulse.sdk.policy import HttpPolicy, checked_address

Step = Literal["connect", "scope", "map", "schedule"]


def setting(
    title: str,
    help: str = "",
    *,
    step: Step = "connect",
    default: Any = ...,
    advanced: bool = False,
    example: str = "",
    choices: bool = False,
    multiline: bool = False,
    **limits: Any,
) -> Any:
    """A field of the web form. ``choices`` asks ``Connector.choices`` for live values; ``limits`` are pydantic's."""
    extra: dict[str, Any] = {
        "step": step,
        "advanced": advanced,
        "example": example,
        "choices": choices,
        "multiline": multiline,
    }
    return Field(default, title=title, description=help, json_schema_extra=extra, **limits)


class ConnectorSettings(BaseModel):
    """Base of every connector's settings; fields of type ``SecretStr`` are sealed in the store and never shown again."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def secret_fields(cls) -> frozenset[str]:
        """The names of the fields that hold secrets."""
        return frozenset(name for name, field in cls.model_fields.items() if SecretStr in _types(field.annotation))


class HttpSettings(ConnectorSettings):
    """Settings of a source that is reached over HTTP."""

    address: str = setting(
        "Address", "Where people open the system in their browser.", example="https://desk.example.org"
    )
    ca_file: str = setting(
        "Private certificate authority",
        "Path of a PEM file on the server, if your company signs its own certificates.",
        default="",
        advanced=True,
        example="/etc/ssl/company-ca.pem",
    )
    proxy: SecretStr = setting(
        "Outbound proxy",
        "Address of the proxy that requests have to pass, if any; it may hold the proxy's user name and password.",
        default=SecretStr(""),
        advanced=True,
        example="http://proxy.example.org:3128",
    )

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        return checked_address(value)

    def policy(self) -> HttpPolicy:
        """How to reach the source; override with ``replace(super().policy(), budgets=…)`` to declare its rate limits."""
        return HttpPolicy(
            address=self.address, ca_file=self.ca_file or None, proxy=self.proxy.get_secret_value() or None
        )


def _types(annotation: Any) -> set[Any]:
    return {annotation}.union(*map(_types, getattr(annotation, "__args__", ())))
