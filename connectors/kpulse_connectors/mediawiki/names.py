"""The names under which links mean a page, and the addresses that hold them. No I/O."""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from kpulse.sdk import ArticleAlias
from kpulse.sdk.links import By, KnowledgeBase, Shape
from kpulse_connectors.mediawiki.api import Revision, Row

NO_PAGE = re.compile(r"(?:special|file|media|user|category|template|mediawiki|talk|[^:]* talk)", re.IGNORECASE)


def name_of(title: str) -> str:
    """The name of a page with this title: its first letter is a capital, underscores are blanks.

    A title of digits gets the colon with which wikis tell a title from other things, because a bare number is a page's id.
    """
    text = " ".join(title.replace("_", " ").split()).removeprefix(":").strip()
    text = text[:1].upper() + text[1:]
    return f":{text}" if text.isdigit() else text


def names_of(title: str) -> Sequence[str]:
    """The name, as links have it and as addresses have it."""
    name = name_of(title)
    return sorted({name, name.replace(" ", "_")})


def name_of_version(revid: int | str) -> str:
    """The name of the page that has this version."""
    return f"oldid:{revid}"


def read_aliases(row: Row, history: Sequence[Revision], led: Mapping[str, str]) -> Iterator[ArticleAlias]:
    """Every other name of a page: its title, its versions, the redirects to it and their ids."""
    titles = {row.title, *(title for title in led if _end(title, led) == row.title)}
    titles |= {redirect.title for redirect in row.redirects}
    names = {name for title in titles for name in names_of(title)}
    names |= {str(redirect.pageid) for redirect in row.redirects if redirect.pageid}
    names |= {name_of_version(revision.revid) for revision in history}
    for name in sorted(names):
        yield ArticleAlias(article=str(row.pageid), alias=name)


def _end(title: str, led: Mapping[str, str]) -> str:
    for _ in led:
        title = led.get(title, title)
    return title


def find_pages(key: str, address: str, article_path: str) -> KnowledgeBase:
    """How addresses of pages look in the wiki whose scripts are at ``address``.

    A page id goes first and a title before a version: what people copy has both, and old titles stay known.
    """
    parts = urlsplit(address)
    script, root = re.escape(f"{parts.path}/index.php"), re.escape(parts.path)
    pages = re.escape(f"/{article_path.strip('/')}") if article_path.strip("/") else ""
    anywhere = rf"(?:{script}|{pages}|{root})(?:/.*)?|/"
    shapes = (
        Shape(By.ID, anywhere, "curid", r"\d+"),
        Shape(By.TITLE, anywhere, "title", read=_read_title),
        Shape(By.TITLE, rf"(?:{script}|{pages})/(?P<article>.+)", read=_read_title),
        Shape(By.REVISION, anywhere, "oldid", r"\d+", read=name_of_version),
    )
    return KnowledgeBase(key=key, hosts=frozenset({parts.hostname or ""}), shapes=shapes)


def _read_title(found: str) -> str | None:
    name = name_of(found)
    space, colon, _ = name.partition(":")
    return None if not name or (colon and NO_PAGE.fullmatch(space)) else name
