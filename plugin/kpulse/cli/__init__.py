"""The command line: ``kpulse``."""

import sys
from typing import Any

import click

from kpulse import __version__
from kpulse.cli import admin, connector, dashboards, numbers, recording, service, source
from kpulse.errors import KpulseError, UsageError
from kpulse.log import set_up
from kpulse.settings import load


class Group(click.Group):
    """Ends every expected error with its one sentence: exit code 2 for the caller's, 1 for all others."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"kpulse: {error}", err=True)
            sys.exit(2)
        except KpulseError as error:
            click.echo(f"kpulse: {error}", err=True)
            sys.exit(1)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kpulse")
def main() -> None:
    """Knowledge Pulse shows whether Knowledge-Centered Service happens in a support desk, and what it brings."""
    settings = load()
    set_up(as_json=settings.log_json, level=settings.log_level)


source.source.add_command(recording.record)
for command in (
    *service.COMMANDS,
    *numbers.COMMANDS,
    source.source,
    *connector.COMMANDS,
    *admin.COMMANDS,
    *dashboards.COMMANDS,
):
    main.add_command(command)
