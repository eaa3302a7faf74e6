"""The shapes that the addresses of articles have at each vendor."""

import base64
import re
from collections.abc import Iterable

from kpulse.sdk.links.known import By, KnowledgeBase, Shape

NUMBER = r"(?P<article>\d+)"
NUMBER_AND_SLUG = NUMBER + r"(?:-[^/]*)?"
LOCALE = r"(?:/[a-z]{2,3}(?:[-_][a-z0-9]{2,8})*)?"
HEX = r"[0-9a-f]{32}"
NO_ARTICLES = re.compile(
    r"(?:[^:]* )?(?:talk|diskussion)|special|spezial|file|datei|user|benutzer|benutzerin|category|kategorie|template|"
    r"vorlage|mediawiki|media|image|bild|module|modul",
    re.IGNORECASE,
)


def zendesk(key: str, hosts: Iterable[str]) -> KnowledgeBase:
    """Zendesk Guide, found by article id in any locale and on any brand's host."""
    shapes = (
        Shape(By.ID, rf"/hc{LOCALE}/articles/{NUMBER_AND_SLUG}/?"),
        Shape(By.ID, rf"/knowledge/articles/{NUMBER}(?:/.*)?"),
    )
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes)


def servicenow(key: str, hosts: Iterable[str], *, number: str = r"KB[ -]?0\d{6,9}") -> KnowledgeBase:
    """ServiceNow, found by number or sys_id. Numbers without a leading 0 are usually another company's patches."""
    pages = r"/(?:.*/)?(?:kb_view|kb_view_customer|kb_article|kb_article_view|kb_knowledge)\.do"
    portal = r"/[a-z0-9_-]+/?"
    shapes = tuple(
        Shape(by, path, query, value, where, read=str.upper if by is By.NUMBER else str.lower)
        for path, wheres in ((pages, ({},)), (portal, ({"id": "kb_article"}, {"id": "kb_article_view"})))
        for where in wheres
        for by, query, value in (
            (By.NUMBER, "sysparm_article", r"[a-z]{2,8}\d+"),
            (By.ID, "sys_kb_id", HEX),
            (By.ID, "sys_id", HEX),
        )
    )
    record = Shape(By.ID, rf"/now/(?:.*/)?record/kb_knowledge/(?P<article>{HEX})(?:/.*)?", read=str.lower)
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=(*shapes, record), number=number, spell=_spell_number)


def confluence(key: str, hosts: Iterable[str], *, base: str = "") -> KnowledgeBase:
    """Confluence and the articles of Jira portals, found by page id; old addresses give ``SPACE/Title``."""
    wiki = r"(?:/wiki)?"
    shapes = (
        Shape(By.ID, rf"{wiki}/spaces/[^/]+/pages/(?:edit-v2/)?{NUMBER}(?:/.*)?"),
        Shape(By.ID, rf"{wiki}/pages/viewpage\.action", "pageId", r"\d+"),
        Shape(By.ID, rf"{wiki}/x/(?P<article>[\w-]+)", read=_read_tiny),
        Shape(By.ID, rf"/servicedesk/customer/(?:portal/\d+/|kb/)(?:topic/[^/]+/)?(?:article|view)/{NUMBER}/?"),
        Shape(By.TITLE, rf"{wiki}/display/(?P<article>[^/~]+/[^/]+)/?", read=_read_spaced),
    )
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes, base=base)


def freshdesk(key: str, hosts: Iterable[str]) -> KnowledgeBase:
    """Freshdesk and Freshservice solutions, found by article id."""
    shapes = (Shape(By.ID, rf"(?:/a)?{LOCALE}(?:/support)?/solutions/articles/{NUMBER_AND_SLUG}(?:/edit)?/?"),)
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes)


def salesforce(key: str, hosts: Iterable[str]) -> KnowledgeBase:
    """Salesforce Knowledge, found by record id (18 characters, ``ka…``) or by URL name."""
    record = r"ka[0-9a-z]{13}(?:[0-9a-z]{3})?"
    shapes = (
        Shape(By.ID, rf"/lightning/r/(?:[a-z0-9_]+__kav/)?(?P<article>{record})/view", read=_read_record),
        Shape(By.ID, r"/(?:.*/)?articleView", "id", record, read=_read_record),
        Shape(By.ID, rf"(?:/[^/]+)?/s/article/(?P<article>{record})", read=_read_record),
        Shape(By.SLUG, rf"(?:/[^/]+)?/s{LOCALE}/article/(?P<article>[^/]+)/?"),
        Shape(By.SLUG, r"/lightning/articles/[^/]+/(?P<article>[^/]+)/?"),
        Shape(By.SLUG, rf"(?:/[^/]+)?/articles{LOCALE}/[^/]+/(?P<article>[^/]+)/?"),
    )
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes)


def mediawiki(key: str, hosts: Iterable[str], *, base: str = "", articles: str = "/wiki") -> KnowledgeBase:
    """MediaWiki, found by page id, revision or title; pages of talk, users, files and the like are no articles."""
    script = r"(?:/w)?/index\.php"
    shapes = (
        Shape(By.ID, script + r"(?:/.*)?|/", "curid", r"\d+"),
        Shape(By.REVISION, script + r"(?:/.*)?", "oldid", r"\d+"),
        Shape(By.TITLE, script, "title", read=_read_title),
        Shape(By.TITLE, rf"(?:{script}|{re.escape(articles)})/(?P<article>.+)", read=_read_title),
    )
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes, base=base)


def bookstack(key: str, hosts: Iterable[str], *, base: str = "") -> KnowledgeBase:
    """BookStack, found by page id or as ``book/page``."""
    shapes = (
        Shape(By.ID, rf"/link/{NUMBER}/?"),
        Shape(By.SLUG, r"/books/(?P<article>[^/]+/page/[^/]+)/?", read=lambda found: found.replace("/page/", "/")),
    )
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes, base=base)


def redmine(key: str, hosts: Iterable[str], *, base: str = "", project: str | None = None) -> KnowledgeBase:
    """The wikis of Redmine, found as ``project/Page``; in texts of ``project`` also by ``[[Page]]``."""
    page = r"/projects/(?P<article>[^/]+/wiki/[^/]+)(?:/\d+)?/?"
    shapes = (Shape(By.TITLE, page, read=lambda found: _read_spaced(found.replace("/wiki/", "/", 1))),)
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes, base=base, project=project)


def glpi(key: str, hosts: Iterable[str], *, base: str = "") -> KnowledgeBase:
    """GLPI's knowledge base and FAQ, found by id."""
    shapes = (Shape(By.ID, r"/front/(?:knowbaseitem\.form|helpdesk\.faq|knowbaseitem)\.php", "id", r"\d+"),)
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes, base=base)


def zammad(key: str, hosts: Iterable[str]) -> KnowledgeBase:
    """Zammad's knowledge base, found by the id of the answer, for customers and agents."""
    shapes = (
        Shape(By.ID, rf"/help{LOCALE}/\d+(?:-[^/]*)?/{NUMBER_AND_SLUG}/?"),
        Shape(By.ID, rf"/?knowledge_base/\d+/locale/[\w-]+/answer/{NUMBER}(?:/.*)?", fragment=True),
    )
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=shapes)


def pattern(key: str, hosts: Iterable[str], path: str, *, number: str = "", base: str = "") -> KnowledgeBase:
    """Any other system: ``path`` is a regular expression for the decoded path, with a group named ``article``."""
    if "article" not in re.compile(path).groupindex:
        raise ValueError("The pattern needs a group named article, for example /faq/(?P<article>[0-9]+).")
    return KnowledgeBase(key=key, hosts=_hosts(hosts), shapes=(Shape(By.ID, path),), number=number, base=base)


def _hosts(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(host.lower().rstrip(".") for host in hosts)


def _spell_number(found: str) -> str:
    return re.sub(r"[ -]", "", found).upper()


def _read_tiny(code: str) -> str | None:
    """The page id in a tiny link: its bytes, lowest first, in base 64 without what says nothing."""
    padded = code.replace("-", "/").replace("_", "+").ljust(11, "A")
    if len(padded) > 11:
        return None
    page = int.from_bytes(base64.b64decode(padded + "="), "little")
    return str(page) if 0 < page < 1 << 63 else None


def _read_spaced(found: str) -> str:
    return found.replace("+", " ").replace("_", " ").strip()


def _read_title(found: str) -> str | None:
    title = found.replace("_", " ").strip()
    if not title or (NO_ARTICLES.fullmatch(title.partition(":")[0]) and ":" in title):
        return None
    return title[0].upper() + title[1:]


_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def _read_record(found: str) -> str:
    """The 18 characters of a record id: the last three say which of the first 15 are capitals."""
    if len(found) == 18:
        return found
    parts: Iterable[str] = (found[start : start + 5] for start in (0, 5, 10))
    return found + "".join(_SUFFIX[sum(1 << n for n, sign in enumerate(part) if sign.isupper())] for part in parts)
