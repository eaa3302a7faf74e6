"""Shapes of small charts as numbers, ready for SVG. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 168, 40, 5


@dataclass(frozen=True)
class Spark:
    """A small line: its pieces between gaps as SVG point lists, and the place of its last point."""

    pieces: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    last: tuple[float, float]
    text: str


def draw_spark(values: Sequence[float | None], text: str) -> Spark | None:
    """A line from zero to a little above the largest value; None is a gap. Nothing is drawn of fewer than two values."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    top = max(known) or 1.0
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    places = [
        None if v is None else (MARGIN + i * step, HEIGHT - MARGIN - v / top * (HEIGHT - 2 * MARGIN))
        for i, v in enumerate(values)
    ]
    runs = split_at_gaps(places)
    return Spark(
        pieces=tuple(" ".join(f"{x:.1f},{y:.1f}" for x, y in run) for run in runs if len(run) > 1),
        dots=tuple((round(run[0][0], 1), round(run[0][1], 1)) for run in runs if len(run) == 1),
        last=(round(runs[-1][-1][0], 1), round(runs[-1][-1][1], 1)),
        text=text,
    )


def split_at_gaps(places: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """The runs of places between gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run for run in runs if run]
