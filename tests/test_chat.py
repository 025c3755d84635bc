"""`afterword chat`: question after question, in a pipe and on a terminal."""

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundled_documents import birds, make_collection
from indexes.errors import BadFilter, CollectionNotFound
from indexes.settings import Settings
from service.answer import Answerer, Question, build_answerer
from service.chat import HELP, PROMPT, Chat, converse

ROOT = Path(__file__).parent.parent
SWIFTS = "How long does a young swift fly without landing?"
LEANS = "And why does it?"
SHORT = "three years"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the birds."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    return folder


@pytest.fixture(scope="module")
def answerer(data: Path) -> Iterator[Answerer]:
    """An answerer to which every score is enough."""
    made = build_answerer(Settings(data=data, threshold=0.0, max_question_chars=200))
    yield made
    made.close()


def said(answerer: Answerer, *lines: str, as_json: bool = False) -> tuple[int, str, str]:
    """Give lines by a pipe; return the exit status, what was written, and the errors."""
    out, errors = io.StringIO(), io.StringIO()
    chat = Chat(answerer, Question(""), out, errors, as_json=as_json)
    given = io.StringIO("".join(f"{line}\n" for line in lines))
    return converse(chat, given), out.getvalue(), errors.getvalue()


def test_each_line_is_a_question_after_those_before(answerer: Answerer) -> None:
    """What leans is shown as it was searched for; empty lines are passed over."""
    status, out, errors = said(answerer, SWIFTS, "", LEANS)
    assert (status, errors) == (0, "")
    first, second = out.split("\nasked: ")
    assert f"In short: {SHORT}" in first
    assert "asked:" not in first
    assert second.startswith(f"{LEANS} (")
    assert "swift" in second.splitlines()[0]
    assert out.count("answered  (score ") == 2


def test_a_pipe_can_have_json(answerer: Answerer) -> None:
    """A reply a line, and a line for each question that could not be asked."""
    status, out, errors = said(answerer, SWIFTS, "x" * 201, LEANS, as_json=True)
    first, failed, second = map(json.loads, out.splitlines())
    assert (first["answer_short"], first["rewritten_by"]) == (SHORT, None)
    assert failed["error"]["code"] == "usage"
    assert second["rewritten_by"] == "rule"
    assert status == 1
    assert failed["error"]["line"] == 2
    assert errors == f"afterword: line 2: {failed['error']['message']}\n"


def test_a_conversation_can_begin_anew(answerer: Answerer) -> None:
    """After that nothing is known of what was said; commands that there are not are told."""
    status, out, errors = said(answerer, SWIFTS, "/new", LEANS, "/help", "/quit", SWIFTS)
    assert (status, errors) == (0, "")
    assert "asked:" not in out
    assert HELP in out
    assert out.count("(score ") == 2
    status, out, errors = said(answerer, "/forget", SWIFTS)
    assert status == 1
    assert errors.startswith("afterword: line 1: /forget: there is no such command")
    assert SHORT in out


def test_what_no_question_can_do_without_ends_it(answerer: Answerer) -> None:
    """A collection that is not there, and a filter that cannot be read."""
    out, given = io.StringIO(), io.StringIO(f"{SWIFTS}\n")
    with pytest.raises(CollectionNotFound):
        converse(Chat(answerer, Question("", "absent"), out, out), given)
    with pytest.raises(BadFilter):
        converse(Chat(answerer, Question("", filter={"field": "colour"}), out, out), given)


def command(*arguments: str) -> list[str]:
    """Return the command's words."""
    return [sys.executable, "-m", "afterword", "chat", *arguments]


def environ(data: Path) -> dict[str, str]:
    """Return the environment of a command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFTERWORD_")}
    return {
        **kept,
        "AFTERWORD_DATA": str(data),
        "AFTERWORD_THRESHOLD": "0",
        "PYTHONPATH": str(ROOT),
    }


def test_the_command_answers_a_pipe(data: Path) -> None:
    """Each question as it comes; the status tells whether all could be asked."""
    done = subprocess.run(
        command("--json", "--top-k", "2"),
        input=f"{SWIFTS}\n{LEANS}\n",
        cwd=data,
        env=environ(data),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["answered"] * 2


def test_a_person_at_a_terminal_is_asked(data: Path) -> None:
    """There is a prompt, an answer, what was searched for, and an end."""
    main, side = pty.openpty()
    with subprocess.Popen(
        command(), stdin=side, stdout=side, stderr=side, cwd=data, env=environ(data)
    ) as process:
        os.close(side)
        seen = until_shown(main, PROMPT)
        assert "/quit" in seen
        os.write(main, f"{SWIFTS}\n".encode())
        assert SHORT in until_shown(main, f"\n{PROMPT}")
        os.write(main, f"{LEANS}\n".encode())
        assert f"asked: {LEANS} (" in until_shown(main, f"\n{PROMPT}")
        os.write(main, b"/quit\n")
        assert process.wait(30) == 0
    os.close(main)


def until_shown(terminal: int, wanted: str, seconds: float = 90) -> str:
    """Read what is shown until the words are there."""
    seen, deadline = "", time.monotonic() + seconds
    while wanted not in seen.replace("\r", ""):
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, seen
        seen += os.read(terminal, 65_536).decode()
    return seen
