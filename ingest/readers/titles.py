"""Titles that files state of themselves, as far as somebody meant them."""

import re
from typing import Final

from indexes.documents import stored_form

_NAMELESS: Final = re.compile(
    r"(?i)untitled.*|unknown|[\W\d_]*|\S+\.[a-z]{2,4}|\S*\d{4,}\S*"
    r"|(?:microsoft )?(?:powerpoint|word|excel)[ -]*(?:presentation|document|workbook)?"
    r"|(?:presentation|document|slide|book|workbook|title)\s*\d*"
)
_PREFIXES: Final = ("Microsoft Word - ", "Microsoft PowerPoint - ", "Microsoft Excel - ")


def stated_title(value: str) -> str:
    """Return a title on one line, "" where it is a mere file name, a number or a program's own."""
    title = " ".join(stored_form(value).split())
    for prefix in _PREFIXES:
        title = title.removeprefix(prefix)
    return "" if _NAMELESS.fullmatch(title) else title
