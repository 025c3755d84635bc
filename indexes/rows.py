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
_SENTINEL: Final = "end"
_LONGEST_CELL: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a CSV text; its `span` may be of several lines and does not hold the last's end.

    In an `unclosed` one begins a quote that nothing closes.
    """

    span: Span
    cells: tuple[str, ...]
    unclosed: bool = False

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
            for row in islice(_parsed(text, delimiter, strict=True), _SAMPLE_ROWS):
                widths[len(row.cells)] += len(row.cells) > 1
        except csv.Error:  # quotes that do not enclose cells: mostly the wrong delimiter
            pass
        return max(((count, width) for width, count in widths.items()), default=(0, 0))

    return max(_DELIMITERS, key=agreement)


def csv_rows(text: str, delimiter: str) -> Iterator[Row]:
    """Yield each row, blank ones too; a quoted cell may hold line ends.

    Where a quote is not closed, each line from there on is a row.
    """
    last = len(text.rstrip("\n"))
    for row in _parsed(text, delimiter):
        if _runs_on(row.span.cut(text), delimiter, is_last=row.span.end >= last):
            yield from _line_by_line(text, row, delimiter)
        else:
            yield row


def _runs_on(words: str, delimiter: str, *, is_last: bool) -> bool:
    """Tell whether a quote that nothing closes made one row of what follows it.

    It ends with the file, or with the first quote of a later row, where no cell ends.
    """
    if '"' not in words:
        return False
    if is_last:
        after = io.StringIO(f"{words}\n{_SENTINEL}", newline="\n")
        if [_SENTINEL] not in csv.reader(after, delimiter=delimiter):
            return True
    if "\n" not in words:
        return False
    try:
        list(csv.reader(io.StringIO(words, newline="\n"), delimiter=delimiter, strict=True))
    except csv.Error:
        return True
    return False


def _line_by_line(text: str, row: Row, delimiter: str) -> Iterator[Row]:
    """Yield the lines of a row that runs on as rows of their own."""
    start = row.span.start
    for line in row.span.cut(text).split("\n"):
        cells = next(csv.reader([line], delimiter=delimiter), [])
        span = Span(start, start + len(line))
        yield Row(span, tuple(cells), unclosed=start == row.span.start)
        start = span.end + 1


def _parsed(text: str, delimiter: str, *, strict: bool = False) -> Iterator[Row]:
    """Yield each row as the csv module sees it."""
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
