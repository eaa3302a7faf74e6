"""Do people use, and write down, what is known? (kcs-measures.md A1, A3, A4)"""

from kpulse.indicators.catalogue.entry import CONTEXT, Indicator, Unit, phases
from kpulse.indicators.parts import Figure, Parts, number, share


def _linked(parts: Parts) -> Figure:
    return share(parts.count("linked"), parts.count("closed"), parts.no_tickets_reason)


def _linked_strict(parts: Parts) -> Figure:
    unknown = "link_time_unknown" if parts.count("strict_unknown") else None
    return share(parts.count("linked_strict"), parts.count("closed"), parts.no_tickets_reason or unknown)


def _linked_any(parts: Parts) -> Figure:
    return share(parts.count("linked_any"), parts.count("closed"), parts.no_tickets_reason)


def _origin_unknown(parts: Parts) -> str | None:
    return "origin_unknown" if parts.count("origin_unknown") else None


def _reuse(parts: Parts) -> Figure:
    return share(parts.count("reuse"), parts.count("closed"), parts.no_tickets_reason or _origin_unknown(parts))


def _create(parts: Parts) -> Figure:
    return share(parts.count("creation"), parts.count("closed"), parts.no_tickets_reason or _origin_unknown(parts))


def _known(parts: Parts) -> Figure:
    nothing = None if parts.count("linked") else "no_linked_tickets"
    reason = parts.no_tickets_reason or nothing or _origin_unknown(parts)
    return share(parts.count("reuse"), parts.count("linked"), reason)


ENTRIES = (
    Indicator(
        key="tickets_closed",
        title="Requests finished",
        question="How much work are these numbers about?",
        formula="Tickets closed in the period that are not excluded.",
        unit=Unit.COUNT,
        direction=CONTEXT,
        fools="Splitting or merging tickets, or a longer list of exclusions, changes it without any change in the work.",
        act="Look at the excluded tickets by reason before comparing two periods.",
        source="kcs-measures.md §0.3 R3, R4",
        compute=lambda parts: number(parts, "closed"),
        metric="tickets_closed",
        minimum=0,
    ),
    Indicator(
        key="tickets_excluded",
        title="Requests left out",
        question="What was not counted, and why?",
        formula="Tickets closed in the period that are merged, excluded by the source or the KM lead, or that nobody worked on.",
        unit=Unit.COUNT,
        direction=CONTEXT,
        fools="A growing list of exclusions makes every share look better.",
        act="Watch its trend; ask why when it grows faster than the work.",
        source="kcs-measures.md §0.3 R4",
        compute=lambda parts: number(parts, "excluded"),
        metric="tickets_excluded",
        minimum=0,
    ),
    Indicator(
        key="link_rate",
        title="Answers used or written down",
        question="In how many of 100 finished requests did we use a known answer, or write the new one down?",
        formula="Finished requests with at least one article that resolves them, linked by 7 days after closure, divided by finished requests.",
        unit=Unit.SHARE,
        direction=phases("baseline", "up", "steady", "steady"),
        fools="A forced link or a target on it: people then link anything. A sudden jump above 90 % is a warning.",
        act="If it falls, ask the coaches what gets in the way: search, too many clicks, new colleagues, new topics.",
        source="kcs-measures.md A1; R7, R9, R10",
        compute=_linked,
        metric="link_ratio",
    ),
    Indicator(
        key="link_rate_strict",
        title="Linked before the request was closed",
        question="How often is the answer linked while the work is done, not afterwards?",
        formula="As the link rate, but only links made by the moment of closure.",
        unit=Unit.SHARE,
        direction=phases("baseline", "up", "steady", "steady"),
        fools="Sources that do not tell when a link was made; then it is not known.",
        act="A wide gap to the link rate means linking at the end of the shift: bring it into the flow of work.",
        source="kcs-measures.md A1, A11; R9",
        compute=_linked_strict,
        metric="link_strict_ratio",
    ),
    Indicator(
        key="link_rate_any",
        title="Linked at any time",
        question="How many finished requests have an answer linked by now?",
        formula="As the link rate, without any limit on the time of the link.",
        unit=Unit.SHARE,
        direction=phases("baseline", "up", "steady", "steady"),
        fools="It still grows for old months.",
        act="Compare with the link rate to see how much is linked very late.",
        source="kcs-measures.md A1",
        compute=_linked_any,
        metric="link_any_ratio",
        leader=False,
    ),
    Indicator(
        key="reuse_rate",
        title="Solved with a known answer",
        question="How often did somebody profit from a colleague's answer?",
        formula="Finished requests linked to an article that existed before, divided by finished requests.",
        unit=Unit.SHARE,
        direction=phases("baseline", "up", "steady", "down"),
        fools="It falls when customers find the known answers themselves, which is a success.",
        act="Read it beside self-service and the share of known requests.",
        source="kcs-measures.md A3; R8",
        compute=_reuse,
        metric="reuse_ratio",
    ),
    Indicator(
        key="create_rate",
        title="New answer written down",
        question="How often did a request leave a new answer behind?",
        formula="Finished requests linked to an article that was written while solving them, divided by finished requests.",
        unit=Unit.SHARE,
        direction=phases("baseline", "up", "down", "down"),
        fools="A quota on articles fills the knowledge base with what nobody needs.",
        act="High early and after releases, then falling; if it stays above reuse, look at search.",
        source="kcs-measures.md A4; R8",
        compute=_create,
        metric="create_ratio",
    ),
    Indicator(
        key="known_share",
        title="Known questions among linked work",
        question="How much of our work is answering again what we already know?",
        formula="Requests linked to an article that existed before, divided by all linked requests.",
        unit=Unit.SHARE,
        direction=phases("baseline", "up", "down", "down"),
        fools="It says nothing about requests without a link.",
        act="High and rising: bring these answers to the customers, or remove the cause.",
        source="kcs-measures.md A3, O8",
        compute=_known,
        metric="known_ratio",
    ),
)
