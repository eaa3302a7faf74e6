"""What Jira and Confluence share: how to sign in, how they refuse, their times, and the addresses of Confluence pages."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from kpulse.sdk import ConfigError, HttpPolicy, HttpSettings, KpulseError, Quota, SecretStr, setting
from kpulse.sdk.links import confluence, read_address

FIRST_WORD = re.compile(r"/(?:wiki/)?(?:spaces|pages|display|x|servicedesk)/")


class AtlassianSettings(HttpSettings):
    """Which edition is read, and who reads it."""

    edition: Literal["cloud", "data_center"] = setting(
        "Edition", "Cloud (an address at atlassian.net) or Data Center (your own server).", default="cloud"
    )
    user: str = setting(
        "E-mail address of the account",
        "For Cloud the e-mail address that belongs to the API token. Leave it empty for a personal access token of "
        "Data Center.",
        default="",
    )
    token: SecretStr = setting("Token", "The API token (Cloud) or personal access token (Data Center) of that account.")

    def policy(self) -> HttpPolicy:
        quota = Quota(remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset")
        return replace(super().policy(), quota=quota, explain=explain_refusal)

    def headers(self) -> Mapping[str, str]:
        """The header that signs in: the pair of Cloud, or a bearer token."""
        token = self.token.get_secret_value()
        if not self.user:
            return {"Authorization": f"Bearer {token}"}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{token}".encode()).decode()}


class Refused(ConfigError):
    """The source understood the request and says what is wrong with it."""


def explain_refusal(status: int, body: bytes) -> KpulseError | None:
    """What the source says about a request that makes no sense to it; None where it says nothing of use."""
    if status != 400:
        return None
    try:
        said = json.loads(body)
    except ValueError:
        return None
    messages = said.get("errorMessages") if isinstance(said, dict) else None
    if not messages or not isinstance(messages, list):
        return None
    return Refused(f"The search was refused: {' '.join(map(str, messages))[:300]} Change the scope of the source.")


def instant(value: str | int) -> datetime:
    """The UTC time of an ISO text with its offset, or of a Unix time in seconds or milliseconds; ValueError else."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000 if value > 100_000_000_000 else value, UTC)
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("A time in the row is not written as an ISO time.") from None
    if when.tzinfo is None:
        raise ValueError("A time in the row has no offset.")
    return when.astimezone(UTC)


def name_page(space: str, title: str) -> str:
    """The name under which addresses by title mean a page; in them "+" and "_" are spaces."""
    return f"{space}/{title}".replace("+", " ").replace("_", " ").strip()


def find_page(address: str) -> str | None:
    """The page of any Confluence that an address leads to: its id, or ``SPACE/Title``; None where it names none."""
    parts = urlsplit(address)
    start = FIRST_WORD.search(parts.path)
    site = confluence("", [parts.hostname or ""], base=parts.path[: start.start()] if start else "")
    found = read_address(address, [site])
    return found[1] if found else None
