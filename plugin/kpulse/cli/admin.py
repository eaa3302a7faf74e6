"""Commands for operations: database, keys, accounts."""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import click
from sqlalchemy import delete, insert, make_url, select

from kpulse.cli.opening import opened
from kpulse.errors import StoreError, UsageError
from kpulse.installation import Installation
from kpulse.jobs.refresh import refresh
from kpulse.rollup.measures import Sums, sum_outcomes
from kpulse.rollup.read import read_sums
from kpulse.rollup.replay import replay
from kpulse.settings import load
from kpulse.store import schema, sources
from kpulse.store import tables as t
from kpulse.store.database import Database
from kpulse.store.dirty import mark_everything
from kpulse.store.tokens import make_token


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the schema of this version."""
    database = Database(load().url)
    schema.upgrade(database)
    database.close()
    click.echo("The database is up to date.")


@db.command()
def rebuild() -> None:
    """Derive all numbers again from the stored facts."""
    with opened() as installation:
        with installation.database.writing() as connection:
            mark_everything(connection)
        click.echo(f"{refresh(installation)} (team, day) sums made again.")


@db.command()
def verify() -> None:
    """Compare the stored sums with a count of all facts; exit 1 when they differ."""
    with opened() as installation:
        refresh(installation)
        wrong = find_differences(installation)
    if wrong:
        raise StoreError(f"{len(wrong)} teams differ ({', '.join(wrong[:3])} ...); run: kpulse db rebuild")
    click.echo("The stored sums are exact.")


@db.command()
@click.argument("target", type=click.Path(path_type=Path))
def backup(target: Path) -> None:
    """Copy the database and the keys into the new folder TARGET (SQLite; for PostgreSQL use pg_dump)."""
    settings = load()
    path = _sqlite_path(settings.url)
    if target.exists():
        raise UsageError(f"{target} exists already; give a new folder.")
    target.mkdir(parents=True, mode=0o700)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target / "kpulse.db")) as copy:
        source.backup(copy)
    if (settings.data_dir / "keys").is_dir():
        shutil.copytree(settings.data_dir / "keys", target / "keys")
    click.echo(f"Backed up to {target}.")


@db.command()
@click.argument("target", type=click.Path(path_type=Path, exists=True))
@click.confirmation_option(prompt="Replace the present database and keys?")
def restore(target: Path) -> None:
    """Put the backup in the folder TARGET in place; the service must not run."""
    settings = load()
    path = _sqlite_path(settings.url)
    if not (target / "kpulse.db").is_file():
        raise UsageError(f"{target} holds no backup: kpulse.db is missing.")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(target / "kpulse.db")) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    if (target / "keys").is_dir():
        shutil.copytree(target / "keys", settings.data_dir / "keys", dirs_exist_ok=True)
    click.echo(f"Restored from {target}; run: kpulse db upgrade")


@click.group()
def secrets() -> None:
    """Sealed credentials."""


@secrets.command()
def rotate() -> None:
    """Make a new sealing key and seal all credentials with it."""
    with opened() as installation:
        installation.keyring.rotate()
        with installation.database.writing() as connection:
            for one in sources.list_sources(connection):
                again = {n: installation.keyring.seal(_open(installation, v)) for n, v in one.secrets.items()}
                sources.change_source(connection, one.id, secrets=again)
    click.echo("All credentials are sealed with a new key.")


@click.group()
def user() -> None:
    """People and programs that may sign in."""


@user.command("add")
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="viewer, leader, coach, km_lead or admin.")
@click.password_option(help="Asked for when it is not given.")
def add_user(name: str, role: str, password: str) -> None:
    """Make an account."""
    from kpulse.web import accounts  # Flask, not needed by other commands

    with opened() as installation, accounts.writing(installation.database) as session:
        accounts.add(session, name, password, role, installation.now())
    click.echo(f"{name} may sign in as {role}.")


@user.command("list")
def list_users() -> None:
    """List the accounts."""
    with opened() as installation, installation.database.reading() as connection:
        for name, role in connection.execute(select(t.account.c.name, t.account.c.role).order_by(t.account.c.name)):
            click.echo(f"{name:32} {role}")


@user.command("remove")
@click.argument("name")
def remove_user(name: str) -> None:
    """Delete an account; its sessions end at once."""
    with opened() as installation, installation.database.writing() as connection:
        if not connection.execute(delete(t.account).where(t.account.c.name == name)).rowcount:
            raise UsageError(f"There is no account named {name!r}.")
        connection.execute(
            insert(t.audit), {"at": installation.now(), "who": "command line", "what": f"account {name} removed"}
        )
    click.echo(f"Removed {name}.")


@user.command()
@click.argument("name")
def token(name: str) -> None:
    """Make a token with which a program may read the API; it is shown only once."""
    with opened() as installation, installation.database.writing() as connection:
        click.echo(make_token(connection, name, installation.now()))


def find_differences(installation: Installation) -> list[str]:
    """The teams whose stored sums differ from a count of the facts."""
    with installation.database.reading() as connection:
        rules = installation.rules(connection)
        stored = read_sums(connection, 0, 10_000_000)
    none: Sums = Counter()
    counted: dict[str, Sums] = {}
    for (team, _), sums in sum_outcomes(replay(installation.database, rules)).items():
        counted.setdefault(team, Counter()).update(sums)
    return sorted(team for team in stored.keys() | counted.keys() if stored.get(team, none) != counted.get(team, none))


def _open(installation: Installation, sealed: str) -> str:
    return sealed if sealed.startswith(("env:", "file:")) else installation.keyring.unseal(sealed)


def _sqlite_path(url: str) -> str:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise UsageError("This is for SQLite; back PostgreSQL up with pg_dump and keep the folder of keys with it.")
    return parsed.database


COMMANDS = (db, secrets, user)
