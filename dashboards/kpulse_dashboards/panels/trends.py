"""How the shares move over time."""

from typing import Any

from grafana_foundation_sdk.builders import common, timeseries
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, TooltipDisplayMode

from kpulse_dashboards import queries
from kpulse_dashboards.frames import EXPECTED, PLAIN, fixed, frame, query, settings

NO_LINE = "No line yet: it begins with the first reading of a desk"
LOW, HIGH = "lower end of the band", "upper end of the band"
DASHES = {"fill": "dash", "dash": [8, 6]}
HIDDEN = {"legend": True, "tooltip": False, "viz": False}


def whole() -> Any:
    """The organisation's share with its 95 % interval as a band."""
    about = f"{queries.explain('link_rate')} The band is the 95 % interval: a move within it is chance. No target belongs here."
    panel = _lines("Answers used or written down, over time", about)
    for ref, field, legend in (("A", "value", "share of finished requests"), ("B", "low", LOW), ("C", "high", HIGH)):
        panel = panel.with_target(query(queries.org("link_rate", field), ref, legend))
    edge = {"custom__lineWidth": 0, "color": fixed(EXPECTED), "custom__hideFrom": HIDDEN}
    return (
        panel.override_by_query("A", settings(color=fixed(EXPECTED), custom__lineWidth=3))
        .override_by_query("B", settings(**edge))
        .override_by_query("C", settings(**edge, custom__fillBelowTo=LOW, custom__fillOpacity=15))
        .height(9)
        .span(14)
    )


def known_and_new() -> Any:
    """Known answers used beside new ones written."""
    about = (
        "Early on, and after new products, more is written down than used again; later it is the other way round. "
        f"{queries.explain('reuse_rate')}"
    )
    return (
        _lines("Known answers and new ones, over time", about)
        .with_target(query(queries.org("reuse_rate"), "A", "solved with a known answer"))
        .with_target(query(queries.org("create_rate"), "B", "new answer written down"))
        .override_by_query("A", settings(color=fixed(EXPECTED)))
        .override_by_query("B", settings(color=fixed(PLAIN), custom__lineStyle=DASHES))
        .height(9)
        .span(10)
    )


def chosen() -> Any:
    """The chosen teams as one line beside the organisation."""
    about = (
        "The teams chosen at the top of the page, together as one line, beside the whole organisation. Teams with other work are "
        "not better or worse: compare a team with its own past."
    )
    return (
        _lines("The chosen teams together, over time", about)
        .with_target(query(queries.together("link_rate"), "A", "chosen teams together"))
        .with_target(query(queries.org("link_rate"), "B", "whole organisation"))
        .override_by_query("A", settings(color=fixed(EXPECTED), custom__lineWidth=3))
        .override_by_query("B", settings(color=fixed(PLAIN), custom__lineStyle=DASHES))
        .height(9)
        .span(12)
    )


def _lines(title: str, description: str) -> Any:
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)
    panel = timeseries.Panel().legend(legend.calcs([])).tooltip(tooltip).line_width(2).fill_opacity(0).min(0).max(1)
    return frame(panel.decimals(0), title, description, "percentunit", NO_LINE)
