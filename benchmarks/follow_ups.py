"""How much of what follow-up questions lose for being asked alone the rewriting wins back.

`python -m benchmarks.follow_ups QUESTIONS.jsonl.gz REWRITES.jsonl --collection C` asks each
question that has a history in three ways: alone, rewritten by rule, and as a person has rewritten
it (`{"id", "rewrite"}` a line; the first half of these lines is what the rule was tuned on). The
other questions have no third way. It prints as JSON the shares of questions with a relevant
document among the first five (`hit.5`) and first, the mean reciprocal rank, how many were answered,
and how much of the gap between the first way and the third the second closes; and besides, how many
opening questions, asked after another conversation, are changed though they stand alone.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from indexes.settings import load_settings
from service.answer import Answerer
from service.described import beside_in
from service.evaluate import EvaluationRun, Line, Outcome, ask, read_lines
from service.evidence import Turn
from service.rewrite import rewrite_by_rule

FIRST_FIVE: Final = 5
SEED: Final = 3
_LONGEST: Final = 1_000_000

Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.follow_ups", description=__doc__.partition("\n\n")[0]
    )
    arguments.add_argument("questions", type=Path)
    arguments.add_argument("rewrites", type=Path)
    arguments.add_argument("--collection", required=True)
    arguments.add_argument("--only", choices=["tuned_on", "held_out", "others", "alone"])
    given = arguments.parse_args()
    settings = load_settings().model_copy(
        update={"rewrite": "rule", "max_question_chars": _LONGEST}
    )
    answerer = Answerer(settings)
    lines = read_lines(given.questions, None)
    found: dict[str, object] = {}
    for name, each in groups(lines, rewrites(given.rewrites)).items():
        if given.only in {None, name}:
            found[name] = measured(answerer, given.collection, each)
    if given.only in {None, "alone"}:
        found["changed_alone"] = changed_alone(answerer, given.collection, lines)
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")


def rewrites(path: Path) -> dict[str, str]:
    """Return the rewrites of a file by the ids of their questions, in its order."""
    with path.open(encoding="utf-8") as file:
        return {one["id"]: one["rewrite"] for one in map(json.loads, file)}


def groups(
    lines: Sequence[Line], by_hand: dict[str, str]
) -> dict[str, list[tuple[Line, str | None]]]:
    """Return the answerable follow-ups in three groups, each with its rewrite by hand."""
    order = list(by_hand)
    tuned = frozenset(order[: len(order) // 2])
    found: dict[str, list[tuple[Line, str | None]]] = {"tuned_on": [], "held_out": [], "others": []}
    for line in lines:
        if line.history and line.relevant and line.answerable:
            written = by_hand.get(line.id)
            group = "others" if written is None else "tuned_on" if line.id in tuned else "held_out"
            found[group].append((line, written))
    return found


def measured(
    answerer: Answerer, collection: str, lines: Sequence[tuple[Line, str | None]]
) -> dict[str, object]:
    """Return the figures of each way of asking, and what of the gap is closed."""
    asked = EvaluationRun(collection)
    ways = {
        "alone": [replace(line, history=()) for line, _ in lines],
        "by_rule": [line for line, _ in lines],
        "by_hand": [
            replace(line, question=written, history=()) for line, written in lines if written
        ],
    }
    found: dict[str, object] = {"questions": len(lines)}
    hits: dict[str, float] = {}
    for way, each in ways.items():
        outcomes = [one for one in (ask(line, answerer, asked) for line in each) if _is_good(one)]
        if outcomes:
            figures = figures_of(outcomes)
            found[way], hits[way] = figures, figures["hit.5"]
    if hits.get("by_hand", 0.0) > hits.get("alone", 0.0):
        gap = hits["by_hand"] - hits["alone"]
        found["closed"] = round((hits["by_rule"] - hits["alone"]) / gap, 2)
    return found


def _is_good(outcome: object) -> bool:
    return isinstance(outcome, Outcome)


def figures_of(outcomes: Iterable[object]) -> Figures:
    """Return how high relevant documents stand, as shares of the questions."""
    good = [one for one in outcomes if isinstance(one, Outcome)]
    places = [_place(one) for one in good]
    count = len(good)
    return {
        "hit.1": round(sum(place == 1 for place in places) / count, 4),
        "hit.5": round(sum(place <= FIRST_FIVE for place in places) / count, 4),
        "mrr": round(sum(1 / place for place in places) / count, 4),
        "answered": round(sum(one.answered for one in good) / count, 4),
        "mean_score": round(sum(one.score for one in good) / count, 4),
    }


def _place(outcome: Outcome) -> float:
    relevant = frozenset(outcome.line.relevant or ())
    return next(
        (place for place, one in enumerate(outcome.ranked, start=1) if one in relevant),
        float("inf"),
    )


def changed_alone(
    answerer: Answerer, collection: str, lines: Sequence[Line]
) -> dict[str, int | list[str]]:
    """Ask the opening question of each conversation after another one, and tell which change."""
    opened = [(_opening(line), line.history) for line in sorted(lines, key=lambda one: one.id)]
    chance = random.Random(SEED)  # noqa: S311 # a fixed draw, and no secret
    changed = []
    with answerer.collection(collection).read() as reading:
        for question, own in opened:
            history = chance.choice([h for q, h in opened if h and h != own and q != question])
            made = rewrite_by_rule(
                question, history, reading.rarities, reading.language, beside_in(reading, None)
            )
            if made.by:
                changed.append(made.text)
    return {"questions": len(opened), "changed": len(changed), "texts": changed}


def _opening(line: Line) -> str:
    first: Turn | None = next((one for one in line.history if one.role == "user"), None)
    return (first.text if first else line.question).strip()


if __name__ == "__main__":
    main()
