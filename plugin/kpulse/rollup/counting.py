"""The counting rules R3 to R12 for one family of tickets: a survivor and what was merged into it. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence

from kpulse.clock import SECOND
from kpulse.durations import slot_of
from kpulse.periods import local_day
from kpulse.rollup import links as link_rules
from kpulse.rollup.facts import ActiveLink, ArticleFact, ArticleKey, Change, CountedLink, Outcome, Rules, TicketFact

MERGED, SELF_SERVICE = "merged", "self_service"


def find_survivors(merged_into: Mapping[str, str]) -> dict[str, str]:
    """For each merged ticket the one at the end of its chain; in a circle the smallest key survives (R5)."""
    survivors = {}
    for start in merged_into:
        trail = [start]
        while (following := merged_into.get(trail[-1])) is not None and following not in trail:
            trail.append(following)
        survivors[start] = trail[-1] if following is None else min(trail[trail.index(following) :])
    return survivors


def find_closure(ticket: TicketFact, as_of: int | None) -> tuple[int, str] | None:
    """Instant and team of the closure at ``as_of``, None for an open ticket.

    The closure is the first entry of the final run of closed states (R3); the source's own final resolution time wins.
    """
    changes = sorted((c for c in ticket.changes if as_of is None or c.at <= as_of), key=lambda change: change.at)
    resolved = ticket.resolved_at
    if not changes:
        known = (
            ticket.closed_now and not ticket.changes and resolved is not None and (as_of is None or resolved <= as_of)
        )
        return (resolved, ticket.team) if known and resolved is not None else None
    if not changes[-1].closed:
        return None
    first = _first_of_final_run(changes)
    if resolved is not None and (as_of is None or resolved <= as_of):
        return resolved, first.team or ticket.team
    return first.at, first.team or ticket.team


def _first_of_final_run(changes: Sequence[Change]) -> Change:
    start = len(changes) - 1
    while start and changes[start - 1].closed:
        start -= 1
    return changes[start]


def find_links(family: Iterable[TicketFact], rules: Rules) -> list[ActiveLink]:
    """The links of a survivor: its own and those of the tickets merged into it."""
    found: list[ActiveLink] = []
    for ticket in family:
        if ticket.links or ticket.seen:
            allowed = link_rules.WIDE if ticket.source_id in rules.wide else link_rules.NARROW
            found += link_rules.find_active(ticket.links, ticket.seen, allowed=allowed, as_of=rules.as_of)
    return link_rules.combine(found)


def may_have_created(ticket: TicketFact, article: ArticleFact | None) -> bool:
    """Whether only the article's earliest link can tell if this ticket created it (R8)."""
    return article is not None and article.source_ticket is None and article.created_at >= ticket.opened_at


def decide(
    ticket: TicketFact,
    members: frozenset[str],
    links: Sequence[ActiveLink],
    articles: Mapping[ArticleKey, ArticleFact],
    holders: Mapping[ArticleKey, str],
    rules: Rules,
) -> Outcome | None:
    """What the rules say about ``ticket``; None while it is open or gone.

    ``members`` are the keys of its family, ``holders`` the survivors that carry the earliest link of an article.
    """
    closure = None if ticket.gone else find_closure(ticket, rules.as_of)
    if closure is None:
        return None
    closed_at, team = closure
    day = local_day(closed_at, rules.zone)
    about = {"source_id": ticket.source_id, "ticket": ticket.key, "team": team, "day": day, "closed_at": closed_at}
    reason = MERGED if ticket.merged_into else ticket.exclude or (SELF_SERVICE if ticket.self_service else "")
    if reason:
        return Outcome(**about, excluded=reason, owner=ticket.owner)  # type: ignore[arg-type]
    slot = slot_of((closed_at - ticket.opened_at) / SECOND)
    odd = int(closed_at < ticket.opened_at)
    if not links:
        return Outcome(**about, owner=ticket.owner, slot=slot, odd_clock=odd)  # type: ignore[arg-type]
    found = _count_links(ticket, members, links, articles, holders, closed_at, rules.grace)
    return Outcome(**about, owner=ticket.owner, slot=slot, odd_clock=odd, **found)  # type: ignore[arg-type]


def _count_links(
    ticket: TicketFact,
    members: frozenset[str],
    links: Sequence[ActiveLink],
    articles: Mapping[ArticleKey, ArticleFact],
    holders: Mapping[ArticleKey, str],
    closed_at: int,
    grace: int,
) -> dict[str, object]:
    headline = [link for link in links if link.made_at is None or link.made_at <= closed_at + grace]
    if len(headline) > 1:  # beside a link that counts, the bare flag adds nothing
        headline = [link for link in headline if link.article != link_rules.BARE_FLAG]
    known = {link.article: articles.get((ticket.source_id, link.article)) for link in headline}
    counted = tuple(
        CountedLink(
            link.article, _origin(ticket, members, link, known[link.article], holders), link.evidence, link.made_at
        )
        for link in headline
    )
    origins = {link.origin for link in counted}
    strict = any(link.made_at is not None and link.made_at <= closed_at for link in headline)
    stale = {link.article for link in headline if _was_archived(known[link.article], link.made_at)}
    real = [link for link in headline if link.article != link_rules.BARE_FLAG]
    return {
        "linked_any": 1,
        "linked": int(bool(headline)),
        "linked_strict": int(strict),
        "strict_unknown": int(not strict and any(link.made_at is None for link in headline)),
        "linked_fresh": int(any(link.article not in stale for link in headline)),
        "reuse": int("reuse" in origins),
        "creation": int("create" in origins),
        "origin_unknown": int("unknown" in origins),
        "links": len(real),
        "stale": len(stale),
        "orphan": sum(known[link.article] is None for link in real),
        "before_open": sum(link.made_at is not None and link.made_at < ticket.opened_at for link in headline),
        "counted": counted,
    }


def _origin(
    ticket: TicketFact,
    members: frozenset[str],
    link: ActiveLink,
    article: ArticleFact | None,
    holders: Mapping[ArticleKey, str],
) -> str:
    if link.article == link_rules.BARE_FLAG:
        return "unknown"
    if article is None:
        return "reuse"
    if article.source_ticket is not None:
        return "create" if article.source_ticket in members else "reuse"
    first = article.created_at >= ticket.opened_at and holders.get((ticket.source_id, link.article)) == ticket.key
    return "create" if first else "reuse"


def _was_archived(article: ArticleFact | None, made_at: int | None) -> bool:
    if article is None or made_at is None:
        return False
    archived = False
    for at, is_archived in article.archived:
        if at >= made_at:
            break
        archived = is_archived
    return archived
