"""What protects every page: headers, cookies, form tokens and a limit on attempts."""

from datetime import timedelta

from flask import Blueprint, Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFProtect
from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)

from kpulse.installation import Installation
from kpulse.settings import Settings
from kpulse.values.access import is_loopback

LARGEST_UPLOAD = 1024 * 1024 * 1024
SESSION_HOURS = 12
ASSET_SECONDS = 3600

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=False)


def init_app(app: Flask, installation: Installation) -> None:
    """Sign sessions with the installation's key and protect all answers."""
    settings = installation.settings
    app.secret_key = installation.keyring.session_key()
    app.config.update(
        SESSION_COOKIE_NAME="kpulse",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=needs_tls(settings),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=LARGEST_UPLOAD,
        SEND_FILE_MAX_AGE_DEFAULT=ASSET_SECONDS,
        TEMPLATES_AUTO_RELOAD=False,
    )
    csrf.init_app(app)
    limiter.init_app(app)
    headers = make_headers(tls=settings.public_url.startswith("https:")).headers

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def exempt(blueprint: Blueprint) -> None:
    """Machines send no form tokens: what they call only reads."""
    csrf.exempt(blueprint)


def needs_tls(settings: Settings) -> bool:
    """Whether sign-in cookies only travel over https: always, unless the service is used on this machine, or its public
    address says that it is plain http."""
    if settings.public_url:
        return settings.public_url.startswith("https:")
    return not is_loopback(settings.host)


def make_headers(*, tls: bool) -> Secure:
    """Headers under which a page runs no script and no style but our own files."""
    policy = (
        ContentSecurityPolicy()
        .default_src("'none'")
        .script_src("'self'")
        .style_src("'self'")
        .img_src("'self'", "data:")
        .font_src("'self'")
        .connect_src("'self'")
        .form_action("'self'")
        .base_uri("'none'")
        .frame_ancestors("'none'")
    )
    return Secure(
        csp=policy,
        xfo=XFrameOptions().deny(),
        xcto=XContentTypeOptions().nosniff(),
        referrer=ReferrerPolicy().same_origin(),
        coop=CrossOriginOpenerPolicy().same_origin(),
        corp=CrossOriginResourcePolicy().same_origin(),
        hsts=StrictTransportSecurity().max_age(31_536_000) if tls else None,
    )
