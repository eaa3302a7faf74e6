"""Which teams are shown alone: decided once a quarter for all grains and faces, from the roster and the work before it."""

from collections import Counter
from datetime import date

from sqlalchemy import Connection, delete, func, or_, select

from kpulse.indicators.suppression import Size, find_shown
from kpulse.periods import Grain, floor
from kpulse.store import tables as t

OTHER_TEAMS = "Other teams"
ORGANISATION = "organisation"
BASE_DAYS = 91


def read_shown(connection: Connection, today: date) -> frozenset[str]:
    """The teams that may be shown alone in the quarter of ``today``."""
    quarter = floor(today, Grain.QUARTER).toordinal()
    c = t.visibility.c
    decided = connection.execute(select(c.team, c.shown).where(c.quarter == quarter)).all()
    if decided:
        return frozenset(team for team, shown in decided if shown)
    return find_shown(measure_teams(connection, quarter))


def decide_shown(connection: Connection, today: date, *, again: bool) -> None:
    """Keep the decision for the quarter of ``today``; with ``again`` (first reading not complete) decide anew."""
    quarter = floor(today, Grain.QUARTER).toordinal()
    c = t.visibility.c
    if not again and connection.execute(select(c.team).where(c.quarter == quarter)).first():
        return
    sizes = measure_teams(connection, quarter)
    shown = find_shown(sizes)
    connection.execute(delete(t.visibility).where(c.quarter == quarter))
    if sizes:
        connection.execute(
            t.visibility.insert(), [{"quarter": quarter, "team": x, "shown": int(x in shown)} for x in sizes]
        )


def measure_teams(connection: Connection, quarter: int) -> dict[str, Size]:
    """People and tickets of each team in the 91 days before a quarter; without tickets there, in all time."""
    base = (quarter - BASE_DAYS, quarter)
    tickets = _count_tickets(connection, *base)
    if not tickets:
        base = (0, quarter + 10_000)
        tickets = _count_tickets(connection, *base)
    everyone = _count_tickets(connection, 0, quarter + 10_000)
    people = {**_count_owners(connection, *base), **_count_roster(connection)}
    return {team: Size(people.get(team, 0), tickets.get(team, 0)) for team in everyone}


def _count_tickets(connection: Connection, first: int, end: int) -> dict[str, int]:
    c = t.rollup.c
    query = select(c.team, func.sum(c.n)).where(c.measure == "closed", c.day >= first, c.day < end).group_by(c.team)
    return {team: int(n) for team, n in connection.execute(query)}


def _count_owners(connection: Connection, first: int, end: int) -> dict[str, int]:
    c = t.outcome.c
    query = select(c.team, func.count(c.owner.distinct())).where(c.day >= first, c.day < end, c.excluded == "")
    return dict(connection.execute(query.group_by(c.team)).all())


def _count_roster(connection: Connection) -> dict[str, int]:
    """People on the roster now, by the organisation's name of the team; teams without a roster are left out."""
    m, team = t.membership.c, t.team.c
    joined = t.membership.join(t.team, (m.source_id == team.source_id) & (m.team == team.key), isouter=True)
    query = (
        select(func.coalesce(team.name, m.team), m.person)
        .select_from(joined)
        .where(or_(m.valid_to.is_(None), m.valid_to == 0))
    )
    return dict(Counter(name for name, _ in set(connection.execute(query))))
