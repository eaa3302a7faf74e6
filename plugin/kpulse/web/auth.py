"""Signing in and out, and what a role may do."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user

from kpulse.installation import Installation
from kpulse.store import sources
from kpulse.values.access import is_direct, is_open
from kpulse.web import accounts
from kpulse.web.security import limiter, needs_tls

P = ParamSpec("P")
R = TypeVar("R")
blueprint = Blueprint("auth", __name__)
ATTEMPTS = "10 per 5 minutes"


def init_app(app: Flask) -> None:
    """Remember who is signed in."""
    manager = LoginManager(app)
    manager.session_protection = "strong"
    manager.user_loader(accounts.load)
    app.context_processor(lambda: {"may": may, "installation": current_app.extensions["installation"]})


def may(role: str) -> bool:
    """Whether the one who is signed in has the rights of ``role``."""
    return bool(current_user.is_authenticated and current_user.may(role))


def require(role: str) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Only for accounts with the rights of ``role``; others sign in first or are told why not."""

    def guard(view: Callable[P, Any]) -> Callable[P, Any]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            if not current_user.is_authenticated:
                return ask_to_sign_in()
            if not may(role):
                abort(403, f"This page is for the role {accounts.ROLE_WORDS[role]}; you are signed in as "
                           f"{accounts.ROLE_WORDS[current_user.role]}. Ask an administrator.")  # fmt: skip
            return view(*args, **kwargs)

        return guarded

    return guard


def readable(view: Callable[P, Any]) -> Callable[P, Any]:
    """For everybody who is signed in, and for everybody at all while only a synthetic company is shown on this machine."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        if current_user.is_authenticated or _everybody():
            return view(*args, **kwargs)
        return ask_to_sign_in()

    return guarded


def ask_to_sign_in() -> ResponseReturnValue:
    """The way to the sign-in page, or for scripts the plain fact."""
    if request.path.endswith(".json"):
        return {"error": "Sign in first.", "kind": "access"}, 401
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=wanted))


def _everybody() -> bool:
    installation: Installation = current_app.extensions["installation"]
    with installation.database.reading() as connection:
        known = sources.list_sources(connection)
    return is_open(installation.settings.host, known) and is_direct(request.remote_addr, dict(request.headers))


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """The form."""
    if current_user.is_authenticated:
        return redirect(local_path(request.args.get("next")))
    return _show()


@blueprint.post("/sign-in")
@limiter.limit(ATTEMPTS, deduct_when=lambda response: response.status_code != 302)
def check_sign_in() -> ResponseReturnValue:
    """Sign in, or say that it did not work without saying why."""
    account = accounts.find(request.form.get("name", "").strip(), request.form.get("password", ""))
    if account is None:
        return _show("Name and password do not fit together. Try again, or ask an administrator."), 401
    begin_session(account)
    return redirect(local_path(request.args.get("next")))


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Forget who was signed in."""
    logout_user()
    session.clear()
    return redirect(url_for("leader.show"))


def begin_session(account: accounts.Account) -> None:
    """Sign ``account`` in, in a session that holds nothing from before."""
    session.clear()
    session.permanent = True
    login_user(account)


def local_path(wanted: str | None) -> str:
    """``wanted`` if it leads to a page of ours, else the leader page."""
    if wanted and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable():
        return wanted
    return url_for("leader.show")


def _show(problem: str = "") -> str:
    installation: Installation = current_app.extensions["installation"]
    with installation.database.reading() as connection:
        first = not accounts.count(connection)
    plain = needs_tls(installation.settings) and not request.is_secure
    return render_template("sign_in.html", problem=problem, first=first, plain=plain, name=request.form.get("name", ""))
