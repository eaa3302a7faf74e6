"""The one loader of the service's own settings: ``KPULSE_*``, ``KPULSE_*_FILE`` or ``kpulse.toml``, in this order."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from kpulse.errors import UsageError
from kpulse.periods import read_zone

PREFIX = "KPULSE_"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Settings(BaseSettings):
    """What operations can set. Every setting has a default with which ``kpulse run`` works on one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, toml_file="kpulse.toml", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder of the SQLite file, the keys and uploaded files.")
    database_url: str = Field(
        "", description="SQLAlchemy address of the database; empty means SQLite in the data folder."
    )
    database_direct_url: str = Field(
        "",
        description="Address that bypasses a connection pooler, for the leader's lock; empty means the same address.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8480, ge=0, le=65535, description="Port to listen on.")
    public_url: str = Field("", description="Address under which people reach the service, for links in messages.")
    timezone: str = Field("UTC", description="IANA time zone of the organisation; days and months are counted in it.")
    grace_days: int = Field(7, ge=0, le=90, description="Days after closure in which a link still counts (R9).")
    organisation: str = Field("Your organisation", description="Name on pages and briefs.")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Bearer token for /metrics; without one it is open on loopback only."
    )
    poll_minutes: int = Field(
        15, ge=1, description="Minutes between two polls of a source, unless the source says otherwise."
    )
    threads: int = Field(8, ge=1, description="Threads of the web server.")
    log_json: bool = Field(False, description="Write the log as JSON lines.")
    log_level: str = Field("INFO", description="Least level that is logged: DEBUG, INFO, WARNING or ERROR.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            return read_zone(value).key
        except UsageError as error:
            raise ValueError(str(error)) from None

    @field_validator("data_dir")
    @classmethod
    def _plain_folder(cls, value: Path) -> Path:
        if any(sign in str(value) for sign in "?#%"):
            raise ValueError("choose a folder without ?, # and % in its name")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LEVELS:
            raise ValueError(f"choose one of {', '.join(LEVELS)}")
        return value.upper()

    @field_validator("metrics_token")
    @classmethod
    def _sendable(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().isascii():
            raise ValueError("use letters, digits and signs of ASCII, as no other can be sent")
        return value

    @property
    def place(self) -> str:
        """Where the data are, in words."""
        return "the database of KPULSE_DATABASE_URL" if self.database_url else str(self.data_dir.resolve())

    @property
    def url(self) -> str:
        """The database's address, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'kpulse.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _EnvFiles(settings_cls), TomlConfigSettingsSource(settings_cls)


class _EnvFiles(PydanticBaseSettingsSource):
    """Reads the value of ``KPULSE_X`` from the file that ``KPULSE_X_FILE`` names, as container secrets are given."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = (
            (name, self.get_field_value(field, name)[0]) for name, field in self.settings_cls.model_fields.items()
        )
        return {name: value for name, value in values if value is not None}


def load(**given: Any) -> Settings:
    """The settings in force; ``given`` (from the command line) wins. UsageError names what is wrong."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(map(str, first["loc"])).upper()
        raise UsageError(f"Setting {PREFIX}{name}: {first['msg'].removeprefix('Value error, ').rstrip('.')}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"kpulse.toml cannot be read: {error}.") from None
    except OSError as error:
        raise UsageError(f"A file named by a {PREFIX}*_FILE setting cannot be read: {error}.") from None
