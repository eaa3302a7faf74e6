"""What is read next: the newest first, then news, then history backwards; a plan that always ends."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kpulse.clock import DAY
from kpulse.ingest.plan import FIRST, Step, choose, end_step, measure_progress, next_step, save_page
from kpulse.sdk.connector import Mode, Stream

NOW = 20_000 * DAY
TICKETS = Stream(name="tickets")
FEED = Stream(name="links", mode=Mode.FEED)
ALL = Stream(name="articles", mode=Mode.SNAPSHOT)


def test_the_newest_30_days_come_first_then_history_then_nothing() -> None:
    state: dict[str, object] = {}
    seen = []
    while step := next_step(TICKETS, state, now=NOW, due=NOW, history=90 * DAY):
        seen.append((step.stage, step.begin, step.end))
        state = end_step({**state, "rows": 1}, step, began=NOW)
    spans = [(NOW - 30 * DAY, NOW), (NOW - 60 * DAY, NOW - 30 * DAY), (NOW - 90 * DAY, NOW - 60 * DAY)]
    assert seen == [(stage, *span) for stage, span in zip(("newest", "history", "history"), spans, strict=True)]


def test_news_overlap_and_go_before_history() -> None:
    state = {"read_to": NOW - DAY, "read_from": NOW - 40 * DAY, "began": NOW - DAY}
    step = next_step(TICKETS, state, now=NOW, due=NOW, history=400 * DAY)
    assert step == Step(stream="tickets", stage="news", begin=NOW - 2 * DAY, end=NOW)
    assert step.window.until is None


def test_a_window_that_was_begun_is_resumed_inside() -> None:
    first = next_step(TICKETS, {}, now=NOW, due=NOW, history=90 * DAY)
    assert first is not None
    state = save_page({}, first, {"page": 3}, 10, Mode.WINDOW)
    again = next_step(TICKETS, state, now=NOW + DAY, due=NOW + DAY, history=90 * DAY)
    assert again == Step(stream="tickets", stage="newest", begin=first.begin, end=first.end, cursor={"page": 3})


def test_a_feed_goes_on_from_its_cursor_and_a_snapshot_from_the_start() -> None:
    state = save_page({}, Step(stream="links", stage="newest"), "c7", 5, Mode.FEED)
    done = end_step(state, Step(stream="links", stage="newest"), began=NOW)
    later = next_step(FEED, done, now=NOW + DAY, due=NOW + DAY, history=0)
    assert later == Step(stream="links", stage="news", cursor="c7")
    assert next_step(FEED, done, now=NOW, due=NOW, history=0) is None
    page = save_page({}, Step(stream="articles", stage="newest"), 3, 5, Mode.SNAPSHOT)
    whole = end_step(page, Step(stream="articles", stage="newest"), began=NOW)
    assert next_step(ALL, whole, now=NOW + DAY, due=NOW + DAY, history=0) == Step(stream="articles", stage="news")


def test_empty_windows_double_and_a_full_one_starts_small_again() -> None:
    state: dict[str, object] = {"read_to": NOW, "read_from": NOW - FIRST, "began": NOW}
    lengths = []
    for rows in (0, 0, 5, 0):
        step = next_step(TICKETS, state, now=NOW, due=NOW, history=0)
        assert step is not None
        assert step.begin is not None
        assert step.end is not None
        lengths.append((step.end - step.begin) // FIRST)
        state = end_step({**state, "rows": rows}, step, began=NOW)
    assert lengths == [1, 2, 4, 1]


def test_newest_before_news_before_the_latest_history() -> None:
    steps = [
        Step(stream="a", stage="history", begin=0, end=5),
        Step(stream="b", stage="history", begin=0, end=9),
        Step(stream="c", stage="news"),
        Step(stream="d", stage="newest"),
    ]
    taken = []
    while (step := choose(steps)) is not None:
        taken.append(step.stream)
        steps.remove(step)
    assert taken == ["d", "c", "b", "a"]


@settings(max_examples=60)
@given(history=st.integers(0, 900), full=st.lists(st.booleans(), min_size=60, max_size=60))
def test_the_plan_covers_everything_once_and_progress_never_falls(history: int, full: list[bool]) -> None:
    states: dict[str, dict[str, object]] = {stream.name: {} for stream in (TICKETS, FEED, ALL)}
    spans, shares = [], [0.0]
    for rows in [*full, *[False] * 60]:
        steps = [next_step(s, states[s.name], now=NOW, due=NOW, history=history * DAY) for s in (TICKETS, FEED, ALL)]
        step = choose(step for step in steps if step)
        if step is None:
            break
        states[step.stream] = end_step({**states[step.stream], "rows": int(rows)}, step, began=NOW)
        shares.append(measure_progress((TICKETS, FEED, ALL), states, now=NOW, history=history * DAY))
        if step.begin is not None:
            spans.append((step.begin, step.end))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(first[0] == second[1] for first, second in pairwise(spans))
    assert spans[-1][0] == (max(0, NOW - history * DAY) if history else 0)
