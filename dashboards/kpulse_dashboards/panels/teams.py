"""The chosen teams side by side, in the order of their names: this is no ranking."""

from typing import Any

from grafana_foundation_sdk.builders import bargauge
from grafana_foundation_sdk.models.common import BarGaugeDisplayMode, BarGaugeNamePlacement, VizOrientation
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from kpulse_dashboards import queries
from kpulse_dashboards.frames import EXPECTED, colour, frame, last, query

ABOUT = (
    "In how many of 100 finished requests of the last 28 days each team used a known answer or wrote the new one down, in the order "
    "of the names. Teams with other work are not better or worse: compare a team with its own past. Teams too small to be shown "
    "alone stand together as Other teams."
)
NO_TEAM = "No team to show: none of the chosen teams finished a request in the last 28 days"


def side_by_side() -> Any:
    """A bar for each chosen team, named with its numbers."""
    panel = (
        bargauge.Panel()
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .name_placement(BarGaugeNamePlacement.TOP)
        .show_unfilled(True)
        .reduce_options(last(rows=True))
        .min(0)
        .max(1)
        .decimals(0)
        .color_scheme(colour(EXPECTED))
    )
    framed = frame(panel, "Answers used or written down, by team", ABOUT, "percentunit", NO_TEAM)
    hidden = dict.fromkeys(("Time", "team", "x", "n", "parts"), True)
    return (
        framed.with_target(query(queries.teams_with_parts("link_rate"), "A", "{{name}}", instant=True, table=True))
        .with_transformation(DataTransformerConfig(id_val="organize", options={"excludeByName": hidden}))
        .with_transformation(DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": "name"}]}))
        .height(9)
        .span(12)
    )
