"""The description of the API, and the page that shows it without any network."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from indexes.errors import AfterwordError
from service.access import OPERATIONS, Access
from service.dialect import ErrorReply, speaks_openai
from service.problems import JSON, PROBLEM_JSON, TABLE, answer_for
from service.schemas import Problem, UploadAddress, UploadForm, UploadText

_REFERENCE: Final = "#/components/schemas/"
_EXTRA_MODELS: Final[tuple[type[BaseModel], ...]] = (
    ErrorReply,
    Problem,
    UploadAddress,
    UploadForm,
    UploadText,
)
_INVALID: Final = "422"
_EVERYWHERE: Final = (401, 403, 422, 431, 500, 503)
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}"
    "summary{cursor:pointer;padding:.3rem 0}table{border-collapse:collapse}"
    "td,th{border:1px solid #9999;padding:.2rem .6rem;text-align:left;vertical-align:top}"
    "pre{background:#9992;padding:.6rem;overflow:auto}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# What a browser may do on the page: apply this very style, and nothing else.
PAGE_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

# Where the service has keys, one is sent in one of these ways.
_SCHEMES: Final[Mapping[str, Mapping[str, str]]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, as `Authorization: Bearer KEY`.",
    },
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key, as `X-API-Key: KEY`.",
    },
}

Schema = Mapping[str, Any]


def reference(model: type[BaseModel]) -> dict[str, str]:
    """Return a reference to a model's schema in the description."""
    return {"$ref": f"{_REFERENCE}{model.__name__}"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route can answer: these, and those of every route."""
    return {status: _described(status) for status in sorted({*statuses, *_EVERYWHERE})}


def streamed(description: str, *events: str) -> dict[str, Any]:
    """Describe an answer in JSON, or with `stream` as server-sent events of these names."""
    event = {
        "type": "object",
        "properties": {
            "event": {"enum": list(events)},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
        "required": ["event", "data"],
    }
    return {
        "description": f"{description}, or with `stream` the events that lead to it",
        "content": {"text/event-stream": {"itemSchema": event}},
    }


def error_replies(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the same where the service speaks as OpenAI's API does."""
    content = {JSON: {"schema": reference(ErrorReply)}}
    found = problems(400, *statuses)
    titles = f"{found[400]['description']} or {found[int(_INVALID)]['description']}"
    return {
        **{status: {**described, "content": content} for status, described in found.items()},
        400: {"description": titles, "content": content},
    }


def describe(app: FastAPI, root: str = "") -> dict[str, Any]:
    """Return the OpenAPI description, made once; `root` is the service's path at its server."""
    if app.openapi_schema is None:
        described = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        _, extra = models_json_schema(
            [(model, "validation") for model in _EXTRA_MODELS],
            ref_template=f"{_REFERENCE}{{model}}",
        )
        components = described.setdefault("components", {})
        components["schemas"] = {**extra["$defs"], **components.get("schemas", {})}
        components["securitySchemes"] = _SCHEMES
        if root:
            described["servers"] = [{"url": root}]
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                if speaks_openai(path):  # to its clients what is not valid is 400
                    del operation["responses"][_INVALID]
                operation["security"] = _security(OPERATIONS[method.upper(), path])
        app.openapi_schema = described
    return app.openapi_schema


def _security(access: Access) -> list[dict[str, list[str]]]:
    """Return what an operation asks of its caller: nothing, or a key with a scope.

    Nothing is among what it asks in any case, for a service may have no keys.
    """
    if access.scope is None:
        return [{}]
    scopes: list[str] = [access.scope]
    return [{}, *({scheme: scopes} for scheme in _SCHEMES)]


def scope_of(operation: Schema) -> str | None:
    """Return the scope that an operation of the description needs where there are keys."""
    scopes: list[str] = operation["security"][-1].get("header", [])
    return scopes[0] if scopes else None


def methods_of(description: Schema, path: str) -> list[str]:
    """Return the methods that a path can be used with."""
    return [
        method.upper()
        for template, methods in description["paths"].items()
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)
        for method in methods
    ]


def page(description: Schema, root: str = "") -> str:
    """Return the description as one page of HTML that needs nothing else.

    `root` is the service's path at its server.
    """
    title = f"{description['info']['title']} {description['info']['version']}"
    body = "\n".join([*_operations(description), *_schemas(description), *_problem_table()])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(description['info'].get('summary', ''))} "
        f'The same for programs: <a href="{escape(root)}/openapi.json">openapi.json</a>.</p>'
        f"{body}</body></html>"
    )


def _described(status: int) -> dict[str, Any]:
    titles = sorted({answer.title for answer in TABLE.values() if answer.status == status})
    return {
        "description": " or ".join(titles),
        "content": {PROBLEM_JSON: {"schema": reference(Problem)}},
    }


def _operations(description: Schema) -> Iterator[str]:
    yield "<h2>Operations</h2>"
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"<details><summary><code>{method.upper()} {escape(path)}</code> "
            yield f"{escape(operation.get('summary', ''))}</summary>"
            yield f"<p>{escape(operation.get('description', ''))}</p>"
            scope = scope_of(operation)
            yield f"<p>Where there are keys: scope <code>{scope}</code>.</p>" if scope else ""
            yield from _parameters(operation)
            yield from _bodies("Body", operation.get("requestBody", {}))
            for status, response in operation["responses"].items():
                yield from _bodies(f"{status} {response['description']}", response)
            yield "</details>"


def _parameters(operation: Schema) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    if parameters:
        yield "<table><tr><th>parameter</th><th>in</th><th>type</th><th>meaning</th></tr>"
    for parameter in parameters:
        cells = (
            parameter["name"],
            parameter["in"],
            kind_of(parameter["schema"]),
            parameter.get("description", ""),
        )
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    if parameters:
        yield "</table>"


def _bodies(name: str, part: Schema) -> Iterator[str]:
    for media_type, content in part.get("content", {}).items():
        kind = _linked(content.get("schema", {}))
        yield f"<p>{escape(name)}: <code>{escape(media_type)}</code> {kind}</p>"


def _schemas(description: Schema) -> Iterator[str]:
    yield "<h2>Objects</h2>"
    for name, schema in sorted(description["components"]["schemas"].items()):
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3>'
        yield f"<p>{escape(schema.get('description', ''))}</p>"
        yield "<table><tr><th>field</th><th>type</th><th>meaning</th></tr>"
        needed = schema.get("required", [])
        for field, value in schema.get("properties", {}).items():
            mark = "" if field in needed else f" = {value.get('default', 'null')}"
            yield f"<tr><td><code>{escape(field + mark)}</code></td><td>{_linked(value)}</td>"
            yield f"<td>{escape(value.get('description', ''))}</td></tr>"
        yield "</table>"


def problem_rows() -> Iterator[tuple[str, int, str]]:
    """Give the code, status and meaning of each error."""
    for error in _errors(AfterwordError):
        yield error.code, answer_for(error).status, (error.__doc__ or "").splitlines()[0]


def _problem_table() -> Iterator[str]:
    yield "<h2>Problems</h2><table><tr><th>code</th><th>status</th><th>meaning</th></tr>"
    for code, status, meaning in problem_rows():
        yield f'<tr id="problem-{code}"><td><code>{code}</code></td><td>{status}</td>'
        yield f"<td>{escape(meaning)}</td></tr>"
    yield "</table>"


def _errors(above: type[AfterwordError]) -> Iterator[type[AfterwordError]]:
    for error in above.__subclasses__():
        yield error
        yield from _errors(error)


def _linked(schema: Schema) -> str:
    """Return a schema's kind with links to the objects it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_REFERENCE))
        return f'<a href="#{name}">{name}</a>'
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_linked(part) for part in schema[choice])
    if schema.get("type") == "array":
        return f"list of {_linked(schema.get('items', {}))}"
    return escape(kind_of(schema))


def kind_of(schema: Schema) -> str:
    """Return in words what a value may be."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(kind_of(part) for part in schema["anyOf"])
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = "" if low is None or high is None else f" {low} to {high}"
    return f"{schema.get('type', 'any')}{bounds}"
