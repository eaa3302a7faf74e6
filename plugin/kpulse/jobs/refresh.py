"""Brings everything that is derived in step with the facts: outcomes, buckets, settled months, visible teams, metrics."""

from collections.abc import Callable

from kpulse.installation import Installation
from kpulse.metrics.snapshot import publish
from kpulse.rollup.recompute import recompute
from kpulse.store.dirty import mark_everything
from kpulse.store.notes import read_note, write_note
from kpulse.values.coverage import keep_coverage, measure_coverage, read_coverage
from kpulse.values.settling import settle_months
from kpulse.values.visibility import decide_shown

RULES_NOTE = "rules"


def refresh(installation: Installation) -> int:
    """Recompute what is marked and publish; returns how many buckets were made again."""
    database = installation.database
    with database.writing() as connection:
        rules = installation.rules(connection)
        if read_note(connection, RULES_NOTE) not in (None, rules.version):
            mark_everything(connection)
        write_note(connection, RULES_NOTE, rules.version)
        coverage = measure_coverage(connection, rules.zone)
    made = recompute(database, rules)
    with database.writing() as connection:
        newly_complete = not read_coverage(connection).complete
        keep_coverage(connection, coverage)
        decide_shown(connection, installation.today(), again=newly_complete)
        settle_months(connection, rules, installation.now())
    publish(installation)
    return made


def throttled(action: Callable[[], object], seconds: float, monotonic: Callable[[], float]) -> Callable[[], None]:
    """``action`` at most once in so many seconds, however often it is called."""
    last = monotonic()

    def call() -> None:
        nonlocal last
        if monotonic() - last >= seconds:
            action()
            last = monotonic()

    return call
