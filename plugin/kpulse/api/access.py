"""Who may read the API: everybody while only a synthetic company is shown on one's own machine, else token or session."""

from flask import current_app, request
from flask_login import current_user

from kpulse.installation import Installation
from kpulse.store import sources
from kpulse.store.tokens import is_known
from kpulse.values.access import is_direct, is_open


def may_read() -> bool:
    """Whether this request may read."""
    installation: Installation = current_app.extensions["installation"]
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    with installation.database.reading() as connection:
        if scheme.lower() == "bearer":
            return is_known(connection, given.strip())
        everybody = is_open(installation.settings.host, sources.list_sources(connection))
    if everybody and is_direct(request.remote_addr, dict(request.headers)):
        return True
    return hasattr(current_app, "login_manager") and bool(current_user.is_authenticated)
