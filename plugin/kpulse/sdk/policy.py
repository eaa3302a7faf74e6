"""How a source is reached: address, patience, sizes and rate budgets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kpulse.errors import KpulseError
from kpulse.sdk.limits import Budget, Quota


def checked_address(value: str) -> str:
    """An http(s) address without a trailing slash, query or credentials; ValueError says what to change."""
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError:
        raise ValueError("This is not an address; check host and port.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("Give the full address, starting with https:// (or http:// inside your own network).")
    if parts.username or parts.password:
        raise ValueError("Leave user name and password out of the address; there are fields of their own for them.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


@dataclass(frozen=True, kw_only=True)
class HttpPolicy:
    """How a source is reached. ``attempts`` counts the first one; times are seconds, ``largest_answer`` is in bytes.

    A source that asks for more than ``longest_wait`` seconds is left to the next run: it is never asked too early.
    Every request counts against all ``budgets`` whose path it has. ``quota`` names the headers of a source that tells
    what is left. ``explain`` may say what a refusal (status, start of the body) means where the status alone does not:
    it returns the error to raise (a TransientError is tried again), or None for the usual meaning.
    """

    address: str
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 120.0
    largest_answer: int = 64 * 1024 * 1024
    budgets: Sequence[Budget] = ()
    quota: Quota | None = None
    explain: Callable[[int, bytes], KpulseError | None] | None = None
