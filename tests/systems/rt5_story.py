"""A month at a synthetic desk, played into a Request Tracker, and what a correct reader finds afterwards.

Times are hours after the base. In the answers, names stand for the ids that RT gave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.systems.rt5 import Desk

DAY = 24
SPAN = timedelta(days=32)

# Answers. A link maps to the hour at which it was made; a merged ticket's link moves to the survivor with its own hour.
RESOLVED_AT = {"N1": 50, "N2": 54, "N3": 80, "N4": 100, "N5": 170, "N10": 260, "N11": 285, "N13": 320}
STATUS = dict.fromkeys(RESOLVED_AT, "resolved") | {"N8": "new", "N9": "rejected", "N12": "stalled"}
LINKS = {
    ("N1", "G1"): 49,
    ("N2", "G2"): 300,
    ("N3", "G2"): 75,
    ("N5", "G3"): 165,
    ("N8", "G1"): 245,
    ("N10", "G4"): 258,
    ("N11", "G1"): 281,
    ("N11", "G2"): 282,
    ("N13", "G3"): 320 + 9 * DAY,
}
MERGED = {"N6": "N2"}
GONE = {"N7"}
CANCELLED = {"N9"}
REOPENED = {"N5": 1}
SOURCE_TICKET = {"G4": "N10"}
OWNER = {"N1": "mia", "N2": "noah", "N3": "zoe", "N12": None}
TEAM = {"N1": "Helpdesk", "N3": "Network", "N13": "Network"}
STATES = {
    "G1": [(0, "wip"), (30, "validated")],
    "G2": [(1, "validated"), (600, "archived")],
    "G3": [(2, "not_validated"), (40, "validated"), (620, "archived")],
    "G4": [(258, "wip")],
}
# Linked within 7 days of closing, and ever: N2's link came by the merge, N13's after 9 days
ELIGIBLE, LINKED, LINKED_ANY = 8, 5, 7
CREATED = {"N10"}


# What happens: the hour, the operation, who does it, and its arguments; a new ticket or article comes with its name.
STEPS: Sequence[tuple[Any, ...]] = (
    (0, "article", "mia", "G1", "Certificate of the wireless network", "WIP"),
    (1, "article", "noah", "G2", "Empty tray is not empty", "Validated"),
    (2, "article", "zoe", "G3", "Calendar shows two of everything", "NotValidated"),
    (30, "state", "mia", "G1", "Validated"),
    (40, "state", "noah", "G3", "Validated"),
    (48, "ticket", "mia", "N1", "Helpdesk", "synthetic 1"),
    (48, "ticket", "noah", "N2", "Helpdesk", "synthetic 2"),
    (49, "link", "mia", "N1", "G1"),
    (50, "resolve", "mia", "N1"),
    (54, "resolve", "noah", "N2"),
    (75, "ticket_linked", "zoe", "N3", "Network", "synthetic 3", "G2"),
    (80, "resolve", "zoe", "N3"),
    (90, "ticket", "mia", "N4", "Helpdesk", "synthetic 4"),
    (91, "link", "mia", "N4", "G1"),
    (95, "unlink", "mia", "N4", "G1"),
    (100, "resolve", "mia", "N4"),
    (120, "ticket", "noah", "N5", "Network", "synthetic 5"),
    (130, "resolve", "noah", "N5"),
    (160, "reopen", "noah", "N5"),
    (165, "link", "noah", "N5", "G3"),
    (170, "resolve", "noah", "N5"),
    (240, "ticket", "mia", "N7", "Helpdesk", "synthetic 7"),
    (240, "ticket", "noah", "N8", "Network", "synthetic 8"),
    (245, "link", "mia", "N7", "G1"),
    (245, "link", "noah", "N8", "G1"),
    (246, "delete", "mia", "N7"),
    (246, "ticket", "zoe", "N9", "Helpdesk", "synthetic 9"),
    (250, "status", "zoe", "N9", "rejected"),
    (250, "ticket", "mia", "N10", "Network", "synthetic 10"),
    (258, "article_from", "mia", "G4", "Tunnel closes at noon", "WIP", "N10"),
    (260, "resolve", "mia", "N10"),
    (280, "ticket", "noah", "N11", "Helpdesk", "synthetic 11"),
    (281, "link", "noah", "N11", "G1"),
    (282, "link", "noah", "N11", "G2"),
    (285, "resolve", "noah", "N11"),
    (299, "ticket", "zoe", "N6", "Helpdesk", "synthetic 6"),
    (300, "link", "zoe", "N6", "G2"),
    (300, "link", "zoe", "N6", "G3"),
    (301, "merge", "zoe", "N6", "N2"),
    (305, "unlink", "noah", "N2", "G3"),
    (310, "ticket_of", "mia", "N12", "Network", "synthetic 12", "Nobody"),
    (310, "ticket", "zoe", "N13", "Helpdesk", "synthetic 13"),
    (311, "status", "mia", "N12", "stalled"),
    (311, "move", "zoe", "N13", "Network"),
    (320, "resolve", "zoe", "N13"),
    (320 + 9 * DAY, "link", "zoe", "N13", "G3"),
    (600, "disable", "noah", "G2"),
    (620, "state", "zoe", "G3", "Archived"),
)


@dataclass
class Story:
    """The ids that RT gave, by name, and the first hour."""

    base: datetime
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Mapping[tuple[str, str], str]:
        """Names by kind (``N`` or ``G``) and id."""
        return {(name[0], key): name for name, key in self.ids.items()}

    def hour(self, when: datetime) -> float:
        """Hours since the base, to a hundredth: RT's clock has seconds and a request takes some."""
        return round((when - self.base) / timedelta(hours=1), 2)


def play(desk: Desk, base: datetime) -> Story:
    """Play the month that starts at ``base`` and put the clock back; about twenty seconds."""
    story = Story(base)
    for hour, operation, who, *arguments in STEPS:
        desk.at(base + timedelta(hours=hour))
        _do(desk, story.ids, operation, who, arguments)
    desk.at(None)
    return story


def _do(desk: Desk, ids: dict[str, str], operation: str, who: str, arguments: list[str]) -> None:
    name, *rest = arguments
    if operation == "article":
        ids[name] = desk.article(who, *rest)
    elif operation == "article_from":
        ids[name] = desk.article(who, *rest[:2], from_ticket=ids[rest[2]])
    elif operation == "ticket":
        ids[name] = desk.ticket(who, *rest)
    elif operation == "ticket_linked":
        ids[name] = desk.ticket(who, *rest[:2], refers_to=[ids[rest[2]]])
    elif operation == "ticket_of":
        ids[name] = desk.ticket(who, *rest[:2], owner=rest[2])
    else:
        getattr(desk, operation)(who, *(ids.get(word, word) for word in arguments))
