"""Cleans what the SDK makes, so that file provisioning of Grafana 11, 12 and 13 takes it: classic JSON, stable and small."""

import json
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

UNNEEDED_OF_VARIABLES = ("auto", "auto_count", "auto_min", "skipUrlSync")


def clean(builder: Any) -> dict[str, Any]:
    """The dashboard as JSON data: ids 1..n, no repeat direction without a repeat, no unneeded fields."""
    found: dict[str, Any] = json.loads(JSONEncoder().encode(builder.build()))
    for number, panel in enumerate(walk(found), start=1):
        panel["id"] = number
        if not panel.get("repeat"):
            panel.pop("repeatDirection", None)
    for variable in found["templating"]["list"]:
        for name in UNNEEDED_OF_VARIABLES:
            variable.pop(name, None)
    for link in found["links"]:
        # Anything else hides the link in a menu.
        link.pop("placement", None)
    found["annotations"] = {"list": []}
    return found


def walk(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels, those in closed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels") or ()


def write(dashboard: dict[str, Any]) -> str:
    """The text of its file: the same data always give the same text."""
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
