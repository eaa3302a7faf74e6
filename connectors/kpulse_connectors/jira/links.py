"""What the remote links of an issue and its history say about articles. Pure functions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from kpulse.sdk import LinkEvent, LinkKind, LinksSeen, Op, Record
from kpulse_connectors.atlassian import find_page, instant
from kpulse_connectors.jira.rows import Fields, History, Issue, Remote
from kpulse_connectors.jira.settings import JiraSettings

CONFLUENCE = "com.atlassian.confluence"
MENTIONS = frozenset(("remoteissuelink", "remoteworkitemlink"))
PAGE = re.compile(r"\bpageId=(\d+)")


def mentions_links(histories: Iterable[History]) -> bool:
    """Whether a link to another system was ever made or taken away."""
    return any(item.field.lower() in MENTIONS for history in histories for item in history.items)


def find_article(remote: Remote) -> str | None:
    """The Confluence page that a remote link leads to, or its address where that names none; None for other systems."""
    if remote.application is None or remote.application.type != CONFLUENCE:
        return None
    page = PAGE.search(remote.global_id or "")
    return page[1] if page else find_page(remote.target.url) or remote.target.url or None


def read_links(
    issue: Issue[Fields], remotes: Sequence[Remote], histories: Sequence[History], s: JiraSettings
) -> Sequence[Record]:
    """The making of the links that stand, as far as the history tells, and what stands now.

    A link that was taken away has no address any more: that it is gone is said by what stands, at the time when the last
    link was taken away. Links that the history does not tell of stay without a time.
    """
    found = [(remote, article) for remote in remotes if (article := find_article(remote))]
    made = _made(histories)
    events = [
        _event(issue.id, remote, article, *made[str(remote.id)], s)
        for remote, article in found
        if str(remote.id) in made
    ]
    updated, removed = instant(issue.fields.updated), _removed_last(histories)
    times = [removed, updated] if removed and removed < updated else [updated]
    kinds = [(article, _kind(remote, s)) for remote, article in found]
    seen = [
        LinksSeen(
            ticket=issue.id,
            articles=sorted({article for article, its in kinds if its is kind}),
            seen_at=at,
            kind=kind,
            knowledge_base=s.knowledge_base,
        )
        for kind in LinkKind
        for at in times
    ]
    return [*events, *seen]


def _event(ticket: str, remote: Remote, article: str, at: datetime, by: str | None, s: JiraSettings) -> LinkEvent:
    return LinkEvent(
        op=Op.ADD,
        ticket=ticket,
        article=article,
        at=at,
        by=by,
        kind=_kind(remote, s),
        event_id=f"remotelink {remote.id}",
        knowledge_base=s.knowledge_base,
    )


def _kind(remote: Remote, s: JiraSettings) -> LinkKind:
    background = (remote.relationship or "").lower() in {word.lower() for word in s.background}
    return LinkKind.REFERENCE if background else LinkKind.RESOLUTION


def _made(histories: Sequence[History]) -> Mapping[str, tuple[datetime, str | None]]:
    """When and by whom each remote link was made, by the link's id."""
    made: dict[str, tuple[datetime, str | None]] = {}
    for history in histories:
        for item in history.items:
            if item.field.lower() in MENTIONS and item.after:
                made[item.after] = (instant(history.created), history.author.id if history.author else None)
    return made


def _removed_last(histories: Sequence[History]) -> datetime | None:
    """When the last remote link was taken away, if that is the last that happened to them."""
    happened = [
        (instant(history.created), item.after is None)
        for history in histories
        for item in history.items
        if item.field.lower() in MENTIONS
    ]
    return last[0] if happened and (last := max(happened))[1] else None
