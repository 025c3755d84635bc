"""Who may do what: every operation for every role, and two collections that never meet."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from indexes import jobs
from indexes.catalog import SplitterSettings
from indexes.collection import collection_names, create_collection, open_collection
from indexes.documents import UPLOADS, Original
from indexes.errors import CollectionNotFound
from service import keyring, keys
from service.access import OPERATIONS, Caller, check_declared, operation_of
from service.dialect import speaks_openai
from service.keys import Scope, Wanted
from serving import SmallAnswerer, loaded, small_app, until
from small_encoder import small_encoder
from stored_documents import prepared

SETTING: Final = "correct-horse-battery"
OURS: Final = "ours"
THEIRS: Final = "theirs"
SESSION: Final = f"/v1/sessions/{'0' * 32}"
FILE: Final = b"the file of a document"
numbers = count()


def put(data: Path, collection: str, document_id: str, text: str) -> None:
    """Store a document whose file was uploaded, in a collection that is made if need be."""
    if collection not in collection_names(data):
        create_collection(data, collection, small_encoder(), SplitterSettings(50)).close()
    payload = data / "payload"
    payload.write_bytes(FILE)
    sha256, uri = hashlib.sha256(FILE).hexdigest(), f"{UPLOADS}{document_id}"
    kept = Original(UPLOADS, uri, "text/plain", sha256, len(FILE), 0, payload)
    opened = open_collection(data, collection)
    with opened.write() as writer:
        if writer.find(document_id) is None:
            made = prepared(document_id, [text], source=UPLOADS, uri=uri)
            writer.put([replace(made, original=kept)])
        writer.merge_views(force=True)
    opened.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two collections of one document each."""
    folder = tmp_path_factory.mktemp("data")
    put(folder, OURS, "d", "swans are white")
    put(folder, THEIRS, "secret", "the merger is called Ptarmigan")
    return folder


@dataclass(frozen=True)
class Role:
    """A key, if any, and what it is expected to be able to do."""

    scope: Scope | None
    is_for_ours: bool = True
    is_for_all: bool = True
    given: str | None = None


@pytest.fixture(scope="module")
def roles(data: Path) -> dict[str, Role]:
    """One of each kind, with its key."""

    def made(
        scope: Scope, *collections: str, expires: float | None = None, revoked: bool = False
    ) -> str:
        wanted = frozenset(collections) or None
        key, given = keys.create(data, Wanted("test", scope, wanted, expires))
        if revoked:
            keys.revoke(data, key.key_id)
        return given

    return {
        "anonymous": Role(None),
        "wrong": Role(None, given="aw_01234567_" + "x" * 43),
        "revoked": Role(None, given=made("admin", revoked=True)),
        "expired": Role(None, given=made("admin", expires=time.time() - 1)),
        "read": Role("read", given=made("read")),
        "write": Role("write", given=made("write")),
        "admin": Role("admin", given=made("admin")),
        "setting": Role("admin", given=SETTING),
        "read ours": Role("read", is_for_all=False, given=made("read", OURS, "more")),
        "write ours": Role("write", is_for_all=False, given=made("write", OURS)),
        "admin ours": Role("admin", is_for_all=False, given=made("admin", OURS)),
        "read theirs": Role("read", False, False, made("read", THEIRS)),
        "write theirs": Role("write", False, False, made("write", THEIRS)),
        "admin theirs": Role("admin", False, False, made("admin", THEIRS)),
    }


@pytest.fixture(scope="module")
def client(data: Path, roles: dict[str, Role]) -> Iterator[TestClient]:
    """A client of a service with these keys, which takes many wrong ones."""
    assert roles
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(keyring, "GUESSES", 100_000)
    with loaded(small_app(SmallAnswerer(data), api_key=SETTING)) as client:
        yield client
    monkeypatch.undo()


@dataclass(frozen=True)
class Call:
    """A request, and what is expected of it; `hidden` where the collection is another's."""

    path: str
    scope: Scope | None
    good: int
    hidden: int
    json: dict[str, object] | None = None


def job(data: Path) -> str:
    """Return the id of a new job for our collection, which ends at once."""
    job_id = jobs.enqueue(data, payload=b"x", collection=OURS, filename="f")
    jobs.cancel(data, OURS)
    return job_id


QUERY: Final = f"collection={OURS}"
# Written down independently of the service's own table.
CALLS: Final[dict[tuple[str, str], Callable[[Path], Call]]] = {
    ("GET", "/health"): lambda _: Call("/health", None, 200, 200),
    ("GET", "/health/ready"): lambda _: Call("/health/ready", None, 200, 200),
    ("POST", "/v1/query"): lambda _: Call(
        "/v1/query", "read", 200, 404, {"question": "swans", "collection": OURS}
    ),
    ("POST", "/v1/search"): lambda _: Call(
        "/v1/search", "read", 200, 404, {"query": "swans", "collection": OURS}
    ),
    ("POST", "/v1/summaries"): lambda _: Call(
        "/v1/summaries", "read", 200, 404, {"collection": OURS}
    ),
    ("POST", "/v1/chat/completions"): lambda _: Call(
        "/v1/chat/completions",
        "read",
        200,
        404,
        {"model": OURS, "messages": [{"role": "user", "content": "swans"}]},
    ),
    ("POST", "/v1/embeddings"): lambda _: Call(
        "/v1/embeddings", "read", 200, 404, {"model": OURS, "input": "swans"}
    ),
    ("POST", "/v1/rerank"): lambda _: Call(
        "/v1/rerank", "read", 200, 404, {"model": OURS, "query": "swans", "documents": ["x"]}
    ),
    ("GET", "/v1/models"): lambda _: Call("/v1/models", "read", 200, 200),
    ("GET", "/v1/models/{model}"): lambda _: Call(f"/v1/models/{OURS}:quote", "read", 200, 404),
    # A tool that fails tells so in its result, to the model that called it.
    ("POST", "/mcp"): lambda _: Call(
        "/mcp",
        "read",
        200,
        200,
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "search", "arguments": {"query": "swans", "collection": OURS}},
        },
    ),
    ("GET", "/v1/documents"): lambda _: Call(f"/v1/documents?{QUERY}", "read", 200, 404),
    ("GET", "/v1/documents/{document_id}"): lambda _: Call(
        f"/v1/documents/d?{QUERY}", "read", 200, 404
    ),
    ("GET", "/v1/documents/{document_id}/text"): lambda _: Call(
        f"/v1/documents/d/text?{QUERY}", "read", 200, 404
    ),
    ("GET", "/v1/documents/{document_id}/original"): lambda _: Call(
        f"/v1/documents/d/original?{QUERY}", "read", 200, 404
    ),
    ("HEAD", "/v1/documents/{document_id}/original"): lambda _: Call(
        f"/v1/documents/d/original?{QUERY}", "read", 200, 404
    ),
    ("GET", "/v1/jobs/{job_id}"): lambda data: Call(f"/v1/jobs/{job(data)}", "read", 200, 404),
    ("GET", "/v1/sessions"): lambda _: Call("/v1/sessions", "read", 200, 200),
    # Whose session it is, tests/test_service_sessions.py asks; this one is nobody's.
    ("GET", "/v1/sessions/{session_id}"): lambda _: Call(SESSION, "read", 404, 404),
    ("DELETE", "/v1/sessions/{session_id}"): lambda _: Call(SESSION, "read", 404, 404),
    ("GET", "/v1/collections"): lambda _: Call("/v1/collections", "read", 200, 200),
    ("GET", "/v1/collections/{name}"): lambda _: Call(f"/v1/collections/{OURS}", "read", 200, 404),
    ("POST", "/v1/documents"): lambda _: Call(
        "/v1/documents", "write", 202, 404, {"text": "x", "title": "t", "collection": OURS}
    ),
    ("DELETE", "/v1/documents/{document_id}"): lambda _: Call(
        f"/v1/documents/d?{QUERY}", "write", 204, 404
    ),
    ("POST", "/v1/collections"): lambda _: Call(
        "/v1/collections", "admin", 201, 403, {"name": f"new-{next(numbers)}"}
    ),
    ("DELETE", "/v1/collections/{name}"): lambda _: Call(
        f"/v1/collections/{OURS}", "admin", 204, 404
    ),
    ("POST", "/v1/collections/{name}/snapshot"): lambda _: Call(
        f"/v1/collections/{OURS}/snapshot", "admin", 200, 404
    ),
    # It is there, so an administrator is told that it would have to be replaced.
    ("POST", "/v1/collections/{name}/restore"): lambda _: Call(
        f"/v1/collections/{OURS}/restore", "admin", 409, 404
    ),
    ("GET", "/metrics"): lambda _: Call("/metrics", "admin", 200, 403),
}
ALL_AT_ONCE: Final = frozenset({("POST", "/v1/collections"), ("GET", "/metrics")})
RANK: Final = {None: 0, "read": 1, "write": 2, "admin": 3}


def expected(call: Call, role: Role, *, at_once: bool) -> int:
    """Return the status that a call has to have."""
    if call.scope is None:
        return call.good
    if role.scope is None:
        return 401
    if RANK[role.scope] < RANK[call.scope]:
        return 403
    return call.good if (role.is_for_all if at_once else role.is_for_ours) else call.hidden


def sent(client: TestClient, method: str, call: Call, key: str | None) -> httpx2.Response:
    """Send a call with a key, if any."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return client.request(method, call.path, json=call.json, headers=headers)


@pytest.mark.parametrize("operation", CALLS, ids=" ".join)
def test_every_operation_for_every_role(
    data: Path, client: TestClient, roles: dict[str, Role], operation: tuple[str, str]
) -> None:
    """What is refused changes nothing and is told in the one form; what is allowed works."""
    for name, role in roles.items():
        put(data, OURS, "d", "swans are white")
        call = CALLS[operation](data)
        answered = sent(client, operation[0], call, role.given)
        wanted = expected(call, role, at_once=operation in ALL_AT_ONCE)
        assert answered.status_code == wanted, (name, answered.text)
        if wanted >= 400 and operation[0] != "HEAD":
            kind = "json" if speaks_openai(call.path) else "problem+json"
            assert answered.headers["content-type"] == f"application/{kind}"
        if wanted == 401:
            assert answered.headers["www-authenticate"] == "Bearer"
        if wanted in {401, 403, 404}:
            with SmallAnswerer(data).collection(OURS).read() as reading:
                assert reading.document("d").document_id == "d"


def test_the_calls_are_all_there_are(client: TestClient) -> None:
    """An operation that is added is added above, too, with what each role may do with it."""
    described = client.get("/openapi.json").json()["paths"]
    operations = {(method.upper(), path) for path in described for method in described[path]}
    assert operations == set(CALLS)


def test_the_description_tells_the_scopes(client: TestClient) -> None:
    """Each operation has its scope under both ways to send a key; what is open asks for nothing."""
    described = client.get("/openapi.json").json()
    schemes = described["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert (schemes["header"]["in"], schemes["header"]["name"]) == ("header", "X-API-Key")
    for (method, path), call in CALLS.items():
        told = described["paths"][path][method.lower()]["security"]
        scope = call(client.app.state.service.settings.data).scope  # type: ignore[attr-defined] # ours
        assert told == ([{}] if scope is None else [{}, {"bearer": [scope]}, {"header": [scope]}])


def test_an_operation_that_nobody_spoke_of_keeps_the_service_from_starting(tmp_path: Path) -> None:
    """It is named, so that it gets its row."""
    app = small_app(SmallAnswerer(tmp_path))
    check_declared(app.routes)

    async def route() -> None:
        """Do nothing."""

    app.add_api_route("/v1/new/{name}", route, methods=["PUT"])
    with pytest.raises(LookupError, match=r"PUT /v1/new/\{name\}"):
        check_declared(app.routes)
    with pytest.raises(LookupError, match="/odd"):
        check_declared(FastAPI(openapi_url="/odd").routes)


def test_each_request_finds_its_row() -> None:
    """By the path as the router reads it; what is not there needs a key all the same."""
    for (method, path), access in OPERATIONS.items():
        filled = path.replace("{", "").replace("}", "")
        assert operation_of(method, filled).access == access
        assert operation_of(method, f"{filled}/x/y").access.scope == "read"
    assert operation_of("GET", "/v1/documents/a%b/text").names == {"document_id": "a%b"}
    assert operation_of("PUT", "/v1/documents").access.scope == "read"
    assert operation_of("POST", "/health").access.scope is None


@given(st.sets(st.text(min_size=1, max_size=5)), st.text(min_size=1, max_size=5))
def test_a_caller_sees_what_its_key_is_for(named: set[str], asked: str) -> None:
    """Nothing else, whatever it is called."""
    limited = Caller(Path("data"), "k", "admin", frozenset(named))
    assert limited.sees(asked) == (asked in named)
    assert Caller(Path("data"), "k", "read", None).sees(asked)
    assert not Caller(Path("data")).sees(asked)
    if asked not in named:
        with pytest.raises(CollectionNotFound):
            limited.check(asked)


# Two collections


HIDDEN: Final = (
    ("POST", "/v1/query", {"question": "merger", "collection": "NAME"}),
    ("POST", "/v1/query", {"question": "merger", "collection": "NAME", "stream": True}),
    ("POST", "/v1/search", {"query": "merger", "collection": "NAME"}),
    ("POST", "/v1/summaries", {"collection": "NAME"}),
    ("POST", "/v1/summaries", {"collection": "NAME", "stream": True}),
    (
        "POST",
        "/v1/chat/completions",
        {"model": "NAME", "messages": [{"role": "user", "content": "merger"}]},
    ),
    (
        "POST",
        "/v1/chat/completions",
        {"model": "NAME:quote", "messages": [{"role": "user", "content": "x"}], "stream": True},
    ),
    ("POST", "/v1/embeddings", {"model": "NAME", "input": "merger"}),
    ("POST", "/v1/rerank", {"model": "NAME", "query": "merger", "documents": ["merger"]}),
    ("GET", "/v1/models/NAME", None),
    ("GET", "/v1/models/NAME:quote", None),
    ("POST", "/v1/documents", {"text": "x", "title": "t", "collection": "NAME"}),
    ("GET", "/v1/documents?collection=NAME", None),
    ("GET", f"/v1/documents?collection={OURS}&collection=NAME", None),
    ("GET", f"/v1/documents?collection=NAME&collection={OURS}", None),
    ("GET", "/v1/documents/secret?collection=NAME", None),
    ("GET", "/v1/documents/secret/text?collection=NAME", None),
    ("GET", "/v1/documents/secret/original?collection=NAME", None),
    ("DELETE", "/v1/documents/secret?collection=NAME", None),
    ("GET", "/v1/collections/NAME", None),
    ("DELETE", "/v1/collections/NAME", None),
    ("POST", "/v1/collections/NAME/snapshot", None),
)


@pytest.mark.parametrize(("method", "path", "body"), HIDDEN)
def test_a_hidden_collection_is_as_one_that_is_not_there(
    client: TestClient,
    roles: dict[str, Role],
    method: str,
    path: str,
    body: dict[str, object] | None,
) -> None:
    """Status, headers and words are the same, but for the name that was asked for and ids."""

    def asked(name: str, role: str) -> tuple[int, str, dict[str, str]]:
        sent_body = None if body is None else json.loads(json.dumps(body).replace("NAME", name))
        given_key = roles[role].given
        answered = client.request(
            method,
            path.replace("NAME", name),
            json=sent_body,
            headers={"Authorization": f"Bearer {given_key}", "X-Request-ID": "one"},
        )
        told = {k: v for k, v in answered.headers.items() if k != "content-length"}
        return answered.status_code, answered.text.replace(name, "NAME"), told

    hidden = asked(THEIRS, "admin ours")
    assert hidden[0] == 404
    assert hidden == asked("nowhere", "admin ours")
    # Of models each is told those that it may ask.
    if method == "GET" and path.count("collection=") < 2 and "models" not in path:
        assert hidden == asked("nowhere", "admin")


def test_lists_have_only_what_is_the_keys(client: TestClient, roles: dict[str, Role]) -> None:
    """Collections by name, and documents by theirs; a query finds nothing of others."""

    def get(path: str, role: str) -> httpx2.Response:
        return client.get(path, headers={"X-API-Key": str(roles[role].given)})

    def names(role: str) -> set[str]:
        return {one["name"] for one in get("/v1/collections", role).json()["items"]}

    def models(role: str) -> set[str]:
        return {one["id"] for one in get("/v1/models", role).json()["data"]}

    assert models("read theirs") == {THEIRS, f"{THEIRS}:quote"}
    assert models("read") >= {OURS, THEIRS}
    assert THEIRS not in get("/v1/models/nowhere", "read ours").text
    assert names("read ours") == {OURS}
    assert names("read theirs") == {THEIRS}
    assert names("read") >= {OURS, THEIRS}
    assert "Ptarmigan" not in get(f"/v1/documents/d/text?{QUERY}", "read ours").text
    same_id = get(f"/v1/documents/secret?{QUERY}", "read ours")
    assert (same_id.status_code, same_id.json()["code"]) == (404, "document_not_found")
    assert THEIRS not in get("/metrics", "admin ours").text
    assert f'collection="{THEIRS}"' in get("/metrics", "admin").text


def test_jobs_of_others_are_not_there(
    data: Path, client: TestClient, roles: dict[str, Role]
) -> None:
    """The answer is that of an id that no job has."""
    job_id = job(data)

    def asked(job: str, role: str) -> tuple[int, str]:
        headers = {"X-API-Key": str(roles[role].given), "X-Request-ID": "one"}
        answered = client.get(f"/v1/jobs/{job}", headers=headers)
        return answered.status_code, answered.text.replace(job, "JOB")

    assert asked(job_id, "read ours")[0] == 200
    assert asked(job_id, "admin theirs") == asked("0" * 16, "admin theirs")
    assert asked(job_id, "admin theirs")[0] == 404


def test_a_ticket_opens_nothing_of_another_collection_and_ends_with_its_key(data: Path) -> None:
    """It is good for its document as long as its key is."""
    key, given_key = keys.create(data, Wanted("short", "read", frozenset({OURS})))
    put(data, OURS, "d", "swans are white")
    with loaded(small_app(SmallAnswerer(data))) as client:
        told = client.get(f"/v1/documents/d?{QUERY}", headers={"X-API-Key": given_key}).json()
        url = str(told["original"]["url"])
        assert client.get(url).content == FILE
        assert client.get(url.replace(OURS, THEIRS)).json()["code"] == "ticket_refused"
        assert client.get(url.replace("/d/", "/secret/")).json()["code"] == "ticket_refused"
        keys.revoke(data, key.key_id)
        until(lambda: client.get(url).status_code == 401)
        assert client.get(url).json()["code"] == "ticket_refused"


def test_readiness_names_no_collection_to_who_may_not_see_it(tmp_path: Path) -> None:
    """Without a key it tells only that something is wrong; a key is told of its own."""
    put(tmp_path, OURS, "d", "swans")
    put(tmp_path, THEIRS, "secret", "merger")
    _, limited = keys.create(tmp_path, Wanted("limited", "read", frozenset({OURS})))
    answerer = SmallAnswerer(tmp_path)
    with loaded(small_app(answerer, api_key=SETTING)) as client:
        for name in (OURS, THEIRS):
            (tmp_path / name / "catalog.db").write_bytes(b"damaged" * 1000)
            answerer.opened.pop(name).close()

        def told(key: str | None) -> dict[str, object]:
            headers = {} if key is None else {"X-API-Key": key}
            answered = client.get("/health/ready", headers=headers)
            assert answered.status_code == 503
            found: dict[str, object] = answered.json()
            return found

        until(lambda: client.get("/health/ready").status_code == 503)
        for stranger in (None, "no-key-of-this-service"):
            found = told(stranger)
            assert (found["broken"], found["generators"]) == ({}, [])
            assert not any(name in str(found) for name in (OURS, THEIRS, str(tmp_path)))
        assert set(told(SETTING)["broken"]) == {OURS, THEIRS}  # type: ignore[call-overload] # a dict
        assert set(told(limited)["broken"]) == {OURS}  # type: ignore[call-overload] # a dict


def test_without_keys_everybody_may_do_everything(tmp_path: Path) -> None:
    """As ever on loopback, until the first key is made; from then on nobody without one may."""
    put(tmp_path, OURS, "d", "swans")
    with loaded(small_app(SmallAnswerer(tmp_path))) as client:
        assert client.get("/metrics").status_code == 200
        key, given_key = keys.create(tmp_path, Wanted("first", "read"))
        until(lambda: client.get("/v1/collections").status_code == 401)
        assert client.get("/metrics", headers={"X-API-Key": given_key}).status_code == 403
        keys.revoke(tmp_path, key.key_id)
        until(
            lambda: (
                client.get("/v1/collections", headers={"X-API-Key": given_key}).status_code == 401
            )
        )
        assert client.get("/v1/collections").status_code == 401
        keys.path_of(tmp_path).unlink()
        time.sleep(0.6)
        assert client.get("/v1/collections").status_code == 401


def test_nothing_is_open_by_mistake() -> None:
    """Only the page, the description and whether the service is alive and ready."""
    open_to_all = {path for (_, path), access in OPERATIONS.items() if access.scope is None}
    assert open_to_all == {
        "/",
        "/page/{name}",
        "/docs",
        "/openapi.json",
        "/health",
        "/health/ready",
    }
