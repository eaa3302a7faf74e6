"""A JSON file in the event format as pages of records."""

import json
from collections.abc import Iterator
from typing import Any

from kpulse.sdk import ConfigError, Page, Record
from kpulse.sdk.casefile import UsageError, read_cases

from .pages import PAGE
from .table import SourceFile

LARGEST = 256 << 20


def read_records(source: SourceFile) -> list[Record]:
    """All records of the file; where it holds several cases, keys are prefixed with the case's id and a slash."""
    try:
        cases = read_cases(_load(source), apart=True, version=source.version(0))
    except UsageError as error:
        raise ConfigError(f"{source.path.name}: {error}") from None
    return [record for case in cases for record in case.records]


def case_pages(source: SourceFile, identity: str, after: int) -> Iterator[Page]:
    """The pages behind record ``after``."""
    records = read_records(source)
    for start in range(after, max(len(records), after + 1), PAGE):
        stop = min(start + PAGE, len(records))
        cursor: dict[str, Any] = {"row": stop, "file": identity}
        if stop == len(records):
            cursor["done"] = True
        yield Page(records=records[start:stop], cursor=cursor, total=len(records))


def _load(source: SourceFile) -> Any:
    try:
        if source.path.stat().st_size > LARGEST:
            raise ConfigError(
                f"{source.path.name} is larger than {LARGEST >> 20} MB; use CSV files, which are streamed."
            )
        return json.loads(source.path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{source.path} cannot be opened ({error.strerror}).") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{source.path.name} is not JSON (line {error.lineno}): {error.msg}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{source.path.name} is not UTF-8, as JSON has to be.") from None
