"""Tables of a PDF page, found by how its words stand: rows of values in columns.

What makes a table are values (numbers, dates, dashes) that stand in columns over several rows;
prose, contents with page numbers and numbered lists have none. In doubt a page stays as it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ingest.readers.pdf_headers import (
    Column,
    column_of,
    header_lines,
    header_rows,
    line_text,
    overlap,
    with_space,
)
from ingest.readers.pdf_words import DASHES, Cell, Row, Word, goes_on, rows_of

_MARK: Final = re.compile(r"^\(\d{1,2}\)$")  # of a footnote
_SECTION: Final = re.compile(r"\d+(?:\.\d+)*")
_AMOUNT: Final = re.compile(rf"[$€£¥,.%(){DASHES[2:]}]")

_LEAST_ROWS: Final = 3
_MOST_COLUMNS: Final = 60
_LONGEST_ROW: Final = 400  # letters
# So many rows without values may stand between two with some; of those over the columns fewer.
_MOST_OTHERS: Final = 8
_MOST_WIDE: Final = 2
# Distances are in heights of a row.
_APART: Final = 3.4
_RISE: Final = 6.0
_NEAR_BANDS: Final = 1.2
_ALIGNED: Final = 0.6
# Of a table's rows so many have values; of one with a single column of them more.
_VALUED: Final = 0.3
_VALUED_ALONE: Final = 0.5
_HALF: Final = 0.5
_AGREEMENT: Final = 0.6  # so many values share an edge with others of their column


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table in `[start, end)` of the page's text; the lines of `header` stand above `rows`."""

    start: int
    end: int
    header: tuple[str, ...]
    rows: tuple[str, ...]


@dataclass(slots=True)
class _Body:
    """Rows of a block that share columns: `first` to `last`, with the bands of their values."""

    first: int
    last: int
    bands: list[Column] = field(default_factory=list)


def find(words: Sequence[Word]) -> list[FoundTable]:
    """Return the tables among the words of a stretch, in their order."""
    found = list[FoundTable]()
    for block in _blocks(rows_of(words)):
        found += _tables(block)
    return found


def _blocks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Part the rows where the page goes on elsewhere: far above or below."""
    block = list[Row]()
    for row in rows:
        if block and _is_elsewhere(row, block[-1]):
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def _is_elsewhere(row: Row, above: Row) -> bool:
    """Tell whether a row does not follow the one before.

    Cells of a header may be read one by one, from the left to the right.
    """
    height = max(row.height, above.height)
    risen = row.bottom - above.bottom
    if risen > height:
        return risen > _RISE * height or row.cells[0].left < above.cells[-1].right
    return above.bottom - row.top > _APART * height


def _tables(rows: Sequence[Row]) -> Iterator[FoundTable]:
    floor = start = 0
    while start < len(rows):
        body = _body(rows, start)
        if body is None:
            return
        _unite_bands(body.bands, rows[body.first : body.last + 1])
        if _is_table(rows, body):
            yield _table(rows, body, floor)
            floor = start = body.last + 1
        else:
            start = body.first + 1 if body.last == body.first else body.last + 1


def _is_value_row(row: Row) -> bool:
    """Tell whether a row has values in columns: several, one after a label, or an amount alone."""
    if not row.values or row.is_header:
        return False
    if len(row.cells) > 1:
        return len(row.values) > 1 or not row.cells[0].is_value
    return bool(_AMOUNT.search(row.cells[0].text))


def _body(rows: Sequence[Row], start: int) -> _Body | None:
    """Take rows from the first one with values on for as long as their columns agree."""
    body: _Body | None = None
    others = wide = 0
    for number in range(start, len(rows)):
        row = rows[number]
        if _is_value_row(row):
            if body is None:
                body = _Body(number, number)
            if not _widen(body.bands, row):
                break
            body.last, others, wide = number, 0, 0
        elif body is not None:
            others += 1
            is_wide = row.cells[-1].right > body.bands[0][0] + row.height and not row.values
            wide += is_wide
            new = row.is_header and len(row.values) > 1
            ends = is_wide and row.cells[-1].text.endswith(".")  # a sentence, and no label
            if new or ends or others > _MOST_OTHERS or wide > _MOST_WIDE:
                break
    return body


def _widen(bands: list[Column], row: Row) -> bool:
    """Add a row's values to the bands of columns; False where it does not fit into them."""
    hits = list[tuple[int, Cell]]()
    new = list[Cell]()
    slack = 0.1 * row.height
    for cell in row.values:
        over = [
            place
            for place, (left, right) in enumerate(bands)
            if cell.left < right - slack and left < cell.right - slack
        ]
        if len(over) > 1:
            return False
        if over:
            hits.append((over[0], cell))
        else:
            new.append(cell)
    if len({place for place, _ in hits}) < len(hits):
        return False
    for place, cell in hits:
        left, right = bands[place]
        bands[place] = (min(left, cell.left), max(right, cell.right))
    bands += [(cell.left, cell.right) for cell in new]
    bands.sort()
    clear = all(one[1] <= other[0] + slack for one, other in pairwise(bands))
    return clear and len(bands) <= _MOST_COLUMNS


def _unite_bands(bands: list[Column], rows: Sequence[Row]) -> None:
    """Make one column of two close ones that no row has both of, like numbers and dashes."""
    place = 0
    while place + 1 < len(bands):
        one, other = bands[place], bands[place + 1]
        near = other[0] - one[1] < _NEAR_BANDS * rows[0].height
        if near and not any(_has(row, one) and _has(row, other) for row in rows):
            bands[place : place + 2] = [(one[0], other[1])]
        else:
            place += 1


def _has(row: Row, band: Column) -> bool:
    return any(2 * overlap(cell, band) > cell.right - cell.left for cell in row.values)


def _is_table(rows: Sequence[Row], body: _Body) -> bool:
    """Judge whether rows of values are a table: enough of them, and lined up in columns."""
    inside = rows[body.first : body.last + 1]
    valued = [row for row in inside if _is_value_row(row)]
    values = [cell for row in valued for cell in row.values]
    labelled = sum(not row.cells[0].is_value for row in valued)
    several = len(body.bands) > 1
    return (
        len(valued) >= _LEAST_ROWS - (several and labelled == len(valued))
        and len(valued) >= (_VALUED if several else _VALUED_ALONE) * len(inside)
        and all(row.end - row.start <= _LONGEST_ROW for row in valued)
        and _share(_MARK, values) <= _HALF
        # neither page numbers nor numbers of a list
        and (several or (labelled >= _HALF * len(valued) and _share(_AMOUNT, values) >= _HALF))
        and not _is_contents(valued)
        and _aligned(values, body.bands, _ALIGNED * valued[0].height) >= _AGREEMENT * len(values)
    )


def _share(pattern: re.Pattern[str], cells: Sequence[Cell]) -> float:
    """Return of how many of the cells a part has the pattern."""
    return sum(bool(pattern.search(cell.text)) for cell in cells) / len(cells)


def _is_contents(rows: Sequence[Row]) -> bool:
    """Tell whether rows are a table of contents: titles, perhaps numbered, with rising pages."""
    last = [row.cells[-1].text for row in rows]
    pages = [int(text) for text in last if text.isdecimal()]
    others = [cell.text for row in rows for cell in row.cells[:-1] if cell.is_value]
    return (
        len(pages) == len(rows) >= _LEAST_ROWS
        and pages == sorted(pages)
        and pages[0] < pages[-1]
        and all(len(row.values) < len(row.cells) for row in rows)
        and len(others) <= len(rows)
        and all(map(_SECTION.fullmatch, others))
    )


def _aligned(values: Sequence[Cell], bands: Sequence[Column], slack: float) -> int:
    """Count the values that share an edge, or the middle, with others of their column."""
    aligned = 0
    for left, right in bands:
        inside = [cell for cell in values if left <= cell.left and cell.right <= right]
        if len(inside) > 1:
            edges = (
                [cell.right for cell in inside],
                [cell.left for cell in inside],
                [(cell.left + cell.right) / 2 for cell in inside],
            )
            aligned += max(_together(edge, slack) for edge in edges)
    return aligned


def _together(places: list[float], slack: float) -> int:
    """Return how many of the places lie within `slack` of their median."""
    places.sort()
    median = places[len(places) // 2]
    return sum(abs(place - median) <= slack for place in places)


def _table(rows: Sequence[Row], body: _Body, floor: int) -> FoundTable:
    last = _with_tail(rows, body)
    columns = _columns(rows[body.first : last + 1], body.bands)
    values = _first_values(rows[body.first : last + 1], body.bands)
    top, below = header_rows(rows, body.first, floor, values, columns)
    header = header_lines(rows[top:below], columns)
    lines = _body_lines(rows[below : last + 1], columns)
    taken = rows[top : last + 1]
    start, end = min(row.start for row in taken), max(row.end for row in taken)
    return FoundTable(start, end, tuple(header), tuple(lines))


def _first_values(rows: Sequence[Row], bands: Sequence[Column]) -> Column:
    """Return the first column of values, but for one of years or numbers that label the rows."""
    labels = any(row.cells[0].left < bands[0][0] - row.height for row in rows)
    return bands[0] if labels or len(bands) == 1 else bands[1]


def _with_tail(rows: Sequence[Row], body: _Body) -> int:
    """Return the last row: a label may go on below the last values."""
    after = body.last + 1
    if after < len(rows) and _continues(rows[after], rows[body.last], body.bands[0][0]):
        return after
    return body.last


def _continues(row: Row, above: Row, limit: float) -> bool:
    """Tell whether a row without values is the rest of the label above."""
    cell = row.cells[0]
    return (
        len(row.cells) == 1
        and not row.values
        and cell.text[0].islower()
        and cell.right < limit
        and above.bottom - row.top < row.height / 2
        and not above.cells[0].is_value
    )


def _columns(rows: Sequence[Row], bands: Sequence[Column]) -> list[Column]:
    """Return the columns from left to right: those of values, and of words beside them."""
    words = sorted(
        (cell.left, cell.right)
        for row in rows
        if _is_value_row(row)
        for cell in row.cells
        if not cell.is_value and all(overlap(cell, band) <= 0 for band in bands)
    )
    merged = list[tuple[float, float, int]]()
    for left, right in words:
        if merged and left < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right), merged[-1][2] + 1)
        else:
            merged.append((left, right, 1))
    first = bands[0][0]
    labels = [(left, right) for left, right, _ in merged if left < first]
    if len(labels) > 1 and not _side_by_side(rows, first):
        labels = [(labels[0][0], labels[-1][1])]
    beside = [(left, right) for left, right, count in merged if count > 1 and left >= first]
    if len(bands) == 1 and not labels:
        labels = [(min(first, *(row.cells[0].left for row in rows)), first)]
    return sorted([*labels, *beside, *bands])


def _side_by_side(rows: Sequence[Row], limit: float) -> bool:
    """Tell whether rows have several cells of words before the first values."""
    labels = (
        (cell for cell in row.cells if cell.left < limit and not cell.is_value) for row in rows
    )
    return sum(len(list(cells)) > 1 for cells in labels) > 1


def _body_lines(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    """Write the rows below the header, with the labels that go over several lines put together."""
    lines = list[list[str]]()
    waiting = ""  # the beginning of a label that goes on
    for number, row in enumerate(rows):
        label = row.cells[0].text
        if row.values or len(row.cells) > 1:
            cells = _in_columns(row, columns)
            lines.append([with_space(waiting, cells[0]), *cells[1:]])
            waiting = ""
        elif goes_on(rows, number):
            waiting = with_space(waiting, label)
        elif not waiting and number and _continues(row, rows[number - 1], columns[1][0]):
            lines[-1][0] = with_space(lines[-1][0], label)
        else:
            lines.append([with_space(waiting, label)])
            waiting = ""
    return [line_text(cells) for cells in lines]


def _in_columns(row: Row, columns: Sequence[Column]) -> list[str]:
    cells = [""] * len(columns)
    for cell in row.cells:
        place = column_of(cell, columns)
        cells[place] = with_space(cells[place], cell.text)
    return cells
