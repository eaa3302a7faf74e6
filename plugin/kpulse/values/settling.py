"""Settles calendar months: their sums are kept for good when the month and its grace are over (R18)."""

from datetime import date

from sqlalchemy import Connection, select

from kpulse.periods import EARLIEST, Grain, day_start, floor, following, local_day
from kpulse.rollup.facts import Rules
from kpulse.rollup.read import read_extent, read_sums
from kpulse.store import tables as t
from kpulse.values.coverage import read_coverage


def settle_months(connection: Connection, rules: Rules, now: int) -> list[date]:
    """Settle every month that is due and not settled yet; returns their first days.

    Nothing settles before the first reading of all sources is complete, and no month that was not read to its end.
    """
    coverage, extent = read_coverage(connection), read_extent(connection)
    if not coverage.complete or extent is None or coverage.as_of is None:
        return []
    done = set(connection.execute(select(t.settlement.c.month)).scalars())
    settled, month = [], floor(max(date.fromordinal(extent[0]), date(EARLIEST, 1, 1)), Grain.MONTH)
    today = date.fromordinal(local_day(now, rules.zone))
    while (end := following(month, Grain.MONTH)) <= today:
        closes = day_start(end.toordinal(), rules.zone) + rules.grace
        read_whole = month.toordinal() >= (coverage.first or 0)
        if closes <= min(now, coverage.as_of) and read_whole and month.toordinal() not in done:
            _settle(connection, month, end, rules, now)
            settled.append(month)
        month = end
    return settled


def _settle(connection: Connection, month: date, end: date, rules: Rules, now: int) -> None:
    rows = [
        {"team": team, "month": month.toordinal(), "measure": measure, "slot": slot, "n": n}
        for team, sums in read_sums(connection, month.toordinal(), end.toordinal()).items()
        for (measure, slot), n in sums.items()
    ]
    if rows:
        connection.execute(t.settled.insert(), rows)
    connection.execute(t.settlement.insert(), {"month": month.toordinal(), "rule": rules.version, "settled_at": now})
