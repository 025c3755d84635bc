"""The things that ingestion stores and the service reads: documents, chunks and their places."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.languages import ENGLISH, Language

MetadataValue = str | int | float | bool | None | list[str] | list[int] | list[float]
Metadata = Mapping[str, MetadataValue]

TITLE_LIMIT: Final = 200
# The source of uploads, and how their uris begin; those of all others begin with `source/`.
UPLOADS: Final = "upload:"
# The source of pages of the web, whose uris are their addresses; and where catalogs note what a
# server told of a page's state.
WEB: Final = "web:"
WEB_STATES: Final = "web-states:"
# What came from these lies in no folder: if its bytes are kept, the catalog has them.
HANDED_IN: Final = frozenset({UPLOADS, WEB})
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
# Ids of records come from elsewhere and often are names of articles: letters and digits of any
# script, and the signs that need no care in a path's last part or in a uri's fragment.
DOCUMENT_ID: Final = r"[\w.:~%(),'&+=@-]{1,128}"
_DOCUMENT_ID: Final = re.compile(DOCUMENT_ID)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range `[start, end)` of Unicode code points in a document's stored text."""

    start: int
    end: int

    def cut(self, text: str) -> str:
        """Return the part of `text` that the span covers."""
        return text[self.start : self.end]

    def holds(self, other: "Span") -> bool:
        """Tell whether `other` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def trimmed(self, text: str) -> "Span":
        """Return the span without white space at its ends in `text`."""
        words = self.cut(text)
        start = self.end - len(words.lstrip())
        return Span(start, max(start, self.start + len(words.rstrip())))

    def moved(self, by: int) -> "Span":
        """Return the span that lies `by` code points further on."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a paged document; `number` counts from 1."""

    number: int
    span: Span


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading in the stored text; `level` 1 is the outermost, `span` covers its words only."""

    level: int
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """A table in the stored text: its header row and the rows below it (one row a line or more)."""

    header: Span
    rows: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth telling about a document that was stored all the same."""

    code: str
    message: str
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Extract:
    """What a reader got out of one source: text in stored form and where things are in it.

    `record_id` is the document's id where one file holds several (JSONL records, attachments), and
    `reader` ("pdf/1") is set where that is not the file's own reader. `as_of` is an ISO date
    (YYYY-MM-DD) with `as_of_source` one of given, front_matter, content. Every span lies in `text`.
    """

    text: str
    media_type: str
    title: str = ""
    pages: tuple[Page, ...] = ()
    headings: tuple[Heading, ...] = ()
    tables: tuple[Table, ...] = ()
    as_of: str | None = None
    as_of_source: str | None = None
    metadata: Metadata = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    record_id: str | None = None
    reader: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of the stored text with the spans that give it context.

    `headings` is the heading path from the outermost inwards, `header` a table's header row.
    """

    span: Span
    headings: tuple[Span, ...] = ()
    header: Span | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the catalog keeps it (its text apart).

    `content_sha256` is of the source's bytes, `text_sha256` of the stored text in UTF-8; `size` is
    in bytes, `modified` the file's time in nanoseconds (0 for uploads), `reader` e.g. "pdf/1".
    """

    document_id: str
    uri: str
    source: str
    title: str
    media_type: str
    content_sha256: str
    text_sha256: str
    size: int
    modified: int
    reader: str
    as_of: str | None
    as_of_source: str | None
    metadata: Metadata
    findings: tuple[Finding, ...] = ()
    pages: tuple[Page, ...] = ()
    characters: int = 0
    chunks: int = 0


def stored_form(text: str) -> str:
    r"""Return `text` as stored: newlines `\n`, NUL and lone surrogates U+FFFD, else as given."""
    return _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def encoded_text(title: str, context: Sequence[str], text: str) -> str:
    """Return what encoder, lexical view and reader see of a chunk: title, context and its words.

    Left out are a context line that the text has anyway and a title that the text begins with.
    """
    lines = [part for part in context if part != title and part not in text]
    if title and not text.lstrip("#= ").startswith(title):
        lines.insert(0, title)
    return "\n".join([*lines, text])


def encoded_chunk(title: str, text: str, chunk: Chunk) -> str:
    """Return what encoder, lexical view and reader see of a chunk of a document's text."""
    context = [*chunk.headings, *([chunk.header] if chunk.header else [])]
    return encoded_text(title, [span.cut(text) for span in context], chunk.span.cut(text))


def text_hash(text: str) -> bytes:
    """Return the 16-byte BLAKE2b digest of `text` in UTF-8: the key of a stored vector."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def sha256_text(text: str) -> str:
    """Return the hexadecimal sha256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def document_id_for(uri: str) -> str:
    """Return the id of a document that was given none: 16 hex digits of its uri's sha256."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def part_prefix(uri: str) -> str:
    """Return what the ids of a file's parts, like the attachments of a mail, begin with."""
    return f"{document_id_for(uri)}-"


def file_uri(document: Document) -> str:
    """Return the uri of the file that a document came from, which may hold many records."""
    return document.uri.removesuffix(f"#{document.document_id}")


def is_document_id(value: str) -> bool:
    """Tell whether `value` may be a document id."""
    return _DOCUMENT_ID.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Original:
    """A file that documents came from, as it was when it was read.

    `size` is in bytes, `modified` in ns (0 for uploads). `path` is where the bytes lie that are to
    be kept; None for a file in a folder, which stays where it is.
    """

    source: str
    uri: str
    media_type: str
    sha256: str
    size: int
    modified: int
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that is ready to be stored.

    `hashes[i]` is the text_hash of chunk i's encoded text; `vectors` needs to hold only those that
    the catalog lacks, each of shape (dimension,), unit length. `original` is None where the
    document's own facts are those of its file, or nothing is to be known of it.
    """

    document: Document
    text: str
    chunks: Sequence[Chunk]
    hashes: Sequence[bytes]
    vectors: Mapping[bytes, npt.NDArray[np.float32]]
    headings: Sequence[Heading] = ()
    tables: Sequence[Table] = ()
    original: Original | None = None


@dataclass(frozen=True, slots=True)
class Recut:
    """New chunks for a document whose text stays: `hashes` as in Prepared."""

    text_sha256: str
    chunks: Sequence[Chunk]
    hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it was read back, with the facts of its document that an answer shows.

    `text` is the chunk's own words, `headings` the words of its heading path, `pages` the pages
    that it touches, `language` its collection's.
    """

    chunk_id: int
    document_id: str
    uri: str
    title: str
    media_type: str
    as_of: str | None
    text_sha256: str
    span: Span
    text: str
    headings: tuple[str, ...] = ()
    header: str | None = None
    pages: tuple[Page, ...] = field(default=(), repr=False)
    language: Language = ENGLISH

    def cut(self, span: Span) -> str:
        """Return the words of a span of the document's text that lies in this chunk."""
        return span.moved(-self.span.start).cut(self.text)

    @property
    def page(self) -> int | None:
        """The number of the first page that the chunk touches, or None where there are no pages."""
        return self.pages[0].number if self.pages else None

    @property
    def section(self) -> str | None:
        """The heading path, outermost first, or None where there is none."""
        return " > ".join(self.headings) or None

    @property
    def encoded(self) -> str:
        """What encoder, lexical view and reader see of this chunk."""
        return self.with_context(self.text, self.header)

    def with_context(self, text: str, header: str | None) -> str:
        """Return a text as it would be seen in the place of the chunk's own, below a header."""
        return encoded_text(self.title, [*self.headings, *([header] if header else [])], text)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a collection holds."""

    documents: int
    chunks: int
