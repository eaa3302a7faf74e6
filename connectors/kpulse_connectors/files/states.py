"""What a desk's states mean: the KM lead's words first, then the usual names."""

from collections.abc import Mapping
from dataclasses import dataclass

from kpulse.sdk import ArticleState, ConfigError, Status

from .settings import FilesSettings

EXCLUDED = "excluded"
OPEN = "open new in_progress inprogress assigned active to_do todo backlog reopened offen neu in_bearbeitung zugewiesen"
PENDING = "pending on_hold hold waiting awaiting suspended wartend warten warte angehalten zurückgestellt"
RESOLVED = "resolved solved fixed done completed gelöst erledigt fertig"
CLOSED = "closed closed_successful closed_unsuccessful geschlossen abgeschlossen"
ARTICLE_STATES: Mapping[str, ArticleState] = {
    **{state.value: state for state in ArticleState},
    **dict.fromkeys(("draft", "review", "in_review", "entwurf"), ArticleState.WIP),
    **dict.fromkeys(("published", "approved", "veröffentlicht", "freigegeben"), ArticleState.VALIDATED),
    **dict.fromkeys(("retired", "outdated", "obsolete", "archiviert", "veraltet"), ArticleState.ARCHIVED),
}


@dataclass(frozen=True)
class Meaning:
    """What a state says: a status, or (None) that the ticket's times decide, and perhaps a reason not to count it."""

    status: Status | None = None
    exclude: str | None = None


USUAL: Mapping[str, Meaning] = {
    name: Meaning(status)
    for names, status in (
        (OPEN, Status.OPEN),
        (PENDING, Status.PENDING),
        (RESOLVED, Status.RESOLVED),
        (CLOSED, Status.CLOSED),
    )
    for name in names.split()
}


def read_ticket_states(text: str) -> dict[str, Meaning]:
    """The meaning of each state that ``text`` maps; ConfigError for a target that does not exist."""
    return {name: _meaning(target) for name, target in _pairs("states", text)}


def read_article_states(text: str) -> dict[str, ArticleState]:
    """The article state of each name that ``text`` maps; ConfigError for a target that does not exist."""
    known = {state.value: state for state in ArticleState}
    found = {}
    for name, target in _pairs("article_states", text):
        if target not in known:
            raise _unknown("article_states", target, ", ".join(known))
        found[name] = known[target]
    return found


def find_meaning(state: str, mapped: Mapping[str, Meaning]) -> Meaning | None:
    """The meaning of a state, None where neither the KM lead nor custom gives it one."""
    plain = fold(state)
    chosen = mapped.get(plain) or USUAL.get(plain)
    if chosen is None and plain.startswith(("awaiting_", "waiting_", "pending_", "warten_", "on_hold_")):
        return USUAL["pending"]
    return chosen


def fold(state: str) -> str:
    """A state's name as it is compared: without case, with underscores for blanks and hyphens."""
    return "_".join(state.casefold().replace("-", " ").split())


def _meaning(target: str) -> Meaning:
    kind, _, reason = target.partition(":")
    if kind == EXCLUDED:
        return Meaning(exclude=reason.strip() or EXCLUDED)
    statuses = {status.value: status for status in Status}
    if target not in statuses:
        raise _unknown("states", target, f"{', '.join(statuses)}, excluded:reason")
    return Meaning(statuses[target])


def _pairs(setting: str, text: str) -> list[tuple[str, str]]:
    found = []
    # Commas belong to the names once each pair has a line of its own.
    for pair in text.strip().split("\n" if "\n" in text.strip() else ","):
        name, equals, target = pair.strip().rstrip(",").rpartition("=")
        if not pair.strip():
            continue
        if not equals or not name.strip():
            raise ConfigError(f"{FilesSettings.title_of(setting)}: write pairs such as Done=resolved.")
        found.append((fold(name.strip()), target.strip().lower()))
    return found


def _unknown(setting: str, target: str, known: str) -> ConfigError:
    return ConfigError(f"{FilesSettings.title_of(setting)}: {target!r} is none of: {known}.")
