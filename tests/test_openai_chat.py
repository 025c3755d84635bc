"""Chat completions: what OpenAI's own client makes of them, and what is made of its requests."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from fastapi.testclient import TestClient
from openai import AsyncOpenAI, OpenAI
from openai.lib.streaming._deltas import accumulate_delta
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from bundled_documents import birds, make_collection
from indexes.errors import ModelFailed
from indexes.settings import Settings
from openai_clients import KEY, ToldAnswerer, citation, client_of, reply_of
from scripted_model import Script
from service import working
from service.answer import Question, build_answerer
from service.app import create_app
from service.chat_text import CHORE_SAID, NO_DOCUMENTS_SAID, NOT_FOUND_SAID
from service.evidence import Turn
from service.reply import Generation
from serving import loaded, loading, small_app, stored, until

ASK: dict[str, Any] = {
    "model": "default",
    "messages": [{"role": "user", "content": "What are swans?"}],
}
SWIFTS = "How long does a young swift fly without landing?"


@pytest.fixture
def answerer(tmp_path: Path) -> ToldAnswerer:
    """An answerer over one document."""
    stored(tmp_path, {"birds": "swans are white"})
    return ToldAnswerer(tmp_path)


@pytest.fixture
def client(answerer: ToldAnswerer) -> Iterator[TestClient]:
    """A client of its service, in this process."""
    with loaded(small_app(answerer)) as client:
        yield client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ToldAnswerer, TestClient]]:
    """An answerer that is never to be asked, and a client of its service."""
    data = tmp_path_factory.mktemp("shared")
    stored(data, {"birds": "swans are white"})
    answerer = ToldAnswerer(data)
    with loaded(small_app(answerer)) as client:
        yield answerer, client


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    """OpenAI's client of a service with real documents and networks."""
    data = tmp_path_factory.mktemp("data")
    make_collection(data, "default", birds())
    make_collection(data, "empty", [])
    with client_of(create_app(Settings(data=data), build_answerer, worker=False)) as client:
        yield client


def chunks_of(text: str) -> list[dict[str, Any]]:
    """Return the chunks of a whole stream, which ends as it must."""
    *events, last, empty = text.split("\n\n")
    assert (last, empty) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events if event[0] != ":"]


def streamed(client: TestClient, **changes: object) -> list[dict[str, Any]]:
    """Ask for a stream and return its chunks, each of which is one to OpenAI's client too."""
    answered = client.post("/v1/chat/completions", json={**ASK, "stream": True, **changes})
    assert answered.headers["content-type"] == "text/event-stream; charset=utf-8"
    found = chunks_of(answered.text)
    for one in found:
        ChatCompletionChunk.model_validate(one, strict=True)
    return found


def message_of(client: TestClient, **changes: object) -> dict[str, Any]:
    """Ask, and return the message."""
    answered = client.post("/v1/chat/completions", json={**ASK, **changes})
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()["choices"][0]["message"]
    return found


def put_together(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the message of chunks, as OpenAI's client puts it together."""
    whole: dict[Any, Any] = {}
    for one in chunks:
        for choice in one["choices"]:
            whole = accumulate_delta(whole, choice["delta"])
    return whole


def test_an_answer_has_the_shape_that_the_client_knows(
    answerer: ToldAnswerer, client: TestClient
) -> None:
    """Strictly, by its own types; its id is new and its time now, in whole seconds."""
    first = client.post("/v1/chat/completions", json=ASK).json()
    found = ChatCompletion.model_validate(first, strict=True)
    assert (found.object, found.model) == ("chat.completion", "default")
    assert abs(found.created - time.time()) < 60
    (choice,) = found.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert (choice.message.role, choice.message.refusal) == ("assistant", None)
    assert found.usage
    assert found.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
    }
    second = client.post("/v1/chat/completions", json=ASK).json()
    assert first["id"].startswith("chatcmpl-")
    assert first["id"] != second["id"]
    assert len(answerer.asked) == 2


def test_a_citation_stands_in_content_annotations_and_reply(client: TestClient) -> None:
    """Its marker in the text, its place in OpenAI's form, and all of it in the native one."""
    message = message_of(client)
    assert message["content"] == "White. [1]\n\nSources:\n- [1] Title 1 (notes/d1.txt)"
    (found,) = message["annotations"]
    where = found["url_citation"]
    assert found["type"] == "url_citation"
    assert message["content"][where["start_index"] : where["end_index"]] == "[1]"
    assert where["title"] == "Title 1"
    assert where["url"] == (
        f"/v1/documents/d1/text?collection=default&start=3&end=9&sha256={'0' * 64}"
    )
    told = message["afterword"]
    assert (told["status"], told["score"], told["answer"]) == ("answered", 0.75, "White. [1]")
    assert told["citations"] == [{**asdict(citation(1)), "cells": []}]
    assert told["generation"]["generator"] == "quote"
    assert told["unused"] == []


def test_a_document_cannot_move_a_citation(answerer: ToldAnswerer, client: TestClient) -> None:
    """A marker within its words is not taken for ours, and no link of its comes to life."""
    text = "See [1] and ![x](http://evil.test). [1]"
    answerer.texts, answerer.citations = (text, " Two. [2]"), (citation(1), citation(2))
    answerer.reply = reply_of(answerer.texts, [citation(1), citation(2)])
    message = message_of(client)
    content = message["content"]
    places = [one["url_citation"]["start_index"] for one in message["annotations"]]
    assert places == [content.index(". [1]") + 2, content.index("[2]")]
    assert content.startswith("See [1] and !\\[x]\\(http://evil.test). [1] Two. [2]\n\nSources:")
    assert message["afterword"]["answer"] == f"{text} Two. [2]"


@pytest.mark.parametrize(
    ("facts", "url"),
    [
        (
            {"quote": "a well-known fact, & more"},
            "#:~:text=a%20well%2Dknown%20fact%2C%20%26%20more",
        ),
        ({"quote": "1 2 3 4 5 6 7 8 9 10 11"}, "#:~:text=1%202%203%204%205,7%208%209%2010%2011"),
        ({"page": 7}, "#page=7:~:text=quoted"),
        ({"uri": "https://example.org/a?b=c#part"}, "?b=c#part:~:text=quoted"),
    ],
)
def test_a_page_of_the_web_is_cited_by_its_address(
    answerer: ToldAnswerer, client: TestClient, facts: dict[str, object], url: str
) -> None:
    """With the words that a browser is to mark there."""
    page = citation(1, **{"uri": "https://example.org/a", **facts})
    answerer.citations, answerer.reply = (page,), reply_of(answerer.texts, [page])
    (found,) = message_of(client)["annotations"]
    assert found["url_citation"]["url"] == f"https://example.org/a{url}"


@pytest.mark.parametrize("uri", ["notes/d.pdf", "https://example.org/d"])
def test_programs_that_number_sources_number_them_as_the_markers_do(
    answerer: ToldAnswerer, client: TestClient, uri: str
) -> None:
    """Open WebUI takes what has one address for one source; two quotes of a document are two."""
    both = [
        citation(1, document_id="d", uri=uri, quote="one"),
        citation(2, document_id="d", uri=uri, quote="other", start=20, end=25),
    ]
    answerer.texts, answerer.citations = ("One. [1]", " Other. [2]"), both
    answerer.reply = reply_of(answerer.texts, both)
    sources = dict.fromkeys(
        one["url_citation"]["url"]
        for chunk in streamed(client)
        for one in chunk["choices"][0]["delta"].get("annotations", ())
    )
    assert len(sources) == 2


def test_a_citation_leads_to_its_words(real: OpenAI) -> None:
    """The address of each can be fetched, and what comes is the quote."""
    found = real.chat.completions.create(
        model="default", messages=[{"role": "user", "content": SWIFTS}]
    )
    message = found.choices[0].message
    assert message.content
    assert message.content.startswith("A young swift flies for three years without landing. [1]")
    assert message.annotations
    for one, told in zip(
        message.annotations,
        message.afterword["citations"],  # type: ignore[attr-defined] # an extra field
        strict=True,
    ):
        address = str(real.base_url).removesuffix("/v1/") + one.url_citation.url
        assert httpx2.get(address).json()["text"] == told["quote"]


def test_sources_can_be_left_out(answerer: ToldAnswerer) -> None:
    """By the setting, and by the request over it."""
    for setting in (True, False):
        with loaded(small_app(answerer, chat_sources=setting)) as client:
            for wish in (None, True, False):
                told = message_of(client, afterword={"sources": wish})["content"]
                shown = setting if wish is None else wish
                assert told == "White. [1]" + "\n\nSources:\n- [1] Title 1 (notes/d1.txt)" * shown


def test_a_stream_is_the_same_message_in_chunks(client: TestClient) -> None:
    """Role first, reason last, each citation in a chunk of its own, and the whole in the last."""
    chunks = streamed(client)
    assert len({(one["id"], one["created"], one["model"], one["object"]) for one in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {
        "role": "assistant",
        "content": "",
        "refusal": None,
    }
    reasons = [one["choices"][0]["finish_reason"] for one in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]
    assert not any("usage" in one for one in chunks)
    whole, message = put_together(chunks), message_of(client)
    assert whole["content"] == message["content"]
    assert [
        {name: value for name, value in one.items() if name != "index"}
        for one in whole["annotations"]
    ] == message["annotations"]
    cited = [one for one in chunks if "annotations" in one["choices"][0]["delta"]]
    assert [one["afterword"] for one in cited] == [
        {"citation": {**asdict(citation(1)), "cells": []}}
    ]
    told = {**chunks[-1]["afterword"], "trace_id": ""}
    assert told == {**message["afterword"], "trace_id": ""}


def test_several_citations_add_up_in_the_clients_helper(real: OpenAI) -> None:
    """Its own putting together of a stream takes them all; two quotes say the same here."""
    question = "Where do kingfishers dig their nests, and how many pairs of falcons are there?"
    with real.chat.completions.stream(
        model="default",
        messages=[{"role": "user", "content": question}],
        stream_options={"include_usage": True},
        extra_body={"afterword": {"sources": False}},
    ) as events:
        for _ in events:
            pass
        found = events.get_final_completion()
    message = found.choices[0].message
    whole = real.chat.completions.create(
        model="default",
        messages=[{"role": "user", "content": question}],
        extra_body={"afterword": {"sources": False}},
    )
    assert message.content == whole.choices[0].message.content
    assert message.annotations
    assert [one.url_citation for one in message.annotations] == [
        one.url_citation for one in whole.choices[0].message.annotations or ()
    ]
    assert found.usage


def test_usage_is_a_chunk_where_it_is_asked_for(answerer: ToldAnswerer, client: TestClient) -> None:
    """The last one, without a choice; the others then say null. It counts the model's tokens."""
    used = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    answerer.reply = reply_of(answerer.texts, [citation(1)], usage=used)
    *others, last = streamed(client, stream_options={"include_usage": True})
    assert all(one["usage"] is None for one in others)
    assert (last["choices"], last["usage"]) == ([], used)
    assert client.post("/v1/chat/completions", json=ASK).json()["usage"] == used


def test_reasoning_comes_where_it_is_asked_for(answerer: ToldAnswerer, client: TestClient) -> None:
    """By our field or the object that some clients send; in its own field, and never else."""
    answerer.thoughts = ("First, ", "swans.")
    assert "reasoning_content" not in message_of(client)
    for wish in ({"afterword": {"reasoning": True}}, {"reasoning": {"effort": "high"}}):
        assert message_of(client, **wish)["reasoning_content"] == "First, swans."
        assert put_together(streamed(client, **wish))["reasoning_content"] == "First, swans."
    for no in (
        {"reasoning": {"effort": "none"}},
        {"reasoning": {"exclude": True}},
        {"reasoning": {"enabled": False}},
        {"reasoning": "high"},
        {"reasoning": {}, "afterword": {"reasoning": False}},
    ):
        assert "reasoning_content" not in message_of(client, **no)


def test_an_answer_that_was_cut_says_so(answerer: ToldAnswerer, client: TestClient) -> None:
    """The reason is "length", whole and in chunks."""
    answerer.reply = reply_of(answerer.texts, generation=Generation(finish_reason="length"))
    found = client.post("/v1/chat/completions", json=ASK).json()
    assert found["choices"][0]["finish_reason"] == "length"
    assert streamed(client)[-1]["choices"][0]["finish_reason"] == "length"


def test_where_there_is_no_answer_the_content_says_so(real: OpenAI) -> None:
    """It is a sentence, the reason is "stop", and the status tells the two cases apart."""
    for model, status, said in (
        ("default", "not_found", NOT_FOUND_SAID),
        ("empty", "no_documents", NO_DOCUMENTS_SAID),
    ):
        question = "Who won the chess championship of 1927?"
        found = real.chat.completions.create(
            model=model, messages=[{"role": "user", "content": question}]
        )
        (choice,) = found.choices
        assert (choice.message.content, choice.finish_reason) == (said, "stop")
        assert choice.message.annotations == []
        assert choice.message.afterword["status"] == status  # type: ignore[attr-defined] # an extra field


def test_everything_that_is_asked_reaches_the_answerer(
    answerer: ToldAnswerer, client: TestClient
) -> None:
    """The last message of the user is the question, what was said before the history."""
    messages = [
        {"role": "system", "content": "Answer in rhymes."},
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Are swans"}, "birds?"]},
        {
            "role": "assistant",
            "content": "Yes. [1]\n\nSources:\n- [1] Title 1 (notes/d1.txt)",
            "refusal": None,
        },
        {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]},
        {"role": "tool", "content": "42", "tool_call_id": "x"},
        {"role": "user", "content": [{"type": "text", "text": "White"}, {"type": "image_url"}]},
        {"role": "user", "content": "What are swans?", "name": "me"},
    ]
    wishes = {
        "filter": {"field": "id", "operator": "==", "value": "birds"},
        "as_of": "2026-01-31",
        "top_k": 30,
        "candidates": 5,
        "generator": "quote",
        "strategy": "cot",
        "rewrite": "rule",
        "reasoning": True,
    }
    told = message_of(client, messages=messages, afterword=wishes)["afterword"]
    assert answerer.asked == [
        Question(
            question="What are swans?",
            collection="default",
            filter={"field": "id", "operator": "==", "value": "birds"},
            as_of="2026-01-31",
            top_k=30,
            candidates=30,
            generator="quote",
            strategy="cot",
            reasoning=True,
            history=(
                Turn("user", "Are swans\nbirds?"),
                Turn("assistant", "Yes. [1]"),
                Turn("user", "White"),
            ),
            rewrite="rule",
        )
    ]
    assert told["unused"] == [
        "messages[0]",
        "messages[1]",
        "messages[4]",
        "messages[5]",
        "messages[6] in part",
    ]


def test_a_long_conversation_is_asked_with_its_last_turns(
    answerer: ToldAnswerer, client: TestClient
) -> None:
    """As many as the history may have, and the others are named."""
    turns = [{"role": "user", "content": str(number)} for number in range(250)]
    told = message_of(client, messages=turns)["afterword"]
    (asked,) = answerer.asked
    assert asked.question == "249"
    assert [turn.text for turn in asked.history] == [str(number) for number in range(49, 249)]
    assert told["unused"] == ["messages[:49]"]


# What clients send as a matter of course, and what means nothing here.
USUAL: dict[str, object] = {
    "temperature": 0.7,
    "top_p": 1,
    "top_k": 40,
    "max_tokens": 50,
    "max_completion_tokens": 50,
    "n": 1,
    "stop": ["\n"],
    "seed": 7,
    "user": "me",
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": "auto",
    "function_call": "auto",
    "response_format": {"type": "text"},
    "stream_options": {"include_usage": False, "include_obfuscation": True},
    "logprobs": False,
    "top_logprobs": None,
    "logit_bias": {"1": 2},
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "store": True,
    "metadata": {"a": "b"},
    "modalities": ["text"],
    "service_tier": "auto",
    "parallel_tool_calls": True,
    "reasoning_effort": "low",
    "stream": None,
    "chat_id": "x",
    "\x00": [],
}


def test_fields_that_mean_nothing_here_are_told(client: TestClient) -> None:
    """They change nothing; which they are stands in the reply, by name."""
    told = message_of(client, **USUAL)["afterword"]["unused"]
    used = {"n", "function_call", "response_format", "stream_options", "logprobs", "modalities"}
    named = {name for name, value in USUAL.items() if value is not None} - used
    assert set(told) == (named - {"\x00"}) | {"�"}
    many = {f"field-{number}-{'x' * 200}": 1 for number in range(100)}
    told = message_of(client, **many)["afterword"]["unused"]
    assert (len(told), told[-1]) == (65, "…")
    assert max(map(len, told)) == 100


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"n": 2}, "n", "one answer"),
        ({"tool_choice": "required"}, "tool_choice", "no tool"),
        ({"tool_choice": {"type": "function"}}, "tool_choice", "no tool"),
        ({"function_call": {"name": "f"}}, "function_call", "no function"),
        ({"response_format": {"type": "json_object"}}, "response_format", "text"),
        ({"logprobs": True}, "logprobs", "none"),
        ({"modalities": ["text", "audio"]}, "modalities", "text"),
        ({"filter": {}}, "filter", "`afterword`"),
        ({"as_of": "2026-01-31"}, "as_of", "`afterword`"),
        ({"afterword": {"filtre": {}}}, "afterword.filtre", "no such field"),
        ({"afterword": {"as_of": "soon"}}, "afterword.as_of", "YYYY-MM-DD"),
        ({"afterword": {"top_k": 0}}, "afterword.top_k", "1 or more"),
        ({"afterword": {"generator": "oracle"}}, "afterword.generator", "'quote'"),
        (
            {"model": "default:quote", "afterword": {"generator": "openai"}},
            "afterword.generator",
            "'quote'",
        ),
        ({"messages": []}, "messages", "1 or more"),
        ({"messages": None}, "messages", "list"),
        ({"messages": [{"role": "oracle", "content": "x"}]}, "messages[0].role", "'user'"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "nothing is asked"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages[0].content", "empty"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "empty"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content", "list of parts"),
        (
            {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
            "messages[0].content",
            "list of parts",
        ),
        (
            {"messages": [{"role": "user", "content": "x" * 4001}]},
            "messages[0].content",
            "AFTERWORD_MAX_QUESTION_CHARS",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0]",
            "'image_url'",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "x"}, {"type": "input_audio"}],
                    }
                ]
            },
            "messages[0].content[1]",
            "'input_audio'",
        ),
        ({"stream": "yes"}, "stream", "true or false"),
        ({"model": ""}, "model", "empty"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(
    shared: tuple[ToldAnswerer, TestClient],
    change: dict[str, object],
    param: str,
    words: str,
) -> None:
    """In an error object that names the field, as 400, and before any work."""
    answerer, client = shared
    for stream_wish in (False, True):
        body = {**ASK, "stream": stream_wish, **change}
        refused = client.post("/v1/chat/completions", json=body)
        assert refused.status_code == 400
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_request")
        assert error["param"] == param
        assert words in error["message"]
        assert "body" not in error["message"]
    assert answerer.asked == []


def test_an_empty_refusal_of_both_is_all_told_at_once(client: TestClient) -> None:
    """Every mistake is in the one message."""
    refused = client.post("/v1/chat/completions", json={**ASK, "n": 3, "logprobs": True})
    assert {"n:", "logprobs:"} <= set(refused.json()["error"]["message"].split())


def test_models_are_collections_and_how_they_answer(real: OpenAI) -> None:
    """Each that is listed can be looked at and asked; others are told with those there are."""
    listed = list(real.models.list())
    assert [one.id for one in listed] == ["default", "default:quote", "empty", "empty:quote"]
    for one in listed:
        assert real.models.retrieve(one.id) == one
        Model.model_validate(one.model_dump(), strict=True)
        assert (one.object, one.owned_by) == ("model", "afterword")
        assert 0 <= time.time() - one.created < 600
    for name in ("nowhere", "default:oracle", "default:quote:cot", "default:", "a:b:c:d", "../x"):
        with pytest.raises(openai.NotFoundError, match="default:quote") as caught:
            real.chat.completions.create(
                model=name, messages=[{"role": "user", "content": "x"}], stream=True
            )
        assert caught.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            real.models.retrieve(name.replace("/", "%2F"))


def test_models_of_a_language_model_are_named(answerer: ToldAnswerer) -> None:
    """The one that the settings name, with each strategy; what is asked for is passed on."""

    def listed(**settings: object) -> list[str]:
        with loaded(small_app(answerer, **settings)) as client:
            return [one["id"] for one in client.get("/v1/models").json()["data"]]

    plain = ["default", "default:quote"]
    assert listed() == plain
    both = [*plain, "default:openai", "default:openai:cot"]
    assert listed(generator="openai") == both
    assert listed(openai_base_url="http://127.0.0.1:1/v1", model="m") == both
    assert listed(model="m") == [*plain, "default:transformers", "default:transformers:cot"]
    with loaded(small_app(answerer)) as client:
        message_of(client, model="default:openai")
        message_of(client, model="default:openai:cot")
        message_of(client, model="default", afterword={"strategy": "cot"})
    assert [(one.generator, one.strategy) for one in answerer.asked] == [
        ("openai", "direct"),
        ("openai", "cot"),
        (None, "cot"),
    ]


def test_a_language_model_is_asked_and_what_it_makes_up_is_not_told(
    real: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is told that the documents are quoted instead, and the tokens are counted."""
    script = Script(["Swifts are made of cheese, as 1234 scholars say."])
    monkeypatch.setattr("service.generators.load_model", lambda *_: script.model())
    found = real.chat.completions.create(
        model="default:openai", messages=[{"role": "user", "content": SWIFTS}]
    )
    message = found.choices[0].message
    assert message.content
    assert "cheese" not in message.content
    assert message.content.startswith("A young swift flies for three years without landing. [1]")
    assert "\n\nNote: this is quoted from the documents: the evidence bears out" in message.content
    told = message.afterword["generation"]  # type: ignore[attr-defined] # an extra field
    assert (told["generator"], told["model"], len(told["unsupported"])) == ("openai", "scripted", 1)
    assert found.usage
    assert found.usage.completion_tokens == 9 < found.usage.prompt_tokens


def test_where_there_is_no_collection_that_is_said(tmp_path: Path) -> None:
    """With what to do."""
    with loaded(small_app(ToldAnswerer(tmp_path))) as client:
        assert client.get("/v1/models").json() == {"object": "list", "data": []}
        refused = client.post("/v1/chat/completions", json=ASK)
        assert "ingest documents first" in refused.json()["error"]["message"]


@pytest.mark.parametrize("wants_stream", [False, True])
def test_what_a_chat_program_asks_for_itself_is_not_searched_for(
    answerer: ToldAnswerer, client: TestClient, *, wants_stream: bool
) -> None:
    """A title is not written; such a prompt may be longer than a question, and costs nothing."""
    prompt = f"### Task:\nGenerate a title.\n<chat_history>\n{'x' * 9000}\n</chat_history>"
    messages = [{"role": "user", "content": prompt}]
    if wants_stream:
        chunks = streamed(client, messages=messages, stream_options={"include_usage": True})
        assert put_together(chunks)["content"] == CHORE_SAID
        assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    else:
        message = message_of(client, messages=messages)
        assert (message["content"], message["afterword"]) == (CHORE_SAID, None)
    assert answerer.asked == []


def test_a_stream_that_fails_ends_with_an_error(answerer: ToldAnswerer, client: TestClient) -> None:
    """What the client raises has the message and the code; nothing says that all is done."""

    def fail() -> None:
        raise ModelFailed("the language model broke off")

    answerer.fails = fail
    text = client.post("/v1/chat/completions", json={**ASK, "stream": True}).text
    assert "[DONE]" not in text
    assert json.loads(text.strip().rpartition("data: ")[2]) == {
        "error": {
            "message": "the language model broke off",
            "type": "server_error",
            "param": None,
            "code": "model_failed",
        }
    }
    assert 'rejected_total{reason="model_failed"} 1.0' in client.get("/metrics").text
    with client_of(small_app(answerer)) as theirs, pytest.raises(openai.APIError) as caught:
        for _ in theirs.chat.completions.create(**ASK, stream=True):
            pass
    assert (caught.value.code, caught.value.message) == (
        "model_failed",
        "the language model broke off",
    )


def test_a_failure_nobody_foresaw_says_no_more_than_that(
    answerer: ToldAnswerer, client: TestClient
) -> None:
    """Neither as a status nor within a stream."""

    def fail() -> None:
        raise ZeroDivisionError("the words of a document")

    answerer.fails = fail
    for wish in ({}, {"stream": True}):
        answered = client.post("/v1/chat/completions", json={**ASK, **wish})
        assert '"code":' in answered.text
        assert "internal_error" in answered.text
        assert "the words" not in answered.text


def test_a_silent_stream_is_kept_alive(
    answerer: ToldAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By comments, which OpenAI's client passes over."""
    monkeypatch.setattr(working, "KEEP_ALIVE_SECONDS", 0.05)
    answerer.between = lambda: time.sleep(0.2)
    with client_of(small_app(answerer)) as client:
        raw = client.chat.completions.with_raw_response.create(**ASK, stream=True)
        text = raw.http_response.read().decode()
        assert text.count(": still working\n\n") >= 2
        whole = client.chat.completions.create(**ASK, stream=True)
        said = [one.choices[0].delta.content or "" for one in whole]
    assert "".join(said).startswith("White. [1]")


def test_lines_of_a_stream_end_where_events_do(answerer: ToldAnswerer, client: TestClient) -> None:
    """Separators that some clients take for the end of a line are written as escapes."""
    answerer.texts = ("a\u2028b\u2029c\x85d [1]",)
    text = client.post("/v1/chat/completions", json={**ASK, "stream": True}).text
    assert not {"\u2028", "\u2029", "\x85"} & set(text)
    assert put_together(chunks_of(text))["content"].startswith(answerer.texts[0])


@pytest.mark.parametrize("wants_stream", [False, True])
def test_who_leaves_stops_the_work(answerer: ToldAnswerer, *, wants_stream: bool) -> None:
    """A client that closes its stream, or waits no longer, ends the question at once."""
    written = list[float]()

    def between() -> None:
        written.append(time.monotonic())
        time.sleep(0.01)

    answerer.texts, answerer.citations = ["a "] * 2000, [None] * 2000
    answerer.between = between
    app = small_app(answerer)
    with client_of(app) as client:
        if wants_stream:
            chunks = client.chat.completions.create(**ASK, stream=True)
            next(chunks)
            assert next(chunks).choices[0].delta.content == "a "
            assert len(written) < 2000
            chunks.response.close()
        else:
            with pytest.raises(openai.APITimeoutError):
                client.with_options(timeout=0.5).chat.completions.create(**ASK)
        until(lambda: app.state.service.questions.taken == 0)
    assert 0 < len(written) < 2000


def test_the_asynchronous_client_asks_many_at_once(answerer: ToldAnswerer) -> None:
    """Whole and in chunks, beside each other."""

    async def ask(url: str) -> list[str]:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:

            async def whole() -> str:
                found = await client.chat.completions.create(**ASK)
                return str(found.choices[0].message.content)

            async def in_chunks() -> str:
                chunks = await client.chat.completions.create(**ASK, stream=True)
                return "".join([one.choices[0].delta.content or "" async for one in chunks])

            return await asyncio.gather(
                *[whole() for _ in range(4)], *[in_chunks() for _ in range(4)]
            )

    app = small_app(answerer)
    with loading(app) as url:
        until(lambda: app.state.service.answerer is not None)
        said = asyncio.run(ask(url))
    assert len(said) == 8
    assert len(set(said)) == 1


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Each test ends with no question still at work, but for the shared service's idle threads."""
    yield
    until(lambda: threading.active_count() < 40)
