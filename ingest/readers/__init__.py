"""The readers: one module a format, one row a media type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final, Protocol, cast

from indexes.documents import Extract
from indexes.errors import ReadFailure

PDF: Final = "application/pdf"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
PLAIN: Final = "text/plain"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
JSONL: Final = "application/jsonl"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader is told about a source besides its path: the name that the user knows."""

    name: str

    @property
    def stem(self) -> str:
        """The name without folder and extension: the title of a source that has none."""
        return PurePath(self.name).stem or self.name


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
    """A row of the table: a reader's name, its version and its module.

    The version rises whenever the same bytes would give another text: such documents are read anew.
    """

    name: str
    version: int
    module: str

    @property
    def label(self) -> str:
        """Name and version as they are stored with a document, e.g. `pdf/1`."""
        return f"{self.name}/{self.version}"

    def load(self) -> Reader:
        """Import the reader: its libraries are heavy, and most processes need only the table."""
        return cast("Reader", import_module(self.module).read)


READERS: Final[Mapping[str, ReaderEntry]] = MappingProxyType(
    {
        PDF: ReaderEntry("pdf", 1, "ingest.readers.pdf"),
        HTML: ReaderEntry("html", 2, "ingest.readers.html"),  # 2: items of lists have markers
        MARKDOWN: ReaderEntry("markdown", 1, "ingest.readers.markdown"),
        PLAIN: ReaderEntry("plain", 1, "ingest.readers.plain"),
        CSV: ReaderEntry("csv", 1, "ingest.readers.csv"),
        TSV: ReaderEntry("csv", 1, "ingest.readers.csv"),
        JSONL: ReaderEntry("jsonl", 1, "ingest.readers.jsonl"),
    }
)
