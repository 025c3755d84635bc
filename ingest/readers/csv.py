"""CSV and TSV: the file's text as it is, its rows marked, the first one as their header."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Span, Table
from ingest.readers import CSV, TSV, ReadOptions
from ingest.readers.encodings import decode

_SAMPLE: Final = 16_384
_DELIMITERS: Final = ",;\t|"


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the file's text with one table. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    delimiter = find_delimiter(decoded.text, options.name)
    rows = [span for span in _rows(decoded.text, delimiter) if span.cut(decoded.text).strip()]
    tables = (Table(rows[0], tuple(rows[1:])),) if len(rows) > 1 else ()
    media_type = TSV if delimiter == "\t" else CSV
    yield Extract(decoded.text, media_type, options.stem, tables=tables, findings=decoded.findings)


def find_delimiter(text: str, name: str) -> str:
    """Return the character between the cells: what the text shows, else what the name says."""
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], _DELIMITERS).delimiter
    except csv.Error:
        return "\t" if name.lower().endswith(".tsv") else ","


def _rows(text: str, delimiter: str) -> Iterator[Span]:
    """Yield each row's span; a quoted cell may hold line ends."""
    lines = io.StringIO(text, newline="\n").readlines()
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line))
    reader = csv.reader(lines, delimiter=delimiter)
    csv.field_size_limit(len(text) + 1)
    done = 0
    for _ in reader:
        end = ends[reader.line_num]
        yield Span(ends[done], end - text.startswith("\n", end - 1))
        done = reader.line_num
