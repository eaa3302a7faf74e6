"""Finding addresses in plain text, and taking the wrapping off that mail filters put around them."""

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import parse_qsl, unquote, urlsplit

# An address ends at white space and at signs that no address holds; "](" ends the text of
# a Markdown link, and a comma before the next address ends the first.
ADDRESS = re.compile(
    r"(?:https?://|(?<![\w@./:%=-])(?=[\w-]+(?:\.[\w-]+)+(?::\d+)?/))(?:(?!\]\(|[,;]https?://)[^\s<>\"`\\^{}|«»“”„])+",
    re.I,
)
INSIDE = re.compile(r"https?(?::|%3a)(?:/|%2f){2}", re.I)
ENDS = ".,;:!?'*_~…’‘"
BRACKETS = {")": "(", "]": "["}
DEEPEST = 4
MOST_INSIDE = 3
PROOFPOINT_2 = re.compile(r"https?://urldefense\.(?:proofpoint\.)?com/v2/url\?", re.I)
PROOFPOINT_3 = re.compile(r"https?://urldefense\.(?:proofpoint\.)?com/v3/__(.+?)__;([\w=-]*)", re.I)


def find_addresses(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each address of ``text`` begins and ends, and what it is."""
    for match in ADDRESS.finditer(text):
        address = _trimmed(match[0])
        yield match.start(), match.start() + len(address), address


def unwrap(address: str, depth: int = 0) -> Iterator[str]:
    """``address`` itself, then every address that is wrapped in it, however mail filters and sign-in pages do it."""
    yield address if "://" in address else f"https://{address}"
    if depth < DEEPEST:
        for inner in _inside(address):
            yield from unwrap(inner, depth + 1)


def _inside(address: str) -> Iterator[str]:
    wrapped = PROOFPOINT_3.match(address)
    if wrapped:
        yield _proofpoint_3(wrapped[1], wrapped[2])
        return
    if PROOFPOINT_2.match(address):
        coded = dict(parse_qsl(urlsplit(address).query)).get("u", "")
        yield unquote(coded.replace("-", "%").replace("_", "/"))
        return
    for match in islice(INSIDE.finditer(address, 8), MOST_INSIDE):
        value = re.split(r"[&#]", address[match.start() :])[0]
        yield unquote(value) if "%3" in value[:10].lower() else address[match.start() :]


def _proofpoint_3(text: str, coded: str) -> str:
    """Version 3 puts ``*`` for every special sign and appends those signs in base 64."""
    try:
        signs = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        signs = ""
    rest = iter(signs)
    restored = re.sub(r"\*(?!\*)", lambda match: next(rest, "*"), text)
    return re.sub(r"^(https?:)/(?!/)", r"\1//", restored)


def _trimmed(address: str) -> str:
    """``address`` without the punctuation of the sentence around it; brackets stay where they have a partner."""
    while address:
        last = address[-1]
        lone = last in BRACKETS and address.count(last) > address.count(BRACKETS[last])
        if last not in ENDS and not lone:
            break
        address = address[:-1]
    return address
