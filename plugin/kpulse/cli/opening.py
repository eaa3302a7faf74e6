"""Opens the installation for the length of a command."""

import contextlib
from collections.abc import Iterator
from typing import Any

from kpulse.installation import Installation
from kpulse.settings import load


@contextlib.contextmanager
def opened(*, migrate: bool = False, **given: Any) -> Iterator[Installation]:
    """The installation of the settings in force; options that were not given are left out."""
    installation = Installation.open(load(**{k: v for k, v in given.items() if v is not None}), migrate=migrate)
    try:
        yield installation
    finally:
        installation.close()
