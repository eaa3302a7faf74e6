"""How few articles carry the reuse (kcs-measures.md Q10, GC-26). Pure functions of reuse counts."""

import math
from collections.abc import Sequence
from fractions import Fraction


def top_share(counts: Sequence[int], part: Fraction = Fraction(1, 5)) -> tuple[int, int]:
    """Reuse on the most used ``part`` of the articles (rounded up to whole articles), and all reuse."""
    ordered = sorted(counts, reverse=True)
    return sum(ordered[: math.ceil(len(ordered) * part)]), sum(ordered)


def articles_for(counts: Sequence[int], part: Fraction = Fraction(4, 5)) -> int:
    """How many of the most used articles cover ``part`` of all reuse."""
    wanted, covered = part * sum(counts), 0
    for place, count in enumerate(sorted(counts, reverse=True), start=1):
        covered += count
        if covered >= wanted:
            return place
    return 0
