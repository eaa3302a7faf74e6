"""Random streams of records of a small desk, delivered as badly as a network can: late, repeated, in any order."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from kpulse import records as r
from kpulse.clock import DAY
from kpulse.rollup.facts import Rules

START = datetime(2025, 3, 1, tzinfo=UTC)
TICKETS = ["t1", "t2", "t3", "t4"]
ARTICLES = ["a1", "a2"]

TEAMS = ["x", "y"]
VERSIONS: st.SearchStrategy[frozenset[int]] = st.sampled_from(
    [frozenset(v) for v in ((1,), (1,), (2,), (1, 2), (1, 3), (1, 2, 3))]
)
times = st.integers(0, 30).map(lambda day: START + timedelta(days=day))
early = st.integers(0, 12).map(lambda day: START + timedelta(days=day))
late = st.integers(10, 30).map(lambda day: START + timedelta(days=day))
evidences = st.sampled_from([r.Evidence.RECORDED] * 4 + [r.Evidence.CAPTURED, r.Evidence.TEXT])
RULES = Rules(zone=ZoneInfo("Europe/Berlin"), grace=7 * DAY, wide=frozenset({2}))


@dataclass(frozen=True)
class Delivery:
    """Pages of (source, records, recompute afterwards), and the same records once each, in order."""

    pages: list[tuple[int, list[r.Record], bool]]
    records: list[tuple[int, r.Record]]


@st.composite
def status_changes(draw: st.DrawFn) -> tuple[r.StatusChange, ...]:
    teams = st.sampled_from([None, *TEAMS])
    found = draw(st.lists(st.tuples(times, st.sampled_from(r.Status), teams), max_size=2))
    closing = r.StatusChange(at=draw(late), to=r.Status.RESOLVED, team=draw(teams))
    last = [closing] if draw(st.integers(0, 4)) < 4 else []
    return (*(r.StatusChange(at=at, to=to, team=team) for at, to, team in found), *last)


@st.composite
def tickets(draw: st.DrawFn, key: str, version: int) -> r.Ticket:
    changes = draw(status_changes())
    return r.Ticket(
        key=key,
        version=version,
        opened_at=draw(early),
        changes=changes,
        status=draw(st.sampled_from(r.Status)),
        resolved_at=draw(st.sampled_from([None, None, None, START + timedelta(days=20)])),
        team=draw(st.sampled_from([None, *TEAMS])),
        owner=draw(st.sampled_from([None, "p1", "p2"])),
        channel=draw(st.sampled_from([r.Channel.ASSISTED] * 5 + [r.Channel.SELF_SERVICE])),
        exclude=draw(st.sampled_from([None] * 6 + ["spam", "test" * 30])),
        merged_into=draw(st.sampled_from([None] * 8 + TICKETS)),
    )


@st.composite
def articles(draw: st.DrawFn, key: str, version: int) -> r.Article:
    changes = draw(st.lists(st.tuples(times, st.sampled_from(r.ArticleState)), max_size=2))
    return r.Article(
        key=key,
        version=version,
        created_at=draw(early),
        changes=tuple(r.StateChange(at=at, to=to) for at, to in changes),
        archived_at=draw(st.none() | times),
        source_ticket=draw(st.sampled_from([None] * 8 + TICKETS)),
    )


@st.composite
def links(draw: st.DrawFn, number: int) -> r.LinkEvent:
    evidence, at = draw(evidences), draw(times)
    untimed = draw(st.integers(0, 7)) == 7
    return r.LinkEvent(
        op=draw(st.sampled_from([r.Op.ADD] * 4 + [r.Op.REMOVE])),
        ticket=draw(st.sampled_from(TICKETS)),
        article=draw(st.sampled_from([*ARTICLES * 4, "gone", None])),
        at=None if untimed else at,
        kind=draw(st.sampled_from([r.LinkKind.RESOLUTION] * 4 + [r.LinkKind.REFERENCE])),
        evidence=r.Evidence.UNTIMED if untimed else evidence,
        event_id=draw(st.sampled_from([None, f"e{number}"])),
    )


@st.composite
def views(draw: st.DrawFn, number: int) -> r.LinksSeen:
    """``number`` makes the time of the view its own, so that no two views contradict each other."""
    return r.LinksSeen(
        ticket=draw(st.sampled_from(TICKETS)),
        articles=tuple(draw(st.lists(st.sampled_from([*ARTICLES, None]), unique=True, max_size=2))),
        seen_at=draw(times) + timedelta(seconds=number),
        assumed_at=draw(st.none() | times),
        complete=draw(st.booleans()),
        evidence=draw(st.sampled_from([r.Evidence.UNTIMED, r.Evidence.RECORDED])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> list[r.Record]:
    """Records of one desk; two of the same key and version are equal."""
    found: list[r.Record] = []
    for key in TICKETS:
        found += [draw(tickets(key, v)) for v in sorted(draw(VERSIONS))]
    for key in ARTICLES:
        found += [draw(articles(key, v)) for v in sorted(draw(VERSIONS))]
    for key, version in draw(
        st.dictionaries(st.sampled_from(TICKETS + ARTICLES), st.integers(1, 4), max_size=1)
    ).items():
        found.append(r.Gone(what="ticket" if key in TICKETS else "article", key=key, version=version))
    merges = draw(st.dictionaries(st.sampled_from(TICKETS), st.sampled_from(TICKETS), max_size=2))
    found += [r.Merged(ticket=key, into=into) for key, into in merges.items()]
    events = draw(st.lists(st.tuples(st.sampled_from(TICKETS), times, st.sampled_from(r.Status)), max_size=4))
    found += [
        r.StatusEvent(ticket=key, at=at, to=to, event_id=f"s{n}", team=draw(st.sampled_from([None, *TEAMS])))
        for n, (key, at, to) in enumerate(events)
    ]
    found += [draw(links(n)) for n in range(draw(st.integers(1, 8)))]
    found += [draw(views(n)) for n in range(draw(st.integers(0, 5)))]
    return found


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    """Two desks whose pages come in any order; a team may be renamed on the way."""
    once = [(source, record) for source in draw(st.sampled_from([(1,), (2,), (1, 2)])) for record in draw(worlds())]
    sent = draw(st.permutations(once)) + draw(st.lists(st.sampled_from(once), max_size=10) if once else st.just([]))
    teams: list[tuple[int, r.Record]] = []
    if draw(st.booleans()):
        teams = [(1, r.Team(key="x", name="Alpha")), (1, r.Team(key="x", name="Beta"))]
        place = draw(st.integers(0, len(sent)))
        sent = [teams[0], *sent[:place], teams[1], *sent[place:]]
    pages: list[tuple[int, list[r.Record], bool]] = []
    while sent:
        size = draw(st.integers(1, 12))
        part, sent = sent[:size], sent[size:]
        for source in (1, 2):
            of_source = [record for owner, record in part if owner == source]
            if of_source:
                pages.append((source, of_source, draw(st.booleans())))
    return Delivery(pages, [*teams, *once])
