"""The readers: one module a format, one row a media type."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final, Protocol, cast

from indexes.documents import Extract, document_id_for
from indexes.errors import ReadFailure

PDF: Final = "application/pdf"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
PLAIN: Final = "text/plain"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
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
XLSX: Final = f"{_OOXML}.spreadsheetml.sheet"
XLS: Final = "application/vnd.ms-excel"
_ODF: Final = "application/vnd.oasis.opendocument"
ODT: Final = f"{_ODF}.text"
ODS: Final = f"{_ODF}.spreadsheet"
ODP: Final = f"{_ODF}.presentation"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
BMP: Final = "image/bmp"
WEBP: Final = "image/webp"
GIF: Final = "image/gif"
LOCKED_OFFICE: Final = "application/x-ooxml-encrypted"

_PART_NAME: Final = 80
_NOT_IN_IDS: Final = re.compile(r"[^\w.~()',&+=@-]+")


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
    pages and pictures without text are given to text recognition.
    """

    name: str
    uri: str = ""
    passwords: tuple[str, ...] = ()
    depth: int = 0
    ocr: bool = False

    @property
    def stem(self) -> str:
        """The name without folder and extension: the title of a source that has none."""
        return PurePath(self.name).stem or self.name

    def part_id(self, name: str) -> str:
        """Return the document id of a part of the source, like the attachment of a mail."""
        return f"{document_id_for(self.uri)}-{_NOT_IN_IDS.sub('_', name)[-_PART_NAME:]}"


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
    """

    name: str
    version: int
    module: str
    suffix: str

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
        PDF: ReaderEntry("pdf", 2, "ingest.readers.pdf", ".pdf"),
        # 2: items of lists have markers
        HTML: ReaderEntry("html", 2, "ingest.readers.html", ".html"),
        MARKDOWN: ReaderEntry("markdown", 1, "ingest.readers.markdown", ".md"),
        PLAIN: ReaderEntry("plain", 1, "ingest.readers.plain", ".txt"),
        CSV: ReaderEntry("csv", 1, "ingest.readers.csv", ".csv"),
        TSV: ReaderEntry("csv", 1, "ingest.readers.csv", ".tsv"),
        JSONL: ReaderEntry("jsonl", 1, "ingest.readers.jsonl", ".jsonl"),
        # read with text recognition only
        **{
            media_type: ReaderEntry("picture", 1, "ingest.readers.picture", picture.suffix)
            for media_type, picture in PICTURES.items()
        },
    }
)
