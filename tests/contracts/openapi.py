"""Holds a request against a vendor's OpenAPI file: method, path template, parameters with their types, and JSON body.

Own and small, because no validator is among the dependencies. What a schema says beyond the words below (formats,
patterns) is not looked at.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kpulse.sdk.testing import Request

Json = Any
METHODS = ("get", "post", "put", "patch", "delete", "head")
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class Contract:
    """The operations of one OpenAPI 3 file, below ``base`` (by default the path of its first server)."""

    def __init__(self, spec: Mapping[str, Json], base: str | None = None) -> None:
        self.spec = spec
        servers = spec.get("servers") or [{"url": "/"}]
        path = urlsplit(re.sub(r"\{[^}]*\}", "x", servers[0]["url"])).path
        self.base = (path if base is None else base).rstrip("/")
        self._templates = [(_pattern(template), template) for template in sorted(spec["paths"], key=_literal_first)]

    def problems(self, request: Request) -> Sequence[str]:
        """What is wrong with ``request``, each as a sentence; empty when it keeps the contract."""
        method, path = request.method.lower(), request.path
        if not path.startswith(self.base + "/"):
            return [f"{path} is not below {self.base}."]
        operation, template, values = self._find(method, path.removeprefix(self.base))
        if operation is None:
            return [f"There is no {request.method} {path.removeprefix(self.base)}."]
        return [f"{request.method} {template}: {text}" for text in self._judge(operation, template, values, request)]

    def _find(self, method: str, path: str) -> tuple[Json, str, Mapping[str, str]]:
        for pattern, template in self._templates:
            match = pattern.fullmatch(path)
            if match and method in self.spec["paths"][template]:
                names = re.findall(r"\{([^}]+)\}", template)
                values = dict(zip(names, map(unquote, match.groups()), strict=True))
                return self.spec["paths"][template][method], template, values
        return None, "", {}

    def _judge(self, operation: Json, template: str, values: Mapping[str, str], request: Request) -> Iterator[str]:
        if operation.get("deprecated"):
            yield "is deprecated."
        shared = self.spec["paths"][template].get("parameters", [])
        declared = {(p["in"], p["name"]): p for p in map(self._resolve, [*shared, *operation.get("parameters", [])])}
        given = {("query", name): value for name, value in request.query.items()}
        given |= {("path", name): value for name, value in values.items()}
        for place, text in given.items():
            if place not in declared:
                yield f"there is no {place[0]} parameter {place[1]}."
            else:
                schema = self._resolve(declared[place].get("schema", {}))
                yield from self._check(schema, self._coerce(schema, text), place[1])
        for place, parameter in declared.items():
            if parameter.get("required") and place[0] in ("query", "path") and place not in given:
                yield f"the {place[0]} parameter {place[1]} is missing."
        yield from self._judge_body(operation.get("requestBody"), request.body)

    def _judge_body(self, declared: Json, body: bytes) -> Iterator[str]:
        if not declared:
            if body:
                yield "takes no body."
            return
        declared = self._resolve(declared)
        if not body:
            if declared.get("required"):
                yield "the body is missing."
            return
        schema = declared["content"].get("application/json", {}).get("schema", {})
        yield from self._check(schema, json.loads(body), "body")

    def _coerce(self, schema: Json, text: str) -> Json:
        """The value that a parameter's text stands for; lists are written with commas."""
        kind = schema.get("type")
        if kind == "array":
            items = self._resolve(schema.get("items", {}))
            return [self._coerce(items, part) for part in text.split(",")]
        if kind == "integer" and re.fullmatch(r"-?\d+", text):
            return int(text)
        if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
            return float(text)
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        return text

    def _check(self, schema: Json, value: Json, name: str) -> Iterator[str]:
        schema = self._resolve(schema)
        if value is None and schema.get("nullable"):
            return
        for part in schema.get("allOf", ()):
            yield from self._check(part, value, name)
        for word in ("oneOf", "anyOf"):
            choices = schema.get(word, ())
            if choices and all(list(self._check(choice, value, name)) for choice in choices):
                yield f"{name} fits none of its {word}."
        kind = schema.get("type")
        if kind and not _is(kind, value):
            yield f"{name} is no {kind}: {value!r}."
            return
        yield from _check_limits(schema, value, name)
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._check(schema.get("items", {}), item, f"{name}[{number}]")
        if isinstance(value, dict):
            yield from self._check_object(schema, value, name)

    def _check_object(self, schema: Json, value: Mapping[str, Json], name: str) -> Iterator[str]:
        known = schema.get("properties", {})
        for field in schema.get("required", ()):
            if field not in value:
                yield f"{name}.{field} is missing."
        for field, inner in value.items():
            if field in known:
                yield from self._check(known[field], inner, f"{name}.{field}")
            elif schema.get("additionalProperties") is False:
                yield f"{name} has no field {field}."

    def _resolve(self, schema: Json) -> Json:
        while isinstance(schema, dict) and "$ref" in schema:
            found: Json = self.spec
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema


def read_contract(path: Path, base: str | None = None) -> Contract:
    """The contract in a JSON file."""
    return Contract(json.loads(path.read_text(encoding="utf-8")), base)


def _literal_first(template: str) -> tuple[int, str]:
    return template.count("{"), template


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", template)
    return re.compile("([^/]+)".join(map(re.escape, parts)))


def _is(kind: str, value: Json) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES.get(kind, (object,)))


def _check_limits(schema: Json, value: Json, name: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{name} is none of {schema['enum']}: {value!r}."
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield f"{name} is below {schema['minimum']}: {value}."
        if value > schema.get("maximum", value):
            yield f"{name} is above {schema['maximum']}: {value}."
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{name} has a number of items that is not allowed: {len(value)}."
        if schema.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
            yield f"{name} has items twice."
    if isinstance(value, str) and not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{name} has a length that is not allowed: {len(value)}."
