"""Which rows of a table are its header, where nothing but the cells tells."""

import re
from collections import Counter
from collections.abc import Container, Sequence
from typing import Final

_YEARS: Final = range(1900, 2101)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\b.*")
_SIGNS: Final = "$€£¥%"

Cells = Sequence[str]


def header_rows(rows: Sequence[Cells], spanning: Container[int] = ()) -> range:
    """Return the places of the header's rows, an empty range where the first row is data itself.

    The header is the first row about as wide as most rows; what stands above it is a title. Rows
    in `spanning` have cells over several columns, as those of a header in two lines have: such a
    row takes the one below it into the header, and one above it belongs to it.
    """
    if not rows:
        return range(0)
    usual = Counter(map(_filled, rows)).most_common(1)[0][0]
    place = next((n for n, row in enumerate(rows) if _filled(row) * 2 > usual), 0)
    if _is_data_row(rows, place):
        return range(0)
    start, end = place, place + 1
    while start > 0 and start - 1 in spanning and _filled(rows[start - 1]) > 1:
        start -= 1
    while end - 1 in spanning and end + 1 < len(rows) and not _is_data_row(rows, end):
        end += 1
    return range(start, end) if end < len(rows) else range(0)


def goes_on(before: Cells, row: Cells) -> bool:
    """Tell whether `row` is one more row of the table that `before` belongs to.

    It has words and numbers in the same columns; another table's header has words above numbers.
    """
    columns = [place for place, cell in enumerate(row) if cell]
    return _filled(before) < 2 * len(columns) and all(
        place < len(before) and before[place] and is_data(before[place]) == is_data(row[place])
        for place in columns
    )


def is_data(cell: str) -> bool:
    """Tell whether a cell is a number or a day, which rows have and headers seldom do."""
    return _is_number(cell) or _may_be_data(cell)


def _is_data_row(rows: Sequence[Cells], place: int) -> bool:
    """Tell whether a row has numbers; years and days may be headers, unless more stand below."""
    below = rows[place + 1] if place + 1 < len(rows) else ()
    return any(
        _is_number(cell)
        or (_may_be_data(cell) and column < len(below) and _may_be_data(below[column]))
        for column, cell in enumerate(rows[place])
    )


def _filled(row: Cells) -> int:
    return sum(not cell.isspace() for cell in row if cell)


def _is_number(cell: str) -> bool:
    value = _number(cell)
    return value is not None and value not in _YEARS


def _may_be_data(cell: str) -> bool:
    return _number(cell) in _YEARS or _DAY.fullmatch(cell.strip()) is not None


def _number(cell: str) -> float | None:
    try:
        return float(cell.strip().strip(_SIGNS).replace(",", ""))
    except ValueError:
        return None
