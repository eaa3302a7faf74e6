"""Readings that a page asks for: they run beside the request, one at a time for each source."""

import threading
import time
from collections.abc import Callable

from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.jobs.refresh import refresh
from kpulse.log import get_log
from kpulse.store import sources

PATIENCE_SECONDS = 1800.0
AGAIN_SECONDS = 1.0


def ask_poll(
    installation: Installation, source_id: int, *, accept_losses: bool = False, sweep: bool = False
) -> threading.Thread:
    """Read a source now, or as soon as the reading that is under way has ended.

    The thread does not keep the process alive: a reading that is cut off goes on from its last page at the next start.
    """

    def work() -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            with installation.database.reading() as connection:
                known = [source for source in sources.list_sources(connection) if source.id == source_id]
            if not known or poll(installation, known[0], accept_losses=accept_losses, force_sweep=sweep) is not None:
                return
            time.sleep(AGAIN_SECONDS)

    return _start(f"poll {source_id}", work)


def ask_refresh(installation: Installation) -> threading.Thread:
    """Bring the numbers in step with the facts."""
    return _start("refresh", lambda: refresh(installation))


def _start(name: str, work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except Exception:  # noqa: BLE001 (the seam: nobody waits for this thread)
            get_log().exception("a reading asked for by a page failed", job=name)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
