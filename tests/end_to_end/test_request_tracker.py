"""A real Request Tracker, polled through the store: what people do at the desk changes the rate by exactly that."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kpulse.installation import Installation
from kpulse.store import sources
from tests.end_to_end.desk import add, ask, open_installation, read_once
from tests.systems import rt5_story
from tests.systems.rt5 import Desk

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rt5")]

Rate = tuple[int, int]


@dataclass
class Polled:
    """A desk, and the installation that polls it."""

    desk: Desk
    installation: Installation
    source: sources.Source

    def poll(self) -> Rate:
        """Read what is new; returns linked and eligible tickets of the last 60 days."""
        result = read_once(self.installation, self.source)
        assert (result.outcome, result.message) == ("ok", "")
        return self.rate("link_rate")

    def rate(self, key: str) -> Rate:
        """x and n of an indicator."""
        today = date.today() + timedelta(days=2)  # noqa: DTZ011 (two days more than any zone is ahead)
        value = ask(self.installation, today - timedelta(days=60), today, key)[0]
        assert value.x is not None
        assert value.n is not None
        return value.x, value.n


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Polled]:
    desk = Desk.start()
    try:
        rt5_story.play(desk, datetime.now(UTC).replace(microsecond=0) - timedelta(days=50))
        installation = open_installation(tmp_path_factory.mktemp("rt") / "data")
        source = add(
            installation, "request_tracker", {"address": desk.url}, {"token": desk.tokens["reader"]}, history_days=90
        )
        yield Polled(desk, installation, source)
        installation.close()
    finally:
        desk.stop()


def test_the_rate_follows_the_desk(polled: Polled) -> None:
    desk = polled.desk
    linked, eligible = polled.poll()
    assert (linked, eligible) == (rt5_story.LINKED, rt5_story.ELIGIBLE)
    assert polled.rate("link_rate_any") == (rt5_story.LINKED_ANY, rt5_story.ELIGIBLE)
    assert polled.rate("create_rate") == (len(rt5_story.CREATED), rt5_story.ELIGIBLE)
    assert polled.rate("reuse_rate") == (rt5_story.LINKED - len(rt5_story.CREATED), rt5_story.ELIGIBLE)
    assert polled.poll() == (linked, eligible), "polling again changes nothing"

    article = desk.article("mia", "A guide that is written today", "Validated")
    first, second, third, fourth = (desk.ticket("mia", "Helpdesk", f"synthetic {n}") for n in range(21, 25))
    assert polled.poll() == (linked, eligible), "open tickets are in no period"
    for ticket in (first, second, third, fourth):
        desk.resolve("mia", ticket)
    assert polled.poll() == (linked, eligible + 4)

    desk.link("mia", first, article)
    desk.link("mia", second, article)
    assert polled.poll() == (linked + 2, eligible + 4), "a link after closure counts within the grace"
    desk.unlink("mia", second, article)
    assert polled.poll() == (linked + 1, eligible + 4)
    desk.merge("mia", first, third)
    assert polled.poll() == (linked + 1, eligible + 3), "the survivor takes the link along"
    assert desk_excluded(polled) >= 1
    desk.reopen("mia", third)
    assert polled.poll() == (linked, eligible + 2)
    desk.resolve("mia", third)
    assert polled.poll() == (linked + 1, eligible + 3)
    desk.delete("mia", fourth)
    assert polled.poll() == (linked + 1, eligible + 2)
    desk.delete("mia", third)
    assert polled.poll() == (linked, eligible + 1)


def test_nothing_that_people_wrote_is_stored(polled: Polled) -> None:
    polled.poll()
    stored = Path(polled.installation.settings.data_dir / "kpulse.db").read_bytes()
    for text in (b"synthetic 1", b"customer@desk.example", b"noah"):
        assert text not in stored


def desk_excluded(polled: Polled) -> int:
    today = date.today() + timedelta(days=2)  # noqa: DTZ011
    return ask(polled.installation, today - timedelta(days=60), today, "tickets_excluded")[0].x or 0
