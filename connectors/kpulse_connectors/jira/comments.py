"""Text evidence: which articles the comments of an issue point to. Nothing of a comment's text is kept. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kpulse.sdk import Evidence, LinkEvent, LinksSeen, Op, Record
from kpulse.sdk.links import KnowledgeBase, find_links
from kpulse_connectors.atlassian import instant
from kpulse_connectors.jira.rows import Fields, Issue, Person

CARDS = frozenset(("inlineCard", "blockCard", "embedCard"))
SILENT = frozenset(("blockquote", "codeBlock"))
BLOCKS = frozenset(("paragraph", "heading", "listItem", "tableCell", "panel", "rule", "hardBreak"))


class Comment(msgspec.Struct):
    id: str
    created: str
    body: Any = ""
    author: Person | None = None


class Comments(msgspec.Struct):
    comments: list[Comment]
    total: int = 0


def read_comments(
    issue: Issue[Fields], comments: Sequence[Comment], knowledge_bases: Sequence[KnowledgeBase]
) -> Sequence[Record]:
    """The articles that people of the desk pointed to, with time and author, and what still stands."""
    events = [
        event for comment in comments if _by_desk(comment) for event in _found(issue.id, comment, knowledge_bases)
    ]
    seen = [
        LinksSeen(
            ticket=issue.id,
            articles=sorted({event.article or "" for event in events if event.knowledge_base == base.key}),
            seen_at=instant(issue.fields.updated),
            evidence=Evidence.TEXT,
            knowledge_base=base.key,
        )
        for base in knowledge_bases
    ]
    return [*events, *seen]


def _by_desk(comment: Comment) -> bool:
    """Whether neither a customer nor an app (an automation) wrote it; Data Center does not tell."""
    return comment.author is None or comment.author.kind not in ("customer", "app")


def _found(ticket: str, comment: Comment, knowledge_bases: Sequence[KnowledgeBase]) -> Iterator[LinkEvent]:
    for found in find_links(write_text(comment.body), knowledge_bases):
        yield LinkEvent(
            op=Op.ADD,
            ticket=ticket,
            article=found.article,
            at=instant(comment.created),
            by=comment.author.id if comment.author else None,
            evidence=found.evidence,
            event_id=f"comment {comment.id} {found.kb} {found.article}",
            knowledge_base=found.kb,
        )


def write_text(body: Any) -> str:
    """The words and addresses of a comment: wiki text as it is, or a document of Cloud without its quotes and code."""
    return body if isinstance(body, str) else "".join(_walk(body))


def _walk(node: Any) -> Iterator[str]:
    if not isinstance(node, Mapping) or node.get("type") in SILENT:
        return
    attributes = node.get("attrs") or {}
    if node.get("type") in CARDS and attributes.get("url"):
        yield f" {attributes['url']} "
    yield str(node.get("text", ""))
    for mark in node.get("marks") or ():
        if mark.get("type") == "link" and (mark.get("attrs") or {}).get("href"):
            yield f" {mark['attrs']['href']} "
    for inner in node.get("content") or ():
        yield from _walk(inner)
    if node.get("type") in BLOCKS:
        yield "\n"
