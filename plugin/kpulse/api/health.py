"""/healthz: this process answers. /readyz: it can serve, because the database is there and of this version."""

from flask import Blueprint, Response, current_app, jsonify

from kpulse import __version__
from kpulse.errors import StoreError
from kpulse.installation import Installation
from kpulse.store import schema

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Always ok while the process answers."""
    return jsonify(status="ok", version=__version__)


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when requests can be served, else 503 with the reason."""
    installation: Installation = current_app.extensions["installation"]
    try:
        current = schema.is_current(installation.database)
    except StoreError as error:
        return jsonify(status="not ready", error=str(error)), 503
    if not current:
        return jsonify(status="not ready", error="The schema is of another version; run: kpulse db upgrade"), 503
    return jsonify(status="ready"), 200
