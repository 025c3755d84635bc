"""Grounding: whether the evidence bears out a sentence that a language model wrote.

A sentence is taken apart into numbers, names and other words. What bears it out are up to three
sentences of the evidence that together have all its numbers and names and most of its words, where
no value is swapped, nothing is denied that they affirm, and no word is the opposite of one of
theirs. Sentences that mean nearly the same may have fewer words in common: the encoder tells.

These rules mind words, and a network that was trained on claims minds what they mean. In English
both are heard: what a rule has against a sentence can be outweighed by the network's being sure of
it, and the reverse. That a number or name is in no passage nothing outweighs.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

import numpy as np

from indexes.encoder import Encoder
from indexes.encoding import Vectors
from indexes.languages import ENGLISH
from service.common_words import word_list
from service.contradictions import contradicted
from service.entailment import evidence_text, load_entailment, nearest
from service.evidence import (
    NOT_QUITE_SAID,
    NOT_SAID,
    PART_NOT_SAID,
    Evidence,
    Ground,
    Quoted,
    Support,
)
from service.lines import Line, Lines, lines_of
from service.numbers import Number, comparable, same
from service.readers import reads
from service.sentences import QUESTION_MARKS
from service.stated import PEOPLES, Stated, Value, addresses, one_root, shared_length
from service.swaps import Claim, swapped

LONGEST: Final = 1_200
MOST_VALUES: Final = 40
_QUOTES: Final = 3
_CANDIDATES: Final = 8
_DIGITS: Final = re.compile(r"\d+")
_COUNTING: Final = {"No", "Nl"}
_AROUND: Final = 0.6
_NEARBY: Final = 0.5
_KINDRED: Final = 0.8
_LEAST_KINDRED: Final = 4
_NAMED: Final = 0.5
# The least share of its words that a sentence must have in common with what bears it out, and the
# least cosine where it has fewer.
_ENOUGH: Final = 0.52
_SOME: Final = 0.3
_ALIKE: Final = 0.62
_MUCH_ALIKE: Final = 0.75
_ALIKE_WITH_VALUES: Final = 0.5
_SEVERAL: Final = 2
_CLOSER: Final = 0.05


Kind = Literal["value", "little", "part", "opposite", "swap"]
"""What the rules can have against a sentence: it says a value, or more, that the evidence lacks, or
the opposite, or a value of something else."""


# So many sentences are read closely; the passage of the first one is read beside them.
_READ_CLOSELY: Final = 3
# The network's least logit for a claim to pass, by what the rules have against it: found by
# `training.grounding_levels`.
_LEAST_SURE: Final[Mapping[Kind | None, float]] = {
    None: -5.25,
    "value": -1.5,
    "little": -4.25,
    "part": -4.5,
    "opposite": 0.5,
    "swap": 2.25,
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why sentences do not bear out a claim, of which they have a share of the words.

    `refutes` tells that they speak of the same and say something else.
    """

    kind: Kind
    reason: str
    share: float
    quoted: Sequence[Line] = ()

    @property
    def refutes(self) -> bool:
        """Whether they speak of the same and say something else."""
        return self.kind in {"opposite", "swap"}


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a sentence: what may bear it out, what the rules have against that.

    `sure` is the network's logit of its being entailed, None where it does not know the language;
    `near` are the sentences that have most of it.
    """

    claim: Stated
    near: Sequence[Line]
    quoted: Sequence[Line]
    doubt: Doubt | None
    sure: float | None

    @property
    def kind(self) -> Kind | None:
        """Of which kind the doubt is."""
        return self.doubt.kind if self.doubt else None

    @property
    def reason(self) -> str | None:
        """Why the sentence does not pass, None if it does."""
        if self.doubt is None if self.sure is None else self.sure >= _LEAST_SURE[self.kind]:
            return None
        return self.doubt.reason if self.doubt else NOT_QUITE_SAID


def grounding(encoder: Encoder, threads: int = 0) -> Ground:
    """Return what checks the sentences of one answer; it remembers the evidence.

    Its network runs in so many threads, 0 means all cores. It raises ModelMissing as
    `load_entailment` does, once there is a sentence for it.
    """
    return Grounding(encoder, threads)


class Grounding:
    """Checks sentences against evidence that stays the same for an answer."""

    def __init__(self, encoder: Encoder, threads: int = 0) -> None:
        """See `grounding`."""
        self._encoder = encoder
        self._threads = threads
        self._evidence: tuple[Evidence, ...] = ()
        self._lines: Lines | None = None
        self._vectors: dict[str, Vectors] = {}

    def __call__(
        self, sentence: str, evidence: Sequence[Evidence], named: Sequence[int]
    ) -> Support:
        """Return what bears a sentence out."""
        found = self.signs(sentence, evidence, named)
        if isinstance(found, Support):
            return found
        if found.reason is not None:
            return Support(reason=found.reason)
        quoted = found.quoted if found.doubt is None else self._likeliest(found)
        ordered = sorted(quoted, key=lambda one: (one.passage, one.span))
        return Support(tuple(_quoted(one) for one in ordered))

    def signs(
        self, sentence: str, evidence: Sequence[Evidence], named: Sequence[int] = ()
    ) -> Signs | Support:
        """Return what speaks for a sentence, or the outcome where nothing is to be weighed."""
        if len(sentence) > LONGEST:
            return Support(reason=f"it has more than {LONGEST} characters and was not checked")
        lines = self._taken_apart(evidence)
        if not lines.all:
            return Support(reason="there is no evidence")
        if (at := lines.by_text.get(_plain(sentence))) is not None:
            return Support((_quoted(lines.all[at]),))
        claim = lines.apart(sentence)
        if impossible := _impossible(claim, lines):
            return Support(reason=impossible)
        near = _nearest(claim, lines, frozenset(named))
        if not near:
            return Support(reason=NOT_SAID)
        return Signs(claim, near, *self._by_rules(claim, near), self._sure(claim, lines))

    def _sure(self, claim: Stated, lines: Lines) -> float | None:
        """Return how sure the network is that some sentences, and a passage, entail a claim."""
        if claim.language != ENGLISH:
            return None
        close = nearest(claim, lines.all, _READ_CLOSELY)
        around = [line for line in lines.all if line.passage == close[0].passage]
        texts = [evidence_text(close), evidence_text(around)]
        return sum(load_entailment(self._threads)(claim.text, texts)) / len(texts)

    def _likeliest(self, found: Signs) -> Sequence[Line]:
        """Return what is quoted where the network outweighs a doubt: what it is surest of.

        That is one sentence of those that have most of the numbers and names, or what the rules
        have least against if none is enough alone.
        """
        held = [sum(_in_line(one, line) for one in found.claim.values) for line in found.near]
        lines = [line for line, values in zip(found.near, held, strict=True) if values == max(held)]
        texts = [evidence_text((line,)) for line in lines]
        logits = load_entailment(self._threads)(found.claim.text, texts)
        best = max(range(len(texts)), key=logits.__getitem__)
        if logits[best] < _LEAST_SURE[found.kind]:
            return found.quoted
        return lines[best : best + 1]

    def _taken_apart(self, evidence: Sequence[Evidence]) -> Lines:
        given = tuple(evidence)
        if (
            self._lines is None
            or any(one is not other for one, other in zip(given, self._evidence, strict=False))
            or len(given) != len(self._evidence)
        ):
            self._evidence, self._lines, self._vectors = given, lines_of(given), {}
        return self._lines

    def _by_rules(self, claim: Stated, near: Sequence[Line]) -> tuple[Sequence[Line], Doubt | None]:
        """Return sentences that bear a claim out, or those that do most and what is against it."""
        told = Claim(claim)
        doubts = list[Doubt]()
        for quoted in _sets(claim, near):
            if all(line.asks for line in quoted):
                continue
            share = _share(claim, quoted)
            # What speaks of the same and says something else is not outweighed by what speaks less
            # of it.
            if any(one.share + _CLOSER > share for one in doubts if one.refutes):
                continue
            found = self._against(claim, told, quoted, near, share)
            if found is None:
                return quoted, None
            doubts.append(Doubt(*found, share, quoted))
        if not doubts:
            return near[:1], Doubt("little", NOT_SAID, 0.0)
        worst = max(doubts, key=lambda one: (one.refutes, one.share))
        return worst.quoted, worst

    def _against(
        self, claim: Stated, told: Claim, quoted: Sequence[Line], near: Sequence[Line], share: float
    ) -> tuple[Kind, str] | None:
        """Return what the rules have against a claim's being borne out by some sentences."""
        for value in claim.values:
            if not _has(value, quoted):
                kind = "number" if value.number is not None else "name"
                return "value", f"no sentence on this has the {kind} {value.text}"
        if not self._covered(claim, quoted, share):
            return "little", NOT_SAID
        if self._adds_a_part(claim, quoted):
            return "part", PART_NOT_SAID
        if contradicted(claim, quoted):
            return "opposite", "the evidence says the opposite"
        found = swapped(told, quoted, near)
        return ("swap", _exchanged(*found)) if found else None

    def _covered(self, claim: Stated, quoted: Sequence[Line], share: float) -> bool:
        if share >= _ENOUGH:
            return True
        line = quoted[0]
        if not reads(self._encoder.identity.name, claim.language):
            return False
        cosine = self._cosine(claim.text, " ".join(one.plain for one in quoted), line)
        least = _ALIKE if share >= _SOME else _MUCH_ALIKE
        held = [one for one in claim.values if one.sure and _in_line(one, line)]
        if len(held) >= _SEVERAL and len(quoted) == 1:
            least = _ALIKE_WITH_VALUES
        return cosine >= least

    def _adds_a_part(self, claim: Stated, quoted: Sequence[Line]) -> bool:
        """Tell whether a clause of the claim, or who did it, is of no word of the evidence's."""
        said = frozenset[str]().union(
            *(line.said.stems | line.around.stems for line in quoted),
            *(before.said.stems for line in quoted for before in line.before),
        )
        clauses = [clause for clause in claim.clauses if len(clause) >= _SEVERAL]
        if any(_is_new(clause, said) for clause in clauses):
            return True
        whole = said.union(*(line.nearby for line in quoted))
        return any(_is_new(agent, whole) for agent in claim.agents)

    def _cosine(self, claim: str, quoted: str, line: Line) -> float:
        chunk = line.evidence.candidate.chunk
        about = f"{chunk.title}: {quoted}" if chunk.title else quoted
        texts = [claim, quoted, about]
        missing = [one for one in texts if one not in self._vectors]
        if missing:
            made = self._encoder.encode_documents(missing)
            self._vectors.update(zip(missing, made, strict=True))
        mine = self._vectors[claim]
        return max(float(np.dot(mine, self._vectors[one])) for one in texts[1:])


def _exchanged(mine: Value, theirs: Value | None) -> str:
    if theirs is None:
        return f"the evidence has {mine.text} of something else"
    return f"the evidence has {theirs.text} where this has {mine.text}"


def _is_new(stems: frozenset[str], said: frozenset[str]) -> bool:
    return stems.isdisjoint(said) and not any(_is_kindred(one, said) for one in stems)


def _plain(sentence: str) -> str:
    return " ".join(sentence.split())


def _quoted(line: Line) -> Quoted:
    short = next((one.short for one in line.evidence.sentences if one.span == line.span), line.span)
    return Quoted(line.evidence, line.span, short)


def _impossible(claim: Stated, lines: Lines) -> str | None:
    """Return why nothing can bear a sentence out, whatever the evidence has elsewhere."""
    if claim.text.rstrip("\"')").endswith(QUESTION_MARKS):
        return "it asks, and says nothing that could be checked"
    if not claim.content and not any(one.sure for one in claim.values):
        return "it says nothing that could be checked"
    if len(claim.values) > MOST_VALUES:
        return f"it has more than {MOST_VALUES} numbers and names and was not checked"
    missing = _missing(claim, lines)
    return f"no passage has the {missing}" if missing else None


def _missing(claim: Stated, lines: Lines) -> str | None:
    """Return an address, number or name that no passage has, None if there is no such one."""
    chunks = {line.passage: line.evidence.candidate.chunk for line in lines.all}
    texts = [chunk.encoded for chunk in chunks.values()]
    for address in addresses(claim.text):
        if not any(address in text for text in texts):
            return f"address {address}"
    for value in claim.numbers:
        number = value.number
        if number and not number.soft and not any(_has_number(number, line) for line in lines.all):
            return f"number {value.text}"
    for value in claim.names:
        known = any(_named(word, lines.flat) for word in value.words)
        if value.sure and not known and not any(_acronym(value.text, one) for one in texts):
            return f"name {value.text}"
    digits = _unread_digits(claim, texts)
    return f"number {digits}" if digits else None


def _unread_digits(claim: Stated, texts: Sequence[str]) -> str | None:
    """Return digits that were not read as a number and that no passage has, None if none."""
    spans = [one.number.span for one in claim.numbers if one.number]
    there = {digits for text in texts for _, digits in _digits(text)}
    return next(
        (
            digits
            for at, digits in _digits(claim.text)
            if digits not in there and not any(one.start <= at < one.end for one in spans)
        ),
        None,
    )


def _digits(text: str) -> Iterator[tuple[int, str]]:
    """Yield where digits stand, and signs that count as well, such as a number in a circle.

    Metres squared count nothing.
    """
    for found in _DIGITS.finditer(text):
        yield found.start(), found.group()
    for at, sign in enumerate(text):
        if unicodedata.category(sign) in _COUNTING and not text[at - 1 : at].isalpha():
            yield at, sign


def _nearest(claim: Stated, lines: Lines, named: frozenset[int]) -> list[Line]:
    """Return the sentences that have most of the claim, the likeliest first."""
    places: dict[int, float] = {}
    for one in claim.stems:
        for at in lines.by_stem.get(one, ()):
            places[at] = places.get(at, 0.0) + 1.0
    likely = sorted(places, key=lambda at: (-places[at], at))[: 4 * _CANDIDATES]
    scored = [
        (_weight(claim, lines.all[at]) + _NAMED * (lines.all[at].passage in named), at)
        for at in likely
    ]
    scored.sort(key=lambda one: (-one[0], one[1]))
    return [lines.all[at] for _, at in scored[:_CANDIDATES]]


def _weight(claim: Stated, line: Line) -> float:
    stems = line.said.stems
    total = sum(1.0 if one in stems else 0.4 * (one in line.context_stems) for one in claim.content)
    for value in claim.values:
        if _in_line(value, line):
            total += 2.0
        elif value.number is None and _around(value, line):
            total += 0.8
    return total


def _sets(claim: Stated, near: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """Yield what may bear a claim out: one sentence, then two, then three that have more."""
    yield from ((line,) for line in near[:5])
    for one, other in combinations(near[:6], 2):
        if _adds(claim, one, other):
            yield one, other
    if len(near) >= _QUOTES:
        for three in combinations(near[:4], _QUOTES):
            if _adds(claim, three[0], three[1]) and _adds(claim, three[0], three[2]):
                yield three


def _adds(claim: Stated, first: Line, other: Line) -> bool:
    """Tell whether a sentence has a value or word of the claim that the first one lacks."""
    shared = bool(claim.content & other.said.stems) or any(
        _named_in(one, other.said) for one in claim.names
    )
    anaphora = any(other is one for one in first.before) and bool(first.said.lowers & _THEN)
    if (shared or anaphora) and any(
        _in_line(one, other) and not _in_line(one, first) for one in claim.values
    ):
        return True
    return len((claim.content & other.said.stems) - first.said.stems) > 1


def _share(claim: Stated, quoted: Sequence[Line]) -> float:
    """Return which share of a claim the sentences have, what stands around them counting less."""
    said = frozenset[str]().union(*(line.said.stems for line in quoted))
    around = frozenset[str]().union(*(line.around.stems for line in quoted))
    nearby = frozenset[str]().union(*(line.nearby for line in quoted))
    words = [
        1.0
        if one in said
        else max(
            _AROUND * (one in around), _NEARBY * (one in nearby), _KINDRED * _is_kindred(one, said)
        )
        for one in claim.content
    ]
    values = [
        1.0 if any(_in_line(one, line) for line in quoted) else _AROUND * _has(one, quoted)
        for one in claim.values
    ]
    words += [
        1.0 for one in claim.numbers if any(_counts_alike(claim, one, line) for line in quoted)
    ]
    every = [*words, *values]
    if not every:
        return 0.0
    # Values say nothing of what is told of them.
    alone = sum(words) / len(words) if words else 1.0
    return (sum(every) / len(every) + alone) / 2


def _counts_alike(claim: Stated, value: Value, line: Line) -> bool:
    """Tell whether a number counts the same things in a sentence: 4,200 spectators."""
    mine = _counted(claim, value)
    return bool(mine) and any(
        one.number is not None
        and value.number is not None
        and same(value.number, one.number)
        and mine & _counted(line.said, one)
        for one in line.said.values
    )


def _counted(said: Stated, value: Value) -> frozenset[str]:
    return frozenset(
        stem for word in said.words[value.last + 1 : value.last + 3] for stem in word.stems
    )


def _is_kindred(stem: str, said: Collection[str]) -> bool:
    """Tell whether most of a stem is that of another: photograph, photography."""
    least = max(_LEAST_KINDRED, 0.7 * len(stem))
    return any(
        one[:_LEAST_KINDRED] == stem[:_LEAST_KINDRED]
        and shared_length(one, stem) >= max(least, 0.6 * len(one))
        for one in said
    )


def _has(value: Value, quoted: Sequence[Line]) -> bool:
    """Tell whether sentences have a value, or what stands around them does."""
    if not value.sure:
        return True
    if any(_in_line(value, line) for line in quoted):
        return True
    if value.number is not None:
        return any(_has_number(value.number, line, tied=value.tied) for line in quoted)
    return any(_around(value, line) for line in quoted)


def _in_line(value: Value, line: Line) -> bool:
    if value.number is not None:
        return any(
            one.number is not None and _is(value.number, one.number, line)
            for one in line.said.values
        )
    return _named_in(value, line.said)


def _is(claimed: Number, found: Number, line: Line) -> bool:
    return same(claimed, found) and _unit_fits(claimed, found, line)


def _named_in(value: Value, said: Stated) -> bool:
    """Tell whether a sentence has a name: its words in one name, or side by side."""
    if not all(_named(word, said.flat) for word in value.words):
        return False
    if len(value.words) == 1:
        return True
    if any(all(_named(word, one.words) for word in value.words) for one in said.names):
        return True
    return value.text.casefold() in said.text.casefold()


def _unit_fits(claimed: Number, found: Number, line: Line) -> bool:
    """Tell whether a unit that only the claim has is spoken of in the passage of the number."""
    if claimed.unit in {"", "times"} or found.unit or claimed.fraction != found.fraction:
        return True
    if claimed.unit == "year" and not _OF_AGE.isdisjoint(line.said.lowers):
        return True
    text = f"{line.plain} {line.around.text}".lower()
    return claimed.unit in line.units or claimed.unit in text


def _has_number(number: Number, line: Line, *, tied: bool = False) -> bool:
    """Tell whether a sentence has a number, with the year from around it where a date has none."""
    found = [one.number for one in line.said.numbers if one.number]
    if any(_is(number, one, line) for one in found):
        return True
    around = [one.number for one in line.around.numbers if one.number]
    if number.date and number.date[0] is not None and number.date[1] is not None:
        rest = replace(number, date=(None, *number.date[1:]))
        ahead = [one.number for before in line.before for one in before.said.numbers if one.number]
        year_told = number.date[0] in {one.year for one in (*around, *ahead)}
        if year_told and any(same(rest, one) for one in found):
            return True
    if number.date is not None and not any(comparable(number, one) for one in found):
        around += [
            one.number for before in line.before for one in before.said.numbers if one.number
        ]
    if any(_is_version(one) and same(number, one) for one in around):
        return True
    rivals = any(
        one.number and comparable(number, one.number) and one.tied == tied
        for one in line.said.values
    )
    if number.year is None and rivals:
        return number.soft
    return number.soft or any(same(number, one) for one in around)


def _is_version(number: Number) -> bool:
    """Tell whether a number of a title is no count: 2.1, or 8.15.0."""
    if number.unit or number.date or number.clock:
        return False
    return bool(number.exact) or any(one != one.to_integral_value() for one in number.readings)


def _named(word: str, flat: frozenset[str]) -> bool:
    if word in flat:
        return True
    return any(one_root(word, one) for one in flat if one[:2] == word[:2] or word in PEOPLES)


# What points at a number in the sentence before.
_OF_AGE: Final = frozenset(("aged", "age", "ages", "over", "under"))
_THEN: Final = frozenset(
    ("then", "that", "same", "this", "there", "thereafter", "afterwards", "later")
)
# What may stand for a name in the sentence before.
_GOING_ON: Final = word_list("going_on")


def _around(value: Value, line: Line) -> bool:
    """Tell whether title, headings, or the sentences before name it, maybe in full."""
    if _named_in(value, line.around):
        return True
    goes_on = bool(line.said.lowers & _GOING_ON) or (
        "the" in line.said.lowers and not any(one.sure for one in line.said.names)
    )
    if goes_on and any(_named_in(value, one.said) for one in line.before):
        return True
    chunk = line.evidence.candidate.chunk
    here = any(_named(word, line.said.flat) for word in value.words)
    if here and value.text.casefold() in chunk.encoded.casefold():
        return True
    if any(_completes(value, one, line) for one in line.said.names):
        return True
    return _acronym(value.text, chunk.encoded)


def _completes(value: Value, alone: Value, line: Line) -> bool:
    """Tell whether a first name that stands alone goes with a name of the family just before."""
    rest = value.words - alone.words
    return (
        bool(rest)
        and alone.words < value.words
        and any(rest < one.words for before in line.before for one in before.said.names)
    )


def _acronym(name: str, text: str) -> bool:
    """Tell whether a name is made of the first letters of words with capitals, or the reverse."""
    words = [word for word in name.split() if word[:1].isupper()]
    if len(words) > 1:
        short = "".join(word[0] for word in words)
        return short in text.replace("(", " ").replace(")", " ").split()
    if not name.isupper() or len(name) < 2:  # noqa: PLR2004 # letters
        return False
    capitals = [word[0] for word in text.split() if word[:1].isupper()]
    return name in "".join(capitals)
