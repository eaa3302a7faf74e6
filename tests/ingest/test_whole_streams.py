"""Articles stay in use however old they are: a stream that is read whole has no horizon."""

from typing import Any

from kpulse.clock import DAY
from kpulse.ingest import plan
from kpulse.sdk import Mode, Stream

NOW = 20_000 * DAY
ARTICLES, TICKETS = Stream(name="articles", whole=True), Stream(name="tickets")


def earliest(stream: Stream, history: int) -> int:
    """How far back the windows of ``stream`` reach when all are read and empty."""
    state: dict[str, Any] = {}
    while (step := plan.next_step(stream, state, now=NOW, due=NOW, history=history)) is not None:
        state = plan.end_step(state, step, began=NOW)
    assert plan.measure_progress([stream], {stream.name: state}, now=NOW, history=history) == 1.0
    begin: int = state["read_from"]
    return begin


def test_a_whole_stream_is_read_back_to_the_beginning_whatever_history_is_wanted() -> None:
    assert ARTICLES.mode is Mode.WINDOW
    assert earliest(ARTICLES, 90 * DAY) == earliest(TICKETS, 0) == 0
    assert earliest(TICKETS, 90 * DAY) == NOW - 90 * DAY


def test_half_of_the_history_of_a_whole_stream_is_half_of_its_progress() -> None:
    state = {"began": NOW, "read_to": NOW, "read_from": NOW // 2}
    assert plan.measure_progress([ARTICLES], {"articles": state}, now=NOW, history=90 * DAY) == 0.5
    assert plan.measure_progress([TICKETS], {"tickets": state}, now=NOW, history=90 * DAY) == 1.0
