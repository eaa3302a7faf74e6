"""Uploaded files: each in a folder of its own with a random name, which only the service may read."""

import secrets
import shutil
import time
import tomllib
from collections.abc import Collection
from pathlib import Path

from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename

FOLDER = "uploads"
FORGOTTEN_SECONDS = 24 * 3600


def store(data_dir: Path, upload: FileStorage) -> Path:
    """Keep an uploaded file and return its path."""
    folder = data_dir.resolve() / FOLDER / secrets.token_urlsafe(16)
    folder.mkdir(parents=True, mode=0o700)
    path = folder / (secure_filename(upload.filename or "") or "file")
    upload.save(path)
    path.chmod(0o600)
    return path


def is_upload(data_dir: Path, path: str) -> bool:
    """Whether a path leads to an uploaded file."""
    return Path(path).resolve().is_relative_to(data_dir.resolve() / FOLDER)


def discard(data_dir: Path, path: str) -> None:
    """Delete an uploaded file; other paths are left alone."""
    if path and is_upload(data_dir, path):
        shutil.rmtree(Path(path).resolve().parent, ignore_errors=True)


def discard_forgotten(data_dir: Path, used: Collection[str]) -> None:
    """Delete files that were uploaded for a test a day ago and that no source uses."""
    root = data_dir.resolve() / FOLDER
    kept = {Path(path).resolve().parent for path in used if path}
    for folder in root.iterdir() if root.is_dir() else ():
        if folder not in kept and time.time() - folder.stat().st_mtime > FORGOTTEN_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def names_files(path: Path) -> bool:
    """Whether a mapping file names further files, which only an administrator may do."""
    if path.suffix.lower() != ".toml":
        return False
    try:
        return any(name.endswith("_file") for name in _names(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        return False


def _names(table: dict[str, object]) -> set[str]:
    found = set(table)
    for value in table.values():
        if isinstance(value, dict):
            found |= _names(value)
    return found
