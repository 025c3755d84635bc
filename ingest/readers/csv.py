"""CSV and TSV: the file's text as it is, with its rows and their header marked."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Finding, Span, Table
from indexes.rows import Row, csv_rows, delimiter
from ingest.readers import CSV, TSV, ReadOptions
from ingest.readers.encodings import decode
from ingest.readers.headers import header_rows

_SENTINEL: Final = "end"
_MOST_NAMED: Final = 5


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the file's text with its table. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    text, parted_by = decoded.text, delimiter(decoded.text)
    rows, damaged = list[Row](), list[Row]()
    for row in csv_rows(text, parted_by):
        if _runs_on(text, row, parted_by):
            damaged.append(row)
            rows += _line_by_line(text, row, parted_by)
        else:
            rows.append(row)
    yield Extract(
        text,
        TSV if parted_by == "\t" else CSV,
        options.stem,
        tables=_tables([row for row in rows if row.filled]),
        findings=(*decoded.findings, *_findings(text, damaged)),
    )


def _runs_on(text: str, row: Row, parted_by: str) -> bool:
    """Tell whether a quote that nothing closes made one row of what follows it.

    It ends with the file, or with the first quote of a later row, where no cell ends.
    """
    words = row.span.cut(text)
    if '"' not in words:
        return False
    if row.span.end >= len(text.rstrip("\n")):
        after = io.StringIO(f"{words}\n{_SENTINEL}", newline="\n")
        if [_SENTINEL] not in csv.reader(after, delimiter=parted_by):
            return True
    if "\n" not in words:
        return False
    try:
        list(csv.reader(io.StringIO(words, newline="\n"), delimiter=parted_by, strict=True))
    except csv.Error:
        return True
    return False


def _line_by_line(text: str, row: Row, parted_by: str) -> Iterator[Row]:
    """Yield the lines of a row that runs on as rows of their own."""
    start = row.span.start
    for line in row.span.cut(text).split("\n"):
        cells = next(csv.reader([line], delimiter=parted_by), [])
        yield Row(Span(start, start + len(line)), tuple(cells))
        start += len(line) + 1


def _findings(text: str, damaged: Sequence[Row]) -> Iterator[Finding]:
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


def _tables(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the table below the header; a file whose first row is data has none."""
    header = header_rows([row.cells for row in rows])
    if not header:
        return ()
    above = Span(rows[header[0]].span.start, rows[header[-1]].span.end)
    return (Table(above, tuple(row.span for row in rows[header.stop :])),)
