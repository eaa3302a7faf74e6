"""How long do people wait? (kcs-measures.md O1, R20)"""

from collections.abc import Callable

from kpulse.durations import quantile
from kpulse.indicators.catalogue.entry import Indicator, Unit, phases
from kpulse.indicators.parts import Figure, Parts

ALL = ("time_linked", "time_unlinked")
_DIRECTION = phases("baseline", "down", "steady", "up")
_MISLEADS = (
    "Linked and unlinked requests are different requests: easy ones, or slow weeks, may be linked more often. "
    "The difference proves nothing by itself."
)


def _read(q: float, *measures: str) -> Callable[[Parts], Figure]:
    def compute(parts: Parts) -> Figure:
        counts = parts.histogram(*measures)
        n = sum(counts.values())
        nothing = "no_linked_tickets" if measures == ("time_linked",) else "no_tickets"
        reason = parts.unread_reason or (None if n else parts.no_tickets_reason or nothing)
        return Figure(value=None if reason else quantile(counts, q), n=n, reason=reason)

    return compute


def _entry(key: str, title: str, question: str, q: float, measures: tuple[str, ...]) -> Indicator:
    whose = {ALL: "finished", ("time_linked",): "finished and linked", ("time_unlinked",): "finished but not linked"}[
        measures
    ]
    name = "Median" if q == 0.5 else "90th percentile"
    return Indicator(
        key=key,
        title=title,
        question=question,
        formula=f"{name} of calendar time from opening to closure of {whose} requests, waiting time included; within 1 %.",
        unit=Unit.SECONDS,
        direction=_DIRECTION,
        fools=_MISLEADS
        if len(measures) == 1
        else "When easy questions move to self-service, what is left takes longer: a success.",
        act="Compare like with like: the same kind of request, the same month of last year.",
        source="kcs-measures.md O1; R20",
        compute=_read(q, *measures),
        metric=f"{key}_seconds",
        leader=len(measures) == 2,
    )


ENTRIES = (
    _entry("time_to_resolve_median", "Time to an answer", "How long does half of the people wait at most?", 0.5, ALL),
    _entry(
        "time_to_resolve_p90", "Time to an answer, the slow tenth", "How long does one in ten wait at least?", 0.9, ALL
    ),
    _entry(
        "time_to_resolve_linked_median",
        "Time to an answer, linked",
        "How long do linked requests take?",
        0.5,
        ("time_linked",),
    ),
    _entry(
        "time_to_resolve_linked_p90",
        "Time, linked, the slow tenth",
        "How long do slow linked requests take?",
        0.9,
        ("time_linked",),
    ),
    _entry(
        "time_to_resolve_unlinked_median",
        "Time to an answer, not linked",
        "How long do other requests take?",
        0.5,
        ("time_unlinked",),
    ),
    _entry(
        "time_to_resolve_unlinked_p90",
        "Time, not linked, the slow tenth",
        "How long do slow other requests take?",
        0.9,
        ("time_unlinked",),
    ),
)
