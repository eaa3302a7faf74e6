"""What a KM lead says about a wiki: where it is, which pages are articles, and which categories are states."""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, field_validator, model_validator

from kpulse.sdk import ArticleState, HttpSettings, SecretStr, setting
from kpulse_connectors.mediawiki.names import name_of

MAIN = "(Main)"
MOST_PAGES = 50  # that an account without special rights may ask for at once
# Where several states stand on a page, the first of these goes: the one that promises least.
CAUTIOUS = (ArticleState.ARCHIVED, ArticleState.WIP, ArticleState.NOT_VALIDATED, ArticleState.VALIDATED)


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return [part.strip() for part in parts if part.strip()] if isinstance(parts, list) else parts


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class MediaWikiSettings(HttpSettings):
    """Lists are given as lists or as text with commas; states are compared without case, blanks and signs."""

    address: str = setting(
        "Address",
        "What stands before /api.php and /index.php of the wiki.",
        example="https://wiki.example.org/w",
    )
    article_path: str = setting(
        "Path of pages",
        "The part of a page's address between the host and the title; Test connection tells the wiki's own.",
        default="/wiki/",
        example="/wiki/",
    )
    username: str = setting(
        "Bot name", "For a private wiki: name of a bot password, made under Special:BotPasswords.", default=""
    )
    password: SecretStr = setting("Bot password", "The password that goes with the bot name.", default=SecretStr(""))
    token: SecretStr = setting(
        "OAuth token",
        "An owner-only OAuth 2 access token, instead of a bot password.",
        default=SecretStr(""),
        advanced=True,
    )
    namespaces: Names = setting(
        "Namespaces",
        f"Namespaces whose pages are articles; {MAIN} is the one without a name.",
        step="scope",
        default=(MAIN,),
        choices=True,
        min_length=1,
    )
    category: str = setting(
        "Category of articles",
        "Only pages in this category are articles; empty means every page of the namespaces.",
        step="scope",
        default="",
        example="Knowledge base",
    )
    states: Names = setting(
        "States",
        "What a category, or the part of it behind a slash, says of a page: wip, not_validated, validated or archived. "
        "Pages without one of them are not validated.",
        step="map",
        default=(
            "WIP=wip",
            "Work in progress=wip",
            "Not validated=not_validated",
            "Validated=validated",
            "Archived=archived",
        ),
    )
    read_histories: bool = setting(
        "Read histories of states",
        "Look into the old versions of a page for the times at which its state changed.",
        step="map",
        default=True,
        advanced=True,
    )

    page_size: int = setting(
        "Rows per page",
        "Lower it when the wiki cuts answers short.",
        default=MOST_PAGES,
        advanced=True,
        ge=1,
        le=MOST_PAGES,
    )

    @field_validator("states")
    @classmethod
    def _states(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            if pair.partition("=")[2].strip() not in set(ArticleState):
                raise ValueError(f"Write {pair} as category=state; states are {', '.join(ArticleState)}.")
        return value

    @model_validator(mode="after")
    def _signs_in(self) -> Self:
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError("Give both bot name and bot password, or neither.")
        return self

    @property
    def meanings(self) -> Mapping[str, ArticleState]:
        """The state that each category stands for, by its plain name."""
        return _meanings(self.states)

    def state_of(self, categories: Iterable[str]) -> tuple[ArticleState | None, str]:
        """The state that ``categories`` (names without namespace) put a page into and the one that says so; None without."""
        meanings = self.meanings
        found: dict[ArticleState, str] = {}
        for name in categories:
            state = meanings.get(plain(name)) or meanings.get(plain(name.rpartition("/")[2]))
            if state:
                found.setdefault(state, name)
        return next(((state, found[state]) for state in CAUTIOUS if state in found), (None, ""))

    def covers(self, categories: Iterable[str]) -> bool:
        """Whether a page in ``categories`` is an article."""
        return not self.category or name_of(self.category) in map(name_of, categories)


@functools.lru_cache
def _meanings(states: tuple[str, ...]) -> Mapping[str, ArticleState]:
    pairs = (pair.rpartition("=") for pair in states)
    return {plain(name): ArticleState(state.strip()) for name, _, state in pairs}


def plain(name: str) -> str:
    """A name without case, blanks and signs, to compare it."""
    return re.sub(r"[\W_]+", "", name).casefold()
