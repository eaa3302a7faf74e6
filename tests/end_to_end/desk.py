"""A ServiceNow-like desk behind a loopback server, and an installation that polls it without waiting long."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from kpulse.ingest.sync import Result
from kpulse.installation import Installation
from kpulse.jobs.polling import poll
from kpulse.periods import Grain, Period
from kpulse.sdk import Connector, Http, HttpSettings
from kpulse.settings import Settings
from kpulse.store import sources
from kpulse.values.answer import Question, Value, answer
from tests.replay.servicenow import PASSWORD, USER, ServiceNowReplay

NAME = "Desk"


class Impatient(Installation):
    """An installation whose connectors try again after milliseconds instead of seconds."""

    def connect(self, source: sources.Source) -> Connector:
        connector = super().connect(source)
        if not isinstance(connector.settings, HttpSettings):
            return connector
        policy = replace(connector.settings.policy(), first_wait=0.01, longest_wait=0.05, read_timeout=5.0)
        http = Http(policy, auth=connector.auth())
        return type(connector)(connector.settings, http=http, clock=self.clock)


def open_installation(folder: Path, **settings: Any) -> Impatient:
    """A migrated installation in ``folder``."""
    opened = Impatient.open(Settings(data_dir=folder, **settings), migrate=True)
    assert isinstance(opened, Impatient)
    return opened


def add(
    installation: Installation, type: str, settings: dict[str, Any], secrets: dict[str, str] | None = None, **more: Any
) -> sources.Source:
    """A source of ``type`` named Desk."""
    sealed = {name: installation.keyring.seal(value) for name, value in (secrets or {}).items()}
    values: dict[str, Any] = {"name": NAME, "type": type, "history_days": 0, **more}
    with installation.database.writing() as connection:
        made = sources.add_source(
            connection, created_at=installation.now(), settings=settings, secrets=sealed, **values
        )
        return sources.find_source(connection, made)


def add_servicenow(
    installation: Installation, address: str, password: str = PASSWORD, **settings: Any
) -> sources.Source:
    """A ServiceNow source for the replay at ``address``."""
    return add(installation, "servicenow", {"address": address, "username": USER, **settings}, {"password": password})


def change(installation: Installation, source: sources.Source, **settings: Any) -> sources.Source:
    """The source with other settings."""
    with installation.database.writing() as connection:
        sources.change_source(connection, source.id, settings={**source.settings, **settings})
        return sources.find_source(connection, source.id)


def read_once(installation: Installation, source: sources.Source) -> Result:
    """One run over the source."""
    result = poll(installation, source)
    assert result is not None
    return result


def ask(installation: Installation, start: date, end: date, *keys: str, grain: Grain | None = None) -> Sequence[Value]:
    """Values of the organisation."""
    question = Question(period=Period(start, end), grain=grain, indicators=keys or None)
    with installation.database.reading() as connection:
        return answer(connection, question, installation.rules(connection), installation.today())


def small_desk() -> ServiceNowReplay:
    """Four incidents closed in March 2026, three linked."""
    incidents = [_incident(n) for n in range(1, 5)]
    articles = [_article(n) for n in (1, 2)]
    links = [
        {
            "sys_id": f"l{n}",
            "sys_created_on": f"2026-03-0{n} 09:30:00",
            "sys_created_by": "agent",
            "sys_updated_on": f"2026-03-0{n} 09:30:00",
            "kb_knowledge": "a1",
            "task": f"i{n}",
            "task.sys_id": f"i{n}",
        }
        for n in (1, 2, 3)
    ]
    groups = [
        {"sys_id": "g1", "name": "Support", "parent": "", "active": "true", "sys_updated_on": "2026-01-01 00:00:00"}
    ]
    return ServiceNowReplay(
        {
            "incident": incidents,
            "kb_knowledge": articles,
            "m2m_kb_task": links,
            "sys_user_group": groups,
            "sys_user_grmember": [],
        }
    )


def _incident(n: int) -> dict[str, str]:
    return {
        "sys_id": f"i{n}", "number": f"INC{n}", "state": "7", "opened_at": f"2026-03-0{n} 09:00:00",
        "resolved_at": f"2026-03-0{n} 10:00:00", "closed_at": f"2026-03-0{n} 12:00:00", "assignment_group": "g1",
        "assigned_to": "u1", "resolved_by": "u1", "category": "mail", "priority": "3", "contact_type": "phone", "knowledge": "false",
        "sys_created_on": f"2026-03-0{n} 09:00:00", "sys_updated_on": f"2026-03-0{n} 12:00:00", "reopen_count": "0",
        "close_code": "", "parent_incident": "", "sys_class_name": "incident",
    }  # fmt: skip


def _article(n: int) -> dict[str, str]:
    return {
        "sys_id": f"a{n}", "number": f"KB000{n}", "short_description": f"Answer {n}", "workflow_state": "published",
        "kb_category": "", "author": "u1", "language": "en", "version": "1.0", "article_id": f"a{n}", "source": "", "published": "",
        "sys_created_on": "2025-01-01 00:00:00", "sys_updated_on": "2025-01-02 00:00:00", "valid_to": "", "confidence": "",
    }  # fmt: skip
