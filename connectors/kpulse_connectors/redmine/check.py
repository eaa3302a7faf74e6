"""Test connection: what the account can see, each finding as one sentence for the KM lead."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from kpulse.sdk import Answer, ConfigError, Finding, Http, Level, LinksSeen, Report
from kpulse_connectors.redmine.issues import IssueStatus, read_issue
from kpulse_connectors.redmine.settings import RedmineSettings, among

if TYPE_CHECKING:
    from kpulse_connectors.redmine import Redmine

LARGEST_SKEW_SECONDS = 120
SAMPLE = 25


class User(msgspec.Struct):
    """An account."""

    login: str = ""


class Current(msgspec.Struct):
    """The answer of ``/users/current.json``."""

    user: User


def sign_in(http: Http) -> Answer[Current]:
    """Who we are. Redmine takes an unknown key for a stranger and shows him nothing without a word; only this page
    refuses, so it is asked before anything that could be read as empty."""
    return http.get("users/current.json", Current)


def examine(source: "Redmine") -> Report:
    """Ask Redmine a handful of questions; ConfigError and TransientError where it does not answer at all."""
    me = sign_in(source.http)
    findings = [_ok("account", f"Signed in as {me.body.user.login}."), _clock(me.clock_skew)]
    newest = source.recent(SAMPLE)
    projects = sorted(project.name for project in source.projects())
    findings.append(
        _ok("projects", f"Projects that the account can see: {', '.join(projects)}.")
        if projects
        else Finding(level=Level.FAIL, subject="projects", message=_ADD_TO_PROJECTS)
    )
    findings += _scope(source, projects)
    findings.append(
        _ok("tickets", f"The account can read {newest.total_count} issues.")
        if newest.total_count
        else Finding(level=Level.FAIL, subject="tickets", message=f"The account can read no issue. {_ADD_TO_PROJECTS}")
    )
    findings += _statuses(source.settings, list(source.statuses().values()))
    pages, wiki_findings = _pages(source)
    counts = {"tickets": newest.total_count, "articles": pages}
    return Report(
        findings=[*findings, *wiki_findings, _links(source)], identity=me.body.user.login or None, counts=counts
    )


_ADD_TO_PROJECTS = (
    "Make the account a member of the projects, with a role that has View issues, View private notes and View wiki."
)


def _ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def _clock(skew: float | None) -> Finding:
    if skew is not None and abs(skew) > LARGEST_SKEW_SECONDS:
        message = f"Redmine's clock is {skew:+.0f} seconds off ours; set both by a time server."
        return Finding(level=Level.WARN, subject="clock", message=message)
    return _ok("clock", "The clocks agree, as far as they can be compared.")


def _scope(source: "Redmine", projects: list[str]) -> Iterator[Finding]:
    known = tuple(projects) + tuple(project.identifier for project in source.projects())
    for name in (*source.settings.projects, *source.settings.wikis):
        if not among(name, known):
            message = f"The account sees no project {name}; check the name, or make the account a member."
            yield Finding(level=Level.FAIL, subject="projects", message=message)
    trackers = tuple(source.choices("trackers"))
    for name in source.settings.trackers:
        if not among(name, trackers):
            yield Finding(level=Level.FAIL, subject="trackers", message=f"There is no tracker {name}; check the name.")


def _statuses(settings: RedmineSettings, statuses: list[IssueStatus]) -> Iterator[Finding]:
    names = tuple(status.name for status in statuses)
    answered = [s.name for s in statuses if among(s.name, settings.resolved) or s.is_closed]
    counted = [name for name in answered if not among(name, settings.excluded)]
    yield _ok("statuses", f"Tickets count as closed in: {', '.join(counted)}.")
    for name in (*settings.resolved, *settings.pending, *settings.excluded):
        if not among(name, names):
            message = f"There is no status {name} in this Redmine; choose among {', '.join(names)}."
            yield Finding(level=Level.WARN, subject="statuses", message=message)


def _pages(source: "Redmine") -> tuple[int, list[Finding]]:
    count, findings = 0, []
    for project in source.wikis():
        try:
            count += len(source.pages(project))
        except ConfigError:
            message = (
                f"The account may not read the wiki of {project.name}; give its role View wiki there, or name the "
                "wikis to be read in the settings."
            )
            findings.append(Finding(level=Level.FAIL, subject="articles", message=message))
    if count:
        return count, [*findings, _ok("articles", f"The account can read {count} wiki pages.")]
    message = "The account can read no wiki page; without them links are found only by their wording."
    return count, [*findings, Finding(level=Level.WARN, subject="articles", message=message)]


def _links(source: "Redmine") -> Finding:
    """Redmine records no links, so a sample of texts shows whether agents write any."""
    reading = source.reading()
    issues = list(source.histories(source.recent(SAMPLE).issues))
    linked = sum(1 for i in issues for r in read_issue(i, reading) if isinstance(r, LinksSeen) and r.articles)
    message = (
        "Redmine keeps no record of links, so choose wide evidence: wiki links in notes and custom fields are counted. "
        f"Of the {len(issues)} issues that changed last, {linked} hold one."
    )
    return Finding(level=Level.OK if linked else Level.WARN, subject="links", message=message)
