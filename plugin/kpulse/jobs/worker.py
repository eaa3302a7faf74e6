"""The worker: elected leader among all workers, it asks every few seconds what is due and has it done."""

import threading

from apscheduler.schedulers.background import BackgroundScheduler

from kpulse.installation import Installation
from kpulse.jobs.polling import find_due, poll
from kpulse.jobs.refresh import refresh
from kpulse.jobs.runner import ThreadRunner
from kpulse.log import get_log
from kpulse.store.locks import try_lock

TICK_SECONDS = 2
REFRESH_MINUTES = 1
ELECTION_SECONDS = 5.0


class Worker:
    """Polls sources by schedule for as long as it is the leader; another worker takes over when it dies."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.stopping = threading.Event()
        self._runner = ThreadRunner()

    def run(self) -> None:
        """Work until ``stop``; waits for leadership first."""
        direct = self.installation.settings.database_direct_url
        while not self.stopping.is_set():
            with try_lock(self.installation.database, "leader", direct) as leading:
                if leading:
                    self._lead()
            self.stopping.wait(ELECTION_SECONDS)

    def stop(self) -> None:
        """End after the page that is being stored."""
        self.stopping.set()

    def _lead(self) -> None:
        get_log().info("leading: polling sources by schedule")
        scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
        scheduler.add_job(self._tick, "interval", seconds=TICK_SECONDS, id="tick")
        scheduler.add_job(self._refresh, "interval", minutes=REFRESH_MINUTES, id="refresh")
        scheduler.start()
        try:
            self._tick()
            self.stopping.wait()
        finally:
            scheduler.shutdown(wait=False)
            self._runner.close()

    def _tick(self) -> None:
        for source in find_due(self.installation):
            self._runner.submit(
                f"poll {source.id}",
                lambda source=source: poll(self.installation, source, stopping=self.stopping.is_set),  # type: ignore[misc]
            )

    def _refresh(self) -> None:
        self._runner.submit("refresh", lambda: refresh(self.installation))
