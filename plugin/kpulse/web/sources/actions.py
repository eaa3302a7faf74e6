"""What can be done with a source: pause, resume, read again, accept deletions, remove."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import Connection

from kpulse.installation import Installation
from kpulse.store import sources
from kpulse.store.locks import try_lock
from kpulse.store.sources import Source
from kpulse.web.accounts import note_change
from kpulse.web.auth import require
from kpulse.web.sources import uploads
from kpulse.web.sources.draft import list_paths
from kpulse.web.sources.pages import KM_LEAD, blueprint, find_or_404, the_installation
from kpulse.web.sources.polls import ask_poll, ask_refresh

BUSY = "This source is being read right now. Pause it, wait until the reading has ended, and try again."


@blueprint.post("/<int:source_id>/pause")
@require(KM_LEAD)
def pause(source_id: int) -> ResponseReturnValue:
    """Do not read it until it is resumed."""
    _do(source_id, "paused", lambda connection: sources.change_source(connection, source_id, enabled=0))
    return _back(source_id, "It is paused. What was read stays.")


@blueprint.post("/<int:source_id>/resume")
@require(KM_LEAD)
def resume(source_id: int) -> ResponseReturnValue:
    """Read it again by schedule, and at once."""
    installation = _do(source_id, "resumed", lambda connection: sources.change_source(connection, source_id, enabled=1))
    ask_poll(installation, source_id)
    return _back(source_id, "It is being read again.")


@blueprint.post("/<int:source_id>/read-again")
@require(KM_LEAD)
def read_again(source_id: int) -> ResponseReturnValue:
    """Read everything from the beginning; what is known stays and is brought up to date."""
    with _alone(source_id) as free:
        if not free:
            abort(409, BUSY)
        installation = _do(
            source_id, "read from the beginning", lambda connection: sources.forget_states(connection, source_id)
        )
    ask_poll(installation, source_id, sweep=True)
    return _back(source_id, "Everything is being read again; the numbers stay while it goes on.")


@blueprint.post("/<int:source_id>/accept-deletions")
@require(KM_LEAD)
def accept_deletions(source_id: int) -> ResponseReturnValue:
    """Take away what the source does not list any more."""
    installation = _do(source_id, "deletions accepted", lambda connection: None)
    ask_poll(installation, source_id, accept_losses=True)
    return _back(source_id, "The deletions are accepted and are being taken over.")


@blueprint.get("/<int:source_id>/remove")
@require(KM_LEAD)
def ask_remove(source_id: int) -> str:
    """Ask before it is removed."""
    with the_installation().database.reading() as connection:
        return render_template("sources/remove.html", source=find_or_404(connection, source_id))


@blueprint.post("/<int:source_id>/remove")
@require(KM_LEAD)
def remove(source_id: int) -> ResponseReturnValue:
    """Remove a source with all that was read from it."""
    installation = the_installation()
    with installation.database.reading() as connection:
        source = find_or_404(connection, source_id)
    with _alone(source_id) as free:
        if not free:
            abort(409, BUSY)
        _do(
            source_id,
            "removed with all that was read from it",
            lambda connection: sources.remove_source(connection, source_id),
        )
    for path in list_paths(source.settings):
        uploads.discard(installation.settings.data_dir, path)
    ask_refresh(installation)
    flash(f"{source.name} is removed, with all that was read from it.")
    return redirect(url_for("sources.show_all"))


def _do(source_id: int, what: str, change: Callable[[Connection], None]) -> Installation:
    installation = the_installation()
    with installation.database.writing() as connection:
        source: Source = find_or_404(connection, source_id)
        change(connection)
        note_change(connection, installation.now(), current_user.name, f"source {source.name} {what}")
    return installation


def _alone(source_id: int) -> AbstractContextManager[bool]:
    installation = the_installation()
    return try_lock(installation.database, f"source-{source_id}", installation.settings.database_direct_url)


def _back(source_id: int, sentence: str) -> ResponseReturnValue:
    flash(sentence)
    return redirect(url_for("sources.show", source_id=source_id))
