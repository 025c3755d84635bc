"""Clauses that say no where the same clause of the evidence says yes, or the reverse.

A sentence of several clauses may deny as often as the evidence does, and deny something else: `the
rent includes heating, but no electricity`. So each clause is held against the one that has most in
common with it, and with no other.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.lines import Line
from service.opposites import allies, formed_against, is_negator, opposites, refuses
from service.stated import LIGHT, Stated

# Words with which a clause may deny, or leave out, without a denial.
_QUALIFYING: Final = frozenset(
    ("only", "except", "unless", "without", "until", "before", "other", "others", "instead",
     "otherwise", "longer", "if", "nor", "neither", "than", "rather", "either", "any", "save")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause: its words, its stems that carry meaning, those that are denied, if it denies."""

    lowers: frozenset[str]
    stems: frozenset[str]
    denied: frozenset[str]
    denies: bool

    @property
    def is_qualified(self) -> bool:
        """Tell whether it may say no, or say less, without a word that denies."""
        if not self.denies and any(is_negator(one) for one in self.lowers):
            return True  # not more than six
        return bool(_QUALIFYING & self.lowers) or any(refuses(one) for one in self.lowers)


def turned(claim: Stated, lines: Sequence[Line]) -> bool:
    """Tell whether a clause of the claim denies what its counterpart affirms, or the reverse."""
    if not claim.denying and not any(line.said.denying for line in lines):
        return False
    mine = list(_clauses(claim))
    theirs = [one for line in lines for one in _clauses(line.said)]
    if len(theirs) < 2:  # noqa: PLR2004 # several
        return False
    often_here = Counter(stem for one in mine for stem in one.stems)
    often_there = Counter(stem for one in theirs for stem in one.stems)
    telling = {one for one, times in often_here.items() if times == often_there[one] == 1}
    for at, one in enumerate(mine):
        other = _counterpart(one, theirs, telling)
        if other is None or one.denies == other.denies:
            continue
        beside = [*mine[max(0, at - 1) : at], *mine[at + 1 : at + 2]]
        if any(
            near.denies == other.denies and _counterpart(near, theirs, telling) in {None, other}
            for near in beside
        ):
            continue  # it says the same, in two clauses
        if _is_turned(one, other):
            return True
    return False


def _clauses(said: Stated) -> Iterator[_Clause]:
    """Yield the clauses that have a word which carries meaning."""
    places: dict[int, list[int]] = {}
    for at, word in enumerate(said.words):
        places.setdefault(word.clause, []).append(at)
    for inside in places.values():
        stems = frozenset(one for at in inside for one in said.words[at].stems) - LIGHT
        denies = any(at in said.denying for at in inside)
        if stems or denies:
            yield _Clause(
                frozenset(said.words[at].lower for at in inside),
                stems,
                frozenset(one for at in inside if at in said.denied for one in said.words[at].stems)
                - LIGHT,
                denies,
            )


def _counterpart(mine: _Clause, theirs: Sequence[_Clause], telling: set[str]) -> _Clause | None:
    """Return the clause that has most in common with one of the claim's, None if not just one."""
    places = [len(mine.stems & one.stems & telling) for one in theirs]
    most = max(places)
    return theirs[places.index(most)] if most and places.count(most) == 1 else None


def _is_turned(mine: _Clause, other: _Clause) -> bool:
    """Tell whether one of two clauses denies what the other one says without other words for it."""
    if mine.is_qualified or other.is_qualified:
        return False
    if any((opposites(one) | allies(one)) & other.stems for one in mine.stems - other.stems):
        return False
    if any(formed_against(one, other.lowers) for one in mine.lowers):
        return False
    if mine.denies:
        shared = len(mine.stems & other.stems)
        return bool(mine.denied & other.stems) and 1 < len(mine.stems) < 2 * shared
    return 2 * len(other.denied & mine.stems) >= max(1, len(other.denied))
