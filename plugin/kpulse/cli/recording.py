"""``kpulse source record``: the answers of a live source as fixtures, without people, texts and secrets."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click
import requests

from kpulse.cli.opening import opened
from kpulse.errors import ConfigError
from kpulse.sdk import Connector, Http, HttpSettings, Window
from kpulse.sdk.scrubbing import Scrubber
from kpulse.store import sources


@click.command("record")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--pages", default=3, show_default=True, type=click.IntRange(1, 100), help="Pages of each stream.")
def record(name: str, folder: Path, pages: int) -> None:
    """Write scrubbed answers of the stored source NAME to FOLDER, as fixtures for tests.

    Names, addresses, texts, ids of people and secrets are replaced; the shape, times, numbers and states stay. Read
    the files before you give them away.
    """
    with opened() as installation:
        with installation.database.reading() as connection:
            known = sources.find_source(connection, name)
        connector = installation.connect(known)
        try:
            written = write_recording(connector, folder, pages)
        finally:
            connector.close()
    click.echo(f"Wrote {written} answers to {folder}. Read them before you give them away.")


def write_recording(connector: Connector, folder: Path, pages: int) -> int:
    """Read ``pages`` pages of every stream and write each scrubbed answer as a file; the number of files."""
    if not isinstance(connector.settings, HttpSettings):
        raise ConfigError("This source is not read over HTTP, so there is nothing to record.")
    taken: list[requests.Response] = []
    door = Recorder(connector.settings, connector, taken)
    recorded = type(connector)(connector.settings, http=door, clock=connector.clock)
    scrubber = Scrubber(_secrets(connector.settings))
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    try:
        for stream in connector.streams:
            for _ in islice(recorded.fetch(stream.name, Window()), pages):
                for answer in _emptied(taken):
                    number += 1
                    path = folder / f"{number:03}-{stream.name}.json"
                    path.write_text(json.dumps(_described(answer, scrubber), indent=1) + "\n", encoding="utf-8")
    finally:
        recorded.close()
    return number


class Recorder(Http):
    """The door of a connector that also hands every answer to ``taken``."""

    def __init__(self, settings: HttpSettings, connector: Connector, taken: list[requests.Response]) -> None:
        super().__init__(settings.policy(), auth=connector.auth())
        self._taken = taken

    def _open(self) -> requests.Session:
        session = super()._open()
        session.hooks["response"].append(self._take)
        return session

    def _take(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        # Reading the body here keeps it, so that the door decodes the same bytes afterwards.
        if len(response.content) <= self.policy.largest_answer:
            self._taken.append(response)


def _emptied(taken: list[requests.Response]) -> Iterator[requests.Response]:
    while taken:
        yield taken.pop(0)


KEPT_HEADERS = ("Content-Type", "Link", "X-Total-Count", "Retry-After")


def _described(answer: requests.Response, scrubber: Scrubber) -> Mapping[str, Any]:
    asked = urlsplit(answer.url)
    try:
        body = answer.json()
    except requests.exceptions.JSONDecodeError:
        body = "not JSON"
    return {
        "request": {
            "method": answer.request.method,
            "path": scrubber.scrub_text(asked.path),
            "query": {name: scrubber.scrub_text(value) for name, value in parse_qsl(asked.query)},
        },
        "response": {
            "status": answer.status_code,
            "headers": {
                name: scrubber.scrub_text(answer.headers[name]) for name in KEPT_HEADERS if name in answer.headers
            },
            "body": scrubber.scrub(body),
        },
    }


def _secrets(settings: HttpSettings) -> frozenset[str]:
    values = (getattr(settings, name) for name in settings.secret_fields())
    return frozenset(value.get_secret_value() for value in values if value and value.get_secret_value())
