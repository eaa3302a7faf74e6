"""Who may see what, the one-time set-up link, form tokens, throttling and headers."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from kpulse.installation import Installation
from kpulse.settings import load
from kpulse.store import tables as t
from kpulse.web import accounts
from kpulse.web.auth import local_path
from kpulse.web.security import needs_tls
from kpulse.web.setup import make_setup_link
from tests.web.conftest import PASSWORD, Browser, add, add_desk

BASE = "http://127.0.0.1:8480"
FIRST = {"name": "Kim", "password": PASSWORD, "again": PASSWORD}


def add_demo(installation: Installation) -> None:
    add(installation, "demo", {"anchor": "2025-06-30"}, name="Demo")


def test_everybody_may_look_while_all_is_synthetic_and_on_this_machine(
    installation: Installation, anybody: Browser
) -> None:
    add_demo(installation)
    assert anybody.get("/").status_code == 200
    assert anybody.get("/indicators/link_rate").status_code == 200
    assert anybody.get("/progress.json").status_code == 200


def test_a_forwarded_request_is_not_from_this_machine(installation: Installation, anybody: Browser) -> None:
    add_demo(installation)
    assert anybody.get("/", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 302


def test_a_real_source_closes_the_pages(installation: Installation, anybody: Browser) -> None:
    add_demo(installation)
    add_desk(installation)
    answer = anybody.get("/")
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/")
    assert anybody.get("/progress.json").status_code == 401


def test_sources_are_for_km_leads_even_when_the_pages_are_open(installation: Installation, anybody: Browser) -> None:
    add_demo(installation)
    for path in ("/sources/", "/sources/new", "/sources/new/files", "/sources/1", "/sources/1/edit"):
        assert anybody.get(path).location.startswith("/sign-in")
    assert anybody.get("/sources/status.json").status_code == 401


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("leader", 403), ("coach", 403), ("km_lead", 200), ("admin", 200)]
)
def test_roles(sign_in: Callable[[str], Browser], installation: Installation, role: str, status: int) -> None:
    add_desk(installation)
    browser = sign_in(role)
    assert browser.get("/").status_code == 200
    answer = browser.get("/sources/")
    assert answer.status_code == status
    if status == 403:
        assert "Ask an administrator" in answer.get_data(as_text=True)


def test_the_setup_link_makes_one_administrator_and_is_then_dead(installation: Installation, app: Flask) -> None:
    link = make_setup_link(installation, BASE)
    assert link is not None
    path = urlsplit(link).path
    browser = Browser(app.test_client())
    browser.read(path)
    answer = browser.post(path, FIRST)
    assert (answer.status_code, answer.location) == (302, "/sources/")
    assert browser.get("/sources/").status_code == 200
    other = Browser(app.test_client())
    other.get("/sign-in")
    assert other.get(path).status_code == 404
    assert other.post(path, {**FIRST, "name": "Robin"}).status_code == 404
    assert make_setup_link(installation, BASE) is None
    with installation.database.reading() as connection:
        assert connection.execute(select(t.account.c.name, t.account.c.role)).all() == [("Kim", "admin")]
        assert [what for _, _, what in accounts.list_changes(connection)] == ["account Kim added as admin"]


def test_a_newer_link_makes_the_older_void_and_neither_is_stored(installation: Installation, anybody: Browser) -> None:
    old, new = (urlsplit(make_setup_link(installation, BASE) or "").path for _ in range(2))
    assert anybody.get(old).status_code == 404
    assert anybody.get(new).status_code == 200
    with installation.database.reading() as connection:
        notes = connection.execute(select(t.note.c.value)).scalars().all()
    assert not any(new.rsplit("/", 1)[1] in note for note in notes)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"again": "another sentence"}, "The two passwords differ"),
        ({"name": "  "}, "Choose a name"),
    ],
)
def test_a_bad_first_account_is_explained_and_the_link_lives_on(
    installation: Installation, anybody: Browser, change: dict[str, str], sentence: str
) -> None:
    path = urlsplit(make_setup_link(installation, BASE) or "").path
    anybody.read(path)
    answer = anybody.post(path, {**FIRST, **change})
    assert answer.status_code == 400
    assert sentence in answer.get_data(as_text=True)
    assert anybody.post(path, FIRST).status_code == 302


def test_a_form_without_its_token_is_refused(installation: Installation, km_lead: Browser) -> None:
    source = add_desk(installation)
    for path in (f"/sources/{source.id}/pause", f"/sources/{source.id}/remove", "/sources/new/desk", "/sign-out"):
        assert km_lead.client.post(path).status_code == 400
    with installation.database.reading() as connection:
        assert connection.execute(select(t.source.c.enabled)).scalars().all() == [1]


def test_wrong_passwords_are_throttled(sign_in: Callable[[str], Browser], app: Flask) -> None:
    sign_in("leader")
    browser = Browser(app.test_client())
    browser.read("/sign-in")
    wrong = {"name": "Some leader", "password": "not the right one"}
    seen = [browser.post("/sign-in", wrong).status_code for _ in range(11)]
    assert seen == [401] * 10 + [429]
    blocked = browser.post("/sign-in", {"name": "Some leader", "password": PASSWORD})
    assert "Wait five minutes" in blocked.get_data(as_text=True)


def test_signing_out_ends_the_session(installation: Installation, km_lead: Browser) -> None:
    add_desk(installation)
    km_lead.read("/")
    assert km_lead.post("/sign-out").status_code == 302
    assert km_lead.get("/").status_code == 302


def test_another_password_ends_old_sessions(installation: Installation, km_lead: Browser) -> None:
    add_desk(installation)
    with installation.database.writing() as connection:
        connection.execute(t.account.update().values(password="$argon2id$of-another-password"))
    assert km_lead.get("/").status_code == 302


def test_sign_in_leads_only_to_our_own_pages(app: Flask) -> None:
    with app.test_request_context():
        assert local_path("/sources/?a=1") == "/sources/?a=1"
        for foreign in ("https://example.org/", "//example.org", "/\\example.org", "", None, "/a\nb"):
            assert local_path(foreign) == "/"


def test_headers_and_cookies(installation: Installation, anybody: Browser) -> None:
    answer = anybody.get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_cookies_need_https_unless_on_this_machine() -> None:
    assert not needs_tls(load(host="127.0.0.1"))
    assert needs_tls(load(host="0.0.0.0"))
    assert needs_tls(load(host="127.0.0.1", public_url="https://pulse.example.org"))
    assert not needs_tls(load(host="0.0.0.0", public_url="http://pulse.internal.example"))


def test_no_page_has_inline_script_or_style(installation: Installation, km_lead: Browser) -> None:
    add_demo(installation)
    pages = [
        "/",
        "/sources/",
        "/sources/new",
        "/sources/new/desk",
        "/sources/1",
        "/sources/1/remove",
        "/indicators/link_rate",
    ]
    for path in pages:
        text = km_lead.read(path)
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", text), path
        for tag in re.findall(r"<script[^>]*>", text):
            assert "src=" in tag or 'type="application/json"' in tag, path


def test_unknown_pages_and_names_are_explained(installation: Installation, km_lead: Browser) -> None:
    for path in ("/nowhere", "/sources/77", "/sources/new/nonsense", "/indicators/nonsense"):
        answer = km_lead.get(path)
        assert answer.status_code == 404
        assert "Back to the overview" in answer.get_data(as_text=True)
