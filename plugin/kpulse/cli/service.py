"""Commands that run the service."""

import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import click

from kpulse.cli.children import Children
from kpulse.cli.opening import opened
from kpulse.errors import UsageError
from kpulse.installation import Installation
from kpulse.jobs.worker import Worker
from kpulse.store import sources

DEMO = "demo"
HISTORY_OF_DEMO = 400

host_option = click.option("--host", help="Address to listen on; 127.0.0.1 without it.")
port_option = click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; 8480 without it.")


@click.command()
@host_option
@port_option
def run(host: str | None, port: int | None) -> None:
    """Start web server and worker, with all they need; Ctrl-C ends both."""
    _start(host, port, with_demo=False)


@click.command()
@host_option
@port_option
def demo(host: str | None, port: int | None) -> None:
    """Like run, with a synthetic company to look at."""
    _start(host, port, with_demo=True)


@click.command()
@host_option
@port_option
def serve(host: str | None, port: int | None) -> None:
    """Start a web server only; workers poll elsewhere."""
    from kpulse.cli.server import serve_web  # gunicorn, not needed by other commands

    with opened(host=host, port=port) as installation:
        serve_web(installation.settings)


@click.command()
def worker() -> None:
    """Start a worker only; of several, one leads and the others wait."""
    with opened() as installation:
        one = Worker(installation)
        with _on_signals(one.stop):
            one.run()


@click.command()
def doctor() -> None:
    """Follow the data from source to number and name the first broken link."""
    from kpulse.cli.examination import examine

    with opened() as installation:
        broken = False
        for finding in examine(installation):
            click.echo(f"{finding.level.upper():5} {finding.subject}: {finding.message}")
            broken = broken or finding.level == "fail"
    if broken:
        raise click.exceptions.Exit(1)


def _start(host: str | None, port: int | None, *, with_demo: bool) -> None:
    with opened(migrate=True, host=host, port=port) as installation:
        settings = installation.settings
        _check_port(settings.host, settings.port)
        if with_demo:
            _add_demo(installation)
        _announce(installation)
    _run_children(settings.host, settings.port)


def _check_port(host: str, port: int) -> None:
    """UsageError where nothing can listen, before a setup link is made that nobody can use."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"Nothing can listen on {host}, port {port}: {reason}. Choose another with --port.") from None


def _run_children(host: str, port: int) -> None:
    children = Children({"web": ["serve", "--host", host, "--port", str(port)], "worker": ["worker"]})
    with _on_signals(children.stop):
        sys.exit(children.wait())


def _add_demo(installation: Installation) -> None:
    with installation.database.writing() as connection:
        known = sources.list_sources(connection)
        if any(one.type == DEMO for one in known):
            return
        if known:
            raise UsageError("This installation has real sources; start the demo with another KPULSE_DATA_DIR.")
        anchor: date = installation.today()
        sources.add_source(
            connection,
            created_at=installation.now(),
            settings={"anchor": anchor.isoformat()},
            secrets={},
            name="Demo company (synthetic)",
            type=DEMO,
            poll_minutes=5,
            history_days=HISTORY_OF_DEMO,
            synthetic=1,
        )


def _announce(installation: Installation) -> None:
    from kpulse.web.setup import make_setup_link  # Flask, not needed by other commands

    settings = installation.settings
    address = settings.public_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"Knowledge Pulse: {address}/  (Ctrl-C ends it; data in {settings.data_dir.resolve()})")
    if link := make_setup_link(installation, address):
        click.echo(f"First sign-in, once: {link}")


@contextlib.contextmanager
def _on_signals(stop: Any) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMANDS = (run, demo, serve, worker, doctor)
