"""What stands before the routes: keys, origins, body limits, request ids, and the last resort."""

import asyncio
import io
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from indexes.errors import UsageError
from indexes.settings import Settings
from service.app import check_exposure
from service.gate import BODY_LIMIT, FORM_ALLOWANCE, Gate
from service.logs import configure_logs, new_request_id
from service.loopback import is_loopback
from service.problems import PROBLEM_JSON
from serving import SmallAnswerer, loaded, running, small_app, stored

KEY = "correct-horse-battery"
SECRET_WORDS = "where does the ptarmigan nest"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one document."""
    stored(tmp_path, {"d": "swans are white"})
    return tmp_path


@pytest.fixture
def answerer(data: Path) -> SmallAnswerer:
    """An answerer over that folder."""
    return SmallAnswerer(data)


@pytest.fixture
def client(answerer: SmallAnswerer) -> Iterator[TestClient]:
    """A client of a loaded service without a key."""
    with loaded(small_app(answerer)) as client:
        yield client


@pytest.fixture
def keyed(answerer: SmallAnswerer) -> Iterator[TestClient]:
    """A client of a loaded service with a key."""
    with loaded(small_app(answerer, api_key=KEY)) as client:
        yield client


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, object]:
    """Check that a response is a problem of this status and code, and return it."""
    assert response.headers["content-type"] == PROBLEM_JSON
    found: dict[str, object] = response.json()
    assert (response.status_code, found["status"], found["code"]) == (status, status, code)
    assert found["trace_id"] == response.headers["x-request-id"]
    assert found["type"] == f"/docs#problem-{code}"
    return found


@pytest.mark.parametrize("given_key", [None, "", KEY[:-1], KEY + "x", KEY.upper(), "é" * 20])
def test_without_the_key_nothing_but_health_and_docs(
    keyed: TestClient, given_key: str | None
) -> None:
    """Another key, or none, is 401 on every path that is not open, known or not."""
    headers: dict[bytes, bytes] = {}
    if given_key is not None:
        headers[b"Authorization"] = f"Bearer {given_key}".encode()
    for method, path in [
        ("POST", "/v1/query"),
        ("GET", "/v1/documents"),
        ("DELETE", "/v1/documents/d"),
        ("GET", "/metrics"),
        ("GET", "/nowhere"),
        ("GET", "/v1/../v1/collections"),
    ]:
        refused = keyed.request(method, path, headers=headers)
        problem(refused, 401, "key_refused")
        assert refused.headers["www-authenticate"] == "Bearer"
    for path in ("/health", "/health/ready", "/docs", "/openapi.json"):
        assert keyed.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_with_the_key_all_is_open(keyed: TestClient, scheme: str) -> None:
    """The scheme's case does not matter, the key's does; other names for the host are fine."""
    headers = {"Authorization": f"{scheme} {KEY}", "Host": "afterword.example"}
    assert keyed.get("/v1/documents", headers=headers).status_code == 200
    assert keyed.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:9999", 403),
        ("http://[", 403),
    ],
)
def test_other_sites_pages_may_not_post(client: TestClient, origin: str, status: int) -> None:
    """A browser's request from another origin is refused, for it needs no key."""
    asked = client.post("/v1/query", json={"question": "swans"}, headers={"Origin": origin})
    assert asked.status_code == status
    if status == 403:
        assert origin in str(problem(asked, 403, "origin_refused")["detail"])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:1234", 200),
        ("127.0.0.1", 200),
        ("127.9.9.9:80", 200),
        ("[::1]:8000", 200),
        ("rebound.example", 403),
        ("rebound.example:8000", 403),
        ("localhost.rebound.example", 403),
        ("[", 403),
    ],
)
def test_a_loopback_service_answers_to_loopback_names(
    client: TestClient, host: str, status: int
) -> None:
    """A page cannot reach it by a name of its own that leads to this machine."""
    assert client.get("/v1/collections", headers={"Host": host}).status_code == status


PUBLIC = "https://docs.example.org/afterword"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "docs.example.org"}, 200),
        ({"Host": "DOCS.example.org:8443"}, 200),
        ({"Host": "docs.example.org", "Origin": "https://docs.example.org"}, 200),
        ({"Host": "127.0.0.1:8000", "Origin": "https://docs.example.org"}, 200),
        ({"Host": "127.0.0.1:8000", "Origin": "http://docs.example.org"}, 403),
        ({"Host": "docs.example.org", "Origin": "https://docs.example.org.evil.example"}, 403),
        ({"Host": "docs.example.org.evil.example"}, 403),
        ({"Host": "example.org"}, 403),
        ({"Host": "127.0.0.1:8000", "X-Forwarded-Host": "docs.example.org"}, 200),
        ({"Host": "evil.example", "X-Forwarded-Host": "docs.example.org"}, 403),
    ],
)
def test_the_public_address_is_one_of_its_names(
    answerer: SmallAnswerer, headers: dict[str, str], status: int
) -> None:
    """Beside the loopback names, and as an origin, where there is no key."""
    with loaded(small_app(answerer, public_url=PUBLIC)) as client:
        asked = client.post("/v1/query", json={"question": "swans"}, headers=headers)
    assert asked.status_code == status
    if status == 403:
        assert "AFTERWORD_PUBLIC_URL" in str(asked.json()["detail"])


@pytest.mark.parametrize("prefix", ["", "/afterword"])
def test_links_have_the_root_whether_the_proxy_takes_it_off_or_not(
    answerer: SmallAnswerer, prefix: str
) -> None:
    """Locations, problems, the description and its page; the routes are where they were."""
    with loaded(small_app(answerer, public_url=PUBLIC)) as client:
        sent = client.post(f"{prefix}/v1/documents", json={"text": "x", "title": "t"})
        assert sent.headers["location"] == f"/afterword/v1/jobs/{sent.json()['job_id']}"
        made = client.post(f"{prefix}/v1/collections", json={"name": "new"})
        assert made.headers["location"] == "/afterword/v1/collections/new"
        missing = client.get(f"{prefix}/v1/documents/nope").json()
        assert missing["type"] == "/afterword/docs#problem-document_not_found"
        assert missing["instance"] == "/afterword/v1/documents/nope"
        wrong = client.put(f"{prefix}/v1/query")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert client.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": "/afterword"}]
        assert 'href="/afterword/openapi.json"' in client.get(f"{prefix}/docs").text
        for path in ("", "/"):
            assert '<base href="/afterword/">' in client.get(f"{prefix}{path}").text
        size = BODY_LIMIT + 1
        large = client.post(f"{prefix}/v1/documents", files={"file": ("a.txt", b"x" * size)})
        assert large.status_code == 202  # the limit of uploads counts, not that of other bodies


TRICKS = (
    "//docs",
    "/./docs",
    "/%2e/docs",
    "/v1/../docs",
    "/docs/",
    "/docs%00",
    "/DOCS",
    "/docs;/v1/documents",
    "/docs/../v1/documents",
    "/docs/%2e%2e/v1/documents",
    "/docs%2f..%2fv1/documents",
    "/health/..//v1/documents",
    "//v1/documents",
    "/%2e/v1/documents",
    "/v1%2fdocuments",
    "/v1/documents",
    "/v1/documents?x=/docs",
    "/v1/documents/d/original?ticket=x",
    "/afterword/v1/documents",
    "/afterword/afterword/v1/documents",
    "/afterword/afterword/docs",
    "/afterword//v1/documents",
    "/afterword//docs",
    "//afterword/docs",
    "/afterworddocs",
    "/afterword%2fv1%2fdocuments",
    "/afterword/%2e%2e/docs",
    "/afterword/docs/../v1/documents",
    "/AFTERWORD/docs",
    "/metrics",
)


@pytest.mark.parametrize("root", ["", "/afterword"])
def test_no_spelling_of_a_path_opens_it(answerer: SmallAnswerer, root: str) -> None:
    """What is open without the key is open under its own name alone, with the root or without."""
    app = small_app(answerer, api_key=KEY, public_url=f"https://docs.example.org{root}")
    with running(app) as client:
        for target in TRICKS:
            refused = raw(client, target)
            assert refused.startswith(b"HTTP/1.1 401 "), (target, refused)
            assert b"swans" not in refused
        for target in ("/docs", f"{root}/docs", f"{root}/health", f"{root}%2fdocs"):
            assert raw(client, target).startswith(b"HTTP/1.1 200 "), target


def raw(client: httpx2.Client, target: str) -> bytes:
    """Send a target as it is written, which no client library does, and return the answer."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as asked:
        lines = f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "", ""
        asked.sendall("\r\n".join(lines).encode())
        return b"".join(iter(lambda: asked.recv(1 << 16), b""))


def test_a_body_over_the_limit_is_refused_unread(client: TestClient) -> None:
    """The announced length is enough; it is refused on every path."""
    for path in ("/v1/query", "/nowhere"):
        refused = client.post(path, content=b"x" * (BODY_LIMIT + 1))
        assert "AFTERWORD_MAX_UPLOAD_MB" not in str(problem(refused, 413, "too_large")["detail"])


def test_a_body_without_end_is_cut_off() -> None:
    """A chunked body is counted as it comes: the app gets the limit, and little more is taken."""
    given = passed = 0
    piece = b" " * 65536

    async def receive() -> Message:
        nonlocal given
        given += len(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def read_all(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal passed
        while True:
            passed += len((await receive())["body"])

    async def send(_message: Message) -> None:
        """Nothing is sent in this test."""

    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/query", "headers": []}
    gate = Gate(read_all, Settings.model_validate({"host": "0.0.0.0"}))
    with pytest.raises(HTTPException) as refused:
        asyncio.run(gate(scope, receive, send))
    assert refused.value.status_code == 413
    assert passed == BODY_LIMIT
    assert given <= BODY_LIMIT + (65 << 20)


def test_an_upload_has_a_limit_of_its_own(answerer: SmallAnswerer) -> None:
    """One megabyte may be uploaded where one is allowed, and not three."""
    with loaded(small_app(answerer, max_upload_mb=1)) as client:
        fits = client.post("/v1/documents", files={"file": ("a.txt", b"x" * (1 << 20))})
        assert fits.status_code == 202
        size = (1 << 20) + FORM_ALLOWANCE + 1
        over = client.post("/v1/documents", files={"file": ("a.txt", b"x" * size)})
        assert "AFTERWORD_MAX_UPLOAD_MB" in str(problem(over, 413, "too_large")["detail"])


def test_a_sane_request_id_is_kept_and_another_replaced(client: TestClient) -> None:
    """The caller's id comes back, is the trace id, and cannot carry anything odd."""
    kept = client.post("/v1/query", json={"question": "x"}, headers={"X-Request-ID": "abc-1.2:3"})
    assert kept.headers["x-request-id"] == kept.json()["trace_id"] == "abc-1.2:3"
    for odd in ("", "a b", "x" * 65, "<script>", 'a"b'):
        replaced = client.get("/health", headers={"X-Request-ID": odd}).headers["x-request-id"]
        assert replaced != odd
        assert len(replaced) == 16


@given(st.text())
def test_a_request_id_is_always_sane(proposed: str) -> None:
    """Whatever is proposed, the id is of one line, short and plain."""
    chosen = new_request_id(proposed)
    assert chosen.isascii()
    assert 1 <= len(chosen) <= 64
    assert not set(chosen) & set("\r\n \t\"'<>\\")


def test_every_answer_forbids_browsers_to_make_more_of_it(client: TestClient) -> None:
    """Sniffing, framing, scripts and caching are off, on problems too."""
    for path in ("/health", "/v1/documents/d/text", "/nowhere", "/docs"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_an_unforeseen_error_tells_the_client_nothing(
    answerer: SmallAnswerer, client: TestClient
) -> None:
    """It is a problem 500 with a trace id; the log has type and place, and no message."""
    log = io.StringIO()

    def fail() -> None:
        raise ZeroDivisionError(SECRET_WORDS)

    answerer.between = fail
    before = logging.getLogger().handlers
    try:
        configure_logs("info", log)
        failed = client.post("/v1/query", json={"question": SECRET_WORDS})
    finally:
        logging.getLogger().handlers = before
    told = problem(failed, 500, "internal_error")
    assert "ZeroDivision" not in failed.text
    assert SECRET_WORDS not in failed.text + log.getvalue()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    failure = next(line for line in lines if line["event"] == "request_failed")
    assert (failure["error"], failure["request_id"]) == ("ZeroDivisionError", told["trace_id"])
    assert failure["place"][-1].endswith(" fail")


def test_the_log_has_no_question_and_one_line_a_request(
    answerer: SmallAnswerer, client: TestClient
) -> None:
    """Neither a good nor a bad request leaves its words in the log."""
    log = io.StringIO()
    before = logging.getLogger().handlers
    try:
        configure_logs("debug", log)
        client.post("/v1/query", json={"question": SECRET_WORDS})
        client.post("/v1/query", json={"question": SECRET_WORDS, SECRET_WORDS: 1})
        client.get("/v1/documents", params={"collection": SECRET_WORDS})
        client.post("/v1/documents", json={"text": SECRET_WORDS, "title": SECRET_WORDS})
    finally:
        logging.getLogger().handlers = before
    assert answerer.asked[0].question == SECRET_WORDS
    assert SECRET_WORDS not in log.getvalue()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/v1/query", 200),
        ("/v1/query", 422),
        ("/v1/documents", 422),
        ("/v1/documents", 202),
    ]
    assert len({line["request_id"] for line in requests}) == 4


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_only_loopback_may_be_bound_without_a_key(host: str, *, loopback: bool) -> None:
    """Any other address needs a key, or the explicit wish to have none."""
    assert is_loopback(host) == loopback
    settings = Settings.model_construct(**{**Settings().model_dump(), "host": host})
    if loopback:
        check_exposure(settings)
        return
    with pytest.raises(UsageError, match="AFTERWORD_API_KEY"):
        check_exposure(settings)
    check_exposure(settings.model_copy(update={"allow_anonymous": True}))
    check_exposure(Settings.model_validate({"host": host or "x", "api_key": KEY}))
