"""``kpulse connector new`` writes a package whose own tests pass at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kpulse.cli import main
from tests.conftest import ROOT


def test_a_new_connector_passes_its_tests_at_once(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["connector", "new", "acme_desk", "--in", str(tmp_path)])
    assert done.exit_code == 0, done.output
    made = tmp_path / "kpulse-acme_desk"
    assert "@@" not in "".join(path.read_text() for path in made.rglob("*") if path.is_file())
    roots = os.pathsep.join(str(path) for path in (made, made / "tests", ROOT / "plugin"))
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=made,
        env={**os.environ, "PYTHONPATH": roots},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "skipped" not in tests.stdout


@pytest.mark.parametrize("name", ["Acme", "9lives", "a-b", "class", "../x", ""])
def test_a_name_that_python_cannot_import_is_refused(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["connector", "new", "--in", str(tmp_path), "--", name])
    assert done.exit_code == 2
    assert "cannot name a connector" in done.output
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    again = ["connector", "new", "acme", "--in", str(tmp_path)]
    assert CliRunner().invoke(main, again).exit_code == 0
    done = CliRunner().invoke(main, again)
    assert done.exit_code == 2
    assert "is there already" in done.output
