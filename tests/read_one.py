"""Read one document with the reader of its media type, as tests do."""

from pathlib import Path

import pytest

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.readers import READERS, ReadOptions, RecordFailure


def read_all(path: Path, media_type: str, content: bytes) -> list[Extract | RecordFailure]:
    """Return all that a file of this content gives."""
    path.write_bytes(content)
    return list(READERS[media_type].load()(path, ReadOptions(path.name, f"docs/{path.name}")))


def read_one(path: Path, media_type: str, content: bytes) -> Extract:
    """Return the only document of a file of this content, once its spans are checked."""
    (extract,) = read_all(path, media_type, content)
    assert isinstance(extract, Extract)
    for heading in extract.headings:
        assert heading.span.cut(extract.text).strip()
    for table in extract.tables:
        assert table.rows
        for span in (table.header, *table.rows):
            assert 0 <= span.start < span.end <= len(extract.text)
    return extract


def headings(extract: Extract) -> list[tuple[int, str]]:
    """Return the level and the words of each heading."""
    return [(heading.level, heading.span.cut(extract.text)) for heading in extract.headings]


def reason(path: Path, media_type: str, content: bytes) -> str:
    """Return why a file of this content cannot be read, "" where it can."""
    try:
        read_all(path, media_type, content)
    except ReadFailure as failure:
        return failure.reason
    return ""


def check_damaged(path: Path, media_type: str, content: bytes) -> None:
    """Cut a file short and turn bytes round: nothing but a ReadFailure may come of it."""
    for number in range(60):
        at = number * len(content) // 60
        reason(path, media_type, content[:at])
        flipped = bytearray(content)
        flipped[at] ^= 1 << number % 8
        reason(path, media_type, bytes(flipped))


def refused(path: Path, media_type: str, content: bytes) -> ReadFailure:
    """Return the failure of a file that cannot be read."""
    with pytest.raises(ReadFailure) as caught:
        read_all(path, media_type, content)
    return caught.value
