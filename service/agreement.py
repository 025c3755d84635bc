"""Agreement: what other documents say of what the best evidence says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from indexes.documents import Span
from indexes.lexical import terms
from service.evidence import Evidence
from service.values import denies, values

Says = Literal["same", "other"]

# Evidence of less than this share of the best one's score is no second opinion.
_NEAR_ENOUGH: Final = 0.5
# So much of the shorter sentence must be in the longer one, the evidence spans left out, and at
# least so many terms, for both to speak of the same thing.
_SAME_THING: Final = 0.75
_LEAST_TERMS: Final = 2
# Titles that have so much of the shorter one in common tell apart what they do not.
_ALIKE: Final = 0.5
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME: Final = re.compile(r"\b(?:[A-Z]|\w*\d)\w*")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
# What belongs to a value and may stand outside of the span.
_BEFORE: Final = re.compile(r"(?:[-+\u2212$\u20ac\u00a3\u00a5]+ ?)?\Z")
_BEHIND: Final = re.compile(r"(?: ?[%\u20ac$\u00a3\u00a5])?")


@dataclass(frozen=True, slots=True)
class Opinion:
    """Evidence of another document, and whether it says the same or something else."""

    evidence: Evidence
    says: Says


def opinions(best: Evidence, rest: Sequence[Evidence]) -> Iterator[Opinion]:
    """Yield what other documents say, one opinion a document, in the order of `rest`.

    Only evidence that has a span within its sentence can be compared. The same values in the span
    are the same opinion, if the sentences share a term around it. Other values, or a denial, in a
    sentence that has the same words around it, of a document that is not named for another subject,
    are another opinion.
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
    """A sentence with a gap where its evidence span stands, and the values of that span.

    `names` are the values of the span that are names or numbers, `subject` the words by which title
    and heading are told apart from others, with whether each is a name.
    """

    answer: tuple[str, ...]
    names: frozenset[str]
    denied: bool
    around: frozenset[str]
    numbers: frozenset[str]
    subject: Mapping[str, bool]

    @classmethod
    def of(cls, evidence: Evidence) -> "_Statement | None":
        """Return the statement of the first sentence, None where no span stands out of it."""
        if not evidence.sentences:
            return None
        whole, span = evidence.sentences[0].span, evidence.sentences[0].short
        if span == whole:
            return None
        chunk = evidence.candidate.chunk
        before, said = chunk.cut(Span(whole.start, span.start)), chunk.cut(span)
        behind = chunk.cut(Span(span.end, whole.end))
        around = f"{before} {behind}"
        marked = "".join([*_BEFORE.findall(before)[:1], said, *_BEHIND.findall(behind)[:1]])
        answer = " ".join(marked.split())
        return cls(
            tuple(one for one in values(answer) if not denies(one)),
            frozenset(values(" ".join(_NAME.findall(answer)))),
            denies(chunk.cut(whole)),
            frozenset(
                one for one in terms(_NUMBER.sub(" ", around), chunk.language) if not denies(one)
            ),
            frozenset(_NUMBER.findall(around)),
            _subject(f"{chunk.title} {chunk.section or ''}"),
        )


def _subject(title: str) -> dict[str, bool]:
    words = re.findall(r"\w+", title)
    return {
        one.lower(): _NAME.fullmatch(one) is not None and not _YEAR.fullmatch(one) for one in words
    }


def _compared(mine: _Statement, theirs: _Statement) -> Says | None:
    same_answer = sorted(mine.answer) == sorted(theirs.answer)
    if same_answer and mine.denied == theirs.denied:
        return "same" if mine.around & theirs.around else None
    if mine.numbers != theirs.numbers or _other_subject(mine.subject, theirs.subject):
        return None
    shared = len(mine.around & theirs.around)
    least = min(len(mine.around), len(theirs.around))
    if shared < max(_LEAST_TERMS, _SAME_THING * least):
        return None
    return "other" if mine.denied != theirs.denied or _differ(mine, theirs) else None


def _differ(mine: _Statement, theirs: _Statement) -> bool:
    """Tell whether answers exclude each other; one that only says more does not."""
    ours, others = set(mine.answer), set(theirs.answer)
    if not ours & others:
        return True
    return bool((ours - others) & mine.names and (others - ours) & theirs.names)


def _other_subject(mine: Mapping[str, bool], theirs: Mapping[str, bool]) -> bool:
    """Tell whether titles of one form name two things, like `Manual X100` and `Manual X200`."""
    shared = mine.keys() & theirs.keys()
    if not shared or len(shared) < _ALIKE * min(len(mine), len(theirs)):
        return False
    return all(
        any(name for word, name in one.items() if word not in shared) for one in (mine, theirs)
    )
