"""What we do not know, as sentences: coverage, sources, hidden groups, evidence, months that may change. Pure functions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from kpulse.values.coverage import GOOD
from kpulse.web import words
from kpulse.web.charts import is_open, say_month
from kpulse.web.reading import ENOUGH_COVERAGE, WINDOW, Facts
from kpulse.web.tiles import EXPECTED, LOOK, first_versions

EVIDENCE = {
    "recorded": "recorded by the desk as a link",
    "captured": "captured while the request was worked on",
    "untimed": "recorded without a time",
    "text": "found as an address in the text of requests",
    "macro": "taken from macros that carry an article",
}
EXCLUDED = "excluded:"


@dataclass(frozen=True)
class Note:
    """A sentence with a tone and a word for it."""

    subject: str
    text: str
    tone: str = EXPECTED


def list_unknowns(facts: Facts) -> list[Note]:
    """All notes, those to look at first."""
    notes = [
        *_coverage(facts),
        *_sources(facts),
        *_teams(facts),
        *_evidence(facts),
        *_times(facts),
        *_orphans(facts),
        *_open(facts),
        *_left_out(facts),
    ]
    return sorted(notes, key=lambda note: note.tone != LOOK)


def list_failures(facts: Facts) -> list[tuple[str, str, int | None]]:
    """Sources whose last reading failed: name, why in one sentence, and the instant of the last good reading."""
    found = []
    for source in facts.sources:
        last, good = facts.last_runs.get(source.id), facts.good_runs.get(source.id)
        if source.enabled and last is not None and last.outcome not in ("", *GOOD):
            found.append((source.name, last.message, None if good is None else good.started_at))
    return found


def _coverage(facts: Facts) -> Iterator[Note]:
    value = facts.current.get("coverage")
    if value is None or value.value is None:
        return
    x, n = value.x or 0, value.n or 0
    unread = [s.name for s in facts.sources if s.enabled and s.id not in facts.good_runs]
    if unread:
        yield Note("Sources", f"Not in these numbers, as never read to the end yet: {', '.join(unread)}.", LOOK)
    if value.value >= 1:
        yield Note("Days", f"All {n} days were read from every {'other' if unread else 'connected'} source.")
    else:
        tone = EXPECTED if value.value >= ENOUGH_COVERAGE else LOOK
        yield Note(
            "Days",
            f"{x} of {n} days were read completely from every connected source; the numbers are incomplete.",
            tone,
        )


def _sources(facts: Facts) -> Iterator[Note]:
    for name, why, good in list_failures(facts):
        since = "it was never read completely" if good is None else "the last good numbers stay"
        yield Note("Source", f"{name} could not be read, so {since}. {why}", LOOK)
    for source in facts.sources:
        if not source.enabled:
            yield Note("Source", f"{source.name} is paused; what happened there since then is missing.", LOOK)
        if rows := facts.quarantined.get(source.id):
            yield Note(
                "Source",
                f"{words.plural(rows, 'row')} of {source.name} could not be read and {'is' if rows == 1 else 'are'} missing here.",
                LOOK,
            )


def _teams(facts: Facts) -> Iterator[Note]:
    if facts.hidden_teams:
        yield Note("Teams", f"{words.plural(facts.hidden_teams, 'team')} {'is' if facts.hidden_teams == 1 else 'are'} shown only together as Other teams, because groups "
                            "of fewer than 5 people or 20 requests would show individuals.")  # fmt: skip


def _evidence(facts: Facts) -> Iterator[Note]:
    total = sum(facts.evidence.values())
    if not total:
        if (facts.current["tickets_closed"].x or 0) if "tickets_closed" in facts.current else 0:
            yield Note(
                "Links",
                "No link between a request and an article was seen. Either nobody makes them, or the account may not read them.",
                LOOK,
            )
        return
    parts = [
        f"{words.count(n)} {EVIDENCE.get(kind, kind)}"
        for kind, n in sorted(facts.evidence.items(), key=lambda item: -item[1])
    ]
    yield Note("Links", f"How links are known: {words.listing(parts)}.")
    wide = [source.name for source in facts.sources if source.evidence == "wide"]
    if wide:
        yield Note(
            "Links", f"For {words.listing(wide)} addresses in texts count as links too; that is weaker evidence."
        )
    yield Note("Links", "Whether a linked answer was the right one is not measured here.")


def _times(facts: Facts) -> Iterator[Note]:
    unknown, total = facts.counts["strict_unknown"], facts.counts["closed"]
    if unknown:
        yield Note(
            "Link times",
            f"For {words.count(unknown)} of {words.count(total)} requests it is not known when the link was made.",
        )


def _orphans(facts: Facts) -> Iterator[Note]:
    unknown, total = facts.counts["orphan"], facts.counts["links"]
    if unknown and facts.is_settled:
        yield Note("Articles", f"{words.count(unknown)} of {words.count(total)} links lead to articles that no connected knowledge base knows.",
                   LOOK if unknown > total / 10 else EXPECTED)  # fmt: skip


def _open(facts: Facts) -> Iterator[Note]:
    months = [value for value in first_versions(facts.months.get("link_rate", ())) if is_open(value) and value.n]
    if months:
        names = words.listing([say_month(value) for value in months])
        yield Note(
            "Late links",
            f"A link counts until {facts.grace_days} days after a request was finished, so the newest days and {names} may still rise.",
        )
    versions = facts.months.get("link_rate", ())
    restated = sorted({date.fromisoformat(value.start) for value in versions if value.status == "restated"})
    if restated:
        yield Note(
            "Restated",
            f"{words.listing([f'{month:%b %Y}' for month in restated])}: facts changed after the month was settled; the settled value stays.",
        )


def _left_out(facts: Facts) -> Iterator[Note]:
    reasons = {name.removeprefix(EXCLUDED): n for name, n in facts.counts.items() if name.startswith(EXCLUDED) and n}
    if reasons:
        parts = [
            f"{words.count(n)} {name.replace('_', ' ')}"
            for name, n in sorted(reasons.items(), key=lambda item: -item[1])
        ]
        yield Note("Left out", f"Not counted in these {WINDOW} days: {words.listing(parts)}.")
