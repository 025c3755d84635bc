"""Plain text: the words as they are, in whatever encoding."""

from collections.abc import Iterator
from pathlib import Path

from indexes.documents import Extract
from ingest.readers import PLAIN, ReadOptions
from ingest.readers.encodings import decode


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the file's text. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    yield Extract(decoded.text, PLAIN, options.stem, findings=decoded.findings)
