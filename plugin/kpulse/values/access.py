"""Who may look without signing in: everybody, while there is nothing to see but a synthetic company on one's own machine."""

import ipaddress
from collections.abc import Container, Iterable

from kpulse.store.sources import Source

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip")


def is_loopback(address: str) -> bool:
    """Whether an address or host name means this machine."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_direct(remote: str | None, headers: Container[str]) -> bool:
    """Whether a request comes from this machine and was not passed on by a proxy."""
    return is_loopback(remote or "") and not any(name in headers for name in FORWARDED)


def is_open(host: str, sources: Iterable[Source]) -> bool:
    """Whether pages and the reading API need no sign-in: bound to loopback with none but synthetic sources."""
    return is_loopback(host) and all(source.synthetic for source in sources)
