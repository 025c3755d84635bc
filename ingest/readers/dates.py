"""Dates as documents write them, as ISO dates."""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_COMPACT: Final = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})(?:\d{6}(?!\d).*|T.*|[Z+-].*)?")
_WRITTEN: Final = ("%B %d, %Y", "%d %B %Y", "%b %d, %Y", "%d %b %Y")


def iso_date(value: object) -> str | None:
    """Return `value` as YYYY-MM-DD, or None where it names no single day.

    Understood are dates, ISO 8601 with or without a time, PDF dates, e-mail dates and English
    dates in words. A number that could be day or month first (03/04/2025) is not guessed.
    """
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        return None
    text = " ".join(value.split())
    match = _YEAR_FIRST.match(text) or _COMPACT.fullmatch(text)
    if match:
        return _day(*(int(group) for group in match.groups()))
    return _written(text)


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _written(text: str) -> str | None:
    for form in _WRITTEN:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError):
        return None
