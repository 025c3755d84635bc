"""Comparing two ways of asking: the manners, the order of asking, intervals against scipy."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import bootstrap

from bundled_documents import birds, make_collection
from indexes.errors import ModelMissing, UsageError
from indexes.settings import Settings
from service import compare
from service.answer import Answerer, build_answerer
from service.compare import Difference, Manner, ask_both, changed, differences, verdict
from service.eval_command import Wanted, floors, run_evaluation, too_low
from service.evaluate import EvaluationRun, Failed, Line, Outcome
from service.readers import BLEND
from small_reader import write_small_reader

SWIFTS = "How long does a young swift fly without landing?"
MANNER = Manner(Settings(), EvaluationRun("default"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the birds."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    return folder


@pytest.fixture
def answerer(data: Path) -> Iterator[Answerer]:
    """Answers whatever is found."""
    made = build_answerer(Settings(data=data, threshold=0))
    yield made
    made.close()


def questions(folder: Path, *lines: object) -> Path:
    """Write a questions file."""
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


SWIFT = {
    "id": "swift",
    "question": SWIFTS,
    "answers": ["three years"],
    "relevant": ["book#page=2"],
    "answerable": True,
}


# --- two manners ---------------------------------------------------------------------------------


def test_changes_make_another_manner() -> None:
    """Of asking and of the settings; the rest stays."""
    found = changed(
        MANNER,
        {
            "stage": "dense",
            "candidates": "200",
            "collection": "other",
            "reader": "bundled",
            "threshold": "0.25",
            "threads": "1",
        },
    )
    assert found.asked == EvaluationRun("other", stage="dense", candidates=200)
    assert found.settings == Settings(reader="bundled", threshold=0.25, threads=1)
    assert changed(found, {"threshold": ""}).settings.threshold is None


def test_another_reader_has_its_own_threshold() -> None:
    """Not the one that is set for A, unless it is given too, in whatever order."""
    manner = replace(MANNER, settings=Settings(reader="none", threshold=0.9))
    assert changed(manner, {"reader": "bundled"}).settings == Settings(reader="bundled")
    for names in (("reader", "threshold"), ("threshold", "reader")):
        given = {"reader": "bundled", "threshold": "0.2"}
        found = changed(manner, {name: given[name] for name in names})
        assert found.settings == Settings(reader="bundled", threshold=0.2)
    assert changed(manner, {"candidates": "3"}).settings == manner.settings


def test_another_reader_answers_from_its_own_threshold(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That A never answers says nothing of B."""
    folder = tmp_path / "reader"
    folder.mkdir()
    write_small_reader(folder)
    blend = {"relevance": 1, "answers": 1, "outer": 1, "scale": 1, "offset": 0, "threshold": 0}
    (folder / BLEND).write_text(json.dumps(blend), encoding="utf-8")
    how = wanted(questions(tmp_path, SWIFT), compare=[f"reader={folder}"])
    assert run_evaluation(Settings(data=data, reader="none", threshold=1), how) == 0
    shown = json.loads(capsys.readouterr().out)["compare"]["figures"]["answering.coverage"]
    assert (shown["a"], shown["b"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("encoder", "x", "the collection decides"),
        ("chunk_tokens", "100", "collection=NAME"),
        ("port", "1", "no answer depends on it; use one of stage, candidates"),
        ("strategy", "oracle", "is not known; use one of: direct"),
        ("generator", "oracle", "must be one of quote"),
        ("treshold", "1", "use one of stage"),
        ("reader", "", "it must be text"),
        ("stage", "sparse", "dense, lexical, fused, attend"),
        ("candidates", "many", "a whole number from 1 to 200"),
        ("candidates", "0", "a whole number from 1 to 200"),
        ("candidates", "201", "a whole number from 1 to 200"),
        ("candidates", "-3", "a whole number from 1 to 200"),
        ("threshold", "2", "a number from 0 to 1"),
        ("threads", "x", "a whole number from 0 to 256"),
    ],
)
def test_a_change_that_cannot_be_made_is_told(key: str, value: str, told: str) -> None:
    """With what can be."""
    with pytest.raises(UsageError, match=told):
        changed(MANNER, {key: value})


def test_both_are_asked_in_turn_and_swap_places(
    answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A, B, then B, A, after one question each that does not count."""
    order = []

    def noted(line: Line, _answerer: Answerer, asked: EvaluationRun) -> Failed:
        order.append((line.id, asked.candidates))
        return Failed(line.id, str(asked.candidates))

    monkeypatch.setattr(compare, "ask", noted)
    lines = [Line(str(at), "?", None, None, None, None) for at in range(3)]
    a, b = EvaluationRun("default", candidates=1), EvaluationRun("default", candidates=2)
    found = list(ask_both(lines, (answerer, a), (answerer, b)))
    assert order == [
        *[("0", 1), ("0", 2)],
        *[("0", 1), ("0", 2)],
        *[("1", 2), ("1", 1)],
        *[("2", 1), ("2", 2)],
    ]
    assert found == [(Failed(line.id, "1"), Failed(line.id, "2")) for line in lines]


# --- differences ---------------------------------------------------------------------------------


def outcomes(rights: list[bool], scores: list[float]) -> list[Outcome]:
    """Return outcomes that are answered right or wrong."""
    line = Line("1", "?", ("cat",), ("a",), answerable=True, context_id=None)
    return [
        Outcome(line, ("a",), 1, True, "cat" if right else "dog", score, 0.45, (), 10.0)
        for right, score in zip(rights, scores, strict=True)
    ]


def test_an_interval_is_scipys() -> None:
    """Paired percentiles of the mean's difference, within what other seeds give."""
    drawing = np.random.default_rng(7)
    first = (drawing.random(200) < 0.5).tolist()
    second = (drawing.random(200) < 0.7).tolist()
    scores = [0.5] * 200
    a, b = outcomes(first, scores), outcomes(second, scores)
    found = differences(a, b, EvaluationRun("c"), EvaluationRun("c"))["f1"]
    expected = bootstrap(
        (np.array(second, float), np.array(first, float)),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        paired=True,
        method="percentile",
        n_resamples=9999,
        rng=3,
    ).confidence_interval
    assert found.difference == pytest.approx(np.mean(second) - np.mean(first), abs=5.1e-5)
    assert found.low == pytest.approx(expected.low, abs=0.015)
    assert found.high == pytest.approx(expected.high, abs=0.015)
    assert differences(a, b, EvaluationRun("c"), EvaluationRun("c"))["f1"] == found


def test_auroc_is_drawn_with_its_questions() -> None:
    """An interval stands around its difference, and equal runs differ by nothing."""
    yes = Line("1", "?", None, None, answerable=True, context_id=None)
    no = replace(yes, answerable=False)
    drawing = np.random.default_rng(1)
    kinds = [yes, no] * 40
    a = [Outcome(k, (), None, True, "", float(drawing.random()), 0.45, (), 1.0) for k in kinds]
    b = [replace(one, score=one.score / 2 + 0.5 * (one.line is yes)) for one in a]
    found = differences(a, b, EvaluationRun("c"), EvaluationRun("c"))
    auroc = found["answering.auroc"]
    assert auroc.low is not None
    assert auroc.high is not None
    assert auroc.b == 1.0
    assert auroc.low < (auroc.difference or 0) < auroc.high
    assert auroc.direction == 1
    same = differences(a, a, EvaluationRun("c"), EvaluationRun("c"))["answering.auroc"]
    assert (same.difference, same.low, same.high, same.direction) == (0, 0, 0, 0)
    assert found["mrr"] == Difference(None, None, None, None, None)


def test_what_is_known_one_way_alone_is_not_compared() -> None:
    """A stage that answers nothing has no F1."""
    made = outcomes([True, False], [0.5, 0.6])
    found = differences(made, made, EvaluationRun("c"), EvaluationRun("c", stage="dense"))
    assert found["f1"] == Difference(0.5, None, None, None, None)
    assert found["hit.1"].difference == 0
    nothing = differences([], [], EvaluationRun("c"), EvaluationRun("c"))
    assert set(nothing.values()) == {Difference(None, None, None, None, None)}


@pytest.mark.parametrize(
    ("name", "low", "high", "told"),
    [
        ("f1", 0.01, 0.2, "better"),
        ("f1", -0.2, -0.01, "worse"),
        ("f1", 0.0, 0.2, "no difference shown"),
        ("latency_ms.p50", 1.0, 2.0, "worse"),
        ("lost.attend", -0.2, -0.1, "better"),
        ("lost.found", -0.2, -0.1, "worse"),
        ("answering.coverage", 0.1, 0.2, "higher"),
        ("answering.coverage", -0.2, -0.1, "lower"),
    ],
)
def test_a_difference_is_told_in_words(name: str, low: float, high: float, told: str) -> None:
    """Only where the interval leaves out 0; less is better for times and losses."""
    assert verdict(name, Difference(0, 0, (low + high) / 2, low, high)) == told


def wanted(path: Path, **how: object) -> Wanted:
    """Return what `afterword eval --json` would ask."""
    made = Wanted(path, "default", given=False, stage="attend", limit=None, as_json=True)
    return replace(made, **how)  # type: ignore[arg-type]


def test_a_comparison_is_in_the_json(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A threshold that nothing reaches loses the answer; what failed in one counts in none."""
    path = questions(tmp_path, SWIFT, {"id": "silent", "question": " "})
    how = wanted(path, compare=["threshold=1", "candidates=2"])
    assert run_evaluation(Settings(data=data, threshold=0), how) == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert told.err.count("silent: ") == 1
    assert (found["questions"], found["f1"]) == (1, 1.0)
    assert found["compare"]["settings"] == {"threshold": "1", "candidates": "2"}
    shown = found["compare"]["figures"]
    assert shown["f1"] == {"a": 1.0, "b": 0.0, "difference": -1.0, "low": -1.0, "high": -1.0}
    assert shown["f1_forced"]["difference"] == 0
    assert shown["answering.auroc"]["low"] is None


def test_documents_that_are_not_there_are_told_once(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many lines name one and the first of them, for each collection; the status stays."""
    make_collection(data, "single", birds()[:1])
    path = questions(
        tmp_path,
        SWIFT,
        {"id": "typo", "question": SWIFTS, "relevant": ["note", "nota#page=2", "noto"]},
        {"id": "other", "question": SWIFTS, "relevant": ["source/not"]},
    )
    settings = Settings(data=data, reader="none")
    told = (
        "{} of 3 lines name documents that are not in collection {}, the first '{}' in line typo\n"
    )
    assert run_evaluation(settings, wanted(path)) == 0
    assert capsys.readouterr().err == told.format(2, "default", "nota#page=2")
    assert run_evaluation(settings, wanted(path, compare=["collection=single"])) == 0
    both = told.format(2, "default", "nota#page=2") + told.format(2, "single", "note")
    assert capsys.readouterr().err == both
    assert run_evaluation(settings, wanted(path, compare=["candidates=2"], limit=1)) == 0
    assert capsys.readouterr().err == ""


def test_a_model_that_is_not_there_is_told_once(data: Path, tmp_path: Path) -> None:
    """Not for each question, as none could be asked."""
    path = questions(tmp_path, SWIFT, SWIFT)
    how = wanted(path, compare=[f"reader={tmp_path / 'absent'}"])
    with pytest.raises(ModelMissing, match="absent"):
        run_evaluation(Settings(data=data), how)


def test_a_comparison_is_a_table(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line a figure with its verdict; of one question it says that it shows little."""
    how = wanted(questions(tmp_path, SWIFT), compare=["threshold=1"], as_json=False)
    assert run_evaluation(Settings(data=data, threshold=0), how) == 0
    out = capsys.readouterr().out
    assert "B: threshold=1" in out
    assert "So few questions show little." in " ".join(out.split())
    (line,) = (line for line in out.splitlines() if line.split()[:1] == ["f1"])
    assert line.split() == ["f1", "1", "0", "-1", "-1", "to", "-1", "worse"]
    assert "auroc" not in out


# --- what must be reached ------------------------------------------------------------------------


def test_figures_that_are_too_low_fail(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each; what is reached is not mentioned, what is not known says why."""
    path = questions(tmp_path, SWIFT)
    least = ["hit.1=1", "f1=0.5", "answering.coverage=1.5", "answering.auroc=0.1"]
    assert run_evaluation(Settings(data=data, threshold=0), wanted(path, fail_under=least)) == 1
    both = "answerable lines and lines with answerable false are both needed"
    assert capsys.readouterr().err.splitlines() == [
        "answering.coverage is 1, below 1.5",
        f"answering.auroc is not known: {both}; 0.1 is wanted",
    ]
    assert run_evaluation(Settings(data=data, threshold=0), wanted(path, fail_under=["f1=1"])) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("f2=1", "no such figure; use one of questions, hit.1"),
        ("hit=1", "no such figure"),
        ("risk_coverage=1", "no such figure"),
        ("f1", "KEY=VALUE"),
        ("=1", "KEY=VALUE"),
        ("f1=high", "must be a number"),
        ("f1=nan", "must be a number"),
        ("latency_ms.p95=100", "less is better"),
        ("lost.attend=0.1", "less is better"),
    ],
)
def test_a_floor_that_makes_no_sense_is_wrong_use(text: str, told: str) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError, match=told):
        floors([text])


@pytest.mark.parametrize(
    ("name", "asked", "told"),
    [
        ("mrr", EvaluationRun("c"), "no line names what is relevant"),
        ("mrr", EvaluationRun("c", given=True), "--given ranks nothing"),
        ("f1", EvaluationRun("c"), "no answerable line has answers"),
        ("f1", EvaluationRun("c", stage="dense"), "--stage dense answers nothing"),
        ("citation_precision", EvaluationRun("c"), "that names what is relevant was answered"),
        ("answering.recall", EvaluationRun("c"), "no line says whether it is answerable"),
        ("answering.precision", EvaluationRun("c"), "was answered"),
    ],
)
def test_why_a_figure_is_not_known_is_told(name: str, asked: EvaluationRun, told: str) -> None:
    """By what the lines lack, or by how they were asked."""
    (line,) = too_low({name: None}, {name: 0.5}, asked)
    assert line.startswith(f"{name} is not known: ")
    assert told in line
