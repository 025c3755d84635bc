"""CSV and TSV: the file's text as it is, with its rows and their header marked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Finding, Span, Table
from indexes.rows import Row, csv_rows, delimiter
from ingest.readers import CSV, TSV, ReadOptions
from ingest.readers.encodings import decode
from ingest.readers.headers import header_rows

_MOST_NAMED: Final = 5


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the file's text with its table. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    text, parted_by = decoded.text, delimiter(decoded.text)
    rows = list(csv_rows(text, parted_by))
    yield Extract(
        text,
        TSV if parted_by == "\t" else CSV,
        options.stem,
        tables=_tables([row for row in rows if row.filled]),
        findings=(*decoded.findings, *_findings(text, rows)),
    )


def _findings(text: str, rows: Sequence[Row]) -> Iterator[Finding]:
    lines = [text.count("\n", 0, row.span.start) + 1 for row in rows if row.unclosed]
    if not lines:
        return
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
