"""The fields of the form, drawn from the settings that a connector declares. Pure functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from kpulse.sdk.settings import ConnectorSettings

STEPS = {
    "connect": ("Connect", "Where the system is, and who reads it."),
    "scope": ("Choose what is read", "Empty means everything that the account may see."),
    "map": ("Say what its words mean", "The suggestions fit most systems; Test connection shows what they lead to."),
    "schedule": ("Schedule", "How often, and how far back."),
}
FILE = "_file"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the form. ``kind`` is text, password, textarea, checkbox, select, number, date or file."""

    name: str
    title: str
    help: str
    step: str
    kind: str
    advanced: bool = False
    example: str = ""
    required: bool = False
    options: tuple[str, ...] = ()
    least: str = ""
    most: str = ""
    many: bool = False
    live: bool = False
    value: str = ""
    stored: bool = False
    error: str = ""
    found: tuple[str, ...] = ()


def draw_fields(
    settings: type[ConnectorSettings],
    values: Mapping[str, Any],
    *,
    stored: Collection[str] = (),
    errors: Mapping[str, str] = {},
    found: Mapping[str, Sequence[str]] = {},
) -> list[Field]:
    """The fields with ``values`` in them; secrets are never filled in, ``stored`` names those that are kept."""
    return [
        draw_field(
            name,
            info,
            values.get(name, default_of(info)),
            name in stored,
            errors.get(name, ""),
            tuple(found.get(name, ())),
        )
        for name, info in settings.model_fields.items()
    ]


def draw_field(name: str, info: FieldInfo, value: Any, stored: bool, error: str, found: tuple[str, ...]) -> Field:
    """One field."""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    kind = find_kind(name, info, bool(extra.get("multiline")))
    return Field(
        name=name,
        title=info.title or name,
        help=info.description or "",
        step=str(extra.get("step", "connect")),
        kind=kind,
        advanced=bool(extra.get("advanced")),
        example=str(extra.get("example", "")),
        required=info.is_required(),
        options=find_options(info.annotation),
        least=_limit(info, "ge"),
        most=_limit(info, "le"),
        many=is_list(info.annotation),
        live=bool(extra.get("choices")),
        value="" if kind == "password" else show_value(value),
        stored=stored,
        error=error,
        found=found,
    )


def find_kind(name: str, info: FieldInfo, multiline: bool) -> str:
    """Which kind of input fits the type of a setting."""
    types = find_types(info.annotation)
    if SecretStr in types:
        return "password"
    if name.endswith(FILE):
        return "file"
    if bool in types:
        return "checkbox"
    if find_options(info.annotation):
        return "select"
    if {int, float} & types:
        return "number"
    if date in types:
        return "date"
    return "textarea" if multiline else "text"


def find_types(annotation: Any) -> set[Any]:
    """The types in an annotation: of ``int | None`` both."""
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*map(find_types, get_args(annotation)))
    return {get_origin(annotation) or annotation}


def find_options(annotation: Any) -> tuple[str, ...]:
    """The words that a Literal allows."""
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def is_list(annotation: Any) -> bool:
    """Whether a setting is a list of words, which people write with commas between."""
    return bool({list, tuple, set, frozenset} & find_types(annotation))


def default_of(info: FieldInfo) -> Any:
    """The default, or nothing for a required setting."""
    return "" if info.is_required() else info.get_default(call_default_factory=True, validated_data={})


def show_value(value: Any) -> str:
    """A value as it stands in an input."""
    if value is None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return "on" if value else ""
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(str, value))
    return str(value)


def read_value(field: Field, text: str) -> Any:
    """What the settings take for what stands in an input; None for nothing, so that the default holds."""
    if field.kind == "checkbox":
        return bool(text)
    if field.many:
        return [part.strip() for part in text.split(",") if part.strip()]
    cleaned = text.replace("\r\n", "\n").strip() if field.kind == "textarea" else text.strip()
    if not cleaned and field.kind in ("number", "date", "select"):
        return None
    return cleaned


def _limit(info: FieldInfo, name: str) -> str:
    """The limit that a setting declares: the input takes it for ge and le; gt and lt are left to the check."""
    return next((str(getattr(each, name)) for each in info.metadata if hasattr(each, name)), "")
