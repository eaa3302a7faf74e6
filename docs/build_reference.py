"""Writes the reference pages from the code: settings, command line, indicators. ``make docs``; a test holds them equal."""

from collections.abc import Iterator
from pathlib import Path

import click

from kpulse.cli import main as cli
from kpulse.indicators.catalogue import CATALOGUE, REASONS
from kpulse.settings import PREFIX, Settings

HERE = Path(__file__).parent
MADE = "<!-- Made by docs/build_reference.py; change the code, then run: make docs -->"


def build() -> dict[str, str]:
    """The pages by file name."""
    pages = {"settings.md": _settings(), "cli.md": _commands(), "indicators.md": _indicators()}
    return {name: "\n".join(lines).rstrip() + "\n" for name, lines in pages.items()}


def _settings() -> Iterator[str]:
    yield from ("# Settings", MADE, "")
    yield "From the environment, from the file that `NAME_FILE` names, or from `kpulse.toml` in the working folder (names in lower"
    yield "case without the prefix), in this order."
    yield from ("", "| Setting | Default | Meaning |", "|---|---|---|")
    for name, field in Settings.model_fields.items():
        default = "" if field.default in ("", None) or "SecretStr" in str(field.annotation) else f"`{field.default}`"
        yield f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |"


def _commands() -> Iterator[str]:
    yield from ("# Command line", MADE, "")
    yield from _help(cli, "kpulse")


def _help(command: click.Command, name: str) -> Iterator[str]:
    context = click.Context(
        command, info_name=name, max_content_width=100, terminal_width=100, help_option_names=["-h", "--help"]
    )
    yield from (f"## `{name}`", "```", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for sub in sorted(command.commands):
            yield from _help(command.commands[sub], f"{name} {sub}")


def _indicators() -> Iterator[str]:
    yield from ("# Indicators", MADE, "")
    yield "Directions are those of the adoption phases plan, adopt, build proficiency, optimise."
    for entry in CATALOGUE.values():
        yield from (
            "",
            f"## {entry.title}",
            f'<a id="{entry.key}"></a>',
            f"**`{entry.key}`** ({entry.unit}): {entry.question}",
            "",
        )
        yield f"* **How it is computed.** {entry.formula}"
        yield f"* **Direction.** {' → '.join(entry.direction.values())}"
        yield f"* **What fools it.** {entry.fools}"
        yield f"* **What to do.** {entry.act}"
        yield f"* **Source.** {entry.source}"
    yield from ("", "## When there is no value", "| Reason | Meaning |", "|---|---|")
    yield from (f"| `{reason}` | {text} |" for reason, text in REASONS.items())


if __name__ == "__main__":
    for page, text in build().items():
        (HERE / page).write_text(text, encoding="utf-8")
