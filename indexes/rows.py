"""Rows of sheets and CSV files: how the stored text is cut into them, and which one is where."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from indexes.documents import Page, Span

CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB: Final = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
XLS: Final = "application/vnd.ms-excel"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"

# A file whose rows are its records, and a workbook whose stored text has a line for each row,
# also for a blank one, below the line with the sheet's name.
RECORDS: Final = frozenset((CSV, TSV))
SHEETS: Final = frozenset((XLSX, XLSB, XLS, ODS))

_DELIMITERS: Final = ",;\t|"
_SAMPLE_ROWS: Final = 50
_LONGEST_CELL: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a CSV text; its `span` may be of several lines and does not hold the last's end."""

    span: Span
    cells: tuple[str, ...]

    @property
    def filled(self) -> int:
        """How many of the cells have words."""
        return sum(not cell.isspace() for cell in self.cells if cell)


def row_at(text: str, media_type: str, pages: Sequence[Page], start: int) -> int | None:
    """Return the number of the row, from 1, in which a code point of a stored text stands.

    None for formats without rows and for a sheet's name; `pages` are those around the code point.
    """
    if media_type in RECORDS:
        return _record_at(text, start)
    if media_type not in SHEETS:
        return None
    sheet = next((p.span for p in pages if p.span.start <= start < p.span.end), None)
    return (text.count("\n", sheet.start, start) or None) if sheet else None


def _record_at(text: str, start: int) -> int:
    if '"' not in text[:start]:  # so that every line is a record
        return text.count("\n", 0, start) + 1
    rows = enumerate(csv_rows(text, delimiter(text)), start=1)
    return next((number for number, row in rows if start <= row.span.end), 1)


def delimiter(text: str) -> str:
    """Return the character that cuts most of the first rows into equally many cells."""

    def agreement(delimiter: str) -> tuple[int, int]:
        widths = Counter[int]()
        try:
            for row in islice(csv_rows(text, delimiter, strict=True), _SAMPLE_ROWS):
                widths[len(row.cells)] += len(row.cells) > 1
        except csv.Error:  # quotes that do not enclose cells: mostly the wrong delimiter
            pass
        return max(((count, width) for width, count in widths.items()), default=(0, 0))

    return max(_DELIMITERS, key=agreement)


def csv_rows(text: str, delimiter: str, *, strict: bool = False) -> Iterator[Row]:
    """Yield each row, blank ones too; a quoted cell may hold line ends."""
    csv.field_size_limit(_LONGEST_CELL)
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in io.StringIO(text, newline="\n"):
            taken += len(line)
            yield line

    start = 0
    for cells in csv.reader(lines(), delimiter=delimiter, strict=strict):
        end = taken
        yield Row(Span(start, end - text.endswith("\n", start, end)), tuple(cells))
        start = end
