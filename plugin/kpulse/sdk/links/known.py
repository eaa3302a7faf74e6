"""What a connected knowledge base looks like from outside: its hosts, the shapes of its addresses, its article numbers."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class By(StrEnum):
    """What an address or a mention says about an article."""

    ID = "id"
    NUMBER = "number"
    SLUG = "slug"
    TITLE = "title"
    REVISION = "revision"


def _same(value: str) -> str | None:
    return value


@dataclass(frozen=True)
class Shape:
    """A form that addresses of articles have.

    ``path`` is matched against the whole decoded path below the base; its group ``article`` names the article, or else
    the parameter ``query`` does, whose value has to match ``value``. ``where`` are parameters that must have these
    values. With ``fragment`` the path is looked for behind the ``#``. ``read`` brings what was found into the form of
    the source's keys; None from it means: no article.
    """

    by: By
    path: str
    query: str = ""
    value: str = r".+"
    where: Mapping[str, str] = field(default_factory=dict)
    fragment: bool = False
    read: Callable[[str], str | None] = _same

    def find(self, path: str, parameters: Mapping[str, str], fragment: str) -> str | None:
        """The article that the decoded parts of an address name in this form, if any."""
        match = re.fullmatch(self.path, fragment if self.fragment else path, re.IGNORECASE)
        if match is None or any(parameters.get(name, "").lower() != want for name, want in self.where.items()):
            return None
        named = parameters.get(self.query, "") if self.query else match["article"]
        return self.read(named) if re.fullmatch(self.value, named, re.IGNORECASE) else None


@dataclass(frozen=True, kw_only=True)
class KnowledgeBase:
    """A connected knowledge base.

    ``hosts`` are all its names, also the ones that brands are mapped to, without port; ``base`` is the path under which
    it lives. ``number`` is a regular expression for article numbers that people write without an address; what it finds
    is spelled as ``spell`` says. ``project`` is where a wiki link ``[[Page]]`` without a project leads; None where
    such links mean nothing. ``short`` maps short addresses (host and path) to article ids.
    """

    key: str
    hosts: frozenset[str]
    shapes: Sequence[Shape]
    base: str = ""
    number: str = ""
    spell: Callable[[str], str] = str.upper
    project: str | None = None
    short: Mapping[str, str] = field(default_factory=dict)
