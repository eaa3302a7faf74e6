"""Brings a database to the schema of this version, and says which version it has."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from kpulse.store.database import Database


def upgrade(database: Database) -> None:
    """Run the migrations that are missing; does nothing on a current database. Safe to call from several processes."""
    config = _config()
    with database.writing() as connection:
        if MigrationContext.configure(connection).get_current_heads() == _heads(config):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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
