"""The text of a document that is put together from parts, with where each of them is."""

from collections.abc import Iterable, Sequence
from typing import Final

from indexes.documents import Heading, Page, Span, Table, stored_form

CELL_END: Final = " | "


class Composed:
    """Text that grows by paragraphs, headings, tables and pages; all that is given is kept.

    `headings`, `tables` and `pages` lie in `text`, in stored form, once everything was added.
    """

    def __init__(self) -> None:
        self.headings: list[Heading] = []
        self.tables: list[Table] = []
        self._pieces: list[str] = []
        self._length = 0
        self._pages: list[tuple[int, int]] = []
        self._page_begins = False

    @property
    def text(self) -> str:
        """All that was added."""
        return "".join(self._pieces)

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages that were begun; each ends where the white space before the next begins."""
        text = self.text
        ends = [start for _, start in self._pages[1:]] + [self._length]
        return tuple(
            Page(number, Span(start, start + len(text[start:end].rstrip())))
            for (number, start), end in zip(self._pages, ends, strict=True)
        )

    def page(self, number: int) -> None:
        """Begin a page, slide or sheet; what is added from now on lies on it."""
        self._pages.append((number, self._length))
        self._page_begins = True

    def paragraph(self, words: str, *, apart: bool = True) -> Span:
        """Add a paragraph, after a blank line or (with `apart` false) on the next line."""
        kept = stored_form(words).strip("\n")
        if not kept.strip():
            return Span(self._length, self._length)
        if self._length:
            self._put("\n\n" if apart or self._page_begins else "\n")
        if self._page_begins:
            self._pages[-1] = (self._pages[-1][0], self._length)
            self._page_begins = False
        start = self._length
        self._put(kept)
        return Span(start, self._length)

    def heading(self, level: int, words: str) -> None:
        """Add a heading on a line of its own; level 1 is the outermost."""
        span = self.paragraph(" ".join(words.split()))
        if span.start < span.end:
            self.headings.append(Heading(level, span))

    def table(self, rows: Sequence[Sequence[str]], headers: int = 1) -> None:
        """Add rows of cells, a line each; the first `headers` rows with words are the header."""
        spans = list[Span]()
        for row in rows:
            words = row_text(row)
            if words:
                spans.append(self.paragraph(words, apart=not spans))
        if 0 < headers < len(spans):
            header = Span(spans[0].start, spans[headers - 1].end)
            self.tables.append(Table(header, tuple(spans[headers:])))

    def include(self, text: str, headings: Iterable[Heading], tables: Iterable[Table]) -> None:
        """Add a text in stored form, whose headings and tables are known, after a blank line."""
        kept = text.lstrip("\n")
        span = self.paragraph(text)
        by = span.start - (len(text) - len(kept))
        if span.start < span.end:
            self.headings += [Heading(h.level, h.span.moved(by)) for h in headings]
            self.tables += [
                Table(t.header.moved(by), tuple(row.moved(by) for row in t.rows)) for t in tables
            ]

    def _put(self, words: str) -> None:
        self._pieces.append(words)
        self._length += len(words)


def row_text(cells: Sequence[str]) -> str:
    """Return cells as one line, "" where none has words; empty ones keep their place."""
    words = [" ".join(stored_form(cell).split()) for cell in cells]
    return CELL_END.join(words).rstrip() if any(words) else ""
