"""Slots: the values of a sentence, each with what describes it.

What describes a value are the words of its clause and of the rest, those right beside it, and, for
names, on which side of them it stands.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from service.numbers import comparable
from service.stated import APART, RANKS, Stated, Value

# What a word of the evidence counts where it is in the value's clause; in one without such a value;
# ahead of the value in an earlier clause, which a later one may leave out (`opens at 7 and at 9 on
# Sundays`); elsewhere in another value's clause; in title and headings.
IN_CLAUSE: Final = 1.0
_SHARED: Final = 0.9
_LEFT_OUT: Final = 0.6
_LEFT_OUT_LABELLED: Final = 0.85
_OF_ANOTHER: Final = 0.1
_BEING: Final = frozenset(("is", "are", "was", "were", "be", "been", "being", "gets", "got", "get"))
PARTICIPLE: Final = re.compile(
    r"(?:\w{2,}ed|\w{3,}en|made|built|won|sold|held|led|bought|found|paid|sent|kept|lost|met|taught"
    r"|told|brought|caught|hit|put|set|read|known|shown|drawn|grown|worn|begun|sung|run|cut|left)\Z"
)
_RANGING: Final = frozenset(("to", "until", "till", "-", "\u2013"))
_RANGE_APART: Final = 3
SUBJECTS: Final = frozenset(("he", "she", "it", "they", "who", "which", "this", "these", "we"))
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
GOVERNING: Final = frozenset(
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
VERB: Final = re.compile(r"\w{2,}s\Z")
NEAR_VERB: Final = 3
_PASSED_OVER: Final = (
    frozenset(("the", "a", "an", "about", "around", "dr", "mr", "mrs", ".")) | RANKS
)


@dataclass(frozen=True, eq=False)
class Slot:
    """A value of a sentence and what describes it; `slots` has those of the other values."""

    said: Stated
    value: Value
    slots: "Slots"

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
        return tuple(map(self.slots.of, self.others))

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
        near = words[self.value.last + 1 : self.value.last + 2 + NEAR_VERB]
        for at, word in enumerate(near):
            if word.lower in _BEING:
                return -1 if any(PARTICIPLE.match(one.lower) for one in near[at + 1 :]) else 0
        return 0

    @cached_property
    def _is_agent(self) -> bool:
        """Tell whether `by` stands a few words ahead: by the actress Delia Marsh."""
        near = self.said.words[max(0, self.value.first - 4) : self.value.first]
        lowers = [word.lower for word in near if word.clause == self.clause]
        if "by" not in lowers or self.value.number is not None:
            return False
        behind = lowers[lowers.index("by") + 1 :]
        return not any(one in GOVERNING for one in behind)

    @cached_property
    def governing(self) -> str:
        """The preposition that it depends on, none for who acts in a passive."""
        return self.word_before if self.word_before in GOVERNING - {"by"} else ""

    @cached_property
    def relation(self) -> str:
        """The preposition ahead of it, "" where it stands alone."""
        return self.word_before if self.word_before in GOVERNING else ""

    @cached_property
    def links(self) -> bool:
        """Tell whether its clause only says what something is, in either order."""
        words = [word.lower for word in self.said.words if word.clause == self.clause]
        being = [at for at, word in enumerate(words) if word in _BEING]
        return bool(being) and not any(PARTICIPLE.match(one) for one in words[being[0] + 1 :])

    def sided(self, at: int) -> bool:
        """Tell whether it stands, as an active sentence has it, ahead of the word at a place."""
        if self.side:
            return self.side > 0
        return self.value.last < at

    def stands(self, stem: str) -> float:
        """Return how near a stem is to the value, in [0, 1]."""
        if stem not in self._standing:
            places = self.said.places.get(stem, ())
            self._standing[stem] = max(map(self._near, places), default=0.0)
        return self._standing[stem]

    @cached_property
    def _standing(self) -> dict[str, float]:
        """How near each stem is that was asked for."""
        return {}

    def _near(self, at: int) -> float:
        if self.value.first <= at <= self.value.last:
            return 0.0
        clause = self.said.words[at].clause
        return IN_CLAUSE if clause in self.clauses else self._near_from(at, clause)

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
        return IN_CLAUSE if self._is_meant(at, clause) else _OF_ANOTHER

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
            one for one in words if one in _BEING | _AUXILIARY | _MODAL or PARTICIPLE.match(one)
        ]
        return bool(SUBJECTS.intersection(words[:2])) or not verbs

    def _labels(self, at: int, there: Sequence[Value]) -> bool:
        """Tell whether a word says who another name is."""
        if self.value.number is not None or not any(at == one.first - 1 for one in there):
            return False
        word = self.said.words[at].lower
        return not PARTICIPLE.match(word) and not VERB.match(word)

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
            one in _BEING or one in _AUXILIARY or PARTICIPLE.match(one) or one in _MODAL
            for one in own
        )

    @cached_property
    def _completes(self) -> bool:
        """Tell whether its clause begins with what was done: `, conducted by Paavo Kivi`."""
        words = [word.lower for word in self.said.words if word.clause == self.clause]
        begins = next((one for one in words if one[0].isalpha()), "")
        return PARTICIPLE.match(begins) is not None and self.value.number is None

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
        return not behind or behind[0].lower in GOVERNING or not behind[0].stems

    def _is_counted(self, at: int, others: Sequence[Value]) -> bool:
        """Tell whether a word is among those that another number counts."""
        for one in others:
            for place in range(one.last + 1, min(one.last + 6, len(self.said.words))):
                if self.said.words[place].lower in GOVERNING - {"for", "of"}:
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
        return PARTICIPLE.match(begins) is not None or VERB.match(begins) is not None

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


@dataclass(frozen=True, eq=False)
class Slots:
    """The slots of a sentence, each made once: what describes one depends on the others."""

    said: Stated

    @cached_property
    def _by_value(self) -> dict[int, Slot]:
        return {id(one): Slot(self.said, one, self) for one in self.said.values}

    def of(self, value: Value) -> Slot:
        """Return the slot of one of the sentence's own values."""
        return self._by_value[id(value)]


def of_one_kind(one: Value, other: Value) -> bool:
    """Tell whether one value may stand in the place of the other."""
    if one.number is not None and other.number is not None:
        return one.tied == other.tied and comparable(one.number, other.number)
    return one.kind == other.kind and one.number is None and other.number is None
