"""A real MediaWiki whose pages are written, renamed, merged and deleted, and the connector finds just that."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import select

from kpulse.sdk import (
    Article,
    ArticleAlias,
    ArticleEvent,
    ArticleState,
    ConfigError,
    Gone,
    Level,
    Record,
    Window,
)
from kpulse.sdk.links import read_address
from kpulse.sdk.testing.conformance import read, records_of
from kpulse.store import tables as t
from kpulse_connectors.mediawiki import MediaWiki, MediaWikiSettings
from tests.end_to_end.desk import add, open_installation, read_once
from tests.systems import owned
from tests.systems.mediawiki import PACKAGES, READER, Wiki

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("mediawiki")]
BASE = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)


def hours(number: float) -> datetime:
    return BASE + timedelta(hours=number)


@dataclass
class Story:
    """A wiki after a month, the ids of its pages by name, and all that the connector read of it."""

    wiki: Wiki
    ids: Mapping[str, str]
    records: Mapping[str, list[Record]] = field(default_factory=dict)

    def articles(self) -> Mapping[str, Article]:
        """The articles by name."""
        found = {record.key: record for record in self.records["articles"] if isinstance(record, Article)}
        return {name: found[key] for name, key in self.ids.items() if key in found}

    def find(self, address: str, base: Any) -> str | None:
        """The id of the page that an address leads to, by its names."""
        hit = read_address(address, [base])
        known = {key: key for key in self.ids.values()}
        for stream in ("renames", "articles"):
            known |= {row.alias: row.article for row in self.records[stream] if isinstance(row, ArticleAlias)}
        return known.get(hit[1]) if hit else None


def connector(wiki: Wiki, **said: Any) -> MediaWiki:
    usual: dict[str, Any] = {"address": wiki.url, "article_path": "/index.php/", "page_size": 3, "category": "KB"}
    return MediaWiki(MediaWikiSettings(**usual | said))


def text(name: str, state: str = "", more: str = "") -> str:
    return f"Synthetic text {name}. {more} [[Category:KB]]" + (f" [[Category:State/{state}]]" if state else "")


def play(wiki: Wiki) -> Mapping[str, str]:
    """A month of writing; takes some ten seconds."""
    ids = {}
    steps: list[tuple[float, str, str, str, str]] = [
        (0, "Mia", "A1", "Certificate of the wireless network", text("A1", "WIP")),
        (1, "Noah", "A2", "VPN drops every hour", text("A2", "NotValidated")),
        (2, "Zoe", "A3", "What does error 7 mean?", text("A3")),
        (3, "Mia", "A4", "404", text("A4", "Validated")),
        (4, "Mia", "A5", "Short lived", text("A5")),
        (5, "Noah", "A6", "Same answer again", text("A6", "Validated")),
        (6, "Noah", "P1", "Cafeteria", "no article"),
        (20, "Noah", "A1", "Certificate of the wireless network", text("A1", "Validated", "reviewed")),
        (30, "Zoe", "A1", "Certificate of the wireless network", text("A1", "Validated", "reviewed twice")),
        (40, "Zoe", "A3", "What does error 7 mean?", text("A3", "Archived")),
    ]
    for hour, who, name, title, words in steps:
        wiki.at(hours(hour))
        ids[name] = wiki.write(who, title, words)
    wiki.at(hours(100))
    wiki.rename("Zoe", "VPN drops every hour", "VPN drops (client 5)")
    wiki.rename("Zoe", "404", "Page is not there", redirect=False)
    wiki.write("Noah", "Same answer again", "#REDIRECT [[VPN drops (client 5)]]")
    wiki.delete("Mia", "Short lived")
    wiki.at(None)
    return ids


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    wiki = Wiki.start()
    try:
        told = Story(wiki, play(wiki))
        with contextlib.closing(connector(wiki)) as reading:
            told.records = {stream.name: records_of(read(reading, stream.name)) for stream in reading.streams}
        yield told
    finally:
        wiki.stop()


def test_articles_and_their_states_are_those_of_the_story(story: Story) -> None:
    articles = story.articles()
    assert set(articles) == {"A1", "A2", "A3", "A4"}, "not the deleted, the merged and the one outside of the category"
    found = {
        name: [(round((change.at - BASE) / timedelta(hours=1)), change.to) for change in article.changes]
        for name, article in articles.items()
    }
    assert found == {
        "A1": [(0, ArticleState.WIP), (20, ArticleState.VALIDATED)],
        "A2": [(1, ArticleState.NOT_VALIDATED)],
        "A3": [(2, ArticleState.NOT_VALIDATED), (40, ArticleState.ARCHIVED)],
        "A4": [(3, ArticleState.VALIDATED)],
    }
    assert [articles[name].author for name in sorted(articles)] == ["Mia", "Noah", "Zoe", "Mia"]
    assert articles["A2"].title == "VPN drops (client 5)"
    assert articles["A3"].archived_at is not None


def test_edits_are_counted_and_renames_are_not(story: Story) -> None:
    edits = [record for record in story.records["articles"] if isinstance(record, ArticleEvent)]
    names = {key: name for name, key in story.ids.items()}
    assert sorted((names[edit.article], edit.by) for edit in edits) == [("A1", "Noah"), ("A1", "Zoe"), ("A3", "Zoe")]


def test_the_log_tells_what_was_deleted(story: Story) -> None:
    assert [record.key for record in story.records["deletions"] if isinstance(record, Gone)] == [story.ids["A5"]]
    with contextlib.closing(connector(story.wiki)) as reading:
        swept = {key for page in reading.sweep("articles") for key in page.keys}
    assert swept == {story.ids[name] for name in ("A1", "A2", "A3", "A4")}
    with contextlib.closing(connector(story.wiki, category="")) as reading:
        swept = {key for page in reading.sweep("articles") for key in page.keys}
    assert {story.ids["P1"], story.ids["A1"]} <= swept
    assert not {story.ids["A5"], story.ids["A6"]} & swept


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/index.php?curid={A2}", "A2"),
        ("/index.php?title=VPN_drops_(client_5)", "A2"),
        ("/index.php?title=VPN%20drops%20every%20hour", "A2"),
        ("/index.php/VPN_drops_every_hour", "A2"),
        ("/index.php?title=vPN_drops_every_hour&oldid=1#Top", "A2"),
        ("/index.php?oldid={oldid}", "A2"),
        ("/index.php/Same_answer_again", "A2"),
        ("/index.php?curid={A6}", "A2"),
        ("/index.php/404", "A4"),
        ("/index.php?title=What_does_error_7_mean%3F", "A3"),
        ("/index.php/What_does_error_7_mean%3F", "A3"),
        ("/index.php/No_such_page", None),
        ("/index.php?curid=4711", None),
        ("/index.php?title=Special:RecentChanges", None),
    ],
)
def test_every_address_leads_to_its_page(story: Story, path: str, name: str | None) -> None:
    asked = {"action": "query", "prop": "info", "pageids": story.ids["A2"], "format": "json"}
    info = requests.get(f"{story.wiki.url}/api.php", params=asked, timeout=30).json()["query"]["pages"]
    address = story.wiki.url + path.format(**story.ids, oldid=info[story.ids["A2"]]["lastrevid"])
    with contextlib.closing(connector(story.wiki)) as reading:
        found = story.find(address, reading.knowledge_base())
    assert found == (story.ids[name] if name else None)


def test_the_script_names_the_packages_that_it_misses(tmp_path: Path) -> None:
    script = tmp_path / "mediawiki.sh"
    script.write_text((owned.SCRIPTS / script.name).read_text().replace("/usr/share/mediawiki", str(tmp_path / "none")))
    env = {**os.environ, "MW_HOME": str(tmp_path / "home"), "MW_PORT": "1"}
    done = subprocess.run(["/bin/bash", str(script), "up"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == owned.MISSING_PACKAGE
    assert all(package in done.stderr for package in PACKAGES)


def test_windows_together_give_the_whole(story: Story) -> None:
    cuts = [BASE + timedelta(hours=hour) for hour in (0, 1, 2.5, 20, 40, 99, 101)]
    with contextlib.closing(connector(story.wiki)) as reading:
        for stream, whole in story.records.items():
            windows = [Window(since=a, until=b) for a, b in zip([None, *cuts], [*cuts, None], strict=True)]
            parts = [r for window in windows for page in reading.fetch(stream, window) for r in page.records]
            assert {repr(record) for record in parts} == {repr(record) for record in whole}


def test_the_store_knows_pages_that_are_older_than_the_history_of_tickets(story: Story, tmp_path: Path) -> None:
    installation = open_installation(tmp_path / "data")
    said = {"address": story.wiki.url, "article_path": "/index.php/", "category": "KB"}
    with contextlib.closing(installation):
        result = read_once(installation, add(installation, "mediawiki", said, history_days=10))
        assert (result.outcome, result.message) == ("ok", "")
        with installation.database.reading() as connection:
            known = {row.key: row.state for row in connection.execute(select(t.article).where(t.article.c.gone == 0))}
    assert known.items() >= {article.key: article.state for article in story.articles().values()}.items()
    assert story.ids["A5"] not in known


def test_a_restored_page_is_back_and_newer_than_its_tombstone() -> None:
    with contextlib.ExitStack() as running:
        wiki = Wiki.start()
        running.callback(wiki.stop)
        wiki.write("Mia", "Comes back", text("A7"))
        wiki.delete("Mia", "Comes back")
        wiki.restore("Mia", "Comes back")
        news = records_of(read(running.enter_context(contextlib.closing(connector(wiki))), "deletions"))
    gone = [record for record in news if isinstance(record, Gone)]
    back = [record for record in news if isinstance(record, Article)]
    assert [record.key for record in gone] == [record.key for record in back]
    assert back[0].version > gone[0].version


def test_the_connection_test_is_content(story: Story) -> None:
    with contextlib.closing(connector(story.wiki)) as reading:
        report = reading.check()
        assert "Help" in reading.choices("namespaces")
    assert [finding.message for finding in report.findings if finding.level is not Level.OK] == []


def test_a_private_wiki_is_read_with_a_bot_password() -> None:
    wiki = Wiki.start(private=True)
    try:
        key = wiki.write("Mia", "Inside only", text("A1", "Validated"))
        wiki.write("Mia", "Inside only", text("A1", "Validated", "again"))
        with contextlib.closing(connector(wiki)) as reading, pytest.raises(ConfigError, match="right to read"):
            read(reading, "articles")
        password = SecretStr(wiki.passwords[READER])
        with contextlib.closing(connector(wiki, username=READER, password=password)) as reading:
            assert reading.check().identity == "Reader"
            found = [record for record in records_of(read(reading, "articles")) if isinstance(record, Article)]
        assert [article.key for article in found] == [key]
        with (
            contextlib.closing(connector(wiki, username=READER, password=SecretStr("wrong"))) as reading,
            pytest.raises(ConfigError, match="bot password"),
        ):
            read(reading, "articles")
    finally:
        wiki.stop()
