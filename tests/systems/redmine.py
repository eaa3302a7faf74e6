"""Drives a Redmine that `redmine.sh` started: the operations of people at a desk. All data is synthetic."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from tests.systems import owned

PACKAGES = ["redmine", "redmine-sqlite", "puma", "ruby-sqlite3", "faketime", "curl"]
STATUSES: Mapping[str, int] = {"New": 1, "In Progress": 2, "Resolved": 3, "Feedback": 4, "Closed": 5, "Rejected": 6}
SUPPORT, NORMAL, ARTICLES_USED = 3, 2, 1


@dataclass
class Desk:
    """A running Redmine; every operation names who does it (``mia``, ``noah``, ``zoe``) and happens at the desk's time."""

    system: owned.Owned
    keys: Mapping[str, str] = field(repr=False)
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    @classmethod
    def start(cls) -> "Desk":
        """A fresh Redmine on a free port; about half a minute. Call `stop` after use."""
        system = owned.start("redmine.sh", {}, PACKAGES, prefix="RM")
        lines = (system.home / "keys").read_text().splitlines()
        return cls(system, dict(line.split() for line in lines))

    @property
    def url(self) -> str:
        """Where people open it."""
        return self.system.url

    def stop(self) -> None:
        """End the server and remove its data."""
        self._session.close()
        self.system.stop()

    def at(self, when: datetime | None) -> None:
        """Move the desk's clock to ``when``; None puts it back to now."""
        offset = 0 if when is None else math.ceil((when - datetime.now(UTC)).total_seconds())
        (self.system.home / "clock").write_text(f"{offset:+d}\n")

    def call(self, who: str, method: str, path: str, **sent: Any) -> Any:
        """The decoded answer to a request made as ``who``."""
        headers = {"X-Redmine-API-Key": self.keys[who]}
        answer = self._session.request(method, self.url + path, headers=headers, timeout=60, **sent)
        answer.raise_for_status()
        return answer.json() if answer.content.strip() else None

    def page(self, who: str, project: str, title: str, *, parent: str = "") -> str:
        """Write or edit a wiki page; returns its title."""
        body = {"text": f"synthetic {datetime.now(UTC):%H:%M:%S.%f}", "comments": "synthetic"}
        body |= {"parent_title": parent} if parent else {}
        self.call(who, "PUT", f"/projects/{project}/wiki/{title.replace(' ', '_')}.json", json={"wiki_page": body})
        return title

    def delete_page(self, who: str, project: str, title: str) -> None:
        """Delete a wiki page."""
        self.call(who, "DELETE", f"/projects/{project}/wiki/{title.replace(' ', '_')}.json")

    def ticket(self, who: str, project: str, subject: str, text: str = "", used: str = "") -> str:
        """Open an issue owned by ``who``; returns its id."""
        me = self.call(who, "GET", "/users/current.json")["user"]["id"]
        issue = {"project_id": project, "subject": subject, "description": text, "assigned_to_id": me}
        issue |= {"tracker_id": SUPPORT, "priority_id": NORMAL, "custom_fields": _used(used)}
        return str(self.call(who, "POST", "/issues.json", json={"issue": issue})["issue"]["id"])

    def change(self, who: str, ticket: str, **fields: Any) -> None:
        """Change fields of an issue."""
        self.call(who, "PUT", f"/issues/{ticket}.json", json={"issue": fields})

    def status(self, who: str, ticket: str, to: str) -> None:
        """Set an issue's status."""
        self.change(who, ticket, status_id=STATUSES[to])

    def note(self, who: str, ticket: str, text: str, *, private: bool = False) -> str:
        """Write a note; returns its id."""
        self.change(who, ticket, notes=text, private_notes=private)
        journals = self.call(who, "GET", f"/issues/{ticket}.json?include=journals")["issue"]["journals"]
        return str(journals[-1]["id"])

    def edit_note(self, note: str, text: str) -> None:
        """Let an administrator put another text in place of a note."""
        self.call("admin", "PUT", f"/journals/{note}.json", json={"journal": {"notes": text}})

    def enter(self, who: str, ticket: str, text: str) -> None:
        """Write into the field *Articles used*."""
        self.change(who, ticket, custom_fields=_used(text))

    def duplicate(self, who: str, ticket: str, of: str) -> str:
        """Say that ``ticket`` is a duplicate; returns the id of the relation."""
        body = {"relation": {"issue_to_id": int(of), "relation_type": "duplicates"}}
        return str(self.call(who, "POST", f"/issues/{ticket}/relations.json", json=body)["relation"]["id"])

    def separate(self, who: str, relation: str) -> None:
        """Take a relation back."""
        self.call(who, "DELETE", f"/relations/{relation}.json")

    def delete(self, who: str, ticket: str) -> None:
        """Delete an issue."""
        self.call(who, "DELETE", f"/issues/{ticket}.json")


def _used(text: str) -> list[dict[str, object]]:
    return [{"id": ARTICLES_USED, "value": text}]
