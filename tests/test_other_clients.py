"""LangChain's ChatOpenAI and LlamaIndex's OpenAILike against the started service."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from serving import ROOT, ingested, served

# Where `make soak` installs them; another place can be named.
PYTHON = Path(os.environ.get("CLIENTS_VENV", ROOT / ".venv" / "clients")) / "bin" / "python"
KEY = "correct-horse-battery"
QUESTION = "How long does a young swift fly without landing?"
SAID = "A young swift flies for three years without landing. [1]"
SOURCES = "\n\nSources:\n- [1] swifts (documents/swifts.txt)"


@pytest.mark.soak
@pytest.mark.skipif(
    not PYTHON.exists(), reason="requirements-clients.txt is not installed: `make soak`"
)
def test_they_ask_whole_and_in_streams(tmp_path: Path) -> None:
    """What they show is the answer with its sources, and what they raise says what is wrong."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "swifts.txt").write_text(SAID.removesuffix(" [1]"), encoding="utf-8")
    ingested(tmp_path / "data", documents)
    with served(tmp_path / "data", tmp_path / "log", AFTERWORD_API_KEY=KEY) as service:
        words = [str(PYTHON), "tests/other_clients.py", f"{service.url}/v1", KEY, "default"]
        done = subprocess.run(
            [*words, QUESTION],
            cwd=ROOT,
            # Neither is to open another connection, or to read this project's settings.
            env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    usage, refused = told.pop("langchain usage"), {}
    for name in [name for name in told if "wrong" in name or name.endswith(("tools", "tokens"))]:
        refused[name] = told.pop(name)
    assert told.pop("langchain stop") == "stop"
    assert told.pop("langchain vector") == 384
    assert told.pop("llamaindex reply") == "answered"
    assert told.pop("langchain later") == [SAID + SOURCES] * 2
    assert set(told.values()) == {SAID + SOURCES}, told
    assert (usage["input_tokens"], usage["output_tokens"]) == (0, 0)
    for name in ("langchain wrong model", "llamaindex wrong model"):
        assert re.match(r"(OpenAIModel)?NotFoundError: ", refused[name])
        assert "There are: default, default:quote" in refused[name]
    assert re.match(r"(BadRequest|OpenAIInvalidRequest)Error: ", refused["langchain tools"])
    assert "tool_choice" in refused["langchain tools"]
    assert "check_embedding_ctx_length=False" in refused["langchain tokens"]
