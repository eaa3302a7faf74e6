"""GET /metrics: the kept bytes, for this machine or for whoever has the token."""

import hmac
import threading

from flask import Blueprint, Response, current_app, request

from kpulse.errors import StoreError
from kpulse.installation import Installation
from kpulse.log import get_log
from kpulse.metrics.snapshot import OPENMETRICS, TEXT, Snapshot, read_snapshot, read_time
from kpulse.values.access import is_direct

blueprint = Blueprint("metrics", __name__)
TYPES = {
    TEXT: "text/plain; version=0.0.4; charset=utf-8",
    OPENMETRICS: "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
NOTHING_YET = b"# no metrics yet: the worker has not finished its first refresh\n"


class Kept:
    """The snapshots in memory, read again only when a newer one was made."""

    def __init__(self, installation: Installation) -> None:
        self._database = installation.database
        self._lock = threading.Lock()
        self._kept: dict[str, Snapshot] = {}

    def get(self, name: str) -> Snapshot | None:
        """The newest snapshot of that name; while the database fails, the last one that was read."""
        kept = self._kept.get(name)
        try:
            fresh = self._read(name, kept)
        except StoreError as error:
            if kept is None:
                raise
            get_log().warning("metrics are served from memory", reason=str(error))
            return kept
        with self._lock:
            if fresh is not None:
                self._kept[name] = fresh
        return fresh

    def _read(self, name: str, kept: Snapshot | None) -> Snapshot | None:
        with self._database.reading() as connection:
            made_at = read_time(connection, name)
            if made_at is None or (kept is not None and kept.made_at == made_at):
                return kept
            return read_snapshot(connection, name)


@blueprint.get("/metrics")
def metrics() -> Response:
    """The metrics in text or OpenMetrics, plain or gzipped, as the scraper asks."""
    installation: Installation = current_app.extensions["installation"]
    if not _is_allowed(installation.settings.metrics_token.get_secret_value()):
        answer = Response("Send the token of KPULSE_METRICS_TOKEN as a bearer token.\n", 401, content_type="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    form = OPENMETRICS if "application/openmetrics-text" in request.headers.get("Accept", "") else TEXT
    zipped = request.accept_encodings["gzip"] > 0
    kept: Kept = current_app.extensions.setdefault("kept_metrics", Kept(installation))
    snapshot = kept.get(f"{form}.gz" if zipped else form)
    answer = Response(
        NOTHING_YET if snapshot is None else snapshot.body, content_type=TYPES[form if snapshot else TEXT]
    )
    if zipped and snapshot is not None:
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = "Accept, Accept-Encoding"
    return answer


@blueprint.errorhandler(StoreError)
def explain_failure(error: StoreError) -> Response:
    """One sentence for whoever reads the scraper's log."""
    return Response(f"{error}\n", 503, content_type="text/plain")


def _is_allowed(token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return hmac.compare_digest(given.strip().encode(), token.encode())
    return not token and is_direct(request.remote_addr, dict(request.headers))
