"""The settings that hold: what was filled in, before what the mapping file says, before the defaults."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kpulse.sdk import ConfigError

from .settings import FilesSettings

FILES = ("tickets_file", "articles_file", "links_file")


def merge_mapping(settings: FilesSettings) -> FilesSettings:
    """The settings with those of the mapping file under them; ConfigError where that file cannot be used.

    A setting counts as filled in when it differs from its default, because a web form sends every field.
    """
    if not settings.mapping_file:
        return settings
    path = Path(settings.mapping_file).expanduser()
    filled = {name: value for name, value in settings if value != FilesSettings.model_fields[name].default}
    try:
        return FilesSettings(**{**_beside(path, _read(path)), **filled})
    except ValidationError as error:
        problem = error.errors()[0]
        raise ConfigError(
            f"{path.name} cannot be used: {'.'.join(map(str, problem['loc']))}: {problem['msg']}."
        ) from None


def _read(path: Path) -> dict[str, Any]:
    if path.suffix.lower() != ".toml":
        raise ConfigError(f"{FilesSettings.title_of('mapping_file')}: name a file that ends in .toml.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            f"{FilesSettings.title_of('mapping_file')}: {path} cannot be opened ({error.strerror})."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not a TOML file: {error}.") from None


def _beside(path: Path, found: dict[str, Any]) -> dict[str, Any]:
    named = {name: str(path.parent / found[name]) for name in FILES if isinstance(found.get(name), str) and found[name]}
    return {**found, **named}
