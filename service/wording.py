"""What a sentence speaks of: its terms, in a form in which other words for the same are equal."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from indexes.lexical import terms
from service.values import denies

UNIT_FORMS: Final = (
    ("euro", "\u20ac eur euro euros"),
    ("dollar", "$ usd dollar dollars"),
    ("pound", "\u00a3 gbp"),
    ("yen", "\u00a5 jpy yen"),
    ("percent", "% percent"),
    ("m", "m metre metres meter meters"),
    ("km", "km kilometre kilometres kilometer kilometers"),
    ("cm", "cm centimetre centimetres centimeter centimeters"),
    ("kg", "kg kilo kilos kilogram kilograms"),
    ("g", "g gram grams"),
    ("l", "l litre litres liter liters"),
    ("minute", "min mins minute minutes"),
    ("hour", "h hr hrs hour hours"),
    ("second", "s sec second seconds"),
)
"""Units by one name, and the forms that each is written in."""
# Words that say the same of a value, as far as a sentence goes that has one.
_GROUPS: Final = (
    "cost costs fee price charge tariff amount pay payable",
    "year yearly annual annually annum",
    "month monthly",
    "week weekly",
    "day daily",
    "hour hourly",
    "night nightly",
    "long length duration last lasts take takes",
    "high height tall",
    "wide width",
    "deep depth",
    "heavy weigh weighs weight",
    "built build construct constructed erect erected",
    "begin begins began start starts started commence",
    "end ends finish finishes conclude",
    "held happen happens schedule scheduled planned date",
    "due deadline",
    "inhabitants residents population people live lives",
    "staff employees workers",
    "open opens opening",
    "close closes closing",
)
# Words without which a sentence says the same.
_LIGHT: Final = (
    "now currently presently present today still also only just about around approximately roughly "
    "nearly almost exactly has have had having been were does do did from we our ours you your its "
    "his her hers each every per whole already again shall would can could must may should limit"
)
_PHRASES: Final = (
    (re.compile(r"\bno longer\b", re.IGNORECASE), " not "),
    (re.compile(r"\b(?:take|takes|taken|took|taking) place\b", re.IGNORECASE), " held "),
    # `lowered to`, but never `lowered by`: that tells a difference.
    (
        re.compile(
            r"\b(?:raised|lowered|increased|decreased|reduced|changed|extended|shortened|moved|set"
            r"|fixed)(?= (?:to|at)\b)",
            re.IGNORECASE,
        ),
        " ",
    ),
    (re.compile(r"\b((?:was|were|is|are|been) )first\b", re.IGNORECASE), r"\1"),
)
_WAY: Final = re.compile(
    r"\b(to|from|via|into|towards?|before|after|until|till|above|below|under|over|within|without"
    r"|outside|inside) (?:the |an? )?([^\W\d]\w*)",
    re.IGNORECASE,
)
_ROUGH: Final = re.compile(
    r"\b(?:about|around|approximately|approx|roughly|nearly|almost|some|circa|ca)\b|~",
    re.IGNORECASE,
)
_PAST: Final = re.compile(r"\b(?:was|were|had|did)\b", re.IGNORECASE)
_PRESENT: Final = re.compile(
    r"\b(?:is|are|has|have|do|does|will|shall|can|may|must|should)\b"  # but not the month May
)
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")


def _canonical() -> dict[str, str]:
    # `s` is mostly what is left of a name's `'s`.
    units = (f"{unit} {forms.removeprefix('s ')}" for unit, forms in UNIT_FORMS)
    return {form: terms(group)[0] for group in (*_GROUPS, *units) for form in terms(group)}


_SAME: Final[Mapping[str, str]] = MappingProxyType(_canonical())
_LIGHT_TERMS: Final = frozenset(terms(_LIGHT))


def ways(text: str) -> frozenset[tuple[str, str]]:
    """Return the words that lead somewhere or set a bound, each with the word behind it.

    As terms they are too common to count, but the train to Kiel is not the one from there.
    """
    return frozenset((one.lower(), word.lower()) for one, word in _WAY.findall(text))


def is_rough(text: str) -> bool:
    """Tell whether a text says that a number is not exact."""
    return _ROUGH.search(text) is not None


def other_tense(mine: str, theirs: str) -> bool:
    """Tell whether one text speaks of the past and the other does not, as far as is seen."""
    return any(
        is_past(one) and (_PRESENT.search(two) or _begun(one) & _going_on(two))
        for one, two in ((mine, theirs), (theirs, mine))
    )


def is_past(text: str) -> bool:
    """Tell whether a text speaks of the past, as far as is seen."""
    return _PRESENT.search(text) is None and bool(_PAST.search(text) or _begun(text))


def _begun(text: str) -> frozenset[str]:
    return frozenset(terms(" ".join(re.findall(r"\b\w+ed\b", text))))


def _going_on(text: str) -> frozenset[str]:
    return frozenset(terms(" ".join(re.findall(r"\b\w+s\b", text))))


def speaks_of(text: str) -> frozenset[str]:
    """Return the terms of a text, one for all words of a group; no numbers, no words of denial."""
    for phrase, plain in _PHRASES:
        text = phrase.sub(plain, text)
    found = (one for one in terms(_NUMBER.sub(" ", text)) if not denies(one))
    return frozenset(_SAME.get(one, one) for one in found) - _LIGHT_TERMS


def group_of(word: str) -> str:
    """Return the term of a word's group."""
    return next(iter(speaks_of(word)), "")
