"""Office documents made for tests, and what their readers give."""

import io
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping

import pytest

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.readers import ReadOptions
from ingest.readers.inside import read_inside


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """Return an archive of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def unzipped(data: bytes) -> dict[str, bytes]:
    """Return the parts of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def strict(data: bytes) -> bytes:
    """Return an OOXML document in the namespaces of ISO 29500 strict."""
    old, new = b"http://schemas.openxmlformats.org/", b"http://purl.oclc.org/ooxml/"
    kinds = (b"officeDocument", b"wordprocessingml", b"spreadsheetml", b"presentationml")
    changes = [(old + kind + b"/2006/", new + kind + b"/") for kind in (*kinds, b"drawingml")]
    parts = unzipped(data)
    for before, after in changes:
        parts = {name: content.replace(before, after) for name, content in parts.items()}
    return zipped(parts)


def extract(data: bytes, name: str, *passwords: str) -> Extract:
    """Return the one document in a file."""
    (found,) = read_inside(data, ReadOptions(name, name, passwords))
    assert isinstance(found, Extract)
    _check_spans(found)
    return found


def failure(data: bytes, name: str, *passwords: str) -> ReadFailure:
    """Return why a file cannot be read."""
    with pytest.raises(ReadFailure) as caught:
        extract(data, name, *passwords)
    return caught.value


def headings(found: Extract) -> list[tuple[int, str]]:
    """Return the headings with their levels."""
    return [(one.level, one.span.cut(found.text)) for one in found.headings]


def tables(found: Extract) -> list[tuple[str, list[str]]]:
    """Return each table's header and rows."""
    return [
        (one.header.cut(found.text), [row.cut(found.text) for row in one.rows])
        for one in found.tables
    ]


def pages(found: Extract) -> dict[int, str]:
    """Return the text of each page by its number."""
    return {page.number: page.span.cut(found.text) for page in found.pages}


def _check_spans(found: Extract) -> None:
    spans = [page.span for page in found.pages]
    assert spans == sorted(spans)
    for span in (*spans, *(one.span for one in found.headings)):
        assert 0 <= span.start < span.end <= len(found.text)
    for table in found.tables:
        below = table.header.end
        for row in table.rows:
            assert below <= row.start < row.end <= len(found.text)
            below = row.end


def survives(data: bytes, name: str, *, seed: int = 0, tries: int = 60) -> None:
    """Check that damage gives a document or a reason, never another error."""
    for damaged in _damaged(data, random.Random(seed), tries):
        why = ""
        try:
            list(read_inside(damaged, ReadOptions(name, name)))
        except ReadFailure as failure:
            why = failure.message
        assert "its reader failed" not in why, why


def _damaged(data: bytes, chance: random.Random, tries: int) -> Iterator[bytes]:
    for place in range(1, tries):
        yield data[: len(data) * place // tries]
    for _ in range(tries):
        flipped = bytearray(data)
        for _ in range(chance.choice((1, 3, 20))):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        yield bytes(flipped)
    if data.startswith(b"PK"):
        yield from _damaged_inside(data, chance, tries)


def _damaged_inside(data: bytes, chance: random.Random, tries: int) -> Iterator[bytes]:
    """Damage the parts of an archive before they are packed, so that no checksum tells."""
    parts = unzipped(data)
    xml = [name for name, content in parts.items() if content and not name.endswith(".png")]
    harms: list[Callable[[bytes], bytes]] = [
        lambda content: content[: chance.randrange(len(content))],
        lambda content: _with(content, chance.randrange(len(content)), chance.randbytes(1)),
        lambda content: content.replace(b"<", b"<<", 1),
        lambda _: b"",
        lambda content: b"".join(chance.sample(part := content.split(b">"), len(part))),
    ]
    for _ in range(tries):
        name = chance.choice(xml)
        yield zipped(parts | {name: chance.choice(harms)(parts[name])})
        yield zipped({key: content for key, content in parts.items() if key != name})


def _with(content: bytes, place: int, byte: bytes) -> bytes:
    return content[:place] + byte + content[place + 1 :]
