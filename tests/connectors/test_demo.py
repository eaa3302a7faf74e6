"""The demo company: repeatable, never ahead of the clock, the same through any windows, and with a story to tell."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import ClassVar

import pytest
from pydantic import ValidationError

from kpulse.sdk import (
    Article,
    ArticleEvent,
    ArticleState,
    Channel,
    ConfigError,
    Connector,
    Level,
    LinkEvent,
    LinkKind,
    Membership,
    Mode,
    Op,
    Reach,
    Record,
    Status,
    Team,
    Ticket,
    Window,
    to_instant,
)
from kpulse.sdk.testing.conformance import ReadingConformance
from kpulse_connectors.demo import Demo, DemoSettings
from kpulse_connectors.demo.links import links
from kpulse_connectors.demo.tickets import LOOKBACK, lives

ANCHOR = date(2025, 6, 30)
NOW = datetime(2025, 6, 30, 14, 30, tzinfo=UTC)
WINDOWED = [stream.name for stream in Demo.streams if stream.mode is Mode.WINDOW]
Identity = tuple[str, ...]


def company(now: datetime = NOW, seed: int = 1) -> Demo:
    return Demo(DemoSettings(anchor=ANCHOR, seed=seed), clock=lambda: now)


def read(demo: Demo, stream: str, since: datetime | None = None, until: datetime | None = None) -> list[Record]:
    pages = demo.fetch(stream, Window(since=since, until=until))
    return [record for page in pages for record in page.records]


def identity(record: Record) -> Identity:
    match record:
        case Ticket() | Article():
            return (type(record).__name__, record.key)
        case LinkEvent() | ArticleEvent():
            return (type(record).__name__, str(record.event_id))
        case Reach():
            return ("Reach", record.article, record.day.isoformat())
    raise AssertionError(f"the demo company does not say {record!r}")


def final(records: Sequence[Record]) -> dict[Identity, Record]:
    return {identity(record): record for record in records}


def instants(record: Record) -> Iterator[datetime]:
    match record:
        case Ticket():
            yield record.opened_at
            yield from (change.at for change in record.changes)
        case Article():
            yield from (at for at in (record.created_at, record.first_published_at, record.archived_at) if at)
            yield from (change.at for change in record.changes)
        case LinkEvent() | ArticleEvent():
            assert record.at is not None
            yield record.at
        case Reach():
            yield datetime(record.day.year, record.day.month, record.day.day, tzinfo=UTC) + timedelta(days=1)
        case Membership():
            yield from (at for at in (record.valid_from, record.valid_to) if at)


@dataclass(frozen=True)
class Year:
    """All of the thirteen months, read once."""

    demo: Demo
    tickets: dict[str, Ticket]
    articles: dict[str, Article]
    links: list[LinkEvent]
    events: list[ArticleEvent]
    reach: list[Reach]

    def linked(self, team: int, first: int, last: int) -> tuple[int, int, int]:
        """Closed countable tickets of months [first, last), those with a link to an older article, those with their own."""
        begin, end = self.demo.story.month(first), self.demo.story.month(last)
        eligible = {
            key
            for key, ticket in self.tickets.items()
            if ticket.team == f"demo-t{team}"
            and begin <= ticket.opened_at.date() < end
            and ticket.status in (Status.RESOLVED, Status.CLOSED)
            and ticket.channel is Channel.ASSISTED
            and not (ticket.exclude or ticket.merged_into)
        }
        pairs = {(e.ticket, e.article) for e in self.resolutions() if e.ticket in eligible}
        create = {ticket for ticket, article in pairs if self.source(article) == ticket}
        reuse = {ticket for ticket, article in pairs if self.source(article) != ticket}
        return len(eligible), len(reuse), len(create)

    def rate(self, team: int, first: int, last: int) -> float:
        eligible, reuse, create = self.linked(team, first, last)
        return (reuse + create) / eligible

    def resolutions(self) -> list[LinkEvent]:
        return [e for e in self.links if e.op is Op.ADD and e.kind is LinkKind.RESOLUTION]

    def source(self, article: str | None) -> str | None:
        found = self.articles.get(article or "")
        return found.source_ticket if found else None

    def resolved(self, key: str) -> datetime | None:
        """The first entry of the final run of resolved and closed."""
        final_run: datetime | None = None
        for change in self.tickets[key].changes:
            if change.to not in (Status.RESOLVED, Status.CLOSED):
                final_run = None
            elif final_run is None:
                final_run = change.at
        return final_run


@pytest.fixture(scope="module")
def year() -> Year:
    demo = company()
    knowledge = read(demo, "articles")
    return Year(
        demo=demo,
        tickets={r.key: r for r in read(demo, "tickets") if isinstance(r, Ticket)},
        articles={r.key: r for r in knowledge if isinstance(r, Article)},
        links=[r for r in read(demo, "links") if isinstance(r, LinkEvent)],
        events=[r for r in knowledge if isinstance(r, ArticleEvent)],
        reach=[r for r in knowledge if isinstance(r, Reach)],
    )


class TestConformance(ReadingConformance):
    """What every connector must do, on the first eleven weeks of the story."""

    connector_type = Demo
    single_page: ClassVar[Mapping[str, str]] = {"teams": "six teams", "memberships": "sixty people"}

    @contextmanager
    def opened(self) -> Iterator[Connector]:
        with closing(company(datetime(2024, 8, 13, 12, tzinfo=UTC))) as demo:
            yield demo


# -- repeatable ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [stream.name for stream in Demo.streams])
def test_two_readings_are_equal_and_another_seed_is_another_company(stream: str) -> None:
    since = NOW - timedelta(days=5)
    assert read(company(), stream, since) == read(company(), stream, since)
    if stream not in ("teams", "memberships"):
        assert read(company(), stream, since) != read(company(seed=2), stream, since)


def test_another_process_tells_the_same_story() -> None:
    program = (
        "import hashlib; from datetime import UTC, date, datetime, timedelta\n"
        "from kpulse.sdk import Window; from kpulse_connectors.demo import Demo, DemoSettings\n"
        "now = datetime(2024, 7, 15, 12, tzinfo=UTC)\n"
        "demo = Demo(DemoSettings(anchor=date(2025, 6, 30)), clock=lambda: now)\n"
        "said = [repr(page.records) for s in demo.streams for page in demo.fetch(s.name, Window(since=now - timedelta(2)))]\n"
        "print(len(said), hashlib.sha256(''.join(said).encode()).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert told.pop().split()[0] == "5"


def test_the_past_stays_when_the_clock_moves_on() -> None:
    later = NOW + timedelta(days=30)
    begin = NOW - timedelta(days=40)
    for stream in ("links", "articles"):
        timed = (LinkEvent, ArticleEvent, Reach)
        before = [r for r in read(company(NOW), stream, begin, NOW) if isinstance(r, timed)]
        assert before
        assert before == [r for r in read(company(later), stream, begin, NOW) if isinstance(r, timed)]
    once = final(read(company(NOW), "tickets", begin))
    again = final(read(company(later), "tickets", begin))
    assert once.keys() <= again.keys()
    for key, ticket in once.items():
        grown = again[key]
        assert isinstance(ticket, Ticket)
        assert isinstance(grown, Ticket)
        assert tuple(grown.changes)[: len(ticket.changes)] == tuple(ticket.changes)
        assert (grown.opened_at, grown.category, grown.priority) == (ticket.opened_at, ticket.category, ticket.priority)


def test_the_past_of_articles_stays_when_the_clock_moves_on() -> None:
    once = final([r for r in read(company(NOW), "articles") if isinstance(r, Article)])
    again = final([r for r in read(company(NOW + timedelta(days=30)), "articles") if isinstance(r, Article)])
    assert once.keys() < again.keys()
    for key, article in once.items():
        grown = again[key]
        assert isinstance(article, Article)
        assert isinstance(grown, Article)
        assert tuple(grown.changes)[: len(article.changes)] == tuple(article.changes)
        assert (grown.created_at, grown.title, grown.author) == (article.created_at, article.title, article.author)
        assert grown.version >= article.version


# -- the clock ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "now", [NOW, datetime(2024, 8, 3, 2, 15, tzinfo=UTC), datetime(2026, 1, 14, 23, 59, tzinfo=UTC)]
)
@pytest.mark.parametrize("stream", [stream.name for stream in Demo.streams])
def test_nothing_comes_from_the_future(stream: str, now: datetime) -> None:
    records = read(company(now), stream, now - timedelta(days=8), now + timedelta(days=8))
    assert records
    assert [r for r in records for at in instants(r) if at > now] == []
    versions = [r.version for r in records if isinstance(r, Ticket | Article)]
    assert all(version <= to_instant(now) for version in versions)


def test_the_company_lives_on_within_the_day_and_after_the_anchor() -> None:
    def today(hour: int) -> set[Identity]:
        now = datetime(2025, 9, 16, hour, tzinfo=UTC)
        return set(final(read(company(now), "tickets", now.replace(hour=0))))

    assert len(today(6)) < len(today(11)) < len(today(18))


def test_before_the_story_there_is_nothing() -> None:
    early = company(datetime(2024, 1, 1, tzinfo=UTC))
    assert [read(early, stream) for stream in WINDOWED] == [[], [], []]
    report = early.check()
    assert report.counts["tickets"] == report.counts["articles"] == 0
    assert [f.subject for f in report.findings if f.level is Level.WARN] == ["anchor"]


# -- windows and pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", WINDOWED)
def test_adjacent_windows_say_what_one_large_window_says(stream: str) -> None:
    begin = NOW - timedelta(days=45)
    cuts = [begin + timedelta(days=days, hours=days % 5) for days in (0, 1, 9, 10, 30)] + [NOW + timedelta(seconds=1)]
    demo = company()
    parts = [read(demo, stream, since, until) for since, until in pairwise(cuts)]
    whole = read(demo, stream, begin, cuts[-1])
    assert all(parts)
    assert sum(map(len, parts)) == len(whole)
    assert final([record for part in parts for record in part]) == final(whole)


def test_a_change_after_a_window_was_read_is_found_in_a_later_window() -> None:
    cut = NOW - timedelta(hours=20)
    first = final(read(company(cut), "tickets", cut - timedelta(days=20), cut))
    polled = final(read(company(NOW), "tickets", cut, None))
    assert {**first, **polled} == final(read(company(NOW), "tickets", cut - timedelta(days=20), None)) | {
        key: record for key, record in first.items() if key not in polled
    }
    assert polled.keys() & first.keys()


def test_nothing_happens_to_a_ticket_beyond_the_look_back(year: Year) -> None:
    opened = {key: ticket.opened_at for key, ticket in year.tickets.items()}
    ages = [change.at - ticket.opened_at for ticket in year.tickets.values() for change in ticket.changes]
    ages += [link.at - opened[link.ticket] for link in year.links if link.at]
    assert timedelta(days=15) < max(ages) < LOOKBACK - timedelta(days=1)
    assert min(ages) >= timedelta()


@pytest.mark.parametrize("stream", WINDOWED)
def test_pages_are_bounded_counted_and_resumable(stream: str) -> None:
    demo, window = company(), Window(since=NOW - timedelta(days=14), until=NOW)
    pages = list(demo.fetch(stream, window))
    everything = [record for page in pages for record in page.records]
    assert len(pages) >= 2
    assert {len(page.records) for page in pages[:-1]} == {500}
    assert {page.total for page in pages} == {len(everything)}
    for number, page in enumerate(pages, 1):
        rest = [record for later in demo.fetch(stream, window, page.cursor) for record in later.records]
        assert rest == everything[number * 500 :]


def test_a_foreign_cursor_and_an_unknown_stream_are_named() -> None:
    with pytest.raises(ConfigError, match="remove the source"):
        list(company().fetch("tickets", Window(), {"page": 2}))
    with pytest.raises(ConfigError, match="no stream people"):
        list(company().fetch("people", Window()))


def test_settings_want_an_anchor_and_a_sensible_one() -> None:
    with pytest.raises(ValidationError, match="anchor"):
        DemoSettings.model_validate({})
    with pytest.raises(ValidationError, match="2001"):
        DemoSettings(anchor=date(1990, 1, 1))
    assert DemoSettings.model_validate({"anchor": "2025-06-30"}).anchor == ANCHOR


# -- the company --------------------------------------------------------------------------------------------------


def test_six_teams_of_sixty_people_of_which_one_has_four() -> None:
    demo = company()
    teams = [r for r in read(demo, "teams") if isinstance(r, Team)]
    members = [r for r in read(demo, "memberships") if isinstance(r, Membership)]
    now = Counter(member.team for member in members if member.valid_to is None)
    assert len(teams) == len(now) == 6
    assert sorted(now.values()) == [4, 9, 10, 11, 12, 14]
    assert len({member.person for member in members}) == 60
    assert sum(member.valid_to is not None for member in members) == 6
    early = [r for r in read(company(NOW - timedelta(days=380)), "memberships") if isinstance(r, Membership)]
    assert len(early) == 60
    assert all(member.valid_to is None for member in early)


def test_owners_belong_to_the_team_that_closed_the_ticket(year: Year) -> None:
    members = [r for r in read(year.demo, "memberships") if isinstance(r, Membership)]
    spans = {(m.team, m.person): (m.valid_from, m.valid_to or NOW) for m in members}
    closed = [t for t in year.tickets.values() if t.owner and t.status is Status.CLOSED]
    assert len(closed) > 20_000
    for ticket in closed:
        begin, end = spans[ticket.team or "", ticket.owner or ""]
        assert begin is not None
        assert begin <= ticket.opened_at < end


def test_check_says_synthetic_and_counts_what_can_be_read(year: Year) -> None:
    report = year.demo.check()
    assert report.ok
    assert "synthetic" in " ".join(finding.message for finding in report.findings)
    assert "synthetic" in Demo.title
    assert Demo.synthetic
    expected = {"teams": 6, "people": 60, "articles": len(year.articles), "tickets": len(year.tickets)}
    assert report.counts == expected


def test_volume_has_working_days_weekends_and_all_intakes(year: Year) -> None:
    opened = Counter(ticket.opened_at.date() for ticket in year.tickets.values())
    working = [count for day, count in opened.items() if day.weekday() < 5]
    weekend = [count for day, count in opened.items() if day.weekday() >= 5]
    assert 110 < sum(working) / len(working) < 135
    assert sum(weekend) / len(weekend) < 30
    assert 33_000 < len(year.tickets) < 38_500
    assert {ticket.intake for ticket in year.tickets.values()} == {"phone", "mail", "portal"}
    assert len({ticket.category for ticket in year.tickets.values()}) == 24
    hours = Counter(7 <= ticket.opened_at.hour < 19 for ticket in year.tickets.values())
    assert hours[True] > 0.85 * len(year.tickets)


def test_titles_and_addresses_are_generic_and_synthetic(year: Year) -> None:
    articles = year.articles.values()
    assert len({article.title for article in articles}) >= 300
    assert all(article.url == f"https://demo.invalid/kb/{article.key}" for article in articles)
    assert all(article.key.startswith("demo-") for article in articles)
    people = {ticket.owner for ticket in year.tickets.values()} | {article.author for article in articles}
    assert all(who is None or who.startswith("demo-p") for who in people)


# -- the story ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("team", "live"), [(1, 2), (2, 2), (3, 5), (4, 5), (5, 8), (6, 8)])
def test_each_wave_rises_after_its_go_live(year: Year, team: int, live: int) -> None:
    assert year.rate(team, 0, live) < 0.14
    assert 0.5 < year.rate(team, 11, 13) < 0.8
    assert year.rate(team, live, live + 2) < year.rate(team, live + 3, live + 5)


def test_one_team_turns_only_after_coaching_and_one_has_a_dip(year: Year) -> None:
    assert year.rate(3, 5, 7) < 0.12
    assert year.rate(4, 5, 7) > 0.25
    assert year.rate(2, 7, 8) < year.rate(2, 5, 6) - 0.15
    assert year.rate(2, 9, 10) > year.rate(2, 7, 8) + 0.15


@pytest.mark.parametrize("team", [1, 2, 3, 4, 5])
def test_articles_are_written_first_and_reused_later(year: Year, team: int) -> None:
    live = {1: 2, 2: 2, 3: 5, 4: 5, 5: 8}[team]
    _, reuse, create = year.linked(team, 0, live + 1)
    assert create > reuse
    _, reuse, create = year.linked(team, 11, 13)
    assert reuse > 1.5 * create


def test_reuse_is_concentrated_and_most_older_articles_are_never_reused(year: Year) -> None:
    reuse = Counter(e.article for e in year.resolutions() if year.source(e.article) != e.ticket)
    old = [key for key, article in year.articles.items() if article.created_at < NOW - timedelta(days=90)]
    never = sum(key not in reuse for key in old) / len(old)
    assert 0.5 < never < 0.68
    top = sorted((reuse[key] for key in old), reverse=True)
    assert sum(top[: len(top) // 5]) > 0.7 * sum(top)


def test_the_odd_cases_all_occur(year: Year) -> None:
    tickets = year.tickets.values()
    merged = [ticket for ticket in tickets if ticket.merged_into]
    assert 0.015 < len(merged) / len(tickets) < 0.03
    assert all(year.tickets[t.merged_into or ""].team == t.team and t.merged_into != t.key for t in merged)
    assert 0.03 < sum(bool(ticket.reopened) for ticket in tickets) / len(tickets) < 0.055
    assert {ticket.exclude for ticket in tickets} == {None, "spam", "test"}
    assert 0.03 < sum(ticket.channel is Channel.SELF_SERVICE for ticket in tickets) / len(tickets) < 0.08


def test_odd_links_all_occur(year: Year) -> None:
    links = year.resolutions()
    after = [e.at - closed for e in links if e.at and (closed := year.resolved(e.ticket)) and e.at > closed]
    assert 0.03 < len(after) / len(links) < 0.12
    assert sum(late > timedelta(days=7) for late in after) > 50
    assert sum(e.op is Op.REMOVE for e in year.links) > 50
    assert 20 < sum(e.article not in year.articles for e in links) < 200
    assert sum(e.kind is LinkKind.REFERENCE for e in year.links) > 200
    ended = {key: article.archived_at for key, article in year.articles.items() if article.archived_at}
    assert sum(e.at is not None and e.article in ended and e.at > ended[e.article] for e in links) > 30


def test_links_follow_the_writing_of_their_article(year: Year) -> None:
    known = [e for e in year.links if e.article in year.articles]
    assert all(e.at and e.at > year.articles[e.article or ""].created_at for e in known)
    own = [article for article in year.articles.values() if article.source_ticket]
    assert all(year.tickets[a.source_ticket or ""].opened_at < a.created_at for a in own)
    pairs = {(e.ticket, e.article) for e in year.resolutions()}
    missing = [a for a in own if (a.source_ticket, a.key) not in pairs and a.created_at < NOW - timedelta(hours=1)]
    assert missing == []


def test_articles_pass_through_all_states_with_events_and_reach(year: Year) -> None:
    assert {article.state for article in year.articles.values()} == set(ArticleState)
    assert {event.what for event in year.events} == {"edited", "flagged", "flag_closed", "reviewed"}
    flagged = Counter(event.what for event in year.events)
    assert flagged["flag_closed"] < flagged["flagged"]
    for article in year.articles.values():
        times = [change.at for change in article.changes]
        assert times == sorted(times)
        assert article.changes[-1].to is article.state
    assert {reach.article for reach in year.reach} <= year.articles.keys()
    assert all(reach.views >= max(1, reach.helpful, reach.not_helpful) for reach in year.reach)
    assert len(year.reach) < len(year.tickets)


def test_reuse_is_faster_but_easy_work_is_also_linked_more(year: Year) -> None:
    def hours(keys: list[str]) -> float:
        took = [(at - year.tickets[key].opened_at).total_seconds() / 3600 for key in keys if (at := year.resolved(key))]
        return sorted(took)[len(took) // 2]

    reused = {e.ticket for e in year.resolutions() if year.source(e.article) != e.ticket}
    closed = [
        key for key, t in year.tickets.items() if t.channel is Channel.ASSISTED and not (t.exclude or t.merged_into)
    ]
    by_ease: dict[str, list[str]] = {}
    for key in closed:
        by_ease.setdefault(year.tickets[key].category or "", []).append(key)
    easy, hard = by_ease["Sign-in"], by_ease["Certificates"]
    assert hours(easy) * 3 < hours(hard)
    assert sum(key in reused for key in easy) / len(easy) > 1.3 * sum(key in reused for key in hard) / len(hard)
    naive = hours([key for key in closed if key in reused]) / hours([key for key in closed if key not in reused])
    assert naive < 0.8


# -- cost ---------------------------------------------------------------------------------------------------------


def test_a_window_costs_its_own_days_and_the_look_back_only() -> None:
    demo = company(seed=987_654)
    before = {made: made.cache_info().misses for made in (lives, links)}
    records = sum(len(read(demo, stream.name, NOW - timedelta(days=30), NOW)) for stream in demo.streams)
    assert records > 5_000
    for made, misses in before.items():
        assert made.cache_info().misses - misses <= 31 + LOOKBACK.days
