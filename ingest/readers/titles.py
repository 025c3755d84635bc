"""Titles that files state of themselves, as far as somebody meant them."""

import re
from collections.abc import Sequence
from typing import Final

from indexes.documents import Heading, stored_form

_NAMELESS: Final = re.compile(
    r"(?i)untitled.*|unknown|[\W\d_]*|\S+\.[a-z]{2,4}|(?=\S*\d{4})\S+"
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


def heading_title(text: str, headings: Sequence[Heading]) -> str:
    """Return the outermost heading that is the document's title, "" where none is.

    It stands at the very beginning, or is the only one of its level; else it is of a part only.
    """
    first = [heading.span for heading in headings if heading.level == 1]
    is_title = len(first) == 1 or (bool(first) and first[0].start == 0)
    return first[0].cut(text) if is_title else ""
