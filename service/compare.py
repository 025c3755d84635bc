"""Compare: the same questions asked in two ways, and which differences are more than chance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from pydantic import ValidationError

from indexes.errors import UsageError
from indexes.settings import Settings, allowed
from service.answer import MOST_CANDIDATES, Answerer
from service.bootstrap import interval, resamples
from service.evaluate import EvaluationRun, Failed, Line, Outcome, ask, stage_named
from service.figures import Floats, digits_of, figures, once, rounded
from service.strategies import strategy_named

# Settings that a reply depends on; the encoder is none of them, since the collection names it.
ANSWERING: Final = (
    "reader",
    "threshold",
    "threads",
    "max_question_chars",
    "generator",
    "model",
    "temperature",
    "answer_tokens",
    "answer_seconds",
    "unsupported",
    "prompts",
    "rewrite",
)
_ASKED: Final = ("stage", "candidates", "strategy", "collection")


@dataclass(frozen=True, slots=True)
class Manner:
    """One way of asking: with what settings, and where and up to which stage."""

    settings: Settings
    asked: EvaluationRun


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure asked as given (a) and with the changes (b), and b - a with its 95% interval.

    None where there is no truth for the figure.
    """

    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def direction(self) -> int:
        """1 where b is higher, -1 where it is lower, 0 where the interval shows neither."""
        if self.low is None or self.high is None:
            return 0
        return (self.low > 0) - (self.high < 0)


# --- two manners ---------------------------------------------------------------------------------


def changed(manner: Manner, changes: Mapping[str, str]) -> Manner:
    """Return another manner of asking. Raises UsageError that names the key or the value.

    Another reader comes with its own threshold unless one is given: scores of two are not alike.
    """
    if "reader" in changes and "threshold" not in changes:
        changes = {**changes, "threshold": ""}
    for key, value in changes.items():
        manner = _changed(manner, key, value)
    return manner


def _changed(manner: Manner, key: str, value: str) -> Manner:
    if key == "stage":
        return replace(manner, asked=replace(manner.asked, stage=stage_named(value)))
    if key == "candidates":
        return replace(manner, asked=replace(manner.asked, candidates=_candidates(value)))
    if key == "strategy":
        strategy_named(value)
        return replace(manner, asked=replace(manner.asked, strategy=value))
    if key == "collection":
        return replace(manner, asked=replace(manner.asked, collection=value))
    if key in ANSWERING:
        return replace(manner, settings=_with(manner.settings, key, value))
    if key in {"encoder", "chunk_tokens"}:
        raise UsageError(
            f"--compare {key}: the collection decides; make another one (`afterword reindex`) "
            "and use --compare collection=NAME"
        )
    raise UsageError(
        f"--compare {key}: no answer depends on it; use one of {', '.join((*_ASKED, *ANSWERING))}"
    )


def _candidates(value: str) -> int:
    try:
        count = int(value)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_CANDIDATES:
        raise UsageError(
            f"--compare candidates={value}: it must be a whole number from 1 to {MOST_CANDIDATES}"
        )
    return count


def _with(settings: Settings, key: str, value: str) -> Settings:
    try:
        return Settings.model_validate({**settings.model_dump(), key: value or None})
    except ValidationError:
        field = Settings.model_fields[key]
        raise UsageError(f"--compare {key}={value}: it must be {allowed(field)}") from None


Side = tuple[Answerer, EvaluationRun]
Pair = tuple[Outcome | Failed, Outcome | Failed]


def ask_both(lines: Sequence[Line], a: Side, b: Side) -> Iterator[Pair]:
    """Ask each question both ways, one right after the other; which comes first alternates.

    So both meet the same machine, and neither always finds warm what the other has read.
    """
    for side in (a, b):
        ask(lines[0], *side)  # models are loaded before any time is taken
    for number, line in enumerate(lines):
        if number % 2:
            second, first = ask(line, *b), ask(line, *a)
        else:
            first, second = ask(line, *a), ask(line, *b)
        yield first, second


# --- differences ---------------------------------------------------------------------------------


def differences(
    a: Sequence[Outcome], b: Sequence[Outcome], asked_a: EvaluationRun, asked_b: EvaluationRun
) -> dict[str, Difference]:
    """Return what each figure is both ways and how sure the difference is; pairs in order.

    95% interval of a paired bootstrap over questions (Efron's percentiles), 2,000 resamples,
    seeded; each resample draws the same questions for both ways and for all figures.
    """
    first, second = figures(a, asked_a), figures(b, asked_b)
    drawn: dict[str, list[Floats]] = {name: [] for name in first}
    for counts in resamples(len(a)):
        for name, blocks in drawn.items():
            blocks.append(second[name](counts) - first[name](counts))
    whole = once(len(a))
    return {
        name: _difference(first[name](whole)[0], second[name](whole)[0], blocks, digits_of(name))
        for name, blocks in drawn.items()
    }


def _difference(a: float, b: float, blocks: Sequence[Floats], digits: int) -> Difference:
    low, high = interval(np.concatenate(blocks)) if blocks else (np.nan, np.nan)
    values = (rounded(one, digits) for one in (a, b, b - a, low, high))
    return Difference(*values)


def verdict(name: str, one: Difference) -> str:
    """Return what a difference says in words."""
    if not one.direction:
        return "no difference shown"
    way = one.direction * better_when(name)
    return {1: "better", -1: "worse"}.get(way, "higher" if one.direction > 0 else "lower")


def better_when(name: str) -> int:
    """Return 1 for a figure that is better higher, -1 for one better lower, 0 for neither."""
    if name == "answering.coverage":
        return 0
    group = name.partition(".")[0]
    return -1 if group == "latency_ms" or (group == "lost" and name != "lost.found") else 1
