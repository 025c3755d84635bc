"""Rows of a table: where the cells of a chunk are, and what each cell's column is called."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

from indexes.documents import Span, StoredChunk
from indexes.rows import RECORDS, delimiter

_WORD: Final = re.compile(r"\w")
_BAR: Final = re.compile(r"(?<!\\)\|")
_Cutter = Callable[[str], Iterator[tuple[Span, list[Span]]]]
"""Yields each row of a text and its cells."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row and its cells with words, as spans of the document's text; `names` of their columns.

    `apart` is what of each name tells the column from others: a row of the header with one name
    for many columns stands above the first of them, and is of all: their `title`.
    """

    span: Span
    cells: tuple[Span, ...]
    names: tuple[str, ...]
    apart: tuple[str, ...]
    title: str = ""


def table_rows(chunk: StoredChunk) -> list[Row]:
    """Return the rows of a chunk that is cut from a table, none for other chunks.

    The header's own rows are left out. Cells of CSV may be quoted (RFC 4180); elsewhere they are
    parted by `|`, as the readers of documents write them, or by tabs.
    """
    if chunk.header is None:
        return []
    lines = _lines_by(_cutter(chunk))
    named = [[cell.cut(chunk.header) for cell in cells] for _, cells in lines(chunk.header)]
    above = [one for one in named if _is_of_all(one, named)]
    names, apart = _names(named), _names([one for one in named if one not in above])
    title = " ".join(words for one in above for words in one if _WORD.search(words))
    header = set(chunk.header.split("\n"))
    rows = list[Row]()
    for line, cells in lines(chunk.text):
        if line.cut(chunk.text) in header:
            continue
        kept = [
            (cell.moved(chunk.span.start), *("".join(part[at : at + 1]) for part in (names, apart)))
            for at, cell in enumerate(cells)
            if _WORD.search(chunk.text, cell.start, cell.end)
        ]
        if kept:
            spans, called, told = zip(*kept, strict=True)
            rows.append(Row(line.moved(chunk.span.start), spans, called, told, title))
    return rows


def _cutter(chunk: StoredChunk) -> _Cutter:
    """Return what cuts the text of a chunk into rows and cells, as its header shows."""
    header = chunk.header or ""
    if chunk.media_type in RECORDS:
        return partial(_quoted, delimiter=delimiter(header))
    if "\t" in header and not _BAR.search(header):
        return partial(_quoted, delimiter="\t")
    first = header.partition("\n")[0].strip()
    # Markdown may put a bar before the first cell and behind the last.
    return partial(_barred, edged=first.startswith("|") and first.endswith("|"))


def _lines_by(cutter: _Cutter) -> _Cutter:
    """Return a cutter that leaves out blank rows, and white space around rows and cells."""

    def lines(text: str) -> Iterator[tuple[Span, list[Span]]]:
        for line, cells in cutter(text):
            trimmed = line.trimmed(text)
            if trimmed.start < trimmed.end:
                yield trimmed, [cell.trimmed(text) for cell in cells]

    return lines


def _names(header: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of the columns; a header of several rows has the words of each."""
    names = list[str]()
    for cells in header:
        names += [""] * (len(cells) - len(names))
        for at, words in enumerate(cells):
            if _WORD.search(words):
                names[at] = f"{names[at]} {words}".strip()
    return names


def _is_of_all(cells: Sequence[str], header: Sequence[Sequence[str]]) -> bool:
    """Tell whether a row of a header has one name, behind the first column, and others have more.

    The first column names the rows.
    """
    counts = [sum(_WORD.search(words) is not None for words in row[1:]) for row in header]
    mine = sum(_WORD.search(words) is not None for words in cells[1:])
    return mine == 1 and max(counts) > 1


def _barred(text: str, *, edged: bool) -> Iterator[tuple[Span, list[Span]]]:
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        bars = [bar.start() for bar in _BAR.finditer(text, start, end)]
        edges = [start - 1, *bars, end]
        if edged:
            edges = edges[line.strip().startswith("|") :]
            edges = edges[: len(edges) - (len(edges) > 1 and line.strip().endswith("|"))]
        yield Span(start, end), [Span(one + 1, other) for one, other in pairwise(edges)]
        start = end + 1


def _quoted(text: str, delimiter: str) -> Iterator[tuple[Span, list[Span]]]:
    cell = re.compile(rf'"((?:[^"]|"")*)"|([^\n{re.escape(delimiter)}]*)')
    start, place, cells = 0, 0, list[Span]()
    while place <= len(text):
        found = cell.match(text, place)
        assert found is not None  # it may be empty
        cells.append(Span(*found.span(1 if found[1] is not None else 2)))
        place = found.end()
        if text[place : place + 1] != delimiter:
            # What follows a closing quote up to the row's end belongs to no cell.
            end = text.find("\n", place)
            end = len(text) if end < 0 else end
            yield Span(start, end), cells
            start, cells, place = end + 1, [], end
        place += 1
