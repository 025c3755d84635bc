"""CSV and TSV: the file's text as it is, with its rows and their header marked."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from indexes.documents import Extract, Span, Table
from indexes.rows import Row, csv_rows, delimiter
from ingest.readers import CSV, TSV, ReadOptions
from ingest.readers.encodings import decode
from ingest.readers.headers import header_rows


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the file's text with its table. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    parted_by = delimiter(decoded.text)
    rows = [row for row in csv_rows(decoded.text, parted_by) if row.filled]
    yield Extract(
        decoded.text,
        TSV if parted_by == "\t" else CSV,
        options.stem,
        tables=_tables(rows),
        findings=decoded.findings,
    )


def _tables(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the table below the header; a file whose first row is data has none."""
    header = header_rows([row.cells for row in rows])
    if not header:
        return ()
    above = Span(rows[header[0]].span.start, rows[header[-1]].span.end)
    return (Table(above, tuple(row.span for row in rows[header.stop :])),)
