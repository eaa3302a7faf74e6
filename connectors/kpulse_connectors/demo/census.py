"""How many there are of everything at an instant."""

from kpulse_connectors.demo.company import PEOPLE, TEAMS
from kpulse_connectors.demo.days import plan
from kpulse_connectors.demo.hours import day_of, days
from kpulse_connectors.demo.library import written
from kpulse_connectors.demo.story import Story


def census(story: Story, now: int) -> dict[str, int]:
    """Teams, people, articles and tickets that can be seen at ``now``."""
    today = day_of(now)
    begun = today >= story.start
    tickets = sum(draft.opened <= now for day in days(story.start, today) for draft in plan(story, day).drafts)
    articles = sum(article.created <= now for article in written(story, today)) if begun else 0
    return {"teams": len(TEAMS), "people": PEOPLE, "articles": articles, "tickets": tickets}
