"""The house rules that a machine can keep: sizes, names, docstrings, layers and what must never be written down."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

import kpulse
from tests.conftest import ROOT

SOURCES = ("plugin", "connectors", "dashboards", "tests", "benchmarks")
LINES_OF_A_FILE = 500
LINES_OF_A_TEST_FILE = 800
LINES_OF_A_FUNCTION = 60
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common"}
TEXT = {".py", ".toml", ".cfg", ".md", ".sh", ".yml", ".yaml", ".json", ".html", ".js", ".css", ".txt", ".mako", ""}

# Put together here, so that this file does not hold what it forbids.
MACHINE_PATH = re.compile(r"(?<![\w.~/}-])/" + "(?:work|root|home/[a-z]+|Users/[A-Za-z]+)/")
SHARED_PATH = re.compile(r"\.\./" + "shared")
REGISTRY_HOST = re.compile(
    "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)", "jfrog" + r"\.io"])
)


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository, also those not yet committed but not ignored."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


@cache
def modules() -> tuple[Path, ...]:
    return tuple(path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in SOURCES)


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of what people wrote; vendored files speak for themselves."""
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in TEXT and "/vendor/" not in name:
            yield name, path.read_text(encoding="utf-8")


def found(pattern: re.Pattern[str], name: str, text: str) -> Iterator[str]:
    for match in pattern.finditer(text):
        yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"


def is_test(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] == "tests"


def is_migration(path: Path) -> bool:
    return "migrations" in path.parts


def test_there_is_something_to_check() -> None:
    assert {ROOT / "plugin/kpulse/records.py", Path(__file__)} <= set(modules())


def test_files_stay_short() -> None:
    def limit(path: Path) -> int:
        return LINES_OF_A_TEST_FILE if is_test(path) else LINES_OF_A_FILE

    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > limit(path)] == []


def test_functions_stay_short() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in modules()
        if not is_migration(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_modules_are_named_for_what_they_hold() -> None:
    vague = [
        path for path in modules() if VAGUE_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]
    assert vague == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        path
        for path in modules()
        if not is_migration(path)
        and (text := path.read_text(encoding="utf-8")).strip()
        and ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []


def test_nothing_names_a_machine_or_a_registry() -> None:
    named = [
        hit for name, text in texts() for pattern in (MACHINE_PATH, REGISTRY_HOST) for hit in found(pattern, name, text)
    ]
    assert named == []


def test_only_tests_know_of_material_beside_the_repository() -> None:
    named = [hit for name, text in texts() if not name.startswith("tests/") for hit in found(SHARED_PATH, name, text)]
    assert named == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, 'open("/' + 'root/notes.txt")'),
        (MACHINE_PATH, "see /" + "home/someone/file"),
        (REGISTRY_HOST, "https://py" + "pi.org/simple"),
        (SHARED_PATH, "../" + "shared/data"),
    ],
)
def test_the_patterns_find_what_they_forbid(pattern: re.Pattern[str], text: str) -> None:
    assert [hit.split(": ")[0] for hit in found(pattern, "file", f"first line\n{text}\n")] == ["file:2"]


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    headings = [
        line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line.startswith("## ")
    ]
    assert headings[0] == "## Unreleased"


def test_the_version_is_one() -> None:
    assert version("knowledge-pulse") == kpulse.__version__


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
