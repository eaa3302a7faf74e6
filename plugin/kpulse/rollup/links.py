"""Which links count at an instant: events deduplicated, replayed in time order, strongest evidence first (R6, R10)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from kpulse.records import Evidence, Op
from kpulse.rollup.facts import ActiveLink, LinkFact, SeenFact

RANK: Mapping[str, int] = {evidence.value: rank for rank, evidence in enumerate(Evidence)}
NARROW = frozenset((Evidence.RECORDED.value, Evidence.CAPTURED.value, Evidence.UNTIMED.value))
WIDE = frozenset(RANK)
BARE_FLAG = ""


def find_active(
    events: Iterable[LinkFact], seen: Iterable[SeenFact], *, allowed: frozenset[str], as_of: int | None
) -> list[ActiveLink]:
    """The links of one ticket at ``as_of``, one an article; events are in any order and may repeat."""
    groups: dict[tuple[str, str], set[tuple[int | None, str]]] = defaultdict(set)
    for event in events:
        if event.evidence in allowed and (event.at is None or as_of is None or event.at <= as_of):
            groups[event.article, event.evidence].add((event.at, event.op))
    spans = {(span.article, span.evidence): span for span in seen if span.evidence in allowed}
    links = []
    for identity in groups.keys() | spans.keys():
        history = _explain(sorted(groups.get(identity, ()), key=_in_time), spans.get(identity), as_of)
        active, since = _replay(history)
        if active:
            links.append(ActiveLink(identity[0], since, identity[1]))
    return combine(links)


def combine(links: Iterable[ActiveLink]) -> list[ActiveLink]:
    """One link an article: the strongest evidence, then the earliest known time (R5)."""
    best: dict[str, ActiveLink] = {}
    for link in links:
        known = best.get(link.article)
        if known is None or _strength(link) < _strength(known):
            best[link.article] = link
    return [best[article] for article in sorted(best)]


def _strength(link: ActiveLink) -> tuple[int, bool, int]:
    return RANK[link.evidence], link.made_at is None, link.made_at or 0


def _in_time(event: tuple[int | None, str]) -> tuple[bool, int, bool]:
    at, op = event
    return at is not None, at or 0, op != Op.ADD


def _explain(
    history: list[tuple[int | None, str]], span: SeenFact | None, as_of: int | None
) -> list[tuple[int | None, str]]:
    """The history with what was only seen: a link that no event made, and an absence after the last event."""
    if span is None:
        return history
    start = (span.assumed_at, Op.ADD.value)
    began = as_of is None or span.assumed_at is None or span.assumed_at <= as_of
    if began and (not history or history[0][1] != Op.ADD):
        history = [start, *history]
    absent = span.absent_at
    if absent is not None and (as_of is None or absent <= as_of) and history and absent >= (history[-1][0] or 0):
        history = [*history, (absent, Op.REMOVE.value)]
    return history


def _replay(history: Iterable[tuple[int | None, str]]) -> tuple[bool, int | None]:
    active, since = False, None
    for at, op in history:
        if op == Op.ADD and not active:
            active, since = True, at
        elif op == Op.REMOVE:
            active = False
    return active, since
