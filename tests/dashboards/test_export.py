"""``kpulse dashboards export``: a tree that Grafana and Prometheus can be started with."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kpulse.cli import main
from tests.systems.owned import missing

FILES = {
    "prometheus/prometheus.yml",
    "grafana/provisioning/datasources/kcs.yaml",
    "grafana/provisioning/dashboards/kcs.yaml",
    "grafana/dashboards/kcs/kcs-leaders.json",
}


def export(folder: Path, *options: str) -> None:
    done = CliRunner().invoke(main, ["dashboards", "export", str(folder), *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def check_config(path: Path) -> subprocess.CompletedProcess[str]:
    promtool = shutil.which("promtool") or missing("promtool", ["prometheus"])
    return subprocess.run([promtool, "check", "config", str(path)], capture_output=True, text=True, check=False)


def test_the_tree_is_complete_and_holds_no_placeholder(tmp_path: Path) -> None:
    export(tmp_path, "--target", "pulse.example:8480")
    assert written(tmp_path) == FILES
    assert [name for name in FILES if "@" in (tmp_path / name).read_text(encoding="utf-8")] == []


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret", encoding="utf-8")
    export(tmp_path / "open", "--target", "127.0.0.1:9999")
    export(tmp_path / "guarded", "--target", "pulse.example:443", "--https", "--token-file", str(token))
    for name in ("open", "guarded"):
        done = check_config(tmp_path / name / "prometheus" / "prometheus.yml")
        assert done.returncode == 0, done.stdout + done.stderr
    plain = (tmp_path / "open/prometheus/prometheus.yml").read_text(encoding="utf-8")
    guarded = (tmp_path / "guarded/prometheus/prometheus.yml").read_text(encoding="utf-8")
    assert "authorization" not in plain
    assert 'scheme: "http"\n' in plain
    assert "authorization:\n      type: Bearer\n" in guarded
    assert f'credentials_file: "{token}"\n' in guarded
    assert 'scheme: "https"\n' in guarded
    assert '- targets: ["pulse.example:443"]\n' in guarded


def test_grafana_is_told_where_everything_is(tmp_path: Path) -> None:
    export(
        tmp_path,
        *("--prometheus", "http://prom.example:9090", "--dashboards-path", "/srv/kcs"),
        *("--leader-page", "https://pulse.example/"),
    )
    folder = tmp_path / "grafana"
    source = (folder / "provisioning/datasources/kcs.yaml").read_text(encoding="utf-8")
    provider = (folder / "provisioning/dashboards/kcs.yaml").read_text(encoding="utf-8")
    dashboard = json.loads((folder / "dashboards/kcs/kcs-leaders.json").read_text())
    pages = [one["query"] for one in dashboard["templating"]["list"] if one["name"] == "leader_page"]
    assert 'url: "http://prom.example:9090"\n' in source
    assert 'path: "/srv/kcs"\n' in provider
    assert pages == ["https://pulse.example/"]


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    own = tmp_path / "grafana/dashboards/ours/mine.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}", encoding="utf-8")
    export(tmp_path)
    export(tmp_path)
    assert own.read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("value", ['a"b:1', "a\\b:1", "a:1\nx: y"])
def test_a_value_that_would_break_the_file_is_refused(tmp_path: Path, value: str) -> None:
    command = [sys.executable, "-m", "kpulse", "dashboards", "export", str(tmp_path / "x"), "--target", value]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 2
    assert "leave out quotes and backslashes" in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "kpulse", "dashboards", "export", str(tmp_path / "file" / "deeper")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
