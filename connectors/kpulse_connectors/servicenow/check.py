"""Test connection: what this account may see of a ServiceNow instance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kpulse.sdk import ConfigError, Finding, Level, Report, SourceChanged
from kpulse_connectors.servicenow.rows import Rows, User
from kpulse_connectors.servicenow.settings import ServiceNowSettings, listed
from kpulse_connectors.servicenow.tables import Count, Params, Tables, second

TOLERATED_SKEW = 120.0
LINKS = "m2m_kb_task"
BESIDES = ("kb_knowledge", LINKS, "sys_user_group", "sys_user_grmember")


def look(tables: Tables, settings: ServiceNowSettings, now: datetime) -> Report:
    """The report; a refusal of the first ticket table is the whole answer, so it is raised."""
    first, *more = listed(settings.tables)
    opened = tables.count(first)
    found = _Findings({}, [*_identity(tables, settings), _skew(opened.skew)])
    found.note(first, opened)
    for table in (*more, *BESIDES):
        try:
            found.note(table, tables.count(table))
        except (ConfigError, SourceChanged) as error:
            bad = Level.FAIL if table in more else Level.WARN
            found.findings.append(Finding(level=bad, subject=table, message=str(error)))
    found.findings += [*_links_seen(tables, found.counts, now), *_flag(tables, settings, first, opened.total)]
    identity = settings.username or "the owner of the token"
    return Report(findings=found.findings, identity=identity, counts=found.counts)


@dataclass
class _Findings:
    counts: dict[str, int]
    findings: list[Finding]

    def note(self, table: str, counted: Count) -> None:
        """Keep how many rows ``table`` has."""
        self.counts[table] = counted.total
        hidden = bool(counted.total) and not counted.visible
        message = "rows, of which the first one is hidden from this account; check its rights." if hidden else "rows."
        level = Level.WARN if hidden else Level.OK
        self.findings.append(Finding(level=level, subject=table, message=f"{table} has {counted.total} {message}"))


def _identity(tables: Tables, settings: ServiceNowSettings) -> Iterator[Finding]:
    if settings.token.get_secret_value():
        return
    params: Params = {
        "sysparm_query": f"user_name={settings.username}",
        "sysparm_limit": 1,
        "sysparm_fields": "sys_id,user_name,time_zone",
    }
    try:
        found, _, _ = tables.get("sys_user", Rows[User], params)
    except (ConfigError, SourceChanged) as error:
        yield Finding(level=Level.WARN, subject="account", message=str(error))
        return
    zone = found[0].time_zone if found else ""
    if zone not in ("", "GMT", "UTC", "Etc/UTC"):
        yield Finding(
            level=Level.WARN,
            subject="account",
            message=f"The account's time zone is {zone}; set it to GMT, so that times in queries mean what they say.",
        )
    yield Finding(level=Level.OK, subject="account", message=f"Signed in as {settings.username}.")


def _links_seen(tables: Tables, counts: Mapping[str, int], now: datetime) -> Iterator[Finding]:
    if LINKS not in counts:
        return
    since = now - timedelta(days=30)
    seen = tables.count(LINKS, f"sys_created_on>={second(since)}").total
    if seen:
        yield Finding(level=Level.OK, subject="links", message=f"{seen} articles were attached in the last 30 days.")
        return
    yield Finding(
        level=Level.WARN,
        subject="links",
        message="No article was attached in the last 30 days. Check that the account may read m2m_kb_task; if "
        "agents paste links into the text instead of attaching, a link rate needs text evidence.",
    )


def _flag(tables: Tables, settings: ServiceNowSettings, table: str, total: int) -> Iterator[Finding]:
    flagged = tables.count(table, "knowledge=true").total
    if settings.knowledge_flag:
        message = f"{flagged} tickets say that knowledge was used; which article and when stays unknown."
        yield Finding(level=Level.WARN, subject="knowledge flag", message=message)
    elif 0 < flagged < total:  # All rows would mean that the condition was ignored.
        message = f"{flagged} tickets carry the flag Knowledge, which usually asks for an article; it is not read."
        yield Finding(level=Level.OK, subject="knowledge flag", message=message)


def _skew(seconds: float | None) -> Finding:
    if seconds is not None and abs(seconds) > TOLERATED_SKEW:
        message = f"The clock of ServiceNow is {seconds:+.0f} seconds off ours; set both by a time server."
        return Finding(level=Level.WARN, subject="clock", message=message)
    return Finding(level=Level.OK, subject="clock", message="The clocks agree, as far as they can be compared.")
