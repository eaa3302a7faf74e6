"""Which teams may be shown alone, so that no small group can be read or worked out (R16, GC-20). Pure."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

LEAST_PEOPLE = 5
LEAST_TICKETS = 20


@dataclass(frozen=True)
class Size:
    """How many people and tickets stand behind a team."""

    people: int
    tickets: int

    @property
    def is_enough(self) -> bool:
        return self.people >= LEAST_PEOPLE and self.tickets >= LEAST_TICKETS


def find_shown(sizes: Mapping[str, Size], among: Container[str] | None = None) -> frozenset[str]:
    """The teams that may be shown alone; with ``among`` none but those.

    The others are shown as one group. Where that group is a single team, or itself too small, the smallest shown teams
    join it: otherwise the organisation's total less the shown teams would give it away.
    """
    shown = sorted(
        (team for team, size in sizes.items() if size.is_enough and (among is None or team in among)),
        key=lambda t: (sizes[t].people, sizes[t].tickets, t),
    )
    hidden = [team for team in sizes if team not in shown]
    while hidden and shown and not _is_safe([sizes[team] for team in hidden]):
        hidden.append(shown.pop(0))
    return frozenset(shown)


def _is_safe(sizes: list[Size]) -> bool:
    together = Size(sum(s.people for s in sizes), sum(s.tickets for s in sizes))
    return len(sizes) > 1 and together.is_enough
