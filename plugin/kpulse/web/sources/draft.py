"""What somebody entered in the form: checked, and ready to be tried or stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from kpulse.errors import KpulseError
from kpulse.installation import Installation, explain
from kpulse.sdk.connector import Connector, Finding, Level, Report
from kpulse.sdk.settings import ConnectorSettings
from kpulse.store.secrets import REFERENCES
from kpulse.store.sources import Source
from kpulse.web.sources import uploads
from kpulse.web.sources.fields import Field, draw_fields, read_value

FILL_IN = "Please fill this in."
HISTORY_DAYS, MOST_DAYS, MOST_MINUTES = 400, 36_500, 10_080
MISSING = ("Field required",)


@dataclass(kw_only=True)
class Draft:
    """Entered values and what is wrong with them.

    ``settings`` are what is stored, ``usable`` the same with opened secrets; both None while something is wrong.
    ``kept`` names secrets that stay as they are stored.
    """

    kind: type[Connector]
    name: str
    evidence: str = "recorded"
    poll_minutes: str = ""
    history_days: str = str(HISTORY_DAYS)
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    settings: ConnectorSettings | None = None
    usable: ConnectorSettings | None = None

    def read_schedule(self) -> dict[str, Any]:
        """The fields that every source has, as they are stored."""
        return {
            "name": self.name,
            "evidence": self.evidence,
            "poll_minutes": int(self.poll_minutes) if self.poll_minutes else None,
            "history_days": int(self.history_days),
        }


def open_draft(kind: type[Connector], source: Source | None) -> Draft:
    """The form as it is first shown."""
    if source is None:
        return Draft(kind=kind, name=kind.title)
    return Draft(
        kind=kind,
        name=source.name,
        evidence=source.evidence,
        poll_minutes="" if source.poll_minutes is None else str(source.poll_minutes),
        history_days=str(source.history_days),
        values=dict(source.settings),
        kept=frozenset(name for name, sealed in source.secrets.items() if sealed),
    )


def read_draft(
    installation: Installation,
    kind: type[Connector],
    source: Source | None,
    form: MultiDict[str, str],
    *,
    trusted: bool,
) -> Draft:
    """The entered form, checked. ``trusted`` (administrators) may name paths and references on the server.

    Uploaded files must have been stored already, their paths standing in ``form``.
    """
    draft = Draft(
        kind=kind,
        name=form.get("source_name", "").strip(),
        evidence="wide" if form.get("evidence") == "wide" else "recorded",
        poll_minutes=form.get("poll_minutes", "").strip(),
        history_days=form.get("history_days", "").strip() or str(HISTORY_DAYS),
    )
    draft.errors.update(check_schedule(draft))
    for each in draw_fields(kind.settings_type, {}):
        _read_field(draft, each, source, form, installation.settings.data_dir, trusted=trusted)
    _guard_kept_secrets(draft, source)
    if not draft.errors:
        _validate(draft, installation, source)
    else:
        _find_more_errors(draft)
    return draft


def check_schedule(draft: Draft) -> dict[str, str]:
    """What is wrong with the fields that every source has."""
    errors = {}
    if not 1 <= len(draft.name) <= 200:
        errors["source_name"] = "Give the source a name of 1 to 200 characters."
    if draft.poll_minutes and not (draft.poll_minutes.isdecimal() and 1 <= int(draft.poll_minutes) <= MOST_MINUTES):
        errors["poll_minutes"] = f"Give whole minutes from 1 to {MOST_MINUTES}, or leave it empty."
    if not (draft.history_days.isdecimal() and int(draft.history_days) <= MOST_DAYS):
        errors["history_days"] = f"Give whole days from 0 (everything) to {MOST_DAYS}."
    return errors


def try_draft(installation: Installation, draft: Draft) -> tuple[Report, dict[str, tuple[str, ...]]]:
    """Test connection: what the source says to these settings, and the live choices it offers. Nothing is stored."""
    connector = draft.kind(draft.usable, clock=installation.clock)
    try:
        report = connector.check()
        live = [each.name for each in draw_fields(draft.kind.settings_type, {}) if each.live]
        return report, {name: _offer(connector, name) for name in live}
    except KpulseError as error:
        return Report(findings=[Finding(level=Level.FAIL, subject="connection", message=str(error))]), {}
    finally:
        connector.close()


def _offer(connector: Connector, name: str) -> tuple[str, ...]:
    try:
        return tuple(connector.choices(name))
    except KpulseError:
        return ()  # the report says what is wrong; choices only help to type


def _read_field(
    draft: Draft, each: Field, source: Source | None, form: MultiDict[str, str], data_dir: Path, *, trusted: bool
) -> None:
    text = form.get(each.name, "")
    if each.kind == "password":
        _read_secret(draft, each, source, text, forget=bool(form.get(f"{each.name}__forget")), trusted=trusted)
        return
    value = read_value(each, text) if each.name in form or each.kind == "checkbox" else None
    if value is not None:
        draft.values[each.name] = value
    if each.kind == "file" and value and not trusted:
        known = source is not None and source.settings.get(each.name) == value
        if not known and not uploads.is_upload(data_dir, value):
            draft.errors[each.name] = "Upload the file here; only an administrator may name a path on the server."
        elif not known and uploads.names_files(Path(value)):
            draft.errors[each.name] = (
                "This mapping names files on the server; leave those lines out and upload the files here."
            )


def _read_secret(draft: Draft, each: Field, source: Source | None, text: str, *, forget: bool, trusted: bool) -> None:
    if text.startswith(REFERENCES) and not trusted:
        draft.errors[each.name] = "Enter the credential itself; only an administrator may refer to env: or file:."
    elif text:
        draft.values[each.name] = text
    elif source is not None and source.secrets.get(each.name) and not forget:
        draft.kept |= {each.name}


def _guard_kept_secrets(draft: Draft, source: Source | None) -> None:
    """A kept credential goes to the host that it was given for, and to no other."""
    if source is None or not draft.kept or "address" not in draft.kind.settings_type.model_fields:
        return
    before, after = (_origin(str(values.get("address", ""))) for values in (source.settings, draft.values))
    if before != after:
        for name in draft.kept:
            draft.errors[name] = "The address changed, so enter this again: it is never sent to another host unasked."


def _origin(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", address
    return parts.scheme, parts.netloc.lower()


def _validate(draft: Draft, installation: Installation, source: Source | None) -> None:
    keyring, secret = installation.keyring, draft.kind.settings_type.secret_fields()
    opened: dict[str, Any] = {}
    for name in secret:
        try:
            if name in draft.kept and source is not None:
                opened[name] = keyring.unseal(source.secrets[name])
            elif str(draft.values.get(name, "")).startswith(REFERENCES):
                opened[name] = keyring.unseal(draft.values[name])
        except KpulseError as error:
            draft.errors[name] = str(error)
    if draft.errors:
        return
    try:
        draft.usable = draft.kind.settings_type(**{**draft.values, **opened})
        draft.settings = draft.kind.settings_type(**{**{name: opened[name] for name in draft.kept}, **draft.values})
    except ValidationError as error:
        draft.errors.update(_say(draft.kind, error))


def _find_more_errors(draft: Draft) -> None:
    """All errors at once, so that nobody has to mend one after the other."""
    stand_in = dict.fromkeys(draft.kept, "x" * 40)
    try:
        draft.kind.settings_type(**{**stand_in, **draft.values})
    except ValidationError as error:
        for name, text in _say(draft.kind, error).items():
            draft.errors.setdefault(name, text)


def _say(kind: type[Connector], error: ValidationError) -> dict[str, str]:
    empty = {
        str(wrong["loc"][0])
        for wrong in error.errors(include_input=False, include_url=False)
        if wrong["type"] in ("missing", "string_too_short") and wrong["loc"]
    }
    return {name: FILL_IN if name in empty else f"{text}." for name, (_, text) in explain(kind, error).items()}


def list_paths(settings: Mapping[str, Any]) -> list[str]:
    """The files that settings name."""
    return [str(value) for name, value in settings.items() if name.endswith("_file") and value]
