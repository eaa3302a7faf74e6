"""Every error as a page in plain words."""

from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from kpulse.errors import ConfigError, KpulseError, UsageError
from kpulse.log import get_log

PLAIN = {
    400: ("This request could not be understood", "Go back, load the page again and repeat what you did."),
    403: ("You may not do this", "Ask an administrator for the right to do it."),
    404: ("There is no such page", "The address may be mistyped, or what it showed was removed."),
    405: ("This cannot be called like that", "Go back to the page and use its buttons."),
    413: ("This file is too large", "Upload at most 1 GB; export a shorter period, or put the file on the server."),
    429: ("Too many attempts", "Wait five minutes, then try again."),
    500: ("Something went wrong here", "It was written to the service's log; your data are safe. Please try again."),
    503: ("This is not available now", "Please try again in a minute."),
}


def init_app(app: Flask) -> None:
    """Show errors as pages, to scripts as JSON."""
    app.register_error_handler(KpulseError, explain_ours)
    app.register_error_handler(HTTPException, explain_http)
    app.register_error_handler(Exception, explain_unknown)


def explain_ours(error: KpulseError) -> ResponseReturnValue:
    """Our own errors carry the sentence to show."""
    status = 400 if isinstance(error, ConfigError | UsageError) else 503
    return _show(status, str(error))


def explain_http(error: HTTPException) -> ResponseReturnValue:
    """What Flask refuses; our own sentence where there is one."""
    status = error.code or 500
    own = error.description if error.description != type(error).description and status != 429 else None
    return _show(status, own) if status >= 400 else error.get_response()


def explain_unknown(error: Exception) -> ResponseReturnValue:
    """The seam: whatever breaks in a page ends here, in the log and as a page."""
    get_log().exception("a page failed", path=request.path, exc_info=error)
    return _show(500, None)


def _show(status: int, sentence: str | None) -> tuple[Response | str, int]:
    title, advice = PLAIN.get(status, PLAIN[500 if status >= 500 else 400])
    if request.path.endswith(".json"):
        return jsonify(error=sentence or advice, kind="http"), status
    return render_template("error.html", status=status, title=title, sentence=sentence or advice), status
