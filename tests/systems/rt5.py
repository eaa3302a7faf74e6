"""Drives a Request Tracker 5 that `rt5.sh` started: the operations of people at a desk. All data is synthetic."""

import os
import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

SCRIPT = Path(__file__).with_name("rt5.sh")
MISSING = 3


class NotInstalled(RuntimeError):
    """The Debian packages are absent; the text names them."""


class Refused(AssertionError):
    """RT answers 200 with a sentence even when it refuses, so a refusal has to be read out of the sentence."""


@dataclass
class Desk:
    """A running RT; every operation names who does it (``mia``, ``noah``, ``zoe``) and happens at the desk's time."""

    home: Path
    url: str
    tokens: Mapping[str, str]
    _sessions: dict[str, requests.Session] = field(default_factory=dict)

    @classmethod
    def start(cls, home: Path, *, time_zone: str = "UTC") -> "Desk":
        """Set up a fresh RT in ``home`` on a free port; about ten seconds. NotInstalled where RT is absent."""
        port = _free_port()
        done = _run("up", home, port, RT_TIMEZONE=time_zone)
        if done.returncode == MISSING:
            raise NotInstalled(done.stderr.strip())
        ready = re.search(r"^READY (\S+) token=\S+$", done.stdout, re.MULTILINE)
        if done.returncode != 0 or ready is None:
            raise RuntimeError(f"rt5.sh up ended with {done.returncode}: {done.stdout}{done.stderr}")
        lines = (home / "tokens").read_text().splitlines()
        return cls(home, ready[1], dict(line.split() for line in lines))

    def stop(self) -> None:
        """End the server that `start` began."""
        for session in self._sessions.values():
            session.close()
        _run("down", self.home, 0)

    def at(self, when: datetime | None) -> None:
        """Move the desk's clock to ``when``; None puts it back to now."""
        offset = 0.0 if when is None else (when - datetime.now(UTC)).total_seconds()
        (self.home / "clock").write_text(f"{offset:+.0f}\n")

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
            body["RefersTo"] = f"t:{from_ticket}"
        return str(self.call(who, "POST", "/article", json=body)["id"])

    def state(self, who: str, article: str, to: str) -> None:
        """Move an article to another KCS state."""
        self._change(who, f"/article/{article}", {"CustomFields": {"Stage": to}}, "Stage")

    def disable(self, who: str, article: str) -> None:
        """Delete an article the way RT does: it becomes disabled."""
        self.call(who, "DELETE", f"/article/{article}")

    def _change(self, who: str, path: str, body: Mapping[str, Any], expected: str) -> None:
        said = " ".join(self.call(who, "PUT", path, json=body))
        if expected not in said:
            raise Refused(f"{who} PUT {path} {dict(body)}: {said}")


def _run(command: str, home: Path, port: int, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"RT_HOME": str(home), "RT_PORT": str(port)} | more
    return subprocess.run(  # the server inherits no pipe: rt5.sh sends its output to a file
        [str(SCRIPT), command], env=environment, capture_output=True, text=True, timeout=180, check=False
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
