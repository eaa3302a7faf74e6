"""The worked cases of the counting standard, computed through the whole store."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from kpulse.sdk.casefile import read_case
from kpulse.values.case import compute_case


def test_every_golden_case_comes_out_exactly(shared: Path) -> None:
    cases: list[dict[str, Any]] = json.loads((shared / "golden_cases.json").read_text())["cases"]
    wrong = {case["id"]: difference for case in cases if (difference := _differences(case))}
    assert len(cases) == 23
    assert wrong == {}


def _differences(case: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    found = compute_case(read_case(case))
    return {
        key: (found[key], wanted)
        for key, wanted in case["expect"].items()
        if _exact(found[key], found) != _exact(wanted, found)
    }


def _exact(value: Any, found: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return Fraction(value)
    if isinstance(value, float):
        return Fraction(value).limit_denominator(1000)
    return value
