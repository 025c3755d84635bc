"""What kind of document a file is: its content decides, its name only breaks ties."""

import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Final

from indexes.errors import ReadFailure
from ingest.readers import CSV, HTML, JSONL, MARKDOWN, PDF, PLAIN, TSV

_SAMPLE: Final = 65_536
_PDF_WITHIN: Final = 1024
_BY_NAME: Final = {
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN, ".mkd": MARKDOWN,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML,
    ".csv": CSV, ".tsv": TSV, ".tab": TSV,
    ".jsonl": JSONL, ".ndjson": JSONL,
    ".txt": PLAIN, ".text": PLAIN, ".log": PLAIN, "": PLAIN,
}  # fmt: skip
_HTML_START: Final = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
# Bytes that no text in a one-byte or UTF-8 encoding has.
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_SIGNATURES: Final = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (DOC, XLS, PPT or MSG)"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"II*\x00", "a picture (TIFF)"),
    (b"MM\x00*", "a picture (TIFF)"),
    (b"RIFF", "a media file (RIFF)"),
    (b"BM", "a picture (BMP)"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z)"),
    (b"Rar!", "an archive (RAR)"),
    (b"BZh", "an archive (bzip2)"),
    (b"\xfd7zXZ\x00", "an archive (xz)"),
    (b"\x28\xb5\x2f\xfd", "an archive (zstd)"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a program (Windows)"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"%!PS", "a PostScript document"),
    (b"ID3", "a sound file (MP3)"),
    (b"OggS", "a media file (Ogg)"),
)
_ZIPPED: Final = (
    (b"word/", "a Word document (DOCX)"),
    (b"ppt/", "a PowerPoint presentation (PPTX)"),
    (b"xl/", "an Excel workbook (XLSX)"),
    (b"application/epub+zip", "an e-book (EPUB)"),
    (b"opendocument.text", "an OpenDocument text (ODT)"),
    (b"opendocument.spreadsheet", "an OpenDocument sheet (ODS)"),
    (b"opendocument.presentation", "an OpenDocument presentation (ODP)"),
)
_TEXT_FORMATS: Final = {
    ".eml": "an e-mail (EML)",
    ".tex": "a TeX document",
    ".rst": "a reStructuredText document",
    ".xml": "an XML document",
    ".ipynb": "a notebook (IPYNB)",
    ".json": "a JSON document",
}


def detect(path: Path, name: str) -> str:
    """Return the media type of the reader that `path` is for; `name` is what the user calls it.

    Raises ReadFailure `unsupported_format` that names the format, `empty`, `wrong_type`.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    if not head.strip(b"\x00 \t\r\n"):
        raise ReadFailure("empty", "the file is empty; there is nothing to find in it")
    suffix = _suffix(name)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return PDF
    if head.startswith(b"\x1f\x8b"):
        return _in_gzip(path)
    _refuse_binary(head, path)
    if _HTML_START.match(head):
        return HTML
    if suffix in _TEXT_FORMATS:
        raise _unsupported(_TEXT_FORMATS[suffix])
    if suffix == ".pdf":
        raise ReadFailure(
            "wrong_type",
            "the name says PDF, but the file is none; look at how it was made or copied",
        )
    if suffix not in (".jsonl", ".ndjson") and _is_records(head):
        return JSONL
    return _BY_NAME.get(suffix, PLAIN)


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _refuse_binary(head: bytes, path: Path) -> None:
    if head.startswith(b"PK\x03\x04"):
        listing = path.read_bytes()[-_SAMPLE:] + head
        found = next((kind for mark, kind in _ZIPPED if mark in listing), "an archive (ZIP)")
        raise _unsupported(found)
    for mark, kind in _SIGNATURES:
        if head.startswith(mark) and (len(mark) > 2 or _CONTROL.search(head)):  # noqa: PLR2004
            raise _unsupported(kind)
    if _CONTROL.search(head) and not head.startswith(_UTF16):
        raise ReadFailure(
            "wrong_type",
            "the file is neither text nor a document of a known kind; save it as PDF or as text",
        )


def _in_gzip(path: Path) -> str:
    try:
        with gzip.open(path) as file:
            head = file.read(_SAMPLE)
    except (EOFError, OSError, zlib.error) as error:
        raise ReadFailure("damaged", f"the gzip file is damaged ({error}); copy it anew") from error
    if _is_records(head):
        return JSONL
    raise _unsupported("an archive (gzip); only JSONL records may be packed so")


def _is_records(head: bytes) -> bool:
    """Tell whether the text begins with a record, `{"id": …, "text": …}` on one line."""
    first = head.lstrip().split(b"\n", 1)[0]
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return first.startswith(b"{") and len(head) == _SAMPLE and b"\n" not in head.lstrip()
    return isinstance(value, dict) and "text" in value and "id" in value


def _unsupported(kind: str) -> ReadFailure:
    return ReadFailure(
        "unsupported_format",
        f"the file is {kind}, which is not read; save it as PDF, HTML or text",
    )
