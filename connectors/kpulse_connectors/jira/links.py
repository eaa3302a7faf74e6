"""What the remote links of an issue and its history say about articles. Pure functions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from kpulse.sdk import LinkEvent, LinkKind, LinksSeen, Op, Record
from kpulse.sdk.links import KnowledgeBase, read_address
from kpulse_connectors.atlassian import find_page, instant
from kpulse_connectors.jira.rows import Fields, History, Issue, Remote
from kpulse_connectors.jira.settings import JiraSettings

CONFLUENCE = "com.atlassian.confluence"
MENTIONS = frozenset(("remoteissuelink", "remoteworkitemlink"))
PAGE = re.compile(r"\bpageId=(\d+)")


def mentions_links(histories: Iterable[History]) -> bool:
    """Whether a link to another system was ever made or taken away."""
    return any(item.field.lower() in MENTIONS for history in histories for item in history.items)


def find_article(
    remote: Remote, knowledge_bases: Sequence[KnowledgeBase] = (), usual: str = ""
) -> tuple[str, str] | None:
    """The knowledge base and the article that a remote link leads to; None for other systems.

    Links to a connected knowledge base count however they were made. Any other Confluence is the knowledge base
    ``usual``, and an address of it that names no page is kept as it is.
    """
    known = read_address(remote.target.url, knowledge_bases) if remote.target.url else None
    of_confluence = remote.application is not None and remote.application.type == CONFLUENCE
    page = PAGE.search(remote.global_id or "") if of_confluence else None
    if known:
        return known[0].key, page[1] if page else known[1]
    if not of_confluence:
        return None
    article = page[1] if page else find_page(remote.target.url) or remote.target.url
    return (usual, article) if article else None


def read_links(
    issue: Issue[Fields],
    remotes: Sequence[Remote],
    histories: Sequence[History],
    s: JiraSettings,
    knowledge_bases: Sequence[KnowledgeBase] = (),
) -> Sequence[Record]:
    """The making of the links that stand, as far as the history tells, and what stands now.

    A link that was taken away has no address any more: that it is gone is said by what stands, at the time when the last
    link was taken away. Links that the history does not tell of stay without a time.
    """
    made, found = _made(histories), _found(remotes, s, knowledge_bases)
    events = [
        LinkEvent(
            op=Op.ADD,
            ticket=issue.id,
            article=link.article,
            at=made[link.id][0],
            by=made[link.id][1],
            kind=link.kind,
            event_id=f"remotelink {link.id}",
            knowledge_base=link.base,
        )
        for link in found
        if link.id in made
    ]
    updated, removed = instant(issue.fields.updated), _removed_last(histories)
    times = [removed, updated] if removed and removed < updated else [updated]
    bases = sorted({s.knowledge_base, *(base.key for base in knowledge_bases)})
    seen = [
        LinksSeen(
            ticket=issue.id,
            articles=sorted({link.article for link in found if link.kind is kind and link.base == base}),
            seen_at=at,
            kind=kind,
            knowledge_base=base,
        )
        for base in bases
        for kind in LinkKind
        for at in times
    ]
    return [*events, *seen]


class Link(NamedTuple):
    """A remote link to an article of the knowledge base ``base``."""

    id: str
    base: str
    article: str
    kind: LinkKind


def _found(remotes: Sequence[Remote], s: JiraSettings, knowledge_bases: Sequence[KnowledgeBase]) -> Sequence[Link]:
    named = [(remote, find_article(remote, knowledge_bases, s.knowledge_base)) for remote in remotes]
    return [Link(str(remote.id), *found, _kind(remote, s)) for remote, found in named if found]


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
