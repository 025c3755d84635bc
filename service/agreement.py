"""Agreement: what other documents say of what the best evidence says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from indexes.documents import Span
from indexes.lexical import terms
from service.evidence import Evidence

Says = Literal["same", "other"]

# Evidence of less than this share of the best one's score is no second opinion.
_NEAR_ENOUGH: Final = 0.5
# So much of the shorter sentence must be in the longer one, the evidence spans left out, and at
# least so many terms, for both to speak of the same thing.
_SAME_THING: Final = 0.75
_LEAST_TERMS: Final = 2
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_WORD: Final = re.compile(r"\w+")
_ARTICLES: Final = frozenset(("a", "an", "the"))


@dataclass(frozen=True, slots=True)
class Opinion:
    """Evidence of another document, and whether it says the same or something else."""

    evidence: Evidence
    says: Says


def opinions(best: Evidence, rest: Sequence[Evidence]) -> Iterator[Opinion]:
    """Yield what other documents say, one opinion a document, in the order of `rest`.

    Only evidence that has a span within its sentence can be compared: the same words in the span
    are the same opinion; another span in a sentence that has the same words around it is another.
    """
    mine = _Statement.of(best)
    seen = {best.candidate.chunk.document_id}
    for one in rest:
        document = one.candidate.chunk.document_id
        if document in seen or one.score < _NEAR_ENOUGH * best.score:
            continue
        theirs = _Statement.of(one)
        says = _compared(mine, theirs) if mine and theirs else None
        if says:
            seen.add(document)
            yield Opinion(one, says)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A sentence with a gap where its evidence span stands, and the words of that span."""

    answer: tuple[str, ...]
    around: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, evidence: Evidence) -> "_Statement | None":
        """Return the statement of the first sentence, None where no span stands out of it."""
        if not evidence.sentences or evidence.span is None:
            return None
        whole, span = evidence.sentences[0].span, evidence.span
        if not whole.holds(span) or span == whole:
            return None
        chunk = evidence.candidate.chunk
        before, behind = Span(whole.start, span.start), Span(span.end, whole.end)
        around = f"{chunk.cut(before)} {chunk.cut(behind)}"
        answer = _WORD.findall(chunk.cut(span).lower())
        return cls(
            tuple(word for word in answer if word not in _ARTICLES),
            frozenset(terms(_NUMBER.sub(" ", around))),
            frozenset(_NUMBER.findall(around)),
        )


def _compared(mine: _Statement, theirs: _Statement) -> Says | None:
    if mine.answer == theirs.answer:
        return "same"
    if set(mine.answer) & set(theirs.answer) or mine.numbers != theirs.numbers:
        return None
    shared = len(mine.around & theirs.around)
    least = min(len(mine.around), len(theirs.around))
    return "other" if shared >= max(_LEAST_TERMS, _SAME_THING * least) else None
