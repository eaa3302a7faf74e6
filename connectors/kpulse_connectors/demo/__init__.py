"""The demo company: thirteen months of synthetic tickets, articles and links, polled like any other source."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, ClassVar

from kpulse.sdk import (
    ConfigError,
    Connector,
    ConnectorSettings,
    Finding,
    Level,
    Mode,
    Page,
    Report,
    Stream,
    Window,
    setting,
    to_instant,
)
from kpulse_connectors.demo.census import census
from kpulse_connectors.demo.pages import pages
from kpulse_connectors.demo.story import Story
from kpulse_connectors.demo.streams import ROWS, Span


class DemoSettings(ConnectorSettings):
    """What makes one demo company. Two sources with the same settings tell the same story."""

    anchor: date = setting(
        "Today in the story",
        "The story begins thirteen months before this day and goes on after it. Take today's date; it then stays.",
        example="2025-06-30",
        ge=date(2001, 1, 1),
        le=date(2200, 12, 31),
    )
    seed: int = setting(
        "Seed", "Another number makes another company with the same story.", default=1, advanced=True, ge=0
    )


class Demo(Connector):
    """A deterministic company of six teams and sixty people. Nothing in it is real."""

    key = "demo"
    title = "Demo company (synthetic)"
    summary = (
        "Thirteen months of made-up tickets, articles and links in three waves of adoption, to try everything out."
    )
    settings_type = DemoSettings
    synthetic = True
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(name="teams", mode=Mode.SNAPSHOT),
        Stream(name="memberships", mode=Mode.SNAPSHOT),
        Stream(name="articles", overlap=timedelta(hours=1)),
        Stream(name="tickets", overlap=timedelta(hours=1)),
        Stream(name="links", overlap=timedelta(hours=1)),
    )

    @property
    def story(self) -> Story:
        """The story that these settings tell."""
        return Story(self.settings.seed, self.settings.anchor)

    def check(self) -> Report:
        """What the company looks like by now; there is nothing to reach and nothing to sign in to."""
        found = census(self.story, to_instant(self.clock()))
        findings = [
            Finding(level=Level.OK, subject="data", message="Everything here is synthetic; nobody in it exists."),
            Finding(level=Level.OK, subject="links", message="Links are recorded, each with the time it was made."),
        ]
        if not found["tickets"]:
            begins = (
                f"The story begins on {self.story.start}; until then there is nothing to read. Take an earlier day."
            )
            findings.append(Finding(level=Level.WARN, subject="anchor", message=begins))
        return Report(findings=findings, identity=self.title, counts=found)

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        """What changed in ``window`` up to the connector's clock, oldest change first."""
        if stream not in ROWS:
            raise ConfigError(f"The demo company has no stream {stream}; it has {', '.join(ROWS)}.")
        now = to_instant(self.clock())
        rows, build = ROWS[stream](self.story, Span.of(self.story, window, now), now)
        yield from pages(rows, build, cursor)
