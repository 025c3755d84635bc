"""JSONL records: one document a line, `{"id", "title", "text", "metadata"?, "as_of"?}`."""

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, cast

from indexes.documents import Extract, Metadata, MetadataValue, is_document_id, stored_form
from indexes.errors import ReadFailure
from ingest.readers import JSONL, ReadOptions, RecordFailure
from ingest.readers.dates import iso_date

_GZIP: Final = b"\x1f\x8b"
_LONGEST_LINE: Final = 64 * 1024 * 1024
_FIELDS: Final = 'each line must be {"id": "...", "title": "...", "text": "..."}'


def read(path: Path, options: ReadOptions) -> Iterator[Extract | RecordFailure]:
    """Yield each record, or why it cannot be read. Raises ReadFailure `damaged`, `empty`."""
    seen = False
    for number, line in _lines(path, options.tell):
        if line is None or line.strip():
            seen = True
            yield _record(number, line) if line is not None else _too_long(number)
    if not seen:
        raise ReadFailure("empty", f"the file has no records; {_FIELDS}")


def _lines(path: Path, tell: Callable[[float], None]) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and words of each line, None for one that is too long to be held."""
    size = max(path.stat().st_size, 1)
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as unpacked:
            file = unpacked if raw.peek(2)[:2] == _GZIP else raw
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                is_whole = len(line) < _LONGEST_LINE or line.endswith(b"\n")
                while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                    line = file.readline(_LONGEST_LINE)
                tell(raw.tell() / size)
                yield number, line if is_whole else None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ReadFailure(
            "damaged", f"the gzip file ends too soon or is damaged ({error}); copy it anew"
        ) from error


def _too_long(number: int) -> RecordFailure:
    place = f"line {number}"
    most = _LONGEST_LINE // 1024**2
    return _bad(place, "bad_record", f"{place} has over {most} MB; split its text over records")


def _record(number: int, line: bytes) -> Extract | RecordFailure:
    place = f"line {number}"
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return _bad(place, "bad_record", f"{place} is not JSON ({error}); {_FIELDS}")
    if not isinstance(value, dict):
        return _bad(place, "bad_record", f"{place} is not an object; {_FIELDS}")
    identity, text, title = value.get("id"), value.get("text"), value.get("title", "")
    if isinstance(identity, int) and not isinstance(identity, bool):
        identity = str(identity)
    if not isinstance(identity, str) or not is_document_id(identity):
        message = (
            f"{place} has the id {identity!r:.80}; an id is 1 to 128 of letters, digits and "
            "_ . : ~ % ( ) , ' & + = @ -"
        )
        return _bad(place, "bad_id", message)
    if not isinstance(text, str) or not isinstance(title, str | None):
        return _bad(identity, "bad_record", f"{place}: text and title must be strings; {_FIELDS}")
    if not text.strip():
        return _bad(identity, "empty", f"{place} has no text; write some, or leave the line out")
    return _extract(place, identity, stored_form(text), stored_form(title or ""), value)


def _extract(
    place: str, identity: str, text: str, title: str, value: dict[str, object]
) -> Extract | RecordFailure:
    metadata = value.get("metadata") or {}
    if (wrong := _wrong_metadata(metadata)) is not None:
        message = (
            f"{place}: {wrong} must be text, a finite number, true, false, null, or a list of text "
            "or numbers"
        )
        return _bad(identity, "bad_record", message)
    as_of = iso_date(value.get("as_of"))
    if value.get("as_of") is not None and as_of is None:
        message = f"{place}: as_of {value['as_of']!r:.40} is not a date; write YYYY-MM-DD"
        return _bad(identity, "bad_record", message)
    return Extract(
        text,
        JSONL,
        " ".join(title.split()),
        as_of=as_of,
        as_of_source="content" if as_of else None,
        metadata=storable(cast("Metadata", metadata)),
        record_id=identity,
    )


def _wrong_metadata(metadata: object) -> str | None:
    """Name what in a record's metadata cannot be stored, or return None."""
    if not isinstance(metadata, dict):
        return "each value in the object `metadata`"
    wrong = (key for key, value in metadata.items() if not is_metadata_value(value))
    return next((f"metadata {key!r:.80}" for key in wrong), None)


def is_metadata_value(value: object) -> bool:
    """Tell whether `value` may stand in a document's metadata: a scalar or a list of them."""
    return value is None or all(map(_is_scalar, value if isinstance(value, list) else [value]))


def _is_scalar(value: object) -> bool:
    # JSON has no way to write NaN or infinity, nor whole numbers of any length.
    return isinstance(value, str) or (
        isinstance(value, int | float) and abs(value) <= sys.float_info.max
    )


def storable(metadata: Metadata) -> Metadata:
    """Return `metadata` with all its text in stored form."""
    return {stored_form(name): _storable(value) for name, value in metadata.items()}


def _storable(value: MetadataValue) -> MetadataValue:
    if isinstance(value, str):
        return stored_form(value)
    if isinstance(value, list):
        return cast("MetadataValue", [_storable(item) for item in value])
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _bad(record: str, reason: str, message: str) -> RecordFailure:
    return RecordFailure(record, ReadFailure(reason, message))
