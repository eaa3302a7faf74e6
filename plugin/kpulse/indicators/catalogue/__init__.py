"""The catalogue: one entry says what a number means, how it is computed, what fools it and what to do."""

from collections.abc import Mapping

from kpulse.errors import UsageError
from kpulse.indicators.catalogue import content, linking, times
from kpulse.indicators.catalogue.entry import Direction as Direction
from kpulse.indicators.catalogue.entry import Indicator as Indicator
from kpulse.indicators.catalogue.entry import Unit as Unit

CATALOGUE: Mapping[str, Indicator] = {
    entry.key: entry for entry in (*linking.ENTRIES, *times.ENTRIES, *content.ENTRIES)
}

REASONS: Mapping[str, str] = {
    "no_tickets": "No request was finished in this period.",
    "all_excluded": "All requests of this period are excluded.",
    "no_linked_tickets": "No request of this period is linked to an article.",
    "no_reuse": "No article was reused in this period.",
    "no_articles": "No article is known that is old enough.",
    "suppressed": "The group is too small to be shown alone.",
    "connector_stale": "The source has not been read for this period.",
    "link_time_unknown": "The source does not tell when links were made.",
    "origin_unknown": "The source only says that knowledge was used, not which article.",
}


def find_indicator(key: str) -> Indicator:
    """The entry of that key; UsageError lists the known ones."""
    try:
        return CATALOGUE[key]
    except KeyError:
        raise UsageError(f"There is no indicator {key!r}; known: {', '.join(CATALOGUE)}.") from None
