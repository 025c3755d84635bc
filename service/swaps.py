"""Swaps: whether a number or name stands where the evidence has another one.

Every value of a sentence is a slot that its neighbours describe: the words of its clause and of the
rest, those right beside it, and, for names, on which side of them it stands. A value is swapped
where the evidence has another one of its kind whose neighbours fit clearly better.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from service.lines import Line
from service.numbers import same
from service.opposites import opposites
from service.slots import (
    GOVERNING,
    IN_CLAUSE,
    NEAR_VERB,
    PARTICIPLE,
    SUBJECTS,
    VERB,
    Slot,
    Slots,
    of_one_kind,
)
from service.stated import LIGHT, Stated, Value, folded, is_acronym, one_root

# What a claim's word counts that stands in another clause than the value.
_FURTHER: Final = 0.8
_FURTHER_OF_SEVERAL: Final = 0.35
# Of the words that describe a value, names count less and numbers more: they come in pairs.
_NAME: Final = 0.8
_NUMBER: Final = 1.5
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
_STANDING_FOR: Final = frozenset(("his", "her", "their", "its", "him", "them", "there", "our"))
_GOVERNED: Final = 0.4
_PEOPLE: Final = re.compile(r"\A[A-Z][a-z]+(?:ish|ian|ese|ean)\Z")
_FIRST: Final = 1
Fit = Mapping[str, float]
"""How well each thing that describes a value fits."""


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
        slots = Slots(said)
        self.slots = [slots.of(one) for one in said.values if one.sure]
        self._weights = {id(slot.value): self._described(slot) for slot in self.slots}
        # Each value is held against each other one again and again.
        self._fits: dict[tuple[int, int], Fit] = {}

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
        key = id(slot), id(found)
        if key not in self._fits:
            self._fits[key] = self._fitting(slot, found, line)
        return self._fits[key]

    def _fitting(self, slot: Slot, found: Slot, line: Line) -> Fit:
        fits = {}
        for stem, weight in self._weights[id(slot.value)].items():
            near = found.stands(stem)
            if stem in self.said.denied_stems and not line.said.denying:
                near = 0.0
            elif not near and stem in line.around.stems:
                near = _ABOVE
            elif not near and any(found.stands(one) == IN_CLAUSE for one in opposites(stem)):
                near = _OPPOSITE
            fits[stem] = weight * near
        beside = slot.word_before in GOVERNING and slot.word_before == found.word_before
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
        governed = slot.word_before in GOVERNING and not lowers & stands and not titled
        share = _GOVERNED if governed else 1.0
        near = _IN_TITLE if titled else _IMPLIED
        pronoun = next(
            (at for at, word in enumerate(line.said.words) if word.lower in SUBJECTS), None
        )
        if pronoun is not None and slot.value.number is None:
            value = Value("name", frozenset(), "", pronoun, pronoun)
            fits = self._fitting(slot, Slot(line.said, value, line.slots), line)
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
        if PARTICIPLE.match(word.lower) or VERB.match(word.lower)
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
    rivals = [(line, line.slots.of(one)) for line in lines for one in line.said.values if one.sure]
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
    found = _range_ends(slot.value, quoted)
    ends = [one for one in found if one is not None]
    if not ends or len(ends) < len(found) or any(is_same(end, one) for one in ends):
        return None
    return end, ends[0]


def _range_ends(number: Value, quoted: Sequence[Line]) -> list[Value | None]:
    """Return the other end of each range that a number begins or ends, None where it does not."""
    return [
        line.slots.of(one).range_end
        for line in quoted
        for one in line.said.numbers
        if is_same(number, one)
    ]


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
        found = _range_ends(slot.value, self._quoted)
        return any(one is not None and is_same(end, one) for one in found)

    def _is_in_order(self, slot: Slot, rival: Slot, line: Line) -> bool:
        """Tell whether the claim has both names as the sentence has them: A by B."""
        partner = _claimed(self._claim, rival.value)
        if partner is None or slot.value.number is not None:
            return False
        own = next((one for one in line.said.names if is_same(slot.value, one)), None)
        if own is None:
            return False
        found = line.slots.of(own)
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
    return len(ahead) <= NEAR_VERB and ahead[0] in {"his", "her", "their", "its", "the", "our"}


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
        claim.fit(slot, line.slots.of(one), line)
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
        claim.fit(slot, line.slots.of(one), line)
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
