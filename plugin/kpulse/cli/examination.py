"""What ``kpulse doctor`` looks at, in the order in which data flow: a number is only as good as what comes before it."""

import os
import shutil
from collections.abc import Iterator

from kpulse.clock import DAY
from kpulse.errors import KpulseError
from kpulse.installation import Installation
from kpulse.registry import list_connectors
from kpulse.rollup.read import read_extent
from kpulse.rollup.recompute import count_dirty
from kpulse.sdk.connector import Finding, Level
from kpulse.store import sources

LEAST_FREE_BYTES = 1 << 30


def examine(installation: Installation) -> Iterator[Finding]:
    """Findings from disk and keys over sources to numbers."""
    yield from _examine_disk(installation)
    yield from _examine_connectors()
    with installation.database.reading() as connection:
        known = sources.list_sources(connection)
        runs = sources.last_runs(connection)
        counts = {one.id: sources.count_facts(connection, one.id) for one in known}
        dirty, extent = count_dirty(connection), read_extent(connection)
    if not known:
        yield _fail("sources", "no source is connected; add one under /sources or with: kpulse source add")
    for one in known:
        yield from _examine_source(installation, one, runs.get(one.id), counts[one.id])
    if dirty:
        yield Finding(
            level=Level.WARN, subject="numbers", message=f"{dirty} marks wait to be counted; is a worker running?"
        )
    if known and extent is None:
        yield _fail(
            "numbers", "no closed ticket is counted; check which states mean closed in the settings of the source"
        )
    elif extent is not None:
        yield Finding(level=Level.OK, subject="numbers", message="closed tickets are counted")


def _examine_disk(installation: Installation) -> Iterator[Finding]:
    folder = installation.settings.data_dir
    free = shutil.disk_usage(folder).free if folder.exists() else 0
    if free < LEAST_FREE_BYTES:
        yield _fail("disk", f"less than 1 GB is free in {folder}; make room before the database fails")
    else:
        yield Finding(level=Level.OK, subject="disk", message=f"{free >> 30} GB are free in {folder}")
    keys = installation.keyring.folder
    if keys.exists() and os.stat(keys).st_mode & 0o077:  # noqa: PTH116
        yield Finding(level=Level.WARN, subject="keys", message=f"others can look into {keys}; run: chmod 700 {keys}")


def _examine_connectors() -> Iterator[Finding]:
    for installed in list_connectors().values():
        if installed.connector is None:
            yield Finding(
                level=Level.WARN, subject="connectors", message=f"{installed.key} is unavailable: {installed.reason}"
            )


def _examine_source(
    installation: Installation, one: sources.Source, last: sources.Run | None, counts: dict[str, int]
) -> Iterator[Finding]:
    if not one.enabled:
        yield Finding(level=Level.WARN, subject=one.name, message="is paused")
        return
    try:
        installation.connect(one).close()
    except KpulseError as error:
        yield _fail(one.name, str(error))
        return
    if last is None:
        yield Finding(level=Level.WARN, subject=one.name, message="was not read yet; is a worker running?")
    elif last.outcome == "failed":
        yield _fail(one.name, last.message)
    elif installation.now() - last.started_at > DAY:
        yield Finding(
            level=Level.WARN, subject=one.name, message="was last read more than a day ago; is a worker running?"
        )
    else:
        seen = ", ".join(f"{n} {name}" for name, n in counts.items() if n)
        yield Finding(level=Level.OK, subject=one.name, message=f"was read: {seen or 'nothing'}")
    if last is not None and last.outcome == "ok" and not counts["link events"] + counts["links seen"]:
        text = "no links were seen at all; check the account's rights, or that the desk links articles"
        yield Finding(level=Level.WARN, subject=one.name, message=text)


def _fail(subject: str, message: str) -> Finding:
    return Finding(level=Level.FAIL, subject=subject, message=message)
