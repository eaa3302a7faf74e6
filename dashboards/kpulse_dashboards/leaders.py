"""The dashboard "KCS for leaders"."""

from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from kpulse_dashboards.frames import SOURCE
from kpulse_dashboards.panels import reading, teams, tiles, trends, trust

UID = "kcs-leaders"
LEADER_PAGE = "http://127.0.0.1:8480/"
EVERY_TEAM = "label_values(kcs_team_tickets_closed_28d, team)"


def leaders() -> Any:
    """The builder; what it makes still goes through ``shape.clean``."""
    made = (
        dashboard.Dashboard("KCS for leaders")
        .uid(UID)
        .description("Do we use what we know again, and write down what is new? For people who never heard of KCS.")
        .tags(["kcs"])
        .readonly()
        .time("now-90d", "now")
        .refresh("5m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_link())
    )
    for variable in (_source(), _team(), _page()):
        made = made.with_variable(variable)
    sections = {
        "": [reading.how_to_read(), *tiles.tiles(), trends.whole(), trends.known_and_new()],
        "Teams (choose them at the top of the page)": [teams.side_by_side(), trends.chosen()],
        "Can these numbers be trusted?": [*trust.panels(), reading.what_is_not_known()],
    }
    for title, panels in sections.items():
        made = made.with_row(dashboard.Row(title)) if title else made
        for panel in panels:
            made = made.with_panel(panel)
    return made


def _source() -> Any:
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _team() -> Any:
    everyone = VariableOption(selected=True, text="All", value="$__all")
    return (
        dashboard.QueryVariable("team")
        .label("Teams")
        .description("For the section about teams; the numbers above it are always the whole organisation.")
        .datasource(SOURCE)
        .query(EVERY_TEAM)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(everyone)
    )


def _page() -> Any:
    return dashboard.ConstantVariable("leader_page").value(LEADER_PAGE).label("Address of the leader page")


def _link() -> Any:
    link = dashboard.DashboardLink("Leader page").type(DashboardLinkType.LINK).icon("external link")
    return link.url("${leader_page}").target_blank(True).tooltip("The same numbers, with the story behind them")
