"""Commands that answer with numbers."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click

from kpulse.cli.opening import opened
from kpulse.errors import UsageError
from kpulse.periods import read_zone
from kpulse.sdk.casefile import Case, read_cases
from kpulse.values.answer import Value, answer
from kpulse.values.case import compute_case
from kpulse.values.questions import read_question


@click.command()
@click.argument("file")
@click.option("--from", "start", help="First day of the period; wins over the file.")
@click.option("--to", "end", help="The day after the last; wins over the file.")
@click.option("--timezone", help="IANA time zone; wins over the file.")
@click.option(
    "--grace-days", type=click.IntRange(0, 90), help="Days after closure in which a link counts; wins over the file."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compute(
    file: str, start: str | None, end: str | None, timezone: str | None, grace_days: int | None, as_json: bool
) -> None:
    """Compute the cases in FILE (JSON event format; - is standard input) in a scratch store."""
    data = _read_json(file)
    given: dict[str, Any] = {
        "from_day": _read_day(start),
        "to_day": _read_day(end),
        "zone": read_zone(timezone) if timezone else None,
        "grace_days": grace_days,
    }
    cases: Sequence[Case] = read_cases(data)
    found = [compute_case(replace(case, **{k: v for k, v in given.items() if v is not None})) for case in cases]
    if as_json:
        whole = found if isinstance(data, dict) and "cases" in data else found[0]
        click.echo(json.dumps(whole, indent=1, ensure_ascii=False))
        return
    for numbers in found:
        click.echo(f"{numbers.pop('id') or 'case'}")
        for name, value in numbers.items():
            click.echo(f"  {name:28} {_in_words(name, value)}")


def _in_words(name: str, value: Any) -> Any:
    if value is None:
        return "-" if name == "null_reason" else "unknown"
    return value


@click.command()
@click.option("--from", "start", help="First day, such as 2026-03-01; without it the last 28 days.")
@click.option("--to", "end", help="The day after the last.")
@click.option("--team", help="One team instead of the organisation.")
@click.option("--by", type=click.Choice(["team"]), help="All teams side by side.")
@click.option("--grain", type=click.Choice(["day", "week", "month", "quarter", "year"]), help="Split the period.")
@click.option("--indicator", "keys", multiple=True, help="Key of an indicator; may be given again. All without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def indicators(
    start: str | None,
    end: str | None,
    team: str | None,
    by: str | None,
    grain: str | None,
    keys: Sequence[str],
    as_json: bool,
) -> None:
    """Values of indicators for a period, the same as on every page."""
    with opened() as installation:
        today = installation.today()
        question = read_question(today, start=start, end=end, team=team, by=by, grain=grain, indicators=keys)
        with installation.database.reading() as connection:
            values = answer(connection, question, installation.rules(connection), today)
    if as_json:
        click.echo(json.dumps([value.as_json() for value in values], indent=1, ensure_ascii=False))
    else:
        _print_table(values)


def _print_table(values: Sequence[Value]) -> None:
    for value in values:
        place = f"{value.start}..{value.end}  {value.group:28} {value.indicator:32}"
        if value.value is None:
            click.echo(f"{place} unknown ({value.reason})")
        else:
            of = f"{value.x} of {value.n}" if value.x is not None and value.n is not None else ""
            click.echo(f"{place} {value.value:<12.6g} {of:>16}  {value.status}")


def _read_json(file: str) -> object:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    try:
        found: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{file} is not JSON: {error.msg} in line {error.lineno}.") from None
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply.") from None
    return found


def _read_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"{text!r} is not a day; write it like 2026-03-31.") from None


COMMANDS = (compute, indicators)
