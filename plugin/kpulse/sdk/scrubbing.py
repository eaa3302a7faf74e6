"""Takes people, texts and secrets out of recorded answers; shape, times, numbers and states stay."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
HOST = re.compile(r"(https?://)[^/\s\"<>]+")
SECRET_NAME = re.compile(r"token|secret|passw|api_?key|credential|session|cookie|signature|jwt", re.I)
PERSON_NAME = re.compile(
    r"(?:^|_|\b)(?:name|first_?name|last_?name|display_?name|real_?name|user_?name|login|e?_?mail|phone|mobile|avatar|"
    r"caller|contact|customer|requester|reporter|assignee|assigned_to|opened_by|resolved_by|closed_by|created_by|"
    r"updated_by|author|owner|user|creator|sys_created_by|sys_updated_by)(?:_?id)?(?:$|_|\b)",
    re.I,
)
# Values of these kinds are what a connector is tested with.
PLAIN = re.compile(r"[\w:./+-]{0,40}|\d{4}-\d\d-\d\d[ T][\d:.]+(?:Z|[+-]\d\d:?\d\d)?")
TEXT_NAME = re.compile(
    r"text|body|comment|description|subject|title|summary|note|content|message|html|short_desc", re.I
)


class Scrubber:
    """Replaces the same value by the same word each time, so that references still meet."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._words: dict[str, str] = {}

    def scrub(self, value: Any, name: str = "") -> Any:
        """``value`` of the field ``name``, with everything below it."""
        if isinstance(value, Mapping):
            return {
                key: self.scrub(inner, key if not PERSON_NAME.search(name) else name) for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self.scrub(inner, name) for inner in value]
        if isinstance(value, str) and value:
            return self._scrub_string(value, name)
        if isinstance(value, int) and not isinstance(value, bool) and PERSON_NAME.search(name):
            return int(self._word(str(value), "").lstrip("-"))
        return value

    def scrub_text(self, value: str) -> str:
        """``value`` without secrets, mail addresses and hosts."""
        for secret in self._secrets:
            value = value.replace(secret, "secret")
        value = MAIL.sub(lambda match: f"{self._word(match[0], 'person')}@example.org", value)
        return HOST.sub(r"\1desk.example.org", value)

    def _scrub_string(self, value: str, name: str) -> str:
        if SECRET_NAME.search(name):
            return self._word(value, "secret")
        if value.startswith(("http://", "https://")) and urlsplit(value).netloc:
            return self.scrub_text(value)
        if MAIL.fullmatch(value):
            return self.scrub_text(value)
        if PERSON_NAME.search(name):
            return self._word(value, "person")
        if TEXT_NAME.search(name) or not PLAIN.fullmatch(value):
            return self._word(value, "text")
        return self.scrub_text(value)

    def _word(self, value: str, kind: str) -> str:
        known = self._words.setdefault(f"{kind}:{value}", str(len(self._words) + 1))
        return f"{kind}-{known}" if kind else known
