"""CSV and TSV: the file's text as it is, with its rows and their header marked."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Finding, Span, Table
from ingest.readers import CSV, TSV, ReadOptions
from ingest.readers.encodings import decode

_DELIMITERS: Final = ",;\t|"
_SAMPLE_ROWS: Final = 50
_LONGEST_CELL: Final = 2**31 - 1
_SENTINEL: Final = "end"
_MOST_NAMED: Final = 5
_YEARS: Final = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class _Row:
    span: Span
    cells: tuple[str, ...]

    @property
    def filled(self) -> int:
        return sum(not cell.isspace() for cell in self.cells if cell)


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the file's text with its table. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    text, delimiter = decoded.text, _delimiter(decoded.text)
    rows, damaged = list[_Row](), list[_Row]()
    for row in _rows(text, delimiter):
        if _runs_on(text, row, delimiter):
            damaged.append(row)
            rows += _line_by_line(text, row, delimiter)
        else:
            rows.append(row)
    yield Extract(
        text,
        TSV if delimiter == "\t" else CSV,
        options.stem,
        tables=_tables([row for row in rows if row.filled]),
        findings=(*decoded.findings, *_findings(text, damaged)),
    )


def _runs_on(text: str, row: _Row, delimiter: str) -> bool:
    """Tell whether a quote that nothing closes made one row of what follows it.

    It ends with the file, or with the first quote of a later row, where no cell ends.
    """
    words = row.span.cut(text)
    if '"' not in words:
        return False
    if row.span.end >= len(text.rstrip("\n")):
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


def _line_by_line(text: str, row: _Row, delimiter: str) -> Iterator[_Row]:
    """Yield the lines of a row that runs on as rows of their own."""
    start = row.span.start
    for line in row.span.cut(text).split("\n"):
        cells = next(csv.reader([line], delimiter=delimiter), [])
        yield _Row(Span(start, start + len(line)), tuple(cells))
        start += len(line) + 1


def _findings(text: str, damaged: Sequence[_Row]) -> Iterator[Finding]:
    if not damaged:
        return
    lines = [text.count("\n", 0, row.span.start) + 1 for row in damaged]
    named = ", ".join(map(str, lines[:_MOST_NAMED]))
    more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
    yield Finding(
        "damaged",
        f"a quotation mark that opens a cell is not closed (line {named}{more}); the text was kept "
        "and each line from there on taken for a row: close the quote and ingest again",
    )


def _delimiter(text: str) -> str:
    """Return the character that cuts most of the first rows into equally many cells."""

    def agreement(delimiter: str) -> tuple[int, int]:
        widths = Counter[int]()
        try:
            for row in islice(_rows(text, delimiter, strict=True), _SAMPLE_ROWS):
                widths[len(row.cells)] += len(row.cells) > 1
        except csv.Error:  # quotes that do not enclose cells: mostly the wrong delimiter
            pass
        return max(((count, width) for width, count in widths.items()), default=(0, 0))

    return max(_DELIMITERS, key=agreement)


def _rows(text: str, delimiter: str, *, strict: bool = False) -> Iterator[_Row]:
    """Yield each row; a quoted cell may hold line ends."""
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
        yield _Row(Span(start, end - text.endswith("\n", start, end)), tuple(cells))
        start = end


def _tables(rows: Sequence[_Row]) -> tuple[Table, ...]:
    """Find the header: the first row about as wide as most rows, unless it is data itself.

    What stands above it is a title. A file whose first row is data has no header and no table.
    """
    if not rows:
        return ()
    usual = Counter(row.filled for row in rows).most_common(1)[0][0]
    place = next((number for number, row in enumerate(rows) if row.filled * 2 > usual), 0)
    header, below = rows[place], rows[place + 1 :]
    if not below or any(map(_is_data, header.cells)):
        return ()
    return (Table(header.span, tuple(row.span for row in below)),)


def _is_data(cell: str) -> bool:
    """Tell whether a cell is a number, which rows have and headers do not, but for years."""
    try:
        return float(cell.strip().strip("$€£%").replace(",", "")) not in _YEARS
    except ValueError:
        return False
