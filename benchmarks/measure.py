"""Runs a function in a fresh process and says what it took; interleaves the ways and takes medians."""

import importlib
import json
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, CPU seconds, the peak of memory in MB, and what the function returned."""

    seconds: float
    cpu: float
    peak_mb: float
    result: Any = None


def run_fresh(target: str, **given: Any) -> Taken:
    """What ``module:function`` takes in a process of its own; starting it and importing are not counted."""
    command = [sys.executable, str(Path(__file__)), target, json.dumps(given)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Taken(**json.loads(done.stdout.splitlines()[-1]))


def alternate(ways: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, Taken]:
    """The median of each way over ``rounds`` rounds, in each of which every way runs once."""
    found: dict[str, list[Taken]] = {name: [] for name in ways}
    for number in range(rounds):
        # The order turns around, so that drift of the machine favours nobody.
        for name in list(ways) if number % 2 == 0 else list(ways)[::-1]:
            found[name].append(ways[name]())
    return {name: median(taken) for name, taken in found.items()}


def median(taken: Sequence[Taken]) -> Taken:
    """The median of each figure; the result is the last run's."""
    return Taken(
        statistics.median(each.seconds for each in taken),
        statistics.median(each.cpu for each in taken),
        statistics.median(each.peak_mb for each in taken),
        taken[-1].result,
    )


def time_call(function: Callable[[], Any]) -> Taken:
    """What a call takes in this process; the peak is that of the process so far."""
    clock, before = time.perf_counter(), _cpu()
    result = function()
    seconds, cpu = time.perf_counter() - clock, _cpu() - before
    return Taken(seconds, cpu, _peak_mb(), result)


def _peak_mb() -> float:
    # The kernel's own count of a process; getrusage also reports what the parent held when it forked.
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table on standard output."""
    print(f"\n## {title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def main() -> None:
    """Run what the command line names and print what it took."""
    module, _, name = sys.argv[1].partition(":")
    function, given = getattr(importlib.import_module(module), name), json.loads(sys.argv[2])
    print(json.dumps(asdict(time_call(lambda: function(**given)))))


if __name__ == "__main__":
    main()
