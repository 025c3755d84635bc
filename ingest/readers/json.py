"""JSON: its data as text that can be read, whatever it is: records, settings, a map, a chat."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from indexes.documents import Extract, Finding
from indexes.errors import ReadFailure
from ingest.readers import JSON, NDJSON, Reading, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.encodings import Decoded, decode
from ingest.readers.records import Fields, Value, put_record, put_value

_TITLE: Final = 200
_LINE_LIMIT: Final = 20


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of a JSON file, or of one with a JSON value a line.

    Raises ReadFailure `empty`, `wrong_type`, `too_large` for data nested too deeply.
    """
    decoded = decode(path.read_bytes())
    try:
        yield _document(decoded, options)
    except RecursionError:
        raise ReadFailure(
            "too_large",
            "the data is nested hundreds of levels deep, which no one can read; flatten it, or "
            "save it as text",
        ) from None


def _document(decoded: Decoded, options: ReadOptions) -> Extract:
    try:
        value = parsed(decoded.text)
    except ValueError as error:
        return _of_lines(decoded, options) or _as_written(decoded, options, error)
    composed = Composed()
    put_value(composed, value)
    if not composed.text:
        raise ReadFailure("empty", "the file has no values; fill it, or leave it out")
    return _extract(composed, JSON, _title(value) or options.stem, decoded.findings)


def parsed(text: str) -> Value:
    """Return the value that a JSON text stands for, its numbers as they are written.

    Raises ValueError where it is not JSON, RecursionError where it is nested too deeply.
    """
    return _value(_DECODER.decode(text))


# Numbers stay as they are written, of whatever size.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Fields, parse_int=str, parse_float=str, parse_constant=str
)


def _value(raw: object) -> Value:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, Fields):
        return Fields([(key, _value(value)) for key, value in raw.items])
    if isinstance(raw, list):
        return [_value(value) for value in cast("list[object]", raw)]
    return "" if raw is None else str(raw).lower()  # true and false


def _of_lines(decoded: Decoded, options: ReadOptions) -> Extract | None:
    """Read a value a line; None where the file is not made of such lines."""
    composed, bad, good = Composed(), list[int](), 0
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            put_record(composed, parsed(line))
            good += 1
        except (ValueError, RecursionError):
            bad.append(number)
    if good <= len(bad) or not composed.text:
        return None
    findings = (*decoded.findings, *([_bad_lines(bad)] if bad else []))
    return _extract(composed, NDJSON, options.stem, findings)


def _bad_lines(numbers: Sequence[int]) -> Finding:
    shown = ", ".join(map(str, numbers[:_LINE_LIMIT]))
    more = f" and {len(numbers) - _LINE_LIMIT} more" if len(numbers) > _LINE_LIMIT else ""
    lines = "line" if len(numbers) == 1 else "lines"
    message = f"not JSON and left out: {lines} {shown}{more}; mend what stands there and run again"
    return Finding("bad_record", message)


def _as_written(decoded: Decoded, options: ReadOptions, error: ValueError) -> Extract:
    finding = Finding(
        "damaged",
        f"the file is not JSON ({error}) and is stored as it is written; mend it and run again",
    )
    return Extract(decoded.text, JSON, options.stem, findings=(*decoded.findings, finding))


def _extract(
    composed: Composed, media_type: str, title: str, findings: tuple[Finding, ...]
) -> Extract:
    return Extract(
        composed.text,
        media_type,
        title,
        headings=tuple(composed.headings),
        tables=tuple(composed.tables),
        findings=findings,
    )


def _title(value: Value) -> str:
    """Return what an object calls itself."""
    if not isinstance(value, Fields):
        return ""
    own = {key: given for key, given in reversed(value.items) if isinstance(given, str)}
    title = " ".join((own.get("title") or own.get("name") or "").split())
    return title if len(title) <= _TITLE else ""
