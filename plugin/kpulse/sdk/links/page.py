"""HTML as plain text in which every link is an address, without quoted mail and marked signatures."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

LOOKS_LIKE_HTML = re.compile(
    r"<(?:!doctype|html|head|body|div|p|br|a\s[^>]{0,2000}href|span|table|ul|ol|li|blockquote|b|i|strong|em|font|h[1-6]|pre|img)\b[^>]{0,2000}>",
    re.I,
)
BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "br",
        "div",
        "dd",
        "dl",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
EMPTY = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
# Taken out first, because the parser searches the end of an open comment again and again.
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
SILENT = frozenset({"blockquote", "script", "style", "head", "title", "template"})
QUOTES = re.compile(
    r"\b(?:gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|zmail_extra|WordSection0|quoted?-(?:text|reply|mail))\b",
    re.I,
)
SIGNATURES = re.compile(
    r"(?:^|\s)(?:x_)*(?:gmail_signature|moz-signature|signature|email-signature|mail-signature|protonmail_signature_block)(?:$|\s)",
    re.I,
)
ENDS = re.compile(r"^(?:x_)*(?:divRplyFwdMsg|appendonsend|mail-editor-reference-message-container|stopSpelling)$", re.I)


def is_html(text: str) -> bool:
    """Whether ``text`` holds tags that mail programs and desks write."""
    return LOOKS_LIKE_HTML.search(text) is not None and text.count("<") <= 2 * text.count(">") + 20


def read_html(text: str) -> str:
    """The words and link targets of ``text``, a line for each block."""
    page = _Page()
    page.feed(COMMENT.sub("", text))
    page.close()
    return "".join(page.parts)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self._ended = self._ended or bool(ENDS.match(said.get("id", "")))
        if self._ended:
            return
        if self._silent or _is_silent(tag, said):
            if tag not in EMPTY:
                self._silent.append(tag)
            return
        self.parts.append("\n" if tag in BLOCKS else "")
        if tag == "a" and said.get("href"):
            self.parts.append(f" <{said['href'].strip()}> ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                continue
        elif tag in BLOCKS and not self._ended:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent and not self._ended:
            self.parts.append(data)


def _is_silent(tag: str, said: Mapping[str, str]) -> bool:
    named = f"{said.get('class', '')} {said.get('id', '')}"
    if tag in SILENT or "gmail_signature" in said.get("data-smartmail", "") or said.get("type") == "cite":
        return True
    return bool(
        QUOTES.search(named) or SIGNATURES.search(said.get("class", "")) or SIGNATURES.search(said.get("id", ""))
    )
