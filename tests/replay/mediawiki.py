"""Answers like MediaWiki's Action API (formatversion 2) from pages in memory, with its habits.

Errors are HTTP 200. A query with ``prop`` shows one property an answer: each answer names all pages again, and the last
one has no ``continue``. A private wiki reads only with the cookies of a sign-in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from kpulse.sdk.testing import Request, Response, json_response

Row = Mapping[str, Any]
BOT, PASSWORD, TOKEN = "Reader@pulse", "pass-phrase-of-the-bot", "token-of-the-bot"
COOKIES = {
    "Set-Cookie": "wiki_session=abc123; path=/; expires=Thu, 24-Dec-2026 10:00:00 GMT; HttpOnly, wikiUserName=Reader; path=/"
}
NAMESPACES = {0: "", 1: "Talk", 12: "Help", 14: "Category", -1: "Special"}


def version(revid: int, at: str, text: str, *, parent: int = 0, user: str | None = "Mia", sha1: str = "") -> Row:
    """A version of a page."""
    row = {"revid": revid, "parentid": parent, "timestamp": at, "sha1": sha1 or f"sha{revid}"}
    row |= {"user": user} if user else {"userhidden": True}
    return row | {"slots": {"main": {"contentmodel": "wikitext", "content": text}}}


def page(pageid: int, title: str, *versions: Row, redirect: str | None = None, ns: int = 0, **more: Any) -> Row:
    """A page; its categories are those of its newest text unless ``categories`` gives them."""
    return {"pageid": pageid, "ns": ns, "title": title, "versions": versions, "redirect": redirect, **more}


def error(code: str) -> Response:
    """An error as the API sends it."""
    return json_response({"error": {"code": code, "info": "Synthetic."}}, headers={"MediaWiki-API-Error": code})


@dataclass
class MediaWikiReplay:
    """A handler for ``kpulse.sdk.testing``; lists come in pages of ``most`` rows, histories in answers of ``most`` too.

    ``at_once`` shows all properties in one answer."""

    pages: Sequence[Row]
    log: Sequence[Row] = ()
    most: int = 2
    at_once: bool = False
    private: bool = False
    generator: str = "MediaWiki 1.39.17"
    articlepath: str = "/wiki/$1"

    def __post_init__(self) -> None:
        rows = [(each, row) for row in self.pages for each in row["versions"]]
        self._feed = sorted(rows, key=lambda each: (each[0]["timestamp"], each[0]["revid"]))
        self._by_id = {str(row["pageid"]): row for row in self.pages}
        self._redirects = [row for row in self.pages if row["redirect"]]
        self._by_title = {row["title"]: row for row in self.pages}

    def __call__(self, request: Request) -> Response:
        if request.path != "/api.php":
            return json_response({}, 404)
        asked = {**request.query, **dict(parse_qsl(request.body.decode()))}
        if asked.get("action") == "login":
            known = (asked.get("lgname"), asked.get("lgpassword"), asked.get("lgtoken")) == (BOT, PASSWORD, "login+\\")
            return json_response({"login": {"result": "Success" if known else "Failed"}}, headers=COOKIES)
        if asked.get("type") == "login":
            return json_response({"batchcomplete": True, "query": {"tokens": {"logintoken": "login+\\"}}})
        if "assert" in asked and not _signed_in(request):
            return error("assertuserfailed")
        if self.private and not _signed_in(request):
            return error("readapidenied")
        return self._query(asked, _signed_in(request))

    def _query(self, asked: Mapping[str, str], signed: bool) -> Response:
        lists: Mapping[str, Callable[[Mapping[str, str]], Response]] = {
            "allrevisions": self._versions,
            "logevents": self._logged,
            "allpages": self._all,
            "categorymembers": self._members,
        }
        if "list" in asked:
            return lists[asked["list"]](asked)
        if asked.get("generator") == "allpages":
            rows = [row for row in self.pages if str(row["ns"]) == asked["gapnamespace"] and not row["redirect"]]
            return json_response({"query": {"pages": [_shown(row) | {"categories": _categories(row)} for row in rows]}})
        if "meta" in asked:
            return json_response({"batchcomplete": True, "query": self._itself(signed)})
        if "titles" in asked:
            return json_response({"query": {"pages": [self._titled(title) for title in asked["titles"].split("|")]}})
        return self._history(asked) if "rvlimit" in asked else self._whole(asked)

    def _itself(self, signed: bool) -> Row:
        spaces = {str(number): {"id": number, "name": name} for number, name in NAMESPACES.items()}
        general = {"generator": self.generator, "articlepath": self.articlepath, "time": "2026-03-02T12:00:00Z"}
        account: Row = {"id": 7, "name": "Reader"} if signed else {"id": 0, "name": "127.0.0.1", "anon": True}
        return {"general": general, "namespaces": spaces, "userinfo": {**account, "rights": ["read"]}}

    def _titled(self, title: str) -> Row:
        found = self._by_title.get(title)
        return _shown(found) if found else {"ns": 0, "title": title, "missing": True}

    def _versions(self, asked: Mapping[str, str]) -> Response:
        spaces = asked["arvnamespace"].split("|")
        rows = [
            each for each in self._feed if str(each[1]["ns"]) in spaces and _within(each[0]["timestamp"], asked, "arv")
        ]
        part, behind = self._cut(rows, asked, "arv")
        listed: dict[int, dict[str, Any]] = {}
        for each, row in part:
            entry = listed.setdefault(row["pageid"], {**_shown(row), "revisions": []})
            entry["revisions"].append({"revid": each["revid"], "parentid": each["parentid"]})
        return json_response({**behind, "query": {"allrevisions": list(listed.values())}})

    def _logged(self, asked: Mapping[str, str]) -> Response:
        rows = [row for row in self.log if row["type"] == asked["letype"] and _within(row["timestamp"], asked, "le")]
        part, behind = self._cut(rows, asked, "le")
        return json_response({**behind, "query": {"logevents": part}})

    def _all(self, asked: Mapping[str, str]) -> Response:
        rows = [_shown(row) for row in self.pages if str(row["ns"]) == asked["apnamespace"] and not row["redirect"]]
        part, behind = self._cut(rows, asked, "ap")
        return json_response({**behind, "query": {"allpages": part}})

    def _members(self, asked: Mapping[str, str]) -> Response:
        inside = [row for row in self.pages if asked["cmtitle"] in [each["title"] for each in _categories(row)]]
        part, behind = self._cut([{"pageid": row["pageid"]} for row in inside], asked, "cm")
        return json_response({**behind, "query": {"categorymembers": part}})

    def _cut(self, rows: Sequence[Any], asked: Mapping[str, str], prefix: str) -> tuple[Sequence[Any], Row]:
        start, limit = int(asked.get(f"{prefix}continue", "0")), asked[f"{prefix}limit"]
        size = self.most if limit == "max" else min(int(limit), 50)
        end = start + size
        behind = {"continue": {f"{prefix}continue": str(end), "continue": "-||"}} if end < len(rows) else {}
        return rows[start:end], behind

    def _history(self, asked: Mapping[str, str]) -> Response:
        row = self._by_id[asked["pageids"]]
        part, behind = self._cut(row["versions"], asked, "rv")
        return json_response({**behind, "query": {"pages": [{**_shown(row), "revisions": part}]}})

    def _whole(self, asked: Mapping[str, str]) -> Response:
        found: dict[int, Row] = {}
        led: list[Row] = []
        missing = []
        for number in asked["pageids"].split("|"):
            row = self._by_id.get(number)
            while row and row["redirect"]:
                led.append({"from": row["title"], "to": row["redirect"]})
                row = self._by_title.get(led[-1]["to"])
            if row:
                found[row["pageid"]] = row
            else:
                missing.append({"pageid": int(number), "missing": True})
        step = int(asked.get("clcontinue", "0"))
        shown = [*(self._piece(row, step) for row in found.values()), *missing]
        behind = {"continue": {"clcontinue": str(step + 1), "continue": "||"}} if step < 2 else {"batchcomplete": True}
        if self.at_once:
            shown = [{**self._piece(row, 2), **self._piece(row, 1), **self._piece(row, 0)} for row in found.values()]
            behind = {}
        return json_response({**behind, "query": {"redirects": led, "pages": shown}})

    def _piece(self, row: Row, step: int) -> Row:
        if step == 0:
            newest = row["versions"][-1:]
            last = newest[0]["revid"] if newest else 0
            return {**_shown(row), "lastrevid": last, "pagelanguage": "en", "revisions": newest}
        if step == 1:
            return {**_shown(row), "categories": _categories(row)}
        to = [each for each in self._redirects if each["redirect"] == row["title"]]
        return {**_shown(row), "redirects": [_shown(each) for each in to]}


def _signed_in(request: Request) -> bool:
    cookies, bearer = request.headers.get("cookie", ""), request.headers.get("authorization", "")
    return ("wiki_session=abc123" in cookies and "wikiUserName=Reader" in cookies) or bearer == f"Bearer {TOKEN}"


def _shown(row: Row) -> dict[str, Any]:
    return {"pageid": row["pageid"], "ns": row["ns"], "title": row["title"]}


def _categories(row: Row) -> Sequence[Row]:
    if "categories" in row:
        given: Sequence[Row] = row["categories"]
        return given
    text = row["versions"][-1]["slots"]["main"]["content"] if row["versions"] else ""
    names = [part.partition("]]")[0] for part in text.split("[[Category:")[1:]]
    return [{"ns": 14, "title": f"Category:{name}"} for name in names]


def _within(at: str, asked: Mapping[str, str], prefix: str) -> bool:
    return asked.get(f"{prefix}start", "") <= at <= asked.get(f"{prefix}end", "~")
