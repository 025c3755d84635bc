"""Embeddings and rerank: encoder and reader for texts of a client's own."""

import asyncio
import base64
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI
from openai.types import CreateEmbeddingResponse

from bundled_documents import birds, make_collection
from indexes.collection import collection_names
from indexes.encoder import Encoder, load_encoder
from indexes.errors import AfterwordError
from indexes.network import PairCutter, windows
from indexes.settings import Settings
from openai_clients import client_of
from service import model_names
from service import rank_texts as ranking
from service.answer import build_answerer
from service.app import create_app
from service.encode_texts import Encoded, encode_texts
from service.rank_texts import of_service, rank_texts
from service.readers import FOLDER, load_reader
from serving import loaded, running
from small_encoder import small_encoder

TEXTS = ["Swifts sleep on the wing.", "東京タワー", "a"]
ANSWER = "A young swift flies for three years without landing."
OTHERS = [
    "Kingfishers dig their nests into river banks.",
    "The committee met on Tuesday and adjourned early.",
    "Peregrine falcons nest on towers.",
]
QUESTION = "How long does a young swift fly without landing?"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with documents in English and in another language."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    make_collection(folder, "elsewhere", birds(), "other")
    return folder


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[OpenAI]:
    """OpenAI's client of a service with the bundled networks."""
    with client_of(create_app(Settings(data=data), build_answerer, worker=False)) as client:
        yield client


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """The bundled encoder."""
    return load_encoder("bundled", for_questions=True)


def posted(client: OpenAI, path: str, **body: object) -> dict[str, Any]:
    """Send what OpenAI's client has no method for."""
    return client.post(path, body=body, cast_to=dict[str, Any])


@pytest.mark.parametrize("model", ["bundled", "default"])
def test_vectors_are_the_encoders_own(client: OpenAI, encoder: Encoder, model: str) -> None:
    """In base64, which the client asks for by itself, and as numbers: bit by bit, in order."""
    wanted = encoder.encode_documents(TEXTS)
    plain = client.embeddings.create(model=model, input=TEXTS, encoding_format="float")
    usual = client.embeddings.create(model=model, input=TEXTS)
    for found in (plain, usual):
        CreateEmbeddingResponse.model_validate(found.model_dump(exclude={"afterword"}), strict=True)
        assert [one.index for one in found.data] == [0, 1, 2]
        vectors = np.array([one.embedding for one in found.data], np.float32)
        np.testing.assert_array_equal(vectors, wanted)
        assert found.model == model
        tokens = sum(map(encoder.count_tokens, TEXTS))
        assert (found.usage.prompt_tokens, found.usage.total_tokens) == (tokens, tokens)


def test_base64_is_of_little_endian_float32(client: OpenAI, encoder: Encoder) -> None:
    """As the client takes it apart; one text stands for a list of one."""
    found = posted(
        client, "/embeddings", model="bundled", input="a", encoding_format="base64", dimensions=384
    )
    (one,) = found["data"]
    vector = np.frombuffer(base64.b64decode(one["embedding"]), "<f4")
    np.testing.assert_array_equal(vector, encoder.encode_documents(["a"])[0])
    assert found["afterword"] == {"truncated": []}


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"input": [1, 2, 3]}, "input", "check_embedding_ctx_length=False"),
        ({"input": [[1, 2], [3]]}, "input", "token ids"),
        ({"input": []}, "input", "1 or more"),
        ({"input": ["a", ""]}, "input[1]", "empty"),
        ({"input": ["a"] * 2049}, "input", "2048"),
        ({"input": None}, "input", "list"),
        ({"dimensions": 256}, "dimensions", "384"),
        ({"encoding_format": "hex"}, "encoding_format", "'float'"),
        ({"input_type": "oracle"}, "input_type", "'query'"),
        ({"input": ["a", "word " * 300]}, "input[1]", "302 tokens, 256 are read"),
    ],
)
def test_what_cannot_be_encoded_is_refused_by_name(
    client: OpenAI, change: dict[str, object], param: str, words: str
) -> None:
    """Nothing is left out, and nothing is cut unless that is asked for."""
    with pytest.raises(openai.BadRequestError) as caught:
        posted(client, "/embeddings", **{"model": "bundled", "input": "a", **change})
    assert caught.value.param == param
    assert words in str(caught.value)


def test_long_texts_are_cut_where_that_is_asked_for(client: OpenAI, encoder: Encoder) -> None:
    """Which, is told; what is counted is what was read."""
    long = "word " * 300
    found = posted(client, "/embeddings", model="bundled", input=["a", long], truncate=True)
    assert found["afterword"] == {"truncated": [1]}
    assert found["usage"]["total_tokens"] == encoder.count_tokens("a") + 256


def test_questions_are_encoded_as_questions() -> None:
    """By those encoders that tell them from documents."""
    small = small_encoder()

    def as_question(text: str) -> Any:
        return -small.encode_documents([text])[0]

    asking = Encoder(small.identity, small.encode_documents, as_question, small.count_tokens, "")
    plain = encode_texts(TEXTS, asking, lambda: None, as_questions=False, truncate=False)
    asked = encode_texts(TEXTS, asking, lambda: None, as_questions=True, truncate=False)
    np.testing.assert_array_equal(asked.vectors, -plain.vectors)
    assert plain.vectors.shape == (3, 32)


class _Left(Exception):
    """The client has gone."""


def test_encoding_and_ranking_stop_when_the_client_leaves(data: Path) -> None:
    """Both ask again and again, and what that raises ends the work."""
    for most in range(4):
        asked: list[int] = []

        def check(asked: list[int] = asked, most: int = most) -> None:
            asked.append(1)
            if len(asked) > most:
                raise _Left

        with pytest.raises(_Left):
            encode_texts(["a"] * 100, small_encoder(), check, as_questions=False, truncate=False)
        asked.clear()
        with pytest.raises(_Left):
            rank_texts(OTHERS * 2, of_service(QUESTION, Settings(data=data)), check)


def test_who_does_not_wait_stops_the_work(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is closed, and what goes on in the thread is told to end."""
    ended = threading.Event()

    def endless(_texts: object, _encoder: object, check: Callable[[], None], **_: object) -> None:
        try:
            while True:
                check()
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr("service.routes_embeddings.encode_texts", endless)
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).embeddings.create(model="bundled", input="a")
    assert ended.wait(20)


def test_many_vectors_hold_up_nobody(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are answered while they are written as JSON, which takes its time."""
    vectors = np.random.default_rng(0).random((2048, 384), np.float32)
    monkeypatch.setattr(
        "service.routes_embeddings.encode_texts", lambda *_, **__: Encoded(vectors, 1, ())
    )
    app = create_app(Settings(data=data), build_answerer, worker=False)
    body = {"model": "bundled", "input": ["a"] * 2048}
    waits: list[float] = []
    with running(app) as client, ThreadPoolExecutor(1) as pool:
        client.get("/health")
        began = time.monotonic()
        posting = pool.submit(client.post, "/v1/embeddings", json=body)
        while not posting.done():
            asked = time.monotonic()
            assert client.get("/health").status_code == 200
            waits.append(time.monotonic() - asked)
        took = time.monotonic() - began
    assert posting.result().json()["data"][-1]["embedding"] == vectors[-1].tolist()
    assert max(waits) < took / 3


def test_unknown_models_are_told_with_those_there_are(client: OpenAI) -> None:
    """For either operation."""
    with pytest.raises(openai.NotFoundError, match="bundled, default, elsewhere") as caught:
        client.embeddings.create(model="text-embedding-3-small", input="a")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError, match="bundled, default, elsewhere"):
        posted(client, "/rerank", model="rerank-v3.5", query="a", documents=["b"])


def test_collections_are_looked_for_in_threads(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk holds up nobody but who asks."""
    in_threads: list[bool] = []

    def look(folder: Path) -> list[str]:
        # The loop's own thread runs it; no other does.
        in_threads.append(asyncio._get_running_loop() is None)
        return collection_names(folder)

    monkeypatch.setattr(model_names, "collection_names", look)
    client.embeddings.create(model="default", input="a")
    posted(client, "/rerank", model="default", query=QUESTION, documents=["a"])
    client.models.retrieve("default")
    client.chat.completions.create(model="default", messages=[{"role": "user", "content": "?"}])
    assert in_threads == [True] * 4


@pytest.mark.parametrize("model", [None, "bundled", "default"])
def test_the_text_that_answers_comes_first(client: OpenAI, model: str | None) -> None:
    """Scores are in [0, 1] and fall; each place is named once."""
    documents = [*OTHERS, ANSWER]
    found = posted(client, "/rerank", model=model, query=QUESTION, documents=documents)
    scores = [one["relevance_score"] for one in found["results"]]
    assert found["results"][0]["index"] == 3
    assert sorted(one["index"] for one in found["results"]) == [0, 1, 2, 3]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] > load_reader("bundled").threshold > scores[1]
    assert found["model"] == (model or "bundled")
    assert set(found["results"][0]) == {"index", "relevance_score"}
    counts = [
        PairCutter((FOLDER / "tokenizer.json").read_text(), 320).count(one) for one in documents
    ]
    asked = PairCutter((FOLDER / "tokenizer.json").read_text(), 320).count(QUESTION)
    assert found["usage"]["total_tokens"] == sum(counts) + 4 * asked


def test_texts_come_back_where_they_are_wanted(client: OpenAI) -> None:
    """As many as are asked for, also of those that were sent as objects."""
    found = posted(
        client,
        "/rerank",
        query=QUESTION,
        documents=[OTHERS[0], {"text": ANSWER, "id": 7}],
        top_n=1,
        return_documents=True,
        max_chunks_per_doc=3,
    )
    (one,) = found["results"]
    assert (one["index"], one["document"]) == (1, {"text": ANSWER})


def test_a_long_text_is_read_to_its_end(client: OpenAI) -> None:
    """An answer behind what the reader reads at once counts as if it stood alone."""
    filler = "The committee met on Tuesday and adjourned early. " * 60
    found = posted(client, "/rerank", query=QUESTION, documents=[OTHERS[0], f"{filler}{ANSWER}"])
    first, second = found["results"]
    assert first["index"] == 1
    assert first["relevance_score"] > 10 * second["relevance_score"]


def test_texts_without_words_answer_nothing(client: OpenAI) -> None:
    """They have a place and a score all the same."""
    found = posted(client, "/rerank", query=QUESTION, documents=["\u200b", ANSWER])
    assert [one["index"] for one in found["results"]] == [1, 0]
    assert found["results"][1]["relevance_score"] == 0


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"documents": []}, "documents", "1 or more"),
        ({"documents": ["a", 3]}, "documents[1]", "use a text"),
        ({"documents": ["a", " "]}, "documents[1]", "use a text"),
        ({"documents": ["a"] * 1001}, "documents", "1000"),
        ({"query": ""}, "query", "empty"),
        ({"query": "x" * 4001}, "query", "AFTERWORD_MAX_QUESTION_CHARS"),
        ({"query": "word " * 700}, "query", "700 tokens"),
        ({"top_n": 0}, "top_n", "1 or more"),
        ({"model": "elsewhere"}, None, "AFTERWORD_READER"),
    ],
)
def test_what_cannot_be_ranked_is_refused_by_name(
    client: OpenAI, change: dict[str, object], param: str | None, words: str
) -> None:
    """Nothing is left out of a question or of the list in silence."""
    with pytest.raises(openai.BadRequestError) as caught:
        posted(client, "/rerank", **{"query": QUESTION, "documents": ["a"], **change})
    assert caught.value.param == param
    assert words in str(caught.value)


def test_without_a_reader_nothing_is_ranked(data: Path) -> None:
    """It is refused with what to do, and not tried again by the client."""
    settings = Settings(data=data, reader="none")
    with loaded(create_app(settings, build_answerer, worker=False)) as plain:
        for model in (None, "none", "default"):
            refused = rerank(plain, model)
            assert refused.status_code == 400
            assert "AFTERWORD_READER is `none`" in refused.json()["error"]["message"]


def rerank(client: TestClient, model: str | None) -> Any:
    """Rank one text."""
    body = {"query": QUESTION, "documents": [ANSWER], "model": model}
    return client.post("/v1/rerank", json=body)


def test_too_much_to_read_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the number of pieces, before anything is read."""
    monkeypatch.setattr(ranking, "MOST_PIECES", 3)
    means = of_service(QUESTION, Settings(data=data))
    with pytest.raises(AfterwordError, match="first 4 texts make more than 3 pieces"):
        rank_texts(["a"] * 5, means, lambda: None)


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(2, 40), st.integers(0, 20))
def test_windows_cover_all_and_begin_at_bounds(sizes: list[int], room: int, shared: int) -> None:
    """In order, none larger than the room; only what is larger than the room is cut."""
    bounds = [0, *accumulate(sizes)]
    found = list(windows(bounds, room, shared))
    assert {at for first, end in found for at in range(first, end)} == set(range(bounds[-1]))
    for first, end in found:
        assert 0 < end - first <= room
        holds = any(size > room for size in sizes)
        assert holds or {first, end} <= set(bounds)
    for (first, end), (later, further) in pairwise(found):
        assert first < later <= end < further


CUTTER = PairCutter((FOLDER / "tokenizer.json").read_text(encoding="utf-8"), 64)
WORDS = st.lists(st.text("abceghinorst-\u00e9.\u6771 ", min_size=1, max_size=30), max_size=60).map(
    " ".join
)


@given(WORDS, st.text("abc ", max_size=60))
@settings(deadline=None, max_examples=50)
def test_pieces_are_of_the_text_and_are_read_whole(text: str, question: str) -> None:
    """Beside the question, by a network of 64 tokens of which three are its own."""
    if CUTTER.count(question) > CUTTER.longest_question:
        return
    pieces = CUTTER.pieces(question, text)
    at = 0
    for piece, tokens in pieces:
        at = text.index(piece, max(0, at))
        assert CUTTER.count(piece) + CUTTER.count(question) == tokens <= 61
    assert "".join(text.split()).endswith("".join(pieces[-1][0].split())) if pieces else True
