"""Additive histograms of durations: logarithmic slots from which medians and other quantiles are read.

Every slot is 2 % wide, and a value is read as the middle of its slot, so a quantile is at most 1 % from the exact one
(R20). Slot 0 holds durations below a second, also impossible negative ones (R19).
"""

import math
from collections.abc import Mapping

GROWTH = 1.02
STATED_ERROR = 0.01
_LOG = math.log(GROWTH)


def slot_of(seconds: float) -> int:
    """The slot of a duration."""
    return 0 if seconds < 1 else 1 + math.floor(math.log(seconds) / _LOG)


def seconds_in(slot: int) -> float:
    """The duration that a slot stands for, in seconds."""
    return 0.0 if slot == 0 else float(GROWTH ** (slot - 1) * 2 * GROWTH / (1 + GROWTH))


def quantile(counts: Mapping[int, int], q: float) -> float | None:
    """The ``q`` quantile in seconds, between the two nearest ranks in proportion; None for an empty histogram."""
    total = sum(counts.values())
    if not total:
        return None
    rank = q * (total - 1)
    low, high = (_at_rank(counts, r) for r in (math.floor(rank), math.ceil(rank)))
    return low + (high - low) * (rank - math.floor(rank))


def _at_rank(counts: Mapping[int, int], rank: int) -> float:
    seen = 0
    for slot in sorted(counts):
        seen += counts[slot]
        if seen > rank:
            return seconds_in(slot)
    raise ValueError(f"rank {rank} lies beyond the {seen} values")
