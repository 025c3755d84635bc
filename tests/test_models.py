"""Language models behind the names of generators: loaded late and once, looked at, counted."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from bundled_documents import birds, make_collection
from chat_server import (
    Answer,
    ChatServer,
    chat_server,
    chunk,
    closed_port,
    error,
    good,
    left_soon,
    listing,
    silence,
)
from indexes.errors import ModelBusy, ModelFailed, ModelMissing, ModelTooSlow
from indexes.settings import Settings
from installed import ROOT
from scripted_model import words_of
from service import models
from service.answer import Question, build_answerer
from service.app import create_app
from service.command import reply_lines
from service.doctor import models as looks
from service.doctor.findings import Finding, Subject
from service.generators import check_writer
from service.language_model import Check, Ended, LanguageModel, Message, Sampling, Usage
from service.metrics import Metrics, Stock
from service.model_calls import CALLS
from service.reply import Generation, Reply, Timings, UnsupportedSentence
from serving import running
from test_no_connections import guarded

MESSAGES = [Message("user", "When?")]


def go_on() -> None:
    """Let the work go on."""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    """Neither by the command nor by the service's start."""
    program = (
        "import sys, afterword, service.app, service.answer, service.generators\n"
        "heavy = {'openai', 'torch', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


ASKS = """
import sys
sys.path.insert(0, {tests!r})
from chat_server import Answer, chat_server, good, listing
from indexes.settings import Settings
from service.language_model import Message, Sampling
from service.models import load_model
with chat_server(Answer(good())) as server:
    server.models = listing({{"id": "m"}})
    model = load_model("openai", Settings(openai_base_url=server.url))
    pieces = list(model.write([Message("user", "When?")], Sampling(9), lambda: None))
print("".join(map(str, pieces[:-1])))
"""


def test_a_server_is_asked_and_nobody_else(tmp_path: Path) -> None:
    """Its client connects to no other place and writes no file."""
    done = guarded(tmp_path, ASKS.format(tests=str(ROOT / "tests")))
    assert (done.returncode, done.stdout) == (0, "The ferry sails at noon.\n"), done.stderr


@pytest.mark.parametrize(
    ("generator", "base_url"), [("openai", None), ("quote", "http://127.0.0.1:1/v1")]
)
def test_no_question_makes_a_service_load_what_a_server_has(
    generator: str, base_url: str | None
) -> None:
    """The setting is the server's name for it."""
    settings = Settings.model_validate(
        {"generator": generator, "model": "acme/large", "openai_base_url": base_url}
    )
    with pytest.raises(ModelMissing, match="is taken for a model of the server"):
        models.load_model("transformers", settings)


def test_no_question_sends_a_server_the_name_of_a_local_model() -> None:
    """Its only model is asked."""
    with chat_server() as server:
        server.models = listing({"id": "m"})
        settings = Settings(
            generator="transformers", model="acme/large", openai_base_url=server.url
        )
        assert models.load_model("openai", settings).name == "m"


# --- what a server tells of itself, again --------------------------------------------------------


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ChatServer, Settings]]:
    """A server that was asked for its models, and that is to be asked again."""
    monkeypatch.setattr(models, "_LOADED", models._Loaded())
    monkeypatch.setattr(models, "_RENEWING_SECONDS", 20.0)
    with chat_server() as server:
        server.models = listing({"id": "m", "max_model_len": 2048})
        settings = Settings(openai_base_url=server.url)
        models.load_model("openai", settings)
        server.asked.clear()
        long_ago()
        yield server, settings


def long_ago() -> None:
    """Let the time be over until the server is asked again."""
    (place,) = models._LOADED._places.values()
    place._due = 0.0


def contexts(settings: Settings) -> list[int]:
    """Return the context lengths that four questions at once are given."""
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda _: models.load_model("openai", settings), range(4))
        return [one.context_tokens for one in found]


def test_a_server_is_asked_again_and_believed(stale: tuple[ChatServer, Settings]) -> None:
    """Once for all who ask, the first of whom is given what it says."""
    server, settings = stale
    server.models = listing({"id": "m", "max_model_len": 4096})
    assert models.load_model("openai", settings).context_tokens == 4096
    assert contexts(settings) == [4096] * 4
    assert len(server.asked) == 1


def test_nobody_waits_for_a_server_that_hangs(
    stale: tuple[ChatServer, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is the one that was known; one thread asks."""
    monkeypatch.setattr(models, "_RENEWING_SECONDS", 1.0)
    server, settings = stale
    server.models = Answer([*silence(30)])
    began = time.monotonic()
    assert contexts(settings) == [2048] * 4
    assert time.monotonic() - began < 8
    assert len(server.asked) == 1


def test_what_a_server_told_is_kept_while_it_fails(
    stale: tuple[ChatServer, Settings],
) -> None:
    """And it is not asked by each question."""
    server, settings = stale
    server.models = error(503, "busy")
    assert [*contexts(settings), *contexts(settings)] == [2048] * 8
    assert len(server.asked) == 1
    long_ago()
    server.models = listing({"id": "m", "max_model_len": 4096})
    assert models.load_model("openai", settings).context_tokens == 4096


def test_a_server_that_fails_at_first_is_left_alone_for_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waited for the first to ask is told the same, and does not ask as well."""
    monkeypatch.setattr(models, "_LOADED", models._Loaded())

    def ask(settings: Settings) -> str:
        with pytest.raises(ModelBusy) as caught:
            models.load_model("openai", settings)
        assert caught.value.wait == 7
        return caught.value.message

    with chat_server() as server, ThreadPoolExecutor(4) as threads:
        server.models = Answer(
            [*silence(0.3), *error(503, "busy").parts], 503, {"Retry-After": "7"}
        )
        settings = Settings(openai_base_url=server.url)
        assert len(set(threads.map(ask, [settings] * 4))) == 1
        assert len(server.asked) == 1
        server.models = listing({"id": "m"})
        long_ago()
        assert models.load_model("openai", settings).name == "m"


class Left(Exception):
    """Whoever asked has left."""


def test_who_leaves_waits_for_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither who asks a server that hangs, nor who waits for that; the next one asks anew."""
    monkeypatch.setattr(models, "_LOADED", models._Loaded())
    left = threading.Event()

    def check() -> None:
        if left.is_set():
            raise Left

    with chat_server() as server, ThreadPoolExecutor(3) as threads:
        server.models = Answer([*silence(30)])
        settings = Settings(openai_base_url=server.url)
        waiting = [threads.submit(models.load_model, "openai", settings, check) for _ in range(3)]
        while not server.asked:
            time.sleep(0.02)
        left.set()
        assert [type(one.exception(20)) for one in waiting] == [Left] * 3
        assert left_soon(server)
        server.models = listing({"id": "m"})
        assert models.load_model("openai", settings).name == "m"


# --- readiness and the doctor --------------------------------------------------------------------


def test_a_service_is_ready_although_its_server_is_away() -> None:
    """What it asks of the settings must be there; the server may come back."""
    check_writer(Settings())
    with closed_port() as port:
        check_writer(Settings(generator="openai", openai_base_url=f"http://127.0.0.1:{port}/v1"))
    with pytest.raises(ModelMissing, match="set OPENAI_BASE_URL"):
        check_writer(Settings(generator="openai"))


def test_a_service_is_not_ready_without_its_local_model(tmp_path: Path) -> None:
    """Which must be loaded before it can be asked."""
    with pytest.raises(ModelMissing, match="AFTERWORD_MODEL"):
        check_writer(Settings(generator="transformers"))
    with pytest.raises(ModelMissing, match="cannot be read"):
        check_writer(Settings(generator="transformers", model=str(tmp_path / "none.gguf")))


def found(**settings: object) -> Finding:
    """Return what the doctor says of the language model."""
    given = _Given(Settings.model_validate(settings))
    (one,) = looks.language_model(Subject(Path(), given, {}, None, False))  # type: ignore[arg-type]
    return one


class _Given:
    """Settings as the doctor is given them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


@pytest.mark.parametrize(
    ("settings", "level", "told"),
    [
        ({}, "ok", "none is needed"),
        ({"generator": "transformers"}, "problem", "names no model"),
        ({"generator": "openai"}, "problem", "needs a server"),
        ({"generator": "openai", "openai_base_url": "x"}, "problem", "is no address"),
        (
            {"generator": "openai", "openai_base_url": "http://127.0.0.1:1/v1"},
            "ok",
            "the only model of http://127.0.0.1:1/v1, without a key; it was not asked",
        ),
        (
            {
                "generator": "openai",
                "model": "m",
                "openai_base_url": "http://models.example/v1",
                "openai_api_key": "sk-secret",
            },
            "note",
            "m of http://models.example/v1, with a key: questions and passages go there as plain",
        ),
        ({"generator": "transformers", "model": "acme/none"}, None, "acme/none"),
    ],
)
def test_the_doctor_tells_of_the_language_model(
    settings: dict[str, object], level: str | None, told: str
) -> None:
    """Which, where, and what is wrong with it; never the key."""
    finding = found(**settings)
    assert finding.name == "language model"
    assert told in finding.message
    assert level in {None, finding.level}
    assert (finding.level in {"problem", "note", "warning"}) == bool(finding.do)
    assert "sk-secret" not in f"{finding}"


def test_the_doctor_looks_for_a_gguf_file(tmp_path: Path) -> None:
    """And tells how large it is."""
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF" + bytes(1020))
    finding = found(generator="transformers", model=str(file))
    assert (finding.level, finding.message) == ("ok", f"{file}, 1 KB")


# --- what is counted -----------------------------------------------------------------------------


def of(name: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return the tokens and calls that were counted for a generator."""
    counted = CALLS.counted()
    return (
        {kind: n for (generator, kind), n in counted.tokens.items() if generator == name},
        {how: n for (generator, how), n in counted.calls.items() if generator == name},
    )


def test_calls_are_counted_by_how_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """With their tokens, and a span each."""
    spans: list[str] = []
    monkeypatch.setattr(models, "note_step", lambda step, _: spans.append(step))

    def write(
        messages: Sequence[Message], sampling: Sampling, check: Check
    ) -> Iterator[str | Ended]:
        del messages, sampling
        yield "The"
        check()
        yield Ended("stop", Usage(7, 2))

    def fails() -> None:
        raise ModelFailed("x")

    def late() -> None:
        raise ModelTooSlow("x")

    model = models.counted("a test", LanguageModel("m", 9, words_of, write))
    assert list(model.write(MESSAGES, Sampling(9), go_on)) == ["The", Ended("stop", Usage(7, 2))]
    with pytest.raises(ModelFailed):
        list(model.write(MESSAGES, Sampling(9), fails))
    with pytest.raises(ModelTooSlow):
        list(model.write(MESSAGES, Sampling(9), late))
    left = model.write(MESSAGES, Sampling(9), go_on)
    next(left)
    left.close()  # type: ignore[attr-defined] # it is a generator
    tokens, calls = of("a test")
    assert tokens == {"prompt": 7 + 1, "completion": 2 + 1}
    assert calls == {"ok": 1, "model_failed": 1, "model_too_slow": 1, "stopped": 1}
    assert spans == ["language_model"] * 4
    page = Metrics(Stock).page().decode()
    assert 'afterword_model_tokens_total{generator="a test",kind="prompt"} 8.0' in page
    assert 'afterword_model_calls_total{generator="a test",outcome="model_failed"} 1.0' in page


# --- from a question to an answer ----------------------------------------------------------------


def test_a_question_is_written_by_a_server(tmp_path: Path) -> None:
    """It is given the evidence, and the reply says what it used."""
    make_collection(tmp_path, "default", birds())
    with chat_server(Answer(good())) as server:
        server.models = listing({"id": "m", "max_model_len": 4096})
        settings = Settings(data=tmp_path, threshold=0.0, openai_base_url=server.url)
        answerer = build_answerer(settings)
        asked = "How long does a young swift fly without landing?"
        reply = answerer.answer(Question(asked, generator="openai"))
        assert (reply.generation.generator, reply.generation.model) == ("openai", "m")
        assert reply.usage == {"prompt_tokens": 17, "completion_tokens": 5, "total_tokens": 22}
        told = server.chatted[0].body["messages"][-1]["content"]
        assert "A young swift flies for three years without landing." in told
        assert asked in told
        server.chats = [error(401, "no")]
        with pytest.raises(ModelFailed, match="OPENAI_API_KEY"):
            answerer.answer(Question(asked, generator="openai"))
        assert answerer.answer(Question(asked)).generation.generator == "quote"
    answerer.close()


@pytest.mark.slow
def test_a_client_that_leaves_stops_the_work_at_the_server(tmp_path: Path) -> None:
    """From the client's socket, through the service, to the connection of the model's server."""
    make_collection(tmp_path, "default", birds())
    silent = Answer([chunk({"content": "The"}), *silence(60)])
    with chat_server(silent) as server:
        settings = Settings(
            data=tmp_path, threshold=0.0, generator="openai", openai_base_url=server.url, model="m"
        )
        with running(create_app(settings, worker=False)) as client:
            asked = {"question": "How long does a young swift fly without landing?"}
            with pytest.raises(httpx2.ReadTimeout):
                client.post("/v1/query", json=asked, timeout=8)
            assert len(server.chatted) == 1
            assert left_soon(server)


def test_a_command_shows_what_a_language_model_did() -> None:
    """Its reasoning, what was left out and why, and what it read and wrote."""
    generation = Generation(
        "openai",
        "m",
        "the evidence bears out no sentence",
        (UnsupportedSentence("It sails at one.", "no passage says one"),),
        "First this.\nThen that.",
        "length",
    )
    usage = Usage(17, 5).as_json()
    reply = Reply(
        status="answered",
        answer="At noon.",
        answer_short="noon",
        score=0.9,
        threshold=0.5,
        query="When?",
        citations=(),
        passages=(),
        dropped=(),
        usage=usage,
        timings=Timings(encode=0, retrieve=0, attend=0, generate=0, total=0),
        trace_id="",
        generation=generation,
    )
    assert list(reply_lines(reply)) == [
        "answered  (score 0.90, threshold 0.50)",
        "  At noon.",
        "",
        "  Quoted: the evidence bears out no sentence.",
        "",
        "  Written, and not borne out by the evidence:",
        '      "It sails at one." (no passage says one)',
        "",
        "  Reasoning (nothing of it is checked):",
        "      First this.",
        "      Then that.",
        "",
        "  m read 17 tokens and wrote 5, and was cut off there.",
    ]
