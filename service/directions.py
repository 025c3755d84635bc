"""Rises and falls that their own numbers refute: `rose from 39 to 31`, `160, up from 210`."""

from itertools import pairwise
from typing import Final

from service.opposites import stem
from service.stated import Stated, Value

_RISING: Final = (
    "rise", "increase", "grow", "climb", "gain", "raise", "jump", "soar", "surge", "up",
)  # fmt: skip
_FALLING: Final = (
    "fall", "decrease", "drop", "decline", "shrink", "reduce", "lower", "sink", "plunge", "slump",
    "cut", "down",
)  # fmt: skip
_UP: Final = frozenset(map(stem, _RISING))
_DOWN: Final = frozenset(map(stem, _FALLING))
# Between numbers so far apart a word such as `million` is told for both.
_FAR: Final = 1000
_LOOKED_BACK: Final = 8


def goes_the_wrong_way(claim: Stated) -> bool:
    """Tell whether a claim says that something rose to less, or fell to more."""
    return any(_is_wrong(claim, one, other) for one, other in pairwise(claim.numbers))


def _is_wrong(claim: Stated, one: Value, other: Value) -> bool:
    lowers = [word.lower for word in claim.words]
    if (
        lowers[max(0, one.first - 1) : one.first] == ["from"]
        and "to" in lowers[one.last + 1 : other.first]
    ):
        grown, way = _grown(one, other), _way(claim, one.first - 1)
    elif lowers[max(0, other.first - 2) : other.first] in (["up", "from"], ["down", "from"]):
        grown, way = _grown(other, one), lowers[other.first - 2] == "up"
    else:
        return False
    return grown is not None and way is not None and grown != way


def _grown(first: Value, last: Value) -> bool | None:
    """Tell whether the second of two amounts is more, None where they cannot be compared."""
    one, other = first.number, last.number
    if one is None or other is None or one.kind != "number" or other.kind != "number":
        return None
    if len(one.readings) != 1 or len(other.readings) != 1 or one.readings == other.readings:
        return None
    if (one.unit and other.unit and one.unit != other.unit) or one.year or other.year:
        return None
    ((less,), (more,)) = one.readings, other.readings
    return None if more > _FAR * less else more > less


def _way(claim: Stated, at: int) -> bool | None:
    """Tell whether the last word of a change ahead of a place is one of growing, None if none."""
    for place in range(at - 1, max(-1, at - 1 - _LOOKED_BACK), -1):
        word = claim.words[place]
        stems = {*word.stems, stem(word.lower)}
        if stems & _UP:
            return True
        if stems & _DOWN:
            return False
        if place in claim.value_places:
            return None
    return None
