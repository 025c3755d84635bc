"""The readers: one module a format, one row a media type."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final, Protocol, cast

from indexes import rows
from indexes.documents import Extract, document_id_for, part_prefix
from indexes.errors import ReadFailure

PDF: Final = "application/pdf"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
PLAIN: Final = "text/plain"
CSV: Final = rows.CSV
TSV: Final = rows.TSV
JSONL: Final = "application/jsonl"
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
XML: Final = "application/xml"
NOTEBOOK: Final = "application/x-ipynb+json"
RST: Final = "text/x-rst"
TEX: Final = "text/x-tex"
RTF: Final = "application/rtf"
MAIL: Final = "message/rfc822"
OUTLOOK: Final = "application/vnd.ms-outlook"
EPUB: Final = "application/epub+zip"
_OOXML: Final = "application/vnd.openxmlformats-officedocument"
DOCX: Final = f"{_OOXML}.wordprocessingml.document"
PPTX: Final = f"{_OOXML}.presentationml.presentation"
XLSX: Final = rows.XLSX
XLSB: Final = rows.XLSB
XLS: Final = rows.XLS
_ODF: Final = "application/vnd.oasis.opendocument"
ODT: Final = f"{_ODF}.text"
ODS: Final = rows.ODS
ODP: Final = f"{_ODF}.presentation"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
BMP: Final = "image/bmp"
WEBP: Final = "image/webp"
GIF: Final = "image/gif"
LOCKED_OFFICE: Final = "application/x-ooxml-encrypted"

OCR_OPTION: Final = "`--ocr`"
"""What the message on a file or a part names that only text recognition can read."""
_PART_NAME: Final = 80
_PART_END: Final = 60
_NOT_IN_IDS: Final = re.compile(r"[^\w.~()',&+=@-]+")


def _untold(part: float) -> None:
    """Tell nobody how far a reader is."""
    del part


@dataclass(frozen=True, slots=True)
class Picture:
    """A format of pictures: its name, and the extension of its files."""

    name: str
    suffix: str


PICTURES: Final[Mapping[str, Picture]] = MappingProxyType(
    {
        PNG: Picture("PNG", ".png"),
        JPEG: Picture("JPEG", ".jpg"),
        TIFF: Picture("TIFF", ".tif"),
        BMP: Picture("BMP", ".bmp"),
        WEBP: Picture("WEBP", ".webp"),
        GIF: Picture("GIF", ".gif"),
    }
)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader is told about a source besides its path.

    `name` is the one that the user knows, `uri` that of the source's document; `passwords` are
    tried where the source has one. `depth` counts the files that the source lies in. With `ocr`
    pages and pictures without text are given to text recognition. A reader that may take long
    calls `tell` with the part, from 0 to 1, of the source that it is done with.
    """

    name: str
    uri: str = ""
    passwords: tuple[str, ...] = field(default=(), repr=False)
    depth: int = 0
    ocr: bool = False
    tell: Callable[[float], None] = field(default=_untold, compare=False)

    @property
    def stem(self) -> str:
        """The name without folder and extension: the title of a source that has none."""
        return PurePath(self.name).stem or self.name

    def part_id(self, name: str) -> str:
        """Return the document id of a part of the source, like the attachment of a mail."""
        kept = _NOT_IN_IDS.sub("_", name)
        if len(kept) > _PART_NAME:  # the end tells most, and the hash keeps it apart from others
            kept = f"{document_id_for(name)}~{kept[-_PART_END:]}"
        return f"{part_prefix(self.uri)}{kept}"


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """A record of a source that could not be read; `record` is its id or `line N`."""

    record: str
    failure: ReadFailure


Reading = Iterator[Extract | RecordFailure]


class Reader(Protocol):
    """What each reader module offers under the name `read`."""

    def __call__(self, path: Path, options: ReadOptions, /) -> Reading:
        """Yield what is in the file at `path`.

        Raises ReadFailure where the whole source cannot be read.
        """


@dataclass(frozen=True, slots=True)
class ReaderEntry:
    """A row of the table: a reader's name, its version, its module, and files' usual extension.

    The version rises whenever the same bytes would give another text: such documents are read anew.
    `title` is what people call the format, `pages` what counts as a page of it, if anything, and
    `dates` where it states the day that it speaks of, if it can.
    """

    name: str
    version: int
    module: str
    suffix: str
    title: str
    pages: str = ""
    dates: str = ""

    @property
    def label(self) -> str:
        """Name and version as they are stored with a document, e.g. `pdf/1`."""
        return f"{self.name}/{self.version}"

    def load(self) -> Reader:
        """Import the reader: its libraries are heavy, and most processes need only the table."""
        return cast("Reader", import_module(self.module).read)


READERS: Final[Mapping[str, ReaderEntry]] = MappingProxyType(
    {
        # 2: tables are rows of cells, words that nobody sees are left out
        PDF: ReaderEntry("pdf", 2, "ingest.readers.pdf", ".pdf", "PDF", "pages"),
        # 2: items of lists have markers; 3: text that styles hide is left out
        HTML: ReaderEntry(
            "html",
            3,
            "ingest.readers.html",
            ".html",
            "HTML",
            "",
            "when the page says that it was published",
        ),
        MARKDOWN: ReaderEntry(
            "markdown",
            1,
            "ingest.readers.markdown",
            ".md",
            "Markdown",
            "",
            "`date`, `published`, `as_of`, `updated` or `lastmod` of the front matter",
        ),
        PLAIN: ReaderEntry("plain", 1, "ingest.readers.plain", ".txt", "Plain text"),
        # 2: a first row with days or years above more of them is no header; open quotes end with
        # their line
        CSV: ReaderEntry("csv", 2, "ingest.readers.csv", ".csv", "CSV"),
        TSV: ReaderEntry("csv", 2, "ingest.readers.csv", ".tsv", "TSV"),
        JSONL: ReaderEntry(
            "jsonl",
            1,
            "ingest.readers.jsonl",
            ".jsonl",
            "JSONL records",
            "",
            "`as_of` of each record",
        ),
        RST: ReaderEntry(
            "rst",
            1,
            "ingest.readers.rst",
            ".rst",
            "reStructuredText",
            "",
            "`date` or `published` of the fields at the head",
        ),
        TEX: ReaderEntry("tex", 1, "ingest.readers.tex", ".tex", "TeX, LaTeX", "", "`\\date`"),
        JSON: ReaderEntry("json", 1, "ingest.readers.json", ".json", "JSON"),
        NDJSON: ReaderEntry("json", 1, "ingest.readers.json", ".ndjson", "NDJSON"),
        XML: ReaderEntry(
            "xml",
            1,
            "ingest.readers.xml",
            ".xml",
            "XML",
            "",
            "when the document says that it was published, or its feed changed",
        ),
        NOTEBOOK: ReaderEntry(
            "notebook", 1, "ingest.readers.notebook", ".ipynb", "Notebook (IPYNB)"
        ),
        EPUB: ReaderEntry(
            "epub",
            1,
            "ingest.readers.epub",
            ".epub",
            "EPUB",
            "",
            "when the book says that it was published",
        ),
        MAIL: ReaderEntry("eml", 1, "ingest.readers.eml", ".eml", "E-mail (EML)", "", "`Date`"),
        OUTLOOK: ReaderEntry(
            "msg", 1, "ingest.readers.msg", ".msg", "E-mail of Outlook (MSG)", "", "`Date`"
        ),
        # 2: words that nobody sees (white, tiny, beside a slide) are left out
        DOCX: ReaderEntry(
            "docx",
            2,
            "ingest.readers.docx",
            ".docx",
            "Word (DOCX)",
            "pages, as last printed or shown",
        ),
        PPTX: ReaderEntry("pptx", 2, "ingest.readers.pptx", ".pptx", "PowerPoint (PPTX)", "slides"),
        XLSX: ReaderEntry(
            "sheets", 2, "ingest.readers.sheets", ".xlsx", "Excel (XLSX, XLSM)", "sheets"
        ),
        XLSB: ReaderEntry("sheets", 1, "ingest.readers.sheets", ".xlsb", "Excel (XLSB)", "sheets"),
        XLS: ReaderEntry("sheets", 1, "ingest.readers.sheets", ".xls", "Excel (XLS)", "sheets"),
        ODS: ReaderEntry(
            "sheets", 1, "ingest.readers.sheets", ".ods", "OpenDocument sheets (ODS)", "sheets"
        ),
        ODT: ReaderEntry(
            "odf",
            2,
            "ingest.readers.odf",
            ".odt",
            "OpenDocument text (ODT)",
            "pages, as last printed or shown",
        ),
        ODP: ReaderEntry(
            "odf", 2, "ingest.readers.odf", ".odp", "OpenDocument slides (ODP)", "slides"
        ),
        RTF: ReaderEntry("rtf", 2, "ingest.readers.rtf", ".rtf", "RTF"),
        LOCKED_OFFICE: ReaderEntry(
            "locked",
            1,
            "ingest.readers.locked",
            ".docx",
            "Office, locked with a password",
            "as inside",
        ),
        # read with text recognition only
        **{
            media_type: ReaderEntry(
                "picture", 1, "ingest.readers.picture", picture.suffix, picture.name, "pages"
            )
            for media_type, picture in PICTURES.items()
        },
    }
)
