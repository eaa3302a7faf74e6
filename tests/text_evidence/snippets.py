"""The labelled set: synthetic replies and notes in English and German, each with the articles it really points to.

A label is what a reader would say, also where the search is known to miss it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, repeat
from urllib.parse import quote

from tests.text_evidence.addresses import ARTICLES, OTHERS
from tests.text_evidence.hard import MAIL, MENTIONS, PAGES, UNREACHABLE


@dataclass(frozen=True)
class Snippet:
    """A text, the articles it points to as ``base:article``, and the kind of difficulty it stands for."""

    text: str
    meant: frozenset[str]
    kind: str


# Ways to carry an address; {a} is the address, {e} the address encoded.
CARRIERS: Sequence[tuple[str, str]] = (
    ("sentence", "Please have a look at {a}."),
    ("sentence", "Bitte sehen Sie hier nach: {a}, dort steht jeder Schritt."),
    ("sentence", "Haben Sie {a} schon versucht?"),
    ("sentence", "That is described here ({a})."),
    ("sentence", "Steht in unserer Anleitung [{a}]!"),
    ("sentence", "See “{a}” – it worked for others."),
    ("sentence", "1) open the page\n2) {a}\n3) tell us"),
    ("sentence", "Siehe „{a}“; das hilft."),
    ("sentence", "Link:{a}"),
    ("sentence", "*{a}*"),
    ("brackets", "Here it is: <{a}>"),
    ("brackets", "&lt;{a}&gt; explains it."),
    ("brackets", "Our guide <{a}|Guide> has it."),
    ("markup", "Follow [this guide]({a}) please."),
    ("markup", "Follow [{a}]({a})"),
    ("markup", "Follow [the guide|{a}] please"),
    ("markup", "[{a}|{a}|smart-link]"),
    ("markup", "![x](https://img.example/a.png) and [guide][1]\n\n[1]: {a}"),
    ("html", '<p>Please see <a href="{h}">our guide</a>.</p>'),
    ("html", "<div>Hallo,<br>bitte <a class='x' target=_blank href='{h}'>{h}</a> lesen</div>"),
    ("html", "<p>Read</p><ul><li>{h}</li></ul>"),
    ("html", '<span style="color:red">x</span><br/><a\n href="{h}" rel="noopener">Link</a>'),
    ("wrapped", "https://eur01.safelinks.protection.outlook.com/?url={e}&data=05%7C01%7C&sdata=abc&reserved=0"),
    (
        "wrapped",
        '<a href="https://nam02.safelinks.protection.outlook.com/?url={e}&amp;data=05%7C02&amp;reserved=0">Guide</a>',
    ),
    ("wrapped", "https://urldefense.proofpoint.com/v2/url?u={p2}&d=DwMFaQ&c=abc&r=def&m=ghi&s=jkl&e="),
    ("wrapped", "https://urldefense.com/v3/__{p3}__;!!AbC123!xyz$"),
    ("wrapped", "https://www.google.com/url?q={e}&sa=D&source=editors"),
    ("wrapped", "https://secure-web.cisco.com/1aBcD/{e}"),
    ("wrapped", "https://linkprotect.cudasvc.com/url?a={e}&c=E,1,abc"),
    ("wrapped", "https://login.aurora.example/sso?return_to={e}"),
    ("invisible", "Here\u00a0it is: {a}\u200b"),
    ("twice", "{a} - again: {a}"),
)
LEAD = "Hello,\nthe answer is below.\n\n"


def snippets() -> Sequence[Snippet]:
    """The whole set."""
    return list(_made())


def _made() -> Iterator[Snippet]:
    for address, meant in ARTICLES.items():
        yield Snippet(f"Please read {address}\nand tell us whether it helps.", frozenset({meant}), "address")
    for address in OTHERS:
        yield Snippet(f"Please open {address} for that.", frozenset(), "no article")
    given = cycle(ARTICLES.items())
    for kind, carrier in chain.from_iterable(repeat(CARRIERS, 4)):
        address, meant = next(given)
        yield Snippet(_carry(carrier, address), frozenset({meant}), kind)
    for kind, texts in (("mention", MENTIONS), ("mail", MAIL), ("mail as HTML", PAGES), ("out of reach", UNREACHABLE)):
        for text, labels in texts:
            yield Snippet(text, frozenset(labels.split("; ")) - {""}, kind)


def _carry(carrier: str, address: str) -> str:
    coded = quote(address, safe="")
    older = "".join(sign if sign.isalnum() or sign in "./" else f"-{ord(sign):02X}" for sign in _ascii(address))
    return carrier.format(
        a=address,
        h=address.replace("&", "&amp;"),
        e=coded,
        p2=older.replace("/", "_"),
        p3=address.replace("://", ":/").replace(":/", "://", 1),
    )


def _ascii(address: str) -> str:
    return address.replace("_", "%5F") if address.isascii() else quote(address, safe=":/?&=#%")
