"""Fit how candidates are ordered and whether the first one answers, and judge it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from service.attend import Blend
from service.bootstrap import interval, resamples
from service.figures import Floats, auroc, mean, once, precision_from, rounded
from service.signs import logistic

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

# Weights are drawn towards 0 by so much, in units of each sign's spread.
RIDGE: Final = 1e-3
# So many of the questions that documents answer are answered; the fewer, the fewer wrong answers.
COVERAGE: Final = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One question's candidates: signs (candidates, n), which are relevant, each one's answer F1.

    `judged` counts the relevant documents there are, `documents` tells of which one each candidate
    is, by any number. Rows without a candidate are not a number.
    """

    signs: Floats
    relevant: Flags
    documents: Places
    f1: Floats
    judged: int
    answerable: bool


@dataclass(frozen=True, slots=True, eq=False)
class SetSigns:
    """The questions of a set, stacked; candidates are in the order of retrieval."""

    signs: Floats
    relevant: Flags
    documents: Places
    f1: Floats
    judged: Places
    answerable: Flags

    @classmethod
    def stacked(cls, rows: Sequence[Asked]) -> Self:
        """Stack questions."""
        return cls(
            **{one.name: np.array([getattr(row, one.name) for row in rows]) for one in fields(cls)}
        )

    def save(self, path: Path) -> None:
        """Write everything into one file."""
        np.savez_compressed(path, **{one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path) as kept:
            return cls(**{one.name: kept[one.name] for one in fields(cls)})

    def with_unanswerable(self, other: "SetSigns") -> "SetSigns":
        """Return the answerable questions of this set and all of another one."""
        rows = self.answerable
        return SetSigns(
            **{
                one.name: np.concatenate([getattr(self, one.name)[rows], getattr(other, one.name)])
                for one in fields(self)
            }
        )


def fit(ordering: SetSigns, answering: Sequence[SetSigns]) -> Blend:
    """Fit the weights that order candidates, then the scale by which the first one answers.

    The weights are those of a softmax over candidates, the scale that of yes or no, for which each
    set weighs the same.
    """
    spread = np.nanstd(_shares(ordering), axis=(0, 1))

    def rank_loss(weights: Floats) -> float:
        ridge = RIDGE * float(((weights * spread) ** 2).sum())
        return ridge + _rank_loss(ordering, weights)

    weights = np.asarray(minimize(rank_loss, 1 / spread, method="L-BFGS-B").x, np.float64)
    firsts = [_first(one, weights) for one in answering]

    def answer_loss(level: Floats) -> float:
        pairs = zip(answering, firsts, strict=True)
        return sum(_answer_loss(level[0] * first + level[1], one) for one, first in pairs)

    level = minimize(answer_loss, np.array([1.0, 0.0]), method="L-BFGS-B").x
    return Blend(*map(float, (*weights, *level)))


def orders(one: SetSigns, blend: Blend) -> Floats:
    """Return by what each candidate is ordered, -inf where there is none."""
    return _orders(one, _weights(blend))


def levels(one: SetSigns, blend: Blend) -> Floats:
    """Return the logit of each question's best score, that of its first candidate."""
    first = _first(one, _weights(blend))
    return blend.scale * first + blend.offset


def threshold(one: SetSigns, blend: Blend) -> float:
    """Return the score, in [0, 1], that `COVERAGE` of a set's answerable questions reach."""
    best = levels(one, blend)[one.answerable]
    return logistic(float(np.quantile(best, 1 - COVERAGE, method="lower")))


def figures(one: SetSigns, blend: Blend) -> dict[str, object]:
    """Return figures of a set: order beside retrieval's own, F1 of the first, answering."""
    ours = orders(one, blend)
    theirs = np.where(np.isfinite(ours), -np.arange(ours.shape[1], dtype=np.float64), -np.inf)
    shown: dict[str, object] = {}
    judged = one.judged > 0
    if judged.any() and one.answerable.any():
        mine, fused = (_ndcg(one, score)[judged] for score in (ours, theirs))
        low, high = _interval(mine - fused)
        shown |= {
            "hit@1": _hit(one, ours, 1),
            "hit@5": _hit(one, ours, 5),
            "ndcg@10": round(float(mine.mean()), 4),
            "fused": round(float(fused.mean()), 4),
            "difference": [low, high],
            "f1": round(float(one.f1[np.arange(len(ours)), ours.argmax(1)][judged].mean()), 4),
        }
    best = levels(one, blend)
    yes, no = best[one.answerable], best[~one.answerable]
    if not len(yes) or not len(no):
        return shown
    precision = precision_from(best.tolist(), one.answerable.tolist())(once(len(best)))[0]
    return shown | {
        "auroc": auroc(yes.tolist(), no.tolist()),
        "precision_at_80": rounded(precision),
    }


def _shares(one: SetSigns) -> Floats:
    """Return what orders candidates, as `Blend` weighs it, (questions, candidates, 3)."""
    relevance, answers, outer = np.moveaxis(one.signs, -1, 0)
    return np.stack([relevance, expit(answers), outer], -1)


def _weights(blend: Blend) -> Floats:
    return np.array([blend.relevance, blend.answers, blend.outer])


def _orders(one: SetSigns, weights: Floats) -> Floats:
    found = _shares(one) @ weights
    return np.where(np.isnan(found), -np.inf, found)


def _first(one: SetSigns, weights: Floats) -> Floats:
    """Return the reader's logit that the first candidate answers, for each question."""
    places = _orders(one, weights).argmax(1)
    found: Floats = one.signs[np.arange(len(places)), places, 1]
    return found


def _rank_loss(one: SetSigns, weights: Floats) -> float:
    rows = one.relevant.any(1)
    orders = _orders(one, weights)[rows]
    right = np.where(one.relevant[rows], orders, -np.inf)
    return float((np.logaddexp.reduce(orders, 1) - np.logaddexp.reduce(right, 1)).mean())


def _answer_loss(logits: Floats, one: SetSigns) -> float:
    yes, no = logits[one.answerable], logits[~one.answerable]
    return float(np.logaddexp(0, -yes).mean() + np.logaddexp(0, no).mean())


def _hit(one: SetSigns, score: Floats, depth: int) -> float:
    found = _ranked(one, score, depth)[one.judged > 0]
    return round(float(found.max(1).mean()), 4)


def _ndcg(one: SetSigns, score: Floats, depth: int = 10) -> Floats:
    ideal = np.cumsum(1 / np.log2(np.arange(2, depth + 2)))
    gains = _ranked(one, score, depth) / np.log2(np.arange(2, depth + 2))
    most = ideal[np.clip(one.judged, 1, depth) - 1]
    return np.asarray(gains.sum(1) / most, np.float64)


def _ranked(one: SetSigns, score: Floats, depth: int) -> Flags:
    """Return which of the first distinct documents, best chunk each, are relevant (n, depth)."""
    found = np.zeros((len(score), depth), np.bool_)
    for row, order in enumerate(np.argsort(-score, 1, kind="stable")):
        there = [place for place in order if np.isfinite(score[row, place])]
        _, first = np.unique(one.documents[row, there], return_index=True)
        kept = [there[place] for place in sorted(first)][:depth]
        found[row, : len(kept)] = one.relevant[row, kept]
    return found


def _interval(differences: Floats) -> tuple[float, float]:
    figure = mean(differences.tolist())
    drawn = [figure(counts) for counts in resamples(len(differences))]
    low, high = interval(np.concatenate(drawn))
    return round(low, 4), round(high, 4)
