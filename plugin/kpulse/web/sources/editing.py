"""Adding and changing a source through the generated form: test, then save."""

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from kpulse.errors import UsageError
from kpulse.installation import Installation
from kpulse.sdk.connector import Connector, Report
from kpulse.store import sources
from kpulse.store.sources import Source
from kpulse.web.accounts import note_change
from kpulse.web.auth import may, require
from kpulse.web.sources import uploads
from kpulse.web.sources.draft import Draft, list_paths, open_draft, read_draft, try_draft
from kpulse.web.sources.fields import FILE, STEPS, draw_fields
from kpulse.web.sources.pages import KM_LEAD, blueprint, find_or_404, find_type, the_installation
from kpulse.web.sources.polls import ask_poll

ADMIN = "admin"


@blueprint.route("/new/<key>", methods=["GET", "POST"])
@require(KM_LEAD)
def add(key: str) -> ResponseReturnValue:
    """The form of a new source."""
    return _answer(find_type(key), None)


@blueprint.route("/<int:source_id>/edit", methods=["GET", "POST"])
@require(KM_LEAD)
def edit(source_id: int) -> ResponseReturnValue:
    """The form of a source that is there."""
    with the_installation().database.reading() as connection:
        source = find_or_404(connection, source_id)
    return _answer(find_type(source.type), source)


def _answer(kind: type[Connector], source: Source | None) -> ResponseReturnValue:
    installation = the_installation()
    if request.method == "GET":
        return _show(open_draft(kind, source), source)
    form = _keep_uploads(installation, kind)
    draft = read_draft(installation, kind, source, form, trusted=may(ADMIN))
    if draft.errors or draft.settings is None:
        return _show(draft, source), 400
    if request.form.get("action") == "test":
        report, found = try_draft(installation, draft)
        return _show(draft, source, report, found)
    try:
        stored = _create(installation, draft) if source is None else _change(installation, draft, source)
    except UsageError as error:
        draft.errors["source_name"] = str(error)
        return _show(draft, source), 400
    flash(f"{draft.name} is saved; it is being read now.")
    return redirect(url_for("sources.show", source_id=stored))


def _keep_uploads(installation: Installation, kind: type[Connector]) -> MultiDict[str, str]:
    form: MultiDict[str, str] = MultiDict(request.form)
    for name in kind.settings_type.model_fields:
        upload = request.files.get(f"{name}__upload")
        if name.endswith(FILE) and upload is not None and upload.filename:
            form[name] = str(uploads.store(installation.settings.data_dir, upload))
    return form


def _create(installation: Installation, draft: Draft) -> int:
    assert draft.settings is not None  # noqa: S101 (checked by the caller)
    plain, sealed = installation.split_secrets(draft.kind, draft.settings)
    with installation.database.writing() as connection:
        source_id = sources.add_source(
            connection,
            created_at=installation.now(),
            settings=plain,
            secrets=sealed,
            type=draft.kind.key,
            enabled=1,
            synthetic=int(draft.kind.synthetic),
            **draft.read_schedule(),
        )
        note_change(connection, installation.now(), current_user.name, f"source {draft.name} ({draft.kind.key}) added")
        used = [path for each in sources.list_sources(connection) for path in list_paths(each.settings)]
    uploads.discard_forgotten(installation.settings.data_dir, used)
    return source_id


def _change(installation: Installation, draft: Draft, source: Source) -> int:
    assert draft.settings is not None  # noqa: S101 (checked by the caller)
    plain, sealed = installation.split_secrets(draft.kind, draft.settings)
    sealed.update({name: source.secrets[name] for name in draft.kept})
    with installation.database.writing() as connection:
        taken = {each.name for each in sources.list_sources(connection) if each.id != source.id}
        if draft.name in taken:
            raise UsageError(f"There is a source named {draft.name!r} already; choose another name.")
        sources.change_source(connection, source.id, settings=plain, secrets=sealed, **draft.read_schedule())
        changed = ", ".join(_changed(source, draft, plain, sealed)) or "nothing"
        note_change(connection, installation.now(), current_user.name, f"source {draft.name} changed: {changed}")
    for path in set(list_paths(source.settings)) - set(list_paths(plain)):
        uploads.discard(installation.settings.data_dir, path)
    if source.enabled:
        ask_poll(installation, source.id)
    return source.id


def _changed(source: Source, draft: Draft, plain: dict[str, Any], sealed: dict[str, str]) -> list[str]:
    """The names of the fields that changed, never their values."""
    found = [name for name, value in draft.read_schedule().items() if getattr(source, name) != value]
    found += [name for name in plain if source.settings.get(name) != plain[name]]
    return found + [name for name in {*sealed, *source.secrets} if sealed.get(name) != source.secrets.get(name)]


def _show(
    draft: Draft, source: Source | None, report: Report | None = None, found: dict[str, tuple[str, ...]] | None = None
) -> str:
    fields = draw_fields(
        draft.kind.settings_type, draft.values, stored=draft.kept, errors=draft.errors, found=found or {}
    )
    usual = current_app.extensions["installation"].settings.poll_minutes
    steps = [
        (
            step,
            title,
            text,
            [f for f in fields if f.step == step and not f.advanced],
            [f for f in fields if f.step == step and f.advanced],
        )
        for step, (title, text) in STEPS.items()
    ]
    shown = [each for each in steps if each[3] or each[4] or each[0] in ("connect", "schedule")]
    known = set(draft.kind.settings_type.model_fields) | {"source_name", "poll_minutes", "history_days"}
    general = [text for name, text in draft.errors.items() if name not in known]
    return render_template(
        "sources/form.html",
        draft=draft,
        source=source,
        steps=shown,
        report=report,
        general=general,
        usual=usual,
        trusted=may(ADMIN),
    )
