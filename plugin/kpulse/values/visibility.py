"""Which teams are shown alone: decided once a quarter for all grains and faces, from the roster and the work before it."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, delete, func, or_, select

from kpulse.indicators.suppression import LEAST_PEOPLE, LEAST_TICKETS, Size, find_shown
from kpulse.periods import Grain, floor
from kpulse.rollup.read import read_teams
from kpulse.store import tables as t
from kpulse.store.bulk import append, write_rows

OTHER_TEAMS = "Other teams"
ORGANISATION = "organisation"
BASE_DAYS = 91
_NOBODY = Size(0, 0)


def read_shown(connection: Connection, today: date) -> frozenset[str]:
    """The teams that may be shown alone in the quarter of ``today``."""
    quarter = floor(today, Grain.QUARTER).toordinal()
    return frozenset(team for team, shown in _judge(connection, quarter, _read_decided(connection, quarter)) if shown)


def decide_shown(connection: Connection, today: date, *, again: bool) -> None:
    """Keep the decision for the quarter of ``today``; with ``again`` (first reading not complete) decide anew."""
    quarter = floor(today, Grain.QUARTER).toordinal()
    decided = _read_decided(connection, quarter)
    judged = _judge(connection, quarter, {} if again else decided)
    if dict(judged) != decided:
        connection.execute(delete(t.visibility).where(t.visibility.c.quarter == quarter))
        rows = [{"quarter": quarter, "team": team, "shown": int(shown)} for team, shown in judged]
        write_rows(connection, t.visibility, rows, append)


def _read_decided(connection: Connection, quarter: int) -> dict[str, bool]:
    c = t.visibility.c
    return {x: bool(shown) for x, shown in connection.execute(select(c.team, c.shown).where(c.quarter == quarter))}


def _judge(connection: Connection, quarter: int, decided: Mapping[str, bool]) -> list[tuple[str, bool]]:
    """Every team and whether it is shown. What is decided stays, but a team that turned up since is hidden, and hides
    others with it where the total would give it away."""
    teams = read_teams(connection)
    if decided and teams <= decided.keys():
        return list(decided.items())
    sizes = measure_teams(connection, quarter)
    among = {team for team, shown in decided.items() if shown} if decided else None
    kept = {team: Size(LEAST_PEOPLE, LEAST_TICKETS) for team in among or () if not sizes.get(team, _NOBODY).is_enough}
    shown = find_shown({**sizes, **kept}, among)
    return [(team, team in shown) for team in sorted(teams | decided.keys())]


def measure_teams(connection: Connection, quarter: int) -> dict[str, Size]:
    """People and tickets of each team in the 91 days before a quarter; without tickets there, in all time."""
    base = (quarter - BASE_DAYS, quarter)
    tickets = _count_tickets(connection, *base)
    if not tickets:
        base = (0, quarter + 10_000)
        tickets = _count_tickets(connection, *base)
    everyone = _count_tickets(connection, 0, quarter + 10_000)
    people = {**_most(_count_owners(connection, *base)), **_most(_count_roster(connection))}
    return {team: Size(people.get(team, 0), tickets.get(team, 0)) for team in everyone}


def _count_tickets(connection: Connection, first: int, end: int) -> dict[str, int]:
    c = t.rollup.c
    query = select(c.team, func.sum(c.n)).where(c.measure == "closed", c.day >= first, c.day < end).group_by(c.team)
    return {team: int(n) for team, n in connection.execute(query)}


def _count_owners(connection: Connection, first: int, end: int) -> Counter[tuple[int, str]]:
    c = t.outcome.c
    query = select(c.source_id, c.team, func.count(c.owner.distinct())).where(
        c.day >= first, c.day < end, c.excluded == ""
    )
    rows = connection.execute(query.group_by(c.source_id, c.team))
    return Counter({(source, team): n for source, team, n in rows})


def _count_roster(connection: Connection) -> Counter[tuple[int, str]]:
    """People on the roster now, by the organisation's name of the team; teams without a roster are left out."""
    m, team = t.membership.c, t.team.c
    joined = t.membership.join(t.team, (m.source_id == team.source_id) & (m.team == team.key), isouter=True)
    query = (
        select(m.source_id, func.coalesce(team.name, m.team), m.person)
        .select_from(joined)
        .where(or_(m.valid_to.is_(None), m.valid_to == 0))
    )
    return Counter((source, name) for source, name, _ in {tuple(row) for row in connection.execute(query)})


def _most(by_source: Mapping[tuple[int, str], int]) -> dict[str, int]:
    """People of each team in the source that knows most of them: each source has pseudonyms of its own, so a sum would
    count one person twice and make a small team look big."""
    most: dict[str, int] = {}
    for (_, team), n in by_source.items():
        most[team] = max(n, most.get(team, 0))
    return most
