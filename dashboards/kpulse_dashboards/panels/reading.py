"""The words on the dashboard: how to read it, and what no number here can tell."""

from typing import Any

from grafana_foundation_sdk.builders import text
from grafana_foundation_sdk.models.text import TextMode

HOW = """**One question: when somebody in support finds an answer, do we use it again instead of finding it twice?**
Each share counts the finished requests of the last 28 days: *64 %, 1534 of 2394* means that in 1534 of 2394 finished requests a known
answer was used, or the new one was written down. The band around a line is where the true share lies with 95 % certainty: a move
within the band is chance. None of these shares is a target. Whoever sets one gets links for the sake of links. Ask instead what
helped the teams that moved, and what is in the way of the others.

"KCS" is a service mark of the Consortium for Service Innovation. [Open the leader page](${leader_page})"""

UNKNOWN = """* Whether the linked answer was the **right** one: only people who review a sample can tell.
* What people solved **outside the desk**: on the phone, in chats, in the hallway.
* What customers **found by themselves** without asking.
* Teams that are **too small** to be shown alone: they stand together as *Other teams*, so that no number points at a person.
* **Why** a line moves. Known answers are used more often on easy work, so a fast team is not fast because of a high share."""


def how_to_read() -> Any:
    """The first thing on the page."""
    return _panel("How to read this", HOW).height(7).span(24)


def what_is_not_known() -> Any:
    """The last thing on the page."""
    return _panel("What these numbers cannot tell", UNKNOWN).height(8).span(12)


def _panel(title: str, content: str) -> Any:
    return text.Panel().title(title).mode(TextMode.MARKDOWN).content(content)
