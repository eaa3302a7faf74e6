"""The one set-up of logging: structured lines on standard error, secrets blotted out by name."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_NAME = re.compile(r"pass(word)?|secret|token|credential|authori[sz]ation|api_?key|cookie", re.IGNORECASE)
BLOT = "********"


def blot_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace every value whose name sounds like a secret."""
    for name in event:
        if SECRET_NAME.search(name):
            event[name] = BLOT
    return event


def set_up(*, as_json: bool = False, level: str = "INFO") -> None:
    """Send the log of this process to standard error, for people or (``as_json``) for machines."""
    render = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        blot_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )


def get_log() -> Any:
    """A logger; call its methods with an event name and fields."""
    return structlog.get_logger()
