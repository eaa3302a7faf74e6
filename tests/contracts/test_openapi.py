"""The checker itself: each kind of mistake is found, and a right request is not blamed."""

from typing import Any

import pytest

from kpulse.sdk.testing import Request
from tests.contracts.openapi import Contract

SPEC: dict[str, Any] = {
    "servers": [{"url": "https://{host}/wiki/api/v2"}],
    "paths": {
        "/pages": {"get": {"parameters": [{"$ref": "#/components/parameters/status"}, {"$ref": "#/components/parameters/limit"}]}},
        "/pages/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]}},
        "/pages/old": {"get": {"deprecated": True}},
        "/search": {
            "post": {
                "parameters": [{"name": "site", "in": "query", "required": True, "schema": {"type": "string"}}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Search"}}}},
            }
        },
    },
    "components": {
        "parameters": {
            "status": {"name": "status", "in": "query", "schema": {"type": "array", "maxItems": 2, "items": {"enum": ["a", "b"], "type": "string"}}},
            "limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 250}},
        },
        "schemas": {
            "Search": {
                "type": "object",
                "additionalProperties": False,
                "required": ["jql"],
                "properties": {"jql": {"type": "string"}, "ids": {"type": "array", "minItems": 1, "items": {"type": "integer"}}},
            }
        },
    },
}  # fmt: skip


def problems(method: str, path: str, query: dict[str, str] | None = None, body: bytes = b"") -> list[str]:
    request = Request(method=method, path=f"/wiki/api/v2{path}", query=query or {}, body=body)
    return list(Contract(SPEC).problems(request))


@pytest.mark.parametrize(
    ("path", "query"),
    [("/pages", {}), ("/pages", {"status": "a,b", "limit": "250"}), ("/pages/17", {})],
)
def test_a_right_request_is_not_blamed(path: str, query: dict[str, str]) -> None:
    assert problems("GET", path, query) == []
    assert problems("POST", "/search", {"site": "x"}, b'{"jql": "a", "ids": [1]}') == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "word"),
    [
        ("GET", "/nothing", {}, b"", "There is no GET"),
        ("POST", "/pages", {}, b"", "There is no POST"),
        ("GET", "/pages", {"stauts": "a"}, b"", "no query parameter stauts"),
        ("GET", "/pages", {"status": "c"}, b"", "none of"),
        ("GET", "/pages", {"status": "a,b,a"}, b"", "number of items"),
        ("GET", "/pages", {"limit": "many"}, b"", "no integer"),
        ("GET", "/pages", {"limit": "0"}, b"", "below 1"),
        ("GET", "/pages", {"limit": "251"}, b"", "above 250"),
        ("GET", "/pages", {}, b"{}", "takes no body"),
        ("GET", "/pages/abc", {}, b"", "id is no integer"),
        ("GET", "/pages/old", {}, b"", "deprecated"),
        ("POST", "/search", {}, b'{"jql": "a"}', "site is missing"),
        ("POST", "/search", {"site": "x"}, b"", "body is missing"),
        ("POST", "/search", {"site": "x"}, b"{}", "jql is missing"),
        ("POST", "/search", {"site": "x"}, b'{"jql": 1}', "body.jql is no string"),
        ("POST", "/search", {"site": "x"}, b'{"jql": "a", "more": 1}', "no field more"),
        ("POST", "/search", {"site": "x"}, b'{"jql": "a", "ids": [true]}', "no integer"),
    ],
)
def test_each_mistake_is_found(method: str, path: str, query: dict[str, str], body: bytes, word: str) -> None:
    (problem,) = problems(method, path, query, body)
    assert word in problem


def test_a_path_of_another_api_is_found() -> None:
    (problem,) = Contract(SPEC).problems(Request(method="GET", path="/rest/api/content"))
    assert "not below /wiki/api/v2" in problem
