"""Cut a document's text into chunks: spans that keep sentences, sections and table rows together.

The cutting is semantic-text-splitter's: the largest pieces (paragraphs, then lines, sentences,
words) that fit, counted by the encoder's own tokenizer. Here a document is first laid out in
sections and tables, and what comes back is turned into spans with their context.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from semantic_text_splitter import TextSplitter

from indexes.documents import Chunk, Extract, Heading, Span, Table
from indexes.encoder import Encoder

# Context may take up to this many of the encoder's tokens, and the outermost headings go first.
_CONTEXT_TOKENS: Final = 64
_HEADER_CHARACTERS: Final = 300
# Title and header row are cut so that so many tokens are left for the chunk's own words.
_LEAST_TOKENS: Final = 16
# A tokenizer may count a very long word as one token; no chunk is longer than so many times its
# tokens, in characters.
_CHARACTERS_A_TOKEN: Final = 16
# The splitter looks at the whole rest of a text for each chunk. It is shown so many chunks' worth,
# which makes the work linear.
_WINDOW_CHUNKS: Final = 8
_MOST_WORDS: Final = 100_000
# Where the BERT tokenizer parts words: at white space, around ASCII punctuation and ideographs.
_BERT_WORD: Final = re.compile(
    r"[!-/:-@\[-`{-~\u3400-\u4dbf\u4e00-\u9fff]|[^\s!-/:-@\[-`{-~\u3400-\u4dbf\u4e00-\u9fff]+"
)
# White space to Python that the BERT tokenizer drops without parting the words around it.
_DROPPED_SPACE: Final = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
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
        self._special_tokens = encoder.count_tokens("")
        self._room = encoder.identity.max_tokens - self._special_tokens
        self._chunk_tokens = chunk_tokens
        self._encoder = encoder
        self._words = _WordCounts(self._count) if _parts_words(encoder.tokenizer_json) else None

    def split(self, extract: Extract) -> tuple[Chunk, ...]:
        """Return the chunks of a document in their order.

        Every character that is not white space lies in exactly one chunk; no chunk with its context
        has more tokens than the encoder reads.
        """
        return tuple(self.chunks(extract))

    def chunks(self, extract: Extract) -> Iterator[Chunk]:
        """Yield them one by one, as `split` returns them: a large document takes its time."""
        extract = replace(extract, title=self.title(extract.title))
        for part in _parts(extract):
            yield from self._cut_part(extract, part)

    def title(self, title: str) -> str:
        """Return as much of a document's title as the encoder can see above each chunk."""
        return title[: self._fitting("", title)]

    def _cut_part(self, extract: Extract, part: _Part) -> Iterator[Chunk]:
        header = self._header(extract, part.table)
        headings = self._context(extract, part.headings, header)
        context = _lines(extract, headings, header)
        tokens = min(self._chunk_tokens, self._room - self._count(context))
        for span in self._cut(extract.text, part, tokens):
            yield Chunk(span, headings, header if header and span != header else None)

    def _header(self, extract: Extract, table: Table | None) -> Span | None:
        """Return as much of a table's header row as fits between title and rows, if any does."""
        if table is None:
            return None
        start = table.header.start
        words = extract.text[start : min(table.header.end, start + _HEADER_CHARACTERS)]
        end = start + self._fitting(f"{extract.title}\n", words)
        return Span(start, end) if end > start else None

    def _fitting(self, before: str, words: str) -> int:
        """Return how many characters of `words` fit into the context, after `before`."""
        most = self._room - _LEAST_TOKENS
        fits, too_many = 0, len(words) + 1
        length = len(words)  # mostly all of it fits
        while fits + 1 < too_many:
            if self._count(f"{before}{words[:length]}\n") <= most:
                fits = length
            else:
                too_many = length
            length = (fits + too_many) // 2
        return fits

    def _context(
        self, extract: Extract, headings: tuple[Span, ...], header: Span | None
    ) -> tuple[Span, ...]:
        """Return the innermost headings that fit into the context."""
        most = min(_CONTEXT_TOKENS, self._room - _LEAST_TOKENS)
        while headings and self._count(_lines(extract, headings, header)) > most:
            headings = headings[1:]
        return headings

    def _cut(self, text: str, part: _Part, tokens: int) -> Iterator[Span]:
        splitter = TextSplitter.from_callback(self._size(text, part.span), tokens)
        words = _Words(text, part.span, joins_lines=part.table is None)
        for start, piece in _in_windows(splitter, words, tokens * _CHARACTERS_A_TOKEN):
            if piece.strip():  # U+001C to U+001F are white space to Python alone
                yield Span(start, start + len(piece))

    def _count(self, text: str) -> int:
        return self._encoder.count_tokens(text) - self._special_tokens

    def _size(self, text: str, span: Span) -> Callable[[str], int]:
        """Return what measures a piece of a span in tokens, in the fastest way that is exact."""
        count = self._count
        if self._words is not None and not _DROPPED_SPACE.search(text, span.start, span.end):
            count = self._words.total
        return lambda piece: max(count(piece), -(-len(piece) // _CHARACTERS_A_TOKEN))


class _WordCounts(dict[str, int]):
    """How many tokens each word has, counted when it is first asked for."""

    def __init__(self, count: Callable[[str], int]) -> None:
        super().__init__()
        self._count = count

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = self._count(word)
        return self[word]

    def total(self, text: str) -> int:
        """Return the tokens of all words of `text`."""
        return sum(map(self.__getitem__, _BERT_WORD.findall(text)))


def _parts_words(tokenizer_json: str) -> bool:
    """Tell whether a tokenizer parts words as BERT's does, so that their counts add up."""
    parts = json.loads(tokenizer_json) if tokenizer_json else {}
    normalizer, splitter = parts.get("normalizer") or {}, parts.get("pre_tokenizer") or {}
    return splitter.get("type") == "BertPreTokenizer" and bool(
        normalizer.get("type") == "BertNormalizer" and normalizer.get("handle_chinese_chars")
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a span as the splitter sees them, a window at a time: a text may be huge."""

    text: str
    span: Span
    joins_lines: bool

    def window(self, start: int, end: int) -> str:
        """Return what lies between two places of the text, with as many characters."""
        words = self.text[start : min(end, self.span.end)]
        if self.joins_lines:
            words = _SOFT_LINE_END.sub(lambda match: " " * len(match[0]), words)
        return words


def _in_windows(splitter: TextSplitter, words: _Words, longest: int) -> Iterator[tuple[int, str]]:
    """Yield place and words of each chunk; what a window's end cut off is cut anew in the next."""
    start, window = words.span.start, longest
    while start < words.span.end:
        end = start + window
        found = splitter.chunk_indices(words.window(start, end))
        if end < words.span.end and len(found) > 1:
            end = start + found.pop()[0]
        for offset, piece in found:
            yield start + offset, piece
        if found:
            window = min(
                2 * longest, max(_WINDOW_CHUNKS * (end - start) // len(found), longest // 8)
            )
        start = end


def _lines(extract: Extract, headings: Sequence[Span], header: Span | None) -> str:
    """Return all that stands above a chunk's own words for the encoder."""
    spans = [*headings, *([header] if header else [])]
    return "".join(f"{line}\n" for line in (extract.title, *(s.cut(extract.text) for s in spans)))


def _parts(extract: Extract) -> Iterator[_Part]:
    """Lay the text out in parts that together cover all of it, in order."""
    path: list[Heading] = []
    tables = sorted(extract.tables, key=lambda table: table.header)
    for section in _sections(extract):
        for heading in section.headings:
            path = [h for h in path if h.level < heading.level] + [heading]
        spans = tuple(heading.span for heading in path)
        yield from _with_tables(section.span, spans, tables)


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
        if any(c.isalnum() for c in extract.text[end:begin]):
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
    first = bisect_left(tables, start, key=lambda table: table.header.start)
    for place in range(first, len(tables)):
        table = tables[place]
        begin = table.header.start
        if begin >= span.end:
            break
        end = max([table.header.end, *(row.end for row in table.rows)])
        if begin < start or end > span.end:
            continue
        if start < begin:
            yield _Part(Span(start, begin), headings)
        yield _Part(Span(begin, end), headings, table)
        start = end
    if start < span.end:
        yield _Part(Span(start, span.end), headings)
