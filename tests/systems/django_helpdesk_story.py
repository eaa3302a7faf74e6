"""A month at a synthetic desk, played into a django-helpdesk, and what a correct reader finds afterwards.

Times are hours after the base; K1 to K3 are articles. In the answers, names stand for the ids of the tickets.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.systems import django_helpdesk as hd

DAY = 24

# Answers. A link maps to the hour at which it was written, or None where only a field shows it.
CLOSED_AT = {"N1": 50, "N2": 54, "N3": 75, "N4": 85, "N7": 104, "N8": 111, "N12": 131}
LINKS = {
    ("N1", "1"): 49,
    ("N2", "2"): 54,
    ("N3", "2"): 60,
    ("N7", "1"): None,
    ("N8", "2"): 110,
    ("N9", "3"): 115,
    ("N12", "1"): 131 + 9 * DAY,
}
OPEN, GONE, MERGED = {"N9"}, {"N6"}, {"N8": "N4"}
# Linked within 7 days of closing, and ever. The link of N8 goes to N4 with the merge, 25 hours after N4 was closed.
ELIGIBLE, LINKED, LINKED_ANY = 6, 5, 6

STEPS: Sequence[tuple[Any, ...]] = (
    (48, "ticket", "mia", "N1", "Helpdesk", "synthetic 1", "K2 did not help me"),
    (49, "comment", "mia", "N1", "This should help: K1"),
    (50, "close", "mia", "N1"),
    (52, "ticket", "noah", "N2", "Helpdesk", "synthetic 2"),
    (54, "solve", "noah", "N2", "See K2."),
    (58, "ticket", "zoe", "N3", "Network", "synthetic 3"),
    (60, "comment", "zoe", "N3", "(K2)"),
    (61, "close", "zoe", "N3"),
    (70, "reopen", "zoe", "N3"),
    (75, "close", "zoe", "N3"),
    (78, "ticket", "mia", "N4", "Network", "synthetic 4"),
    (
        80,
        "comment",
        "mia",
        "N4",
        "Mia wrote:\n> look at K1\n\nThat did not help; https://elsewhere.example/kb/guides/?kbitem=1",
    ),
    (85, "close", "mia", "N4"),
    (94, "ticket", "mia", "N6", "Helpdesk", "synthetic 6"),
    (95, "comment", "mia", "N6", "K1"),
    (98, "ticket", "zoe", "N7", "Network", "synthetic 7"),
    (100, "enter", "zoe", "N7", "K1"),
    (104, "close", "zoe", "N7"),
    (108, "ticket", "mia", "N8", "Helpdesk", "synthetic 8"),
    (110, "comment", "mia", "N8", "K2"),
    (111, "merge", "mia", "N8", "N4"),
    (114, "ticket", "noah", "N9", "Network", "synthetic 9"),
    (115, "comment", "noah", "N9", "K3"),
    (128, "ticket", "noah", "N12", "Helpdesk", "synthetic 12"),
    (131, "close", "noah", "N12"),
    (131 + 9 * DAY, "comment", "noah", "N12", "K1"),
    (360, "delete", "mia", "N6"),
)


def play(desk: hd.Desk, base: datetime) -> Mapping[str, str]:
    """Play the month that starts at ``base`` and put the clock back; returns the ids by name."""
    ids: dict[str, str] = {}
    for hour, operation, who, name, *rest in STEPS:
        desk.at(base + timedelta(hours=hour))
        words = [_with_addresses(desk, word) for word in rest]
        if operation == "ticket":
            ids[name] = desk.ticket(who, *words)
        elif operation == "solve":
            desk.comment(who, ids[name], words[0], status=hd.RESOLVED)
        elif operation == "reopen":
            desk.comment(who, ids[name], "again", status=hd.REOPENED)
        elif operation == "enter":
            desk.change(who, ids[name], custom_articles=words[0])
        elif operation == "merge":
            desk.comment(who, ids[name], "a copy", status=hd.DUPLICATE)
            desk.change(who, ids[name], merged_to=int(ids[words[0]]))
        else:
            getattr(desk, operation)(who, ids[name], *words)
    desk.at(None)
    return ids


def _with_addresses(desk: hd.Desk, text: str) -> str:
    for number in (1, 2, 3):
        text = text.replace(f"K{number}", desk.article(number))
    return text
