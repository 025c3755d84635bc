"""How well sentences are checked against evidence: `python -m benchmarks.grounding`.

The set in `tests/grounding` has passages, true sentences on them, and wrong ones made of these by
swapping one number, one name, one denial or opposite, or one other word, or by adding a phrase
that nothing bears out. `--squad DATA` measures on paragraphs of SQuAD's development articles too,
in which answers are swapped with other answers, `--part weighing` on passages that are paraphrased
as freely as can be. Prints JSON: `caught` shares of wrong sentences,
`lost` shares of true ones.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

from indexes.encoder import load_encoder
from service.evidence import Evidence
from service.grounding import grounding
from service.sentences import sentence_spans
from training.passages import PASSAGES, Case, cases_of, evidence_of
from training.sets import read_rows

SET: Final = Path(__file__).parent.parent / "tests" / "grounding"
PARTS: Final = ("tuned", "held")
FREELY: Final = "weighing"
"""Sentences that paraphrase as freely as can be, by which the network's levels were found."""
SEED: Final = 20260101


def cases(part: str) -> Iterator[Case]:
    """Yield the sentences of a part of the set, each with its own passages and some others."""
    return cases_of(SET / f"{part}.jsonl")


_SUBJECT: Final = re.compile(
    r"(?:Who|What) ((?:[a-z]+ed|wrote|won|led|became|built|made|began|took|gave|held|found|caused"
    r"|created|causes|uses|makes|controls|runs|owns|leads|helps|contains|provides) .+)\?\Z"
)
_IN_YEAR: Final = re.compile(
    r"(?:When|In what year|In which year|What year) (was|were|did|is) (.+)\?\Z"
)
_COUNT: Final = re.compile(
    r"How many ([a-z ]+?) (are|were|was|is|did|do|does|have|has|had) (.+)\?\Z"
)
_DIGIT: Final = re.compile(r"\d")
_LEAST: Final = 30
_MOST: Final = 300


def statement(question: str, answer: str) -> str | None:
    """Return what a question and its answer say together, None where no rule tells."""
    first = answer[:1].upper() + answer[1:]
    if found := _SUBJECT.match(question):
        return f"{first} {found[1]}."
    if (found := _IN_YEAR.match(question)) and _DIGIT.search(answer):
        return f"In {answer}, {found[2]} ({found[1]})."
    if (found := _COUNT.match(question)) and _DIGIT.search(answer):
        return f"{first} {found[1]} {found[2]} {found[3]}."
    return None


def squad_cases(folder: Path, limit: int) -> Iterator[Case]:
    """Yield sentences of paragraphs and statements of questions, true and with a swapped answer."""
    corpus = {
        str(one["id"]): one
        for path in sorted(folder.glob("corpus*.jsonl.gz"))
        for one in read_rows(path)
    }
    asked = defaultdict[str, list[tuple[str, str]]](list)
    for one in read_rows(folder / "questions.jsonl.gz"):
        answers, relevant = cast("list[str]", one["answers"]), cast("list[str]", one["relevant"])
        if answers and relevant[0] in corpus:
            asked[relevant[0]].append((str(one["question"]), answers[0]))
    draw = random.Random(SEED)  # noqa: S311 # a sample, always the same
    ids = sorted(asked)
    draw.shuffle(ids)
    made = 0
    for place, key in enumerate(ids):
        if made >= limit:
            return
        around = [corpus[ids[(place + step) % len(ids)]] for step in range(PASSAGES)]
        evidence = tuple(
            evidence_of(str(one["text"]), str(one["title"]), (), number)
            for number, one in enumerate(around)
        )
        for case in _of_paragraph(key, str(corpus[key]["text"]), asked[key], evidence, draw):
            made += 1
            yield case


def _of_paragraph(
    key: str,
    text: str,
    asked: Sequence[tuple[str, str]],
    evidence: Sequence[Evidence],
    draw: random.Random,
) -> Iterator[Case]:
    sentences = [one.cut(text) for one in sentence_spans(text, "text/plain")]
    for question, answer in asked:
        others = [
            one
            for _, one in asked
            if kind_of(one) == kind_of(answer)
            and kind_of(one) != ""
            and not set(one.lower().split()) & set(answer.lower().split())
        ]
        sentence = next((one for one in sentences if one.count(answer) == 1), "")
        if _LEAST <= len(sentence) <= _MOST and others:
            other = draw.choice(others)
            yield Case(shortened(sentence, answer), evidence, "true", key)
            if other not in sentence:
                yield Case(
                    shortened(sentence, answer).replace(answer, other),
                    evidence,
                    kind_of(answer),
                    key,
                )
        told = statement(question, answer)
        if told:
            yield Case(told, evidence, "true", key)
            if others and (other := draw.choice(others)) not in question:
                wrong = statement(question, other)
                if wrong:
                    yield Case(wrong, evidence, kind_of(answer), key)


def shortened(sentence: str, answer: str) -> str:
    """Return a sentence without what stands behind a comma or semicolon, if the answer does not."""
    for mark in ("; ", ", "):
        kept, found, rest = sentence.rpartition(mark)
        if found and answer in kept and len(kept) > _LEAST and not rest.startswith(("and ", "or ")):
            return f"{kept}."
    return sentence


def kind_of(answer: str) -> str:
    """Return whether an answer is a number or a name, "" for anything else."""
    words = answer.split()
    if _DIGIT.search(answer):
        return "number"
    if words and all(word[0].isupper() or word in {"of", "the", "and", "de"} for word in words):
        return "name"
    return ""


@dataclass(frozen=True)
class Measured:
    """How many sentences of each kind there are, which shares of them were refused, and times.

    `ms` are percentiles of the time that a sentence takes, in milliseconds.
    """

    sentences: dict[str, int]
    caught: dict[str, float]
    lost: float
    ms: dict[int, float]


def measured(found: Sequence[Case], *, told: bool = False) -> Measured:
    """Check sentences; with `told` what was misjudged is printed."""
    encoder = load_encoder("bundled")
    counts, refused = defaultdict[str, int](int), defaultdict[str, int](int)
    seconds = list[float]()
    last, ground = None, grounding(encoder)
    for case in found:
        if case.evidence is not last:
            last, ground = case.evidence, grounding(encoder)
        began = time.perf_counter()
        support = ground(case.sentence, case.evidence, ())
        seconds.append(time.perf_counter() - began)
        counts[case.kind] += 1
        refused[case.kind] += support.reason is not None
        if told and (support.reason is None) != (case.kind == "true"):
            sys.stderr.write(
                f"{case.kind:9} {case.topic}: {case.sentence}  <{support.reason or ''}>\n"
            )
    seconds.sort()
    return Measured(
        dict(counts),
        {kind: round(refused[kind] / counts[kind], 3) for kind in counts if kind != "true"},
        round(refused["true"] / max(1, counts["true"]), 3),
        {share: round(1000 * seconds[int(len(seconds) * share / 100)], 2) for share in (50, 95)},
    )


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.grounding", description=__doc__)
    arguments.add_argument("--part", choices=(*PARTS, FREELY), action="append")
    arguments.add_argument("--told", action="store_true", help="print what was misjudged")
    arguments.add_argument("--squad", type=Path, help="folder that holds squad-open-dev")
    arguments.add_argument("--limit", type=int, default=600, help="sentences of SQuAD")
    given = arguments.parse_args()
    parts = given.part or ([] if given.squad else PARTS)
    result = {part: asdict(measured(list(cases(part)), told=given.told)) for part in parts}
    if given.squad:
        found = list(squad_cases(given.squad, given.limit))
        result[given.squad.name] = asdict(measured(found, told=given.told))
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
