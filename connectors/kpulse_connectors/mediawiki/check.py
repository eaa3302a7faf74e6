"""Test connection: what the account can see of the wiki, each finding as one sentence for the KM lead."""

import re
from collections.abc import Iterator, Mapping, Sequence

from kpulse.sdk import ConfigError, Finding, Level, Report
from kpulse_connectors.mediawiki.api import General, Query, Wiki
from kpulse_connectors.mediawiki.settings import MAIN, MediaWikiSettings, plain

OLDEST = (1, 27)
LARGEST_SKEW_SECONDS = 120
SAMPLE = 50


def namespaces_of(query: Query) -> Mapping[str, int]:
    """The namespaces that can hold articles, by name."""
    rows = [row for row in query.namespaces.values() if isinstance(row, dict) and isinstance(row.get("id"), int)]
    return {row.get("name") or MAIN: row["id"] for row in rows if row["id"] >= 0 and row["id"] % 2 == 0}


def namespace_names(wiki: Wiki) -> Sequence[str]:
    """What the setting ``namespaces`` may take."""
    return list(namespaces_of(wiki.query({"meta": "siteinfo", "siprop": "namespaces"})))


def namespace_ids(wiki: Wiki, settings: MediaWikiSettings) -> frozenset[int]:
    """The numbers of the chosen namespaces; ConfigError for a name that the wiki does not have."""
    known = namespaces_of(wiki.query({"meta": "siteinfo", "siprop": "namespaces"}))
    return frozenset(_find(known, name) for name in settings.namespaces)


def _find(known: Mapping[str, int], name: str) -> int:
    ids = {plain(each): number for each, number in known.items()}
    if plain(name) not in ids:
        raise ConfigError(f"The wiki has no namespace named {name}; it has {', '.join(known)}.")
    return ids[plain(name)]


def examine(wiki: Wiki, settings: MediaWikiSettings) -> Report:
    """Ask the wiki a handful of questions; ConfigError and TransientError where it does not answer at all."""
    asked = {"meta": "siteinfo|userinfo", "siprop": "general|namespaces", "uiprop": "rights"}
    answer = wiki.ask(asked)
    query = answer.body.query or Query()
    general, account, known = query.general or General(), query.userinfo, namespaces_of(query)
    identity = account.name if account and not account.anon else None
    message = f"Signed in as {identity}." if identity else "Not signed in; only what everybody may read is read."
    findings = [
        _version(general.generator),
        Finding(level=Level.OK, subject="account", message=message),
        _clock(answer.clock_skew),
        _paths(general.articlepath, settings),
        *_spaces(known, settings),
    ]
    if all(finding.level is not Level.FAIL for finding in findings):
        findings += _articles(wiki, [_find(known, name) for name in settings.namespaces], settings)
    return Report(findings=findings, identity=identity)


def _version(generator: str) -> Finding:
    found = re.search(r"(\d+)\.(\d+)", generator)
    if found and (int(found[1]), int(found[2])) >= OLDEST:
        return Finding(level=Level.OK, subject="version", message=f"{generator} answers.")
    message = f"The wiki calls itself {generator or 'nothing'}; MediaWiki 1.27 or newer is needed."
    return Finding(level=Level.FAIL, subject="version", message=message)


def _clock(skew: float | None) -> Finding:
    if skew is None or abs(skew) <= LARGEST_SKEW_SECONDS:
        return Finding(level=Level.OK, subject="clock", message="The wiki's clock does not disagree with ours.")
    side = "ahead of" if skew > 0 else "behind"
    message = f"The wiki's clock is {abs(skew):.0f} seconds {side} ours; set both by a time server."
    return Finding(level=Level.WARN, subject="clock", message=message)


def _paths(articlepath: str, settings: MediaWikiSettings) -> Finding:
    own = articlepath.removesuffix("$1")
    if "?" in own or own.strip("/") == settings.article_path.strip("/") or own.endswith("/index.php/"):
        return Finding(level=Level.OK, subject="addresses", message="Addresses of pages are understood in every form.")
    message = f"Pages have addresses that start with {own}; enter that as Path of pages, or links to them are missed."
    return Finding(level=Level.WARN, subject="addresses", message=message)


def _spaces(known: Mapping[str, int], settings: MediaWikiSettings) -> Iterator[Finding]:
    names = {plain(name) for name in known}
    yield Finding(level=Level.OK, subject="namespaces", message=f"Namespaces of the wiki: {', '.join(known)}.")
    for name in settings.namespaces:
        if plain(name) not in names:
            message = f"The wiki has no namespace named {name}; check the name."
            yield Finding(level=Level.FAIL, subject="namespaces", message=message)


def _articles(wiki: Wiki, spaces: Sequence[int], settings: MediaWikiSettings) -> Iterator[Finding]:
    """What a sample of pages shows: whether any is an article, and whether any has a state."""
    rows = [
        row
        for space in spaces
        for row in wiki.query(
            {
                "generator": "allpages",
                "gapnamespace": space,
                "gapfilterredir": "nonredirects",
                "gaplimit": SAMPLE,
                "prop": "categories",
                "cllimit": "max",
            }
        ).pages
        or []
    ]
    named = [[category.title.partition(":")[2] for category in row.categories] for row in rows]
    articles = [names for names in named if settings.covers(names)]
    stated = sum(settings.state_of(names)[0] is not None for names in articles)
    level, place = (Level.OK if articles else Level.WARN), f"the first {len(rows)} pages"
    yield Finding(level=level, subject="articles", message=f"Of {place} {len(articles)} are articles.")
    advice = "" if stated else "; name the categories that are states, or let authors set them"
    message = f"Of {place} {stated} have a category that is a state{advice}."
    yield Finding(level=Level.OK if stated else Level.WARN, subject="states", message=message)
