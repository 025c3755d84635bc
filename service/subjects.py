"""What a document is about, by its title: `Manual X100` is about another thing than `Manual X200`.

Dates say when a document was written, not what it is about, so of minutes, reports and newsletters
they tell none from another. Numbers of versions and models do.
"""

import re
from collections.abc import Mapping
from typing import Final

_YEAR: Final = r"(?:19|20)\d\d"
_MONTH: Final = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_SHORT: Final = r"(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_WEEKDAY: Final = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
_DATE: Final = re.compile(
    r"(?<![\w.])(?:"
    rf"(?:{_WEEKDAY},? )?(?:the )?(?:{_DAY}[. -]*(?:of )?)?{_MONTH}\b\.?(?:[ -]{_DAY}\b)?"
    rf"(?:,?[ -]+{_YEAR})?"
    # A short form alone may be a person's name.
    rf"|{_DAY}[. -]*{_SHORT}\b\.?(?:[ -]{_YEAR})?"
    rf"|{_SHORT}\b\.?[ -]{_DAY}\b(?:,?[ -]+{_YEAR})?|{_SHORT}\b\.?[ -]{_YEAR}"
    rf"|{_YEAR}(?P<sign>[-/ ])(?:0[1-9]|1[0-2])(?:(?P=sign){_DAY})?"
    rf"|{_YEAR}\.(?:0[1-9]|1[0-2])\.(?:0[1-9]|[12]\d|3[01])"
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    rf"|{_DAY}[./]{_DAY}[./]{_YEAR}"
    rf"|(?:{_YEAR}[ -]?)?(?:[QH][1-4]|(?:calendar )?week \d\d?|(?:CW|KW|W)\d\d?)(?:[ -]?{_YEAR})?"
    r"|(?:(?:1st|2nd|3rd|4th|first|second|third|fourth) (?:quarter|half)(?: of)?)"
    rf"(?:,? {_YEAR})?"
    rf"|(?:FY ?)?{_YEAR}(?:[/-](?:{_YEAR}|\d\d))?"
    r")(?!\w|\.\d)",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[A-Z]\w*|\w*\d\w*")
# Titles that have so much of the shorter one in common tell apart what they do not.
_ALIKE: Final = 0.5


def subject(title: str) -> dict[str, bool]:
    """Return the words of a title by which it is told from others, with whether each is a name."""
    undated = _DATE.sub(" ", title.replace("_", " "))
    words = re.findall(r"\w+(?:\.\w+)*", undated)
    return {one.lower(): _NAME.match(one) is not None for one in words}


def is_other(mine: Mapping[str, bool], theirs: Mapping[str, bool]) -> bool:
    """Tell whether titles of one form name two things, like `Manual X100` and `Manual X200`."""
    shared = mine.keys() & theirs.keys()
    if not shared or len(shared) < _ALIKE * min(len(mine), len(theirs)):
        return False
    return all(
        any(name for word, name in one.items() if word not in shared) for one in (mine, theirs)
    )
