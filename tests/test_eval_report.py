"""The page of an evaluation: nothing to fetch, nothing unescaped, plots that say what is true."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from selectolax.lexbor import LexborHTMLParser

from bundled_documents import birds, make_collection
from indexes.errors import UsageError
from indexes.settings import Settings
from service.compare import Difference, differences
from service.eval_command import Wanted, run_evaluation
from service.evaluate import EvaluationRun, Line, Outcome
from service.figures import summarise
from service.report import Evaluation, latency_plot, page, risk_plot, worst
from test_evaluate import LINE, citation, outcome

NASTY = "<script>alert('x')</script> & \"more\" {{ 7 * 7 }}"
ASKED = EvaluationRun("c")


def lines() -> list[Line]:
    """Return an answerable line and one that is not, with words that must be escaped."""
    yes = replace(LINE, question=NASTY, answers=(NASTY,), relevant=("a",), answerable=True)
    return [yes, replace(yes, id=NASTY, answers=(), relevant=(), answerable=False)]


def parsed(
    outcomes: Sequence[Outcome],
    asked: EvaluationRun = ASKED,
    changes: Mapping[str, str] | None = None,
    compared: Mapping[str, Difference] | None = None,
) -> LexborHTMLParser:
    """Return the page of these outcomes."""
    figures = summarise(outcomes, asked)
    about = Evaluation("q.jsonl", asked, outcomes, figures, changes or {}, compared or {})
    return LexborHTMLParser(page(about))


def texts(tree: LexborHTMLParser, selector: str) -> list[str]:
    """Return the texts of the elements that fit, spaces joined."""
    return [" ".join(node.text().split()) for node in tree.css(selector)]


def some() -> list[Outcome]:
    """Return forty outcomes of all kinds."""
    yes, no = lines()
    cited = (citation(NASTY, 3),)
    return [
        outcome(
            yes if number % 3 else no,
            ("a",) if number % 4 else (" x", "a"),
            short=NASTY if number % 5 else "other",
            score=number / 40,
            answered=number >= 18,
            citations=cited,
            milliseconds=float(number),
        )
        for number in range(40)
    ]


def test_the_page_needs_nothing_and_escapes_everything() -> None:
    """No script, no address, no leftover of the template; words from outside are words."""
    both = differences(some(), some()[::-1], ASKED, ASKED)
    about = Evaluation(
        NASTY, EvaluationRun(NASTY), some(), summarise(some(), ASKED), {NASTY: "1"}, both
    )
    text = page(about)
    tree = LexborHTMLParser(text)
    assert text.startswith("<!doctype html>")
    assert not tree.css("script, link, img, iframe, object, [src], [href], [onload]")
    assert not re.search(r"https?://|url\(|@import", text)
    assert "49" not in texts(tree, "h1")[0]
    assert texts(tree, "h1") == [f"Evaluation of “{NASTY}”"]
    assert NASTY in texts(tree, ".worst strong")
    assert f"{NASTY}=1" in texts(tree, "code")


def test_sections_are_those_that_there_is_truth_for() -> None:
    """All of them, ranking alone, and nothing known at all."""
    headings = texts(parsed(some()), "h2")
    assert headings == [
        "Where answers are lost",
        "Risk as more is answered",
        "Time to answer",
        "All figures",
        "What went most wrong",
    ]
    ranked = parsed([outcome(lines()[0], ("a",))], EvaluationRun("c", stage="dense"))
    assert texts(ranked, "h2") == ["Time to answer", "All figures"]
    assert "ranked by dense alone" in texts(ranked, "header p")[0]
    assert texts(parsed([outcome(LINE)]), "h2") == ["Time to answer", "All figures"]
    assert texts(parsed([]), "h2") == ["All figures"]
    given = parsed(some(), EvaluationRun("c", given=True))
    assert "Where answers are lost" not in texts(given, "h2")


def test_shares_of_what_is_lost_are_shown() -> None:
    """With the names and numbers of the JSON."""
    shown = texts(parsed(some()), ".legend b")
    lost = summarise(some(), ASKED)["lost"]
    assert isinstance(lost, dict)
    assert shown == [f"{share:.1%}" for share in reversed(lost.values())]


def test_the_curve_runs_through_the_points_and_the_threshold() -> None:
    """Points of the curve in order of coverage; the threshold where as much is answered."""
    plot = risk_plot(some())
    assert plot is not None
    (mark,) = plot.marks
    assert mark.label == "threshold 0.45"
    left, right, bottom = plot.x_ticks[0].at, plot.x_ticks[-1].at, plot.y_ticks[0].at
    answered = [one for one in some() if one.answered]
    assert (mark.x - left) / (right - left) == pytest.approx(len(answered) / 40, abs=0.001)
    risk = 1 - sum(one.short == NASTY and one.line.answerable is True for one in answered) / len(
        answered
    )
    assert (bottom - mark.y) / (bottom - plot.y_ticks[-1].at) == pytest.approx(risk, abs=0.001)
    assert (mark.x, mark.y) in plot.line
    assert list(plot.line) == sorted(plot.line)
    unanswered = risk_plot([replace(one, answered=False) for one in some()])
    assert unanswered is not None
    assert unanswered.marks == []


@pytest.mark.parametrize("values", [[0.0], [3.0], [1.0] * 7, [*range(100), 9000.0]])
def test_every_question_stands_in_a_bar(values: list[float]) -> None:
    """Heights add up to the questions, and no bar leaves the plot."""
    plot = latency_plot(values)
    assert plot is not None
    bottom, top = plot.y_ticks[0].at, plot.y_ticks[-1].at
    tallest = float(plot.y_ticks[-1].label)
    counts = [height / (bottom - top) * tallest for *_, height in plot.bars]
    assert sum(counts) == pytest.approx(len(values), abs=0.05 * len(counts))
    for x, y, width, height in plot.bars:
        assert plot.x_ticks[0].at <= x <= x + width <= plot.x_ticks[-1].at
        assert top <= y <= bottom
        assert y + height == pytest.approx(bottom)
    for mark in plot.marks:
        assert plot.x_ticks[0].at <= mark.x <= plot.x_ticks[-1].at
    assert latency_plot([]) is None


@pytest.mark.parametrize(
    ("values", "sides"),
    [
        ([100.0] * 100, ["end", "end"]),
        ([*[10.0] * 90, *[100.0] * 10], ["start", "end"]),
        ([*[10.0] * 97, *[100.0] * 3], ["start", "start"]),
    ],
)
def test_labels_of_times_stay_in_the_plot(values: list[float], sides: list[str]) -> None:
    """To the side on which there is room, with the percentiles of numpy."""
    plot = latency_plot(values)
    assert plot is not None
    assert [mark.anchor for mark in plot.marks] == sides
    shown = [f"{percent}% in {np.percentile(values, percent):.0f} ms" for percent in (50, 95)]
    assert [mark.label for mark in plot.marks] == shown


def test_the_worst_come_first() -> None:
    """Sure and wrong, then less sure, then nearly right; what is right is not there."""
    yes, no = lines()
    yes = replace(yes, answers=("two cats",))
    right = outcome(yes, ("a",), short="two cats", score=0.9)
    half = outcome(yes, ("a",), short="cats", score=0.8)
    held = outcome(yes, ("a",), short="two cats", score=0.2, answered=False)
    wrong = outcome(no, (), short="dog", score=0.7)
    late = outcome(yes, (" x", "a"), short="dog", score=0.6)
    silent = outcome(no, (), answered=False)
    found = worst([right, half, held, late, wrong, silent], ASKED)
    assert [one.outcome for one in found] == [wrong, late, held, half]
    told = ["has no answer here", "lost in attend", "not answered", "other words"]
    assert [one.told for one in found] == told
    assert len(worst([wrong] * 50, ASKED)) == 30
    ranked = worst([right, late, outcome(yes, (" x",))], EvaluationRun("c", stage="dense"))
    assert [one.told for one in ranked] == ["not found", "first relevant at 2"]


def test_differences_are_drawn_about_zero() -> None:
    """A line from low to high; what is not known both ways is left out."""
    compared = {
        "f1": Difference(0.5, 0.7, 0.2, 0.1, 0.3),
        "mrr": Difference(None, None, None, None, None),
        "latency_ms.p50": Difference(10.0, 5.0, -5.0, -6.0, -4.0),
    }
    tree = parsed(some(), changes={"threshold": "1"}, compared=compared)
    assert texts(tree, ".compared .said") == ["better", "better"]
    assert [node.attributes["x1"] for node in tree.css(".reach")] == ["79.0", "3.0"]
    assert [node.attributes["x2"] for node in tree.css(".reach")] == ["117.0", "22.0"]


def test_the_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the figures; where it cannot be is told before anything is asked, if it is known."""
    make_collection(tmp_path, "default", birds())
    questions = tmp_path / "q.jsonl"
    questions.write_text(json.dumps({"question": "Who?", "answers": ["x"], "answerable": True}))
    target = tmp_path / "page.html"
    how = Wanted(
        questions, "default", given=False, stage="attend", limit=None, as_json=True, html=target
    )
    assert run_evaluation(Settings(data=tmp_path), how) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == 1
    tree = LexborHTMLParser(target.read_text(encoding="utf-8"))
    assert "1 question of q.jsonl" in texts(tree, "header p")[0]
    lost = tmp_path / "absent" / "page.html"
    with pytest.raises(UsageError, match="there is no folder"):
        run_evaluation(Settings(data=tmp_path), replace(how, html=lost))
    with pytest.raises(UsageError, match=r"is a folder; name a file in it, such as .*report\.html"):
        run_evaluation(Settings(data=tmp_path), replace(how, html=tmp_path))
    with pytest.raises(UsageError, match="cannot be written: File name too long"):
        run_evaluation(Settings(data=tmp_path), replace(how, html=tmp_path / ("x" * 300)))
    assert capsys.readouterr().out == ""
    with pytest.raises(UsageError, match="cannot be written: No space left"):
        run_evaluation(Settings(data=tmp_path), replace(how, html=Path("/dev/full")))
