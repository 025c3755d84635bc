"""Headers of tables in PDF: which rows above the values they are, and what stands over what."""

from collections.abc import Sequence
from typing import Final

from ingest.readers.composed import CELL_END
from ingest.readers.pdf_words import LINE_END_HYPHEN, Cell, Row, cells_of, goes_on, is_year

Column = tuple[float, float]  # its left and its right edge

# Distances are in heights of a row, widths in average letters of it.
_APART: Final = 2.6
_BEFORE: Final = 6.0
_BEYOND: Final = 4.0
_GAP: Final = 0.85
_WIDE_GAP: Final = 1.3
_SAME: Final = 0.01
_MOST_ROWS: Final = 40
_LONGEST: Final = 100  # letters
_LONGEST_SENTENCE: Final = 50
_RANGE_COST: Final = 0.3
_SPANNED: Final = 0.15  # a header cell spans a column if it covers that much of its width


def header_rows(
    rows: Sequence[Row], first: int, floor: int, values: Column, columns: Sequence[Column]
) -> tuple[int, int]:
    """Return which rows above row `first`, not before row `floor`, are the header, `[top, below)`.

    `values` is the first column of values. Rows from `below` on are labels of sections; where there
    is no header both are `first`.
    """
    top = below = first
    for number in range(first - 1, max(floor, first - _MOST_ROWS) - 1, -1):
        row, under = rows[number], rows[number + 1]
        if row.bottom - under.top > _APART * max(row.height, under.height):
            break
        if _is_beside(row, values):
            if top < below and not row.cells[0].text.startswith("("):
                break
        elif not _heads_columns(row, values[0], columns[-1][1]):
            if top < below or not goes_on(rows, number):
                break
        elif top == below:
            top, below = number, number + 1
        else:
            top = number
    if top == below:
        return first, first
    if top > floor and rows[top - 1].cells[0].text.startswith("("):
        above = rows[top - 1]
        top -= _is_beside(above, values) and above.bottom - rows[top].top < above.height
    return top, below


def _is_beside(row: Row, values: Column) -> bool:
    """Tell whether a row has nothing above the columns of values."""
    return row.cells[-1].right <= values[0] - row.height / 4


def _heads_columns(row: Row, left: float, right: float) -> bool:
    """Tell whether a row ends above the columns of values, which go from `left` to `right`."""
    last = row.cells[-1]
    length = len(last.text)
    ends = last.text.endswith((".", ":"))
    if len(row.cells) == 1 and length > (_LONGEST_SENTENCE if ends else _LONGEST):
        return False
    return left - _BEFORE * row.height <= last.left and last.right <= right + _BEYOND * row.height


def header_lines(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    """Write a header: what stands over one column is put together, what spans several stays."""
    header = _Header(rows, columns)
    lines, stacked = list[str](), [""] * len(columns)
    above: tuple[Sequence[Cell], list[int]] | None = None
    for number, cells in enumerate(header.cells):
        if above and _same_middles(cells, above[0]):
            places, spans = above[1], True
        else:
            places, spans = header.places(number)
        above = (cells, places) if spans else None
        if spans and any(stacked):
            lines.append(line_text(stacked))
            stacked = [""] * len(columns)
        for cell, place in zip(cells, places, strict=True):
            stacked[place] = with_space(stacked[place], cell.text)
        if spans:
            lines.append(line_text(stacked))
            stacked = [""] * len(columns)
    if any(stacked):
        lines.append(line_text(stacked))
    return lines


def _same_middles(cells: Sequence[Cell], above: Sequence[Cell]) -> bool:
    """Tell whether each cell stands right below one of the row above."""
    return len(cells) == len(above) and all(
        abs(cell.left + cell.right - over.left - over.right) < cell.height
        for cell, over in zip(cells, above, strict=True)
    )


class _Header:
    """Rows of a header, with the columns that its cells are put above.

    `wide` are the columns with the cells of those rows that have one for each.
    """

    def __init__(self, rows: Sequence[Row], columns: Sequence[Column]) -> None:
        self._rows = rows
        self._columns = columns
        self.cells = [_parted(row, columns) for row in rows]
        self._wide = _widened(columns, self.cells)
        # Columns that have years for their headers need no more words.
        self._has_years = any(row.is_header and len(row.values) >= len(columns) - 1 for row in rows)

    def places(self, number: int) -> tuple[list[int], bool]:
        """Return the columns of a row's cells, and whether one of the cells spans several.

        Such a cell is put above the first of its columns.
        """
        cells, columns = self.cells[number], self._columns
        places = [column_of(cell, columns) for cell in cells]
        apart = cells[0].left > columns[0][0] + cells[0].height
        if len(cells) == len(columns) - apart:
            return list(range(int(apart), len(columns))), False
        heads = [head for head, place in enumerate(places) if place]
        alone = self._is_alone(number)
        if len(heads) == 1 and alone and self._is_central(cells[heads[0]]):
            places[heads[0]] = 1
            return places, True
        spans = False
        for head in heads:
            first, last = self._spanned(cells[head], places[head], alone=alone)
            places[head] = first
            spans |= first < last
        return places, spans

    def _is_alone(self, number: int) -> bool:
        """Tell whether nothing stands beside a row: cells may be read one after another."""
        limit = self._rows[number].bottom
        return all(row.top < limit + row.height / 2 for row in self._rows[number + 1 :])

    def _is_central(self, cell: Cell) -> bool:
        """Tell whether a cell heads all columns, and not just the middle one."""
        wide = self._wide
        off = (wide[1][0] + wide[-1][1] - cell.left - cell.right) / 2
        left, right = wide[len(wide) // 2]
        return abs(off) < cell.height and (
            self._has_years or is_year(cell.text) or (cell.left < left and right < cell.right)
        )

    def _spanned(self, cell: Cell, place: int, *, alone: bool) -> tuple[int, int]:
        """Return the first and the last column that a cell stands over, in their middle."""
        wide, height = self._wide, cell.height
        over = [
            number
            for number, (left, right) in enumerate(wide)
            if number and overlap(cell, (left, right)) > _SPANNED * (right - left)
        ]
        if len(over) <= 1:
            if not alone:
                return place, place
            left, right = wide[place]
            if min(left - cell.left, cell.right - right) > height and 1 < place < len(wide) - 1:
                return place - 1, place + 1
            if self._is_single(cell, place):
                return place, place
            over = [place]

        def fit(columns: tuple[int, int]) -> float:
            first, last = columns
            off = (wide[first][0] + wide[last][1] - cell.left - cell.right) / 2
            return abs(off) + (last - first) * _RANGE_COST * height

        return min(
            (
                (first, last)
                for first in range(1, over[0] + 1)
                for last in range(over[-1], len(wide))
            ),
            key=fit,
        )

    def _is_single(self, cell: Cell, place: int) -> bool:
        """Tell whether a cell that is over one column belongs to no other."""
        wide, slack = self._wide, cell.height / 2
        left, right = wide[place]
        if left - slack < cell.left and cell.right < right + slack:
            return True
        if place > 1 and cell.left < (wide[place - 1][1] + left) / 2:
            return False
        if place + 1 < len(wide) and cell.right > (wide[place + 1][0] + right) / 2:
            return False
        off = (left + right - cell.left - cell.right) / 2
        return min(abs(left - cell.left), abs(right - cell.right), abs(off)) < slack


def _parted(row: Row, columns: Sequence[Column]) -> list[Cell]:
    """Return a header row's cells, those parted that hold words of several columns."""
    parted = list[Cell]()
    for cell in row.cells:
        over = sum(overlap(cell, column) > 0 for column in columns[1:])
        whole = over <= 1 or len(cell.words) == 1
        parted += [cell] if whole else cells_of(cell.words, row.letter, _gap(cell))
    return parted


def _gap(cell: Cell) -> float:
    """Return what space parts words of a header; letters of one width have wide spaces."""
    widths = [(word.right - word.left) / len(word.text) for word in cell.words]
    return _WIDE_GAP if max(widths) - min(widths) < _SAME * max(widths) else _GAP


def _widened(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[Column]:
    wide = list(columns)
    for cells in rows:
        heads = [cell for cell in cells if column_of(cell, columns)]
        if len(heads) == len(columns) - 1:
            for place, cell in enumerate(heads, start=1):
                left, right = wide[place]
                wide[place] = (min(left, cell.left), max(right, cell.right))
    return wide


def column_of(cell: Cell, columns: Sequence[Column]) -> int:
    """Return the column in which a cell stands, or that it is nearest to."""
    if not cell.is_value and cell.left < columns[0][1] and cell.left <= columns[1][0]:
        return 0
    return max(range(len(columns)), key=lambda place: overlap(cell, columns[place]))


def overlap(cell: Cell, column: Column) -> float:
    """Return how much of a cell lies in a column; negative is the space between."""
    return min(cell.right, column[1]) - max(cell.left, column[0])


def with_space(before: str, after: str) -> str:
    """Join words of one cell that stand on two lines."""
    if not before or not after or before.endswith(LINE_END_HYPHEN):
        return before + after
    return f"{before} {after}"


def line_text(cells: Sequence[str]) -> str:
    """Return the cells of a row as one line; empty ones keep their place."""
    filled = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
    return CELL_END.join(cells[:filled])
