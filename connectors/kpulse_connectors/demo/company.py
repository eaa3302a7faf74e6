"""Who the demo company is: six teams, their kinds of work and sixty people without names."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from kpulse.sdk import Membership, Team, from_instant
from kpulse_connectors.demo.hours import midnight
from kpulse_connectors.demo.story import Story


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A kind of work. ``share`` of the team's tickets; ``ease`` multiplies the link rate; ``hours`` is the median effort.

    Easy topics are linked more *and* solved faster: who compares linked with unlinked tickets naively is misled.
    """

    key: str
    name: str
    share: float
    ease: float
    hours: float
    things: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A team: ``size`` people, adoption ``wave`` 1 to 3, link rate from ``base`` to ``peak``.

    ``coached_after`` months pass between go-live and the turn; with ``dips`` the rate sags for some weeks later on.
    """

    key: str
    name: str
    size: int
    wave: int
    base: float
    peak: float
    topics: tuple[Topic, ...]
    coached_after: int = 0
    dips: bool = False


def _topics(team: str, *rows: tuple[str, float, str]) -> tuple[Topic, ...]:
    shape = ((0.38, 1.16), (0.28, 1.06), (0.20, 0.84), (0.14, 0.62))
    return tuple(
        Topic(key=f"{team}-{n + 1}", name=name, share=share, ease=ease, hours=hours, things=tuple(things.split(", ")))
        for n, ((name, hours, things), (share, ease)) in enumerate(zip(rows, shape, strict=True))
    )


TEAMS: tuple[Profile, ...] = (
    Profile(
        key="demo-t1",
        name="Accounts and access",
        size=14,
        wave=1,
        base=0.08,
        peak=0.75,
        topics=_topics(
            "t1",
            ("Sign-in", 1.0, "a locked account, a forgotten password, the second factor, single sign-on"),
            ("Access rights", 3.0, "a shared folder, a mailing list, a project space, a guest account"),
            ("Joiners and leavers", 9.0, "a new account, a returning account, a leaver's account, a deputy"),
            ("Certificates", 20.0, "a user certificate, a signing card, a service account, a key exchange"),
        ),
    ),
    Profile(
        key="demo-t2",
        name="Laptops and phones",
        size=11,
        wave=1,
        base=0.06,
        peak=0.66,
        dips=True,
        topics=_topics(
            "t2",
            ("Phones", 1.5, "the mail app, a phone contract, call forwarding, a replacement phone"),
            ("Laptops", 4.0, "the docking station, an external screen, the battery, the camera"),
            ("Software", 8.0, "an office package, a system update, a licence, a browser add-on"),
            ("Repairs", 30.0, "a broken screen, a noisy fan, a lost device, a swollen battery"),
        ),
    ),
    Profile(
        key="demo-t3",
        name="Network and remote work",
        size=10,
        wave=2,
        base=0.05,
        peak=0.58,
        coached_after=2,
        topics=_topics(
            "t3",
            ("Remote access", 1.5, "the remote connection, a token, a home router, a remote desktop"),
            ("Wireless", 3.5, "the guest wireless, the office wireless, roaming, a captive page"),
            ("Sites", 12.0, "a floor switch, a site link, a wall socket, a new desk area"),
            ("Firewall", 26.0, "a firewall rule, a blocked site, a partner link, an open port"),
        ),
    ),
    Profile(
        key="demo-t4",
        name="Business applications",
        size=12,
        wave=2,
        base=0.09,
        peak=0.70,
        topics=_topics(
            "t4",
            ("Expenses", 2.0, "an expense claim, a travel booking, a receipt upload, an approval"),
            ("Ordering", 4.0, "a purchase order, a supplier record, a delivery note, a catalogue item"),
            ("Time sheets", 6.0, "a time sheet, a leave request, a shift plan, an absence code"),
            ("Interfaces", 34.0, "a nightly import, a failed transfer, a posting period, an interface queue"),
        ),
    ),
    Profile(
        key="demo-t5",
        name="Workplace and printing",
        size=9,
        wave=3,
        base=0.07,
        peak=0.62,
        topics=_topics(
            "t5",
            ("Printing", 1.2, "a print queue, scan to mail, a paper jam, a badge printer"),
            ("Meeting rooms", 2.5, "a room booking, the room screen, a conference call, the whiteboard"),
            ("Badges", 5.0, "a door badge, a visitor badge, a parking permit, a locker"),
            ("Moves", 28.0, "a desk move, a team move, a height-adjustable desk, a phone line"),
        ),
    ),
    Profile(
        key="demo-t6",
        name="Data and reporting",
        size=4,
        wave=3,
        base=0.10,
        peak=0.60,
        topics=_topics(
            "t6",
            ("Reports", 3.0, "a monthly report, a saved filter, an export, a subscription"),
            ("Dashboards", 6.0, "a shared dashboard, a broken chart, a data refresh, a drill-down"),
            ("Data access", 10.0, "a data set, a query account, a data dictionary, a sample extract"),
            ("Data quality", 38.0, "a duplicate record, a missing value, a wrong total, a late delivery"),
        ),
    ),
)
PEOPLE = sum(team.size for team in TEAMS)
# Who changes places with whom, in which month of the story: sizes stay, the team of four stays as it is.
SWAPS = ((4, 3, 17), (7, 30, 40), (10, 8, 52))


def team_records() -> Iterator[Team]:
    """The six teams."""
    yield from (Team(key=team.key, name=team.name) for team in TEAMS)


def person(number: int) -> str:
    """The opaque id of a person."""
    return f"demo-p{number:03}"


@lru_cache(maxsize=64)
def _rosters(swaps: int) -> tuple[tuple[str, ...], ...]:
    seats = list(range(1, PEOPLE + 1))
    for _, one, other in SWAPS[:swaps]:
        here, there = seats.index(one), seats.index(other)
        seats[here], seats[there] = other, one
    bounds = [sum(team.size for team in TEAMS[:n]) for n in range(len(TEAMS) + 1)]
    return tuple(tuple(map(person, seats[low:high])) for low, high in pairwise(bounds))


def roster(story: Story, team: int, instant: int) -> tuple[str, ...]:
    """The people of team number ``team`` at ``instant``."""
    return _rosters(sum(instant >= midnight(story.month(month)) for month, _, _ in SWAPS))[team]


def membership_records(story: Story, now: int) -> Iterator[Membership]:
    """Who belonged to which team from when to when, as known at ``now``."""
    begins = [midnight(story.start), *(midnight(story.month(month)) for month, _, _ in SWAPS)]
    known = [instant for instant in begins if instant <= now]
    for team, profile in enumerate(TEAMS):
        for who in sorted({who for n in range(len(known)) for who in _rosters(n)[team]}):
            inside = [n for n in range(len(known)) if who in _rosters(n)[team]]
            after = inside[-1] + 1
            yield Membership(
                team=profile.key,
                person=who,
                valid_from=from_instant(begins[inside[0]]),
                valid_to=from_instant(begins[after]) if after < len(known) else None,
            )
