"""Citations: each quote is cut from the stored text by its offsets and checked before it shows."""

from indexes.collection import Reading
from indexes.documents import Page, Span, StoredChunk, sha256_text
from indexes.errors import IndexDamaged
from indexes.rows import RECORDS, row_at
from service.evidence import Quoted
from service.reply import Cell, Citation
from service.rows import table_rows


class Citer:
    """Checks the quotes of one answer and numbers them from 1."""

    def __init__(self, reading: Reading) -> None:
        """Cite from the documents as they are in `reading`."""
        self._reading = reading
        self._texts: dict[str, str] = {}
        self._recognised: dict[str, frozenset[int]] = {}
        self._cited: list[Citation] = []
        self._known: dict[tuple[str, int, int], Citation] = {}

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What was cited so far, in order."""
        return tuple(self._cited)

    def cite(self, quoted: Quoted) -> tuple[Citation, str]:
        """Return the citation of a quote, and the short answer that lies in it.

        What was cited before keeps its number.
        Raises IndexDamaged where the chunk's words are not those of its document, or the document's
        text is not the one whose hash the catalog keeps: such a quote is never shown.
        """
        chunk = quoted.evidence.candidate.chunk
        text = self._checked_text(chunk.document_id, chunk.text_sha256)
        quote = quoted.span.cut(text)
        within = chunk.span.start <= quoted.span.start < quoted.span.end <= chunk.span.end
        if not within or quote != chunk.cut(quoted.span):
            raise IndexDamaged(
                f"document {chunk.document_id} ({chunk.uri}): characters {quoted.span.start} to "
                f"{quoted.span.end} are not what chunk {chunk.chunk_id} holds; "
                "run `afterword reindex`"
            )
        place = (chunk.document_id, quoted.span.start, quoted.span.end)
        if (known := self._known.get(place)) is not None:
            return known, quoted.short.cut(text)
        page = page_at(chunk.pages, quoted.span.start)
        citation = Citation(
            marker=f"[{len(self._cited) + 1}]",
            document_id=chunk.document_id,
            title=chunk.title,
            uri=chunk.uri,
            page=page,
            row=row_at(text, chunk.media_type, chunk.pages, quoted.span.start),
            section=chunk.section or "",
            start=quoted.span.start,
            end=quoted.span.end,
            quote=quote,
            score=quoted.evidence.score,
            as_of=chunk.as_of,
            text_sha256=chunk.text_sha256,
            recognised=page in self._recognised_pages(chunk.document_id),
            cells=cells_in(chunk, quoted.span),
        )
        self._cited.append(citation)
        self._known[place] = citation
        return citation, quoted.short.cut(text)

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
