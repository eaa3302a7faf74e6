"""Finds the installed connectors by their entry points; a broken one is named with its reason and stops nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from kpulse.errors import ConfigError, UsageError
from kpulse.sdk.connector import Connector

GROUP = "kpulse.connectors"


@dataclass(frozen=True)
class Installed:
    """A connector that is installed: its class, or why it cannot be used."""

    key: str
    connector: type[Connector] | None = None
    reason: str = ""


@lru_cache(maxsize=1)
def list_connectors() -> Mapping[str, Installed]:
    """All installed connectors by key."""
    return load_connectors(entry_points(group=GROUP))


def load_connectors(points: Iterable[EntryPoint]) -> dict[str, Installed]:
    """What each entry point leads to."""
    return {point.name: _load(point) for point in sorted(points, key=lambda point: point.name)}


def find_connector(key: str) -> type[Connector]:
    """The connector of that key. UsageError lists the known ones, ConfigError says why one cannot be used."""
    known = list_connectors()
    if key not in known:
        raise UsageError(f"There is no connector {key!r}; installed: {', '.join(known)}.")
    found = known[key]
    if found.connector is None:
        raise ConfigError(f"The connector {key} cannot be used: {found.reason}.")
    return found.connector


def _load(point: EntryPoint) -> Installed:
    try:
        loaded = point.load()
    except Exception as error:  # noqa: BLE001 (a foreign package may fail in any way, and must not take us along)
        return Installed(point.name, reason=f"{type(error).__name__}: {error}")
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        return Installed(point.name, reason=f"{point.value} is not a Connector")
    return Installed(point.name, loaded)
