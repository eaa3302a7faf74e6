"""Tokens with which programs read the API; only their digests are stored."""

import hashlib
import secrets

from sqlalchemy import Connection, insert, select

from kpulse.errors import UsageError
from kpulse.store import tables as t

READ = "read"


def make_token(connection: Connection, name: str, at: int) -> str:
    """A new token for reading; it cannot be shown again. UsageError when the name is taken."""
    if connection.execute(select(t.api_token.c.id).where(t.api_token.c.name == name)).first():
        raise UsageError(f"There is a token named {name!r} already; choose another name.")
    token = "kp_" + secrets.token_urlsafe(32)
    row = {"name": name, "digest": _digest(token), "scope": READ, "created_at": at}
    connection.execute(insert(t.api_token), row)
    return token


def is_known(connection: Connection, token: str) -> bool:
    """Whether ``token`` may read."""
    c = t.api_token.c
    return connection.execute(select(c.id).where(c.digest == _digest(token), c.scope == READ)).first() is not None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()  # a random token needs no slow hash
