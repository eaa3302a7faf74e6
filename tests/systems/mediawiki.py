"""Drives a MediaWiki that `mediawiki.sh` started: the operations of people who write articles. All data is synthetic."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from tests.systems import owned

PACKAGES = ["mediawiki", "php-cli", "php-sqlite3", "php-intl", "php-mbstring", "php-xml", "faketime"]
READER = "Reader@pulse"


@dataclass
class Wiki:
    """A running wiki; every operation names who does it (``Mia``, ``Noah``, ``Zoe``) and happens at the wiki's time."""

    system: owned.Owned
    passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def start(cls, *, private: bool = False) -> "Wiki":
        """A fresh wiki on a free port; about three seconds. Call `stop` after use."""
        system = owned.start("mediawiki.sh", {"MW_PRIVATE": "1" if private else "0"}, PACKAGES, prefix="MW")
        lines = (system.home / "accounts").read_text().splitlines()
        return cls(system, dict(line.split() for line in lines))

    @property
    def url(self) -> str:
        """Where people open it."""
        return self.system.url

    def stop(self) -> None:
        """End the server and remove its data."""
        self.system.stop()

    def at(self, when: datetime | None) -> None:
        """Move the wiki's clock to ``when``; None puts it back to now."""
        offset = 0 if when is None else math.ceil((when - datetime.now(UTC)).total_seconds())
        (self.system.home / "clock").write_text(f"{offset:+d}\n")

    def change(self, who: str, **params: Any) -> dict[str, Any]:
        """The answer to an action made as ``who``, who signs in anew: no session outlives a jump of the clock."""
        with requests.Session() as session:
            token = self._call(session, "GET", action="query", meta="tokens", type="login")["query"]["tokens"]
            login = {"lgname": who, "lgpassword": self.passwords[who], "lgtoken": token["logintoken"]}
            said = self._call(session, "POST", action="login", **login)["login"]
            assert said["result"] == "Success", said
            token = self._call(session, "GET", action="query", meta="tokens")["query"]["tokens"]
            return self._call(session, "POST", token=token["csrftoken"], **params)

    def write(self, who: str, title: str, text: str) -> str:
        """Write the page ``title`` (new or not); returns its id."""
        return str(self.change(who, action="edit", title=title, text=text)["edit"]["pageid"])

    def rename(self, who: str, title: str, to: str, *, redirect: bool = True) -> None:
        """Give a page another title; without ``redirect`` the old one leads nowhere."""
        self.change(who, action="move", **{"from": title}, to=to, **({} if redirect else {"noredirect": "1"}))

    def delete(self, who: str, title: str) -> None:
        """Delete a page."""
        self.change(who, action="delete", title=title)

    def restore(self, who: str, title: str) -> None:
        """Bring a deleted page back."""
        self.change(who, action="undelete", title=title)

    def _call(self, session: requests.Session, method: str, **params: Any) -> dict[str, Any]:
        said = {**params, "format": "json", "formatversion": "2"}
        sent: dict[str, Any] = {"params": said} if method == "GET" else {"data": said}
        answer = session.request(method, f"{self.url}/api.php", timeout=60, **sent)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        assert "error" not in body, body["error"]  # a refusal is HTTP 200
        return body
