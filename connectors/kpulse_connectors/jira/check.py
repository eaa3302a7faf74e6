"""Test connection: what this account may see of a Jira site, and whether links to articles were seen at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from kpulse.sdk import ConfigError, Finding, Level, Report, Window
from kpulse_connectors.jira import rows
from kpulse_connectors.jira.links import find_article, mentions_links
from kpulse_connectors.jira.search import Params, Place, Search

if TYPE_CHECKING:
    from kpulse_connectors.jira import Jira

TOLERATED_SKEW = 120.0
SAMPLE = 50


def look(jira: Jira) -> Report:
    """The report; a refused sign-in is the whole answer, so it is raised."""
    account = jira.myself()
    server = jira.http.get(f"{jira.api}/serverInfo", rows.Server)
    search = jira.search(SAMPLE)
    tickets = _count(jira, search)
    findings = [
        Finding(level=Level.OK, subject="account", message=f"Signed in as {account.display or account.name}."),
        _edition(jira, server.body),
        _skew(server.clock_skew),
        *_projects(jira),
        Finding(
            level=Level.OK if tickets else Level.WARN,
            subject="tickets",
            message=f"{tickets} issues can be read." if tickets else "No issue can be read; check scope and rights.",
        ),
        *_links(jira, search),
    ]
    return Report(findings=findings, identity=account.display or account.name, counts={"tickets": tickets})


def _edition(jira: Jira, server: rows.Server) -> Finding:
    runs_in_cloud = server.edition.lower() == "cloud"
    if server.edition and runs_in_cloud != jira.cloud:
        right = "Cloud" if runs_in_cloud else "Data Center"
        return Finding(level=Level.FAIL, subject="edition", message=f"This site is {right}; choose that edition.")
    return Finding(
        level=Level.OK, subject="edition", message=f"Jira {server.edition} {server.version}.".replace("  ", " ")
    )


def _skew(seconds: float | None) -> Finding:
    if seconds is not None and abs(seconds) > TOLERATED_SKEW:
        message = f"The clock of Jira is {seconds:+.0f} seconds off ours; set both by a time server."
        return Finding(level=Level.WARN, subject="clock", message=message)
    return Finding(level=Level.OK, subject="clock", message="The clocks agree, as far as they can be compared.")


def _projects(jira: Jira) -> Iterator[Finding]:
    missing = sorted(set(jira.settings.projects) - set(jira.choices("projects"))) if jira.settings.projects else []
    if missing:
        message = f"This account sees no project {', '.join(missing)}; check the key and the right Browse projects."
        yield Finding(level=Level.FAIL, subject="projects", message=message)


def _count(jira: Jira, search: Search) -> int:
    if jira.cloud:
        jql = search.jql(Window()).partition(" ORDER BY ")[0]
        return jira.http.post("rest/api/3/search/approximate-count", rows.Count, {"jql": jql}).body.count
    params: Params = {"jql": search.jql(Window()), "fields": "updated", "maxResults": 0}
    return jira.http.get("rest/api/2/search", rows.Found[rows.Dated], params).body.total or 0


def _links(jira: Jira, search: Search) -> Iterator[Finding]:
    """Looks at the first issues of the last 30 days: were pages linked, and does the history tell of it?"""
    window = Window(since=jira.clock() - timedelta(days=30))
    answer = rows.Found[rows.Issue[rows.Fields]]
    issues, _, _ = next(search.walk(answer, ",".join(rows.FIELDS), window, Place()))
    try:
        histories, remotes = jira.histories(issues), jira.remotes([issue.id for issue in issues])
    except ConfigError as error:
        yield Finding(level=Level.FAIL, subject="links", message=str(error))
        return
    linked = [id for id, found in remotes.items() if any(find_article(each, jira.bases) for each in found)]
    silent = [id for id in linked if not mentions_links(histories.get(id, ()))]
    yield _judge(len(issues), linked, silent, jira.settings.ask_links_of == "every")


def _judge(looked_at: int, linked: Sequence[str], silent: Sequence[str], every: bool) -> Finding:
    if silent and not every:
        message = (
            f"The history of {len(silent)} of {len(linked)} issues does not tell of their links; set Ask for the links of "
            "to every, so that none is missed."
        )
        return Finding(level=Level.WARN, subject="links", message=message)
    if linked:
        message = f"{len(linked)} of the first {looked_at} issues of the last 30 days are linked to a Confluence page."
        return Finding(level=Level.OK, subject="links", message=message)
    message = (
        f"None of the first {looked_at} issues of the last 30 days is linked to a Confluence page. Check that the account may "
        "see remote links; if agents paste addresses into comments instead, switch on Find articles in comments."
    )
    return Finding(level=Level.WARN, subject="links", message=message)
