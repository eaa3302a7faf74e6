"""The leader page, its progress while sources are read for the first time, and the page behind every number."""

import hashlib
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue

from kpulse.indicators.catalogue import CATALOGUE, REASONS, Indicator, Unit
from kpulse.installation import Installation
from kpulse.periods import Grain, Period, floor, rolling
from kpulse.rollup.read import read_extent
from kpulse.store import sources
from kpulse.values.answer import Question, answer
from kpulse.values.coverage import GOOD
from kpulse.web import words
from kpulse.web.auth import readable
from kpulse.web.charts import TeamRow, Trend, make_teams, make_trend, say_month
from kpulse.web.progress import Progress, as_json, is_first_reading, list_progress
from kpulse.web.reading import BACKLOG, Facts, count_backlog, find_last_day, find_version, read_facts
from kpulse.web.tiles import Tile, first_versions, make_tiles, say_value
from kpulse.web.unknowns import Note, list_failures, list_unknowns

blueprint = Blueprint("leader", __name__)
KEPT = "kept_leader_page"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the leader page shows."""

    facts: Facts
    tiles: list[Tile]
    headline: str
    trend: Trend | None
    teams: list[TeamRow]
    unknowns: list[Note]
    failures: list[tuple[str, str, int | None]]
    synthetic: list[str]
    window: str
    is_past: bool


def make_page(facts: Facts) -> Page:
    """The page that follows from the facts."""
    tiles = [] if facts.is_empty else make_tiles(facts)
    return Page(
        facts=facts,
        tiles=tiles,
        headline=say_headline(tiles),
        trend=make_trend(facts),
        teams=make_teams(facts),
        unknowns=[] if facts.is_empty else list_unknowns(facts),
        failures=list_failures(facts),
        synthetic=[source.name for source in facts.sources if source.synthetic],
        window=say_window(facts.window),
        is_past=facts.last_day != facts.today,
    )


def say_headline(tiles: list[Tile]) -> str:
    """The main finding in one sentence."""
    main = next((tile for tile in tiles if tile.key == "link_rate"), None)
    if main is None or main.value is None:
        return "There is no finished request in these days yet." if main is not None else ""
    sentence = f"In {main.value} of finished requests a known answer was used, or the new one written down"
    if main.change is None:
        return f"{sentence}."
    verdict = f" – {main.change.verdict}" if main.change.verdict else ""
    return f"{sentence}; {main.change.when} it was {main.change.before}{verdict}."


def say_window(period: Period) -> str:
    """27 October to 23 November 2026"""
    last = period.end - timedelta(days=1)
    first = words.day(period.start)
    return f"{first.removesuffix(f' {last.year}') if period.start.year == last.year else first} to {words.day(last)}"


class Kept:
    """The page made last, kept until the facts change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: object = None
        self._page: Page | None = None

    def get(self, installation: Installation) -> tuple[Page, str, list[Progress]]:
        """The page, a short name of its version, and the progress right now."""
        with installation.database.reading() as connection:
            version = find_version(connection, installation.today())
            progress = _read_progress(connection, installation)
            page = self._page if self._version == version else None
            facts = None if page else read_facts(connection, installation)
        if facts is not None:
            page = make_page(facts)
            with self._lock:
                if page.facts.is_early and not page.tiles and self._page is not None and self._page.tiles:
                    page = self._page  # numbers that were shown stay until the next ones are counted
                else:
                    self._version, self._page = version, page
        assert page is not None  # noqa: S101 (kept or just made)
        return page, _short(version), progress


@blueprint.get("/")
@readable
def show() -> str:
    """The leader page."""
    installation: Installation = current_app.extensions["installation"]
    kept: Kept = current_app.extensions.setdefault(KEPT, Kept())
    page, version, progress = kept.get(installation)
    reading = is_first_reading(progress) or not (page.facts.is_counted and not page.facts.is_early)
    return render_template("leader.html", page=page, data_version=version, progress=progress, reading=reading)


@blueprint.get("/progress.json")
@readable
def show_progress() -> ResponseReturnValue:
    """How far the readings are."""
    installation: Installation = current_app.extensions["installation"]
    with installation.database.reading() as connection:
        version = _short(find_version(connection, installation.today()))
        progress, counted = _read_progress(connection, installation), count_backlog(connection) < BACKLOG
        return jsonify(as_json(progress, version, counted=counted))


@blueprint.get("/indicators/<key>")
@readable
def explain(key: str) -> str:
    """How a number is computed, what fools it and what to do; with its values."""
    if key not in CATALOGUE:
        abort(404, "There is no number of that name; take one of the links on the first page.")
    entry = CATALOGUE[key]
    installation: Installation = current_app.extensions["installation"]
    shown = read_numbers(installation, entry) if may_show(entry) else None
    return render_template("indicator.html", entry=entry, shown=shown, reasons=REASONS, others=list(CATALOGUE.values()))


def may_show(entry: Indicator) -> bool:
    """Whether values may stand on a page: times of some requests beside others mislead (design: not before a leader)."""
    return entry.leader or entry.unit is not Unit.SECONDS


def read_numbers(installation: Installation, entry: Indicator) -> dict[str, Any]:
    """The values of one indicator: now, by team and by month, as rows of words."""
    today = installation.today()
    with installation.database.reading() as connection:
        extent, rules = read_extent(connection), installation.rules(connection)
        if extent is None:
            return {}
        last = find_last_day(today, today.fromordinal(extent[1]))
        window = rolling(last, 28)
        start = floor((floor(last, Grain.MONTH) - timedelta(days=364)), Grain.MONTH)
        now = answer(connection, Question(period=window, indicators=(entry.key,)), rules, today)
        teams = answer(connection, Question(period=window, by_team=True, indicators=(entry.key,)), rules, today)
        span = Period(start, last + timedelta(days=1))
        months = answer(connection, Question(period=span, grain=Grain.MONTH, indicators=(entry.key,)), rules, today)
    return {
        "window": say_window(window),
        "now": [("All together", *_say(entry, value)) for value in now],
        "teams": [
            (value.group, *_say(entry, value))
            for value in sorted(teams, key=lambda v: (v.group == "Other teams", v.group))
        ],
        "months": [(say_month(value), *_say(entry, value), value.status) for value in first_versions(months)],
    }


def _say(entry: Indicator, value: Any) -> tuple[str, str, str]:
    if value.value is None:
        return "–", REASONS.get(value.reason or "", ""), ""
    of = f"{words.count(value.x)} of {words.count(value.n)}" if value.x is not None and value.n is not None else ""
    bounds = words.interval(value.low, value.high) if value.low is not None and value.high is not None else ""
    return say_value(entry, value.value), of, bounds


def _read_progress(connection: Any, installation: Installation) -> list[Progress]:
    good = sources.last_runs(connection, outcomes=GOOD)
    done = frozenset(source for source, run in good.items() if run.kind != "stopped")
    return list_progress(sources.list_sources(connection), sources.last_runs(connection), done, installation.now())


def _short(version: object) -> str:
    return hashlib.blake2b(repr(version).encode(), digest_size=6).hexdigest()
