"""Brings a database to the schema of this version, and says which version it has."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from kpulse.errors import StoreError
from kpulse.store.database import Database


def upgrade(database: Database) -> None:
    """Run the migrations that are missing; does nothing on a current database. Safe to call from several processes."""
    config = _config()
    with database.writing() as connection:
        if MigrationContext.configure(connection).get_current_heads() == _heads(config):
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise StoreError(
                "The database was made by a newer version; install that version, or restore a backup."
            ) from None


def is_empty(database: Database) -> bool:
    """Whether the database was never set up."""
    with database.reading() as connection:
        return not MigrationContext.configure(connection).get_current_heads()


def is_current(database: Database) -> bool:
    """Whether the database has the schema of this version."""
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_heads() == _heads(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _heads(config: Config) -> tuple[str, ...]:
    return tuple(ScriptDirectory.from_config(config).get_heads())
