"""Test connection: what the account can see, each finding as one sentence for the KM lead."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from kpulse.sdk import Finding, Http, Level, Report, Window
from kpulse.sdk.links import KnowledgeBase
from kpulse_connectors.request_tracker.rows import QueueRow
from kpulse_connectors.request_tracker.settings import RequestTrackerSettings
from kpulse_connectors.request_tracker.walk import API, PAGE_SIZE, Query, ask, quoted, sql_window, walk

QUEUES = Query(path="queues", fields="Name,Disabled")
CLASSES = Query(path="classes", fields="Name,Disabled")
LARGEST_SKEW_SECONDS = 120
LOOK_BACK = timedelta(days=30)
_OWNER_OF_TOKEN = re.compile(r"^\d+-(\d+)-")


class Version(msgspec.Struct, rename="pascal"):
    """The answer of ``/rt``."""

    version: str


class Account(msgspec.Struct, rename="pascal"):
    """The answer of ``/user/ID``."""

    name: str


@dataclass(frozen=True)
class Count:
    """How many rows the account can see; ``more`` when RT tells only that there are at least so many."""

    number: int
    more: bool

    def __str__(self) -> str:
        return f"{'at least ' if self.more else ''}{self.number}"


def examine(http: Http, settings: RequestTrackerSettings, now: datetime, bases: Sequence[KnowledgeBase] = ()) -> Report:
    """Ask RT a handful of questions; ConfigError and TransientError where it does not answer at all."""
    answer = http.get(f"{API}/rt", Version)
    identity = _signed_in_as(http, settings)
    counts = {"tickets": _tickets(http), "articles": _count(http, Query(path="articles", fields="id"))}
    counts["links"] = _count(http, _recent_links(now, bases))
    findings = [
        _version(answer.body.version),
        Finding(
            level=Level.OK, subject="account", message=f"Signed in as {identity or 'an account that RT does not name'}."
        ),
        _clock(answer.clock_skew),
        _finding("tickets", counts["tickets"], Level.FAIL, "grant SeeQueue and ShowTicket on the queues"),
        *_queues(http, settings),
        _finding(
            "articles",
            counts["articles"],
            Level.WARN,
            "grant SeeClass, ShowArticle and SeeCustomField on the article classes",
        ),
        _links(counts["links"]),
    ]
    return Report(findings=findings, identity=identity, counts={name: count.number for name, count in counts.items()})


def _version(version: str) -> Finding:
    major = version.partition(".")[0]
    if major.isdigit() and int(major) >= 5:
        return Finding(level=Level.OK, subject="version", message=f"Request Tracker {version} answers.")
    message = f"Request Tracker {version} is too old; version 5 or newer is needed for the feed of links."
    return Finding(level=Level.FAIL, subject="version", message=message)


def _signed_in_as(http: Http, settings: RequestTrackerSettings) -> str | None:
    owner = _OWNER_OF_TOKEN.match(settings.token.get_secret_value())
    if owner is None:
        return None
    try:
        return http.get(f"{API}/user/{owner[1]}", Account, absent_ok=True).body.name
    except LookupError:
        return None


def _clock(skew: float | None) -> Finding:
    if skew is None:
        return Finding(
            level=Level.WARN,
            subject="clock",
            message="The server does not tell its time, so its clock could not be compared.",
        )
    if abs(skew) <= LARGEST_SKEW_SECONDS:
        return Finding(level=Level.OK, subject="clock", message="The server's clock agrees with ours.")
    side = "ahead of" if skew > 0 else "behind"
    message = f"The server's clock is {abs(skew):.0f} seconds {side} ours; set both by a time server."
    return Finding(level=Level.WARN, subject="clock", message=message)


def _tickets(http: Http) -> Count:
    return _count(http, Query(path="tickets", fields="id", sql="id > 0"))


def _recent_links(now: datetime, bases: Sequence[KnowledgeBase]) -> Query:
    window = sql_window("Created", Window(since=now - LOOK_BACK))
    starts = ["fsck.com-article://", *(f"://{host}" for base in bases for host in sorted(base.hosts))]
    targets = " OR ".join(f"NewValue LIKE {quoted(start)}" for start in starts)
    sql = f"ObjectType = 'RT::Ticket' AND Type = 'AddLink' AND ({targets}){window}"
    return Query(path="transactions", fields="id", sql=sql)


def _count(http: Http, query: Query) -> Count:
    first = ask(http, query)
    if first.total is not None:
        return Count(int(first.total), False)
    return Count(len(first.items), len(first.items) >= PAGE_SIZE)


def _finding(what: str, count: Count, when_none: Level, advice: str) -> Finding:
    if count.number:
        return Finding(level=Level.OK, subject=what, message=f"The account can read {count} {what}.")
    message = f"The account can read no {what}; {advice} to this account."
    return Finding(level=when_none, subject=what, message=message)


def _queues(http: Http, settings: RequestTrackerSettings) -> Iterator[Finding]:
    rows = [msgspec.json.decode(raw, type=QueueRow) for batch in walk(http, QUEUES) for _, raw in batch.rows]
    names = {row.name.casefold(): row.name for row in rows if str(row.disabled) != "2"}
    listed = ", ".join(sorted(names.values())) or "none"
    yield Finding(
        level=Level.OK if names else Level.FAIL, subject="queues", message=f"Queues that the account can see: {listed}."
    )
    for wanted in settings.queues:
        if wanted.casefold() not in names:
            message = f"The account sees no queue named {quoted(wanted)}; check the name, or grant SeeQueue on it."
            yield Finding(level=Level.FAIL, subject="queues", message=message)


def _links(count: Count) -> Finding:
    if count.number:
        return Finding(
            level=Level.OK,
            subject="links",
            message=f"In the last 30 days {count} links from tickets to articles were made.",
        )
    message = (
        "No link from a ticket to an article was made in the last 30 days; check that agents include or link articles, "
        "that LinkArticlesOnInclude is not switched off, and that the account has ShowTicket on their queues."
    )
    return Finding(level=Level.WARN, subject="links", message=message)
