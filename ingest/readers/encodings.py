"""From bytes to text: which encoding a text file is in.

A byte order mark decides, then the zeros of UTF-16, then UTF-8 where the bytes allow it, then what
the file declares, then what charset-normalizer finds most likely.
"""

import codecs
import re
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
_SAMPLE: Final = 65_536
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_LEAST_PAIRS: Final = 4
_ZEROS: Final = 0.5
_STRAY_ZEROS: Final = 0.01
# What a browser takes these names to mean (WHATWG Encoding Standard).
_MEANT: Final = {
    "iso-8859-1": "windows-1252", "latin-1": "windows-1252", "ascii": "windows-1252",
    "us-ascii": "windows-1252", "iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "windows-1254", "tis-620": "cp874", "iso-8859-11": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "x-sjis": "cp932",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949", "unicode-1-1-utf-7": "utf-7", "x-mac-roman": "mac-roman",
    "cp-850": "cp850",
}  # fmt: skip
# Their bytes are those of ASCII, whatever letters they stand for.
_SEVEN_BIT: Final = re.compile(r"(?i)iso-?2022|hz|utf-?7")
_WIDE_NAMES: Final = re.compile(r"(?i)utf-?(?:16|32)|ucs-?[24]")
_LINE_BEYOND_ASCII: Final = re.compile(rb"(?m)^[^\n]*[\x80-\xff][^\n]*\n?")
_LATIN: Final = re.compile(r"cp125[0478]|cp1006|cp77\d|cp8[56]\d|iso8859_\d+|mac_.*|latin.*")
_SIGN_IN_WORD: Final = re.compile(r"[^\W\d_][^\w\s'\u2019.,:;/&@\u2010-\u2014\xad-]+[^\W\d_]")


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
    mark, wide = next((one for one in _BOMS if data.startswith(one[0])), (b"", None))
    if wide := wide or unmarked_utf16(data[:_SAMPLE]):
        return _decoded(data[len(mark) :], wide)
    if declared and (special := _unlike_utf8(data, declared)):
        return _decoded(data, special)
    try:
        return _checked(data.decode(), "utf-8")
    except UnicodeDecodeError as error:
        if _few_are_broken(data, error):
            return _decoded(data, "utf-8")
    if declared and _known(meant := _MEANT.get(declared.lower(), declared)):
        return _decoded(data, meant)
    return _decoded(data, _most_likely(data))


def _unlike_utf8(data: bytes, declared: str) -> str | None:
    """Return the declared encoding if it is one whose bytes may look like UTF-8 by chance."""
    meant = _MEANT.get(declared.lower(), declared)
    may_be = (_SEVEN_BIT.match(meant) and data.isascii()) or (
        _WIDE_NAMES.match(meant) and b"\x00" in data
    )
    return meant if may_be and _known(meant) else None


def unmarked_utf16(head: bytes) -> str | None:
    """Return which UTF-16 a text without a byte order mark begins in, None where it is no such.

    Every other byte of its Latin letters, digits and spaces is 0, and hardly any of the rest.
    """
    pairs = len(head) // 2
    zeros = (head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0))
    if pairs < _LEAST_PAIRS or max(zeros) < _ZEROS * pairs or min(zeros) > _STRAY_ZEROS * pairs:
        return None
    encoding = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    # Numbers of two bytes have such zeros too.
    return None if _CONTROL.search(head.decode(encoding, "replace")) else encoding


def _few_are_broken(data: bytes, error: UnicodeDecodeError) -> bool:
    """Tell whether the bytes are UTF-8 but for a few: no other encoding forms its sequences."""
    around = data[max(0, error.start - _SAMPLE) : error.end + _SAMPLE].decode(errors="replace")
    broken = around.count("\ufffd")
    return sum(letter > "\x7f" for letter in around) - broken > 9 * broken


def _most_likely(data: bytes) -> str:
    sample, size = list[bytes](), 0
    for line in _LINE_BEYOND_ASCII.finditer(data):
        sample.append(line[0])
        size += len(line[0])
        if size > _SAMPLE:
            break
    telling = b"".join(sample)[:_SAMPLE]
    best = from_bytes(telling).best()
    if best is None:
        raise ReadFailure(
            "wrong_type",
            "the file is not text in any known encoding; open it in the program it comes from and "
            "save it as UTF-8 text or as PDF",
        )
    # The Latin encodings differ in few letters, and windows-1252 is by far the most usual: only
    # signs in the middle of words speak against it.
    western = telling.decode("cp1252", "replace")
    return (
        "cp1252"
        if _LATIN.match(best.encoding) and not _SIGN_IN_WORD.search(western)
        else (best.encoding)
    )


def _known(encoding: str) -> bool:
    try:
        return isinstance(b"a".decode(encoding, "replace"), str)
    except (LookupError, ValueError):  # a name that is none, or has a NUL in it
        return False


def _decoded(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, errors="replace")
    lost = text.count("\ufffd")
    if not lost:
        return _checked(text, encoding)
    message = (
        f"{lost} characters are not valid {encoding} and are stored as U+FFFD; save the file as "
        "UTF-8 to keep them"
    )
    return _checked(text, encoding, Finding("damaged", message))


def _checked(text: str, encoding: str, *findings: Finding) -> Decoded:
    stored = stored_form(text)
    if not stored.strip():
        raise ReadFailure("empty", "the file has no text; write some, or leave it out")
    return Decoded(stored, encoding, findings)
