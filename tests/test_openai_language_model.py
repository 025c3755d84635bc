"""A language model behind a server: what is sent, what comes back, and each way to fail."""

import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat_server import (
    DONE,
    WORDS,
    Answer,
    ChatServer,
    Part,
    chat_server,
    chunk,
    closed_port,
    cut,
    error,
    good,
    in_json,
    left_soon,
    listing,
    silence,
)
from indexes.errors import (
    AfterwordError,
    ModelBusy,
    ModelFailed,
    ModelMissing,
    ModelTooSlow,
    PromptTooLong,
)
from service.language_model import Ended, LanguageModel, Message, Sampling, Usage
from service.openai_address import Address, address_of, without_user
from service.openai_errors import Requested, failure_of, is_refused, is_transient, tried
from service.openai_language_model import Server, load_openai_language_model
from service.openai_stream import Patience
from service.thoughts import outside_think

MESSAGES = [Message("system", "Be brief."), Message("user", "When does the ferry sail?")]
SAMPLING = Sampling(64)
SCHEMES = ("http://", "HTTPS://", "ftp://", "")
QUICK = Patience(tries=3, first_wait=0.01, longest_wait=2.0)
KEY = "sk-abcdefghijklmnop"


def model_of(server: ChatServer, patience: Patience = QUICK, **given: Any) -> LanguageModel:
    """Return the model `m` of a server, of whose list nothing is asked."""
    settings = {"model": "m", "context": 4096, "key": KEY, **given}
    return load_openai_language_model(Server(server.url, **settings), patience)


def go_on() -> None:
    """Let the work go on."""


def written(model: LanguageModel, sampling: Sampling = SAMPLING) -> tuple[list[str], Ended]:
    """Return the pieces that a model writes, and how it ended."""
    *pieces, ended = model.write(MESSAGES, sampling, go_on)
    assert isinstance(ended, Ended)
    texts = [one for one in pieces if isinstance(one, str)]
    assert len(texts) == len(pieces)
    return texts, ended


# --- what works ----------------------------------------------------------------------------------


def test_an_answer_is_streamed_with_its_usage() -> None:
    """Each piece as it comes; the request is what OpenAI's reference asks for."""
    with chat_server(Answer(good())) as server:
        texts, ended = written(model_of(server), Sampling(64, 0.5, ("\n\n",)))
    assert texts == list(WORDS)
    assert ended == Ended("stop", Usage(17, 5))
    (asked,) = server.asked
    assert asked.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "When does the ferry sail?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 64,
        "temperature": 0.5,
        "stop": ["\n\n"],
    }
    assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_pieces_come_before_the_answer_is_whole() -> None:
    """The first is there while the server has not written the second."""
    go = threading.Event()
    parts: list[Part] = [chunk({"content": "The"}), lambda: go.wait(10), *good(WORDS[1:])]
    with chat_server(Answer(parts)) as server:
        pieces = model_of(server).write(MESSAGES, SAMPLING, go_on)
        assert next(pieces) == "The"
        go.set()
        assert "".join(one for one in pieces if isinstance(one, str)) == "".join(WORDS[1:])


def test_no_room_for_more_is_told() -> None:
    """As the server says it."""
    with chat_server(Answer(good(finish="length"))) as server:
        assert written(model_of(server))[1].reason == "length"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(name: str) -> None:
    """Whichever field a server has it in."""
    thoughts = [chunk({name: "Noon, "}), chunk({name: "I think."})]
    with chat_server(Answer([*thoughts, *good()])) as server:
        texts, _ = written(model_of(server))
    assert "".join(texts) == f"<think>Noon, I think.</think>{''.join(WORDS)}"
    told = list(outside_think(iter(texts)))
    assert "".join(one for one in told if isinstance(one, str)) == "".join(WORDS)


HIGH, LOW = "\ud83d", "\ude80"


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        ((f"Go {HIGH}", LOW, "!"), ["Go ", "\U0001f680", "!"]),
        ((HIGH, f"{LOW}{HIGH}", f"{LOW}!"), ["\U0001f680", "\U0001f680!"]),
        ((f"Go{HIGH}", "!"), ["Go", "\ufffd!"]),
        ((f"Go{LOW}{HIGH}",), ["Go\ufffd", "\ufffd"]),
        (("Go\r", "\n", "on\r", "now\x00"), ["Go", "\n", "on", "\nnow\ufffd"]),
    ],
    ids=["in two", "each in two", "one half", "at the end", "newlines"],
)
def test_a_sign_in_two_halves_is_made_whole(pieces: tuple[str, ...], wanted: list[str]) -> None:
    """Half an emoji that stays alone is none, and no text here has one."""
    with chat_server(Answer(good(pieces))) as server:
        assert written(model_of(server))[0] == wanted


def test_halves_of_reasoning_and_of_an_answer_are_kept_apart() -> None:
    """Neither makes a sign with the other."""
    thoughts = [chunk({"reasoning": f"Up{HIGH}"}), chunk({"reasoning": f"{LOW}{HIGH}"})]
    with chat_server(Answer([*thoughts, *good((LOW, "Go."))])) as server:
        texts, _ = written(model_of(server))
    assert texts == ["<think>Up", "\U0001f680", "\ufffd</think>\ufffd", "Go."]


def test_usage_is_estimated_where_a_server_tells_none() -> None:
    """Rather too much than nothing."""
    with chat_server(Answer(good(usage=None))) as server:
        model = model_of(server)
        _, ended = written(model)
    assert ended.usage.prompt_tokens == model.count_tokens(MESSAGES)
    assert len(WORDS) <= ended.usage.completion_tokens < 3 * len(WORDS)


def test_what_a_server_refuses_is_not_sent_again() -> None:
    """Neither in this answer nor in the next; the number of tokens goes by its other name."""
    refused = [
        error(400, "Unrecognized request argument supplied: stream_options"),
        error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", code="x"),
        error(400, "Unsupported value: 'temperature' does not support 0.0", param="temperature"),
    ]
    with chat_server(*refused, Answer(good())) as server:
        model = model_of(server)
        assert written(model)[0] == list(WORDS)
        assert written(model)[0] == list(WORDS)
    assert len(server.asked) == 5
    for asked in server.asked[-2:]:
        assert set(asked.body) == {"model", "messages", "stream", "max_completion_tokens"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "System role not supported"),
        (500, "Jinja Exception: System role not supported"),
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (422, "Only user and assistant roles are supported!"),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        (400, "Unexpected role 'system'"),
        (400, "invalid role: system"),
    ],
)
def test_where_a_model_knows_no_system_the_user_says_it(status: int, said: str) -> None:
    """In this answer after one try, and in the next at once; so no two turns are of one speaker."""
    with chat_server(error(status, said), Answer(good())) as server:
        model = model_of(server)
        assert written(model)[0] == list(WORDS)
        assert written(model)[0] == list(WORDS)
    first, *others = (asked.body for asked in server.asked)
    assert [one["role"] for one in first["messages"]] == ["system", "user"]
    assert len(others) == 2
    for other in others:
        told = "Be brief.\n\nWhen does the ferry sail?"
        assert other == {**first, "messages": [{"role": "user", "content": told}]}


def test_a_server_that_repeats_the_request_does_not_speak_of_its_system() -> None:
    """What it refuses is another thing, and the system goes on to speak."""
    said = "Unknown field stream_options in {'messages': [{'role': 'system', 'content': 'do not'}]}"
    with chat_server(error(400, said), Answer(good())) as server:
        written(model_of(server))
    first, second = (asked.body for asked in server.asked)
    assert second == {name: first[name] for name in first if name != "stream_options"}


def test_a_system_that_is_refused_in_the_users_words_too_is_told_after_one_more_try() -> None:
    """Nobody is asked the same forever."""
    with (
        chat_server(error(400, "Conversation roles must alternate")) as server,
        pytest.raises(ModelFailed, match="roles must alternate"),
    ):
        written(model_of(server))
    assert len(server.asked) == 3  # with the system, without, and without what is new to old ones


def test_a_server_that_only_says_no_is_asked_without_what_is_new() -> None:
    """Old servers do not name the field that they do not know."""
    with chat_server(error(422, "Unprocessable"), Answer(good())) as server:
        assert written(model_of(server))[0] == list(WORDS)
    assert "stream_options" not in server.asked[1].body


# --- tries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_fails_for_a_moment_is_asked_again(status: int) -> None:
    """And then its answer is the answer."""
    with chat_server(error(status, "busy"), error(status, "busy"), Answer(good())) as server:
        assert written(model_of(server))[0] == list(WORDS)
    assert len(server.asked) == 3


def test_a_connection_that_breaks_before_the_first_word_is_made_again() -> None:
    """Nothing of the answer has been seen yet."""
    with chat_server(Answer([cut]), Answer(good())) as server:
        assert written(model_of(server))[0] == list(WORDS)


def test_a_server_is_asked_again_when_it_wants_to_be() -> None:
    """Retry-After is a wait at least."""
    with chat_server(error(429, "wait", {"Retry-After": "1"}), Answer(good())) as server:
        began = time.monotonic()
        written(model_of(server))
    assert time.monotonic() - began >= 1


def test_a_server_that_stays_busy_is_told_with_its_wait() -> None:
    """After three tries, which are told; who asks is told when to come again."""
    said = r"no more work.*429: slow down.* \(asked 3 times in \d+\.\d s\)$"
    with (
        chat_server(error(429, "slow down", {"retry-after-ms": "20"})) as server,
        pytest.raises(ModelBusy, match=said) as caught,
    ):
        written(model_of(server))
    assert (len(server.asked), caught.value.wait) == (3, 1)


@pytest.mark.parametrize(
    "header", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"], ids=["seconds", "date"]
)
def test_a_long_wait_is_not_waited_for(header: str) -> None:
    """It is told at once."""
    with (
        chat_server(error(503, "loading", {"Retry-After": header})) as server,
        pytest.raises(ModelBusy) as caught,
    ):
        written(model_of(server))
    assert len(server.asked) == 1
    assert caught.value.wait is not None
    assert caught.value.wait >= 3600


def test_no_try_follows_the_first_word() -> None:
    """Else words would come twice."""
    with (
        chat_server(Answer([chunk({"content": "The"}), cut]), Answer(good())) as server,
        pytest.raises(ModelFailed, match="in the midst of the answer"),
    ):
        written(model_of(server))
    assert len(server.asked) == 1


# --- each way to fail ----------------------------------------------------------------------------

HTML = Answer([b"<!doctype html><title>Welcome</title>"], kind="text/html; charset=utf-8")
FAILURES: dict[str, tuple[Answer, type[AfterwordError], str]] = {
    "wrong key": (error(401, "Incorrect API key"), ModelFailed, r"refuses OPENAI_API_KEY.*401"),
    "no right": (error(403, "Not yours"), ModelFailed, r"403: Not yours.*OPENAI_API_KEY"),
    "no model": (
        error(404, "The model `m` does not exist", code="model_not_found"),
        ModelMissing,
        r"has no model m .*AFTERWORD_MODEL",
    ),
    "no path": (error(404, "Not Found"), ModelFailed, r"no chat at .*/v1 .*OPENAI_BASE_URL"),
    "no credit": (
        error(429, "You exceeded your quota", code="insufficient_quota"),
        ModelFailed,
        "may use no more",
    ),
    "too long": (
        error(400, "This model's maximum context length is 4096 tokens.", code="x"),
        PromptTooLong,
        r"maximum context length is 4096.*AFTERWORD_MODEL_CONTEXT",
    ),
    "too long for llama.cpp": (
        error(400, "the request exceeds the available context size, try increasing it"),
        PromptTooLong,
        "available context size",
    ),
    "another wrong": (error(400, "messages: bad"), ModelFailed, r"refuses the request \(400"),
    "broken": (error(500, "boom"), ModelFailed, r"failed \(500: boom\); look at its log"),
    "elsewhere": (
        Answer([b""], 307, {"Location": "https://other.example/v1"}),
        ModelFailed,
        r"sends elsewhere .*other\.example.*OPENAI_BASE_URL",
    ),
    "a page": (HTML, ModelFailed, r"no chat completion \(text/html.*Welcome"),
    "no JSON": (Answer([b"data: {nonsense\n\n"]), ModelFailed, "no chat completion"),
    "no choices": (Answer([b'data: {"hello": 1}\n\n']), ModelFailed, "without choices"),
    "a list": (Answer([b"data: [1, 2]\n\n"]), ModelFailed, "no chat completion"),
    "odd choice": (Answer([b'data: {"choices": [7]}\n\n']), ModelFailed, "a choice that is none"),
    "odd delta": (
        Answer([b'data: {"choices": [{"index": 0, "delta": "x"}]}\n\n']),
        ModelFailed,
        "a delta that is none",
    ),
    "no UTF-8": (Answer([b"data: \xff\xfe\n\n"]), ModelFailed, "no chat completion"),
    "nothing": (Answer([DONE]), ModelFailed, "ahead of its first word"),
    "no words": (Answer(good(words=())), ModelFailed, "answered with nothing"),
    "only thoughts": (
        Answer([chunk({"reasoning_content": "Hm."}), chunk({}, "length"), DONE]),
        ModelFailed,
        "reasoned and came to no answer.*AFTERWORD_ANSWER_TOKENS",
    ),
    "filtered": (Answer(good(finish="content_filter")), ModelFailed, "filter of contents"),
    "cut": (Answer([*good()[:3], cut]), ModelFailed, "in the midst of the answer"),
    "hung up": (
        Answer([chunk({"role": "assistant"}), cut]),
        ModelFailed,
        "ahead of its first word.*AFTERWORD_MODEL_CONTEXT",
    ),
    "ended too early": (Answer(good()[:3]), ModelFailed, "in the midst of the answer"),
    "an error in the stream": (
        Answer([chunk({"content": "The"}), b'data: {"error": {"message": "out of memory"}}\n\n']),
        ModelFailed,
        "broke the answer off: out of memory",
    ),
    "too long, told in the stream": (
        Answer([b'data: {"error": {"message": "context window exceeded"}}\n\n']),
        PromptTooLong,
        "context window exceeded",
    ),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_each_failure_says_what_to_do(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """In a sentence that names the server, and never the key; nothing else is printed."""
    answer, wanted, told = FAILURES[kind]
    with chat_server(answer) as server, pytest.raises(AfterwordError) as caught:
        written(model_of(server))
    assert type(caught.value) is wanted
    with pytest.raises(wanted, match=told):
        raise caught.value
    assert KEY not in caught.value.message
    assert server.url.removesuffix("/v1") in caught.value.message
    assert not caplog.records


def test_nonsense_that_goes_on_is_told_alone(caplog: pytest.LogCaptureFixture) -> None:
    """What was still being read is closed, one after the other."""
    parts = [b'data: {"choices": "bar"}\n\n', b"data: no JSON\n\n", DONE]
    with chat_server(Answer(parts)) as server, pytest.raises(ModelFailed, match="without choices"):
        written(model_of(server))
    assert not caplog.records


@pytest.mark.parametrize("done", [DONE, b"data:[DONE]\r\n\r\n"])
def test_a_stream_may_end_with_its_mark_alone(done: bytes) -> None:
    """Some servers tell no reason; the mark says that nothing was cut off."""
    words = [chunk({"content": word}) for word in WORDS]
    for parts in ([*words, done], [*words, done[:9], done[9:]], [b"".join([*words, done])]):
        with chat_server(Answer(parts)) as server:
            texts, ended = written(model_of(server))
        assert (texts, ended.reason) == (list(WORDS), "stop")


def test_a_mark_within_the_words_ends_nothing() -> None:
    """A model may write it."""
    words = [chunk({"content": "It says\ndata: [DONE]\n\n"})]
    with chat_server(Answer(words)) as server, pytest.raises(ModelFailed, match="in the midst"):
        written(model_of(server))


def test_a_server_that_falls_silent_is_told() -> None:
    """In the midst of an answer; ahead of it, it may think for as long as the question may take."""
    parts = [*silence(0.5), chunk({"content": "The"}), *silence(5), *good()]
    with (
        chat_server(Answer(parts)) as server,
        pytest.raises(ModelTooSlow, match=r"sent nothing for 0\.3 s in the midst"),
    ):
        written(model_of(server, Patience(silence=0.3)))


def test_a_key_that_the_server_repeats_is_not_told() -> None:
    """Some put it into their error."""
    with (
        chat_server(error(401, f"bad key {KEY}")) as server,
        pytest.raises(ModelFailed, match="bad key …"),
    ):
        written(model_of(server))


def test_a_key_that_no_header_can_carry_is_told() -> None:
    """And not shown; white space around it is nobody's intention."""
    for key in ("sk-ä", "sk-1\nsk-2", "a b"):
        with pytest.raises(ModelMissing, match="no header can carry") as caught:
            load_openai_language_model(Server("http://127.0.0.1:8/v1", key, "m", 4096))
        assert key not in caught.value.message
    with chat_server(Answer(good())) as server:
        written(model_of(server, key=f" {KEY}\n"))
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_without_a_key_the_error_says_so() -> None:
    """It is the likeliest reason."""
    with (
        chat_server(error(401, "no")) as server,
        pytest.raises(ModelFailed, match="who sends no key, and OPENAI_API_KEY is not set"),
    ):
        written(model_of(server, key=None))


@pytest.mark.parametrize(
    ("url", "told", "tries"),
    [
        (
            "http://127.0.0.1:{port}/v1",
            "nothing listens there",
            r" \(asked 2 times in \d+\.\d s\)$",
        ),
        ("http://nowhere.invalid:{port}/v1", "its name is not known", ""),
    ],
)
def test_a_server_that_is_not_there(url: str, told: str, tries: str) -> None:
    """Says why, how often it was asked, and which setting to look at."""
    with closed_port() as port:
        server = Server(url.format(port=port), model="m", context=4096)
        model = load_openai_language_model(server, QUICK)
        said = f"cannot be reached: {told}.*OPENAI_BASE_URL.*{tries}"
        with pytest.raises(ModelFailed, match=said) as caught:
            written(model)
    assert ("asked" in caught.value.message) == bool(tries)


def test_only_what_may_be_otherwise_in_a_moment_is_tried_again() -> None:
    """A name server that is busy, and not a name that there is not."""
    for number, again in ((socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)):
        found = no_connection(socket.gaierror(number, "no"))
        assert is_transient(found) is again
        assert not is_refused(found)
    assert is_transient(no_connection(ConnectionRefusedError(111, "refused")))
    assert is_refused(no_connection(ExceptionGroup("all", [ConnectionRefusedError()])))


def test_a_wait_is_told_with_its_length() -> None:
    """Of a machine that takes no connection, and of a server that takes one and says nothing."""
    asked = Requested(address_of("http://127.0.0.1:8/v1"), "m", None)
    found = openai.APITimeoutError(request=openai.DefaultHttpxClient().build_request("GET", "/"))
    with pytest.raises(ModelTooSlow, match=r"did not answer in time.*\(waited for 10\.0 s\)$"):
        raise tried(failure_of(found, asked), 1, 10.04)
    found.__cause__ = httpx2.ConnectTimeout("")
    with pytest.raises(ModelTooSlow, match=r"took no connection in time.*firewall.*one reach it$"):
        raise tried(failure_of(found, asked), 1, 0.2)


def test_a_server_without_tls_is_told() -> None:
    """Whose address begins with https://."""
    with chat_server(Answer(good())) as server:
        url = server.url.replace("http", "https")
        model = load_openai_language_model(Server(url, model="m", context=4096), QUICK)
        with pytest.raises(ModelFailed, match="no secure connection"):
            written(model)


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no way leads there"),
        (ExceptionGroup("all", [ConnectionRefusedError(111, "refused")]), "nothing listens there"),
        (ssl.SSLCertVerificationError(1, "self-signed certificate"), "SSL_CERT_FILE"),
        (EOFError("the end"), "closed the connection"),
    ],
)
def test_each_reason_of_no_connection_is_told(cause: Exception, told: str) -> None:
    """However deep below the client's own error it lies."""
    asked = Requested(address_of("http://127.0.0.1:8/v1"), "m", None)
    with pytest.raises(ModelFailed, match=told):
        raise failure_of(no_connection(cause), asked)


def no_connection(cause: Exception) -> openai.APIConnectionError:
    """Return the client's own error of a connection that failed for this."""
    found = openai.APIConnectionError(request=openai.DefaultHttpxClient().build_request("GET", "/"))
    found.__cause__ = OSError("a connection failed")
    found.__cause__.__context__ = cause
    return found


# --- who leaves ----------------------------------------------------------------------------------


class Left(Exception):
    """Whoever asked has left."""


def leaving(seconds: float, asked: list[float]) -> Callable[[], None]:
    """Return a check that notes when it is asked, and raises after so many seconds."""
    end = time.monotonic() + seconds

    def check() -> None:
        asked.append(time.monotonic())
        if time.monotonic() > end:
            raise Left

    return check


@pytest.mark.parametrize("begun", [False, True], ids=["before a word", "in the midst"])
def test_who_leaves_closes_the_connection(begun: bool) -> None:  # noqa: FBT001 # a parameter
    """Although the server is silent; it notices, and need not work on."""
    words: list[Part] = [chunk({"content": "The"})] if begun else []
    with chat_server(Answer([*words, *silence(30), *good()])) as server:
        model = load_openai_language_model(Server(server.url, None, "m", 4096))
        asked: list[float] = []
        with pytest.raises(Left):
            list(model.write(MESSAGES, SAMPLING, leaving(0.5, asked)))
        assert len(asked) >= 4
        assert left_soon(server)


def test_who_leaves_does_not_wait_for_what_a_server_tells_of_itself() -> None:
    """Neither for its list of models, nor for the properties of llama.cpp."""
    with chat_server() as server:
        server.models = Answer([*silence(30)])
        with pytest.raises(Left):
            load_openai_language_model(Server(server.url), check=leaving(0.3, []))
        assert left_soon(server)
        server.left = 0
        server.models, server.props = listing(LLAMA), Answer([*silence(30)])
        with pytest.raises(Left):
            load_openai_language_model(Server(server.url), check=leaving(0.5, []))
        assert left_soon(server)


def test_a_closed_iterator_closes_the_connection() -> None:
    """Whoever wants no more words need not say why."""
    with chat_server(Answer([chunk({"content": "The"}), *silence(30)])) as server:
        pieces = model_of(server).write(MESSAGES, SAMPLING, go_on)
        assert isinstance(pieces, Iterator)
        assert next(pieces) == "The"
        pieces.close()  # type: ignore[attr-defined] # it is a generator
        assert left_soon(server)


def test_who_leaves_ends_the_wait_for_another_try() -> None:
    """A wait that a server asked for is no reason to stay."""
    with chat_server(error(429, "wait", {"Retry-After": "30"})) as server:
        patience = Patience(longest_wait=60)
        model = load_openai_language_model(Server(server.url, None, "m", 4096), patience)
        with pytest.raises(Left):
            list(model.write(MESSAGES, SAMPLING, leaving(0.3, [])))


# --- what the server tells of itself -------------------------------------------------------------


def test_the_only_model_of_a_server_is_taken() -> None:
    """With the context length that vLLM tells."""
    with chat_server(Answer(good())) as server:
        server.models = listing({"id": "org/m", "max_model_len": 2048})
        model = load_openai_language_model(Server(server.url), QUICK)
        assert (model.name, model.context_tokens) == ("org/m", 2048)
        assert not model.counts_exactly
        written(model)
    assert server.chatted[0].body["model"] == "org/m"


def test_of_several_models_one_must_be_named() -> None:
    """The error lists them."""
    with chat_server() as server:
        server.models = listing({"id": "a"}, {"id": "b"})
        with pytest.raises(ModelMissing, match=r"set AFTERWORD_MODEL to one of: a, b"):
            load_openai_language_model(Server(server.url))
        assert load_openai_language_model(Server(server.url, model="b")).name == "b"
        server.models = listing()
        with pytest.raises(ModelMissing, match="lists no model"):
            load_openai_language_model(Server(server.url))


LLAMA: dict[str, object] = {"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx_train": 131072}}
CONTEXTS: dict[str, tuple[dict[str, object], Answer | None, int | None, int]] = {
    "a setting": ({"id": "m", "max_model_len": 2048}, None, 1000, 1000),
    "vLLM": ({"id": "m", "max_model_len": 2048}, None, None, 2048),
    "llama.cpp": (LLAMA, in_json({"default_generation_settings": {"n_ctx": 4096}}), None, 4096),
    "llama.cpp without properties": (LLAMA, None, None, 8192),
    "a small one": (
        {"id": "m", "meta": {"n_ctx_train": 2048}},
        in_json({"default_generation_settings": {}}),
        None,
        2048,
    ),
    "nobody": ({"id": "m"}, None, None, 8192),
}


@pytest.mark.parametrize("kind", CONTEXTS)
def test_the_context_length_is_whose_word_counts(kind: str) -> None:
    """The setting's, then what the server was started with, then a usual one."""
    entry, props, setting, wanted = CONTEXTS[kind]
    with chat_server() as server:
        server.models, server.props = listing(entry), props
        assert (
            load_openai_language_model(Server(server.url, context=setting)).context_tokens == wanted
        )


def test_a_server_that_lists_no_models_is_used_all_the_same() -> None:
    """Where the model is named; else it must be."""
    with chat_server(Answer(good())) as server:
        model = load_openai_language_model(Server(server.url, model="m"), QUICK)
        assert model.context_tokens == 8192
        assert written(model)[0] == list(WORDS)
        with pytest.raises(ModelFailed, match="no chat at"):
            load_openai_language_model(Server(server.url))
        server.models = HTML
        with pytest.raises(ModelFailed, match="no chat completion"):
            load_openai_language_model(Server(server.url))
        server.models = error(401, "no")
        with pytest.raises(ModelFailed, match="refuses"):
            load_openai_language_model(Server(server.url, model="m"))


@pytest.mark.parametrize("status", [405, 501])
def test_a_server_without_a_list_says_so(status: int) -> None:
    """In more than one way."""
    with chat_server() as server:
        server.models = error(status, "no")
        model = load_openai_language_model(Server(server.url, model="m"))
    assert model.context_tokens == 8192


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_no_context_is_guessed_while_a_server_is_busy(status: int) -> None:
    """It may tell it in a moment; so with the properties of llama.cpp."""
    with chat_server() as server:
        server.models = error(status, "busy")
        with pytest.raises(ModelFailed, match=f"{status}: busy"):
            load_openai_language_model(Server(server.url, model="m"))
        server.models, server.props = listing(LLAMA), error(status, "busy")
        with pytest.raises(ModelFailed, match=f"{status}: busy"):
            load_openai_language_model(Server(server.url, model="m"))


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (Server(), "set OPENAI_BASE_URL"),
        (Server(key="k", model="gpt"), "set OPENAI_BASE_URL"),
        (Server("127.0.0.1:8080/v1"), "no address"),
        (Server("ftp://127.0.0.1/v1"), "no address"),
        (Server("http://127.0.0.1:x/v1"), "no address"),
    ],
)
def test_settings_that_name_no_server_are_told(server: Server, told: str) -> None:
    """With what to set."""
    with pytest.raises(ModelMissing, match=told):
        load_openai_language_model(server)


def test_a_password_in_the_address_is_not_told() -> None:
    """Some proxies want one there."""
    with closed_port() as port:
        url = f"http://me:secret@127.0.0.1:{port}/v1"
        model = load_openai_language_model(Server(url, model="m", context=4096), QUICK)
        with pytest.raises(ModelFailed) as caught:
            written(model)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:secret@127.0.0.1:x/v1", "http://127.0.0.1:x/v1"),
        ("http://me:se/cr@et@127.0.0.1:x/v1", "http://127.0.0.1:x/v1"),
        ("ftp://me:secret@127.0.0.1/v1?key=secret", "ftp://127.0.0.1/v1"),
        (" me:secret@127.0.0.1:8080/v1", "127.0.0.1:8080/v1"),
        ("127.0.0.1:8080/v1", "127.0.0.1:8080/v1"),
    ],
)
def test_a_password_in_what_is_no_address_is_not_told(url: str, shown: str) -> None:
    """The rest is, so that the mistake can be seen."""
    with pytest.raises(ModelMissing) as caught:
        address_of(url)
    assert caught.value.message.startswith(f"OPENAI_BASE_URL={shown} is no address")


PORTS = st.sampled_from(["", ":8080", ":x", ":0"])
SIGNS = st.sampled_from([*"/@?#:[]%\\ \t&=;,+!.", "%2F", "12", "Zq7x", "\n", "\u212a"])


@given(user=st.lists(SIGNS, max_size=8).map("".join), port=PORTS, scheme=st.sampled_from(SCHEMES))
@example(user="me:12/Zq7x", port="", scheme="http://")
@example(user="12?Zq7x", port="", scheme="HTTPS://")
def test_no_password_is_told_whatever_signs_it_has(user: str, port: str, scheme: str) -> None:
    """And no part of one is taken for the host to connect to."""
    url = f"{scheme}{user}@127.0.0.1{port}/v1"
    assert "Zq7x" not in without_user(url)
    found, said = read_address(url)
    assert "Zq7x" not in said
    if found is None:
        return
    assert (found.host, found.shown) == ("127.0.0.1", f"{scheme.lower()}127.0.0.1{port}/v1")
    assert httpx2.URL(found.base).host == "127.0.0.1"  # so the client reads it too


def read_address(url: str) -> tuple[Address | None, str]:
    """Return an address, or what is said where it is none."""
    try:
        return address_of(url), ""
    except ModelMissing as error:
        return None, error.message


def test_how_a_password_is_written_is_told() -> None:
    """Where it has a sign that ends a host; written so, it is no trouble."""
    with pytest.raises(ModelMissing, match=r"write / \? # @ in a name or password as %2F %3F"):
        address_of("http://me:12/34@127.0.0.1/v1")
    assert address_of("http://me:12%2F34@127.0.0.1/v1").shown == "http://127.0.0.1/v1"


def test_where_a_server_sends_is_told_in_short() -> None:
    """Without the key, which some servers put into it."""
    to = f"/login?key={KEY}&next={'x' * 5000}"
    with (
        chat_server(error(307, "", {"Location": to})) as server,
        pytest.raises(ModelFailed, match=r"sends elsewhere .*/login\?key=…&next=xxx") as caught,
    ):
        written(model_of(server))
    assert KEY not in caught.value.message
    assert len(caught.value.message) < 600
