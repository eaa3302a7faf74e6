"""The real systems start, serve, stay apart and end with the test session."""

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from tests.conftest import ROOT, StartPrometheus
from tests.systems import owned

PATIENCE_SECONDS = 60


class Page(http.server.BaseHTTPRequestHandler):
    """Serves one metric to whoever shows the token."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Bearer let-me-in"
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"kpulse_answer 42\n" if known else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output quiet."""


@pytest.fixture
def target() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def eventually(ask: Callable[[], object]) -> object:
    """What ``ask`` says as soon as it is something, or its last answer when patience ends."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(0.2)
    return answer


def values(url: str, expression: str) -> list[str]:
    found = requests.get(f"{url}/api/v1/query", params={"query": expression}, timeout=10).json()
    return [row["value"][1] for row in found["data"]["result"]]


def begin(address: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(address.replace("+psycopg", "", 1), autocommit=True)


def test_each_test_gets_an_empty_database_of_its_own(postgres: str) -> None:
    with owned.fresh_database(postgres) as first, owned.fresh_database(postgres) as second:
        with begin(first) as one, begin(second) as two:
            one.execute("CREATE TABLE mark (n int)")
            assert two.execute("SELECT to_regclass('mark')").fetchone() == (None,)
            assert one.execute("SELECT to_regclass('mark') IS NOT NULL").fetchone() == (True,)
        name = first.rsplit("/", 1)[1]
    with begin(postgres) as connection:
        assert connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None


def test_postgres_listens_on_loopback_only_and_wants_its_password(postgres_url: str) -> None:
    with begin(postgres_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    wrong = postgres_url.replace("+psycopg", "", 1).replace("kpulse:", "kpulse:not-", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_prometheus_scrapes_with_a_token_and_alerts(prometheus: StartPrometheus, target: str, tmp_path: Path) -> None:
    bearer = tmp_path / "token"
    bearer.write_text("let-me-in")
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: a, rules: [{alert: Answered, expr: kpulse_answer == 42}]}]\n")
    server = prometheus(target, bearer=bearer, rules=rules, alertmanager_hook="http://127.0.0.1:9/")
    assert eventually(lambda: values(server.url, "kpulse_answer")) == ["42"]
    alerts = eventually(lambda: requests.get(f"{server.words[0]}/api/v2/alerts", timeout=10).json())
    assert isinstance(alerts, list)
    assert [alert["labels"]["alertname"] for alert in alerts] == ["Answered"]


def test_prometheus_sees_a_refused_scrape(prometheus: StartPrometheus, target: str) -> None:
    server = prometheus(target)
    assert eventually(lambda: values(server.url, "up")) == ["0"]


def test_chromium_is_one_that_starts(chromium: str) -> None:
    said = subprocess.run([chromium, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert "Chrom" in said.stdout


@pytest.mark.parametrize(
    ("script", "prefix", "package"), [("postgres.sh", "PG", "postgresql"), ("prometheus.sh", "PM", "prometheus")]
)
def test_a_script_names_the_package_that_it_misses(script: str, prefix: str, package: str, tmp_path: Path) -> None:
    text = (owned.SCRIPTS / script).read_text().replace("/usr/lib/postgresql", str(tmp_path / "nowhere"))
    text = text.replace('command -v "$1"', "false")
    (tmp_path / script).write_text(text)
    env = {**os.environ, f"{prefix}_HOME": str(tmp_path / "home"), f"{prefix}_PORT": "1", "TARGET": "127.0.0.1:1"}
    done = subprocess.run(
        ["/bin/bash", str(tmp_path / script), "up"], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.split()[:3]) == (owned.MISSING_PACKAGE, [package, "is", "missing:"])


@pytest.mark.real
@pytest.mark.usefixtures("postgres")  # only to skip where PostgreSQL is not installed
def test_a_killed_session_leaves_nothing_behind() -> None:
    code = "from tests.systems import owned; s = owned.start_postgres(); print(s.home, s.url, flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as session:
        assert session.stdout is not None
        home, url = session.stdout.readline().split()
        begin(url).close()
        session.kill()
    assert eventually(lambda: not Path(home).exists())
    with pytest.raises(psycopg.OperationalError, match="refused"):
        begin(url)


def test_a_missing_package_skips_by_name_or_fails_where_real_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "absent.sh"
    script.write_text('#!/bin/sh\n[ "$1" = down ] || { echo "absent is missing" >&2; exit 3; }\n')
    script.chmod(0o755)
    monkeypatch.setattr(owned, "SCRIPTS", tmp_path)
    monkeypatch.delenv("KPULSE_REQUIRE_REAL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install absent-package"):
        owned.start("absent.sh", {}, ["absent-package"], prefix="ABSENT")
    monkeypatch.setenv("KPULSE_REQUIRE_REAL", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install absent-package"):
        owned.start("absent.sh", {}, ["absent-package"], prefix="ABSENT")


def test_a_system_that_cannot_start_fails_with_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "broken.sh"
    script.write_text('#!/bin/sh\n[ "$1" = down ] || { echo "no space left" >&2; exit 1; }\n')
    script.chmod(0o755)
    monkeypatch.setattr(owned, "SCRIPTS", tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"broken.sh did not start: no space left"):
        owned.start("broken.sh", {}, ["broken"], prefix="BROKEN")
