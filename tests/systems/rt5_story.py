"""A month at a synthetic desk, played into a Request Tracker, and what a correct reader finds afterwards.

Times are hours after the base. In the answers, names stand for the ids that RT gave.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
ELIGIBLE, LINKED, LINKED_ANY = (
    8,
    5,
    7,
)  # within 7 days of closing; ever: N2's link came by the merge, N13's after 9 days
CREATED = {"N10"}


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
    ids = story.ids

    def at(hour: float) -> None:
        desk.at(base + timedelta(hours=hour))

    at(0)
    ids["G1"] = desk.article("mia", "Certificate of the wireless network", "WIP")
    at(1)
    ids["G2"] = desk.article("noah", "Empty tray is not empty", "Validated")
    at(2)
    ids["G3"] = desk.article("zoe", "Calendar shows two of everything", "NotValidated")
    at(30)
    desk.state("mia", ids["G1"], "Validated")
    at(40)
    desk.state("noah", ids["G3"], "Validated")
    at(48)
    ids["N1"] = desk.ticket("mia", "Helpdesk", "synthetic 1")
    ids["N2"] = desk.ticket("noah", "Helpdesk", "synthetic 2")
    at(49)
    desk.link("mia", ids["N1"], ids["G1"])
    at(50)
    desk.resolve("mia", ids["N1"])
    at(54)
    desk.resolve("noah", ids["N2"])
    at(75)
    ids["N3"] = desk.ticket("zoe", "Network", "synthetic 3", refers_to=[ids["G2"]])
    at(80)
    desk.resolve("zoe", ids["N3"])
    at(90)
    ids["N4"] = desk.ticket("mia", "Helpdesk", "synthetic 4")
    at(91)
    desk.link("mia", ids["N4"], ids["G1"])
    at(95)
    desk.unlink("mia", ids["N4"], ids["G1"])
    at(100)
    desk.resolve("mia", ids["N4"])
    at(120)
    ids["N5"] = desk.ticket("noah", "Network", "synthetic 5")
    at(130)
    desk.resolve("noah", ids["N5"])
    at(160)
    desk.reopen("noah", ids["N5"])
    at(165)
    desk.link("noah", ids["N5"], ids["G3"])
    at(170)
    desk.resolve("noah", ids["N5"])
    at(240)
    ids["N7"] = desk.ticket("mia", "Helpdesk", "synthetic 7")
    ids["N8"] = desk.ticket("noah", "Network", "synthetic 8")
    at(245)
    desk.link("mia", ids["N7"], ids["G1"])
    desk.link("noah", ids["N8"], ids["G1"])
    at(246)
    desk.delete("mia", ids["N7"])
    ids["N9"] = desk.ticket("zoe", "Helpdesk", "synthetic 9")
    at(250)
    desk.status("zoe", ids["N9"], "rejected")
    ids["N10"] = desk.ticket("mia", "Network", "synthetic 10")
    at(258)
    ids["G4"] = desk.article("mia", "Tunnel closes at noon", "WIP", from_ticket=ids["N10"])
    at(260)
    desk.resolve("mia", ids["N10"])
    at(280)
    ids["N11"] = desk.ticket("noah", "Helpdesk", "synthetic 11")
    at(281)
    desk.link("noah", ids["N11"], ids["G1"])
    at(282)
    desk.link("noah", ids["N11"], ids["G2"])
    at(285)
    desk.resolve("noah", ids["N11"])
    at(299)
    ids["N6"] = desk.ticket("zoe", "Helpdesk", "synthetic 6")
    at(300)
    desk.link("zoe", ids["N6"], ids["G2"])
    desk.link("zoe", ids["N6"], ids["G3"])
    at(301)
    desk.merge("zoe", ids["N6"], ids["N2"])
    at(305)
    desk.unlink("noah", ids["N2"], ids["G3"])
    at(310)
    ids["N12"] = desk.ticket("mia", "Network", "synthetic 12", owner="Nobody")
    ids["N13"] = desk.ticket("zoe", "Helpdesk", "synthetic 13")
    at(311)
    desk.status("mia", ids["N12"], "stalled")
    desk.move("zoe", ids["N13"], "Network")
    at(320)
    desk.resolve("zoe", ids["N13"])
    at(320 + 9 * DAY)
    desk.link("zoe", ids["N13"], ids["G3"])
    at(600)
    desk.disable("noah", ids["G2"])
    at(620)
    desk.state("zoe", ids["G3"], "Archived")
    desk.at(None)
    return story
