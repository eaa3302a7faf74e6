"""Drives a Request Tracker 5 that `rt5.sh` started: the operations of people at a desk. All data is synthetic."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from tests.systems import owned

PACKAGES = ["request-tracker5", "rt5-standalone", "rt5-db-sqlite", "faketime"]


class Refused(AssertionError):
    """RT answers 200 with a sentence even when it refuses, so a refusal has to be read out of the sentence."""


@dataclass
class Desk:
    """A running RT; every operation names who does it (``mia``, ``noah``, ``zoe``) and happens at the desk's time."""

    system: owned.Owned
    tokens: Mapping[str, str] = field(repr=False)
    _sessions: dict[str, requests.Session] = field(default_factory=dict, repr=False)

    @classmethod
    def start(cls, *, time_zone: str = "UTC") -> "Desk":
        """A fresh RT on a free port, whose accounts live in ``time_zone``; about ten seconds. Call `stop` after use."""
        system = owned.start("rt5.sh", {"RT_TIMEZONE": time_zone}, PACKAGES, prefix="RT")
        lines = (system.home / "tokens").read_text().splitlines()
        return cls(system, dict(line.split() for line in lines))

    @property
    def url(self) -> str:
        """Where people open it."""
        return self.system.url

    def stop(self) -> None:
        """End the server and remove its data."""
        for session in self._sessions.values():
            session.close()
        self.system.stop()

    def at(self, when: datetime | None) -> None:
        """Move the desk's clock to ``when``; None puts it back to now."""
        offset = 0 if when is None else math.ceil((when - datetime.now(UTC)).total_seconds())
        (self.system.home / "clock").write_text(f"{offset:+d}\n")

    def call(self, who: str, method: str, path: str, **sent: Any) -> Any:
        """The decoded answer to a REST 2 request made as ``who``."""
        if who not in self._sessions:
            self._sessions[who] = requests.Session()
            self._sessions[who].headers["Authorization"] = f"token {self.tokens[who]}"
        answer = self._sessions[who].request(method, f"{self.url}/REST/2.0{path}", timeout=60, **sent)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def ticket(
        self, who: str, queue: str, subject: str, *, owner: str | None = None, refers_to: Sequence[str] = ()
    ) -> str:
        """Open a ticket, by default owned by ``who``; ``refers_to`` links articles at creation. Returns its id."""
        body: dict[str, Any] = {"Queue": queue, "Subject": subject, "Owner": owner or who, "Content": "synthetic"}
        body |= {"Requestor": "customer@desk.example"}
        if refers_to:
            body["RefersTo"] = [f"a:{article}" for article in refers_to]
        return str(self.call(who, "POST", "/ticket", json=body)["id"])

    def link(self, who: str, ticket: str, article: str) -> None:
        """Make ``ticket`` refer to ``article``."""
        self._change(who, f"/ticket/{ticket}", {"AddRefersTo": f"a:{article}"}, "refers to")

    def unlink(self, who: str, ticket: str, article: str) -> None:
        """Take the reference away."""
        self._change(who, f"/ticket/{ticket}", {"DeleteRefersTo": f"a:{article}"}, "no longer")

    def status(self, who: str, ticket: str, to: str) -> None:
        """Set a ticket's status, for example ``stalled`` or ``rejected``."""
        self._change(who, f"/ticket/{ticket}", {"Status": to}, "changed")

    def resolve(self, who: str, ticket: str) -> None:
        """Resolve a ticket."""
        self.status(who, ticket, "resolved")

    def reopen(self, who: str, ticket: str) -> None:
        """Open a resolved ticket again."""
        self.status(who, ticket, "open")

    def move(self, who: str, ticket: str, queue: str) -> None:
        """Move a ticket to another queue."""
        self._change(who, f"/ticket/{ticket}", {"Queue": queue}, "Queue changed")

    def merge(self, who: str, ticket: str, into: str) -> None:
        """Merge ``ticket`` into ``into``."""
        self._change(who, f"/ticket/{ticket}", {"MergeInto": int(into)}, "Merge Successful")

    def delete(self, who: str, ticket: str) -> None:
        """Delete a ticket (RT keeps it with the status ``deleted``)."""
        self.call(who, "DELETE", f"/ticket/{ticket}")

    def article(self, who: str, title: str, state: str, *, from_ticket: str | None = None) -> str:
        """Write an article; ``from_ticket`` is what "Extract to article" does. Returns its id."""
        body: dict[str, Any] = {"Name": title, "Class": "Guides", "Summary": "synthetic"}
        body |= {"CustomFields": {"Stage": state}}
        if from_ticket:
            body["new-RefersTo"] = f"t:{from_ticket}"  # the field of RT's own form
        return str(self.call(who, "POST", "/article", json=body)["id"])

    def state(self, who: str, article: str, to: str) -> None:
        """Move an article to another KCS state."""
        self._change(who, f"/article/{article}", {"CustomFields": {"Stage": to}}, "Stage")

    def disable(self, who: str, article: str) -> None:
        """Delete an article the way RT does: it becomes disabled."""
        self.call(who, "DELETE", f"/article/{article}")

    def own_time_zone(self, who: str, zone: str) -> None:
        """Let the account of ``who`` live in ``zone``: RT reads the times of its queries there."""
        self._change("root", f"/user/{who}", {"Timezone": zone}, "Timezone")

    def _change(self, who: str, path: str, body: Mapping[str, Any], expected: str) -> None:
        said = " ".join(self.call(who, "PUT", path, json=body))
        if expected not in said:
            raise Refused(f"{who} PUT {path} {dict(body)}: {said}")
