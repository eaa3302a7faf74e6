"""Where each mapped column stands in a file's header."""

from collections.abc import Mapping, Sequence

from kpulse.sdk import ConfigError

from .settings import FilesSettings
from .suggestions import suggest

TICKETS: Mapping[str, str] = {
    "id_column": "id",
    "opened_column": "opened_at",
    "resolved_column": "resolved_at",
    "closed_column": "closed_at",
    "status_column": "status",
    "team_column": "team",
    "owner_column": "owner",
    "category_column": "category",
    "priority_column": "priority",
    "intake_column": "intake",
    "exclude_column": "exclude",
    "merged_column": "merged_into",
    "reopened_column": "reopened",
    "article_column": "article",
    "linked_column": "linked_at",
    "knowledge_column": "knowledge",
}
ARTICLES: Mapping[str, str] = {
    "article_id_column": "id",
    "article_created_column": "created_at",
    "article_title_column": "title",
    "article_state_column": "state",
    "article_archived_column": "archived_at",
    "article_source_column": "source_ticket",
}
LINKS: Mapping[str, str] = {
    "link_ticket_column": "ticket",
    "link_article_column": "article",
    "link_time_column": "linked_at",
}
REQUIRED = frozenset(
    ("id_column", "opened_column", "article_id_column", "article_created_column", "link_ticket_column")
) | {"link_article_column"}
NOT_READ = "-"
ABSENT = -1


def locate(settings: FilesSettings, names: Mapping[str, str], header: Sequence[str], file: str) -> dict[str, int]:
    """The position of each setting's column, ABSENT where it is not read; ConfigError names setting and columns."""
    found = {setting: _position(setting, settings, names[setting], header, file) for setting in names}
    if "knowledge_column" in found and not settings.read_knowledge_flag:
        found["knowledge_column"] = ABSENT
    return found


def _position(setting: str, settings: FilesSettings, standard: str, header: Sequence[str], file: str) -> int:
    chosen = str(getattr(settings, setting)).strip()
    if chosen == NOT_READ and setting not in REQUIRED:
        return ABSENT
    places = _find(chosen or standard, header)
    if len(places) == 1:
        return places[0]
    title = FilesSettings.title_of(setting)
    if places:
        raise ConfigError(
            f"{title}: {file} has {len(places)} columns named {chosen or standard!r}; rename one of them."
        )
    wanted = setting in REQUIRED or (setting == "knowledge_column" and settings.read_knowledge_flag)
    if not chosen and not wanted:
        return ABSENT
    likely = suggest(header).get(setting)
    hint = f" {likely!r} looks right." if likely else ""
    what = f"has no column {chosen!r}" if chosen else "needs one"
    raise ConfigError(f"{title}: {file} {what}; choose one of: {', '.join(header)}.{hint}")


def _find(name: str, header: Sequence[str]) -> list[int]:
    exact = [place for place, column in enumerate(header) if column == name]
    return exact or [place for place, column in enumerate(header) if column.casefold() == name.casefold()]
