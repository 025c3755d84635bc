"""Swaps: whether a number or name stands where the evidence has another one.

Every value of a sentence is a slot that its neighbours describe: the words of its clause and of the
rest, those right beside it, and, for names, on which side of them it stands. A value is swapped
where the evidence has another one of its kind whose neighbours fit clearly better.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from service.lines import Line
from service.numbers import comparable, same
from service.opposites import opposites
from service.stated import APART, LIGHT, RANKS, Stated, Value, folded, is_acronym, one_root

# What a claim's word counts that stands in another clause than the value.
_FURTHER: Final = 0.8
_FURTHER_OF_SEVERAL: Final = 0.35
# Of the words that describe a value, names count less and numbers more: they come in pairs.
_NAME: Final = 0.8
_NUMBER: Final = 1.5
# What a word of the evidence counts where it is in the value's clause; in one without such a value;
# ahead of the value in an earlier clause, which a later one may leave out (`opens at 7 and at 9 on
# Sundays`); elsewhere in another value's clause; in title and headings.
_IN_CLAUSE: Final = 1.0
_SHARED: Final = 0.9
_LEFT_OUT: Final = 0.6
_LEFT_OUT_LABELLED: Final = 0.85
_OF_ANOTHER: Final = 0.1
_ABOVE: Final = 0.7
_OPPOSITE: Final = -0.5
_WORD_BEFORE: Final = 0.3
_WORD_BEHIND: Final = 0.5
_SIDE: Final = 0.35
_IMPLIED: Final = 0.75
_IN_TITLE: Final = 0.95
# So much better, and by this share of all in which they differ, must another value fit: in the
# quoted sentences, in others, and where the sentences do not name the value themselves.
_BETTER: Final = (0.3, 0.25)
_BETTER_ELSEWHERE: Final = (0.6, 0.35)
_BETTER_THAN_IMPLIED: Final = (0.6, 0.3)
# The least share of what describes a number that must describe it in the evidence too.
_LEAST_SHARE: Final = 0.4
_LITTLE: Final = 0.35
_DESCRIBED: Final = 3
_BETTER_OTHERWISE: Final = (1.2, 0.3)
_BEING: Final = frozenset(("is", "are", "was", "were", "be", "been", "being", "gets", "got", "get"))
_PARTICIPLE: Final = re.compile(
    r"(?:\w{2,}ed|\w{3,}en|made|built|won|sold|held|led|bought|found|paid|sent|kept|lost|met|taught"
    r"|told|brought|caught|hit|put|set|read|known|shown|drawn|grown|worn|begun|sung|run|cut|left)\Z"
)
_RANGING: Final = frozenset(("to", "until", "till", "-", "\u2013"))
_RANGE_APART: Final = 3
_SUBJECTS: Final = frozenset(("he", "she", "it", "they", "who", "which", "this", "these", "we"))
_GOING_ON: Final = frozenset(("and", "but", "or"))
_MODAL: Final = frozenset(
    ("may", "can", "must", "should", "will", "would", "could", "shall", "pay", "cost")
)
_AUXILIARY: Final = frozenset(
    (
        "was",
        "were",
        "is",
        "are",
        "has",
        "had",
        "have",
        "later",
        "then",
        "also",
        "never",
        "not",
        "been",
    )
)
_CONJUNCTIONS: Final = frozenset(("and", "or", "but", "while", "whereas", "than"))
_RELATIVE: Final = frozenset(("which", "who", "whom", "whose", "that", "where"))
_GOVERNING: Final = frozenset(
    (
        "by",
        "with",
        "to",
        "at",
        "in",
        "on",
        "from",
        "for",
        "of",
        "under",
        "near",
        "off",
        "against",
        "after",
        "into",
        "between",
        "around",
    )
)
_STANDING_FOR: Final = frozenset(("his", "her", "their", "its", "him", "them", "there", "our"))
_GOVERNED: Final = 0.4
_VERB: Final = re.compile(r"\w{2,}s\Z")
_PEOPLE: Final = re.compile(r"\A[A-Z][a-z]+(?:ish|ian|ese|ean)\Z")
_NEAR_VERB: Final = 3
_FIRST: Final = 1
_PASSED_OVER: Final = (
    frozenset(("the", "a", "an", "about", "around", "dr", "mr", "mrs", ".")) | RANKS
)
Fit = Mapping[str, float]
"""How well each thing that describes a value fits."""


@dataclass(frozen=True)
class Slot:
    """A value of a sentence and what describes it."""

    said: Stated
    value: Value

    @cached_property
    def clause(self) -> int:
        """The clause that it stands in."""
        return self.said.words[self.value.first].clause

    @cached_property
    def word_before(self) -> str:
        """The word ahead of it."""
        at = self.value.first - 1
        while at >= 0 and self.said.words[at].lower in _PASSED_OVER:
            at -= 1
        return self.said.words[at].lower if at >= 0 else ""

    @cached_property
    def stems_behind(self) -> frozenset[str]:
        """The stems of the two words behind it."""
        behind = self.said.words[self.value.last + 1 : self.value.last + 3]
        clause = self.said.words[self.value.last].clause
        return frozenset(one for word in behind if word.clause == clause for one in word.stems)

    @cached_property
    def counted(self) -> frozenset[str]:
        """The stems behind a number, or behind another one where it leaves them out."""
        if self.stems_behind or not self._counts_nothing:
            return self.stems_behind
        return frozenset[str]().union(*(one.stems_behind for one in self.other_slots))

    @cached_property
    def range_end(self) -> Value | None:
        """The other end of a range that a number is one end of: from 8 to 12, none if of none."""
        numbers = self.said.numbers
        for one, other in pairwise(numbers):
            if self.value not in (one, other) or other.first - one.last > _RANGE_APART:
                continue
            between = {word.lower for word in self.said.words[one.last + 1 : other.first]}
            ahead = {word.lower for word in self.said.words[max(0, one.first - 2) : one.first]}
            if _RANGING & between or ("and" in between and "between" in ahead):
                return other if self.value is one else one
        return None

    @cached_property
    def clauses(self) -> frozenset[int]:
        """The clauses that speak of it: those around an apposition, else its own."""
        if not self._is_alone:
            return frozenset({self.clause})
        around = [one for one in (self.clause - 1, self.clause + 1) if self._is_beside(one)]
        if self.clause not in around and self._first(self.clause) in {"and", "or"}:
            around.append(self.clause - 1)  # one of several, of which all the same is said
        return frozenset({self.clause, *around})

    def _first(self, clause: int) -> str:
        return next((word.lower for word in self.said.words if word.clause == clause), "")

    def _is_beside(self, clause: int) -> bool:
        """Tell whether a comma, not a word such as `and`, parts the clause from another."""
        begin = self._first(max(clause, self.clause))
        return begin != "" and begin not in _CONJUNCTIONS

    @cached_property
    def others(self) -> tuple[Value, ...]:
        """The other values of its kind in the sentence."""
        return tuple(
            one
            for one in self.said.values
            if one is not self.value and one.sure and of_one_kind(one, self.value)
        )

    @cached_property
    def other_slots(self) -> tuple["Slot", ...]:
        """The slots of the other values of its kind."""
        return tuple(Slot(self.said, one) for one in self.others)

    @cached_property
    def is_labelled(self) -> bool:
        """Tell whether its clause has words behind it and none ahead, as `at 9 on Sundays` has."""
        words = self.said.words
        ahead = any(word.stems for word in words[: self.value.first] if word.clause == self.clause)
        behind = any(
            word.stems for word in words[self.value.last + 1 :] if word.clause == self.clause
        )
        return behind and not ahead

    @cached_property
    def leads(self) -> bool:
        """Tell whether it is the first name of its sentence, which later clauses may be on."""
        return self.value.number is None and not any(
            one.first < self.value.first for one in self.others
        )

    @cached_property
    def side(self) -> int:
        """-1 where a passive makes it the object of what stands behind it, 1 where it acts."""
        words = self.said.words
        if self.word_before == "by" or self._is_agent:
            return 1
        near = words[self.value.last + 1 : self.value.last + 2 + _NEAR_VERB]
        for at, word in enumerate(near):
            if word.lower in _BEING:
                return -1 if any(_PARTICIPLE.match(one.lower) for one in near[at + 1 :]) else 0
        return 0

    @cached_property
    def _is_agent(self) -> bool:
        """Tell whether `by` stands a few words ahead: by the actress Delia Marsh."""
        near = self.said.words[max(0, self.value.first - 4) : self.value.first]
        lowers = [word.lower for word in near if word.clause == self.clause]
        if "by" not in lowers or self.value.number is not None:
            return False
        behind = lowers[lowers.index("by") + 1 :]
        return not any(one in _GOVERNING for one in behind)

    @cached_property
    def governing(self) -> str:
        """The preposition that it depends on, none for who acts in a passive."""
        return self.word_before if self.word_before in _GOVERNING - {"by"} else ""

    @cached_property
    def relation(self) -> str:
        """The preposition ahead of it, "" where it stands alone."""
        return self.word_before if self.word_before in _GOVERNING else ""

    @cached_property
    def links(self) -> bool:
        """Tell whether its clause only says what something is, in either order."""
        words = [word.lower for word in self.said.words if word.clause == self.clause]
        being = [at for at, word in enumerate(words) if word in _BEING]
        return bool(being) and not any(_PARTICIPLE.match(one) for one in words[being[0] + 1 :])

    def sided(self, at: int) -> bool:
        """Tell whether it stands, as an active sentence has it, ahead of the word at a place."""
        if self.side:
            return self.side > 0
        return self.value.last < at

    def stands(self, stem: str) -> float:
        """Return how near a stem is to the value, in [0, 1]."""
        return max((self._near(at) for at in self.said.places.get(stem, ())), default=0.0)

    def _near(self, at: int) -> float:
        if self.value.first <= at <= self.value.last:
            return 0.0
        clause = self.said.words[at].clause
        return _IN_CLAUSE if clause in self.clauses else self._near_from(at, clause)

    def _near_from(self, at: int, clause: int) -> float:
        """Return how near a word of another clause is to the value."""
        if clause // APART != self.clause // APART:
            return self._near_from_part(at, clause // APART)
        there = [one.value for one in self.other_slots if clause in one.clauses]
        if not there:
            return _SHARED
        if self._labels(at, there):
            return _OF_ANOTHER  # `the biologist Sara Lund`
        if clause < self.clause and (near := self._left_out(at, clause, there)) is not None:
            return near
        if clause > self.clause and self._goes_on(at, clause, there):
            return _LEFT_OUT_LABELLED
        return _IN_CLAUSE if self._is_meant(at, clause) else _OF_ANOTHER

    def _near_from_part(self, at: int, part: int) -> float:
        """Return how near a word of another part of the sentence is, behind a semicolon."""
        there = [one.value.first for one in self.other_slots if one.clause // APART == part]
        if not there:
            return _SHARED
        goes_on = at < min(there) and at < self.value.first and self._refers_back
        return _LEFT_OUT_LABELLED if goes_on else _OF_ANOTHER

    @cached_property
    def _refers_back(self) -> bool:
        """Tell whether its part of the sentence goes on what was said: ; it was 9 in May."""
        block = self.clause // APART
        words = [word.lower for word in self.said.words if word.clause // APART == block]
        verbs = [
            one for one in words if one in _BEING | _AUXILIARY | _MODAL or _PARTICIPLE.match(one)
        ]
        return bool(_SUBJECTS.intersection(words[:2])) or not verbs

    def _labels(self, at: int, there: Sequence[Value]) -> bool:
        """Tell whether a word says who another name is."""
        if self.value.number is not None or not any(at == one.first - 1 for one in there):
            return False
        word = self.said.words[at].lower
        return not _PARTICIPLE.match(word) and not _VERB.match(word)

    def _left_out(self, at: int, clause: int, there: Sequence[Value]) -> float | None:
        """Return how near a word of an earlier clause is that the value's clause leaves out."""
        in_value = at in self.said.value_places
        if self._acts_on(at):
            return _LEFT_OUT_LABELLED
        if self.clause in self.said.bare_clauses:
            return _OF_ANOTHER if in_value else _LEFT_OUT_LABELLED
        completed = clause == self.clause - 1 and self._completes and not in_value
        if completed or (self._counts_nothing and self._is_counted(at, there)):
            return _LEFT_OUT_LABELLED
        if at < min(one.first for one in there):
            return _LEFT_OUT_LABELLED if self.is_labelled or self._ends else _LEFT_OUT
        return None

    def _goes_on(self, at: int, clause: int, there: Sequence[Value]) -> bool:
        """Tell whether a word of a later clause is said of the value too."""
        if self.leads and self._has_no_subject(clause):
            return True
        if clause != self.clause + 1 or self._first(clause) != "and":
            return False
        return self._is_alone or (self._has_no_verb and at > there[-1].last)

    @cached_property
    def _has_no_verb(self) -> bool:
        """Tell whether its clause is a subject only: `babies and people over 60 may`."""
        own = [word.lower for word in self.said.words if word.clause == self.clause]
        return not any(
            one in _BEING or one in _AUXILIARY or _PARTICIPLE.match(one) or one in _MODAL
            for one in own
        )

    @cached_property
    def _completes(self) -> bool:
        """Tell whether its clause begins with what was done: `, conducted by Paavo Kivi`."""
        words = [word.lower for word in self.said.words if word.clause == self.clause]
        begins = next((one for one in words if one[0].isalpha()), "")
        return _PARTICIPLE.match(begins) is not None and self.value.number is None

    @cached_property
    def _ends(self) -> bool:
        """Tell whether a number that counts nothing ends its clause: `paid accounts 600`."""
        return self._counts_nothing and not any(
            word.stems and word.clause == self.clause
            for word in self.said.words[self.value.last + 1 :]
        )

    @cached_property
    def _counts_nothing(self) -> bool:
        """Tell whether a number has nothing that it counts: `and 19 in colour`."""
        if self.value.number is None:
            return False
        behind = self.said.words[self.value.last + 1 : self.value.last + 2]
        return not behind or behind[0].lower in _GOVERNING or not behind[0].stems

    def _is_counted(self, at: int, others: Sequence[Value]) -> bool:
        """Tell whether a word is among those that another number counts."""
        for one in others:
            for place in range(one.last + 1, min(one.last + 6, len(self.said.words))):
                if self.said.words[place].lower in _GOVERNING - {"for", "of"}:
                    break
                if place == at:
                    return True
        return False

    def _acts_on(self, at: int) -> bool:
        """Tell whether a word is of the sentence's first name, and the value no subject itself."""
        first = next((one for one in self.said.names if one.sure), None)
        if first is None or not first.first <= at <= first.last:
            return False
        words = self.said.words[: self.value.first]
        return any(word.clause == self.clause and word.stems for word in words)

    @cached_property
    def _is_alone(self) -> bool:
        """Tell whether nothing but the value stands in its clause."""
        words = [
            at
            for at, word in enumerate(self.said.words)
            if word.clause == self.clause and word.stems
        ]
        return all(self.value.first <= at <= self.value.last for at in words)

    def _has_no_subject(self, clause: int) -> bool:
        """Tell whether a clause begins with `and` and what somebody does."""
        words = [
            word for word in self.said.words if word.clause == clause and word.text[0].isalnum()
        ]
        if not words or words[0].lower not in _GOING_ON:
            return False
        behind = [word.lower for word in words[1:4] if word.lower not in _AUXILIARY]
        begins = behind[0] if behind else ""
        return _PARTICIPLE.match(begins) is not None or _VERB.match(begins) is not None

    def _is_meant(self, at: int, clause: int) -> bool:
        """Tell whether a word is the one that `which` or `who` ahead of the value stands for."""
        if clause + 1 != self.clause:
            return False
        words = self.said.words
        begin = next(place for place, word in enumerate(words) if word.clause == self.clause)
        if not any(word.lower in _RELATIVE for word in words[begin : begin + 3]):
            return False
        before = [place for place in range(begin) if words[place].stems]
        return bool(before) and at == before[-1]


def of_one_kind(one: Value, other: Value) -> bool:
    """Tell whether one value may stand in the place of the other."""
    if one.number is not None and other.number is not None:
        return one.tied == other.tied and comparable(one.number, other.number)
    return one.kind == other.kind and one.number is None and other.number is None


def is_same(claimed: Value, found: Value) -> bool:
    """Tell whether two values are one, as far as they can be told alone."""
    if claimed.number is not None and found.number is not None:
        return same(claimed.number, found.number)
    if claimed.number is not None or found.number is not None:
        return False
    if len(claimed.words) == len(found.words) == 1:
        return all(one_root(one, other) for one in claimed.words for other in found.words)
    if is_acronym(claimed.text, found.text) or is_acronym(found.text, claimed.text):
        return True
    return bool(claimed.words & found.words) and (
        claimed.words <= found.words or found.words <= claimed.words
    )


class Claim:
    """The values of a sentence, each with the words that describe it."""

    def __init__(self, said: Stated) -> None:
        self.said = said
        self.slots = [Slot(said, one) for one in said.values if one.sure]
        self._weights = {id(slot.value): self._described(slot) for slot in self.slots}

    def beside(self, slot: Slot) -> frozenset[str]:
        """Return the stems in a value's own clause, without numbers."""
        return frozenset(
            one
            for at, word in enumerate(self.said.words)
            if word.clause in slot.clauses and not slot.value.first <= at <= slot.value.last
            for one in word.stems
            if one not in LIGHT and not one.startswith("#")
        )

    def is_on(self, line: Line, slot: Slot) -> bool:
        """Tell whether a sentence names all that the claim does beside a value."""
        flat = line.said.flat | line.around.flat
        return all(
            one.value.words & flat
            for one in self.slots
            if one is not slot and one.value.kind in {"name", "code"}
        )

    def has(self, value: Value) -> bool:
        """Tell whether the claim has a word of a name."""
        return bool(value.words & self.said.flat)

    def _described(self, slot: Slot) -> Fit:
        """Return how much each stem of the sentence describes a value."""
        further = _FURTHER_OF_SEVERAL if slot.others else _FURTHER
        kinds = {
            at: _NUMBER if one.number is not None else _NAME
            for one in self.said.values
            if one.sure
            for at in range(one.first, one.last + 1)
        }
        found: dict[str, float] = {}
        for at, word in enumerate(self.said.words):
            if slot.value.first <= at <= slot.value.last:
                continue
            weight = (1.0 if word.clause in slot.clauses else further) * kinds.get(at, 1.0)
            for one in word.stems:
                if one not in LIGHT or opposites(one):
                    found[one] = max(found.get(one, 0.0), weight)
        return found

    def whole(self, slot: Slot) -> float:
        """Return by how much a value is described."""
        weights = self._weights[id(slot.value)]
        return sum(weight for one, weight in weights.items() if not one.startswith("#"))

    def fit(self, slot: Slot, found: Slot, line: Line) -> Fit:
        """Return how well what describes a value of the claim describes one of the evidence."""
        fits = {}
        for stem, weight in self._weights[id(slot.value)].items():
            near = found.stands(stem)
            if stem in self.said.denied_stems and not line.said.denying:
                near = 0.0
            elif not near and stem in line.around.stems:
                near = _ABOVE
            elif not near and any(found.stands(one) == _IN_CLAUSE for one in opposites(stem)):
                near = _OPPOSITE
            fits[stem] = weight * near
        beside = slot.word_before in _GOVERNING and slot.word_before == found.word_before
        fits[" before"] = _WORD_BEFORE * beside
        if slot.value.number is not None:
            fits[" behind"] = _WORD_BEHIND * bool(slot.stems_behind & found.counted)
        else:
            fits[" side"] = _SIDE * self._sides(slot, found)
        return fits

    def _sides(self, slot: Slot, found: Slot) -> float:
        """Return of how many words both stand on the same side, less those where they do not."""
        if slot.links or found.links:
            return 0.0
        mine = _places(slot)
        theirs = _places(found)
        shared = mine.keys() & theirs.keys()
        agreeing = sum(slot.sided(mine[one]) == found.sided(theirs[one]) for one in shared)
        return min(2.0, max(-2.0, 2.0 * agreeing - len(shared)))

    def implied(self, slot: Slot, lines: Sequence[Line]) -> Fit:
        """Return how well a value fits that the sentences themselves do not name."""
        fits = [self._implied(slot, line) for line in lines]
        return max(fits, key=lambda one: sum(one.values()))

    def titled(self, slot: Slot, line: Line) -> Fit:
        """Return how well a value would fit that a sentence's title names."""
        weights = self._weights[id(slot.value)]
        return {
            one: _IN_TITLE * weight * (one in line.said.stems) for one, weight in weights.items()
        }

    def _implied(self, slot: Slot, line: Line) -> Fit:
        lowers = line.said.lowers
        stands = _STANDING_FOR if slot.word_before in {"of", "by"} else frozenset({"there"})
        titled = bool(slot.value.words & line.around.flat)
        governed = slot.word_before in _GOVERNING and not lowers & stands and not titled
        share = _GOVERNED if governed else 1.0
        near = _IN_TITLE if titled else _IMPLIED
        pronoun = next(
            (at for at, word in enumerate(line.said.words) if word.lower in _SUBJECTS), None
        )
        if pronoun is not None and slot.value.number is None:
            value = Value("name", frozenset(), "", pronoun, pronoun)
            fits = self.fit(slot, Slot(line.said, value), line)
            return {one: share * fit for one, fit in fits.items()}
        stems = line.said.stems
        weights = self._weights[id(slot.value)]
        return {one: share * near * weight * (one in stems) for one, weight in weights.items()}


def _places(slot: Slot) -> dict[str, int]:
    """Return where the stems of a value's clause stand, without the values' own."""
    taken = {at for one in slot.said.values if one.sure for at in range(one.first, one.last + 1)}
    return {
        one: at
        for at, word in enumerate(slot.said.words)
        if word.clause == slot.clause and at not in taken
        if _PARTICIPLE.match(word.lower) or _VERB.match(word.lower)
        for one in word.stems
    }


def swapped(
    claim: Claim, quoted: Sequence[Line], near: Sequence[Line]
) -> tuple[Value, Value | None] | None:
    """Return a value of the claim and the one that the evidence has in its place, None if none.

    A number may have none in its place and yet be told of something else. `quoted` are the
    sentences that are to bear it out, `near` others that speak of the same.
    """
    lines = [*quoted, *(one for one in near if not _is_among(one, quoted))]
    rivals = [
        (line, Slot(line.said, one)) for line in lines for one in line.said.values if one.sure
    ]
    compared = _Compared(claim, quoted, lines)
    if (twice := _told_twice(claim, quoted, lines)) is not None:
        return twice, None
    for slot in claim.slots:
        if compared.is_elsewhere(slot):
            return slot.value, None
        if (ends := _ends_otherwise(slot, quoted)) is not None:
            return ends
        mine, implied = compared.own[id(slot.value)]
        found = _named_above(claim, slot, mine, quoted)
        found = found or (_leading(claim, slot, quoted) if implied else None)
        if found is None:
            better = (one for line, one in rivals if compared.is_better(slot, line, one))
            found = next((one.value for one in better), None)
        if found is not None:
            return slot.value, found
    return None


def _ends_otherwise(slot: Slot, quoted: Sequence[Line]) -> tuple[Value, Value] | None:
    """Return the other end of a claim's range and the one that the evidence has, None if equal."""
    end = slot.range_end
    if end is None:
        return None
    found = [
        Slot(line.said, one).range_end
        for line in quoted
        for one in line.said.numbers
        if is_same(slot.value, one)
    ]
    ends = [one for one in found if one is not None]
    if not ends or len(ends) < len(found) or any(is_same(end, one) for one in ends):
        return None
    return end, ends[0]


class _Compared:
    """A claim's values beside those of the evidence that might stand in their places."""

    def __init__(self, claim: Claim, quoted: Sequence[Line], lines: Sequence[Line]) -> None:
        self._claim, self._quoted, self._lines = claim, quoted, lines
        self.own = {id(slot.value): _own(claim, slot, quoted) for slot in claim.slots}

    def is_elsewhere(self, slot: Slot) -> bool:
        """Tell whether a number comes from a sentence that has little else of the clause."""
        beside = self._claim.beside(slot)
        if slot.value.number is None or len(beside) < _DESCRIBED or len(self._quoted) == 1:
            return False
        mine = self.own[id(slot.value)][0]
        return sum(mine.get(one, 0.0) for one in beside) < _LEAST_SHARE * len(beside)

    def _speaks_of_the_same(self, line: Line, slot: Slot) -> bool:
        """Tell whether a sentence that is not quoted may have what is told of the claim's names."""
        here = any(line.passage == one.passage for one in self._quoted)
        named = any(one is not slot and one.value.number is None for one in self._claim.slots)
        return (here or named) and self._claim.is_on(line, slot)

    def _is_no_share(self, slot: Slot, rival: Slot) -> bool:
        """Tell whether the evidence has a claim's percents, and the rival is none."""
        mine, theirs = slot.value.number, rival.value.number
        if mine is None or theirs is None or theirs.unit == "percent" or mine.unit != "percent":
            return False
        return any(
            one.number and one.number.unit == "percent" and is_same(slot.value, one)
            for line in self._quoted
            for one in line.said.values
        )

    def _is_of_a_range(self, slot: Slot) -> bool:
        """Tell whether the evidence has a number of the claim in the same range."""
        end = slot.range_end
        if end is None:
            return False
        found = (
            Slot(line.said, one).range_end
            for line in self._quoted
            for one in line.said.numbers
            if is_same(slot.value, one)
        )
        return any(one is not None and is_same(end, one) for one in found)

    def _is_in_order(self, slot: Slot, rival: Slot, line: Line) -> bool:
        """Tell whether the claim has both names as the sentence has them: A by B."""
        partner = _claimed(self._claim, rival.value)
        if partner is None or slot.value.number is not None:
            return False
        own = next((one for one in line.said.names if is_same(slot.value, one)), None)
        if own is None:
            return False
        found = Slot(line.said, own)
        mine, theirs = slot.value.first < partner.value.first, own.first < rival.value.first
        return (
            mine == theirs
            and found.relation == slot.relation
            and rival.relation == partner.relation
            and not (slot.links or found.links)
        )

    def is_better(self, slot: Slot, line: Line, rival: Slot) -> bool:
        """Tell whether a value of a sentence fits clearly better than the claim's own."""
        if not _is_rival(slot, rival) or _is_one(slot, rival) or _is_set_aside(self._claim, rival):
            return False
        if not _is_among(line, self._quoted) and not self._speaks_of_the_same(line, slot):
            return False
        mine, implied = self.own[id(slot.value)]
        if self._is_of_a_range(slot) and rival.range_end is None:
            return False
        if self._is_no_share(slot, rival) or self._is_in_order(slot, rival, line):
            return False
        if implied and _has_unit(rival.value) and not _has_unit(slot.value):
            return False
        pairs = [(mine, self._claim.fit(slot, rival, line))]
        if (partner := _claimed(self._claim, rival.value)) is not None:
            theirs = _best(self._claim, partner, slot.value, self._lines)
            pairs.append((self.own[id(partner.value)][0], theirs))
        least = _least(line, self._quoted, implied=implied)
        if implied and bool(slot.governing) != bool(rival.governing):
            least = _BETTER_OTHERWISE
        return _is_better(pairs, least)


def _is_one(slot: Slot, rival: Slot) -> bool:
    """Tell whether two values are the same, or names with a word in common."""
    return is_same(slot.value, rival.value) or bool(slot.value.words & rival.value.words)


def _is_set_aside(claim: Claim, rival: Slot) -> bool:
    """Tell whether the evidence says right ahead of a value that it is not this one: not at 0."""
    ahead = range(max(0, rival.value.first - 2), rival.value.first)
    return not claim.said.denying and any(at in rival.said.denying for at in ahead)


def _is_doubled(value: Value, behind: Sequence[Slot], lines: Sequence[Line]) -> bool:
    """Tell whether a claim has a number again that no sentence has twice: from 13 to 13 October."""
    if value.tied or not any(
        one.value.number is not None and not one.value.tied and is_same(value, one.value)
        for one in behind
    ):
        return False
    found = [one for line in lines for one in line.said.values if is_same(value, one)]
    others = [
        one for line in lines for one in line.said.values if of_one_kind(value, one) and one.sure
    ]
    return len(found) == 1 and len(others) > 1


def _told_twice(claim: Claim, quoted: Sequence[Line], lines: Sequence[Line]) -> Value | None:
    """Return a value that a claim has twice and the evidence once: Jon Hart, Jon Hart's deputy."""
    for at, slot in enumerate(claim.slots):
        if slot.value.number is not None and _is_doubled(slot.value, claim.slots[at + 1 :], lines):
            return slot.value
        if slot.value.kind != "name" or slot.value.number is not None:
            continue
        again = any(
            one.value.kind == "name" and one.value.words == slot.value.words
            for one in claim.slots[at + 1 :]
        )
        if again and sum(_mentions(slot.value, line) for line in quoted) == 1:
            return slot.value
    return None


def _mentions(value: Value, line: Line) -> int:
    """Return how often a sentence, or what stands around it, has a word of a name."""
    places = [*line.said.words, *line.around.words]
    names = [folded(word.text) for word in places]
    return max(names.count(one) for one in value.words)


def _has_unit(value: Value) -> bool:
    return value.number is not None and value.number.unit != ""


def _is_among(line: Line, lines: Sequence[Line]) -> bool:
    return any(line is one for one in lines)


def _is_rival(slot: Slot, rival: Slot) -> bool:
    """Tell whether a value may stand in a claim's place, as may all that count the same things."""
    mine, theirs = slot.value.number, rival.value.number
    if len(slot.value.words) > 1 and _PEOPLE.search(rival.value.text):
        return False
    if of_one_kind(slot.value, rival.value):
        return mine is None or theirs is None or not _counts_otherwise(slot, rival)
    if mine is None or theirs is None or mine.kind != theirs.kind:
        return False
    return any(not one.startswith("#") for one in slot.stems_behind & rival.stems_behind)


def _counts_otherwise(slot: Slot, rival: Slot) -> bool:
    """Tell whether one number has a unit, and the other counts things: 16 weeks, 271 patients."""
    for one, other in ((slot, rival), (rival, slot)):
        if one.value.number and other.value.number and one.value.number.unit:
            if other.value.number.unit:
                return False
            things = {stem for stem in other.stems_behind if not stem.startswith("#")} - LIGHT
            return bool(things) and things.isdisjoint(one.stems_behind)
    return False


def _named_above(claim: Claim, slot: Slot, mine: Fit, quoted: Sequence[Line]) -> Value | None:
    """Return the name that a title has where a claim has another one, None if none."""
    if slot.value.kind != "name" or sum(mine.values()) > _LITTLE * claim.whole(slot):
        return None
    for line in quoted:
        names = [one for one in line.around.names if one.kind == "name" and one.sure]
        chunk = line.evidence.candidate.chunk
        if slot.value.text.casefold() in chunk.text.casefold():
            continue
        if not names or any(claim.has(one) for one in names) or _named_here(slot.value, line):
            continue
        if _is_better([(mine, claim.titled(slot, line))], _BETTER_ELSEWHERE):
            return names[0]
    return None


def _leading(claim: Claim, slot: Slot, quoted: Sequence[Line]) -> Value | None:
    """Return the name that a sentence begins with where a claim begins with one that it lacks."""
    if slot.value.number is not None or slot.value.first > _FIRST or slot.side < 0:
        return None
    for line in quoted:
        first = next((one for one in line.said.names if one.sure), None)
        if (
            first
            and first.first <= _FIRST
            and not claim.has(first)
            and first.kind == slot.value.kind
        ):
            return first
    return None


def _begins(said: Stated, first: Value) -> bool:
    """Tell whether a name begins a sentence, as does `His daughter Nuala`."""
    if first.first <= _FIRST:
        return True
    ahead = [word.lower for word in said.words[: first.first]]
    return len(ahead) <= _NEAR_VERB and ahead[0] in {"his", "her", "their", "its", "the", "our"}


def _named_here(value: Value, line: Line) -> bool:
    return value.words <= line.said.flat | line.around.flat


def _is_better(pairs: Sequence[tuple[Fit, Fit]], least: tuple[float, float]) -> bool:
    """Tell whether the second fits are better together, and clearly so where they differ."""
    gains = [
        theirs.get(one, 0.0) - mine.get(one, 0.0)
        for mine, theirs in pairs
        for one in mine.keys() | theirs.keys()
    ]
    gain, differing = sum(gains), sum(map(abs, gains))
    return gain > least[0] and gain > least[1] * differing


def _least(line: Line, quoted: Sequence[Line], *, implied: bool) -> tuple[float, float]:
    if implied:
        return _BETTER_THAN_IMPLIED
    return _BETTER if _is_among(line, quoted) else _BETTER_ELSEWHERE


def _own(claim: Claim, slot: Slot, quoted: Sequence[Line]) -> tuple[Fit, bool]:
    """Return how well a value fits in the quoted sentences, and whether none names it."""
    fits = [
        claim.fit(slot, Slot(line.said, one), line)
        for line in quoted
        for one in line.said.values
        if is_same(slot.value, one)
    ]
    if fits:
        return max(fits, key=lambda one: sum(one.values())), False
    return claim.implied(slot, quoted), True


def _best(claim: Claim, slot: Slot, value: Value, lines: Sequence[Line]) -> Fit:
    """Return how well what describes a value of the claim fits where the evidence has another."""
    fits = [
        claim.fit(slot, Slot(line.said, one), line)
        for line in lines
        for one in line.said.values
        if of_one_kind(value, one) and is_same(value, one)
    ]
    if fits:
        return max(fits, key=lambda one: sum(one.values()))
    return claim.implied(slot, lines[:1])


def _claimed(claim: Claim, value: Value) -> Slot | None:
    """Return the slot of the claim that has this value too, None if none has."""
    return next(
        (
            one
            for one in claim.slots
            if of_one_kind(one.value, value)
            and (is_same(one.value, value) or one.value.words & value.words)
        ),
        None,
    )
