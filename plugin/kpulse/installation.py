"""What belongs to one installation: its settings, database, keys and rules, opened once and handed to everything else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import SecretStr, ValidationError
from sqlalchemy import Connection

from kpulse.clock import DAY, Clock, to_instant, utc_now
from kpulse.errors import ConfigError, StoreError
from kpulse.periods import local_day, read_zone
from kpulse.registry import find_connector
from kpulse.rollup.facts import Rules
from kpulse.sdk.connector import Connector
from kpulse.sdk.settings import ConnectorSettings
from kpulse.settings import Settings
from kpulse.store import schema, sources
from kpulse.store.database import Database
from kpulse.store.secrets import Keyring


@dataclass
class Installation:
    """Everything that a command, a web request or a job works with."""

    settings: Settings
    database: Database
    keyring: Keyring
    clock: Clock = utc_now

    @classmethod
    def open(cls, settings: Settings, *, migrate: bool = False, clock: Clock = utc_now) -> "Installation":
        """Open the installation; StoreError when its database has another schema and ``migrate`` is not asked for."""
        database = Database(settings.url)
        if migrate:
            schema.upgrade(database)
        elif schema.is_empty(database):
            raise StoreError(
                f"There is no Knowledge Pulse in {settings.place}; check KPULSE_DATA_DIR, or run: kpulse db upgrade"
            )
        elif not schema.is_current(database):
            raise StoreError("The database has the schema of another version; run: kpulse db upgrade")
        return cls(settings, database, Keyring(settings.data_dir / "keys"), clock)

    def now(self) -> int:
        """The instant now."""
        return to_instant(self.clock())

    def today(self) -> date:
        """The organisation's day today."""
        return date.fromordinal(local_day(self.now(), self.rules_zone))

    @property
    def rules_zone(self) -> Any:
        """The organisation's time zone."""
        return read_zone(self.settings.timezone)

    def rules(self, connection: Connection) -> Rules:
        """The counting rules in force."""
        wide = frozenset(source.id for source in sources.list_sources(connection) if source.evidence == "wide")
        return Rules(zone=self.rules_zone, grace=self.settings.grace_days * DAY, wide=wide)

    def connect(self, source: sources.Source) -> Connector:
        """The connector of a source with its settings and opened credentials."""
        kind = find_connector(source.type)
        opened = {name: self.keyring.unseal(sealed) for name, sealed in source.secrets.items() if sealed}
        return kind(read_settings(kind, {**source.settings, **opened}), clock=self.clock)

    def split_secrets(
        self, kind: type[Connector], settings: ConnectorSettings
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Plain settings and sealed secrets, ready to be stored."""
        secret = kind.settings_type.secret_fields()
        plain = settings.model_dump(mode="json", exclude=set(secret))
        values: Mapping[str, SecretStr | None] = {name: getattr(settings, name) for name in secret}
        return plain, {
            name: self.keyring.seal(v.get_secret_value()) for name, v in values.items() if v and v.get_secret_value()
        }

    def close(self) -> None:
        """Give back the database connections."""
        self.database.close()


def read_settings(kind: type[Connector], values: Mapping[str, Any]) -> ConnectorSettings:
    """Checked settings of a connector; ConfigError names the field by its title and says what is wrong."""
    try:
        return kind.settings_type(**values)
    except ValidationError as error:
        raise ConfigError(" ".join(f"{title}: {text}." for title, text in explain(kind, error).values())) from None


def explain(kind: type[Connector], error: ValidationError) -> dict[str, tuple[str, str]]:
    """For each wrong field its title and what is wrong with it."""
    found = {}
    for wrong in error.errors(include_input=False, include_url=False):
        name = str(wrong["loc"][0]) if wrong["loc"] else ""
        field = kind.settings_type.model_fields.get(name)
        text = wrong["msg"].removeprefix("Value error, ").rstrip(".")
        found[name] = ((field.title or name) if field else name or "Settings", text)
    return found
