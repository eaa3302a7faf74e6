"""Finding articles in a text: pure, and nothing of the text comes out but which article it points to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from kpulse.records import Evidence
from kpulse.sdk.links.addresses import DEEPEST, find_addresses, unwrap
from kpulse.sdk.links.known import By, KnowledgeBase
from kpulse.sdk.links.page import is_html, read_html
from kpulse.sdk.links.quoting import own_words

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " "}
FILE = r"(?!\.(?:pdf|docx?|xlsx?|pptx?|png|jpe?g|gif|txt|zip|msu|cab|exe)\b)"
WIKI_LINK = re.compile(r"(?<!!)\[\[(?:([\w-]+):)?([^\[\]|#:]{1,200})(?:#[^\[\]|]*)?(?:\|[^\[\]]*)?\]\]")
LONGEST = 200_000


@dataclass(frozen=True)
class Found:
    """An article of the knowledge base ``kb`` that a text points to; ``by`` says what ``article`` is."""

    kb: str
    article: str
    by: By
    evidence: Evidence


def find_links(text: str, knowledge_bases: Sequence[KnowledgeBase], *, macro: bool = False) -> Sequence[Found]:
    """The articles that the writer of a reply or a note (plain text or HTML) points to, each once, in their order.

    Quoted mail and signatures do not count. ``macro`` says that a macro wrote the text: the evidence is then MACRO.
    What rules and automations wrote should not be passed in at all. Only the first 200,000 characters are read.
    """
    text = text[:LONGEST].translate(INVISIBLE)
    plain = own_words(read_html(text) if is_html(text) else _unescaped(text))
    evidence = Evidence.MACRO if macro else Evidence.TEXT
    found = sorted(_search(plain, knowledge_bases), key=lambda one: one[0])
    return list(dict.fromkeys(Found(kb.key, article, by, evidence) for _, kb, article, by in found))


def read_address(address: str, knowledge_bases: Sequence[KnowledgeBase]) -> tuple[KnowledgeBase, str, By] | None:
    """The article behind one address, also a wrapped one."""
    for inner in unwrap(address):
        found = _read(inner, knowledge_bases)
        if found:
            return found
    return None


Hit = tuple[int, KnowledgeBase, str, By]


def _search(plain: str, knowledge_bases: Sequence[KnowledgeBase]) -> Iterator[Hit]:
    pieces, last = [], 0
    for start, end, address in find_addresses(plain):
        found = read_address(address, knowledge_bases)
        if found:
            yield start, *found
        # Numbers and wiki links inside of addresses, also foreign ones, are no mention.
        pieces += [plain[last:start], " " * (end - start)]
        last = end
    rest = "".join([*pieces, plain[last:]])
    for kb in knowledge_bases:
        if kb.number:
            for match in re.finditer(rf"(?<![\w=.-])(?:{kb.number})(?![\w@-]){FILE}", rest, re.I):
                yield match.start(), kb, kb.spell(match[0]), By.NUMBER
        if kb.project is not None:
            for match in WIKI_LINK.finditer(rest):
                page = match[2].replace("_", " ").strip()
                yield match.start(), kb, f"{match[1] or kb.project}/{page}", By.TITLE


def _read(address: str, knowledge_bases: Sequence[KnowledgeBase]) -> tuple[KnowledgeBase, str, By] | None:
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    for kb in knowledge_bases:
        if host in kb.hosts:
            found = _read_own(kb, host, parts)
            if found:
                return kb, *found
    return None


def _read_own(kb: KnowledgeBase, host: str, parts: SplitResult, depth: int = 0) -> tuple[str, By] | None:
    """What an address on a host of ``kb`` names."""
    short = kb.short.get(f"{host}{parts.path}")
    if short:
        return short, By.ID
    if not parts.path.lower().startswith(kb.base.lower()):
        return None
    # Some front ends carry the whole old address, with its query, inside of the path …
    path = unquote(parts.path[len(kb.base) :] or "/")
    path, query = _halves(path) if "=" in _halves(path)[1] else (path, "")  # a title may end with "?"
    parameters = dict(parse_qsl(query)) | dict(parse_qsl(parts.query))
    for shape in kb.shapes:
        article = shape.find(path, parameters, unquote(parts.fragment))
        if article:
            return article, shape.by
    # … and others inside of a parameter.
    inner = [value for value in parameters.values() if value.startswith("/")] if depth < DEEPEST else []
    found = (
        _read_own(kb, host, parts._replace(path=path, query=query), depth + 1) for path, query in map(_halves, inner)
    )
    return next(filter(None, found), None)


def _halves(value: str) -> tuple[str, str]:
    path, _, query = value.partition("?")
    return path, query


def _unescaped(text: str) -> str:
    return re.sub("|".join(ENTITIES), lambda match: ENTITIES[match[0]], text)
