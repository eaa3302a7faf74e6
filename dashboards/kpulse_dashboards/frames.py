"""What all panels share: the data source, queries, plain colours, and a sentence for when there is nothing to show."""

from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
# Blue: as expected. Orange: look here. Both always stand beside a word or a number.
EXPECTED, LOOK, PLAIN = "blue", "orange", "text"


def query(expression: str, ref: str, legend: str = "", *, instant: bool = False, table: bool = False) -> Any:
    """A query of the chosen data source."""
    made = prometheus.Dataquery().expr(expression).ref_id(ref).datasource(SOURCE).legend_format(legend or "__auto")
    made = made.instant() if instant else made.range()
    return made.format(PromQueryFormat.TABLE if table else PromQueryFormat.TIME_SERIES)


def frame(panel: Any, title: str, description: str, unit: str, nothing: str) -> Any:
    """``panel`` with what every data panel has to say; one base step, because an activity has no good or bad range."""
    base = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(color=PLAIN, value=None)])
    return panel.title(title).description(description).unit(unit).no_value(nothing).datasource(SOURCE).thresholds(base)


def colour(name: str) -> Any:
    """One fixed colour of the theme."""
    return dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(name)


def last(*, rows: bool = False, fields: str = "") -> Any:
    """Show the last value, or with ``rows`` every row of a table."""
    return common.ReduceDataOptions().values(rows).calcs(["lastNotNull"]).fields(fields)


def settings(**values: Any) -> list[DynamicConfigValue]:
    """Properties of an override; ``__`` stands for a dot."""
    return [DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in values.items()]


def fixed(name: str) -> dict[str, str]:
    """The value of an override's ``color``."""
    return {"mode": "fixed", "fixedColor": name}


def words(**meanings: tuple[str, str]) -> list[Any]:
    """Value mappings ``v1=("text", "colour")``: what the value 1 is called."""
    options = {
        value.removeprefix("v"): ValueMappingResult(text=text, color=shade, index=place)
        for place, (value, (text, shade)) in enumerate(meanings.items())
    }
    return [ValueMap(options=options)]
