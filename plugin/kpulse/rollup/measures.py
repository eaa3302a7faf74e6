"""The additive integers of a (team, day) bucket: what they are, in SQL and in Python.

The two forms are independent of each other on purpose: `recompute` sums in the database, `replay` sums in memory, and a
property test holds them equal.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, case, func

from kpulse.rollup.facts import Outcome
from kpulse.store.tables import outcome

Bucket = tuple[str, int]
Place = tuple[str, int]
Sums = Counter[Place]

CLOSED, EXCLUDED = "closed", "excluded"
TIME_LINKED, TIME_UNLINKED = "time_linked", "time_unlinked"
FLAGS = (
    "linked", "linked_strict", "strict_unknown", "linked_any", "linked_fresh", "reuse", "creation", "origin_unknown",
    "links", "stale", "orphan", "before_open", "odd_clock",
)  # fmt: skip
BOTH = "both"

_c = outcome.c


def _of_eligible(value: Any) -> ColumnElement[Any]:
    return func.sum(case((_c.excluded == "", value), else_=0))


SCALARS: Mapping[str, ColumnElement[Any]] = {
    CLOSED: _of_eligible(1),
    EXCLUDED: func.sum(case((_c.excluded == "", 0), else_=1)),
    BOTH: _of_eligible(_c.reuse * _c.creation),
    **{name: _of_eligible(_c[name]) for name in FLAGS},
}

_PYTHON: Mapping[str, Callable[[Outcome], int]] = {
    CLOSED: lambda o: 1,
    BOTH: lambda o: o.reuse * o.creation,
    **{name: (lambda o, name=name: getattr(o, name)) for name in FLAGS},  # type: ignore[misc]
}


def name_reason(reason: str) -> str:
    """The measure that counts tickets excluded for ``reason``, as long as a measure's name may be."""
    return f"{EXCLUDED}:{reason}"[:64]


def sum_outcomes(outcomes: Iterable[Outcome]) -> dict[Bucket, Sums]:
    """The measures of each bucket: {(team, day): {(measure, slot): n}} without zeros."""
    buckets: dict[Bucket, Sums] = {}
    for found in outcomes:
        sums = buckets.setdefault((found.team, found.day), Counter())
        if found.excluded:
            sums[EXCLUDED, 0] += 1
            sums[name_reason(found.excluded), 0] += 1
            continue
        sums[TIME_LINKED if found.linked else TIME_UNLINKED, found.slot] += 1
        for name, read in _PYTHON.items():
            if n := read(found):
                sums[name, 0] += n
    return buckets


def sum_articles(outcomes: Iterable[Outcome]) -> dict[tuple[str, int, int, str], Counter[str]]:
    """Reuse and creation of each article: {(team, day, source, article): {origin: n}} (bare flags have no article)."""
    sums: dict[tuple[str, int, int, str], Counter[str]] = {}
    for found in outcomes:
        for link in found.counted:
            if link.article:
                sums.setdefault((found.team, found.day, found.source_id, link.article), Counter())[link.origin] += 1
    return sums
