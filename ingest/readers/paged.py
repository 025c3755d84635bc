"""Pages put together to one text, with where pages and tables lie, and words cut by a line's end.

Tables are marked in a page's text by signs, since words that are mended change their length.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from indexes.documents import Page, Span, Table
from ingest.readers.pdf_tables import FoundTable
from ingest.readers.pdf_words import LINE_END_HYPHEN

_PAGE_BREAK: Final = "\n\n"
# Between pages, around a table's rows and between them: noncharacters, which no page's text has.
_PAGE_SIGN: Final = "\ufdd0"
_TABLE_SIGN: Final = "\ufdd1"
_ROW_SIGN: Final = "\ufdd2"
_SIGNS: Final = re.compile(f"([{_PAGE_SIGN}{_TABLE_SIGN}{_ROW_SIGN}])")
_LINE_END: Final = re.compile(r"[^\S\n]*(?:\n|\Z)")
_HYPHENATED: Final = re.compile(rf"(?<![^\W\d_])([^\W\d_]+){LINE_END_HYPHEN}([^\W\d_]+)")
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class LaidOut:
    """The stored text with its pages and tables."""

    text: str
    pages: tuple[Page, ...]
    tables: tuple[Table, ...]


def without_signs(text: str) -> str:
    """Return a page's text free of the noncharacters that serve as signs here."""
    return _SIGNS.sub("\ufffd", text)


def with_tables(text: str, found: Sequence[FoundTable]) -> str:
    """Put tables in the place of their words."""
    parts, at = list[str](), 0
    for table in found:
        before = text[at : table.start]
        lines = ["\n".join(table.header), *table.rows] if table.header else [*table.rows]
        rows = f"{_ROW_SIGN}\n".join(lines)
        sign = _TABLE_SIGN if table.header else ""
        parts += [before, "" if not before or before.endswith("\n") else "\n"]
        parts += [sign, rows if sign else rows.replace(_ROW_SIGN, ""), sign]
        at = table.end
        parts += ["" if _LINE_END.match(text, at) else "\n"]
    return "".join([*parts, text[at:]])


def joined(texts: Sequence[str]) -> LaidOut:
    """Join the pages, and the words that a line's end had cut; find where pages and tables lie."""
    pages, found = list[Page](), list[Table]()
    pieces, rows = list[str](), list[Span]()
    place = page = 0
    row: int | None = None
    for piece in _SIGNS.split(mended(_PAGE_SIGN.join(texts))):
        if piece == _PAGE_SIGN:
            pages.append(Page(len(pages) + 1, Span(page, place)))
            page = place + len(_PAGE_BREAK)
        elif piece in {_TABLE_SIGN, _ROW_SIGN} and row is not None:
            rows.append(Span(row, place))
            row = place + len("\n")
        elif piece == _TABLE_SIGN:
            rows, row = [], place
        if piece == _TABLE_SIGN and rows:
            found.append(Table(rows[0], tuple(rows[1:])))
            row = None
        shown = _PAGE_BREAK if piece == _PAGE_SIGN else _SIGNS.sub("", piece)
        place += len(shown)
        pieces.append(shown)
    pages.append(Page(len(pages) + 1, Span(page, place)))
    return LaidOut("".join(pieces), tuple(pages), tuple(found))


def mended(text: str) -> str:
    """Put the hyphen back where pdfium left its sign, or the word together where none belongs.

    The rest of the document decides which: whether it writes the word in one or with a hyphen.
    Where it has neither, the way of most of the others is taken.
    """
    cut = _HYPHENATED.findall(text)
    if cut:
        words = Counter(_WORD.findall(text.lower()))
        joined = {pair: words[(pair[0] + pair[1]).lower()] for pair in cut}
        spelt = {pair: words["-".join(pair).lower()] for pair in cut}
        soft = sum(joined[pair] > spelt[pair] for pair in cut)
        hard = sum(joined[pair] < spelt[pair] for pair in cut)

        def mend(match: re.Match[str]) -> str:
            pair = (match[1], match[2])
            surplus = joined[pair] - spelt[pair] or soft - hard
            return match[1] + match[2] if surplus > 0 and match[2][0].islower() else "-".join(pair)

        text = _HYPHENATED.sub(mend, text)
    return text.replace(LINE_END_HYPHEN, "-")
