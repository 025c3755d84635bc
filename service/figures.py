"""Figures: what outcomes come to, each figure a function of how often each question counts.

With every question counted once a figure is its value; counted as often as a bootstrap drew them,
it is the figure of that resample. So a figure is defined once, and all resamples are one product.
Ranking metrics are trec_eval's, answers compared as in SQuAD 1.1.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from service.evaluate import RANKED, EvaluationRun, Outcome, exact_match, matches, token_f1

Floats = npt.NDArray[np.float64]
Figure = Callable[[Floats], Floats]
"""From counts of shape (resamples, questions) to values of shape (resamples,), NaN without truth"""

Step = Literal["retrieve", "attend", "generate", "abstain", "found"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)

_MOST_POINTS: Final = 21
_RIGHT: Final = 0.5
_ENOUGH: Final = 0.8


def mean(values: Sequence[float | None]) -> Figure:
    """Return the mean over the questions that have a value."""
    known = [value is not None for value in values]
    return ratio([value or 0.0 for value in values], known)


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> Figure:
    """Return the sum of each question's part over the sum of its whole."""
    part, whole = np.array(parts, float), np.array(wholes, float)

    def figure(counts: Floats) -> Floats:
        return _divided(counts @ part, counts @ whole)

    return figure


def percentile(values: Sequence[float], percent: float) -> Figure:
    """Return the percentile of the questions' values, between two of them in proportion."""
    given = np.array(values, float)
    order = np.argsort(given)

    def figure(counts: Floats) -> Floats:
        if not len(given):
            return np.full(len(counts), np.nan)
        below = np.cumsum(counts[:, order], axis=1)
        rank = percent / 100 * (below[:, -1:] - 1)
        low, high = np.floor(rank), np.ceil(rank)
        first, second = (given[order][(below > at).argmax(1)] for at in (low, high))
        return np.asarray(first + (second - first) * (rank - low)[:, 0])

    return figure


def _divided(part: Floats, whole: Floats) -> Floats:
    divided = np.full(part.shape, np.nan)
    np.divide(part, whole, out=divided, where=whole > 0)
    return divided


class Ladder:
    """Questions from the highest score down; equal scores share a step, as a threshold sees them.

    `thresholds` has shape (steps,): the score of each step.
    """

    def __init__(self, scores: Sequence[float]) -> None:
        self._order = np.argsort(-np.array(scores, float), kind="stable")
        ordered = np.array(scores, float)[self._order]
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True] * bool(scores)))
        self.thresholds: Floats = ordered[self._last]

    def climbed(self, counts: Floats, weights: Floats) -> Floats:
        """Return the weight of all questions at or over each step, shape (resamples, steps)."""
        summed = np.cumsum(counts[:, self._order] * weights[self._order], axis=1)
        return np.asarray(summed[:, self._last])


def area(scores: Sequence[float], truth: Sequence[bool | None]) -> Figure:
    """Return how often a true one scores over a false one, ties as halves (Mann and Whitney)."""
    ladder, yes, no = _separated(scores, truth)

    def figure(counts: Floats) -> Floats:
        right = ladder.climbed(counts, yes)
        wrong = ladder.climbed(counts, no)
        above = wrong - np.diff(wrong, axis=1, prepend=0) / 2
        positives, negatives = counts @ yes, counts @ no
        under = (np.diff(right, axis=1, prepend=0) * (negatives[:, None] - above)).sum(1)
        return _divided(under, positives * negatives)

    return figure


def precision_from(
    scores: Sequence[float], truth: Sequence[bool | None], recall: float = _ENOUGH
) -> Figure:
    """Return the share of true ones from the highest threshold that this share of them reaches."""
    ladder, yes, no = _separated(scores, truth)

    def figure(counts: Floats) -> Floats:
        positives = counts @ yes
        if not len(ladder.thresholds):
            return np.full(len(counts), np.nan)
        right = ladder.climbed(counts, yes)
        # The least whole number of questions; a product such as 0.8 * 15 may lie just over one.
        needed = np.ceil(recall * positives - 1e-9)
        step = (right >= needed[:, None]).argmax(1)[:, None]
        reached = np.take_along_axis(right, step, 1)[:, 0]
        wrong = np.take_along_axis(ladder.climbed(counts, no), step, 1)[:, 0]
        known = (positives > 0) & (counts @ no > 0)
        return np.where(known, _divided(reached, reached + wrong), np.nan)

    return figure


def _separated(
    scores: Sequence[float], truth: Sequence[bool | None]
) -> tuple[Ladder, Floats, Floats]:
    yes = np.array([one is True for one in truth], float)
    no = np.array([one is False for one in truth], float)
    return Ladder(scores), yes, no


def once(questions: int) -> Floats:
    """Return counts with which a figure is its value: each question counts once."""
    return np.ones((1, questions))


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return how often a positive scores over a negative, ties as halves."""
    truth = [True] * len(positive) + [False] * len(negative)
    return rounded(area([*positive, *negative], truth)(once(len(truth)))[0])


def rounded(value: float, digits: int = 4) -> float | None:
    """Return a value as it is shown, None where there is none."""
    return None if math.isnan(value) else round(float(value), digits)


# --- figures of an evaluation --------------------------------------------------------------------


def summarise(outcomes: Sequence[Outcome], asked: EvaluationRun) -> dict[str, object]:
    """Return the figures of an evaluation, named as in `afterword eval --json`; None without truth.

    em, f1: exact match and token F1 of `answer_short` over answerable lines, as shares like
    all other figures; an abstention scores 0, the forced ones are with abstaining off.
    """
    found: dict[str, object] = {"questions": len(outcomes)}
    counts = once(len(outcomes))
    for name, figure in figures(outcomes, asked).items():
        group, _, inner = name.partition(".")
        value = rounded(figure(counts)[0], digits_of(name))
        if inner:
            members = found.setdefault(group, {})
            assert isinstance(members, dict)
            members[inner] = value
        else:
            found[name] = value
    found["risk_coverage"] = risk_coverage(outcomes if asked.reading else ())
    return found


def digits_of(name: str) -> int:
    """Return to how many digits a figure is shown."""
    return 2 if name.startswith("latency_ms.") else 4


def flattened(figures: Mapping[str, object]) -> dict[str, float | None]:
    """Return the figures of `summarise` by names with dots, such as "hit.1"."""
    flat: dict[str, float | None] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        elif value is None or isinstance(value, int | float):
            flat[name] = value
    return flat


def figures(outcomes: Sequence[Outcome], asked: EvaluationRun) -> dict[str, Figure]:
    """Return every figure by its name with dots, in the order in which they are shown."""
    milliseconds = [one.milliseconds for one in outcomes]
    return {
        **{name: mean(values) for name, values in _ranking(outcomes, asked).items()},
        "em": mean([_answer(one, asked, exact_match, forced=False) for one in outcomes]),
        "f1": mean([_answer(one, asked, token_f1, forced=False) for one in outcomes]),
        "em_forced": mean([_answer(one, asked, exact_match, forced=True) for one in outcomes]),
        "f1_forced": mean([_answer(one, asked, token_f1, forced=True) for one in outcomes]),
        "citation_precision": _citation_precision(outcomes),
        **_answering(outcomes, asked),
        **_lost(outcomes, asked),
        "latency_ms.p50": percentile(milliseconds, 50),
        "latency_ms.p95": percentile(milliseconds, 95),
    }


def _ranking(outcomes: Sequence[Outcome], asked: EvaluationRun) -> dict[str, list[float | None]]:
    placed = [None if asked.given else _placed(one) for one in outcomes]
    return {
        name: [None if one is None else measure(*one) for one in placed]
        for name, measure in _MEASURES.items()
    }


def _placed(outcome: Outcome) -> tuple[list[int], int] | None:
    """Return the places, from 1, of the relevant entries, and how many there are in truth."""
    relevant = set(outcome.line.relevant or ())
    places = [place for place, one in enumerate(outcome.ranked, start=1) if one in relevant]
    return (places, len(relevant)) if relevant else None


def _hit(within: int) -> Callable[[list[int], int], float]:
    return lambda places, _: float(any(place <= within for place in places))


def _reciprocal_rank(places: list[int], _: int) -> float:
    return 1 / places[0] if places else 0.0


def _ndcg(places: list[int], relevant: int) -> float:
    """Return the gain discounted by place, as a share of what the best order would have."""
    return _discounted(places) / _discounted(range(1, min(relevant, RANKED) + 1))


def _discounted(places: Iterable[int]) -> float:
    return sum(1 / math.log2(place + 1) for place in places)


# As trec_eval has them, each entry relevant or not; at most RANKED entries are ever ranked.
_MEASURES: Final[Mapping[str, Callable[[list[int], int], float]]] = {
    "hit.1": _hit(1),
    "hit.5": _hit(5),
    "hit.10": _hit(RANKED),
    "mrr": _reciprocal_rank,
    "ndcg.10": _ndcg,
}


def fit(outcome: Outcome, compare: Callable[[str, str], float] = token_f1) -> float:
    """Return how well the short answer fits the best of the expected ones; 0 if none is known."""
    return max((compare(outcome.short, answer) for answer in outcome.line.answers or ()), default=0)


def _answer(
    outcome: Outcome, asked: EvaluationRun, compare: Callable[[str, str], float], *, forced: bool
) -> float | None:
    if not asked.reading or not outcome.line.answers or outcome.line.answerable is False:
        return None
    return fit(outcome, compare) if forced or outcome.answered else 0.0


def _citation_precision(outcomes: Sequence[Outcome]) -> Figure:
    cited = [
        [
            any(
                matches(entry, citation.document_id, citation.uri, [citation.page or 0])
                for entry in one.line.relevant
            )
            for citation in one.citations
        ]
        if one.answered and one.line.relevant
        else []
        for one in outcomes
    ]
    return ratio([sum(good) for good in cited], [len(good) for good in cited])


def _answering(outcomes: Sequence[Outcome], asked: EvaluationRun) -> dict[str, Figure]:
    truth = [one.line.answerable if asked.reading else None for one in outcomes]
    scores = [one.score for one in outcomes]
    given = [one.answered for one in outcomes]
    known = [one is not None for one in truth]
    right = [one is True and done for one, done in zip(truth, given, strict=True)]
    answered = [one and done for one, done in zip(known, given, strict=True)]
    return {
        "answering.auroc": area(scores, truth),
        "answering.precision": ratio(right, answered),
        "answering.recall": ratio(right, [one is True for one in truth]),
        "answering.coverage": ratio(answered, known),
        "answering.precision_at_80": precision_from(scores, truth),
    }


def _lost(outcomes: Sequence[Outcome], asked: EvaluationRun) -> dict[str, Figure]:
    steps = [lost_in(one, asked) for one in outcomes]
    return {
        f"lost.{name}": mean([None if step is None else float(step == name) for step in steps])
        for name in STEPS
    }


def lost_in(outcome: Outcome, asked: EvaluationRun) -> Step | None:
    """Return the first step that lost the answer of an answerable question, or "found".

    Retrieve: no relevant passage among the candidates; attend: none of them first; generate: the
    short answer has an F1 under .5, abstaining off; abstain: right, and not given. None where it
    is not known which documents are relevant.
    """
    line = outcome.line
    if not asked.reading or asked.given or not line.relevant or line.answerable is False:
        return None
    if outcome.relevant_at is None:
        return "retrieve"
    if outcome.relevant_at > 1:
        return "attend"
    if line.answers and fit(outcome) < _RIGHT:
        return "generate"
    return "found" if outcome.answered else "abstain"


def risk_of(outcome: Outcome) -> float | None:
    """Return what it costs to answer: 1 where there is no answer, else 1 - F1; None if unknown.

    An answerable question whose answers are not known counts as answered right.
    """
    if outcome.line.answerable is False:
        return 1.0
    if outcome.line.answers:
        return 1.0 - fit(outcome)
    return None if outcome.line.answerable is None else 0.0


def risk_coverage(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """Return the mean risk of what is answered as the threshold falls, at 21 points at most.

    A threshold is rounded down, so that the question whose score it is stays answered.
    """
    known = [(one, risk) for one in outcomes if (risk := risk_of(one)) is not None]
    return list(_points([one.score for one, _ in known], [risk for _, risk in known]))


def _points(scores: Sequence[float], risks: Sequence[float]) -> Iterator[dict[str, float]]:
    if not scores:
        return
    ladder, counts = Ladder(scores), once(len(scores))
    answered = ladder.climbed(counts, np.ones(len(scores)))[0]
    risk = ladder.climbed(counts, np.array(risks))[0] / answered
    coverage = answered / len(scores)
    for at in np.unique(np.searchsorted(coverage, np.linspace(0, 1, _MOST_POINTS))):
        yield {
            "coverage": round(float(coverage[at]), 4),
            "risk": round(float(risk[at]), 4),
            "threshold": rounded_down(ladder.thresholds[at]),
        }


def rounded_down(score: float) -> float:
    """Return the threshold of four digits that a score reaches."""
    return math.floor(float(score) * 10_000) / 10_000
