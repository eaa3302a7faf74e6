"""What a page and its versions say as records. No I/O."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from kpulse.sdk import (
    Article,
    ArticleEvent,
    ArticleState,
    StateChange,
    from_instant,
    to_instant,
)
from kpulse_connectors.mediawiki.api import Revision, Row
from kpulse_connectors.mediawiki.settings import MediaWikiSettings

SECOND = 1_000_000
_CATEGORY = re.compile(r"\[\[\s*([^:\[\]|]+?)\s*:\s*([^\[\]|]+?)\s*(?:\|[^\[\]]*)?\]\]")


def read_time(text: str) -> datetime:
    """The aware UTC time that the wiki wrote; ValueError where it is none."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("A time is not in ISO form.") from None
    if when.tzinfo is None:
        raise ValueError("A time has no zone.")
    return when.astimezone(UTC)


def order_of(when: datetime, number: int) -> int:
    """A version that grows with time and, within a second, with the wiki's own counter."""
    return to_instant(when) + number % SECOND


def categories_of(row: Row) -> Sequence[str]:
    """The names of a page's categories, without their namespace."""
    return [category.title.partition(":")[2] for category in row.categories]


def read_page(
    row: Row, history: Sequence[Revision], settings: MediaWikiSettings, order: int | None
) -> tuple[Article, Sequence[ArticleEvent]]:
    """The article and its edits; ``history`` is in order, the newest version last. ``order`` is its version if not by time.

    ValueError where a time makes no sense.
    """
    if not history:
        raise ValueError("The page shows no version, so that it has no date.")
    first, last = history[0], history[-1]
    created = read_time(first.timestamp)
    categories = categories_of(row)
    state, source = settings.state_of(categories)
    changes = _changes(row, history, settings)
    article = Article(
        key=str(row.pageid),
        version=order_of(read_time(last.timestamp), last.revid) if order is None else order,
        created_at=created,
        title=row.title,
        url=f"{settings.address}/index.php?curid={row.pageid}",
        state=state or ArticleState.NOT_VALIDATED,
        source_state=source,
        changes=changes,
        archived_at=changes[-1].at if state is ArticleState.ARCHIVED else None,
        author=first.user,
        category=next((name for name in sorted(categories) if _is_topic(name, settings)), None),
        language=row.pagelanguage or None,
    )
    return article, tuple(_edits(article.key, history))


def _is_topic(name: str, settings: MediaWikiSettings) -> bool:
    scope = bool(settings.category) and settings.covers([name])
    return settings.state_of([name])[0] is None and not scope


def _edits(key: str, history: Sequence[Revision]) -> Iterator[ArticleEvent]:
    """The versions that changed the text; a rename or a protection makes a version without a change."""
    for before, after in itertools.pairwise(history):
        if not after.sha1 or after.sha1 != before.sha1:
            at = read_time(after.timestamp)
            yield ArticleEvent(article=key, what="edited", at=at, by=after.user, event_id=str(after.revid))


def _changes(row: Row, history: Sequence[Revision], settings: MediaWikiSettings) -> Sequence[StateChange]:
    """The states that the page went through, by the categories in its old texts.

    Where these do not lead to the state that the page has (a template says it), only the last step is known, by the
    time at which the page came into that category.
    """
    prefixes = {"category", *(category.title.partition(":")[0].casefold() for category in row.categories)}
    changes: list[StateChange] = []
    for revision in history:
        names = [
            name for prefix, name in _CATEGORY.findall(revision.slots.main.content) if prefix.casefold() in prefixes
        ]
        _step(changes, read_time(revision.timestamp), settings.state_of(names))
    state, source = settings.state_of(categories_of(row))
    if settings.read_histories and changes[-1].to is (state or ArticleState.NOT_VALIDATED):
        return tuple(changes)
    created = read_time(history[0].timestamp)
    since = (read_time(c.timestamp) for c in row.categories if c.timestamp and c.title.partition(":")[2] == source)
    return (
        StateChange(at=max(created, next(since, created)), to=state or ArticleState.NOT_VALIDATED, source_state=source),
    )


def _step(changes: list[StateChange], at: datetime, found: tuple[ArticleState | None, str]) -> None:
    state = found[0] or ArticleState.NOT_VALIDATED
    if not changes or changes[-1].to is not state:
        changes.append(StateChange(at=at, to=state, source_state=found[1]))


def whole_second(when: datetime) -> datetime:
    """The first whole second at or after ``when``."""
    instant = to_instant(when)
    return from_instant(-(-instant // SECOND) * SECOND)


def joined(ids: Iterable[int | str]) -> str:
    """Several values of one parameter."""
    return "|".join(map(str, ids))
