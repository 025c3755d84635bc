"""Agreement: what other documents say of what the best evidence says.

Two sentences contradict each other where they speak of the same thing, answer with values of one
kind, and these exclude each other. Whether they speak of the same thing their words tell, beside
the values: nothing that only one of them names may be left, in whatever words it says the rest.
A contradiction that is none misleads, so in doubt there is none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from indexes.documents import Span
from service.answer_kinds import DURATIONS, MONEY, Answer, answer_of, names_subject
from service.evidence import Evidence
from service.signs import asking_terms
from service.single import is_the_one
from service.subjects import is_other, subject
from service.values import MONTH_NAME, denies, values
from service.wording import group_of, is_rough, other_tense, speaks_of, ways

Says = Literal["same", "other"]

# Evidence of less than this share of the best one's score is no second opinion.
_NEAR_ENOUGH: Final = 0.5
# Two sentences on the same thing have so many terms in common, or one that the question asks for.
_LEAST_TERMS: Final = 2
# Words that nothing parts may be of any length: longer ones than this are no value.
_LONGEST: Final = 300
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
# From when on a value holds: no part of what it is a value of.
_SINCE: Final = re.compile(
    # `As of 2020` is a look at one moment, `as of 1 August` mostly the day of a change.
    r"\b(?:from|since|as from|as of(?= (?:the )?\d{1,2}\D)|effective(?: from)?|starting|beginning)"
    r"(?: on| in)? "
    rf"(?:(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTH_NAME}|{MONTH_NAME}(?: \d{{1,2}})?"
    r"|\d{4}-\d\d-\d\d|(?:19|20)\d\d)(?:,? (?:19|20)\d\d)?(?: on(?:wards?)?)?,?(?!\w)",
    re.IGNORECASE,
)
# What belongs to a value and may stand outside of the span.
_BEFORE: Final = re.compile(r"(?:(?:[-+\u2212$\u20ac\u00a3\u00a5]+|\b(?:EUR|USD|GBP|JPY)\b) ?)?\Z")
_BEHIND: Final = re.compile(r"(?: ?[%\u20ac$\u00a3\u00a5])?")


@dataclass(frozen=True, slots=True)
class Opinion:
    """Evidence of another document, and whether it says the same or something else."""

    evidence: Evidence
    says: Says


def opinions(question: str, best: Evidence, rest: Sequence[Evidence]) -> Iterator[Opinion]:
    """Yield what other documents say, one opinion a document, in the order of `rest`.

    Only evidence that has a span within its sentence can be compared. The same values in the span
    are the same opinion, if the sentences share a term around it. Values that exclude them, or a
    denial, in a sentence on the same thing, of a document that is not named for another subject,
    are another opinion.
    """
    asked = _Asked(speaks_of(question) - asking_terms(), _NUMBER.search(question) is not None)
    mine = _Statement.of(best)
    seen = {best.candidate.chunk.document_id}
    for one in rest:
        document = one.candidate.chunk.document_id
        if document in seen or one.score < _NEAR_ENOUGH * best.score:
            continue
        theirs = _Statement.of(one)
        says = _compared(asked, mine, theirs) if mine and theirs else None
        if says:
            seen.add(document)
            yield Opinion(one, says)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks for: its terms, and whether it names a number, such as a year."""

    terms: frozenset[str]
    numbered: bool


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a value: terms, numbers, and which way words lead."""

    terms: frozenset[str]
    numbers: frozenset[str]
    ways: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, text: str, beside: frozenset[str]) -> "_Around":
        """Return what stands in the text, with the terms `beside` a value in its own span."""
        return cls(speaks_of(text) | beside, frozenset(_NUMBER.findall(text)), ways(text))


@dataclass(frozen=True, slots=True)
class _Statement:
    """A sentence with a gap where its evidence span stands, and what that span says.

    `single` tells that the span is the only value that the thing has, `of_subject` that the span
    names what the sentence is about. `since` is what stands around it without the date from which
    on it holds, `whole` what stands in all the sentence. `above` are the terms of title and
    heading, `chunk` those of all that the reader saw.
    """

    text: str
    words: tuple[str, ...]
    answer: Answer
    denied: bool
    single: bool
    of_subject: bool
    around: _Around
    since: _Around
    whole: _Around
    above: frozenset[str]
    chunk: frozenset[str]
    subject: Mapping[str, bool]

    @classmethod
    def of(cls, evidence: Evidence) -> "_Statement | None":
        """Return the statement of the first sentence, None where no span stands out of it."""
        if not evidence.sentences:
            return None
        whole, span = evidence.sentences[0].span, evidence.sentences[0].short
        chunk = evidence.candidate.chunk
        before, said = chunk.cut(Span(whole.start, span.start)), chunk.cut(span)
        if span == whole or len(said) > _LONGEST:
            return None
        behind = chunk.cut(Span(span.end, whole.end))
        around = f"{before} \n {behind}"  # nothing reaches over the gap
        marked = "".join([*_BEFORE.findall(before)[:1], said, *_BEHIND.findall(behind)[:1]])
        short = " ".join(marked.split())
        title = f"{chunk.title} {chunk.section or ''}"
        answer = answer_of(short, behind)
        beside = answer.beside(short)
        return cls(
            chunk.cut(whole),
            tuple(one for one in values(short) if not denies(one)),
            answer,
            denies(chunk.cut(whole)),
            is_the_one(answer.kind, before, behind),
            names_subject(said, before),
            _Around.of(around, beside),
            _Around.of(_SINCE.sub(" ", around), beside),
            _Around.of(chunk.cut(whole), frozenset()),
            speaks_of(title),
            speaks_of(f"{chunk.encoded} {title}"),
            subject(title),
        )

    @property
    def implied(self) -> frozenset[str]:
        """The terms that the kind of the answer says already: `20 euros` are a price."""
        unit, kind = self.answer.unit, self.answer.kind
        found = {group_of(unit)} if unit else set()
        if unit in MONEY:
            found.add(group_of("cost"))
        if unit in DURATIONS:
            found.add(group_of("duration"))
        if kind == "date":
            found.add(group_of("held"))
        return frozenset(found)


def _compared(asked: _Asked, mine: _Statement, theirs: _Statement) -> Says | None:
    same_words = sorted(mine.words) == sorted(theirs.words)
    if (same_words or mine.answer.is_as(theirs.answer)) and mine.denied == theirs.denied:
        return "same" if mine.around.terms & theirs.around.terms else None
    rough = is_rough(mine.text) or is_rough(theirs.text)
    if mine.denied == theirs.denied and not (
        mine.single and theirs.single and mine.answer.excludes(theirs.answer, rough=rough)
    ):
        return None
    if mine.of_subject or theirs.of_subject or is_other(mine.subject, theirs.subject):
        return None
    if other_tense(mine.text, theirs.text) or not _on_one_thing(asked, mine, theirs):
        return None
    return "other"


def _on_one_thing(asked: _Asked, mine: _Statement, theirs: _Statement) -> bool:
    """Tell whether two statements are on the same thing: neither names what the other does not."""
    ours, others = _compared_parts(asked, mine, theirs)
    if (ours.numbers, ours.ways) != (others.numbers, others.ways):
        return False
    implied = mine.implied | theirs.implied
    left, right = ours.terms - implied, others.terms - implied
    if left - right - theirs.above or right - left - mine.above:
        return False
    named = asked.terms - implied
    if named & (mine.chunk | ours.terms) != named & (theirs.chunk | others.terms):
        return False
    # Of the two, one may be what is counted.
    counted = {group_of(mine.answer.unit)} if mine.answer.unit == theirs.answer.unit else set()
    shared = (ours.terms & others.terms) | (counted - {""})
    return len(shared) >= _LEAST_TERMS or bool(left & right & asked.terms)


def _compared_parts(asked: _Asked, mine: _Statement, theirs: _Statement) -> tuple[_Around, _Around]:
    """Return what stands around; where one of both says since when, and nobody asks, without.

    What is denied may stand anywhere in a sentence, so all of it counts then.
    """
    if mine.denied != theirs.denied:
        return mine.whole, theirs.whole
    if asked.numbered or (mine.since == mine.around) == (theirs.since == theirs.around):
        return mine.around, theirs.around
    return mine.since, theirs.since
