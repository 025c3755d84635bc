"""Calibrate: from which score on to answer, found with a person's own questions.

Positives are answerable questions. Negatives are those that are not, and, since people seldom have
such questions, the answerable ones asked again with their own documents left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from indexes.errors import AfterwordError, EncoderMismatch, ModelMissing, UsageError
from service.answer import Answerer, Question
from service.bootstrap import interval, resamples
from service.evaluate import Failed, Line, document_of, unknown
from service.figures import Floats, Ladder, once, rounded_down
from service.generators import QUOTE
from service.reply import NO_DOCUMENTS

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scored:
    """What one asking scored: of which line, whether it could be answered, without its own or not.

    `threshold` is the one that was in force.
    """

    line: int
    score: float
    answerable: bool
    left_out: bool
    threshold: float


@dataclass(frozen=True, slots=True)
class Level:
    """How questions are answered from a threshold on, as shares."""

    threshold: float
    precision: float
    recall: float
    coverage: float
    f1: float


@dataclass(frozen=True, slots=True)
class Sureness:
    """95% intervals: of the threshold if it were chosen anew, of the rest on other questions.

    NaN where no resample tells.
    """

    threshold: Interval
    precision: Interval
    recall: Interval
    coverage: Interval


# --- asking --------------------------------------------------------------------------------------


def score_lines(
    lines: Sequence[Line], answerer: Answerer, collection: str
) -> Iterator[list[Scored] | Failed]:
    """Yield what each line scored, once or twice; nothing where the line says too little.

    Raises ModelMissing and EncoderMismatch: no other question could be asked either.
    """
    for number, line in enumerate(lines):
        try:
            yield list(_scored(number, line, answerer, collection))
        except (ModelMissing, EncoderMismatch):
            raise
        except AfterwordError as error:
            yield Failed(line.id, error.message)


def _scored(number: int, line: Line, answerer: Answerer, collection: str) -> Iterator[Scored]:
    answerable = _answerable(line)
    if answerable is None:
        return
    with answerer.collection(collection).read() as reading:
        strange = unknown(line, reading)
    if strange:
        # Leaving it out would leave out nothing, and a right answer would count as a wrong one.
        raise UsageError(
            f"relevant names {', '.join(map(repr, strange))}, but collection {collection} has no "
            "document of that id or uri; `afterword documents list` shows those there are"
        )
    ways: list[tuple[dict[str, object] | None, bool]] = [(None, answerable)]
    if answerable and line.relevant:
        ways.append((without(line.relevant), False))
    for narrowed, truth in ways:
        asked = Question(
            line.question, collection, filter=narrowed, generator=QUOTE, history=line.history
        )
        reply = answerer.answer(asked)
        # Where nothing else is stored, no threshold is needed to say so.
        if narrowed is None or reply.status != NO_DOCUMENTS:
            left_out = narrowed is not None
            yield Scored(number, rounded_down(reply.score), truth, left_out, reply.threshold)


def _answerable(line: Line) -> bool | None:
    if line.answerable is None and (line.answers or line.relevant):
        return True
    return line.answerable


def without(relevant: Sequence[str] | None) -> dict[str, object] | None:
    """Return the filter that leaves out these documents, by id or uri; None of none."""
    if not relevant:
        return None
    names = list(dict.fromkeys(one for entry in relevant for one in (entry, document_of(entry))))
    own = [{"field": field, "operator": "not in", "value": names} for field in ("id", "uri")]
    return {"operator": "and", "conditions": own}


# --- choosing ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Scores:
    """Everything that was scored, as a ladder of thresholds."""

    scored: Sequence[Scored]
    lines: int

    @cached_property
    def _ladder(self) -> Ladder:
        return Ladder([one.score for one in self.scored])

    @cached_property
    def _yes(self) -> Floats:
        return np.array([one.answerable for one in self.scored], float)

    @cached_property
    def _line(self) -> npt.NDArray[np.int64]:
        return np.array([one.line for one in self.scored], np.int64)

    def chosen(self, target: float | None) -> Level | None:
        """Return the level with the best F1, or the least threshold of that precision, if any."""
        steps = self._steps(once(self.lines))
        step = _choose(steps, target)[0]
        return None if step < 0 else self._level(steps, int(step))

    def most_precise(self) -> Level:
        """Return the level with the best precision; of equals the least threshold."""
        steps = self._steps(once(self.lines))
        best = float(steps.precision.max())
        return self._level(steps, int(_choose(steps, best)[0]))

    def at(self, threshold: float) -> Level:
        """Return how questions are answered from any threshold on."""
        answered = [one for one in self.scored if one.score >= threshold]
        right = sum(one.answerable for one in answered)
        positives = float(self._yes.sum())
        return Level(
            threshold,
            right / len(answered) if answered else 1.0,
            right / positives,
            len(answered) / len(self.scored),
            2 * right / (len(answered) + positives),
        )

    def spread(self, count: int = 10) -> list[Level]:
        """Return up to `count` levels, each answering about as many questions more."""
        steps = self._steps(once(self.lines))
        wanted = np.linspace(1 / count, 1, count)
        found = np.searchsorted(steps.coverage[0], wanted - 1e-9)
        return [self._level(steps, int(step)) for step in np.unique(found)]

    def sureness(self, target: float | None) -> Sureness:
        """Return how far the choice could be chance: questions drawn anew 2,000 times, seeded.

        Each resample chooses a threshold, and the questions that it left out judge it: those that
        chose it flatter it. A question and itself without its documents stay together.
        """
        blocks = [self._judged(counts, target) for counts in resamples(self.lines)]
        return Sureness(*map(interval, np.concatenate(blocks, axis=1)))

    def _judged(self, counts: Floats, target: float | None) -> Floats:
        """Return what each resample chooses and how it does on the rest, shape (4, resamples).

        NaN where no threshold reaches the target, or the rest has nothing of what is counted.
        """
        step = _choose(self._steps(counts), target)
        rest = self._steps((counts == 0).astype(float))
        shares = (rest.precision, rest.recall, rest.coverage)
        at = [np.take_along_axis(one, step[:, None], 1)[:, 0] for one in shares]
        return np.where(step < 0, np.nan, np.stack([self._ladder.thresholds[step], *at]))

    def _steps(self, counts: Floats) -> "_Steps":
        drawn = counts[:, self._line]
        right = self._ladder.climbed(drawn, self._yes)
        answered = right + self._ladder.climbed(drawn, 1 - self._yes)
        positives, whole = right[:, -1:], answered[:, -1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            return _Steps(
                right / answered,
                right / positives,
                answered / whole,
                2 * right / (answered + positives),
            )

    def _level(self, steps: "_Steps", step: int) -> Level:
        shares = (steps.precision, steps.recall, steps.coverage, steps.f1)
        threshold = float(self._ladder.thresholds[step])
        return Level(threshold, *(float(one[0, step]) for one in shares))


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Shares at each step of the ladder, shape (resamples, steps)."""

    precision: Floats
    recall: Floats
    coverage: Floats
    f1: Floats


def _choose(steps: _Steps, target: float | None) -> npt.NDArray[np.int64]:
    """Return the step of each resample, -1 where none will do.

    The score of a question that was not drawn is no threshold.
    """
    if target is None:
        f1 = np.nan_to_num(steps.f1)
        return np.where(f1.max(1) > 0, f1.argmax(1), -1)
    drawn = np.diff(steps.coverage, axis=1, prepend=0) > 0
    reached = drawn & (np.nan_to_num(steps.precision) >= target - 1e-12)
    last: npt.NDArray[np.int64] = reached.shape[1] - 1 - reached[:, ::-1].argmax(1)
    last[~reached.any(1)] = -1
    return last
