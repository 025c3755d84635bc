"""The page of an evaluation: what `report.html` shows, and where the lines of its plots run.

One file without scripts or anything to fetch; plots are SVG that takes its colours from the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jinja2 import Environment, StrictUndefined

from service.compare import Difference, verdict
from service.evaluate import EvaluationRun, Outcome
from service.figures import STEPS, fit, flattened, lost_in, risk_coverage, risk_of

WORST: Final = 30
_TEMPLATE: Final = Path(__file__).parent / "report.html"
# The inside of a plot, in the units of its view of 400 by 240.
_LEFT, _RIGHT, _TOP, _BOTTOM = 38.0, 392.0, 26.0, 206.0
_BINS: Final = 24
# What a label of a time takes of the plot's width.
_NEAR: Final = 0.32
_FOREST: Final = 120.0
_LOST: Final[Mapping[str, str]] = {
    "found": "right, and answered",
    "abstain": "right, but scored under the threshold",
    "generate": "the right document came first, but the short answer has other words",
    "attend": "a relevant passage was a candidate, but another came first",
    "retrieve": "no relevant passage was among the candidates",
}
_MEANINGS: Final[Mapping[str, str]] = {
    "hit.1": "a relevant document comes first",
    "hit.5": "one is among the first five",
    "hit.10": "one is among the first ten",
    "mrr": "mean of 1 / place of the first relevant document",
    "ndcg.10": "how near the first ten are to the best order",
    "em": "short answers that are an expected one, word for word",
    "f1": "words that short and expected answers share; not answered counts 0",
    "em_forced": "the same as em, if nothing were left unanswered",
    "f1_forced": "the same as f1, if nothing were left unanswered",
    "citation_precision": "citations of a relevant document",
    "answering.auroc": "how often an answerable question scores over one that is not",
    "answering.precision": "answered questions that are answerable",
    "answering.recall": "answerable questions that are answered",
    "answering.coverage": "questions that are answered",
    "answering.precision_at_80": "precision if 80% of the answerable were answered",
    "latency_ms.p50": "half of the questions take less time, in ms",
    "latency_ms.p95": "95% of the questions take less time, in ms",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the page is about; `compared` has nothing where nothing was compared."""

    questions: str
    asked: EvaluationRun
    outcomes: Sequence[Outcome]
    figures: Mapping[str, object]
    changes: Mapping[str, str]
    compared: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis: where, and what it says."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A line through a plot: where it crosses or begins, what it says, and to which side."""

    x: float
    y: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot's axes, the points of its line or its bars (x, y, width, height), and its marks."""

    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    line: Sequence[tuple[float, float]] = ()
    bars: Sequence[tuple[float, float, float, float]] = ()
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the questions: what became of them, how many, and from where to where in %."""

    step: str
    meaning: str
    share: float
    start: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A row of the comparison; `start`, `end` and `at` lie on a line of 120, `zero` at 60."""

    name: str
    one: Difference
    told: str
    start: float
    end: float
    at: float


@dataclass(frozen=True, slots=True)
class Wrong:
    """A question that went wrong, and how."""

    outcome: Outcome
    told: str
    f1: float | None


def page(about: Evaluation) -> str:
    """Return the whole page, with every text from outside escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    flat = flattened(about.figures)
    reading = about.outcomes if about.asked.reading else ()
    return template.render(
        about=about,
        figures=flat,
        meanings={name: text for name, text in _MEANINGS.items() if flat[name] is not None},
        threshold=next((one.threshold for one in reading), None),
        has_answers=any(one.line.answers for one in reading),
        segments=list(_segments(flat)),
        lost_of=sum(lost_in(one, about.asked) is not None for one in about.outcomes),
        risk=risk_plot(reading),
        latency=latency_plot([one.milliseconds for one in about.outcomes]),
        compared=list(_compared(about.compared)),
        worst=worst(about.outcomes, about.asked),
    )


def _segments(flat: Mapping[str, float | None]) -> Iterator[Segment]:
    start = 0.0
    for step in reversed(STEPS):
        share = flat[f"lost.{step}"]
        if share is not None:
            yield Segment(step, _LOST[step], share, start * 100)
            start += share


# --- plots ---------------------------------------------------------------------------------------


def risk_plot(outcomes: Sequence[Outcome]) -> Plot | None:
    """Return risk over coverage with the threshold's place, None where nothing is known."""
    known = [(one, risk) for one in outcomes if (risk := risk_of(one)) is not None]
    if not known:
        return None
    points = [(one["coverage"], one["risk"]) for one in risk_coverage(outcomes)]
    answered = [risk for one, risk in known if one.answered]
    if answered:
        points.append((len(answered) / len(known), sum(answered) / len(answered)))
    line = [(_across(coverage), _up(risk)) for coverage, risk in sorted(points)]
    label = f"threshold {known[0][0].threshold:g}"
    marks = [_mark(*points[-1], label)] if answered else []
    tenths = [Tick(_across(part), f"{part:.0%}") for part in (0, 0.25, 0.5, 0.75, 1)]
    risks = [Tick(_up(part), f"{part:g}") for part in (0, 0.25, 0.5, 0.75, 1)]
    return Plot(tenths, risks, line=line, marks=marks)


def _mark(across: float, up: float, label: str) -> Mark:
    return Mark(_across(across), _up(up), label, "end" if across > 1 / 2 else "start")


def latency_plot(milliseconds: Sequence[float]) -> Plot | None:
    """Return how many questions took how long; the last bar has what is far over p99 too."""
    if not milliseconds:
        return None
    values = np.array(milliseconds)
    step = _nice(float(np.percentile(values, 99)) * 1.1 / 4)
    most = 4 * step
    counts, edges = np.histogram(np.minimum(values, most), _BINS, (0, most))
    tallest = _nice(max(1, float(counts.max()) / 2)) * 2
    width = (_RIGHT - _LEFT) / _BINS
    bars = [
        (
            _across(edge / most) + 0.5,
            _up(count / tallest),
            width - 1,
            _BOTTOM - _up(count / tallest),
        )
        for edge, count in zip(edges.tolist(), counts.tolist(), strict=False)
        if count
    ]
    p50, p95 = np.percentile(values, [50, 95]).tolist()
    sides = [
        "end" if at > limit * most else "start" for at, limit in ((p50, _NEAR), (p95, 1 - _NEAR))
    ]
    marks = [
        Mark(_across(p50 / most), 25, f"50% in {p50:.0f} ms", sides[0]),
        Mark(_across(p95 / most), 11, f"95% in {p95:.0f} ms", sides[1]),
    ]
    across = [Tick(_across(part / 4), f"{part * step:g}") for part in range(5)]
    up = [Tick(_up(part / 2), f"{part * tallest / 2:g}") for part in range(3)]
    return Plot(across, up, bars=bars, marks=marks)


def _nice(value: float) -> float:
    """Return the least number of one easy digit and a power of ten that is no less."""
    power = 10.0 ** np.floor(np.log10(max(value, 0.1)))
    numbers = (power * one for one in (1, 2, 3, 4, 5, 6, 8, 10))
    return float(next(one for one in numbers if one >= value * 0.999))


def _across(part: float) -> float:
    return round(_LEFT + part * (_RIGHT - _LEFT), 1)


def _up(part: float) -> float:
    return round(_BOTTOM - part * (_BOTTOM - _TOP), 1)


def _compared(compared: Mapping[str, Difference]) -> Iterator[Compared]:
    """Yield a row for each difference; shares are drawn to one scale, times to another."""
    for times in (False, True):
        rows = [
            (name, one, one.difference, one.low, one.high)
            for name, one in compared.items()
            if name.startswith("latency_ms.") is times
        ]
        reach = max((abs(end) for row in rows for end in row[3:] if end is not None), default=0)
        scale = _FOREST / 2 * 0.95 / (reach or 1)
        for name, one, difference, low, high in rows:
            if difference is not None and low is not None and high is not None:
                places = [round(_FOREST / 2 + scale * at, 1) for at in (low, high, difference)]
                yield Compared(name, one, verdict(name, one), *places)


# --- what went wrong -----------------------------------------------------------------------------


def worst(outcomes: Sequence[Outcome], asked: EvaluationRun) -> list[Wrong]:
    """Return the questions that went most wrong, those with the highest scores first among equals.

    Answered without an answer there, not answered, or answered in other words; where nothing is
    read, those whose documents come late.
    """
    costs = [(cost, one) for one in outcomes if (cost := _cost(one, asked))]
    costs.sort(key=lambda pair: (-pair[0], -pair[1].score))
    return [Wrong(one, _told(one, asked), _f1(one, asked)) for _, one in costs[:WORST]]


def _cost(one: Outcome, asked: EvaluationRun) -> float:
    if not asked.reading:
        return 1 - 1 / one.relevant_at if one.relevant_at else float(bool(one.line.relevant))
    if one.line.answerable is False:
        return float(one.answered)
    if one.line.answers:
        return 1 - fit(one) * one.answered
    return float(lost_in(one, asked) not in {None, "found"})


def _f1(one: Outcome, asked: EvaluationRun) -> float | None:
    return fit(one) if asked.reading and one.line.answers else None


def _told(one: Outcome, asked: EvaluationRun) -> str:
    if not asked.reading:
        return f"first relevant at {one.relevant_at}" if one.relevant_at else "not found"
    if one.line.answerable is False:
        return "has no answer here"
    step = lost_in(one, asked)
    if step in {None, "found"}:
        return "other words" if one.answered else "not answered"
    return "not answered" if step == "abstain" else f"lost in {step}"
