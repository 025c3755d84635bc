"""Errors over HTTP: one table, one form, and a description of the API that says so."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from indexes import jobs
from indexes.documents import Finding
from indexes.encoder import EncoderIdentity
from indexes.errors import AfterwordError
from ingest.report import Item
from service import problems, schemas
from service.dialect import speaks_openai
from service.openapi import describe, page
from serving import SmallAnswerer, loaded, small_app, stored

# What the house plan and the module's own drawing say, written down independently of the table.
STATUSES = {
    "UsageError": 422,
    "BadFilter": 422,
    "BadName": 422,
    "NotFound": 404,
    "CollectionNotFound": 404,
    "DocumentNotFound": 404,
    "JobNotFound": 404,
    "ModelNotFound": 404,
    "Conflict": 409,
    "CollectionExists": 409,
    "CollectionBusy": 409,
    "WorkerElsewhere": 409,
    "DocumentChanged": 409,
    "IndexDamaged": 503,
    "EncoderMismatch": 503,
    "ModelMissing": 503,
    "StorageFull": 507,
    "ReadFailure": 422,
    "BadRequest": 400,
    "KeyRefused": 401,
    "OriginRefused": 403,
    "RouteNotFound": 404,
    "MethodNotAllowed": 405,
    "TooLarge": 413,
    "MediaTypeRefused": 415,
    "InvalidRequest": 422,
    "TooManyRequests": 429,
    "InternalError": 500,
    "NotReady": 503,
}


def below(error: type[AfterwordError]) -> Iterator[type[AfterwordError]]:
    """Return every error class under one."""
    for child in error.__subclasses__():
        yield child
        yield from below(child)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service with one document."""
    stored(tmp_path, {"d": "swans are white"})
    with loaded(small_app(SmallAnswerer(tmp_path))) as client:
        yield client


def test_every_error_has_the_status_that_is_promised() -> None:
    """The table gives each class the status that the plan says; none falls through to 500."""
    found = {error.__name__: problems.answer_for(error).status for error in below(AfterwordError)}
    assert {name: found[name] for name in STATUSES} == STATUSES
    assert {name for name, status in found.items() if status == 500} == {
        "HttpError",
        "InternalError",
    }


def test_codes_are_stable_names_and_none_is_used_twice() -> None:
    """A code tells one error from all others."""
    codes = [error.code for error in below(AfterwordError)]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


def test_an_unknown_path_is_a_problem(client: TestClient) -> None:
    """404 says where to look; a slash at the end makes another path."""
    for path in ("/nowhere", "/v1/documents/", "/V1/query"):
        missing = client.get(path)
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"
        problem = missing.json()
        assert (problem["code"], problem["instance"]) == ("route_not_found", path)
        assert "/docs" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/query", {"POST"}),
        ("PUT", "/v1/documents", {"GET", "POST"}),
        ("PATCH", "/v1/documents/d", {"GET", "DELETE"}),
        ("POST", "/health", {"GET"}),
        ("TRACE", "/v1/jobs/x", {"GET"}),
    ],
)
def test_a_wrong_method_tells_the_right_ones(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    """405 lists all methods of the path, in the header and in the sentence."""
    refused = client.request(method, path)
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == allowed
    assert refused.json()["code"] == "method_not_allowed"
    assert all(name in refused.json()["detail"] for name in allowed)


def test_the_description_is_whole(client: TestClient) -> None:
    """Every reference leads somewhere, every operation says what it answers and how it fails."""
    described = client.get("/openapi.json").json()
    references = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
    assert references == set(described["components"]["schemas"])
    operations = {
        (method.upper(), path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {
        ("POST", "/v1/query"),
        ("POST", "/v1/search"),
        ("POST", "/v1/summaries"),
        ("POST", "/mcp"),
        ("POST", "/v1/documents"),
        ("GET", "/v1/documents"),
        ("GET", "/v1/documents/{document_id}"),
        ("DELETE", "/v1/documents/{document_id}"),
        ("GET", "/v1/documents/{document_id}/text"),
        ("GET", "/v1/documents/{document_id}/original"),
        ("HEAD", "/v1/documents/{document_id}/original"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/{model}"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/rerank"),
        ("GET", "/v1/jobs/{job_id}"),
        ("GET", "/v1/sessions"),
        ("GET", "/v1/sessions/{session_id}"),
        ("DELETE", "/v1/sessions/{session_id}"),
        ("GET", "/v1/collections"),
        ("POST", "/v1/collections"),
        ("GET", "/v1/collections/{name}"),
        ("DELETE", "/v1/collections/{name}"),
        ("POST", "/v1/collections/{name}/snapshot"),
        ("POST", "/v1/collections/{name}/restore"),
        ("GET", "/health"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
    }
    for (_, path), operation in operations.items():
        assert operation["description"]
        for status, response in operation["responses"].items():
            assert response["description"]
            if int(status) >= 400 and path != "/health/ready":
                kind = "json" if speaks_openai(path) else "problem+json"
                told = set(response["content"])
                # What the protocol says of its own messages, it says as JSON-RPC.
                told -= {"application/json"} if path == "/mcp" else set()
                assert told == {f"application/{kind}"} or (path, status) == ("/mcp", "406")
        if path.startswith("/v1"):
            invalid = "400" if speaks_openai(path) else "422"
            assert {"401", "403", invalid, "429", "500", "503"} <= set(operation["responses"])
            assert not speaks_openai(path) or "422" not in operation["responses"]


@pytest.mark.parametrize(
    ("described", "kept"),
    [
        (schemas.JobReply, jobs.JobStatus),
        (schemas.JobProgress, jobs.Progress),
        (schemas.JobItem, Item),
        (schemas.Finding, Finding),
        (schemas.EncoderReply, EncoderIdentity),
    ],
)
def test_what_is_described_is_what_is_kept(described: type[BaseModel], kept: type) -> None:
    """A field that the product's objects gain or lose is one in the description too."""
    assert set(described.model_fields) == {field.name for field in fields(kept)}


def test_the_page_shows_it_all_and_needs_no_network(client: TestClient) -> None:
    """Each operation, object and problem is there; nothing is loaded from anywhere."""
    shown = client.get("/docs")
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in shown.text
    for error in below(AfterwordError):
        assert f'id="problem-{error.code}"' in shown.text
    assert "<script" not in shown.text
    assert not re.search(r"(src|href)=.(https?:)?//", shown.text)
    links = re.findall(r'href="#(\w+)"', shown.text)
    assert links
    assert all(f'id="{link}"' in shown.text for link in links)


def test_the_page_escapes_what_it_shows(tmp_path: Path) -> None:
    """A description with markup in it is shown as text."""
    app = small_app(SmallAnswerer(tmp_path))
    described = describe(app) | {"info": {"title": "<b>&", "version": "1", "summary": "<i>"}}
    assert "<b>" not in page(described)
    assert "&lt;b&gt;&amp;" in page(described)
