"""Polls sources: one run at a time for each source, whichever process asks."""

import time
from collections.abc import Callable

from kpulse.clock import SECOND
from kpulse.errors import KpulseError
from kpulse.ingest.sync import Result, Sync
from kpulse.installation import Installation
from kpulse.jobs.refresh import refresh, throttled
from kpulse.log import get_log
from kpulse.store import sources
from kpulse.store.locks import try_lock

REFRESH_SECONDS = 3.0


def find_due(installation: Installation) -> list[sources.Source]:
    """The enabled sources whose last run began longer ago than their polling interval, or was cut off."""
    with installation.database.reading() as connection:
        known = sources.list_sources(connection)
        runs = sources.last_runs(connection)
    now, usual = installation.now(), installation.settings.poll_minutes
    due = []
    for source in known:
        last = runs.get(source.id)
        interval = (source.poll_minutes or usual) * 60 * SECOND
        if source.enabled and (
            last is None or not last.outcome or last.kind == "stopped" or last.started_at + interval <= now
        ):
            due.append(source)
    return due


def poll(
    installation: Installation,
    source: sources.Source,
    *,
    stopping: Callable[[], bool] = lambda: False,
    accept_losses: bool = False,
    force_sweep: bool = False,
) -> Result | None:
    """Run over one source and refresh what follows from it; None when another process is reading it now."""
    database, settings = installation.database, installation.settings
    with try_lock(database, f"source-{source.id}", settings.database_direct_url) as free:
        if not free:
            return None
        fresh = throttled(lambda: refresh(installation), REFRESH_SECONDS, time.monotonic)
        try:
            connector = installation.connect(source)
        except KpulseError as error:
            return _fail(installation, source, error)
        try:
            sync = Sync(
                database,
                source,
                connector,
                installation.keyring.pseudonym,
                poll_minutes=source.poll_minutes or settings.poll_minutes,
                clock=installation.clock,
                after_page=fresh,
                stopping=stopping,
                accept_losses=accept_losses,
                force_sweep=force_sweep,
            )
            result = sync.run()
        finally:
            connector.close()
        refresh(installation)
        return result


def _fail(installation: Installation, source: sources.Source, error: KpulseError) -> Result:
    now = installation.now()
    with installation.database.writing() as connection:
        run_id = sources.start_run(connection, source.id, now)
        sources.change_run(connection, run_id, ended_at=now, outcome="failed", kind=error.kind, message=str(error))
    get_log().warning("source cannot be opened", source=source.name, kind=error.kind)
    refresh(installation)
    return Result("failed", error.kind, str(error))
