"""What Jira and Confluence share: how to sign in, how they refuse, their times, and the addresses of Confluence pages."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

from kpulse.sdk import ConfigError, HttpPolicy, HttpSettings, KpulseError, Quota, SecretStr, setting

ID_IN_PATH = re.compile(r"/(?:pages|pages/edit-v2|article|kb/view)/(\d+)(?:/|$)")
TINY = re.compile(r"/x/([A-Za-z0-9_-]{1,16})/?$")
BY_TITLE = re.compile(r"/display/([^/]+)/([^/]+)/?$")


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
    """The name of a page in addresses by title, which Confluence uses where the title has plain letters only."""
    return f"{space}/{title}"


def find_page(address: str) -> str | None:
    """The page that an address leads to: its id, or ``SPACE/Title`` for an address by title; None where it names none."""
    parts = urlsplit(address)
    for value in parse_qs(parts.query).get("pageId", ()):
        if value.isdecimal():
            return value
    if found := ID_IN_PATH.search(parts.path):
        return found[1]
    if found := TINY.search(parts.path):
        return read_tiny(found[1])
    if found := BY_TITLE.search(parts.path):
        return name_page(unquote(found[1]), unquote_plus(found[2]))
    return None


def read_tiny(code: str) -> str | None:
    """The page id in a short address ``/x/<code>``: the id's bytes, the lowest first, in base 64; None for other codes."""
    padded = code.replace("-", "/").replace("_", "+")
    try:
        raw = base64.b64decode(padded + "A" * (-len(padded) % 4), validate=True)
    except binascii.Error:
        return None
    page = int.from_bytes(raw[:8], "little")
    return str(page) if page else None
