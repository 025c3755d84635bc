"""Errors where the service speaks as OpenAI's API does: each is the right one to its client."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import openai
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from indexes.errors import (
    AfterwordError,
    CollectionNotFound,
    ModelBusy,
    ModelFailed,
    ModelMissing,
    ModelTooSlow,
)
from openai_clients import ToldAnswerer, client_of
from service.dialect import ErrorReply, speaks_openai
from service.problems import RateLimited, error_of, invalid, problem_response
from service.schemas import Mistake
from serving import loaded, small_app, stored, until

KEY: Final = "correct-horse-battery"
ASK: Final[dict[str, Any]] = {
    "model": "default",
    "messages": [{"role": "user", "content": "What are swans?"}],
}
# Each path with a body that is good.
CALLS: Final[dict[str, dict[str, object] | None]] = {
    "/v1/models": None,
    "/v1/models/default": None,
    "/v1/chat/completions": ASK,
    "/v1/embeddings": {"model": "default", "input": "x"},
    "/v1/rerank": {"query": "x", "documents": ["y"]},
}


@pytest.fixture
def answerer(tmp_path: Path) -> ToldAnswerer:
    """An answerer over one document."""
    stored(tmp_path, {"birds": "swans are white"})
    return ToldAnswerer(tmp_path)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client, without the key, of a service that has one."""
    data = tmp_path_factory.mktemp("keyed")
    stored(data, {"birds": "swans are white"})
    with loaded(small_app(ToldAnswerer(data), api_key=KEY)) as client:
        yield client


def ask(client: OpenAI) -> object:
    """Ask a question that can be answered."""
    return client.chat.completions.create(**ASK)


@pytest.mark.parametrize("path", CALLS)
def test_every_path_answers_with_error_objects(keyed: TestClient, path: str) -> None:
    """A missing key, an unknown method, a broken body; all others answer with problems still."""

    def error(status: int, method: str = "POST", **more: Any) -> dict[str, object]:
        answered = keyed.request(method, path, **more)
        assert answered.status_code == status, answered.text
        assert answered.headers["content-type"] == "application/json"
        found = ErrorReply.model_validate(answered.json(), strict=True)
        return found.error.model_dump()

    method = "GET" if CALLS[path] is None else "POST"
    refused = error(401, method, json=CALLS[path])
    assert (refused["type"], refused["code"]) == ("authentication_error", "key_refused")
    headers = {"Authorization": f"Bearer {KEY}"}
    assert error(405, "PUT", headers=headers)["code"] == "method_not_allowed"
    query = error(400, method, json=CALLS[path], params={"filter": "x"}, headers=headers)
    assert (query["param"], query["code"]) == ("filter", "invalid_request")
    if CALLS[path] is None:
        return
    json_type = {**headers, "Content-Type": "application/json"}
    assert "not JSON" in str(error(400, content=b"{", headers=json_type)["message"])
    assert error(400, content=b"[" * 100_000, headers=json_type)["code"] == "bad_request"
    assert error(413, content=b"x" * (2 << 20), headers=json_type)["code"] == "too_large"


def test_other_paths_answer_with_problems(keyed: TestClient) -> None:
    """Those that only look alike, too."""
    for path in ("/v1/query", "/v1/models-x", "/v1/completions", "/v1/chat", "/v1/rerank/x"):
        assert not speaks_openai(path)
        refused = keyed.post(path, json={})
        assert refused.headers["content-type"] == "application/problem+json"


def test_below_a_path_of_a_proxy_the_form_is_the_same(answerer: ToldAnswerer) -> None:
    """Whether the proxy takes its own path off or not, and links lead through it."""
    url = "https://docs.example.org/afterword"
    with loaded(small_app(answerer, public_url=url)) as client:
        for path in ("/v1/models/x", "/afterword/v1/models/x"):
            assert client.get(path).json()["error"]["code"] == "model_not_found"
        answered = client.post("/v1/chat/completions", json=ASK).json()
    (cited,) = answered["choices"][0]["message"]["annotations"]
    assert cited["url_citation"]["url"].startswith("/afterword/v1/documents/d1/text?")


def test_the_client_raises_what_fits(answerer: ToldAnswerer) -> None:
    """Its own class for each: no key, not found, not valid."""
    with client_of(small_app(answerer, api_key=KEY), KEY) as client:
        assert ask(client)
        with pytest.raises(openai.AuthenticationError) as refused:
            ask(client.with_options(api_key="another-key-altogether"))
        assert refused.value.code == "key_refused"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nowhere")
        with pytest.raises(openai.BadRequestError) as invalid_one:
            client.chat.completions.create(**ASK, n=2)
        assert invalid_one.value.param == "n"


def test_a_page_of_another_site_is_refused(answerer: ToldAnswerer) -> None:
    """It is PermissionDeniedError to the client."""
    with client_of(small_app(answerer)) as client, pytest.raises(openai.PermissionDeniedError) as e:
        ask(client.with_options(default_headers={"Origin": "https://evil.test"}))
    assert (e.value.type, e.value.code) == ("permission_error", "origin_refused")


def test_a_site_that_is_named_may_send_the_clients_headers(answerer: ToldAnswerer) -> None:
    """OpenAI's client, in a browser, adds its own to each request."""
    origin = "https://chat.example.org"
    with loaded(small_app(answerer, cors_origins=origin)) as client:
        asked = client.options(
            "/v1/chat/completions",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type,x-stainless-arch,"
                "x-stainless-lang,x-stainless-os,x-stainless-package-version,"
                "x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,"
                "x-stainless-timeout",
            },
        )
    assert asked.status_code == 200


def test_too_many_requests_are_told_when_to_come_again(answerer: ToldAnswerer) -> None:
    """RateLimitError, with Retry-After: for the key's own rate."""
    with client_of(small_app(answerer, rate_per_minute=2)) as client:
        ask(client)
        ask(client)
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client)
    assert (caught.value.type, caught.value.code) == ("rate_limit_error", "rate_limited")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60


def test_where_all_places_are_taken_the_client_tries_again_by_itself(
    answerer: ToldAnswerer,
) -> None:
    """It is 429 with Retry-After, in a stream too; with retries allowed the answer comes."""
    go_on = threading.Event()
    answerer.between = lambda: (go_on.wait(20), None)[1]
    app = small_app(answerer, max_concurrent=1)
    with client_of(app) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, client)
        until(lambda: app.state.service.questions.taken == 1)
        for call in (
            lambda: ask(client),
            lambda: client.chat.completions.create(**ASK, stream=True),
            lambda: client.embeddings.create(model="default", input="x"),
        ):
            with pytest.raises(openai.RateLimitError) as caught:
                call()
            assert caught.value.response.headers["retry-after"] == "1"
        second = pool.submit(ask, client.with_options(max_retries=3))
        time.sleep(0.2)
        go_on.set()
        assert first.result()
        assert second.result()


def test_a_server_that_is_not_ready_says_so(answerer: ToldAnswerer) -> None:
    """InternalServerError, with what is missing; and one for what nobody foresaw."""

    def fail() -> None:
        raise ZeroDivisionError

    app = small_app(answerer)
    with client_of(app) as client:
        answerer.fails = fail
        with pytest.raises(openai.InternalServerError) as caught:
            ask(client)
        assert (caught.value.type, caught.value.code) == ("server_error", "internal_error")
        app.state.service.answerer = None
        with pytest.raises(openai.InternalServerError, match="cannot answer yet") as caught:
            ask(client)
        assert caught.value.code == "not_ready"
        assert caught.value.status_code == 503


SCOPE: Final = {"type": "http", "path": "/v1/models", "root_path": ""}


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (CollectionNotFound("none"), 404, "invalid_request_error"),
        (invalid("body.n", "no"), 400, "invalid_request_error"),
        (RateLimited("slow down.", 7), 429, "rate_limit_error"),
        (ModelBusy("full", 9), 503, "server_error"),
    ],
)
def test_one_table_has_both_forms(error: AfterwordError, status: int, kind: str) -> None:
    """Code and headers are the same in either; the status differs for what is not valid alone."""
    theirs = problem_response(error, dict(SCOPE))
    ours = problem_response(error, {**SCOPE, "path": "/v1/query"})
    told = json.loads(bytes(theirs.body))["error"]
    assert (theirs.status_code, told["type"], told["code"]) == (status, kind, error.code)
    assert ours.status_code == (422 if status == 400 else status)
    assert json.loads(bytes(ours.body))["code"] == error.code
    wait = ours.headers.get("retry-after")
    assert theirs.headers.get("retry-after") == wait
    assert json.loads(bytes(ours.body))["retry_after"] == (wait if wait is None else int(wait))
    assert told.get("retry_after") == (wait if wait is None else int(wait))


@pytest.mark.parametrize(
    ("error", "times"),
    [(ModelMissing("no weights"), 1), (ModelTooSlow("over"), 1), (ModelFailed("broke off"), 3)],
)
def test_the_client_asks_again_only_where_that_is_of_use(
    answerer: ToldAnswerer, error: AfterwordError, times: int
) -> None:
    """Of a model that is missing it would be told the same again."""
    asked: list[int] = []

    def fail() -> None:
        asked.append(1)
        raise error

    answerer.fails = fail
    with client_of(small_app(answerer)) as client, pytest.raises(openai.InternalServerError):
        ask(client.with_options(max_retries=2))
    assert len(asked) == times


def test_an_error_that_ends_a_stream_tells_when_to_come_again(answerer: ToldAnswerer) -> None:
    """There is no header any more; in either form."""

    def fail() -> None:
        raise ModelBusy("full", 9)

    answerer.fails = fail
    with loaded(small_app(answerer)) as client:
        native = client.post("/v1/query", json={"question": "x", "stream": True}).text
        theirs = client.post("/v1/chat/completions", json={**ASK, "stream": True}).text
    assert json.loads(native.strip().rpartition("data: ")[2])["retry_after"] == 9
    assert json.loads(theirs.strip().rpartition("data: ")[2])["error"]["retry_after"] == 9


def test_many_mistakes_are_counted() -> None:
    """The first five are told, and how many more there are; surrogates cannot be sent."""
    error = invalid("body.a", "no")
    error.mistakes = tuple(Mistake(where=f"body.input.{at}", message="no") for at in range(7))
    told = error_of(error).error
    assert told.param == "input[0]"
    assert told.message.startswith("input[0]: no; input[1]: no;")
    assert told.message.endswith("; and 2 more")
    assert error_of(CollectionNotFound("\ud800")).error.message == "�"
