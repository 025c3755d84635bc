"""The comparison with other libraries: shares are counted right, and each engine works."""

import gzip
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.engines import ENGINES, Text
from benchmarks.peers import Run, chosen, compare, place, ratios
from indexes.errors import ModelMissing
from service.evaluate import Line

NEEDS = {
    "txtai": ("txtai",),
    "txtai+bm25": ("txtai",),
    "langchain": ("langchain-classic", "langchain-community", "langchain-huggingface", "rank-bm25"),
    "llamaindex": ("llama-index-embeddings-huggingface", "llama-index-retrievers-bm25"),
    "haystack": ("sentence-transformers-haystack",),
    "haystack+faiss": ("sentence-transformers-haystack", "faiss-haystack"),
}
WAYS = {
    "afterword": {"hybrid", "retrieve", "answer"},
    "txtai": {"dense"},
    "txtai+bm25": {"hybrid"},
    "langchain": {"dense", "hybrid"},
    "llamaindex": {"dense", "hybrid"},
    "haystack": {"dense", "hybrid"},
    "haystack+faiss": {"dense"},
}
TEXTS = [
    Text("lamp", "Gull Point", "The lamp at Gull Point was lit in 1859 by Anna Berg."),
    Text("ferry", "Ness Island", "The ferry to Ness Island sails at 9:15 and carries 120 people."),
    Text("owl", "Owls", "Owls hoot at dusk and hunt voles in the fields."),
]


def line(question: str, relevant: str) -> Line:
    """Return a question with one right text."""
    return Line("1", question, None, (relevant,), answerable=True, context_id=None)


def skip_without(engine: str) -> None:
    """Skip where what an engine needs is not installed."""
    there = {one.name for one in distributions()}
    if missing := set(NEEDS.get(engine, ())) - there:
        pytest.skip(f"{', '.join(sorted(missing))} not installed: see benchmarks/README.md")


@pytest.mark.parametrize("name", ENGINES)
def test_each_search_of_an_engine_finds_what_is_asked_for(name: str) -> None:
    """Each of three questions has its text among those found, and by meaning first."""
    skip_without(name)
    lines = [
        line("When does the ferry sail?", "ferry"),
        line("Who lit the lamp?", "lamp"),
        line("What do owls hunt?", "owl"),
    ]
    runs = compare(TEXTS, lines, [name], rounds=2)
    assert runs.keys() == {f"{name} {way}" for way in WAYS[name]}
    for way, run in runs.items():
        found = run.shown(len(TEXTS))
        assert found["hit@5"] == 1.0
        assert found["hit@1"] == 1.0 or "hybrid" in way  # BM25 of three texts ranks at random
        assert 0 < found["min_ms"] <= found["p50_ms"] <= found["p95_ms"]
        assert 0 < found["texts_a_second"] <= found["texts_a_second_best"]
        assert len(run.milliseconds) == 2 * len(lines)


def test_haystack_sends_nothing() -> None:
    """Its telemetry is off once the benchmark has imported it."""
    skip_without("haystack")
    code = (
        "from benchmarks.engines import _haystack_embedders\n"
        "_haystack_embedders()\n"
        "from haystack.telemetry import _telemetry\n"
        "print(_telemetry.telemetry)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"]


@pytest.mark.slow
def test_the_reader_is_the_one_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers, and the result names it; a reader that is not there is missed."""
    corpus, questions = tmp_path / "corpus.jsonl.gz", tmp_path / "questions.jsonl.gz"
    with gzip.open(corpus, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(one)) + "\n" for one in TEXTS)
    with gzip.open(questions, "wt", encoding="utf-8") as file:
        file.write(json.dumps({"question": "Who lit the lamp?", "relevant": ["lamp"]}))
    picture = tmp_path / "p.svg"
    words = ["peers", str(corpus), str(questions), "--engines", "afterword"]
    if importlib.util.find_spec("matplotlib"):
        words += ["--plot", str(picture)]
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setenv("AFTERWORD_READER", "none")
    peers.main()
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert (shown["reader"], shown["texts"], shown["questions"]) == ("none", 3, 1)
    assert shown["engines"]["afterword answer"]["hit@1"] == 1.0
    assert shown["ratios"] == {}
    assert "| afterword retrieve |" in err
    assert ("--plot" in words) == picture.exists()
    monkeypatch.setenv("AFTERWORD_READER", str(tmp_path / "absent"))
    with pytest.raises(ModelMissing, match="absent"):
        peers.main()


def test_places_are_counted() -> None:
    """First, second and absent: one of three first, two of three among five."""
    places = [place(line("?", relevant), ["a", "b", "c"]) for relevant in "abz"]
    assert places == [0, 1, None]
    shown = Run([1.0, 4.0, 2.0], places, [3.0, 1.0, 2.0]).shown(8)
    assert (shown["hit@1"], shown["hit@5"]) == (0.3333, 0.6667)
    assert (shown["texts_a_second"], shown["texts_a_second_best"]) == (4.0, 8.0)
    assert (shown["min_ms"], shown["p50_ms"]) == (1.0, 2.0)


def test_engines_are_asked_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What slows the machine for a while slows all of them; a first asking is not timed."""
    order: list[str] = []

    def engine(name: str) -> object:
        def search(question: str) -> list[str]:
            order.append(name + question)
            return ["a"]

        def build(texts: Sequence[Text], _stack: ExitStack) -> object:
            order.append(f"{name} ingests {len(texts)}")
            return {"dense": lambda: search}

        return build

    monkeypatch.setattr(peers, "ENGINES", {"x": engine("x"), "y": engine("y")})
    monkeypatch.setattr(peers, "WARM_UP", 1)
    runs = compare(TEXTS, [line("1", "a"), line("2", "a")], ["x", "y"], rounds=2)
    assert order[:6] == [
        *("x ingests 1", "y ingests 1"),
        *("x ingests 3", "y ingests 3", "y ingests 3", "x ingests 3"),
    ]
    asked = order[6:]
    assert [set(asked[at : at + 2]) for at in range(0, len(asked), 2)] == [
        {"x1", "y1"},
        {"x2", "y2"},
    ] * 3
    assert [len(run.milliseconds) for run in runs.values()] == [4, 4]
    assert [len(run.seconds) for run in runs.values()] == [2, 2]


def test_ratios_are_to_the_best_of_the_others() -> None:
    """Ingestion round by round; a question beside the fastest by meaning alone, and txtai's own."""
    runs = {
        "afterword hybrid": Run([1.0, 2.0], [0, None], [2.0]),
        "txtai dense": Run([3.0, 9.0], [0, 0], [5.0]),
        "txtai+bm25 hybrid": Run([8.0, 8.0], [0, None], [20.0]),
        "langchain dense": Run([6.0, 6.0], [None, None], [8.0]),
    }
    shown = {name: run.shown(10) for name, run in runs.items()}
    assert ratios(shown, runs) == {
        "ingestion": 3.0,
        "hit@5_points": -50.0,
        "fastest_dense_p50": 2.5,
        "fastest_dense_min": 2.5,
        "txtai_hybrid_p50": 10.0,
        "txtai_hybrid_min": 10.0,
    }


def test_only_questions_of_the_kept_texts_are_asked(tmp_path: Path) -> None:
    """A question that needs a text which is left out could not be answered."""
    corpus, questions = tmp_path / "corpus.jsonl.gz", tmp_path / "questions.jsonl.gz"
    with gzip.open(corpus, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(one)) + "\n" for one in TEXTS)
    with gzip.open(questions, "wt", encoding="utf-8") as file:
        for relevant in ("lamp", "owl"):
            file.write(json.dumps({"question": f"{relevant}?", "relevant": [relevant]}) + "\n")
    texts, lines = chosen(corpus, questions, 2, 10)
    assert [one.id for one in texts] == ["lamp", "ferry"]
    assert [one.question for one in lines] == ["lamp?"]
