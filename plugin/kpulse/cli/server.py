"""The web server: gunicorn with one process and threads, so that what it counts and keeps in memory is one truth."""

from typing import Any

from gunicorn.app.base import BaseApplication

from kpulse.app import create_app
from kpulse.installation import Installation
from kpulse.settings import Settings


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn configured from our settings; the application is made in the process that serves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn what to do."""
        options: dict[str, Any] = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._settings.threads,
            "timeout": 120,
            "graceful_timeout": 10,
            "keepalive": 30,
            "accesslog": None,
            "loglevel": "warning",
            "proc_name": "kpulse",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI application."""
        return create_app(Installation.open(self._settings))


def serve_web(settings: Settings) -> None:
    """Serve until told to stop."""
    Server(settings).run()
