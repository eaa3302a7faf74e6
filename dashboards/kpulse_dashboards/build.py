"""Writes the dashboards from their code: ``python -m kpulse_dashboards.build``; a test holds the files equal to it."""

from pathlib import Path

from kpulse_dashboards.leaders import UID, leaders
from kpulse_dashboards.shape import clean, write

FOLDER = Path(__file__).parent / "json"


def build() -> dict[str, str]:
    """The text of each file by its name."""
    return {f"{UID}.json": write(clean(leaders()))}


if __name__ == "__main__":
    for name, text in build().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
