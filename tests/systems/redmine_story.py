"""A month at a synthetic desk, played into a Redmine, and what a correct reader finds afterwards.

Times are hours after the base. In the answers, names stand for the ids that Redmine gave.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.systems.redmine import Desk

DAY = 24

# Answers. A link maps to the hour at which it was written.
CLOSED_AT = {
    "N1": 50, "N2": 55, "N3": 75, "N4": 85, "N5": 91, "N7": 104, "N8": 111, "N10": 123, "N11": 132, "N12": 131, "N13": 154,
}  # fmt: skip
LINKS = {
    ("N1", "helpdesk/vpn_drops_every_hour"): 49,
    ("N2", "helpdesk/reset_the_token"): 53,
    ("N3", "helpdesk/reset_the_token"): 60,
    ("N7", "helpdesk/vpn_drops_every_hour"): 100,
    ("N8", "helpdesk/reset_the_token"): 110,
    ("N9", "network/cable_map"): 115,
    ("N10", "helpdesk/reset_the_token"): 121,
    ("N12", "helpdesk/vpn_drops_every_hour"): 131 + 9 * DAY,
    ("N13", "network/who_to_call"): 153,
}
OPEN, GONE, MERGED, CANCELLED = {"N9"}, {"N6"}, {"N10": "N1"}, {"N8", "N10"}
PAGES = {
    "helpdesk/vpn_drops_every_hour": 2,
    "helpdesk/reset_the_token": 1,
    "network/cable_map": 1,
    "network/who_to_call": 1,
}
# Linked within 7 days of closing, and ever; one page was written while its ticket was open.
ELIGIBLE, LINKED, LINKED_ANY, CREATED = 9, 5, 6, 1

# What happens: the hour, the operation, who does it, and its arguments; a new ticket comes with its name.
STEPS: Sequence[tuple[Any, ...]] = (
    (0, "page", "mia", "helpdesk", "VPN drops every hour"),
    (0, "page", "noah", "helpdesk", "Reset the token"),
    (1, "page", "zoe", "network", "Cable map"),
    (10, "page", "noah", "helpdesk", "VPN drops every hour"),
    (48, "ticket", "mia", "N1", "helpdesk", "synthetic 1", "I have read [[Reset the token]] and am none the wiser"),
    (49, "note", "mia", "N1", "This should help: [[VPN drops every hour]]"),
    (50, "status", "mia", "N1", "Closed"),
    (52, "ticket", "noah", "N2", "helpdesk", "synthetic 2"),
    (53, "note", "noah", "N2", "See URL/projects/helpdesk/wiki/Reset_the_token#step-two."),
    (55, "status", "noah", "N2", "Resolved"),
    (58, "ticket", "zoe", "N3", "network", "synthetic 3"),
    (60, "note", "zoe", "N3", "As in [[helpdesk:Reset the token|the guide]], and [[no such page"),
    (61, "status", "zoe", "N3", "Closed"),
    (70, "status", "zoe", "N3", "In Progress"),
    (75, "status", "zoe", "N3", "Closed"),
    (78, "ticket", "mia", "N4", "network", "synthetic 4"),
    (80, "enter", "mia", "N4", "[[Cable map]]"),
    (82, "enter", "mia", "N4", ""),
    (85, "status", "mia", "N4", "Closed"),
    (88, "ticket", "noah", "N5", "helpdesk", "synthetic 5"),
    (
        90,
        "note",
        "noah",
        "N5",
        "Mia wrote:\n> look at [[VPN drops every hour]]\n\nThat did not help. ![[Reset the token]]",
    ),
    (91, "status", "noah", "N5", "Closed"),
    (94, "ticket", "mia", "N6", "helpdesk", "synthetic 6"),
    (95, "note", "mia", "N6", "[[VPN drops every hour]]"),
    (100, "ticket_using", "zoe", "N7", "network", "synthetic 7", "[[helpdesk:vpn drops every hour]]"),
    (104, "status", "zoe", "N7", "Closed"),
    (108, "ticket", "mia", "N8", "helpdesk", "synthetic 8"),
    (110, "note", "mia", "N8", "[[Reset the token]]"),
    (111, "status", "mia", "N8", "Rejected"),
    (114, "ticket", "noah", "N9", "network", "synthetic 9"),
    (115, "note", "noah", "N9", "[[Cable map]]"),
    (120, "ticket", "zoe", "N10", "helpdesk", "synthetic 10"),
    (121, "note", "zoe", "N10", "[[Reset the token]]"),
    (122, "duplicate", "zoe", "N10", "N1"),
    (123, "status", "zoe", "N10", "Rejected"),
    (125, "ticket", "mia", "N11", "helpdesk", "synthetic 11"),
    (127, "move", "mia", "N11", "network"),
    (128, "ticket", "noah", "N12", "helpdesk", "synthetic 12"),
    (131, "status", "noah", "N12", "Closed"),
    (132, "status", "mia", "N11", "Closed"),
    (150, "ticket", "zoe", "N13", "network", "synthetic 13"),
    (152, "page", "zoe", "network", "Who to call"),
    (153, "note", "zoe", "N13", "Written down in [[Who to call]]"),
    (154, "status", "zoe", "N13", "Closed"),
    (131 + 9 * DAY, "note", "noah", "N12", "[[VPN drops every hour]]"),
    (300, "delete", "mia", "N6"),
)


def play(desk: Desk, base: datetime) -> Mapping[str, str]:
    """Play the month that starts at ``base`` and put the clock back; returns the ids by name."""
    ids: dict[str, str] = {}
    before = -1
    for hour, operation, who, name, *rest in STEPS:
        if hour != before:
            desk.at(base + timedelta(hours=hour))
            before = hour
        words = [str(word).replace("URL", desk.url) for word in rest]
        if operation == "ticket":
            ids[name] = desk.ticket(who, *words)
        elif operation == "ticket_using":
            ids[name] = desk.ticket(who, words[0], words[1], used=words[2])
        elif operation == "move":
            desk.change(who, ids[name], project_id=words[0])
        else:
            getattr(desk, operation)(who, *(ids.get(word, word) for word in (name, *words)))
    desk.at(None)
    return ids
