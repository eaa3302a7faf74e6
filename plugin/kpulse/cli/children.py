"""Runs the web server and the worker as two processes of one command, so that neither slows or takes down the other."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

PR_SET_PDEATHSIG = 1
PATIENCE_SECONDS = 20


class Children:
    """The processes of ``kpulse run``. When one ends, all end; when the parent is killed, they end too."""

    def __init__(self, commands: Mapping[str, Sequence[str]]) -> None:
        self._stopping = False
        self._processes = {
            name: subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", "kpulse", *arguments],
                preexec_fn=_end_with_parent,
                start_new_session=True,
            )
            for name, arguments in commands.items()
        }

    def stop(self) -> None:
        """Ask all to end; also called from signal handlers."""
        self._stopping = True
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the end; 0 after ``stop``, 1 when one ended by itself."""
        while all(process.poll() is None for process in self._processes.values()):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        asked = self._stopping
        self.stop()
        for process in self._processes.values():
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return 0 if asked else 1


def _end_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):  # only Linux can do this
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
