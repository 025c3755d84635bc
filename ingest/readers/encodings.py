"""From bytes to text: which encoding a text file is in.

A byte order mark decides, then UTF-8 where the bytes allow it, then what the file declares, then
what charset-normalizer finds most likely.
"""

import codecs
from dataclasses import dataclass
from typing import Final

from charset_normalizer import from_bytes

from indexes.documents import Finding, stored_form
from indexes.errors import ReadFailure

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE: Final = 200_000
# What a browser takes these names to mean (WHATWG Encoding Standard).
_MEANT: Final = {"iso-8859-1": "windows-1252", "latin-1": "windows-1252", "ascii": "windows-1252"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text in stored form, without a byte order mark, and what is to be told about it."""

    text: str
    encoding: str
    findings: tuple[Finding, ...] = ()


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Turn the bytes of a text file into text in stored form.

    Bytes that the encoding does not explain become U+FFFD and a finding. Raises ReadFailure
    `empty` for no text, `wrong_type` for bytes that are no text in any encoding.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    try:
        return _checked(data.decode(), "utf-8")
    except UnicodeDecodeError:
        pass
    if declared and _known(declared):
        return _decoded(data, _MEANT.get(declared.lower(), declared))
    best = from_bytes(data[:_SAMPLE]).best()
    if best is None:
        raise ReadFailure(
            "wrong_type",
            "the file is not text in any known encoding; open it in the program it comes from and "
            "save it as UTF-8 text or as PDF",
        )
    return _decoded(data, best.encoding)


def _known(encoding: str) -> bool:
    try:
        return isinstance(b"".decode(encoding), str)
    except LookupError:
        return False


def _decoded(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, errors="replace")
    lost = text.count("\ufffd")
    if not lost:
        return _checked(text, encoding)
    message = f"{lost} characters are not valid {encoding} and are stored as U+FFFD"
    return _checked(text, encoding, Finding("unreadable_characters", message))


def _checked(text: str, encoding: str, *findings: Finding) -> Decoded:
    stored = stored_form(text)
    if not stored.strip():
        raise ReadFailure("empty", "the file has no text; there is nothing to find in it")
    return Decoded(stored, encoding, findings)
