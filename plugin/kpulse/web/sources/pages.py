"""The pages that show sources: the list, one source with its history, its quarantine, and the types to choose from."""

from collections.abc import Mapping

from flask import Blueprint, abort, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, func, select

from kpulse.errors import KpulseError
from kpulse.installation import Installation
from kpulse.registry import find_connector, list_connectors
from kpulse.sdk.connector import Connector
from kpulse.store import sources
from kpulse.store import tables as t
from kpulse.values.coverage import GOOD
from kpulse.web.accounts import list_changes
from kpulse.web.auth import require
from kpulse.web.sources.listing import Row, describe_source

blueprint = Blueprint("sources", __name__, url_prefix="/sources")
KM_LEAD = "km_lead"
SHOWN_ROWS = 500


def the_installation() -> Installation:
    """The installation that this request works with."""
    found: Installation = current_app.extensions["installation"]
    return found


def find_or_404(connection: Connection, source_id: int) -> sources.Source:
    """The source, or a page that says it is gone."""
    found = next((source for source in sources.list_sources(connection) if source.id == source_id), None)
    if found is None:
        abort(404, "There is no such source; it may have been removed.")
    return found


def find_type(key: str) -> type[Connector]:
    """The connector of that key, or a page that says what is wrong with it."""
    if key not in list_connectors():
        abort(404, "There is no such type of source; choose one from the list.")
    return find_connector(key)


def read_rows(connection: Connection, installation: Installation) -> list[Row]:
    """All sources with their states."""
    last, good = sources.last_runs(connection), sources.last_runs(connection, outcomes=GOOD)
    return [
        describe_source(
            source,
            title_of(source.type),
            last.get(source.id),
            good.get(source.id),
            count(connection, source.id),
            installation.now(),
        )
        for source in sources.list_sources(connection)
    ]


def count(connection: Connection, source_id: int) -> Mapping[str, int]:
    """Tickets, articles, links that count, and rows in quarantine."""
    facts = sources.count_facts(connection, source_id)
    query = select(func.count()).select_from(t.counted_link).where(t.counted_link.c.source_id == source_id)
    links = int(connection.execute(query).scalar_one())
    return {
        "tickets": facts["tickets"],
        "articles": facts["articles"],
        "links": links,
        "quarantined": facts["quarantined"],
    }


def title_of(key: str) -> str:
    """The title of a type, also of one that is not installed any more."""
    try:
        return find_connector(key).title
    except KpulseError:
        return f"{key} (not available)"


@blueprint.get("/")
@require(KM_LEAD)
def show_all() -> str:
    """The list."""
    installation = the_installation()
    with installation.database.reading() as connection:
        rows = read_rows(connection, installation)
        changes = list_changes(connection, 8)
    return render_template("sources/list.html", rows=rows, changes=changes)


@blueprint.get("/status.json")
@require(KM_LEAD)
def show_status() -> ResponseReturnValue:
    """State, progress and counts of all sources, for pages that stay open."""
    installation = the_installation()
    with installation.database.reading() as connection:
        rows = read_rows(connection, installation)
    return jsonify(
        sources=[
            {
                "source": row.source.id,
                "state": row.state,
                "tone": row.tone,
                "sentence": row.sentence,
                "running": row.progress.running,
                "promille": row.progress.promille,
                "stage": row.progress.stage,
                "left": row.progress.left,
                "counts": {name: f"{number:,}" for name, number in row.counts.items()},
            }
            for row in rows
        ]
    )


@blueprint.get("/<int:source_id>")
@require(KM_LEAD)
def show(source_id: int) -> str:
    """One source: its state, what can be done, and its readings."""
    installation = the_installation()
    with installation.database.reading() as connection:
        find_or_404(connection, source_id)
        row = next(row for row in read_rows(connection, installation) if row.source.id == source_id)
        runs = sources.list_runs(connection, source_id)
    return render_template("sources/source.html", row=row, runs=runs)


@blueprint.get("/<int:source_id>/quarantine")
@require(KM_LEAD)
def show_quarantine(source_id: int) -> str:
    """Rows that could not be read, with place and reason."""
    with the_installation().database.reading() as connection:
        source = find_or_404(connection, source_id)
        rows = sources.list_quarantine(connection, source_id, SHOWN_ROWS)
        total = sources.count_facts(connection, source_id)["quarantined"]
    return render_template("sources/quarantine.html", source=source, rows=rows, total=total)


@blueprint.get("/new")
@require(KM_LEAD)
def choose_type() -> str:
    """The types of systems that can be connected, also those that are broken, with the reason."""
    return render_template("sources/types.html", types=list(list_connectors().values()))
