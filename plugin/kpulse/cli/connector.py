"""Commands for authors of connectors: a working package to begin with."""

import keyword
import re
from collections.abc import Mapping
from pathlib import Path

import click

from kpulse.cli.draft import DRAFT
from kpulse.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


@click.group()
def connector() -> None:
    """Connectors of your own."""


@connector.command("new")
@click.argument("name")
@click.option(
    "--in",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where to make it; default: here.",
)
def new(name: str, folder: Path) -> None:
    """Write a working connector package NAME with tests, to be changed step by step."""
    target = folder / f"kpulse-{name}"
    if target.exists():
        raise UsageError(f"{target} is there already; remove it, or choose another name.")
    for path, text in draft(name).items():
        _write(target / path, text)
    click.echo(f"Wrote {target}. Try it:\n  cd {target}\n  pip install -e .\n  pytest\n  kpulse source types")


def draft(name: str) -> Mapping[str, str]:
    """The files of a new connector ``name``: path below its folder, and content."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot name a connector; use small letters, digits and _, for example acme_desk.")
    words = {"@@name@@": name, "@@Name@@": "".join(word.capitalize() for word in name.split("_"))}
    words["@@title@@"] = name.replace("_", " ").capitalize()
    return {_filled(path, words): _filled(text, words) for path, text in DRAFT.items()}


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub("|".join(words), lambda match: words[match[0]], text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


COMMANDS = (connector,)
