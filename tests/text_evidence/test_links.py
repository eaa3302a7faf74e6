"""Text evidence: the labelled set, the table in the documentation, and what holds for every text."""

import base64
import time
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kpulse.records import Evidence
from kpulse.sdk import links
from kpulse.sdk.links import By, Found, find_links, read_address
from tests.text_evidence.addresses import ARTICLES
from tests.text_evidence.bases import BASES
from tests.text_evidence.snippets import Snippet, snippets
from tests.text_evidence.table import BEGIN, PAGE, count, found_in, put_in

KNOWN = snippets()
ADDRESSES = st.sampled_from(sorted(ARTICLES))
WORDS = st.text(alphabet="abcdefg ,.äß\n", max_size=60)


def found(text: str) -> list[str]:
    return [f"{one.kb}:{one.article}" for one in find_links(text, BASES)]


def test_the_set_is_large_and_says_nothing_twice() -> None:
    assert len(KNOWN) >= 300
    assert len({snippet.text for snippet in KNOWN}) == len(KNOWN)
    assert sum(not snippet.meant for snippet in KNOWN) >= 80


@pytest.mark.parametrize("snippet", [each for each in KNOWN if each.kind != "out of reach"], ids=lambda each: each.kind)
def test_what_a_text_points_to(snippet: Snippet) -> None:
    assert found_in(snippet) == snippet.meant, snippet.text


def test_precision_and_recall_over_everything() -> None:
    total = count(KNOWN)
    assert total["hit"] >= 0.98 * (total["hit"] + total["false"])
    assert total["hit"] >= 0.95 * (total["hit"] + total["missed"])


def test_the_page_shows_the_table_of_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(BEGIN) == 1
    assert put_in(page) == page, "run: python -m tests.text_evidence.table"


@given(st.text(max_size=300))
@example("http://[::1/hc/articles/1")
@example("<a href='http://[x'>y</a>")
@example("https://wiki.aurora.example/x/" + "_" * 11)
@example("https://urldefense.com/v3/__https://x*y__;!!")
@example("https://urldefense.com/v3/__https://x*y__;AA")
@example("https://help.aurora.example:99999/hc/articles/1")
def test_no_text_breaks_it(text: str) -> None:
    assert all(isinstance(one, Found) for one in find_links(text, BASES))


@given(WORDS, ADDRESSES, WORDS)
def test_words_around_an_address_change_nothing(before: str, address: str, after: str) -> None:
    assert found(f"{before} {address} {after}") == [ARTICLES[address]]


@given(st.lists(ADDRESSES, max_size=5))
def test_each_article_comes_once_in_the_order_of_the_text(addresses: list[str]) -> None:
    text = " and ".join(addresses)
    assert found(text) == list(dict.fromkeys(ARTICLES[address] for address in addresses)) == found(f"{text} {text}")


@given(st.lists(ADDRESSES, min_size=1, max_size=4), WORDS)
def test_what_is_quoted_or_signed_never_counts(addresses: list[str], words: str) -> None:
    text = f"{words}\n" + "\n".join(addresses)
    assert found("\n".join(f"> {line}" for line in text.splitlines())) == []
    assert found(f"done\n-- \n{text}") == []
    assert found(f"<blockquote>{text}</blockquote><p>done</p>") == []


@given(ADDRESSES, st.integers(0, 4))
def test_wrappings_are_taken_off(address: str, times: int) -> None:
    wrapped = address
    for _ in range(times):
        wrapped = f"https://eur01.safelinks.protection.outlook.com/?url={quote(wrapped, safe='')}&data=x"
    assert found(wrapped) == [ARTICLES[address]]


@given(st.integers(1, (1 << 63) - 1))
def test_tiny_links_lead_to_their_page(page: int) -> None:
    code = (
        base64.b64encode(page.to_bytes(8, "little"))
        .decode()
        .rstrip("=")
        .rstrip("A")
        .replace("/", "-")
        .replace("+", "_")
    )
    got = read_address(f"https://wiki.aurora.example/x/{code}", BASES)
    assert got is not None
    assert got[1:] == (str(page), By.ID)


def test_a_macro_is_told_apart_and_nothing_of_the_text_comes_out() -> None:
    text = "secret words https://faq.aurora.example/q/7?customer=secret#secret"
    assert find_links(text, BASES) == [Found("own", "7", By.ID, Evidence.TEXT)]
    assert find_links(text, BASES, macro=True) == [Found("own", "7", By.ID, Evidence.MACRO)]


def test_record_ids_of_15_characters_become_18() -> None:
    base = links.salesforce("s", {"s.example"})
    got = read_address("https://s.example/lightning/r/ka0A0000006Vm9r/view", [base])
    assert got is not None
    assert got[1] == "ka0A0000006Vm9rIAC"


def test_short_links_that_are_known_are_followed() -> None:
    base = links.zendesk("z", {"z.example", "go.z.example"})
    known = replace(base, short={"go.z.example/pw": "42"})
    assert [one.article for one in find_links("see go.z.example/pw!", [known])] == ["42"]
    assert find_links("see go.z.example/pw!", [base]) == []


def test_a_pattern_needs_to_say_what_the_article_is() -> None:
    with pytest.raises(ValueError, match="group named article"):
        links.pattern("x", {"x.example"}, r"/q/(\d+)")


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<!-- > <p>",
        "http://a.b/",
        "a.",
        "> ",
        "On 1 ",
        "From: x\n",
        "[[",
        "KB0012345 ",
        "-- x\n",
        "| a | b ",
        "*_",
        "(",
    ],
)
def test_the_effort_grows_no_faster_than_the_text(piece: str) -> None:
    def effort(size: int) -> float:
        text = piece * (size // len(piece))
        begun = time.process_time()
        find_links(text, BASES)
        return time.process_time() - begun

    effort(1_000)
    assert effort(80_000) <= 12 * max(effort(20_000), 0.02)
