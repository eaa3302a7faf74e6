"""Can these numbers be trusted: how fresh they are, what was read, and what could not be."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.builders import bargauge, stat
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    VizOrientation,
)

from kpulse_dashboards import queries
from kpulse_dashboards.frames import EXPECTED, LOOK, colour, frame, last, query, settings, words

NO_SOURCE = "No desk has been read yet: connect one on the sources page"


def panels() -> Iterator[Any]:
    """From left to right, then down."""
    yield _as_of()
    yield _sources()
    yield _first_reading()
    yield _gaps()


def _as_of() -> Any:
    about = "The oldest of the last good readings of all connected systems. What happened later is not in the numbers."
    shown = _stat("The numbers speak as of", about, "dateTimeFromNow", NO_SOURCE).span(6)
    return shown.with_target(
        query("1000 * max(kpulse_data_as_of_timestamp_seconds)", "A", "as of", instant=True)
    ).height(5)


def _sources() -> Any:
    about = "Whether the last finished reading of each connected system ended well. The sources page says what to do where it did not."
    shown = _stat("Connected systems", about, "none", NO_SOURCE, named=True).span(9)
    return (
        shown.color_mode(BigValueColorMode.VALUE)
        .mappings(words(v1=("reads well", EXPECTED), v0=("needs help", LOOK)))
        .with_target(query("max by (source) (kpulse_source_up)", "A", "{{source}}", instant=True))
        .height(5)
    )


def _first_reading() -> Any:
    about = "Until a system was read to its beginning, older months are missing and the numbers still move."
    panel = (
        bargauge.Panel()
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(last())
        .min(0)
        .max(1)
        .decimals(0)
        .color_scheme(colour(EXPECTED))
    )
    expression = "max by (source) (kpulse_source_first_reading_ratio)"
    framed = frame(panel, "First reading done", about, "percentunit", NO_SOURCE)
    return framed.with_target(query(expression, "A", "{{source}}", instant=True)).height(5).span(9)


def _gaps() -> Any:
    about = (
        "Days read completely of the last 28; under 95 % take the other numbers as provisional. Rows that could not be read are listed "
        "with their reason on the sources page. Links to answers of a knowledge base that is not connected count as used."
    )
    shown = _stat("What was read, and what was not", about, "none", NO_SOURCE, named=True)
    rows = "sum(max by (source) (kpulse_source_quarantined_rows))"
    share = settings(unit="percentunit", decimals=0)
    return (
        shown.orientation(VizOrientation.HORIZONTAL)
        .with_target(query(queries.org("coverage"), "A", "of the last 28 days were read", instant=True))
        .with_target(query(rows, "B", "rows could not be read", instant=True))
        .with_target(query(queries.org("orphan_link_share"), "C", "of the links lead to unknown answers", instant=True))
        .with_target(query("max(kpulse_metrics_dropped_series)", "D", "series left out of the metrics", instant=True))
        .override_by_query("A", share)
        .override_by_query("C", share)
        .height(8)
        .span(12)
    )


def _stat(title: str, description: str, unit: str, nothing: str, *, named: bool = False) -> Any:
    mode = BigValueTextMode.VALUE_AND_NAME if named else BigValueTextMode.VALUE
    panel = stat.Panel().text_mode(mode).color_mode(BigValueColorMode.NONE).graph_mode(BigValueGraphMode.NONE)
    return frame(panel.reduce_options(last()), title, description, unit, nothing)
