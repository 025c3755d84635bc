"""Fit how a sum of signs becomes a score, and from which score on a question is answered.

`python -m training.threshold --data DATA --work FOLDER [--limit N]` ingests small collections from
DATA into FOLDER, fits a logistic curve on training questions (squad2-train: answerable ones, ones
that are not, and answerable ones with their own paragraph left out), and prints it with the figures
of each threshold on the development sets, as JSON. Scale, offset and threshold stand in
`service/attend.py`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from indexes.settings import Settings
from service.answer import Answerer, Question
from service.attend import sign_of
from service.calibrate import without
from service.evaluate import Line, read_lines
from service.figures import auroc, once, precision_from
from service.generators import QUOTE
from training.sets import fill, sample

TRAIN: Final = "squad2-train"
DEVELOPMENT: Final = ("squad2-dev", "clapnq-dev", "fresh-pydocs")
LEFT_OUT: Final = "left-out"
STEPS: Final = 19


@dataclass(frozen=True, slots=True)
class Signs:
    """The sums of signs of the best chunks: of answerable questions, and of the others."""

    answerable: tuple[float, ...]
    other: tuple[float, ...]


def main() -> None:
    """Ingest, ask, fit and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--limit", type=int, default=600, help="questions of each kind and set")
    given = arguments.parse_args()
    settings = Settings(data=given.work)
    for name in (TRAIN, *DEVELOPMENT):
        fill(settings, name, given.data / name / "corpus.jsonl.gz")
    answerer = Answerer(settings)
    found = {}
    for name in (TRAIN, *DEVELOPMENT):
        lines = sample(read_lines(given.data / name / "questions.jsonl.gz"), given.limit)
        found[name] = ask(answerer, name, lines)
        if name in (TRAIN, "squad2-dev"):
            found[f"{name} {LEFT_OUT}"] = ask_without_own(answerer, name, lines)
        sys.stderr.write(f"{name} asked\n")
    json.dump(report(found), sys.stdout, indent=1)


def ask(answerer: Answerer, collection: str, lines: Sequence[Line]) -> Signs:
    """Ask each question of the whole collection."""
    signs = [best_sign(answerer, collection, line, None) for line in lines]
    pairs = list(zip(lines, signs, strict=True))
    return Signs(
        tuple(sign for line, sign in pairs if line.answerable),
        tuple(sign for line, sign in pairs if not line.answerable),
    )


def ask_without_own(answerer: Answerer, collection: str, lines: Sequence[Line]) -> Signs:
    """Ask the answerable questions again with their own paragraphs left out."""
    signs = [
        best_sign(answerer, collection, line, without(line.relevant))
        for line in lines
        if line.answerable and line.relevant
    ]
    return Signs((), tuple(signs))


def best_sign(
    answerer: Answerer, collection: str, line: Line, narrowed: Mapping[str, object] | None
) -> float:
    """Return the sum of signs of the best chunk."""
    question = Question(line.question, collection, filter=narrowed, generator=QUOTE)
    return sign_of(min(max(answerer.answer(question).score, 1e-9), 1 - 1e-9))


def report(found: Mapping[str, Signs]) -> dict[str, object]:
    """Return the fitted curve, the area under each set's curve, and thresholds with figures."""
    left_out = found[f"{TRAIN} {LEFT_OUT}"].other
    yes, no = found[TRAIN].answerable, (*found[TRAIN].other, *left_out)
    fitted = LogisticRegression(class_weight="balanced", C=1e3)
    fitted.fit(np.array([*yes, *no])[:, None], [1] * len(yes) + [0] * len(no))
    scale, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    sets = dict(development(found))
    return {
        "scale": round(scale, 3),
        "offset": round(offset, 3),
        "auroc": {name: auroc(one.answerable, one.other) for name, one in sets.items()},
        "precision_at_80": {name: precision_at(one, 0.8) for name, one in sets.items()},
        "thresholds": [
            {"threshold": step, **figures(sets, (np.log(step / (1 - step)) - offset) / scale)}
            for step in (round(0.05 * n, 2) for n in range(1, STEPS + 1))
        ],
    }


def development(found: Mapping[str, Signs]) -> Iterator[tuple[str, Signs]]:
    """Yield the development sets, and squad2-dev's questions with their paragraphs left out."""
    for name in DEVELOPMENT:
        yield name, found[name]
    squad = found["squad2-dev"].answerable
    yield LEFT_OUT, Signs(squad, found[f"squad2-dev {LEFT_OUT}"].other)


def precision_at(signs: Signs, recall: float) -> float:
    """Return the share of right answers where that share of the answerable is answered."""
    truth = [True] * len(signs.answerable) + [False] * len(signs.other)
    figure = precision_from([*signs.answerable, *signs.other], truth, recall)
    return round(float(figure(once(len(truth)))[0]), 3)


def figures(sets: Mapping[str, Signs], least: float) -> dict[str, object]:
    """Return precision and recall of answering, each set, from a sum of signs on."""
    shown: dict[str, object] = {}
    balanced = []
    for name, one in sets.items():
        right = sum(sign >= least for sign in one.answerable)
        wrong = sum(sign >= least for sign in one.other)
        precision = round(right / max(1, right + wrong), 3)
        recall = round(right / len(one.answerable), 3)
        shown[name] = {"precision": precision, "recall": recall}
        balanced.append((recall + 1 - wrong / len(one.other)) / 2)
    return {"balanced": round(float(np.mean(balanced)), 4), **shown}


if __name__ == "__main__":
    main()
