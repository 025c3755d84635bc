"""Cut a document's text into chunks: spans that keep sentences, sections and table rows together.

The cutting is semantic-text-splitter's: the largest pieces (paragraphs, then lines, sentences,
words) that fit, counted by the encoder's own tokenizer. Here a document is first laid out in
sections and tables, and what comes back is turned into spans with their context.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from semantic_text_splitter import TextSplitter

from indexes.documents import Chunk, Extract, Heading, Span, Table
from indexes.encoder import Encoder

# Context may take up to this many of the encoder's tokens, and the outermost headings go first.
_CONTEXT_TOKENS: Final = 64
_HEADER_CHARACTERS: Final = 300
_SPECIAL_TOKENS: Final = 2
_LEAST_TOKENS: Final = 16
_STEP: Final = 8
# A tokenizer may count a very long word as one token; no chunk is longer than so many times its
# tokens, in characters.
_CHARACTERS_A_TOKEN: Final = 16
# A line end within a sentence, as in PDF or mail: the next line goes on with a letter.
_SOFT_LINE_END: Final = re.compile(r"(?<=[^\s.!?:;|>])[ \t]?\n(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of text that is cut on its own; `table` where its lines are a table's rows."""

    span: Span
    headings: tuple[Span, ...]
    table: Table | None = None


class Splitter:
    """Cuts texts for one encoder; made once a process."""

    def __init__(self, encoder: Encoder, chunk_tokens: int) -> None:
        """Prepare for chunks of up to `chunk_tokens`, context not counted."""
        self._encoder = encoder
        self._chunk_tokens = chunk_tokens

    def split(self, extract: Extract) -> tuple[Chunk, ...]:
        """Return the chunks of a document in their order.

        Every character that is not white space lies in exactly one chunk; no chunk with its context
        has more tokens than the encoder reads.
        """
        return tuple(chunk for part in _parts(extract) for chunk in self._cut_part(extract, part))

    def _cut_part(self, extract: Extract, part: _Part) -> Iterator[Chunk]:
        header = _header(part.table)
        headings = self._context(extract, part.headings, header)
        words = [extract.title, *(s.cut(extract.text) for s in headings)]
        context = "\n".join([*words, header.cut(extract.text) if header else ""])
        room = self._encoder.identity.max_tokens - self._encoder.count_tokens(context)
        tokens = self._chunk_tokens
        if room < tokens:  # few sizes, since each one needs a splitter of its own
            tokens = max(_LEAST_TOKENS, room - room % _STEP)
        for span in self._cut(extract.text, part, tokens):
            yield Chunk(span, headings, header if header and span != header else None)

    def _context(
        self, extract: Extract, headings: tuple[Span, ...], header: Span | None
    ) -> tuple[Span, ...]:
        """Return the innermost headings that fit into the context."""
        fixed = [extract.title, header.cut(extract.text) if header else ""]
        while headings:
            words = [*fixed, *(span.cut(extract.text) for span in headings)]
            if self._encoder.count_tokens("\n".join(words)) - _SPECIAL_TOKENS <= _CONTEXT_TOKENS:
                break
            headings = headings[1:]
        return headings

    def _cut(self, text: str, part: _Part, tokens: int) -> Iterator[Span]:
        start = part.span.start
        words = part.span.cut(text)
        if part.table is None:
            words = _SOFT_LINE_END.sub(lambda match: " " * len(match[0]), words)
        splitter = _splitter(self._encoder.tokenizer_json, tokens)
        longest = tokens * _CHARACTERS_A_TOKEN
        for offset, piece in splitter.chunk_indices(words):
            if len(piece) <= longest:
                yield Span(start + offset, start + offset + len(piece))
                continue
            for inner, shorter in TextSplitter(longest).chunk_indices(piece):
                begin = start + offset + inner
                yield Span(begin, begin + len(shorter))


@lru_cache(maxsize=16)
def _splitter(tokenizer_json: str, tokens: int) -> TextSplitter:
    return TextSplitter.from_huggingface_tokenizer_str(tokenizer_json, tokens)


def _header(table: Table | None) -> Span | None:
    if table is None:
        return None
    end = min(table.header.end, table.header.start + _HEADER_CHARACTERS)
    return Span(table.header.start, end)


def _parts(extract: Extract) -> Iterator[_Part]:
    """Lay the text out in parts that together cover all of it, in order."""
    path: list[Heading] = []
    for section in _sections(extract):
        for heading in section.headings:
            path = [h for h in path if h.level < heading.level] + [heading]
        spans = tuple(heading.span for heading in path)
        yield from _with_tables(section.span, spans, extract.tables)


@dataclass(frozen=True, slots=True)
class _Section:
    span: Span
    headings: tuple[Heading, ...]


def _sections(extract: Extract) -> Iterator[_Section]:
    """Cut before each heading, but leave headings with nothing between them together."""
    start, open_headings = 0, list[Heading]()
    end = 0
    for heading in sorted(extract.headings, key=lambda h: h.span):
        if heading.span.start < end:
            continue
        begin = _line_start(extract.text, heading.span.start)
        if extract.text[end:begin].strip():
            yield _Section(Span(start, begin), tuple(open_headings))
            start, open_headings = begin, []
        open_headings.append(heading)
        end = heading.span.end
    yield _Section(Span(start, len(extract.text)), tuple(open_headings))


def _line_start(text: str, place: int) -> int:
    """Return where the line of the words at `place` begins, if only marks as `##` come before."""
    start = text.rfind("\n", 0, place) + 1
    return place if any(c.isalnum() for c in text[start:place]) else start


def _with_tables(
    span: Span, headings: tuple[Span, ...], tables: Sequence[Table]
) -> Iterator[_Part]:
    start = span.start
    for table in tables:
        begin = table.header.start
        end = max([table.header.end, *(row.end for row in table.rows)])
        if begin < start or end > span.end:
            continue
        if start < begin:
            yield _Part(Span(start, begin), headings)
        yield _Part(Span(begin, end), headings, table)
        start = end
    if start < span.end:
        yield _Part(Span(start, span.end), headings)
