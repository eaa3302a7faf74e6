"""Accounts and the audit as Flask-SQLAlchemy models over the plain tables (docs/decisions/0004-flask-sqlalchemy.md)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, current_app
from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy import session as flask_session
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session

from kpulse.errors import UsageError
from kpulse.store import tables as t
from kpulse.store.database import Database

ROLES = ("viewer", "leader", "coach", "km_lead", "admin")
ROLE_WORDS = {"viewer": "Viewer", "leader": "Leader", "coach": "Coach", "km_lead": "KM lead", "admin": "Administrator"}
LEAST_PASSWORD = 12
MOST_PASSWORD = 1024


class Base(DeclarativeBase):
    """The models use the tables of the store, so that Alembic and everything else know one schema."""

    metadata = t.metadata


class OurSession(flask_session.Session):
    """A session on the one engine of the installation, so that there is no second pool beside it."""

    def get_bind(self, *_: Any, **__: Any) -> Engine:
        """The engine of the store."""
        database: Database = current_app.extensions["database"]
        return database.engine


db = SQLAlchemy(model_class=Base, session_options={"class_": OurSession})
_hasher = PasswordHasher()


class Account(Base, UserMixin):  # type: ignore[misc]  # flask-login has no types
    """Somebody who may sign in."""

    __table__ = t.account
    if TYPE_CHECKING:
        id: Mapped[int]
        name: Mapped[str]
        password: Mapped[str]
        role: Mapped[str]
        created_at: Mapped[int]

    def get_id(self) -> str:
        """What the session remembers: another password makes it void."""
        return f"{self.id}.{self.password[-12:]}"

    def may(self, role: str) -> bool:
        """Whether this account has the rights of ``role``."""
        return ROLES.index(self.role) >= ROLES.index(role)


def init_app(app: Flask, database: Database) -> None:
    """Let the models read from ``database``. The address that Flask-SQLAlchemy insists on is a memory that nothing uses."""
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.extensions["database"] = database
    db.init_app(app)


@contextmanager
def writing(database: Database) -> Iterator[Session]:
    """A session under the commit lock, for every change of accounts."""
    with database.writing() as connection, Session(connection) as session:
        yield session
        session.flush()


def load(session_id: str) -> Account | None:
    """The account that a browser session remembers, None when it is gone or has another password."""
    number = session_id.partition(".")[0]
    account = db.session.get(Account, int(number)) if number.isdecimal() else None
    return account if account is not None and account.get_id() == session_id else None


def find(name: str, password: str) -> Account | None:
    """The account of that name, when the password is right; as slow for an unknown name as for a wrong password."""
    account = db.session.execute(select(Account).where(Account.name == name)).scalar_one_or_none()
    try:
        _hasher.verify(account.password if account else _decoy(), password[:MOST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return None
    return account


def add(session: Session, name: str, password: str, role: str, at: int) -> Account:
    """A new account; UsageError says what is wrong with name, password or role."""
    problem = next(iter(check(name, password).values()), None)
    if problem is None and role not in ROLES:
        problem = f"There is no role {role!r}; choose one of {', '.join(ROLES)}."
    if problem is None and session.execute(select(Account.id).where(Account.name == name.strip())).first():
        problem = f"There is an account named {name.strip()!r} already; choose another name."
    if problem is not None:
        raise UsageError(problem)
    hashed = _hasher.hash(password)
    account = Account(name=name.strip(), password=hashed, role=role, created_at=at)
    session.add(account)
    note_change(session.connection(), at, name.strip(), f"account {name.strip()} added as {role}")
    return account


def check(name: str, password: str) -> dict[str, str]:
    """What is wrong with a new account, by field."""
    problems = {}
    if not name.strip() or len(name.strip()) > 200:
        problems["name"] = "Choose a name of 1 to 200 characters."
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        problems["password"] = f"Choose a password of at least {LEAST_PASSWORD} characters; a short sentence is good."
    return problems


def count(connection: Connection) -> int:
    """How many accounts there are."""
    return int(connection.execute(select(func.count()).select_from(t.account)).scalar_one())


def note_change(connection: Connection, at: int, who: str, what: str) -> None:
    """Write a change into the audit."""
    connection.execute(insert(t.audit).values(at=at, who=who, what=what))


def list_changes(connection: Connection, most: int = 50) -> Sequence[tuple[int, str, str]]:
    """The newest changes: (instant, who, what)."""
    c = t.audit.c
    return [tuple(row) for row in connection.execute(select(c.at, c.who, c.what).order_by(c.id.desc()).limit(most))]


@lru_cache(maxsize=1)
def _decoy() -> str:
    return _hasher.hash("nobody has this password")
