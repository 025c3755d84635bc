"""The tools for language models, by the client of the protocol's own SDK."""

import asyncio
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import httpx2
import jsonschema_rs
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from sse_starlette import sse

from indexes.settings import Settings
from service import keys
from service.access import Caller
from service.answer import Answerer
from service.app import create_app
from service.gate import BODY_LIMIT
from service.keys import Wanted
from service.logs import configure_logs
from service.mcp_server import tools_server
from service.state import Service
from service.tools import Visit, tools
from serving import (
    ROOT,
    SmallAnswerer,
    ingested,
    loaded,
    loading,
    running,
    small_app,
    stored,
    until,
)

DOCUMENTS: Final = ROOT / "examples" / "documents"
QUESTION: Final = "When is the final release of Python 3.15 planned?"
# The client speaks as those do that are the newest, or by the handshake of all before them.
MODES: Final = ("auto", "legacy")
EVENTS: Final = {"Accept": "application/json, text/event-stream"}


@dataclass(frozen=True)
class Served:
    """A service of some documents, and what its own API says."""

    url: str
    data: Path
    native: httpx2.Client

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Return what the API answers."""
        answered = self.native.post(path, json=body)
        assert answered.status_code == 200, answered.text
        return cast("dict[str, Any]", answered.json())

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Return what the API answers."""
        answered = self.native.get(path, params=query)
        assert answered.status_code == 200, answered.text
        return cast("dict[str, Any]", answered.json())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with the bundled models and documents of pages, rows and sections."""
    data = tmp_path_factory.mktemp("mcp") / "data"
    names = ("clock-changes.pdf", "rust-releases.csv", "python-3.15.html")
    ingested(data, *(DOCUMENTS / name for name in names))
    app = create_app(Settings(data=data), worker=False)
    with running(app) as client:
        yield Served(str(client.base_url).rstrip("/"), data, client)


@asynccontextmanager
async def connected(
    url: str, mode: str = "auto", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Client]:
    """Connect a client to a service."""
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as sender,
        Client(streamable_http_client(f"{url}/mcp", http_client=sender), mode=mode) as client,
    ):
        yield client


def called(
    url: str,
    name: str,
    arguments: Mapping[str, object] | None = None,
    mode: str = "auto",
    headers: Mapping[str, str] | None = None,
) -> types.CallToolResult:
    """Call one tool over HTTP."""

    async def call() -> types.CallToolResult:
        async with connected(url, mode, headers) as client:
            return await client.call_tool(name, dict(arguments or {}))

    return asyncio.run(call())


def facts(result: types.CallToolResult) -> dict[str, Any]:
    """Return what a tool gave to programs."""
    assert not result.is_error, text(result)
    return cast("dict[str, Any]", result.structured_content)


def text(result: types.CallToolResult) -> str:
    """Return what a tool said."""
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def failure(result: types.CallToolResult) -> str:
    """Return the words of a tool that failed."""
    assert result.is_error
    assert result.structured_content is None
    assert "Traceback" not in text(result)
    return text(result)


def part(whole: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a native object that a tool tells too."""
    return {name: whole[name] for name in like}


@pytest.fixture
def small(tmp_path: Path) -> SmallAnswerer:
    """An answerer of two short documents."""
    stored(tmp_path, {"d": "swans are white", "e": "ravens are black"})
    return SmallAnswerer(tmp_path)


# What is offered


@pytest.mark.parametrize("mode", MODES)
def test_a_client_is_told_what_there_is(served: Served, mode: str) -> None:
    """Tools that read alone, with schemas that a model can be shown as they are."""

    async def told() -> tuple[Client, types.ListToolsResult]:
        async with connected(served.url, mode) as client:
            assert client.server_info is not None
            assert client.server_info.name == "afterword"
            assert "ask" in str(client.instructions)
            return client, await client.list_tools()

    _, listed = asyncio.run(told())
    assert [tool.name for tool in listed.tools] == [
        "ask",
        "search",
        "list_documents",
        "read_document",
        "list_collections",
    ]
    for tool in listed.tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert not tool.annotations.open_world_hint
        assert len(str(tool.description)) > 100
        for schema in (tool.input_schema, tool.output_schema):
            assert schema is not None
            assert jsonschema_rs.meta.is_valid(schema)
        # Models of other makers are shown these; some take neither references nor choices.
        given = json.dumps(tool.input_schema)
        assert "$ref" not in given
        assert "anyOf" not in given
        for name, field in tool.input_schema["properties"].items():
            assert field["description"], name
            assert field["type"] in {"string", "integer", "object"}, name
            if field["type"] == "integer":
                assert "minimum" in field
            if field["type"] == "string":
                assert {"pattern", "maxLength", "format"} & field.keys(), name


# What the tools give


@pytest.mark.parametrize("mode", MODES)
def test_ask_gives_what_the_api_gives(served: Served, mode: str) -> None:
    """Answer, citations and scores; the words have the quote and where it stands."""
    native = served.post("/v1/query", question=QUESTION)
    result = called(served.url, "ask", {"question": QUESTION}, mode)
    told = facts(result)
    assert native["status"] == "answered"
    for name in ("status", "answer", "answer_short", "score", "threshold"):
        assert told[name] == native[name]
    assert len(told["citations"]) == len(native["citations"]) > 0
    for ours, theirs in zip(told["citations"], native["citations"], strict=True):
        assert ours == part(theirs, ours)
        stored_text = served.get(
            f"/v1/documents/{ours['document_id']}/text", start=ours["start"], end=ours["end"]
        )
        assert stored_text["text"] == ours["quote"]
        place = f"characters {ours['start']} to {ours['end']} of document_id {ours['document_id']}"
        assert f"{ours['marker']} {ours['title']}, {ours['uri']}" in text(result)
        assert place in text(result)
        assert f'"{ours["quote"]}"' in text(result)
    assert text(result).startswith(native["answer"])
    assert told["passages"] == []


def test_a_row_comes_with_the_names_of_its_columns(served: Served) -> None:
    """A quote of a table's row does not have them, so the words and the facts do."""
    question = "When was Rust 1.86.0 released?"
    native = served.post("/v1/query", question=question)
    result = called(served.url, "ask", {"question": question})
    (cited, *_) = facts(result)["citations"]
    assert cited["cells"] == native["citations"][0]["cells"]
    assert {"column": "released", "text": "2025-04-03"} in cited["cells"]
    assert "released: 2025-04-03" in text(result)


def test_ask_says_so_where_the_documents_do_not_answer(served: Served) -> None:
    """It gives the closest passages; a filter that leaves nothing is told apart."""
    question = "Who won the chess olympiad of 1972?"
    native = served.post("/v1/query", question=question)
    result = called(served.url, "ask", {"question": question})
    told = facts(result)
    assert (told["status"], native["status"]) == ("not_found", "not_found")
    assert (told["answer"], told["citations"]) == ("", [])
    closest = native["passages"][:3]
    assert told["passages"] == [
        part(theirs, ours) for theirs, ours in zip(closest, told["passages"], strict=True)
    ]
    assert "do not answer" in text(result)
    assert told["passages"][0]["text"] in text(result)
    none = {"field": "id", "operator": "==", "value": "none"}
    result = called(served.url, "ask", {"question": question, "filter": none})
    assert facts(result)["status"] == "no_documents"
    assert "filtered out" in text(result)


@pytest.mark.parametrize("mode", MODES)
def test_search_gives_what_the_api_gives(served: Served, mode: str) -> None:
    """The same passages in the same order, with pages, and as of the same day."""
    asked = {"query": "clocks go back", "as_of": "2027-12-31"}
    native = served.post("/v1/search", **asked, top_k=3)["passages"]
    result = called(served.url, "search", {**asked, "limit": 3}, mode)
    told = facts(result)["passages"]
    assert told == [part(theirs, ours) for theirs, ours in zip(native, told, strict=True)]
    assert {"page", "section", "as_of"} <= told[0].keys()
    assert any(one["page"] for one in told)
    for one in told:
        assert one["text"] in text(result)
    nothing = {"query": "clocks", "filter": {"field": "id", "operator": "==", "value": "none"}}
    assert text(called(served.url, "search", nothing)).startswith("Nothing was found")


def test_documents_are_listed_page_by_page(served: Served) -> None:
    """All of them once, as the API lists them, and those alone that a word names."""
    native = served.get("/v1/documents")["items"]
    seen: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        result = called(served.url, "list_documents", {"limit": 2, "after": after})
        told = facts(result)
        seen += told["documents"]
        after = told["next"]
        if after is None:
            break
        assert f'after="{after}"' in text(result)
    assert seen == [part(theirs, ours) for theirs, ours in zip(native, seen, strict=True)]
    named = facts(called(served.url, "list_documents", {"words": "RUST releases"}))["documents"]
    assert [one["uri"] for one in named] == [
        one["uri"] for one in served.get("/v1/documents", q="RUST releases")["items"]
    ]
    assert len(named) == 1
    nothing = called(served.url, "list_documents", {"words": "no such words"})
    assert text(nothing) == "There are no such documents."


def test_a_document_is_read_by_characters_and_by_pages(served: Served) -> None:
    """By its id or its uri; parts touch the pages that they say."""
    listed = facts(called(served.url, "list_documents", {"words": "clock"}))["documents"]
    document_id, uri = listed[0]["document_id"], listed[0]["uri"]
    native = served.get(f"/v1/documents/{document_id}")
    whole = served.get(f"/v1/documents/{document_id}/text")["text"]
    second = native["pages"][1]
    result = called(served.url, "read_document", {"document_id": uri, "page": 2, "length": 10})
    told = facts(result)
    assert told["document_id"] == document_id
    assert told["start"] == second["start"]
    assert told["text"] == whole[second["start"] : second["start"] + 10]
    assert told["pages"] == [second]
    assert told["text_sha256"] == native["text_sha256"]
    assert "page 2" in text(result)
    assert told["text"] in text(result)
    read = facts(called(served.url, "read_document", {"document_id": document_id, "start": 1}))
    assert read["text"] == whole[1:8001]
    for wrong, said in (
        ({"page": 99}, "pages 1 to"),
        ({"start": len(whole)}, "behind the end"),
        ({"page": 1, "start": 1}, "not both"),
    ):
        failed = called(served.url, "read_document", {"document_id": uri, **wrong})
        assert said in failure(failed)


def test_what_is_found_can_be_read_on_from_there(served: Served) -> None:
    """Places of other tools' answers are arguments as they are, by the same names."""
    found = facts(called(served.url, "search", {"query": QUESTION, "limit": 1}))["passages"]
    cited = facts(called(served.url, "ask", {"question": QUESTION}))["citations"]
    for one, words in ((found[0], "text"), (cited[0], "quote")):
        place = {name: one[name] for name in ("document_id", "start")}
        read = facts(called(served.url, "read_document", place))
        assert read["text"].startswith(one[words])


def test_collections_are_listed(served: Served) -> None:
    """As the API lists them."""
    (native,) = served.get("/v1/collections")["items"]
    result = called(served.url, "list_collections")
    (told,) = facts(result)["collections"]
    assert told == part(native, told)
    assert f"default: {native['documents']} documents" in text(result)


@settings(max_examples=30)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=60),
    st.integers(1, 30),
)
def test_reading_on_gives_the_whole_text(content: str, length: int) -> None:
    """Whatever the parts' length: joined they are the text, and each begins where one ended."""
    document = SimpleNamespace(
        document_id="d",
        title="",
        uri="u",
        media_type="text/plain",
        as_of=None,
        characters=len(content),
        text_sha256="",
        pages=(),
        metadata={"short": 1, "long": "x" * 5000},
    )
    reading = SimpleNamespace(
        named=lambda _: document, text=lambda _, start, end: content[start:end]
    )

    class Opened:
        """A collection of this one document."""

        def __enter__(self) -> object:
            return reading

        def __exit__(self, *_: object) -> None:
            """Let it be."""

    async def run(work: Callable[[], object]) -> object:
        return work()

    collection = SimpleNamespace(read=Opened)
    service = SimpleNamespace(
        loaded=lambda: SimpleNamespace(collection=lambda _: collection),
        documents=SimpleNamespace(run=run),
    )
    visit = Visit(cast("Service", service), everybody(Path()), silent)
    read = next(tool for tool in tools(100) if tool.name == "read_document")
    parts, start = [], 0
    while True:
        told = asyncio.run(
            cast(
                "Any",
                read.call(visit, {"document_id": "d", "start": start, "length": length}),
            )
        ).facts
        assert told.start == start
        assert told.metadata == {"short": 1}
        parts.append(told.text)
        if told.next_start is None:
            break
        assert told.next_start == told.end == start + length
        start = told.next_start
    assert "".join(parts) == content


async def silent(_done: float, _said: str) -> None:
    """Say nothing of how far it is."""


def everybody(data: Path) -> Caller:
    """Return who may do everything."""
    return Caller(data, None, "admin", None)


# What must not pass


@pytest.mark.parametrize("mode", MODES)
def test_what_is_wrong_with_a_call_is_told_to_the_model(small: SmallAnswerer, mode: str) -> None:
    """In words that name the argument; null is as left out."""
    wrong: tuple[tuple[str, dict[str, object], str], ...] = (
        ("ask", {}, "question: it is missing"),
        ("ask", {"question": "  "}, "question: it is empty"),
        ("ask", {"question": "x" * 5000}, "question: it has 5000 characters, 4000 are allowed"),
        ("ask", {"question": "x", "more": 1}, "more: there is no such field"),
        ("ask", {"question": "x", "as_of": "May"}, "as_of: write the date as YYYY-MM-DD"),
        ("ask", {"question": "x", "collection": "../x"}, "a collection's name has 1 to 64"),
        ("search", {"query": "x", "limit": 51}, "limit: use a number of 50 or less"),
        ("search", {"query": "x", "limit": "5"}, "without quotation marks"),
        ("search", {"query": "x", "filter": {"field": "size"}}, "filter"),
        ("list_documents", {"limit": 0}, "limit: use a number of 1 or more"),
        ("read_document", {"document_id": "nowhere"}, "The tool list_documents tells which"),
        ("read_document", {"document_id": "d", "page": 1}, "no page 1; it has none"),
        ("search", {"query": "x", "collection": "no"}, "The tool list_collections tells which"),
    )

    async def checked(client: Client) -> None:
        for name, arguments, said in wrong:
            assert said in failure(await client.call_tool(name, dict(arguments))), arguments
        with pytest.raises(MCPError, match="no tool 'erase'"):
            await client.call_tool("erase", {})
        fine = {"query": "swans", "filter": None, "as_of": None, "collection": None, "limit": None}
        assert facts(await client.call_tool("search", fine))["passages"]

    with running(small_app(small)) as http:
        over_http(str(http.base_url).rstrip("/"), mode, checked)


def over_http(url: str, mode: str, work: Callable[[Client], Awaitable[None]]) -> None:
    """Connect a client and let it work."""

    async def connect() -> None:
        async with connected(url, mode) as client:
            await work(client)

    asyncio.run(connect())


@contextmanager
def logging_at(level: str) -> Iterator[io.StringIO]:
    """Collect what is logged at a level, as a service logs it."""
    log = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    configure_logs(level, log)
    try:
        yield log
    finally:
        root.handlers, root.level = before


def test_what_nobody_foresaw_tells_nothing_of_itself(small: SmallAnswerer) -> None:
    """The client is told that the log has more, and the log has the place and no words."""

    def broken() -> None:
        raise ZeroDivisionError("the ptarmigan's secret")

    small.between = broken
    with logging_at("info") as log, running(small_app(small)) as http:
        said = failure(called(str(http.base_url).rstrip("/"), "ask", {"question": "swans?"}))
    assert said.endswith("(internal_error)")
    assert "ptarmigan" not in said + log.getvalue()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (failed,) = (line for line in lines if line["event"] == "request_failed")
    assert failed["error"] == "ZeroDivisionError"
    (request,) = (line for line in lines if line.get("problem") == "internal_error")
    assert request["request_id"] == failed["request_id"]


@pytest.mark.parametrize("mode", MODES)
def test_the_log_has_one_line_a_message_and_no_words_of_it(small: SmallAnswerer, mode: str) -> None:
    """Nor of what is answered, at any level, though the libraries would write both."""
    with logging_at("debug") as log, running(small_app(small)) as http:
        called(str(http.base_url).rstrip("/"), "search", {"query": "ravens ptarmigan"}, mode)
        requests = [json.loads(line) for line in log.getvalue().splitlines()]
    assert small.opened
    ours = [line for line in requests if line.get("route") == "/mcp"]
    assert {line["event"] for line in ours} == {"request"}
    assert {line["status"] for line in ours} <= {200, 202}
    for words in ("ptarmigan", "black"):
        assert words not in log.getvalue()


def test_until_all_is_loaded_tools_say_so(small: SmallAnswerer) -> None:
    """What is offered is told all the same."""
    go_on = threading.Event()

    def build(_settings: Settings) -> Answerer:
        go_on.wait(20)
        return cast("Answerer", small)

    app = create_app(Settings(data=small.data), build, worker=False)
    with loading(app) as url:
        try:
            for name, arguments in (
                ("ask", {"question": "swans?"}),
                ("search", {"query": "swans"}),
                ("list_documents", {}),
                ("list_collections", {}),
            ):
                assert failure(called(url, name, arguments)).endswith("(not_ready)")
        finally:
            go_on.set()
        until(lambda: app.state.service.answerer)
        assert facts(called(url, "search", {"query": "swans"}))["passages"]


# Keys


def test_a_key_sees_its_collections_alone(tmp_path: Path) -> None:
    """What is another's is as what is not there, word for word; without a key nothing is."""
    stored(tmp_path, {"d": "swans are white"}, "ours")
    stored(tmp_path, {"secret": "the merger is called Ptarmigan"}, "theirs")
    ours = keys.create(tmp_path, Wanted("ours", "read", frozenset({"ours"})))[1]
    theirs = keys.create(tmp_path, Wanted("theirs", "read", frozenset({"theirs"})))[1]
    calls: tuple[tuple[str, dict[str, object]], ...] = (
        ("ask", {"question": "merger?"}),
        ("search", {"query": "merger"}),
        ("list_documents", {}),
        ("read_document", {"document_id": "secret"}),
    )
    with running(small_app(SmallAnswerer(tmp_path))) as http:
        url = str(http.base_url).rstrip("/")
        for mode in MODES:
            header = {"Authorization": f"Bearer {ours}"}
            for name, arguments in calls:
                said = [
                    failure(
                        called(url, name, {**arguments, "collection": there}, mode, header)
                    ).replace(there, "NAME")
                    for there in ("theirs", "nowhere")
                ]
                assert said[0] == said[1]
                assert "collection_not_found" in said[0]
            seen = facts(called(url, "list_collections", {}, mode, header))["collections"]
            assert [one["name"] for one in seen] == ["ours"]
            other = called(
                url,
                "search",
                {"query": "merger", "collection": "theirs"},
                mode,
                {"X-API-Key": theirs},
            )
            assert "Ptarmigan" in text(other)
        for headers in ({}, {"Authorization": "Bearer aw_wrong"}):
            answered = http.post("/mcp", json=message("tools/list"), headers={**EVENTS, **headers})
            assert (answered.status_code, answered.json()["code"]) == (401, "key_refused")
            assert answered.headers["www-authenticate"] == "Bearer"
            with pytest.raises(BaseExceptionGroup), suppress(MCPError):
                called(url, "list_collections", {}, "legacy", headers)


def test_each_message_counts_for_the_rate(tmp_path: Path) -> None:
    """A key that asks too often is told when to come again."""
    stored(tmp_path, {"d": "swans are white"})
    given_key = keys.create(tmp_path, Wanted("slow", "read", None, rate=2))[1]
    with loaded(small_app(SmallAnswerer(tmp_path))) as client:
        answered = [
            client.post(
                "/mcp", json=message("tools/list"), headers={**EVENTS, "X-API-Key": given_key}
            )
            for _ in range(3)
        ]
    assert [one.status_code for one in answered] == [200, 200, 429]
    assert int(answered[2].headers["retry-after"]) > 0


def message(method: str, **params: object) -> dict[str, object]:
    """Return a message of the protocol as a client sends it."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


# Places, and clients that leave


@pytest.mark.parametrize("mode", MODES)
def test_work_ends_when_its_client_leaves(small: SmallAnswerer, mode: str) -> None:
    """A call that is given up frees its place, and writes no word more."""
    begun, go_on, words = threading.Event(), threading.Event(), []

    def hold() -> None:
        words.append(1)
        begun.set()
        go_on.wait(20)

    small.between = hold
    app = small_app(small)

    async def give_up() -> None:
        async with connected(url, mode) as client:
            call = asyncio.create_task(client.call_tool("ask", {"question": "swans?"}))
            assert await asyncio.to_thread(begun.wait, 20)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
        # With the connection gone the client cannot ask for it any more.

    with running(app) as http:
        url = str(http.base_url).rstrip("/")
        asyncio.run(give_up())
        asyncio.run(asyncio.sleep(0.2))
        go_on.set()
        until(lambda: app.state.service.questions.taken == 0)
        assert len(words) == 1
        small.between = lambda: None
        assert facts(called(url, "ask", {"question": "swans?"}, mode))["status"] == "answered"


def test_too_many_at_once_are_told_to_come_again(small: SmallAnswerer) -> None:
    """The place is taken until the first one ends; how far that is is told meanwhile."""
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(20)

    small.between = hold
    told: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        told.append(message)

    async def both(url: str) -> tuple[types.CallToolResult, types.CallToolResult]:
        async with connected(url) as first, connected(url, "legacy") as second:
            ask = {"question": "swans?"}
            call = asyncio.create_task(first.call_tool("ask", ask, progress_callback=hear))
            assert await asyncio.to_thread(begun.wait, 20)
            refused = await second.call_tool("ask", ask)
            go_on.set()
            return await call, refused

    with running(small_app(small, max_concurrent=1)) as http:
        answered, refused = asyncio.run(both(str(http.base_url).rstrip("/")))
    assert facts(answered)["status"] == "answered"
    assert told[0] == "1 passages found"
    assert len(told) == 1 + 4
    assert "Try again" in failure(refused)
    assert failure(refused).endswith("(too_many_requests)")


def test_a_stop_waits_for_the_answer_of_a_stream(
    small: SmallAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would cut streams off once it sees that the server is to stop."""
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(20)

    small.between = hold

    async def asked(url: str) -> types.CallToolResult:
        async with connected(url, "legacy") as client:
            call = asyncio.create_task(client.call_tool("ask", {"question": "swans?"}))
            assert await asyncio.to_thread(begun.wait, 20)
            monkeypatch.setattr(
                sse, "_get_uvicorn_server", lambda: SimpleNamespace(should_exit=True)
            )
            await asyncio.sleep(1.2)  # it looks twice a second
            go_on.set()
            return await call

    with running(small_app(small)) as http:
        assert facts(asyncio.run(asked(str(http.base_url).rstrip("/"))))["status"] == "answered"


@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_is_cancelled_without_a_connection_ends_its_work(
    small: SmallAnswerer, mode: str
) -> None:
    """As over standard input, where a message says so."""
    begun, go_on, words = threading.Event(), threading.Event(), []

    def hold() -> None:
        words.append(1)
        begun.set()
        go_on.wait(20)

    small.between = hold
    service = Service(Settings(data=small.data))
    service.answerer = cast("Answerer", small)

    async def give_up() -> None:
        server = tools_server(service, lambda _: everybody(small.data))
        async with Client(server, mode=mode) as client:
            call = asyncio.create_task(client.call_tool("ask", {"question": "swans?"}))
            assert await asyncio.to_thread(begun.wait, 20)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
            await asyncio.sleep(0.1)
            go_on.set()
            await asyncio.to_thread(until, lambda: service.questions.taken == 0)
            assert len(words) == 1

    asyncio.run(give_up())
    service.close()


# The wire


@pytest.fixture
def wire(small: SmallAnswerer) -> Iterator[TestClient]:
    """A client that can send what no client of the protocol sends."""
    with loaded(small_app(small)) as client:
        yield client


def test_only_messages_are_taken(wire: TestClient) -> None:
    """No stream of the server's own, no session to end, no other type, nothing too large."""
    for method in ("GET", "DELETE", "PUT"):
        answered = wire.request(method, "/mcp", headers=EVENTS)
        assert (answered.status_code, answered.headers["allow"]) == (405, "POST")
        assert answered.json()["detail"] == "/mcp can only be used with POST."
    listed = json.dumps(message("tools/list"))
    plain = wire.post("/mcp", content=listed, headers={**EVENTS, "Content-Type": "text/plain"})
    assert (plain.status_code, plain.json()["code"]) == (415, "media_type_refused")
    accepted = wire.post("/mcp", json=message("tools/list"), headers={"Accept": "text/html"})
    assert accepted.status_code == 406
    large = wire.post("/mcp", json=message("x" * BODY_LIMIT), headers=EVENTS)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    typed = {**EVENTS, "Content-Type": "application/json"}
    pieces = (b"x" * 40_000 for _ in range(40))
    large = wire.post("/mcp", content=pieces, headers=typed)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    for body in (b"", b"{", b"[]", b"1", b"[" * 100_000, b'{"jsonrpc": "2.0"}', b"\xff"):
        answered = wire.post("/mcp", content=body, headers=typed)
        assert answered.status_code == 400, body
        assert answered.json()["error"]["code"] < 0
    surrogate = json.dumps(message("tools/call", name="ask", arguments={"question": "\ud800"}))
    for version in ("2025-11-25", "2026-07-28"):
        typed = {**EVENTS, "Content-Type": "application/json", "MCP-Protocol-Version": version}
        assert wire.post("/mcp", content=surrogate, headers=typed).status_code < 500
    batch = [message("tools/list"), message("tools/list")]
    assert wire.post("/mcp", json=batch, headers=EVENTS).status_code == 400


def test_a_page_of_another_site_is_refused(small: SmallAnswerer) -> None:
    """As everywhere; sites that were named may ask, with the protocol's own headers."""
    site = "https://inspector.example"
    with loaded(small_app(small, cors_origins=site)) as client:
        ask = message("tools/list")
        foreign = {**EVENTS, "Origin": "https://evil.example"}
        assert client.post("/mcp", json=ask, headers=foreign).json()["code"] == "origin_refused"
        host = {**EVENTS, "Host": "evil.example"}
        assert client.post("/mcp", json=ask, headers=host).json()["code"] == "origin_refused"
        named = client.post("/mcp", json=ask, headers={**EVENTS, "Origin": site})
        assert named.status_code == 200
        wanted = "authorization,content-type,mcp-protocol-version,mcp-method,mcp-name"
        preflight = {
            "Origin": site,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": wanted,
        }
        assert client.options("/mcp", headers=preflight).status_code == 200


@pytest.mark.parametrize(
    "version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
)
def test_every_version_that_clients_speak(wire: TestClient, version: str) -> None:
    """A handshake and a call by each; the newest has no handshake."""
    headers = {**EVENTS, "MCP-Protocol-Version": version}
    call: dict[str, object] = {"name": "search", "arguments": {"query": "swans"}}
    if version == "2026-07-28":
        headers |= {"Mcp-Method": "tools/call", "Mcp-Name": "search"}
        call["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    else:
        shake = {
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        shaken = answer_of(wire.post("/mcp", json=message("initialize", **shake), headers=EVENTS))
        assert shaken["protocolVersion"] == version
        told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert wire.post("/mcp", json=told, headers=headers).status_code == 202
    result = answer_of(wire.post("/mcp", json=message("tools/call", **call), headers=headers))
    assert "swans are white" in result["content"][0]["text"]
    assert result["structuredContent"]["passages"][0]["text"] == "swans are white"


def answer_of(answered: httpx2.Response) -> dict[str, Any]:
    """Return the result in an answer, alone or as the last of its events."""
    assert answered.status_code == 200, answered.text
    body = answered.text
    if answered.headers["content-type"].startswith("text/event-stream"):
        body = [line for line in body.splitlines() if line.startswith("data: ")][-1][6:]
    return cast("dict[str, Any]", json.loads(body)["result"])


# The command


def test_the_command_gives_what_the_service_gives(served: Served, tmp_path: Path) -> None:
    """Over standard input and output, of the collection that it was told."""
    stored(tmp_path / "data", {"d": "swans are white"}, "birds")
    (tmp_path / "data" / "default").symlink_to(served.data / "default")
    program = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "afterword", "mcp"],
        env={"AFTERWORD_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    log = tmp_path / "log"

    async def both() -> list[types.CallToolResult]:
        with log.open("w") as errors:
            async with Client(stdio_client(program, errors)) as client:
                return [
                    await client.call_tool("ask", {"question": QUESTION}),
                    await client.call_tool("search", {"query": "x", "collection": "no"}),
                    await client.call_tool("list_collections", {}),
                ]

    asked, missing, listed = asyncio.run(both())
    assert facts(asked) == facts(called(served.url, "ask", {"question": QUESTION}))
    assert text(asked) == text(called(served.url, "ask", {"question": QUESTION}))
    assert "list_collections" in failure(missing)
    assert [one["name"] for one in facts(listed)["collections"]] == ["birds", "default"]
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_the_command_ends_with_its_input(tmp_path: Path) -> None:
    """Nothing but messages is printed, and it tells of its own collection."""
    stored(tmp_path / "data", {"d": "swans are white"}, "birds")
    lines = [
        message(
            "initialize",
            protocolVersion="2025-11-25",
            capabilities={},
            clientInfo={"name": "t", "version": "1"},
        ),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        message("tools/call", name="list_documents", arguments={}) | {"id": 2},
        message("tools/list") | {"id": 3},
    ]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "afterword", "mcp", "--collection", "birds"],
        env={**os.environ, "AFTERWORD_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines))
    process.stdin.flush()
    answers = {one["id"]: one for one in (json.loads(process.stdout.readline()) for _ in range(3))}
    rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, ""), errors
    assert "Traceback" not in errors
    documents = answers[2]["result"]["structuredContent"]["documents"]
    assert [one["document_id"] for one in documents] == ["d"]
    offered = {one["name"]: one for one in answers[3]["result"]["tools"]}
    assert offered["ask"]["inputSchema"]["properties"]["collection"]["default"] == "birds"


@pytest.mark.slow
def test_the_command_tells_a_person_what_it_waits_for(tmp_path: Path) -> None:
    """At a terminal nobody speaks the protocol; a signal ends it at once."""
    master, slave = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "afterword", "mcp"],
        env={**os.environ, "AFTERWORD_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "waits for messages" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    os.close(master)
    os.close(slave)


@pytest.mark.slow
def test_the_sdk_is_loaded_when_it_is_first_asked_for() -> None:
    """Neither the command nor the service at its start imports it."""
    code = "import sys, afterword, service.app; print('mcp' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "False\n"
