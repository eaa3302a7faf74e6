"""Computes one worked case in a scratch store, by the same code as everything else (design: `kpulse compute`)."""

from collections import Counter
from typing import Any

from kpulse.clock import DAY, to_instant
from kpulse.errors import UsageError
from kpulse.indicators.catalogue import CATALOGUE
from kpulse.indicators.parts import Parts
from kpulse.indicators.parts import share as share_of
from kpulse.ingest.mapping import Mapping
from kpulse.ingest.page import store_page
from kpulse.periods import Period
from kpulse.rollup.facts import Rules
from kpulse.rollup.read import read_reuse, read_sums
from kpulse.rollup.recompute import recompute
from kpulse.sdk.casefile import Case
from kpulse.sdk.connector import Page
from kpulse.store import sources
from kpulse.store.database import Database
from kpulse.store.tables import metadata

SCRATCH = 1
AT_ONCE = 5000
COUNTS = {
    "linked": "linked", "linked_strict": "linked_strict", "linked_any": "linked_any", "reuse_any": "reuse",
    "create_any": "creation", "both": "both", "resolution_links": "links", "stale_links": "stale", "orphan_links": "orphan",
    "dq_link_before_open": "before_open",
}  # fmt: skip
RATES = {
    "link_rate": "link_rate", "link_rate_strict": "link_rate_strict", "link_rate_any": "link_rate_any",
    "reuse_rate": "reuse_rate", "create_rate": "create_rate", "known_share_of_linked": "known_share",
}  # fmt: skip


def compute_case(case: Case) -> dict[str, Any]:
    """The numbers of ``case`` under the keys of the golden cases; rates are numbers or None. UsageError without a period."""
    if case.from_day is None or case.to_day is None:
        raise UsageError(
            f"Case {case.id or 'without id'} names no period; give from and to, in the file or as options."
        )
    as_of = None if case.as_of is None else to_instant(case.as_of)
    rules = Rules(zone=case.zone, grace=case.grace_days * DAY, as_of=as_of)
    period = Period(case.from_day, case.to_day)
    database = Database("sqlite://")
    try:
        metadata.create_all(database.engine)
        _fill(database, case)
        recompute(database, rules)
        with database.reading() as connection:
            sums = read_sums(connection, *period.days)
            reuse = read_reuse(connection, *period.days)
    finally:
        database.close()
    parts = Parts(sums=sum(sums.values(), Counter()), days=1, days_covered=1)
    counts = {article: n for (_, article), (n, _) in sorted(reuse.items()) if n}
    return {"id": case.id, **_numbers(parts), "reuse_count": counts}


def _fill(database: Database, case: Case) -> None:
    mapping = Mapping(SCRATCH, lambda _, person: person)
    records = list(case.records)
    for start in range(0, len(records), AT_ONCE):
        with database.writing() as connection:
            page = Page(records=records[start : start + AT_ONCE])
            if store_page(connection, SCRATCH, "case", page, mapping, {}, 0):
                _, position, reason = sources.list_quarantine(connection, SCRATCH, 1)[0]
                raise UsageError(f"{position} cannot be counted: {reason}")


def _numbers(parts: Parts) -> dict[str, Any]:
    rates = {name: CATALOGUE[key].compute(parts).value for name, key in RATES.items()}
    fresh = share_of(parts.count("linked_fresh"), parts.count("closed"), parts.no_tickets_reason)
    return {
        "eligible": parts.count("closed"),
        "excluded": parts.count("excluded"),
        **{name: parts.count(measure) for name, measure in COUNTS.items()},
        **rates,
        "link_rate_excluding_archived": fresh.value,
        "excluded_by_reason": dict(parts.reasons),
        "null_reason": parts.no_tickets_reason,
    }
