"""Drives a django-helpdesk that `django_helpdesk.sh` started: the operations of people at a desk. All data is synthetic."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from tests.systems import owned

PACKAGES = ["python3-venv", "faketime", "curl"]
USERS = {"mia": 1, "noah": 2, "zoe": 3}
QUEUES = {"Helpdesk": 1, "Network": 2}
OPEN, REOPENED, RESOLVED, CLOSED, DUPLICATE = range(1, 6)


@dataclass
class Desk:
    """A running django-helpdesk; every operation names who does it and happens at the desk's time."""

    system: owned.Owned
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    @classmethod
    def start(cls) -> "Desk":
        """A fresh one on a free port; about ten seconds, a minute the first time. Call `stop` after use."""
        return cls(owned.start("django_helpdesk.sh", {}, PACKAGES, prefix="HD"))

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
        answer = self._session.request(
            method, f"{self.url}/api/{path}", auth=(who, f"{who}-synthetic"), timeout=60, **sent
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def article(self, number: int) -> str:
        """The address of an article."""
        return f"{self.url}/kb/guides/?kbitem={number}"

    def ticket(self, who: str, queue: str, title: str, text: str = "synthetic") -> str:
        """Open a ticket owned by ``who``; returns its id."""
        body = {"queue": QUEUES[queue], "title": title, "description": text, "submitter_email": "customer@desk.example"}
        return str(self.call(who, "POST", "tickets/", json={**body, "assigned_to": USERS[who], "priority": 3})["id"])

    def comment(self, who: str, ticket: str, text: str, *, status: int | None = None) -> str:
        """Write a comment, and set a status with it; returns its id."""
        body: dict[str, Any] = {"ticket": int(ticket), "comment": text, "public": True}
        body |= {} if status is None else {"new_status": status}
        return str(self.call(who, "POST", "followups/", json=body)["id"])

    def close(self, who: str, ticket: str) -> None:
        """Resolve a ticket."""
        self.comment(who, ticket, "done", status=RESOLVED)

    def edit_comment(self, comment: str, text: str) -> None:
        """Put another text in place of a comment."""
        self.call("mia", "PATCH", f"followups/{comment}/", json={"comment": text})

    def change(self, who: str, ticket: str, **fields: Any) -> None:
        """Change fields of a ticket without a word."""
        self.call(who, "PATCH", f"tickets/{ticket}/", json=fields)

    def delete(self, who: str, ticket: str) -> None:
        """Delete a ticket."""
        self.call(who, "DELETE", f"tickets/{ticket}/")
