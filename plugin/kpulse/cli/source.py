"""Commands for sources: what the web form does, for scripts."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kpulse.cli.opening import opened
from kpulse.errors import UsageError
from kpulse.ingest.sync import Result
from kpulse.installation import Installation, read_settings
from kpulse.jobs.polling import poll
from kpulse.jobs.refresh import refresh
from kpulse.registry import find_connector, list_connectors
from kpulse.sdk.connector import Connector, Report
from kpulse.store import sources


@click.group()
def source() -> None:
    """Systems that are polled."""


@source.command("types")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the JSON Schema of the settings.")
def types(as_json: bool) -> None:
    """List the installed connectors."""
    found = list_connectors()
    if as_json:
        click.echo(json.dumps([_describe(key) for key in found], indent=1))
        return
    for key, installed in found.items():
        text = installed.connector.title if installed.connector else f"unavailable: {installed.reason}"
        click.echo(f"{key:20} {text}")


@source.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """List the sources and how their last run ended."""
    with opened() as installation, installation.database.reading() as connection:
        runs = sources.last_runs(connection)
        rows = [
            {
                "id": known.id,
                "name": known.name,
                "type": known.type,
                "enabled": known.enabled,
                "outcome": runs[known.id].outcome or "running" if known.id in runs else "waiting",
                "message": runs[known.id].message if known.id in runs else "",
                "progress": runs[known.id].progress / 1000 if known.id in runs else 0.0,
                **sources.count_facts(connection, known.id),
            }
            for known in sources.list_sources(connection)
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    for row in [] if as_json else rows:
        click.echo(
            f"{row['id']:3} {row['name']:24} {row['type']:16} {row['outcome']:8} {row['tickets']:>9} tickets  {row['message']}"
        )


@source.command("add")
@click.argument("type")
@click.option("--name", required=True, help="Name of the source.")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A setting; secrets may be env:NAME or file:PATH."
)
@click.option("--file", "toml", type=click.Path(path_type=Path), help="TOML file with settings.")
@click.option(
    "--history-days",
    default=400,
    show_default=True,
    type=click.IntRange(0),
    help="How far back to read; 0 is everything.",
)
@click.option("--poll-minutes", type=click.IntRange(1), help="Minutes between two polls.")
@click.option("--evidence", type=click.Choice(["recorded", "wide"]), default="recorded", show_default=True)
def add(
    type: str,
    name: str,
    pairs: Sequence[str],
    toml: Path | None,
    history_days: int,
    poll_minutes: int | None,
    evidence: str,
) -> None:
    """Add a source of TYPE; the worker polls it, or: kpulse source sync NAME."""
    kind = find_connector(type)
    values = _read_values(kind, pairs, toml)
    with opened(migrate=True) as installation:
        plain, sealed = installation.split_secrets(
            kind, read_settings(kind, _open_references(installation, kind, values))
        )
        sealed |= {k: v for k, v in values.items() if k in sealed and str(v).startswith(("env:", "file:"))}
        with installation.database.writing() as connection:
            made = sources.add_source(
                connection,
                created_at=installation.now(),
                settings=plain,
                secrets=sealed,
                name=name,
                type=type,
                evidence=evidence,
                poll_minutes=poll_minutes,
                history_days=history_days,
                synthetic=int(kind.synthetic),
            )
    click.echo(f"Added source {made}: {name}.")


@source.command("check")
@click.argument("name")
def check(name: str) -> None:
    """Test the connection of a stored source."""
    with opened() as installation:
        with installation.database.reading() as connection:
            known = sources.find_source(connection, name)
        connector = installation.connect(known)
        try:
            report = connector.check()
        finally:
            connector.close()
    _print_report(report)


@source.command("sync")
@click.argument("name", required=False)
@click.option("--sweep", is_flag=True, help="Also look for deletions now.")
@click.option("--accept-deletions", is_flag=True, help="Believe an unusual loss of tickets or articles.")
def sync(name: str | None, sweep: bool, accept_deletions: bool) -> None:
    """Poll one source, or all, now."""
    with opened() as installation:
        with installation.database.reading() as connection:
            known = [sources.find_source(connection, name)] if name else sources.list_sources(connection)
        results = [(one, poll(installation, one, accept_losses=accept_deletions, force_sweep=sweep)) for one in known]
    for one, result in results:
        _print_result(one, result)
    if any(result is None or result.outcome == "failed" for _, result in results):
        raise click.exceptions.Exit(1)


@source.command("remove")
@click.argument("name")
@click.confirmation_option(prompt="Delete the source and everything read from it?")
def remove(name: str) -> None:
    """Delete a source and all that was read from it."""
    with opened() as installation:
        with installation.database.writing() as connection:
            sources.remove_source(connection, sources.find_source(connection, name).id)
        refresh(installation)
    click.echo(f"Removed {name}.")


@source.command("quarantine")
@click.argument("name")
def quarantine(name: str) -> None:
    """Show rows that could not be read, and why."""
    with opened() as installation, installation.database.reading() as connection:
        for stream, position, reason in sources.list_quarantine(connection, sources.find_source(connection, name).id):
            click.echo(f"{stream}: {position}: {reason}")


def _describe(key: str) -> dict[str, Any]:
    installed = list_connectors()[key]
    if installed.connector is None:
        return {"type": key, "unavailable": installed.reason}
    kind = installed.connector
    return {
        "type": key,
        "title": kind.title,
        "summary": kind.summary,
        "settings": kind.settings_type.model_json_schema(),
    }


def _read_values(kind: type[Connector], pairs: Sequence[str], toml: Path | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if toml is not None:
        try:
            values = tomllib.loads(toml.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{toml} cannot be read: {error}.") from None
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or name not in kind.settings_type.model_fields:
            known = ", ".join(kind.settings_type.model_fields)
            raise UsageError(f"--set {pair.partition('=')[0]}: write NAME=VALUE with one of: {known}.")
        values[name] = value
    return values


def _open_references(installation: Installation, kind: type[Connector], values: Mapping[str, Any]) -> dict[str, Any]:
    secret = kind.settings_type.secret_fields()
    refers = {k: v for k, v in values.items() if k in secret and str(v).startswith(("env:", "file:"))}
    return {**values, **{name: installation.keyring.unseal(str(value)) for name, value in refers.items()}}


def _print_report(report: Report) -> None:
    if report.identity:
        click.echo(f"Signed in as {report.identity}.")
    for finding in report.findings:
        click.echo(f"{finding.level.upper():5} {finding.subject}: {finding.message}")
    for name, n in report.counts.items():
        click.echo(f"      {name}: {n}")
    if not report.ok:
        raise click.exceptions.Exit(1)


def _print_result(one: sources.Source, result: Result | None) -> None:
    if result is None:
        click.echo(f"{one.name}: another process is reading it now.")
    else:
        click.echo(f"{one.name}: {result.outcome}, {result.records} records. {result.message}".rstrip())
