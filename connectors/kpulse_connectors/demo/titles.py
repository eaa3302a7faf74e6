"""Titles of articles, put together from parts: neutral, generic, and nobody's real knowledge."""

from kpulse_connectors.demo.company import Topic
from kpulse_connectors.demo.dice import Dice

_FORMS = (
    "Request {thing}{where}",
    "Set up {thing}{where}",
    "Check {thing}{where}",
    "Change {thing}{where}",
    "Restore {thing}{where}",
    "Report a problem with {thing}{where}",
    "What to do about {thing}{where}",
    "Questions about {thing}{where}",
    "Who is responsible for {thing}{where}",
    "First steps with {thing}{where}",
    "Find the cause of trouble with {thing}{where}",
    "Hand over {thing}{where}",
)
_WHERE = (
    "",
    " after an update",
    " for a new colleague",
    " when working from home",
    " on a shared device",
    " after a change of name",
    " at a second site",
    " for a visitor",
    " after a move",
    " at the end of the month",
    " during holidays",
    " without administrator rights",
    " for a whole team",
    " after a restart",
)


def title(topic: Topic, dice: Dice) -> str:
    """A title for an article about ``topic``."""
    return dice.pick(_FORMS).format(thing=dice.pick(topic.things), where=dice.pick(_WHERE))
