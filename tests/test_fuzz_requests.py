"""Bodies, forms, ranges and tickets that nobody would send: refused in words, never a 5xx."""

import json
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from service.downloads import part_of
from service.tickets import Place, Tickets, ticket_sha256
from serving import SmallAnswerer, loaded, small_app, stored

FUZZ = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BODIES = (
    "/v1/query",
    "/v1/search",
    "/v1/collections",
    "/v1/documents",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/rerank",
)
# Of its body everything may be left out.
SUMMARIES = "/v1/summaries"
JSON = {"Content-Type": "application/json"}
EXPECTED = {200, 201, 202, 400, 404, 409, 415, 422}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a loaded service over one document."""
    data = tmp_path_factory.mktemp("data")
    stored(data, {"d": "swans are white"})
    with loaded(small_app(SmallAnswerer(data), max_queued_jobs=100_000)) as client:
        yield client


texts = st.text(max_size=10)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(
    ["question", "query", "collection", "filter", "as_of", "top_k", "candidates", "generator",
     "history", "stream", "text", "title", "id", "metadata", "name", "language", "file", "model",
     "messages", "input", "documents", "afterword", "role", "content", "n",
     "tool_choice", "response_format", "document_ids", "pages", "span", "length", "focus"]
)  # fmt: skip
objects = st.dictionaries(names | texts, any_json, max_size=6)


# How the library that checks requests speaks.
NOT_OURS = re.compile("should (be|have|match)|Field required|after validation|as it was sent")


def said(body: bytes) -> None:
    """A refusal is a problem that says something, in our words."""
    problem = json.loads(body)
    told = problem.get("error", problem)
    words = told.get("message") or told["detail"]
    assert words
    assert not NOT_OURS.search(words), words
    assert told["code"] != "internal_error"


@FUZZ
@given(
    path=st.sampled_from([*BODIES, SUMMARIES]),
    body=(objects | any_json).map(lambda v: json.dumps(v).encode()),
)
def test_any_json_as_a_body(client: TestClient, path: str, body: bytes) -> None:
    """Objects with the right names and wrong values, and what is no object."""
    reply = client.post(path, content=body, headers=JSON)
    assert reply.status_code in EXPECTED
    if reply.status_code >= 400:
        said(reply.content)


part = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url"])}, optional={"text": texts}
)
message = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool"]),
        "content": texts | st.none() | st.lists(part | texts, max_size=3) | any_json,
    },
    optional={"name": any_json, "tool_calls": any_json},
)
wishes = ("n", "stop", "tool_choice", "response_format", "stream_options", "reasoning", "afterword")


@FUZZ
@given(
    messages=st.lists(message, min_size=1, max_size=4),
    more=st.dictionaries(st.sampled_from(wishes) | texts, any_json, max_size=3),
    stream=st.booleans(),
)
def test_any_conversation(
    client: TestClient, messages: list[object], more: dict[str, object], stream: object
) -> None:
    """Whatever was said before the question, and whatever is wished for with it."""
    body = {**more, "model": "default", "messages": messages, "stream": stream}
    reply = client.post("/v1/chat/completions", content=json.dumps(body).encode(), headers=JSON)
    assert reply.status_code in {200, 400}
    if reply.status_code == 400:
        said(reply.content)


@FUZZ
@given(path=st.sampled_from(BODIES), body=st.binary(max_size=60))
def test_any_bytes_as_a_body(client: TestClient, path: str, body: bytes) -> None:
    """Bytes that say that they are JSON."""
    reply = client.post(path, content=body, headers=JSON)
    assert reply.status_code in {400, 422}
    said(reply.content)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b'{"a":' * 150_000,
        b'{"filter":' + b'{"operator":"not","conditions":[' * 20_000,
        b"1" * 900_000,
        b'{"question":"' + b"\\ud800" * 100 + b'"}',
        b"\xef\xbb\xbf{}",
        '{"question": "\U0001f9a2"'.encode("utf-16"),
        b'{"top_k": 1e999, "question": "x"}',
        b'{"question": "x", "question": NaN}',
    ],
)
def test_bodies_that_break_parsers(client: TestClient, path: str, body: bytes) -> None:
    """Deep, long, half a character, another encoding, numbers that are none."""
    reply = client.post(path, content=body, headers=JSON)
    assert reply.status_code in {400, 422}
    said(reply.content)


@pytest.mark.parametrize("levels", [10, 17, 400, 5_000, 30_000])
def test_filters_within_filters(client: TestClient, levels: int) -> None:
    """Whole JSON of any depth is a filter or 422."""
    one = '{"field":"id","operator":"==","value":"d"}'
    deep = '{"operator":"not","conditions":[' * levels + one + "]}" * levels
    asked = '"model":"default","messages":[{"role":"user","content":"swans"}]'
    for path, given_body in (
        ("/v1/search", f'{{"query":"swans","filter":{deep}}}'),
        ("/v1/query", f'{{"question":"swans","filter":{deep}}}'),
        ("/v1/chat/completions", f'{{{asked},"afterword":{{"filter":{deep}}}}}'),
        # What means nothing here may be as deep as it likes.
        ("/v1/chat/completions", f'{{{asked},"metadata":{"[" * levels}{"]" * levels}}}'),
    ):
        body = given_body.encode()
        if len(body) > 1 << 20:
            continue
        reply = client.post(path, content=body, headers=JSON)
        # Beyond a few thousand the parser gives up before anything looks for a filter.
        deep_enough = {400, 422, 200} if "metadata" in given_body else {400, 422}
        assert reply.status_code in ({200} if levels <= 16 else deep_enough), reply.text[:300]


lines = st.sampled_from(
    [
        b"--b", b"--b--", b"", b"x", b"--", b"--c", b"\xff\xfe", b"\0" * 9,
        b'Content-Disposition: form-data; name="file"; filename="a.txt"',
        b'Content-Disposition: form-data; name="file"',
        b'Content-Disposition: form-data; name="id"',
        b'Content-Disposition: form-data; name="metadata"',
        b"Content-Disposition: form-data; name*=UTF-8''%ff; filename*=x",
        b'Content-Disposition: form-data; name="',
        b"Content-Disposition", b"Content-Type: text/plain; charset=utf-7", b'{"a": [1, 2',
    ]
)  # fmt: skip
boundaries = st.sampled_from(["; boundary=b", "", "; boundary=", '; boundary="b"', "; boundary=é"])


@settings(FUZZ, max_examples=300)
@given(
    parts=st.lists(lines, max_size=12), boundary=boundaries, end=st.sampled_from([b"\r\n", b"\n"])
)
def test_any_form(client: TestClient, parts: list[bytes], boundary: str, end: bytes) -> None:
    """Lines of forms in any order, with boundaries that fit or do not."""
    kind = b"multipart/form-data" + boundary.encode()
    reply = client.post("/v1/documents", content=end.join(parts), headers={b"Content-Type": kind})
    assert reply.status_code in EXPECTED, reply.text
    if reply.status_code >= 400:
        said(reply.content)


@settings(FUZZ, max_examples=200)
@given(
    asked=st.one_of(
        st.text(st.characters(max_codepoint=255), max_size=20).map(lambda one: f"bytes={one}"),
        st.from_regex(r"bytes=[0-9]{0,25}-[0-9]{0,25}", fullmatch=True),
        st.text(st.characters(max_codepoint=255), max_size=30),
    ),
    size=st.integers(0, 2**40),
)
def test_any_range(asked: str, size: int) -> None:
    """Whatever is asked for is the whole, a part within it, or behind the end."""
    part = part_of(Headers({"range": asked}), '"e"', size)
    if part is None or part.whole:
        assert part is None or (part.start, part.end) == (0, size)
        return
    assert 0 <= part.start < part.end <= size
    assert int(part.headers["Content-Length"]) == part.end - part.start


@FUZZ
@given(
    ticket=st.text(max_size=150)
    | st.builds("{}-{:064x}-{:08x}-{:064x}".format, *[st.integers(0)] * 4),
    name=st.text(max_size=10),
)
def test_any_ticket(ticket: str, name: str) -> None:
    """None but one that was made here is good."""
    tickets = Tickets()
    assert tickets.holder(ticket, name, name) is None
    ticket_sha256(ticket)
    made = tickets.ticket(Place(name, name, "0" * 64, "setting"))
    assert tickets.holder(made, name, name) == "setting"
    assert tickets.holder(made + ticket, name, name) is None or not ticket


@FUZZ
@given(
    name=st.sampled_from(["limit", "after", "q", "collection", "start", "end", "sha256"]),
    value=st.text(max_size=30),
)
def test_any_parameter(client: TestClient, name: str, value: str) -> None:
    """Lists and texts with parameters of any words."""
    value = value.encode(errors="replace").decode()
    for path in ("/v1/documents", "/v1/documents/d/text", "/v1/documents/d"):
        reply = client.get(path, params={name: value})
        assert reply.status_code in {200, 404, 409, 422}
        if reply.status_code >= 400:
            said(reply.content)
