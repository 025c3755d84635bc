"""The comparison with other libraries: shares are counted right, and each engine works."""

import gzip
import importlib.util
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import ENGINES, Run, Text, ask, compare
from indexes.errors import ModelMissing
from service.evaluate import Line

NEEDS = {
    "txtai": "txtai",
    "langchain": "langchain_community",
    "llamaindex": "llama_index",
}
TEXTS = [
    Text("lamp", "Gull Point", "The lamp at Gull Point was lit in 1859 by Anna Berg."),
    Text("ferry", "Ness Island", "The ferry to Ness Island sails at 9:15 and carries 120 people."),
    Text("owl", "Owls", "Owls hoot at dusk and hunt voles in the fields."),
]


def line(question: str, relevant: str) -> Line:
    """Return a question with one right text."""
    return Line("1", question, None, (relevant,), answerable=True, context_id=None)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_finds_what_is_asked_for(name: str) -> None:
    """Each of three questions has its text first."""
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip("benchmarks/requirements-peers.txt is not installed")
    lines = [
        line("When does the ferry sail?", "ferry"),
        line("Who lit the lamp?", "lamp"),
        line("What do owls hunt?", "owl"),
    ]
    found = compare(TEXTS, lines, [name])[name]
    assert (found["hit@1"], found["hit@5"]) == (1.0, 1.0)
    assert 0 < found["p50_ms"] <= found["p95_ms"]
    assert found["texts_a_second"] > 0


def test_the_reader_is_the_one_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers, and the result names it; a reader that is not there is missed."""
    corpus, questions = tmp_path / "corpus.jsonl.gz", tmp_path / "questions.jsonl.gz"
    with gzip.open(corpus, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(one)) + "\n" for one in TEXTS)
    with gzip.open(questions, "wt", encoding="utf-8") as file:
        file.write(json.dumps({"question": "Who lit the lamp?", "relevant": ["lamp"]}))
    words = ["peers", str(corpus), str(questions), "--engines", "afterword"]
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setenv("AFTERWORD_READER", "none")
    peers.main()
    shown = json.loads(capsys.readouterr().out)
    assert shown["reader"] == "none"
    assert shown["engines"]["afterword"]["hit@1"] == 1.0
    monkeypatch.setenv("AFTERWORD_READER", str(tmp_path / "absent"))
    with pytest.raises(ModelMissing, match="absent"):
        peers.main()


def test_places_are_counted() -> None:
    """First, second and absent: one of three first, two of three among five."""
    run = Run(1.0)
    for relevant in "abz":
        ask(line("?", relevant), lambda _question: ["a", "b", "c"], run)
    assert run.places == [0, 1, None]
    shown = run.shown()
    assert (shown["hit@1"], shown["hit@5"]) == (0.3333, 0.6667)


def test_engines_are_asked_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What slows the machine for a while slows all of them."""
    order: list[str] = []

    def engine(name: str) -> object:
        def search(question: str) -> list[str]:
            order.append(name + question)
            return ["a"]

        def build(_texts: Sequence[Text], _stack: ExitStack) -> object:
            return search

        return build

    monkeypatch.setattr(peers, "ENGINES", {"x": engine("x"), "y": engine("y")})
    monkeypatch.setattr(peers, "WARM_UP", 0)
    compare(TEXTS, [line("1", "a"), line("2", "a")], ["x", "y"])
    assert order == ["x1", "y1", "x2", "y2"]
