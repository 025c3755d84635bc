"""Tables of OpenDocument files, in which repeated cells are written once."""

from collections.abc import Callable, Iterator
from typing import Final

from ingest.readers.parts import Element, attribute, name

_GROUPS: Final = frozenset(("table-header-rows", "table-rows", "table-row-group"))
# Programs fill sheets up to their last column with one cell that is repeated.
_MOST_REPEATED: Final = 1024
# A label that is merged over rows stands in each of them, a longer text only once.
_LONGEST_LABEL: Final = 100


def table_rows(table: Element) -> Iterator[Element]:
    """Yield the rows of a table, also those in groups."""
    for one in table:
        if name(one) == "table-row":
            yield one
        elif name(one) in _GROUPS:
            yield from table_rows(one)


def table_cells(table: Element) -> Iterator[Element]:
    """Yield the cells of a table, row by row."""
    for row in table_rows(table):
        for cell in row:
            if name(cell) == "table-cell":
                yield cell


def header_count(table: Element) -> int:
    """Return how many rows the table states as its header."""
    return sum(sum(1 for _ in table_rows(one)) for one in table if name(one) == "table-header-rows")


def cell_paragraphs(cell: Element) -> Iterator[Element]:
    """Yield the paragraphs of a cell, with those of lists and tables in it."""
    for one in cell:
        if name(one) in {"p", "h"}:
            yield one
        elif name(one) != "annotation":
            yield from cell_paragraphs(one)


def grid(table: Element, words: Callable[[Element], str]) -> list[list[str]]:
    """Return the texts of all cells by rows and columns; covered cells are blank.

    A label over several rows of one column stands in each of them that has other words.
    """
    rows = list[list[str]]()
    labels = dict[int, tuple[int, str]]()
    for row in table_rows(table):
        cells = list[str]()
        covered = set[int]()
        begun = dict[int, tuple[int, str]]()
        for cell in row:
            if name(cell) == "covered-table-cell":
                covered |= set(range(len(cells), len(cells) + _repeated(cell)))
                cells += [""] * _repeated(cell)
            elif name(cell) == "table-cell":
                text = words(cell)
                down = _count(cell, "number-rows-spanned")
                if down > 1 and _count(cell, "number-columns-spanned") == 1:
                    begun[len(cells)] = (down, text if len(text) <= _LONGEST_LABEL else "")
                cells += [text] * _repeated(cell)
        if any(cells):
            for column in covered & labels.keys():
                cells[column] = labels[column][1]
        labels = {at: (down - 1, text) for at, (down, text) in (labels | begun).items() if down > 1}
        rows += [cells] * min(
            _count(row, "number-rows-repeated"), _MOST_REPEATED if any(cells) else 1
        )
    return rows


def _repeated(cell: Element) -> int:
    return min(_count(cell, "number-columns-repeated"), _MOST_REPEATED)


def _count(element: Element, called: str) -> int:
    stated = attribute(element, called, "1")
    return int(stated) if stated.isdecimal() else 1
