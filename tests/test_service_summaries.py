"""The route of a summary: replies, streams, limits, places of its own, and clients that leave."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from service import working
from serving import SmallAnswerer, loaded, running, small_app, stored, until

PATH = "/v1/summaries"
BIRDS = "Swans are white birds that swim on lakes. Ravens are black birds that nest on high cliffs."
FISH = "Trout are brown fish that live in cold brooks. Pike are green fish that hide among reeds."


@pytest.fixture
def answerer(tmp_path: Path) -> SmallAnswerer:
    """An answerer over two documents."""
    stored(tmp_path, {"birds": BIRDS, "fish": FISH})
    return SmallAnswerer(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service whose collection has one document."""
    data = tmp_path_factory.mktemp("shared")
    stored(data, {"birds": BIRDS})
    with loaded(small_app(SmallAnswerer(data))) as client:
        yield client


def events(text: str) -> list[tuple[str, dict[str, object]]]:
    """Return the events of a whole stream, comments left out."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            name, data = lines
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def without_times(told: dict[str, object]) -> dict[str, object]:
    """Return a reply without what differs from one to the next."""
    return {name: value for name, value in told.items() if name != "timings"}


def test_a_summary_and_the_events_that_lead_to_it(answerer: SmallAnswerer) -> None:
    """The same reply with and without a stream; the tokens are its text."""
    body = {"document_ids": ["birds"], "length": 1}
    with loaded(small_app(answerer)) as client:
        headers = {"X-Request-ID": "same"}
        whole = client.post(PATH, json=body, headers=headers)
        streamed = client.post(PATH, json={**body, "stream": True}, headers=headers)
        page = client.get("/metrics").text
    told = whole.json()
    assert whole.status_code == 200
    assert set(told) == {
        "status",
        "summary",
        "citations",
        "sections",
        "documents",
        "read",
        "timings",
        "trace_id",
        "reason",
        "focus",
        "dropped",
        "usage",
        "generation",
    }
    (citation,) = told["citations"]
    assert BIRDS[citation["start"] : citation["end"]] == citation["quote"]
    assert told["summary"] == f"{citation['quote']} [1]"
    assert streamed.headers["content-type"].startswith("text/event-stream")
    found = events(streamed.text)
    names = [name for name, _ in found]
    assert names[0] == "progress"
    assert names[-1] == "final"
    assert set(found[0][1]) == {"done", "total", "unit", "step"}
    assert "".join(str(data["text"]) for name, data in found if name == "token") == told["summary"]
    assert [data for name, data in found if name == "citation"] == told["citations"]
    assert without_times(found[-1][1]) == without_times(told)
    assert 'afterword_summaries_total{status="summarised"} 2.0' in page
    assert "afterword_summary_seconds_count 2.0" in page


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"length": "huge"}, "body.length"),
        ({"length": 0}, "body.length"),
        ({"length": 51}, "body.length"),
        ({"focus": " "}, "body.focus"),
        ({"focus": "x" * 4001}, "body.focus"),
        ({"document_ids": ["a b"]}, "body.document_ids.0"),
        ({"document_ids": ["a"] * 1001}, "body.document_ids"),
        ({"document_ids": []}, "body.document_ids"),
        ({"pages": {"first": 1, "last": 2}}, "body.pages"),
        ({"pages": {"first": 3, "last": 2}, "document_ids": ["birds"]}, "body.pages"),
        ({"span": {"start": 2, "end": 2}, "document_ids": ["birds"]}, "body.span"),
        (
            {
                "span": {"start": 2, "end": 9},
                "pages": {"first": 1, "last": 2},
                "document_ids": ["birds"],
            },
            "body.span",
        ),
        ({"generator": "oracle"}, "body.generator"),
        ({"as_of": "yesterday"}, "body.as_of"),
        ({"stream": 1}, "body.stream"),
        ({"collection": "../x"}, "body.collection"),
        ({"lenght": "short"}, "body.lenght"),
    ],
)
def test_what_is_wrong_is_named(shared: TestClient, change: dict[str, object], where: str) -> None:
    """A bad field is 422 and the problem says which."""
    refused = shared.post(PATH, json=change)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    (mistake,) = refused.json()["errors"]
    assert mistake["where"] == where
    assert "function" not in mistake["message"]


def test_what_is_not_there_is_told_by_the_status(answerer: SmallAnswerer) -> None:
    """Also where a stream was asked for: it never begins."""
    with loaded(small_app(answerer)) as client:
        for stream in (False, True):
            document = client.post(PATH, json={"document_ids": ["x"], "stream": stream})
            assert (document.status_code, document.json()["code"]) == (404, "document_not_found")
            bad = client.post(PATH, json={"filter": {"field": "no"}, "stream": stream})
            assert (bad.status_code, bad.json()["code"]) == (422, "bad_filter")


def test_summaries_take_no_places_of_questions(answerer: SmallAnswerer) -> None:
    """One of eight places: a second one is 429, and questions are answered all the while."""
    waiting = [True]

    def between() -> None:
        until(lambda: not waiting[0])

    answerer.between = between
    app = small_app(answerer, max_concurrent=4)
    with running(app) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, PATH, json={})
        until(lambda: app.state.service.summaries.taken == 1)
        refused = client.post(PATH, json={})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert client.post("/v1/search", json={"query": "swans"}).status_code == 200
        assert app.state.service.questions.taken == 0
        waiting.clear()
        waiting.append(False)
        assert first.result().status_code == 200


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_stops_the_work(
    answerer: SmallAnswerer, monkeypatch: pytest.MonkeyPatch, *, streamed: bool
) -> None:
    """The next time that the work looks; its place is free again."""
    monkeypatch.setattr(working, "_PATIENCE_SECONDS", 0.05)
    answerer.between = lambda: time.sleep(0.6)
    app = small_app(answerer)
    with running(app) as client:
        service = app.state.service
        with (
            httpx2.Client(base_url=client.base_url, timeout=0.3) as leaving,
            pytest.raises(httpx2.ReadTimeout),
        ):
            leaving.post(PATH, json={"stream": streamed}).read()
        until(lambda: service.summaries.taken == 0)
        answerer.between = lambda: None
        assert client.post(PATH, json={}).status_code == 200
        page = client.get("/metrics").text
    assert 'afterword_summaries_total{status="summarised"} 1.0' in page
