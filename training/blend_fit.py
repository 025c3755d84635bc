"""Fit weights that rank candidates and tell whether the best one answers, and judge them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from service.bootstrap import interval, resamples
from service.calibrate import Scored, Scores
from service.figures import Floats, auroc, mean
from service.signs import logistic

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

# Weights are drawn towards 0 by so much, in units of each sign's spread.
RIDGE: Final = 1e-3
ROUNDS: Final = 6


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


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """One weight a sign, and an offset; their sum is the logit of a candidate's score."""

    signs: Floats
    offset: float

    def logits(self, signs: Floats) -> Floats:
        """Return the logit of each candidate, -inf where there is none."""
        found = signs @ self.signs + self.offset
        return np.where(np.isnan(found), -np.inf, found)


def fit(sets: Sequence[SetSigns]) -> Weights:
    """Fit on several sets, each of equal weight: softmax over candidates, then yes or no.

    The logit of the best candidate is taken for the question's, by the weights of the last round.
    """
    count = sets[0].signs.shape[-1]
    spread = np.nanstd(np.concatenate([one.signs.reshape(-1, count) for one in sets]), axis=0)
    found = np.append(np.ones(count) / np.maximum(spread, 1e-9), 0.0)
    for _ in range(ROUNDS):
        best = [_best(one, found) for one in sets]

        def loss(values: Floats, best: Sequence[Floats] = best) -> float:
            ridge = RIDGE * float(((values[:-1] * spread) ** 2).sum())
            return ridge + sum(
                _rank_loss(one, values) + _answer_loss(one, top, values)
                for one, top in zip(sets, best, strict=True)
            ) / len(sets)

        found = np.asarray(minimize(loss, found, method="L-BFGS-B").x, np.float64)
    return Weights(found[:-1], float(found[-1]))


def threshold(sets: Sequence[SetSigns], weights: Weights) -> float:
    """Return the score, in [0, 1], from which answering has the best F1 over these sets."""
    best = np.concatenate([weights.logits(one.signs).max(1) for one in sets])
    answerable = np.concatenate([one.answerable for one in sets])
    scored = [
        Scored(row, logistic(logit), truth, left_out=False, threshold=0.0)
        for row, (logit, truth) in enumerate(zip(best.tolist(), answerable.tolist(), strict=True))
    ]
    level = Scores(scored, len(scored)).chosen(None)
    assert level is not None  # only a target precision can be out of reach
    return level.threshold


def figures(one: SetSigns, weights: Weights) -> dict[str, object]:
    """Return figures of a set: hits and nDCG@10 beside retrieval's own, AUROC, F1 of the first."""
    ours = weights.logits(one.signs)
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
    best = ours.max(1)
    yes, no = best[one.answerable].tolist(), best[~one.answerable].tolist()
    return shown | {"auroc": auroc(yes, no)}


def leaving_one_out(sets: Mapping[str, SetSigns]) -> dict[str, dict[str, object]]:
    """Return the figures of each set with weights that were fitted on the others.

    Sets whose names begin alike, up to the first "-", share documents and are left out together.
    """
    return {
        name: figures(one, fit([sets[other] for other in sets if _kind(other) != _kind(name)]))
        for name, one in sets.items()
    }


def _kind(name: str) -> str:
    return name.partition("-")[0].rstrip("2")


def _best(one: SetSigns, values: Floats) -> Floats:
    logits = Weights(values[:-1], 0.0).logits(one.signs)
    best: Floats = one.signs[np.arange(len(logits)), logits.argmax(1)]
    return best


def _rank_loss(one: SetSigns, values: Floats) -> float:
    rows = one.relevant.any(1)
    if not rows.any():
        return 0.0
    logits = Weights(values[:-1], 0.0).logits(one.signs[rows])
    right = np.where(one.relevant[rows], logits, -np.inf)
    return float((np.logaddexp.reduce(logits, 1) - np.logaddexp.reduce(right, 1)).mean())


def _answer_loss(one: SetSigns, best: Floats, values: Floats) -> float:
    logits = best @ values[:-1] + values[-1]
    yes, no = logits[one.answerable], logits[~one.answerable]
    if not len(yes) or not len(no):
        return 0.0
    return float(np.logaddexp(0, -yes).mean() + np.logaddexp(0, no).mean()) / 2


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
