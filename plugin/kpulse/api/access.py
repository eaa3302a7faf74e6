"""Who may read the API: everybody while only a synthetic company is shown on one's own machine, else token or session."""

import hashlib
import secrets

from flask import current_app, request
from flask_login import current_user
from sqlalchemy import Connection, insert, select

from kpulse.installation import Installation
from kpulse.store import sources
from kpulse.store import tables as t
from kpulse.values.access import is_direct, is_open

READ = "read"


def make_token(connection: Connection, name: str, at: int) -> str:
    """A new token for reading; only its digest is stored, so it cannot be shown again."""
    token = "kp_" + secrets.token_urlsafe(32)
    row = {"name": name, "digest": digest(token), "scope": READ, "created_at": at}
    connection.execute(insert(t.api_token), row)
    return token


def digest(token: str) -> str:
    """What is stored of a token; a random token needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def may_read() -> bool:
    """Whether this request may read."""
    installation: Installation = current_app.extensions["installation"]
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    with installation.database.reading() as connection:
        if scheme.lower() == "bearer":
            known = select(t.api_token.c.id).where(
                t.api_token.c.digest == digest(given.strip()), t.api_token.c.scope == READ
            )
            return connection.execute(known).first() is not None
        everybody = is_open(installation.settings.host, sources.list_sources(connection))
    if everybody and is_direct(request.remote_addr, dict(request.headers)):
        return True
    return hasattr(current_app, "login_manager") and bool(current_user.is_authenticated)
