"""The words and values of a few words of text, in a form in which equal ones are equal."""

import re
from decimal import Decimal
from typing import Final

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_SHORT_MONTHS: Final = {
    **{form: month[:3] for month in _MONTHS for form in (month, month[:3])},
    "sept": "sep",
}
MONTHS: Final = frozenset(month[:3] for month in _MONTHS)
"""The names of months, as values have them."""
MONTH_NAME: Final = rf"(?:{'|'.join(_MONTHS)})"
"""The pattern of a month's whole name, in small letters."""
_COUNTING: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL: Final = {
    **{word: number for number, word in enumerate(_COUNTING)},
    **{word: 10 * number for number, word in enumerate(_TENS, start=2)},
}
_LARGE: Final = {"one": 1, "thousand": 10**3, "million": 10**6, "billion": 10**9}
NUMBER_WORDS: Final = (*_SMALL, "hundred", *_LARGE)
"""The words that numbers are written in."""
_BELOW_HUNDRED: Final = (
    rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_COUNTING[1:10])}))?|{'|'.join(_COUNTING)})"
)
_IN_WORDS: Final = re.compile(
    rf"\b(?:(?P<small>{_BELOW_HUNDRED})"
    r"|(?P<digits>(?<![.,:/-])\d+(?:\.\d+)?(?= [htmb]))|a(?= [htmb]))"
    rf"(?P<hundred> hundred(?:(?: and)? (?P<rest>{_BELOW_HUNDRED}))?)?"
    rf"(?P<large> (?:thousand|million|billion))?\b"
)
_ISO_DATE: Final = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ORDINAL: Final = re.compile(r"\d+(?:st|nd|rd|th)")
_TOKEN: Final = re.compile(
    rf"{_ORDINAL.pattern}\b"
    r"|(?:(?<!\w)[-\u2212])?(?:[$\u20ac\u00a3\u00a5] ?)?\d+(?:[.,:/-]\d+)*(?: ?%)?"
    r"|\w+"
)
_ARTICLES: Final = frozenset(("a", "an", "the"))
_DENIES: Final = re.compile(
    r"\b(?:not|never|no|none|nor|without|cannot)\b|n't\b|n\u2019t\b", re.IGNORECASE
)


def values(text: str) -> list[str]:
    """Return words and values in order: small letters, no article, numbers and dates as digits.

    `1,000` is `1000`, `two` is `2`, `twenty-five` is `25` and `1.5 million` is `1500000`;
    `2026-07-03`, `3rd July 2026` and `July 3, 2026` have the same values; a sign or currency ahead
    of a number and `%` behind it are part of it.
    """
    plain = _ISO_DATE.sub(_written_out, _THOUSANDS.sub("", text)).lower()
    plain = _IN_WORDS.sub(_in_digits, plain)
    found = (_value(one) for one in _TOKEN.findall(plain))
    return [one for one in found if one not in _ARTICLES]


def denies(text: str) -> bool:
    """Tell whether a word of a text denies something."""
    return _DENIES.search(text) is not None


def _written_out(date: re.Match[str]) -> str:
    year, month, day = date.groups()
    name = _MONTHS[int(month) - 1] if 1 <= int(month) <= len(_MONTHS) else month
    return f"{int(day)} {name} {year}"


def _in_digits(number: re.Match[str]) -> str:
    first = Decimal(sum(_SMALL[word] for word in re.split("[- ]", number["small"] or "") if word))
    if not number["small"]:
        if not (number["hundred"] or number["large"]):
            return number[0]
        first = Decimal(number["digits"] or 1)
    if number["hundred"]:
        rest = re.split("[- ]", number["rest"] or "")
        first = first * 100 + sum(_SMALL[word] for word in rest if word)
    value = first * _LARGE[(number["large"] or " one").strip()]
    return f"{value.normalize():f}"


def _value(token: str) -> str:
    if _ORDINAL.fullmatch(token):
        return token[:-2]
    known = _SHORT_MONTHS.get(token)
    return known or token.replace("\u2212", "-").replace(" ", "")
