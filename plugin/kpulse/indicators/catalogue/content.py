"""Is what we know used? And can the numbers be trusted? (kcs-measures.md Q10, Q11, Q18, L13)"""

from kpulse.indicators.catalogue.entry import CONTEXT, Indicator, Unit, phases
from kpulse.indicators.concentration import top_share
from kpulse.indicators.parts import Figure, Parts, number, share


def _concentration(parts: Parts) -> Figure:
    counts = parts.articles.reuse_counts if parts.articles else ()
    x, n = top_share(counts)
    unknown = "origin_unknown" if parts.count("origin_unknown") else None
    reason = parts.unread_reason or unknown or (None if n else "no_reuse")
    return Figure(value=None, x=x, n=n, reason=reason) if reason else Figure(value=x / n, x=x, n=n)


def _never_reused(parts: Parts) -> Figure:
    if parts.unread_reason:
        return Figure(value=None, reason=parts.unread_reason)
    if parts.articles is None or not parts.articles.aged:
        return Figure(value=None, x=0, n=0, reason="no_articles")
    unknown = "origin_unknown" if parts.count("origin_unknown") else None
    return share(parts.articles.aged_unused, parts.articles.aged, unknown)


def _stale(parts: Parts) -> Figure:
    return share(
        parts.count("stale"),
        parts.count("links"),
        parts.unread_reason or (None if parts.count("links") else "no_linked_tickets"),
    )


def _orphan(parts: Parts) -> Figure:
    return share(
        parts.count("orphan"),
        parts.count("links"),
        parts.unread_reason or (None if parts.count("links") else "no_linked_tickets"),
    )


def _coverage(parts: Parts) -> Figure:
    if not parts.days:
        return Figure(value=None, x=0, n=0, reason="connector_stale")
    return Figure(value=parts.days_covered / parts.days, x=parts.days_covered, n=parts.days)


ENTRIES = (
    Indicator(
        key="reuse_concentration",
        title="Reuse on the most used fifth of articles",
        question="How few answers carry most of the reuse?",
        formula="Reuse of the most used 20 % of the articles alive in the period, divided by all reuse. For a team: of the articles it used.",
        unit=Unit.SHARE,
        direction=CONTEXT,
        fools="Articles linked out of habit stand at the top: check that they really answer the requests.",
        act="Bring the top answers to the customers, or remove the cause of the question.",
        source="kcs-measures.md Q10, GC-26",
        compute=_concentration,
        metric="reuse_concentration_ratio",
        needs_articles=True,
    ),
    Indicator(
        key="never_reused_share",
        title="Answers not used again",
        question="How much of what we wrote has not been needed again?",
        formula="Articles at least 90 days old, not archived, neither reused nor seen in the period, divided by all such articles.",
        unit=Unit.SHARE,
        direction=CONTEXT,
        fools="Most articles are seldom reused; that is normal, and deleting them makes nothing better.",
        act="Never a goal. If it is near 100 %, ask whether people can find the articles.",
        source="kcs-measures.md Q11",
        compute=_never_reused,
        metric="never_reused_ratio",
        for_teams=False,
        needs_articles=True,
    ),
    Indicator(
        key="resolution_links",
        title="Links that count",
        question="How many links stand behind these numbers?",
        formula="Different articles linked in time to finished requests, summed over the requests.",
        unit=Unit.COUNT,
        direction=CONTEXT,
        fools="Several links on one request count once in the link rate.",
        act="Context only.",
        source="kcs-measures.md R6, R7",
        compute=lambda parts: number(parts, "links"),
        metric="resolution_links",
        minimum=0,
        leader=False,
    ),
    Indicator(
        key="stale_link_share",
        title="Links to archived answers",
        question="Do people still use answers that were retired?",
        formula="Counted links to articles that were archived before the link was made, divided by counted links.",
        unit=Unit.SHARE,
        direction=phases("context", "down", "down", "down"),
        fools="A knowledge base that archives by date, not by use.",
        act="Mend the search or revive the articles before discussing other numbers.",
        source="kcs-measures.md Q18; R11",
        compute=_stale,
        metric="stale_link_ratio",
        leader=False,
    ),
    Indicator(
        key="orphan_link_share",
        title="Links to unknown answers",
        question="Do links lead somewhere?",
        formula="Counted links to articles that no connected knowledge base knows, divided by counted links.",
        unit=Unit.SHARE,
        direction=phases("context", "down", "down", "down"),
        fools="A knowledge base that is not connected, or that the account may not read.",
        act="Connect the knowledge base or ask for the right to read it.",
        source="kcs-measures.md Q18; R12",
        compute=_orphan,
        metric="orphan_link_ratio",
        leader=False,
    ),
    Indicator(
        key="coverage",
        title="Days with data",
        question="Did we see everything?",
        formula="Days of the period that were read completely from every connected desk, divided by its days up to today.",
        unit=Unit.SHARE,
        direction=phases("up", "up", "up", "up"),
        fools="A source may be read completely and yet hide what the account may not see.",
        act="Under 95 % read the other numbers as provisional; look at the sources.",
        source="kcs-measures.md R21, L13",
        compute=_coverage,
        metric="coverage_ratio",
        minimum=0,
        for_teams=False,
    ),
)
