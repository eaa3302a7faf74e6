"""Renders /metrics once per refresh and keeps the bytes; a scrape only hands them out."""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from sqlalchemy import Connection, select

from kpulse.installation import Installation
from kpulse.metrics.definitions import DROPPED
from kpulse.metrics.families import Family, collect
from kpulse.store import tables as t
from kpulse.store.dirty import insert_into

TEXT, OPENMETRICS = "metrics.text", "metrics.openmetrics"
BUDGET = 2000


class Snapshot(NamedTuple):
    """Rendered metrics and when they were made."""

    body: bytes
    made_at: int


class StoredValues(Collector):
    """Hands collected families to prometheus_client."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families as gauges; one without samples is not exposed at all."""
        for family in self._families:
            if family.samples:
                names = list(family.samples[0][0])
                gauge = GaugeMetricFamily(family.name, family.help, labels=names)
                for labels, number in family.samples:
                    gauge.add_metric([labels[name] for name in names], number)
                yield gauge


def cut_to_budget(families: Iterable[Family], budget: int = BUDGET) -> list[Family]:
    """The families as far as the series budget goes, each whole or not at all: half of the teams would look like all.

    What is left out is counted in a family of its own, which has its place in the budget.
    """
    kept, room, dropped = [], budget - 1, 0
    for family in families:
        if len(family.samples) <= room:
            kept.append(family)
            room -= len(family.samples)
        else:
            dropped += len(family.samples)
    return [*kept, Family(DROPPED.name, DROPPED.help, [({}, float(dropped))])]


def publish(installation: Installation) -> None:
    """Render the metrics anew and keep them for scrapes."""
    with installation.database.reading() as connection:
        families = cut_to_budget(collect(installation, connection))
    keep(installation, render(families))


def render(families: Iterable[Family]) -> Mapping[str, bytes]:
    """The bytes of every form that a scraper may ask for, by name."""
    registry = CollectorRegistry()
    registry.register(StoredValues(families))
    plain: Mapping[str, bytes] = {
        TEXT: generate_latest(registry),
        OPENMETRICS: generate_openmetrics(registry),  # type: ignore[no-untyped-call]
    }
    return {**plain, **{f"{name}.gz": gzip.compress(body, 6, mtime=0) for name, body in plain.items()}}


def keep(installation: Installation, bodies: Mapping[str, bytes]) -> None:
    """Store rendered metrics as the newest."""
    with installation.database.writing() as connection:
        for name, body in bodies.items():
            _keep(connection, name, body, installation.now())


def read_snapshot(connection: Connection, name: str) -> Snapshot | None:
    """The kept bytes, None before the first refresh."""
    row = connection.execute(select(t.snapshot.c.body, t.snapshot.c.made_at).where(t.snapshot.c.name == name)).first()
    return None if row is None else Snapshot(bytes(row.body), row.made_at)


def read_time(connection: Connection, name: str) -> int | None:
    """When the kept bytes were made; cheaper than reading them."""
    return connection.execute(select(t.snapshot.c.made_at).where(t.snapshot.c.name == name)).scalar()


def _keep(connection: Connection, name: str, body: bytes, at: int) -> None:
    insert = insert_into(connection, t.snapshot).values(name=name, body=body, made_at=at)
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"body": body, "made_at": at}))
