"""The five numbers of the whole organisation."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode, BigValueTextMode

from kpulse_dashboards import queries
from kpulse_dashboards.frames import frame, last, query, settings

NOT_YET = "Not known yet: no finished request of the last 28 days was read"
NOT_TOLD = "Not known: nothing was finished, or the desk does not tell which answer was used"


def tiles() -> Iterator[Any]:
    """From left to right."""
    yield _main()
    yield _share("reuse_rate", "Solved with a known answer")
    yield _share("create_rate", "New answer written down")
    yield _finished()
    yield _time()


def _main() -> Any:
    change = settings(unit="suffix: points", decimals=0)
    return (
        _share("link_rate", "Answers used or written down", span=8)
        .with_target(query(f"100 * ({queries.change('link_rate', '4w')})", "B", "change in 4 weeks", instant=True))
        .override_by_query("B", change)
    )


def _share(key: str, title: str, span: int = 4) -> Any:
    shown = _tile(title, queries.explain(key), "percentunit", NOT_TOLD).decimals(0).span(span)
    return shown.with_target(query(queries.with_parts(key), "A", "{{x}} of {{n}}", instant=True))


def _finished() -> Any:
    about = queries.explain("tickets_closed")
    shown = _tile("Finished requests", about, "locale", NOT_YET).decimals(0).span(4)
    return shown.with_target(query(queries.finished_with_excluded(), "A", "and {{excluded}} left out", instant=True))


def _time() -> Any:
    about = queries.explain("time_to_resolve_median")
    shown = _tile("Time to an answer", about, "s", NOT_YET).decimals(1).span(4)
    return shown.with_target(
        query(queries.org("time_to_resolve_median"), "A", "half of all requests, at most", instant=True)
    )


def _tile(title: str, description: str, unit: str, nothing: str) -> Any:
    panel = stat.Panel().text_mode(BigValueTextMode.VALUE_AND_NAME).color_mode(BigValueColorMode.NONE)
    return frame(
        panel.graph_mode(BigValueGraphMode.NONE).reduce_options(last()), title, description, unit, nothing
    ).height(5)
