"""Rate budgets: a source is never asked more often than it allows, however many threads ask, and all wait when it says so."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from requests.structures import CaseInsensitiveDict

from kpulse.errors import TransientError

EPOCH_FROM = 1e9


@dataclass(frozen=True, kw_only=True)
class Budget:
    """At most ``requests`` in any ``seconds`` to paths that start with ``path`` (below the source's address)."""

    requests: int
    seconds: float
    path: str = "/"

    def __post_init__(self) -> None:
        if self.requests < 1 or self.seconds <= 0:
            raise ValueError("A budget needs at least one request in more than no time.")


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The headers in which a source tells how many requests are left and when there are more (see ``HttpPolicy.quota``).

    With ``spare`` or fewer left, all wait for the reset, so that other programs of the customer can go on.
    """

    remaining: str
    reset: str
    spare: int = 0


class Timer:
    """Time to wait in. With ``speed`` 100 a minute passes in 0.6 s, which is how tests see an hour at the limit."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed

    def now(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic() * self.speed

    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        """Wait; True when ``stopping`` was set meanwhile or before."""
        return stopping.wait(seconds / self.speed)


class Limits:
    """Lets requests go out inside all budgets and outside of every pause that the source asked for.

    The windows slide: each budget remembers when its last requests went out. A ready-made limiter was looked at
    (pyrate-limiter 4): its buckets can only be asked by taking from them, so a request that counts against two
    budgets (all of the API, and exports) would use up one while it waits for the other; its waiting cannot be ended
    by an event, and a pause for the whole source cannot be said. What is left of it would be this deque.
    """

    def __init__(self, budgets: Sequence[Budget], timer: Timer, stopping: threading.Event, longest_wait: float) -> None:
        self._timer = timer
        self._stopping = stopping
        self._longest_wait = longest_wait
        self._sent: Sequence[tuple[Budget, deque[float]]] = [
            (budget, deque(maxlen=budget.requests)) for budget in budgets
        ]
        self._lock = threading.Lock()
        self._held_until = 0.0

    def hold(self, seconds: float) -> None:
        """Let nothing go out for ``seconds``, because the source asked for it."""
        with self._lock:
            self._held_until = max(self._held_until, self._timer.now() + seconds)

    def take(self, path: str) -> None:
        """Wait until a request to ``path`` may go out, and count it.

        TransientError when the run is stopped meanwhile, or when the source asked for a pause that is left to the next
        run.
        """
        while (delay := self._try(path)) > 0:
            if self._timer.wait(self._stopping, delay):
                raise TransientError("The run was stopped; the next one goes on from the last saved page.")

    def _try(self, path: str) -> float:
        """0 when the request was counted, else the seconds until it makes sense to try again."""
        with self._lock:
            now = self._timer.now()
            pause = self._held_until - now
            if pause > self._longest_wait:
                raise TransientError(
                    f"The source wants to be left alone for {pause:.0f} s; the next run goes on from the last saved page."
                )
            mine = [(budget, sent) for budget, sent in self._sent if path.startswith(budget.path)]
            full = [sent[0] + budget.seconds - now for budget, sent in mine if len(sent) == budget.requests]
            delay = max([pause, *full])
            if delay <= 0:
                for _, sent in mine:
                    sent.append(now)
            return delay


def pause_by(quota: Quota, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the reset that ``headers`` name, when no more than the spare requests are left; else None.

    A reset is in seconds from now, a Unix time, or an ISO time; anything else is no reason to wait.
    """
    known = CaseInsensitiveDict(headers)
    try:
        left, reset = float(known.get(quota.remaining, "")), known.get(quota.reset, "")
    except ValueError:
        return None
    if left > quota.spare:
        return None
    with contextlib.suppress(ValueError):
        seconds = float(reset)
        return max(0.0, seconds - now.timestamp() if seconds > EPOCH_FROM else seconds)
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, (datetime.fromisoformat(reset) - now).total_seconds())
    return None
