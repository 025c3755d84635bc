"""The words and values of a few words of text, in a form in which equal ones are equal."""

import re
from typing import Final

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_SHORT_MONTHS: Final = {
    **{form: month[:3] for month in _MONTHS for form in (month, month[:3])},
    "sept": "sep",
}
_COUNTING: Final = """
zero one two three four five six seven eight nine ten eleven twelve
"""
_DIGITS: Final = {word: str(number) for number, word in enumerate(_COUNTING.split())}
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

    `1,000` is `1000`, `two` is `2`, `2026-07-03`, `3rd July 2026` and `July 3, 2026` have the same
    values; a sign or currency ahead of a number and `%` behind it are part of it.
    """
    plain = _ISO_DATE.sub(_written_out, _THOUSANDS.sub("", text)).lower()
    found = (_value(one) for one in _TOKEN.findall(plain))
    return [one for one in found if one not in _ARTICLES]


def denies(text: str) -> bool:
    """Tell whether a word of a text denies something."""
    return _DENIES.search(text) is not None


def _written_out(date: re.Match[str]) -> str:
    year, month, day = date.groups()
    name = _MONTHS[int(month) - 1] if 1 <= int(month) <= len(_MONTHS) else month
    return f"{int(day)} {name} {year}"


def _value(token: str) -> str:
    if _ORDINAL.fullmatch(token):
        return token[:-2]
    known = _SHORT_MONTHS.get(token) or _DIGITS.get(token)
    return known or token.replace("\u2212", "-").replace(" ", "")
