"""The one-time link with which the first administrator is made; there is no default password."""

import hashlib
import hmac
import secrets

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, delete

from kpulse.installation import Installation
from kpulse.store import tables as t
from kpulse.store.notes import read_note, write_note
from kpulse.web import accounts
from kpulse.web.auth import begin_session
from kpulse.web.security import limiter

blueprint = Blueprint("setup", __name__)
NOTE = "setup_token"
USED = "This set-up link was used already or was replaced by a newer one. Sign in, or take the link that the service printed at its last start."


def make_setup_link(installation: Installation, base_url: str) -> str | None:
    """A new one-time link below ``base_url``, which makes older ones void; None when there is an account."""
    token = secrets.token_urlsafe(32)
    with installation.database.writing() as connection:
        if accounts.count(connection):
            return None
        write_note(connection, NOTE, _digest(token))
    return f"{base_url.rstrip('/')}/setup/{token}"


@blueprint.get("/setup/<token>")
@limiter.limit("30 per 5 minutes")
def show(token: str) -> ResponseReturnValue:
    """The form for the first administrator."""
    with _installation().database.reading() as connection:
        if not _is_valid(connection, token):
            abort(404, USED)
    return render_template("setup.html", errors={}, name="", least=accounts.LEAST_PASSWORD)


@blueprint.post("/setup/<token>")
@limiter.limit("30 per 5 minutes")
def create(token: str) -> ResponseReturnValue:
    """Make the administrator, burn the link and sign in."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    errors = accounts.check(name, password)
    if password != request.form.get("again", ""):
        errors.setdefault("again", "The two passwords differ; type the same one twice.")
    installation = _installation()
    with accounts.writing(installation.database) as session:
        connection = session.connection()
        if not _is_valid(connection, token):
            abort(404, USED)
        if errors:
            return render_template("setup.html", errors=errors, name=name, least=accounts.LEAST_PASSWORD), 400
        accounts.add(session, name, password, "admin", installation.now())
        connection.execute(delete(t.note).where(t.note.c.name == NOTE))
    account = accounts.find(name.strip(), password)
    assert account is not None  # noqa: S101 (just made)
    begin_session(account)
    return redirect(url_for("sources.show_all"))


def _is_valid(connection: Connection, token: str) -> bool:
    kept = read_note(connection, NOTE)
    return kept is not None and not accounts.count(connection) and hmac.compare_digest(kept, _digest(token))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _installation() -> Installation:
    found: Installation = current_app.extensions["installation"]
    return found
