"""Where jobs run: threads of this process. The database is the truth, so a job may be asked for twice."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from kpulse.log import get_log


class ThreadRunner:
    """Runs jobs on a few threads; a job of the same name that is still waiting or running is not started again."""

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def submit(self, name: str, job: Callable[[], object]) -> bool:
        """Start ``job``; False when one of that name is under way."""
        with self._lock:
            if name in self._busy:
                return False
            self._busy.add(name)
        self._pool.submit(self._run, name, job).add_done_callback(self._report)
        return True

    def close(self) -> None:
        """Wait until the running jobs have ended; waiting ones are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, name: str, job: Callable[[], object]) -> None:
        try:
            job()
        except Exception:  # noqa: BLE001 (the seam: one broken job must not end the worker)
            get_log().exception("job failed", job=name)
        finally:
            with self._lock:
                self._busy.discard(name)

    @staticmethod
    def _report(future: "Future[None]") -> None:
        if future.cancelled():
            get_log().info("a waiting job was dropped at the end of the service")
