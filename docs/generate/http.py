"""The page on the HTTP service: operations, objects and problems of the OpenAPI description."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from docs.generate.markdown import code, page, paragraphs, table
from indexes.settings import Settings
from service.app import create_app
from service.openapi import kind_of, problem_rows, scope_of

_ABOUT: Final = (
    "What `/docs` of a running service shows and `/openapi.json` has for programs. "
    "[The HTTP service](../http.md) goes through it with commands."
)
_NOTHING_SAID: Final = "Successful Response"
_REFERENCE: Final = "#/components/schemas/"

Schema = Mapping[str, Any]


def http_page() -> str:
    """Return the page."""
    described = create_app(Settings(), worker=False).openapi()
    return page(
        "The HTTP interface",
        _ABOUT,
        _operations(described["paths"]),
        _objects(described["components"]["schemas"]),
        _problems(),
    )


def _operations(paths: Mapping[str, Mapping[str, Schema]]) -> Iterator[str]:
    yield "## Operations"
    for path, methods in paths.items():
        for method, operation in methods.items():
            yield f"### {method.upper()} {path}"
            yield from paragraphs(operation.get("description", ""))
            scope = scope_of(operation)
            yield f"Scope: {code(scope)}." if scope else "Open to anybody."
            rows = [*_parameters(operation), *_body(operation), *_answers(operation["responses"])]
            yield table(("what", "kind", "meaning"), rows)


def _parameters(operation: Schema) -> Iterator[Sequence[str]]:
    for one in operation.get("parameters", []):
        needed = "" if one.get("required") else f" = {one['schema'].get('default', 'none')}"
        where = f"{one['in']} {code(one['name'] + needed)}"
        yield where, _kind(one["schema"]), one.get("description", "")


def _body(operation: Schema) -> Iterator[Sequence[str]]:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"body, {code(media_type)}", _kind(content.get("schema", {})), ""


def _answers(responses: Mapping[str, Schema]) -> Iterator[Sequence[str]]:
    """Give an answer a row, and the problems together: they are all told in the same way."""
    problems = []
    for status, response in responses.items():
        for media_type, content in response.get("content", {"": {}}).items():
            if media_type.endswith("problem+json"):
                problems.append(status)
                continue
            kind = _kind(content["schema"]) if "schema" in content else ""
            meaning = response["description"].replace(_NOTHING_SAID, "")
            yield f"{status} {code(media_type) if media_type else ''}", kind, meaning
    if problems:
        yield ", ".join(problems), _linked("Problem"), "See [problems](#problems)."


def _objects(schemas: Mapping[str, Schema]) -> Iterator[str]:
    yield "## Objects"
    for name, schema in sorted(schemas.items()):
        yield f"### {name}"
        yield from paragraphs(schema.get("description", ""))
        needed = schema.get("required", [])
        rows = [
            (_field(field, value, needed), _kind(value), value.get("description", ""))
            for field, value in schema.get("properties", {}).items()
        ]
        yield table(("field", "kind", "meaning"), rows)


def _field(name: str, schema: Schema, needed: Sequence[str]) -> str:
    return code(name if name in needed else f"{name} = {schema.get('default', 'null')}")


def _problems() -> Iterator[str]:
    yield "## Problems"
    yield "Every error is `application/problem+json` (RFC 9457) with one of these as `code`."
    rows = [(code(name), str(status), meaning) for name, status, meaning in problem_rows()]
    yield table(("code", "status", "meaning"), rows)


def _kind(schema: Schema) -> str:
    """Return a schema's kind with links to the objects that it names."""
    if "$ref" in schema:
        return _linked(schema["$ref"].removeprefix(_REFERENCE))
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_kind(part) for part in schema[choice])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return kind_of(schema)


def _linked(name: str) -> str:
    return f"[{name}](#{name.lower()})"
