"""The routes of a question: replies, streams, limits, and clients that leave."""

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from indexes.documents import sha256_text
from indexes.errors import EncoderMismatch
from service import working
from service.answer import Question
from service.evidence import Turn
from service.language_model import go_on
from service.reply import Event, Reply
from serving import WORDS, SmallAnswerer, loaded, running, small_app, stored, until

SWANS = "swans are white and swim"


@pytest.fixture
def answerer(tmp_path: Path) -> SmallAnswerer:
    """An answerer over two documents."""
    stored(tmp_path, {"birds": SWANS, "fish": "trout are brown and swim"})
    return SmallAnswerer(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallAnswerer, TestClient]]:
    """An answerer that is never to be asked, and a client of its service."""
    data = tmp_path_factory.mktemp("shared")
    stored(data, {"birds": SWANS})
    answerer = SmallAnswerer(data)
    with loaded(small_app(answerer)) as client:
        yield answerer, client


def events(text: str) -> list[tuple[str, dict[str, object]]]:
    """Return the events of a whole stream, comments left out."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            name, data = lines
            assert name.startswith("event: ")
            assert data.startswith("data: ")
            found.append((name[7:], json.loads(data[6:])))
    assert text.endswith("\n\n")
    return found


def test_a_question_is_passed_on_whole_and_its_reply_back(answerer: SmallAnswerer) -> None:
    """Every field of the request reaches the answerer, every field of the reply the client."""
    asked = {
        "question": "swans?",
        "collection": "default",
        "filter": {"field": "id", "operator": "==", "value": "birds"},
        "as_of": "2026-01-31",
        "top_k": 3,
        "candidates": 5,
        "generator": "quote",
        "strategy": "cot",
        "reasoning": True,
        "history": [{"role": "user", "content": "a"}, {"role": "assistant", "text": "b"}],
        "rewrite": "rule",
        "stream": False,
    }
    with loaded(small_app(answerer)) as client:
        reply = client.post("/v1/query", json={**asked, "question": "swans"})
    assert answerer.asked == [
        Question(
            question="swans",
            collection="default",
            filter={"field": "id", "operator": "==", "value": "birds"},
            as_of="2026-01-31",
            top_k=3,
            candidates=5,
            generator="quote",
            strategy="cot",
            reasoning=True,
            history=(Turn("user", "a"), Turn("assistant", "b")),
            rewrite="rule",
        )
    ]
    told = reply.json()
    assert set(told) == {
        "status",
        "answer",
        "answer_short",
        "score",
        "threshold",
        "query",
        "citations",
        "passages",
        "dropped",
        "usage",
        "timings",
        "trace_id",
        "generation",
        "rewritten_by",
        "session_id",
        "session_note",
    }
    assert (told["status"], told["answer"], told["score"]) == ("answered", "".join(WORDS), 0.75)
    assert told["timings"]["total"] == 10.0
    (passage,) = told["passages"]
    assert (passage["document_id"], passage["text"]) == ("birds", SWANS)
    assert passage["text_sha256"] == sha256_text(SWANS)
    assert set(passage["scores"]) == {"dense", "lexical", "fused", "reader"}


def test_a_stream_gives_each_event_and_the_whole_reply(answerer: SmallAnswerer) -> None:
    """Search first, then the tokens, then one final that equals the reply without a stream."""
    with loaded(small_app(answerer)) as client:
        headers = {"X-Request-ID": "same"}
        whole = client.post("/v1/query", json={"question": "swans"}, headers=headers)
        streamed = client.post(
            "/v1/query", json={"question": "swans", "stream": True}, headers=headers
        )
    assert streamed.headers["content-type"].startswith("text/event-stream")
    found = events(streamed.text)
    assert [name for name, _ in found] == ["search", *["token"] * len(WORDS), "final"]
    assert found[0][1] == {"query": "swans", "passages": whole.json()["passages"]}
    assert "".join(str(data["text"]) for name, data in found if name == "token") == "".join(WORDS)
    assert found[-1][1] == whole.json()


def test_events_come_as_they_happen(answerer: SmallAnswerer) -> None:
    """The first event is there while the answer is still being made."""
    go_on = threading.Event()
    answerer.between = lambda: (go_on.wait(10), None)[1]
    with (
        running(small_app(answerer)) as client,
        client.stream("POST", "/v1/query", json={"question": "x", "stream": True}) as reply,
    ):
        lines = reply.iter_lines()
        assert next(lines) == "event: search"
        assert not go_on.is_set()
        go_on.set()
        assert [line for line in lines if line.startswith("event: ")][-1] == "event: final"


def test_a_silent_stream_is_kept_alive(
    answerer: SmallAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing happens for the interval, a comment line is sent."""
    assert working.KEEP_ALIVE_SECONDS == 15
    monkeypatch.setattr(working, "KEEP_ALIVE_SECONDS", 0.05)
    answerer.between = lambda: time.sleep(0.15)
    with running(small_app(answerer)) as client:
        text = client.post("/v1/query", json={"question": "x", "stream": True}).text
    assert text.count(": still working\n\n") >= 4
    assert [name for name, _ in events(text)][-1] == "final"


def test_what_is_wrong_from_the_start_is_told_by_the_status(answerer: SmallAnswerer) -> None:
    """A stream that never begins is a problem, not a stream."""
    with loaded(small_app(answerer)) as client:
        missing = client.post(
            "/v1/query", json={"question": "x", "collection": "none", "stream": True}
        )
        bad = client.post(
            "/v1/query", json={"question": "x", "filter": {"field": "no"}, "stream": True}
        )
    assert (missing.status_code, missing.json()["code"]) == (404, "collection_not_found")
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_filter")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(EncoderMismatch("other vectors"), 503, "encoder_mismatch"), (KeyError("x"), 500, "internal")],
)
def test_what_goes_wrong_later_is_told_by_an_event(
    answerer: SmallAnswerer, error: Exception, status: int, code: str
) -> None:
    """The last event is an error that holds the problem."""

    def fail() -> None:
        time.sleep(0.2)
        raise error

    answerer.between = fail
    with running(small_app(answerer)) as client:
        text = client.post("/v1/query", json={"question": "x", "stream": True}).text
    (first, _), (name, problem) = events(text)
    assert (first, name) == ("search", "error")
    assert problem["status"] == status
    assert str(problem["code"]).startswith(code)


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_stops_the_work(answerer: SmallAnswerer, *, streamed: bool) -> None:
    """After the connection is closed no further step is made, and the place is free again."""
    steps: list[float] = []

    def step() -> None:
        steps.append(time.monotonic())
        time.sleep(0.5)

    answerer.between = step
    app = small_app(answerer)
    with running(app) as client:
        service = app.state.service
        with (
            httpx2.Client(base_url=client.base_url, timeout=0.3) as leaving,
            pytest.raises(httpx2.ReadTimeout),
        ):
            leaving.post("/v1/query", json={"question": "x", "stream": streamed}).read()
        assert service.questions.taken == 1
        until(lambda: service.questions.taken == 0)
        assert len(steps) < len(WORDS)
        answerer.between = lambda: None
        assert client.post("/v1/query", json={"question": "x"}).status_code == 200


@dataclass
class Thinking(SmallAnswerer):
    """Tells nothing for long, as while a language model rewrites a question."""

    thoughts: int = 0

    def answer(
        self,
        question: Question,
        *,
        abstain: bool = True,
        on_event: Callable[[Event], None] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Reply:
        """Think until the check ends it, then answer where it does not."""
        for _ in range(1500):
            self.thoughts += 1
            (check or go_on)()
            time.sleep(0.02)
        return super().answer(question, abstain=abstain, on_event=on_event)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/query", {"question": "x"}),
        (
            "/v1/chat/completions",
            {"model": "default", "messages": [{"role": "user", "content": "x"}]},
        ),
    ],
)
def test_a_client_that_leaves_a_stream_ahead_of_its_first_event_stops_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, body: dict[str, object]
) -> None:
    """However long an error may still be answered by its status."""
    monkeypatch.setattr("service.working._PATIENCE_SECONDS", 60.0)
    stored(tmp_path, {"birds": SWANS})
    answerer = Thinking(tmp_path)
    app = small_app(answerer)
    with running(app) as client:
        service = app.state.service
        with (
            httpx2.Client(base_url=client.base_url, timeout=0.3) as leaving,
            pytest.raises(httpx2.ReadTimeout),
        ):
            leaving.post(path, json={**body, "stream": True})
        until(lambda: answerer.thoughts > 0)
        until(lambda: service.questions.taken == 0)
    assert answerer.thoughts < 1500


def test_a_stop_lets_the_answer_in_flight_end(answerer: SmallAnswerer) -> None:
    """A stream that has begun when the server is told to stop still gives its last event."""
    answerer.between = lambda: time.sleep(0.1)
    app = small_app(answerer)
    with ThreadPoolExecutor(1) as pool:
        with running(app) as client:
            body = {"question": "x", "stream": True}
            waiting = pool.submit(httpx2.post, f"{client.base_url}/v1/query", json=body)
            until(lambda: app.state.service.questions.taken == 1)
        assert events(waiting.result().text)[-1][0] == "final"
    assert answerer.closed


def test_more_than_may_be_in_flight_is_429_and_health_goes_on(answerer: SmallAnswerer) -> None:
    """With both places taken a third question is refused at once, and health still answers."""
    go_on = threading.Event()
    answerer.between = lambda: (go_on.wait(20), None)[1]
    app = small_app(answerer, max_concurrent=2)
    with running(app) as client, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(client.post, "/v1/query", json={"question": "x"}) for _ in range(2)]
        until(lambda: app.state.service.questions.taken == 2)
        began = time.monotonic()
        refused = client.post("/v1/query", json={"question": "x"})
        streamed = client.post("/v1/query", json={"question": "x", "stream": True})
        searched = client.post("/v1/search", json={"query": "x"})
        for response in (refused, streamed, searched):
            assert (response.status_code, response.json()["code"]) == (429, "too_many_requests")
            assert response.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200
        assert client.get("/v1/documents").status_code == 200
        assert time.monotonic() - began < 2
        go_on.set()
        assert [reply.result().status_code for reply in waiting] == [200, 200]
        page = client.get("/metrics").text
    assert 'afterword_rejected_total{reason="too_many_requests"} 3.0' in page
    assert 'afterword_in_flight{kind="questions"} 0.0' in page


def test_an_answer_does_not_wait_for_the_network(answerer: SmallAnswerer) -> None:
    """A small answer on a kept connection takes less than a delayed acknowledgement (40 ms)."""
    with running(small_app(answerer)) as client:
        waits = []
        for _ in range(30):
            began = time.monotonic()
            client.post("/v1/query", json={"question": "swans"})
            waits.append(time.monotonic() - began)
    assert min(waits) < 0.03


def test_questions_wait_for_a_thread_but_not_forever(answerer: SmallAnswerer) -> None:
    """As many questions as there are places are all answered, threads or not."""
    answerer.between = lambda: time.sleep(0.01)
    with running(small_app(answerer, max_concurrent=24)) as client, ThreadPoolExecutor(24) as pool:
        replies = list(
            pool.map(lambda n: client.post("/v1/query", json={"question": f"q{n}"}), range(24))
        )
    assert {reply.status_code for reply in replies} == {200}
    assert {reply.json()["query"] for reply in replies} == {f"q{n}" for n in range(24)}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"question": ""}, "body.question"),
        ({"question": " \n\t"}, "body.question"),
        ({"question": "x" * 4001}, "body.question"),
        ({"question": "\ud800"}, "body.question"),
        ({"question": None}, "body.question"),
        ({"question": 3}, "body.question"),
        ({"collection": "../etc"}, "body.collection"),
        ({"collection": ""}, "body.collection"),
        ({"as_of": "2026-02-30"}, "body.as_of"),
        ({"as_of": "20260201"}, "body.as_of"),
        ({"as_of": "yesterday"}, "body.as_of"),
        ({"top_k": 0}, "body.top_k"),
        ({"top_k": 101}, "body.top_k"),
        ({"candidates": 1000}, "body.candidates"),
        ({"generator": "oracle"}, "body.generator"),
        ({"strategy": "guess"}, "body.strategy"),
        ({"filter": {"field": "id", "operator": "==", "value": float("nan")}}, "body.filter"),
        ({"filter": {"field": "\ud800", "operator": "==", "value": 1}}, "body.filter"),
        ({"filter": []}, "body.filter"),
        ({"history": [{"role": "user"}]}, "body.history.0.content"),
        ({"history": [{"role": "user", "content": "x", "name": "y"}]}, "body.history.0.name"),
        ({"history": ["x"]}, "body.history.0"),
        ({"history": [{"role": "user", "content": "x"}] * 201}, "body.history"),
        ({"history": "x"}, "body.history"),
        ({"stream": 1}, "body.stream"),
        ({"top_K": 3}, "body.top_K"),
        ({"\ud800": 3}, "body"),
    ],
)
def test_what_is_wrong_is_named(
    shared: tuple[SmallAnswerer, TestClient], change: dict[str, object], where: str
) -> None:
    """A bad field is 422 and the problem says which, without repeating what was sent."""
    body = json.dumps({"question": "x", **change})
    answerer, client = shared
    refused = client.post("/v1/query", content=body, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["where"] == where
    assert answerer.asked == []


def test_a_turn_that_is_too_long_is_told_in_characters(
    shared: tuple[SmallAnswerer, TestClient],
) -> None:
    """Not in items."""
    asked = {"question": "x", "history": [{"role": "user", "content": "x" * 100_001}]}
    (mistake,) = shared[1].post("/v1/query", json=asked).json()["errors"]
    assert mistake["where"] == "body.history.0.content"
    assert "100000 characters" in mistake["message"]


def test_what_is_not_known_is_refused_by_name(
    shared: tuple[SmallAnswerer, TestClient],
) -> None:
    """Another generator, strategy or speaker is told with those there are."""
    asked = {
        "question": "and then?",
        "history": [{"role": "oracle", "content": "x"}],
        "generator": "oracle",
        "strategy": "rewrite",
    }
    refused = shared[1].post("/v1/query", json=asked).json()
    told = {one["where"]: one["message"] for one in refused["errors"]}
    assert set(told) == {"body.history.0.role", "body.generator", "body.strategy"}
    assert "'user'" in told["body.history.0.role"]
    assert "'quote'" in told["body.generator"]
    assert "'direct'" in told["body.strategy"]


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"", "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b'{"question": "x"}', "text/plain", 422),
        (b"[" * 100_000, "application/json", 400),
    ],
)
def test_a_body_that_is_no_json_is_refused(
    shared: tuple[SmallAnswerer, TestClient], body: bytes, media_type: str, status: int
) -> None:
    """Broken, missing, foreign or bottomless JSON is the client's mistake, never a 500."""
    refused = shared[1].post("/v1/query", content=body, headers={"Content-Type": media_type})
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"


def test_what_is_no_json_is_told_with_the_place(
    shared: tuple[SmallAnswerer, TestClient],
) -> None:
    """The place is a character, which is no field of the body."""
    headers = {"Content-Type": "application/json"}
    refused = shared[1].post("/v1/query", content=b'{"question": }', headers=headers).json()
    (mistake,) = refused["errors"]
    assert mistake["where"] == "body"
    assert mistake["message"] == "the body is not JSON (Expecting value at character 13)"


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "/v1/query", {"question": "x", "collection": "a b"}, "begins with a letter"),
        ("GET", "/v1/collections/-a", None, "begins with a letter"),
        ("GET", "/v1/documents/a%20b", None, "no white space"),
        ("POST", "/v1/documents", {"text": "x", "title": "x", "id": "a b"}, "no white space"),
        (
            "POST",
            "/v1/documents",
            {"text": "x", "title": "x", "metadata": {'"': 1}},
            "no quotation mark",
        ),
    ],
)
def test_names_that_are_not_allowed_are_told_in_words(
    shared: tuple[SmallAnswerer, TestClient],
    method: str,
    path: str,
    body: dict[str, object] | None,
    told: str,
) -> None:
    """A pattern is for programs; they have it in the description."""
    refused = shared[1].request(method, path, json=body)
    assert refused.status_code == 422
    assert told in refused.json()["detail"]
    assert "pattern" not in refused.json()["detail"]


def test_search_stops_before_the_answer(answerer: SmallAnswerer) -> None:
    """Search gives the passages of a question, filtered, and asks for no answer."""
    with loaded(small_app(answerer)) as client:
        both = client.post("/v1/search", json={"query": "swim"}).json()["passages"]
        one = client.post("/v1/search", json={"query": "swim", "top_k": 1}).json()["passages"]
        late = client.post("/v1/search", json={"query": "swim", "as_of": "x"})
        fish = client.post(
            "/v1/search",
            json={
                "query": "swim",
                "filter": {"field": "id", "operator": "==", "value": "fish"},
            },
        ).json()["passages"]
    assert late.json()["errors"][0]["where"] == "body.as_of"
    assert {passage["document_id"] for passage in both} == {"birds", "fish"}
    assert one == both[:1]
    assert [passage["document_id"] for passage in fish] == ["fish"]
    assert answerer.asked == []


def test_until_it_is_loaded_it_says_so(answerer: SmallAnswerer) -> None:
    """Before the answerer is there: alive, not ready with reasons, questions 503."""
    go_on = threading.Event()

    class Late(SmallAnswerer):
        def ready(self) -> list[str]:
            assert go_on.wait(20)
            return []

    late = Late(answerer.data)
    app = small_app(late)

    async def look() -> tuple[httpx2.Response, ...]:
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            early = (
                await client.get("/health"),
                await client.get("/health/ready"),
                await client.post("/v1/query", json={"question": "x"}),
            )
            go_on.set()
            await asyncio.to_thread(until, lambda: app.state.service.answerer is not None)
            ready = await client.get("/health/ready")
            return (*early, ready, await client.post("/v1/query", json={"question": "x"}))

    alive, not_ready, refused, ready, answered = asyncio.run(look())
    assert alive.status_code == 200
    assert not_ready.status_code == 503
    told = not_ready.json()
    assert told.pop("parts")["models"]["reason"] == "The encoder is being loaded."
    assert told == {
        "ready": False,
        "reasons": ["The encoder is being loaded."],
        "broken": {},
        "uploads": False,
        "worker": "stopped",
        "generators": ["quote"],
    }
    assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
    assert "encoder is being loaded" in refused.json()["detail"]
    assert refused.headers["retry-after"] == "2"
    assert ready.json()["ready"]
    assert answered.status_code == 200
    assert late.closed


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (sqlite3.OperationalError("disk I/O\nerror"), "OperationalError: disk I/O error"),
        (FileNotFoundError(2, "No such file", "/x/y"), "No such file: '/x/y'"),
        (ValueError("words of a document"), "(ValueError)"),
    ],
)
def test_a_failure_to_load_names_its_cause(
    answerer: SmallAnswerer, error: Exception, told: str
) -> None:
    """What nobody foresaw is told with its place and kind, and its message if that is safe."""

    class Failing(SmallAnswerer):
        def ready(self) -> list[str]:
            raise error

    app = small_app(Failing(answerer.data))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        until(lambda: "failed" in client.get("/health/ready").json()["reasons"][0])
        (reason,) = client.get("/health/ready").json()["reasons"]
    assert told in reason
    assert str(answerer.data) in reason


def test_reasons_of_the_answerer_are_told(tmp_path: Path) -> None:
    """They keep the service from being ready only where no collection can be asked."""
    answerer = SmallAnswerer(tmp_path, reasons=("The encoder is not there.",))
    with loaded(small_app(answerer)) as client:
        told = client.get("/health/ready")
        assert (told.status_code, told.json()["ready"]) == (503, False)
        assert told.json()["reasons"] == ["The encoder is not there."]
        stored(tmp_path, {"birds": SWANS})
        until(lambda: client.get("/health/ready").status_code == 200, 10)
        told = client.get("/health/ready")
        assert (told.json()["ready"], told.json()["broken"]) == (True, {})
        assert told.json()["reasons"] == ["The encoder is not there."]


def damaged(folder: Path, change: str) -> None:
    """Overwrite a collection's catalog, or change it by SQL, and take its dense view away."""
    catalog = folder / "catalog.db"
    if change == "garbage":
        catalog.write_bytes(b"no database" * 1000)
        return
    for view in folder.glob("dense*"):
        view.unlink()
    with closing(sqlite3.connect(catalog)) as connection, connection:
        connection.execute(change)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ("garbage", 503, "index_damaged"),
        ("DROP TABLE chunks", 503, "index_damaged"),
        ("UPDATE vectors SET vector = x'00'", 500, "internal_error"),
    ],
)
def test_a_broken_collection_fails_alone(
    answerer: SmallAnswerer, change: str, status: int, code: str
) -> None:
    """It is told by readiness and the list, its questions fail, all others go on."""
    stored(answerer.data, {"birds": SWANS}, "broken")
    damaged(answerer.data / "broken", change)
    with loaded(small_app(answerer)) as client:
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["ready"], ready.json()["reasons"]) == (
            200,
            True,
            [],
        )
        assert list(ready.json()["broken"]) == ["broken"]
        assert ready.json()["broken"]["broken"]
        refused = client.post("/v1/query", json={"question": "swans", "collection": "broken"})
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert client.post("/v1/query", json={"question": "swans"}).status_code == 200
        listed = {one["name"]: one for one in client.get("/v1/collections").json()["items"]}
        assert listed["broken"]["problem"]
        assert (listed["default"]["problem"], listed["default"]["documents"]) == (None, 2)
        assert 'documents{collection="default"} 2' in client.get("/metrics").text


def test_where_no_collection_is_whole_the_service_is_not_ready(tmp_path: Path) -> None:
    """Readiness really searches, and says why nothing can be asked."""
    stored(tmp_path, {"birds": SWANS})
    with loaded(small_app(SmallAnswerer(tmp_path))) as client:
        assert client.get("/health/ready").status_code == 200
        damaged(tmp_path / "default", "garbage")
        told = until(lambda: (r := client.get("/health/ready")).status_code == 503 and r.json(), 10)
    assert "`broken` says why" in told["reasons"][0]
    assert "catalog.db" in told["broken"]["default"]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Each test ends with no question still at work."""
    yield
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("questions")])
