"""What kind of document a file is: its content decides, its name only breaks ties."""

import codecs
import gzip
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Final

from indexes.errors import ReadFailure
from ingest.readers import (
    BMP,
    CSV,
    DOCX,
    EPUB,
    GIF,
    HTML,
    JPEG,
    JSON,
    JSONL,
    LOCKED_OFFICE,
    MAIL,
    MARKDOWN,
    NDJSON,
    NOTEBOOK,
    OCR_OPTION,
    ODP,
    ODS,
    ODT,
    OUTLOOK,
    PDF,
    PICTURES,
    PLAIN,
    PNG,
    PPTX,
    READERS,
    RST,
    RTF,
    TEX,
    TIFF,
    TSV,
    WEBP,
    XLS,
    XLSB,
    XLSX,
    XML,
)
from ingest.readers.encodings import unmarked_utf16
from ingest.readers.ole import root_names
from ingest.readers.zipped import FAULTS

_SAMPLE: Final = 65_536
_BLANK: Final = b"\x00 \t\r\n"
_PDF_WITHIN: Final = 1024
_SHOWN: Final = 40
_LONGEST_TYPE: Final = 200
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BY_NAME: Final = {
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN, ".mkd": MARKDOWN,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML,
    ".csv": CSV, ".tsv": TSV, ".tab": TSV,
    ".jsonl": JSONL, ".json": JSON, ".geojson": JSON, ".ndjson": NDJSON,
    ".xml": XML, ".rss": XML, ".atom": XML, ".dita": XML, ".ditamap": XML, ".dbk": XML,
    ".docbook": XML, ".tei": XML, ".nxml": XML,
    ".ipynb": NOTEBOOK, ".eml": MAIL, ".mht": MAIL, ".mhtml": MAIL,
    ".rst": RST, ".rest": RST, ".tex": TEX, ".ltx": TEX,
}  # fmt: skip
_HTML_START: Final = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML_START: Final = re.compile(rb"\s*<\?xml\b")
_SVG_START: Final = re.compile(rb"<(?:!DOCTYPE\s+svg|svg|svg:svg)\b")
_DECLARATION: Final = re.compile(rb"<\?xml[^>]*\?>")
# A mail begins with fields, some of which no other text has.
_MAIL_START: Final = re.compile(
    rb"(?:From [^\n]*\n)?(?:[A-Za-z][A-Za-z0-9-]*:[ \t][^\n]*\n(?:[ \t][^\n]*\n)*){3}"
)
_MAIL_FIELD: Final = re.compile(
    rb"(?im)^(?:received|return-path|message-id|mime-version|delivered-to|dkim-signature):[ \t]"
)
_FROM_FIELD: Final = re.compile(rb"(?im)^from:[ \t]")
# Bytes that text in a one-byte or UTF-8 encoding hardly ever has, and never many of.
_CONTROL: Final = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_CONTROLS_AMONG: Final = 100
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES: Final = (
    (b"\x89PNG", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF8", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"RIFF", "a media file (RIFF)"),
    (b"BM", BMP),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z)"),
    (b"Rar!", "an archive (RAR)"),
    (b"BZh", "an archive (bzip2)"),
    (b"\xfd7zXZ\x00", "an archive (xz)"),
    (b"\x28\xb5\x2f\xfd", "an archive (zstd)"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a program (Windows)"),
    (b"\x09\x00\x04\x00", "an Excel workbook of before 1993"),
    (b"\x09\x02\x06\x00", "an Excel workbook of before 1993"),
    (b"\x09\x04\x06\x00", "an Excel workbook of before 1993"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"%!PS", "a PostScript document"),
    (b"ID3", "a sound file (MP3)"),
    (b"\xff\xfb", "a sound file (MP3)"),
    (b"\xff\xf3", "a sound file (MP3)"),
    (b"\xff\xf1", "a sound file (AAC)"),
    (b"\xff\xf9", "a sound file (AAC)"),
    (b"\x00\x01\x00\x00\x00", "a font"),
    (b"OTTO\x00", "a font"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"OggS", "a media file (Ogg)"),
    (b"fLaC", "a sound file (FLAC)"),
    (b"MThd", "a sound file (MIDI)"),
    (b"\x1aE\xdf\xa3", "a media file (Matroska or WebM)"),
    (b"\x00\x00\x01\xba", "a media file (MPEG)"),
    (b"0&\xb2u\x8ef\xcf\x11", "a media file (Windows Media)"),
    (b"FLV\x01", "a media file (Flash)"),
    (b"8BPS", "a picture of layers (Photoshop)"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
)
# Films, and pictures in the same container: its first box names what it is.
_BOXED: Final = re.compile(rb"(?s).{4}ftyp(.{4})")
_BOXED_PICTURES: Final = (
    (b"avi", "a photo (AVIF)"),
    (b"hei", "a photo (HEIF)"),
    (b"hev", "a photo (HEIF)"),
    (b"mif1", "a photo (HEIF)"),
    (b"msf1", "a photo (HEIF)"),
)
_TAPE: Final = (257, b"ustar")
_WEBP: Final = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
_RTF: Final = b"{\\rtf"
_IWORK: Final = "application/vnd.apple.iwork"
_ZIPPED: Final = (
    (EPUB.encode(), EPUB),
    (b"word/", DOCX),
    (b"ppt/", PPTX),
    (b"xl/workbook.bin", XLSB),
    (b"xl/", XLSX),
    (ODS.encode(), ODS),
    (ODP.encode(), ODP),
    (ODT.encode(), ODT),
    (b"Index/Document.iwa", _IWORK),
    (b"Index.zip", _IWORK),
    (b"index.apxl", _IWORK),
    (b"buildVersionHistory.plist", _IWORK),
)
_DOC: Final = "application/msword"
_PPT: Final = "application/vnd.ms-powerpoint"
_ARCHIVE: Final = "application/zip"
_OLD_OFFICE: Final = "application/x-ole-storage"
_IN_OLE: Final = (
    ("__properties_version1.0", OUTLOOK),
    ("EncryptedPackage", LOCKED_OFFICE),
    ("WordDocument", _DOC),
    ("PowerPoint Document", _PPT),
    ("Workbook", XLS),
    ("Book", XLS),
    ("__substg1.0_", OUTLOOK),
)
# What formats are called; those that no reader reads are refused by this name.
_KINDS: Final = {
    DOCX: "a Word document (DOCX)",
    PPTX: "a PowerPoint presentation (PPTX)",
    XLSX: "an Excel workbook (XLSX)",
    XLSB: "an Excel workbook (XLSB)",
    EPUB: "an e-book (EPUB)",
    ODT: "an OpenDocument text (ODT)",
    ODS: "an OpenDocument sheet (ODS)",
    ODP: "an OpenDocument presentation (ODP)",
    LOCKED_OFFICE: "an Office document with a password",
    _DOC: "an old Word document (DOC)",
    _PPT: "an old PowerPoint presentation (PPT)",
    XLS: "an old Excel workbook (XLS)",
    OUTLOOK: "an Outlook message (MSG)",
    RTF: "an RTF document",
    XML: "an XML document",
    NOTEBOOK: "a notebook (IPYNB)",
    JSON: "a JSON document",
    MAIL: "an e-mail (EML)",
    _ARCHIVE: "an archive (ZIP)",
    _IWORK: "a document of Apple's Pages, Numbers or Keynote",
    _OLD_OFFICE: "an old Office document",
    **{media_type: f"a picture ({picture.name})" for media_type, picture in PICTURES.items()},
}
# What to do with a file of a kind that begins so; any other can be saved in another format.
_REMEDIES: Final = (
    ("a picture (SVG)", "if it shows text, save it as PDF"),
    ("a picture of layers", "if it shows text, save it as PDF or PNG"),
    ("a photo", "if it shows text, save it as JPEG and have it recognised with `--ocr`"),
    ("a mailbox", "save its mails one by one as EML"),
    ("an archive", "unpack it and ingest what is in it"),
    (
        "a picture",
        f"if it shows text, recognise it with {OCR_OPTION}, or let `ocrmypdf` make a PDF of it",
    ),
    ("a program", "leave it out"),
    ("a font", "leave it out"),
    ("a media file", "leave it out, or write down what is said in it"),
    ("a sound file", "leave it out, or write down what is said in it"),
    ("a SQLite database", "export what matters as CSV"),
)
_TEXT_FORMATS: Final = {".mbox": "a mailbox (MBOX)", ".svg": "a picture (SVG)"}


def detect(path: Path, name: str, *, ocr: bool = False) -> str:
    """Return the media type of the reader that `path` is for; `name` is what the user calls it.

    Pictures have one with `ocr` alone.

    Raises ReadFailure `unsupported_format` that names the format, `empty`, `wrong_type`.
    """
    media_type = _detected(path, name)
    if media_type in READERS and (ocr or media_type not in PICTURES):
        return media_type
    raise _unsupported(_KINDS[media_type])


def _detected(path: Path, name: str) -> str:
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
        while head and not head.strip(_BLANK):
            head = file.read(_SAMPLE)
    if not head:
        raise ReadFailure("empty", "the file is empty; copy it anew, or leave it out")
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return PDF
    if head.startswith(_GZIP):
        return _in_gzip(path, name)
    if head.startswith(_ZIP):
        return _in_zip(path, head)
    if head.startswith(_OLE):
        return _in_ole(path)
    if head.startswith(_RTF):
        return RTF
    return _binary(head) or _among_texts(_in_utf8(head), name)


def _in_utf8(head: bytes) -> bytes:
    """Return the beginning of a text without a byte order mark, in UTF-8 where there was one."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "ignore").encode()
    wide = unmarked_utf16(head)
    return head.decode(wide, "ignore").encode() if wide else head


def _among_texts(head: bytes, name: str) -> str:
    suffix = Path(name.lower()).suffix
    start = _first_tag(head)
    if _HTML_START.match(head, start):
        return HTML
    if suffix in _TEXT_FORMATS:
        raise _unsupported(_TEXT_FORMATS[suffix])
    if _SVG_START.match(head, start):
        raise _unsupported(_TEXT_FORMATS[".svg"])
    if _XML_START.match(head):
        return XML
    if suffix == ".pdf":
        raise ReadFailure(
            "wrong_type",
            f"the name says PDF, but the file is none (it begins with {_beginning(head)}); fetch "
            "it again: what was saved may be a web page or an error message",
        )
    if _is_records(head):
        return JSONL
    if _is_mail(head):
        return MAIL
    named = _BY_NAME.get(suffix, PLAIN)
    return NDJSON if named == JSONL and _is_other_data(head) else named


def _first_tag(head: bytes) -> int:
    """Return where a page's first tag stands: behind a declaration and comments."""
    at = len(head) - len(head.lstrip())
    if match := _DECLARATION.match(head, at):
        at = match.end()
    while True:
        at += len(head[at:]) - len(head[at:].lstrip())
        end = head.find(b"-->", at) if head.startswith(b"<!--", at) else -1
        if end < 0:
            return at
        at = end + len(b"-->")


def _is_mail(head: bytes) -> bool:
    """Tell whether a text begins as mails do that have been under way."""
    text = head.replace(b"\r\n", b"\n")
    fields = text.partition(b"\n\n")[0]
    return bool(
        _MAIL_START.match(text) and _MAIL_FIELD.search(fields) and _FROM_FIELD.search(fields)
    )


def _is_other_data(head: bytes) -> bool:
    """Tell whether there is JSON on each line but not one record to ingest on its own."""
    lines = head.splitlines()[: None if len(head) < _SAMPLE else -1]
    values = list[object]()
    try:
        values += [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError):
        return False
    objects = [value for value in values if isinstance(value, dict)]
    return bool(objects) and not any("text" in value and "id" in value for value in objects)


def _beginning(head: bytes) -> str:
    line = head.lstrip().partition(b"\n")[0]
    return repr(line[:_SHOWN].decode("utf-8", "replace").strip())


def _binary(head: bytes) -> str:
    """Return the media type of a picture, "" of text. Raises ReadFailure for what is neither."""
    if _WEBP.match(head):
        return WEBP
    if boxed := _BOXED.match(head):
        raise _unsupported(_named(_BOXED_PICTURES, boxed[1], "a media file (MP4)"))
    if head.startswith(_TAPE[1], _TAPE[0]):
        raise _unsupported("an archive (TAR)")
    controls = len(_CONTROL.findall(head))
    is_binary = bool(controls) or b"\x00" in head
    for mark, kind in _SIGNATURES:
        # What is made of letters may begin a text, too.
        if head.startswith(mark) and (is_binary or not mark.isalnum()):
            if kind in PICTURES:
                return kind
            raise _unsupported(kind)
    if head.startswith(_WIDE) or unmarked_utf16(head) is not None:
        return ""
    if b"\x00" in head or controls * _CONTROLS_AMONG > len(head):
        raise ReadFailure(
            "wrong_type",
            "the file is neither text nor a document of a known kind; save it as PDF or as text",
        )
    return ""


def _named(marks: tuple[tuple[bytes, str], ...], content: bytes, otherwise: str) -> str:
    return next((kind for mark, kind in marks if mark in content), otherwise)


def _in_ole(path: Path) -> str:
    """Return the kind that the names at the root tell, whatever else lies in the file.

    In a damaged one they are looked for among its bytes.
    """
    if names := root_names(path):
        return next(
            (
                kind
                for begin, kind in _IN_OLE
                if any(name.startswith(begin.lower()) for name in names)
            ),
            _OLD_OFFICE,
        )
    streams = tuple((name.encode("utf-16-le"), kind) for name, kind in _IN_OLE)
    return _named(streams, path.read_bytes(), _OLD_OFFICE)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _SAMPLE))
        return file.read(_SAMPLE)


def _in_zip(path: Path, head: bytes) -> str:
    """Return the kind that an archive's names and its statement of a media type tell.

    In a damaged one they are looked for among its bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.encode("utf-8", "replace") for name in archive.namelist()]
            if b"mimetype" in names:
                with archive.open("mimetype") as stated:
                    names.append(stated.read(_LONGEST_TYPE))
    except FAULTS:
        kind = _named(_ZIPPED, head + _tail(path), _ARCHIVE)
        if kind == _ARCHIVE and b"[Content_Types].xml" in head:
            raise ReadFailure(
                "damaged", "the file is the beginning of an Office document; copy it anew"
            ) from None
        return kind
    return next(
        (kind for mark, kind in _ZIPPED if any(name.startswith(mark) for name in names)), _ARCHIVE
    )


def _in_gzip(path: Path, name: str) -> str:
    if name.lower().endswith(".jsonl.gz"):
        return JSONL
    try:
        with gzip.open(path) as file:
            head = file.read(_SAMPLE)
    except (EOFError, OSError, zlib.error) as error:
        raise ReadFailure("damaged", f"the gzip file is damaged ({error}); copy it anew") from error
    if _is_records(head):
        return JSONL
    raise _unsupported("an archive (gzip) of something else than JSONL records")


def _is_records(head: bytes) -> bool:
    """Tell whether the text begins with a record, `{"id": …, "text": …}` on one line."""
    first, end, _ = head.lstrip().partition(b"\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        # A first record longer than the sample can only be recognised by its beginning.
        return not end and len(head) == _SAMPLE and first.startswith(b'{"id"')
    return isinstance(value, dict) and "text" in value and "id" in value


def _unsupported(kind: str) -> ReadFailure:
    remedy = next(
        (remedy for begin, remedy in _REMEDIES if kind.startswith(begin)),
        "save it as PDF, HTML or text",
    )
    return ReadFailure("unsupported_format", f"the file is {kind}, which is not read; {remedy}")
