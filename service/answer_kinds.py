"""The kind of a short answer: an amount with its unit, a date, a time of day, a name, or words.

Answers of one kind can be told to exclude each other; those of two kinds cannot.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from indexes.lexical import terms
from service.values import MONTH_NAME, MONTHS, NUMBER_WORDS, values
from service.wording import UNIT_FORMS, group_of, speaks_of

Kind = Literal["amount", "date", "time", "name", "words"]

_NUMBER: Final = re.compile(r"[-+]?\d+(?:[.,:/-]\d+)*")
_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {form: unit for unit, forms in UNIT_FORMS for form in forms.split()}
)
MONEY: Final = frozenset({"euro", "dollar", "pound", "yen", "cent", "crown", "kronor", "franc"})
DURATIONS: Final = frozenset({"second", "minute", "hour", "day", "night", "week", "month", "year"})
_SIGN: Final = "[\u20ac$\u00a3\u00a5]"
_UNIT: Final = r"[^\W\d_]+(?:/[^\W\d_]+)*|[%\u20ac$\u00a3\u00a5]"
_AHEAD: Final = re.compile(rf"({_SIGN}|\b(?:EUR|USD|GBP|JPY)\b) ?[-+\u2212]?\d")
_BEHIND: Final = re.compile(rf"\d[\w.,:/-]*\s*({_UNIT})")
_FIRST: Final = re.compile(rf"\s*({_UNIT})")
_TIME: Final = re.compile(
    r"\b(\d{1,2})(?:[:.](\d\d))? ?(am|pm|a\.m\.|p\.m\.|o.clock)(?!\w)|\b(\d{1,2}):(\d\d)\b",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(?:1\d|20|21)\d\d")
_DAY: Final = re.compile(r"[12]?\d|3[01]")
_NAME: Final = re.compile(r"\b[A-Z]\w*|\b\w*\d\w*")
_IS_NUMBER: Final = re.compile(r"[^\w\s]*\d")
_HALF_DAY: Final = 12
_BOUNDS: Final = frozenset(
    ("least", "most", "up", "over", "under", "more", "less", "fewer", "than", "maximum", "minimum",
     "from", "until", "till", "before", "after", "since", "by", "to")
)  # fmt: skip
# A sentence that begins with a number behind one of these says something of that thing: nothing of
# version 2 is denied by what is said of version 3.
_NUMBERED: Final = re.compile(
    r"\s*(?:the )?(?:version|release|volume|chapter|section|part|page|model|type|season|episode"
    r"|room|gate|line|platform|article|paragraph|class|grade|phase|step|level|lot|building|house"
    r"|flat|no\.)\s+",
    re.IGNORECASE,
)
# Terms that are values, or parts of some.
_VALUES: Final = speaks_of(
    f"{' '.join(NUMBER_WORDS)} {' '.join(MONTHS)} {MONTH_NAME} eur usd gbp jpy am pm clock o"
)
# Numbers that are said to be rough may differ by so much of the larger one.
_ROUGHLY: Final = 0.25


@dataclass(frozen=True, slots=True)
class Answer:
    """A short answer: its kind and what it says.

    `says` has the numbers of an amount, the minutes since midnight of a time, the parts of a date
    by name, else the words; `named` are those of the words that name something, `bounds` those that
    make a number a limit, as in `up to 20`.
    """

    kind: Kind
    says: tuple[tuple[str, str], ...]
    unit: str = ""
    named: frozenset[str] = frozenset()
    bounds: frozenset[str] = frozenset()

    def beside(self, words: str) -> frozenset[str]:
        """Return the terms of the answer's words that are no part of its value: `a month`."""
        if self.kind in {"name", "words"}:
            return frozenset()
        return speaks_of(words) - _VALUES - {group_of(self.unit)} - self.bounds

    def is_as(self, other: "Answer") -> bool:
        """Tell whether both say the same."""
        if (self.kind, self.says, self.bounds) != (other.kind, other.says, other.bounds):
            return False
        return self.kind != "amount" or _one_unit(self, other)

    def excludes(self, other: "Answer", *, rough: bool = False) -> bool:
        """Tell whether both cannot be right; one that only says more excludes nothing.

        Of `rough` numbers those exclude each other that are far apart.
        """
        if self.kind != other.kind or self.bounds != other.bounds:
            return False
        mine, theirs = dict(self.says), dict(other.says)
        if self.kind == "amount" and not _one_unit(self, other):
            # The same number of another currency is no conversion.
            return {self.unit, other.unit} <= MONEY and mine == theirs
        if self.kind == "date":
            return any(mine[part] != theirs[part] for part in mine.keys() & theirs.keys())
        if self.kind in {"amount", "time"}:
            return _differ(mine, theirs, rough=rough)
        ours, others = set(mine), set(theirs)
        if not ours & others:
            return True
        return bool((ours - others) & self.named and (others - ours) & other.named)


def names_subject(words: str, before: str) -> bool:
    """Tell whether words that follow `before` are the number of what their sentence is about."""
    number = _NUMBER.search(words)
    return number is not None and bool(_NUMBERED.fullmatch(before + words[: number.start()]))


def answer_of(words: str, behind: str) -> Answer:
    """Return the answer that words are; `behind` is what follows them in their sentence."""
    found = values(words)
    if times := [_minutes(one) for one in _TIME.finditer(words)]:
        return Answer("time", _numbered(times), bounds=_BOUNDS & set(found))
    numbers = [one.strip("\u20ac$\u00a3\u00a5%") for one in found if _IS_NUMBER.match(one)]
    if not numbers:
        named = frozenset(values(" ".join(_NAME.findall(words))))
        kind: Kind = "name" if named else "words"
        return Answer(kind, tuple((one, "") for one in sorted(set(found))), named=named)
    unit = _unit(words, behind)
    if date := _date(found, unit):
        return Answer("date", date, bounds=_BOUNDS & set(found))
    return Answer("amount", _numbered(numbers), unit, bounds=_BOUNDS & set(found))


def _one_unit(one: Answer, other: Answer) -> bool:
    return one.unit == other.unit or not one.unit or not other.unit


def _differ(mine: Mapping[str, str], theirs: Mapping[str, str], *, rough: bool) -> bool:
    if any(":" in one for one in (*mine.values(), *theirs.values())):
        return False  # results and ratios: there are many of one thing
    return len(mine) == len(theirs) and mine != theirs and not (rough and _near(mine, theirs))


def _near(mine: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    """Tell whether numbers are about the same; what is no plain number is taken to be."""
    try:
        pairs = [
            (float(one), float(two))
            for one, two in zip(mine.values(), theirs.values(), strict=True)
        ]
    except ValueError:
        return True
    return all(abs(one - two) <= _ROUGHLY * max(abs(one), abs(two)) for one, two in pairs)


def _numbered(found: list[str]) -> tuple[tuple[str, str], ...]:
    return tuple((str(place), value) for place, value in enumerate(found))


def _has_digit(value: str) -> bool:
    return any(one.isdigit() for one in value)


def _minutes(time: re.Match[str]) -> str:
    hour, minute, half, plain_hour, plain_minute = time.groups()
    hours = int(hour or plain_hour)
    if half and half[0].lower() in "ap":
        hours = hours % _HALF_DAY + _HALF_DAY * (half[0].lower() == "p")
    return str(60 * hours + int(minute or plain_minute or 0))


def _date(found: list[str], unit: str) -> tuple[tuple[str, str], ...]:
    """Return the parts of a date, none where it is no date or is two of them."""
    months = [one for one in found if one in MONTHS]
    years = [one for one in found if _YEAR.fullmatch(one)]
    days = [one for one in found if _DAY.fullmatch(one)]
    parts = {"year": years, "month": months, "day": days}
    numbers = sum(map(_has_digit, found))
    if any(len(one) > 1 for one in parts.values()) or numbers > len(years) + len(days):
        return ()
    if not months and (not years or days or unit):
        return ()
    return tuple((name, one[0]) for name, one in parts.items() if one)


def _unit(words: str, behind: str) -> str:
    """Return the unit of the first number: a currency ahead of it, or the word behind it."""
    if ahead := _AHEAD.search(words):
        return _UNITS[ahead[1].lower()]
    in_digits = " ".join(values(words))
    found = _BEHIND.search(in_digits) or (
        _FIRST.match(behind) if _has_digit(in_digits[-1:]) else None
    )
    return unit_of(found[1]) if found else ""


def unit_of(word: str) -> str:
    """Return a unit by one name, whatever its form; nothing for a word that names none."""
    known = _UNITS.get(word.lower())
    return known or next(iter(terms(word.replace("/", ""))), "")
