"""Puts the faces together: one Flask application from one open installation."""

from flask import Flask

from kpulse.api.blueprint import blueprint as api
from kpulse.api.blueprint import spec
from kpulse.api.health import blueprint as health
from kpulse.installation import Installation
from kpulse.metrics.endpoint import blueprint as metrics
from kpulse.web import accounts, auth, errors, leader_page, security, setup, sources, words


def create_app(installation: Installation) -> Flask:
    """The application that serves pages, the reading API, metrics and health of ``installation``."""
    app = Flask("kpulse.web")
    app.extensions["installation"] = installation
    security.init_app(app, installation)
    accounts.init_app(app, installation.database)
    auth.init_app(app)
    words.init_app(app, installation)
    errors.init_app(app)
    for page in (auth.blueprint, setup.blueprint, leader_page.blueprint, sources.blueprint):
        app.register_blueprint(page)
    for machine in (api, health, metrics):
        security.exempt(machine)
        app.register_blueprint(machine)
    spec.register(app)
    return app
