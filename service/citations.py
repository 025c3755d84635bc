"""Citations: each quote is cut from the stored text by its offsets and checked before it shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from indexes.collection import Reading
from indexes.documents import Page, Span, StoredChunk, sha256_text
from indexes.errors import AfterwordError, IndexDamaged
from indexes.rows import RECORDS, SHEETS, row_at
from service.evidence import Evidence, Quoted
from service.reply import Cell, Citation
from service.rows import table_rows

_WITH_ROWS: Final = RECORDS | SHEETS


@dataclass(frozen=True, slots=True)
class _Source:
    """A part of a document's checked text, which begins at `start`, and its recognised pages."""

    text: str = field(repr=False)
    recognised: frozenset[int]
    start: int = 0

    def cut(self, span: Span) -> str:
        return span.moved(-self.start).cut(self.text)

    def around(self, chunk: StoredChunk) -> "_Source":
        """Return what quotes of a chunk are cut from; rows are counted from the text's start."""
        if chunk.media_type in _WITH_ROWS:
            return self
        return _Source(self.cut(chunk.span), self.recognised, chunk.span.start)


class Citer:
    """Checks the quotes of one answer and numbers them from 1."""

    def __init__(self, reading: Reading) -> None:
        """Cite from the documents as they are in `reading`."""
        self._reading = reading
        self._texts: dict[str, str] = {}
        self._recognised: dict[str, frozenset[int]] = {}
        self._kept: dict[int, _Source | AfterwordError] = {}
        self._cited: list[Citation] = []
        self._known: dict[tuple[str, int, int], Citation] = {}

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What was cited so far, in order."""
        return tuple(self._cited)

    def keep(self, evidence: Sequence[Evidence]) -> None:
        """Read ahead what quotes of this evidence are checked by, so that the reading may end.

        What is wrong with a document is raised when it is cited, as ever.
        """
        chunks = [one.candidate.chunk for one in evidence]
        for chunk in sorted(chunks, key=lambda one: one.document_id):
            if chunk.document_id not in self._texts:
                self._texts.clear()  # one whole text at a time: there may be many, and long ones
            try:
                self._kept[chunk.chunk_id] = self._source(chunk).around(chunk)
            except AfterwordError as error:
                self._kept[chunk.chunk_id] = error
        self._texts.clear()

    def cite(self, quoted: Quoted) -> tuple[Citation, str]:
        """Return the citation of a quote, and the short answer that lies in it.

        What was cited before keeps its number.
        Raises IndexDamaged where the chunk's words are not those of its document, or the document's
        text is not the one whose hash the catalog keeps: such a quote is never shown.
        """
        chunk = quoted.evidence.candidate.chunk
        source = self._source(chunk)
        within = chunk.span.start <= quoted.span.start < quoted.span.end <= chunk.span.end
        quote = source.cut(quoted.span) if within else ""
        if not within or quote != chunk.cut(quoted.span):
            raise IndexDamaged(
                f"document {chunk.document_id} ({chunk.uri}): characters {quoted.span.start} to "
                f"{quoted.span.end} are not what chunk {chunk.chunk_id} holds; "
                "run `afterword reindex`"
            )
        place = (chunk.document_id, quoted.span.start, quoted.span.end)
        if (known := self._known.get(place)) is not None:
            return known, source.cut(quoted.short)
        page = page_at(chunk.pages, quoted.span.start)
        citation = Citation(
            marker=f"[{len(self._cited) + 1}]",
            document_id=chunk.document_id,
            title=chunk.title,
            uri=chunk.uri,
            page=page,
            row=row_at(source.text, chunk.media_type, chunk.pages, quoted.span.start),
            section=chunk.section or "",
            start=quoted.span.start,
            end=quoted.span.end,
            quote=quote,
            score=quoted.evidence.score,
            as_of=chunk.as_of,
            text_sha256=chunk.text_sha256,
            recognised=page in source.recognised,
            cells=cells_in(chunk, quoted.span),
        )
        self._cited.append(citation)
        self._known[place] = citation
        return citation, source.cut(quoted.short)

    def _source(self, chunk: StoredChunk) -> _Source:
        kept = self._kept.get(chunk.chunk_id)
        if isinstance(kept, AfterwordError):
            raise kept
        if kept is not None:
            return kept
        text = self._checked_text(chunk.document_id, chunk.text_sha256)
        return _Source(text, self._recognised_pages(chunk.document_id))

    def _recognised_pages(self, document_id: str) -> frozenset[int]:
        if document_id not in self._recognised:
            findings = self._reading.document(document_id).findings
            pages = (
                page for finding in findings if finding.code == "ocr" for page in finding.pages
            )
            self._recognised[document_id] = frozenset(pages)
        return self._recognised[document_id]

    def _checked_text(self, document_id: str, sha256: str) -> str:
        if document_id not in self._texts:
            text = self._reading.text(document_id)
            if sha256_text(text) != sha256:
                raise IndexDamaged(
                    f"document {document_id}: its stored text is not the one that was ingested; "
                    "ingest the document again, or restore a snapshot"
                )
            self._texts[document_id] = text
        return self._texts[document_id]


def cells_in(chunk: StoredChunk, quote: Span) -> tuple[Cell, ...]:
    """Return the cells of the rows that a quote holds, with the names of their columns."""
    doubled = '""' if chunk.media_type in RECORDS else '"'
    cells = tuple(
        Cell(name, " ".join(chunk.cut(cell).replace(doubled, '"').split()))
        for row in table_rows(chunk)
        if quote.holds(row.span)
        for cell, name in zip(row.cells, row.names, strict=True)
    )
    return cells if any(one.column for one in cells) else ()


def page_at(pages: tuple[Page, ...], start: int) -> int | None:
    """Return the number of the page on which a code point stands, or None where there is none."""
    return next(
        (page.number for page in reversed(pages) if page.span.start <= start < page.span.end),
        pages[0].number if pages else None,
    )
