"""The laws of cutting: all is kept, nothing is too long, order holds, the work is linear."""

import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Chunk, Extract, Heading, Span, Table, encoded_chunk, stored_form
from indexes.encoder import Encoder, EncoderIdentity, load_encoder
from ingest.split import Splitter
from small_encoder import small_encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """Give the bundled encoder, whose tokenizer counts."""
    return load_encoder("bundled")


words = st.sampled_from(
    [
        "river",
        "Unbelievable",
        "e.g.",
        "U.S.",
        "3.14",
        "naïve",
        "漢字",
        "😀",
        "co-operate",
        "x" * 150,
        "y" * 1000,
        "[SEP]",
        "5€/m²",
        "a\u0301\u200bb",
    ]
)
marks = st.sampled_from(
    [" ", " ", " ", ". ", "? ", "\n", "\n\n", "\n- ", " \u00a0", "\t", "\n\n\n", "\x0c", "\x1c", ""]
)


@st.composite
def extracts(draw: st.DrawFn) -> Extract:
    """Draw a text of many kinds of pieces with headings and a table at true places."""
    pieces = draw(st.lists(st.tuples(words, marks), min_size=1, max_size=250))
    text = "".join(word + mark for word, mark in pieces)
    lines = [m.span() for m in re.finditer(r"[^\n]+", text) if m[0].strip()]
    chosen = draw(st.lists(st.sampled_from(lines), unique=True, max_size=4)) if lines else []
    headings = [
        Heading(draw(st.integers(1, 3)), Span(start, min(end, start + 80)))
        for start, end in sorted(chosen)
    ]
    tables = []
    if len(lines) > 5 and draw(st.booleans()):
        first = draw(st.integers(0, len(lines) - 4))
        rows = [Span(*line) for line in lines[first : first + 4]]
        tables = [Table(rows[0], tuple(rows[1:]))]
    title = draw(st.sampled_from(["", "A title", "Title " * 30]))
    return Extract(text, "text/plain", title, headings=tuple(headings), tables=tuple(tables))


def check_laws(extract: Extract, chunks: tuple[Chunk, ...], encoder: Encoder, most: int) -> None:
    """Assert conservation, order, bound and context of the chunks of one document."""
    covered = [False] * len(extract.text)
    end = 0
    for chunk in chunks:
        assert chunk.span.start >= end, "in order, without overlap"
        end = chunk.span.end
        words_ = chunk.span.cut(extract.text)
        assert words_.strip(), "no empty chunk"
        assert encoder.count_tokens(words_) - 2 <= most
        whole = encoded_chunk(extract.title, extract.text, chunk)
        assert encoder.count_tokens(whole) <= encoder.identity.max_tokens
        covered[chunk.span.start : end] = [True] * (end - chunk.span.start)
        assert set(chunk.headings) <= {heading.span for heading in extract.headings}
    lost = [c for c, kept in zip(extract.text, covered, strict=True) if not kept and c.strip()]
    assert not lost


@settings(max_examples=150, deadline=None)
@given(extract=extracts(), part=st.floats(0.05, 1.2))
def test_laws_of_cutting(encoder: Encoder, extract: Extract, part: float) -> None:
    """For bounds from a twentieth of the text to more than all of it, every law holds."""
    total = encoder.count_tokens(extract.text)
    most = max(16, min(200, int(total * part)))
    chunks = Splitter(encoder, most).split(extract)
    check_laws(extract, chunks, encoder, most)
    # The tokenizer's own signs, such as [SEP], are counted by their letters.
    whole = total - 2 <= most and "[" not in extract.text
    if whole and not extract.headings and not extract.tables:
        assert len(chunks) <= 1 or len(extract.text) > 16 * most


def test_separators_alone_are_no_chunk(encoder: Encoder) -> None:
    """Old control characters that part files and records are white space, with no words in them."""
    text = "\x1c\n\nriver " + "y" * 5000 + " \x1d\x1e\x1f"
    extract = Extract(text, "text/plain", "")
    check_laws(extract, Splitter(encoder, 16).split(extract), encoder, 16)
    assert Splitter(encoder, 16).split(Extract("\x1c \x1f", "text/plain", "")) == ()


@settings(max_examples=100, deadline=None)
@given(extract=extracts())
def test_laws_hold_for_any_tokenizer(extract: Extract) -> None:
    """An encoder whose tokenizer is not known to part words is asked for whole pieces."""
    encoder = replace(small_encoder(), identity=EncoderIdentity("plain", "0", 32, 400))
    check_laws(extract, Splitter(encoder, 30).split(extract), encoder, 32)


# Letters that are a token each, or several (Hangul), or next to none (a long word).
dense_words = st.lists(
    st.sampled_from(["漢", "한", "각 ", "$", "_Q1,", "é", "a", "x" * 40, "😀", " ", "|"]),
    max_size=400,
).map("".join)


@pytest.mark.parametrize("most_tokens", [24, 64, 256])
@pytest.mark.parametrize("known", [True, False])
@settings(max_examples=60, deadline=None)
@given(
    title=dense_words,
    header=dense_words.filter(str.strip),
    row=dense_words.filter(str.strip),
    headed=st.booleans(),
)
def test_no_title_or_header_pushes_words_out(
    encoder: Encoder,
    title: str,
    header: str,
    row: str,
    *,
    headed: bool,
    known: bool,
    most_tokens: int,
) -> None:
    """However many tokens stand above a chunk, the encoder sees all of the chunk's own words."""
    identity = replace(encoder.identity, max_tokens=most_tokens)
    counting = encoder if known else small_encoder()
    reader = replace(counting, identity=identity)
    text = f"{header}\n{row}\n{row}"
    start = len(header) + 1
    rows = Span(start, start + len(row)), Span(start + len(row) + 1, len(text))
    tables = (Table(Span(0, len(header)), rows),)
    headings = (Heading(1, Span(0, len(header))),) if headed else ()
    splitter = Splitter(reader, 200)
    seen = splitter.title(title)
    assert title.startswith(seen)
    extract = Extract(text, "text/csv", title, headings=headings, tables=tables)
    chunks = splitter.split(extract)
    check_laws(replace(extract, title=seen), chunks, reader, 200)


@settings(max_examples=300, deadline=None)
@given(text=st.text() | st.lists(words | marks).map("".join))
def test_counts_of_words_add_up(encoder: Encoder, text: str) -> None:
    """The quick way of counting gives what the tokenizer gives, on any text."""
    text = stored_form(text)
    measured = Splitter(encoder, 100)._size(text, Span(0, len(text)))(text)
    exact = encoder.count_tokens(text) - 2
    if "[" not in text:  # the tokenizer's own signs, such as [SEP], are counted by their letters
        assert measured == max(exact, -(-len(text) // 16))
    assert measured >= exact


def test_chunks_are_well_filled_and_end_with_sentences(encoder: Encoder) -> None:
    """Prose is cut at sentence ends, and chunks are on average over half full."""
    sentence = "The harbour master counted {} boats before the storm came in from the west. "
    text = "".join(sentence.format(i) for i in range(300))
    chunks = Splitter(encoder, 100).split(Extract(text, "text/plain"))
    assert all(chunk.span.cut(text).endswith("west.") for chunk in chunks)
    sizes = [encoder.count_tokens(chunk.span.cut(text)) - 2 for chunk in chunks]
    assert sum(sizes) / len(sizes) > 75


def test_lines_of_a_page_do_not_cut_sentences(encoder: Encoder) -> None:
    """Where lines end in the middle of sentences, as in a PDF, chunks still end with sentences."""
    sentence = "The auditor of the company reviewed\nthe interim figures of quarter {}\nwith care."
    text = " ".join(sentence.format(i) for i in range(120))
    chunks = Splitter(encoder, 100).split(Extract(text, "application/pdf"))
    assert len(chunks) > 10
    assert all(chunk.span.cut(text).endswith("care.") for chunk in chunks)


def test_heading_path_and_lone_headings(encoder: Encoder) -> None:
    """A chunk knows its headings; a heading without text of its own goes with what follows."""
    text = "Guide\n\nSetup\n\nInstall it.\n\nUse\n\nRun it.\n\nMore\n\nRead on."
    at = {word: Span(text.index(word), text.index(word) + len(word)) for word in text.split()}
    headings = (
        Heading(1, at["Guide"]),
        Heading(2, at["Setup"]),
        Heading(2, at["Use"]),
        Heading(3, at["More"]),
    )
    chunks = Splitter(encoder, 100).split(Extract(text, "text/plain", headings=headings))
    cut = [(c.span.cut(text), [h.cut(text) for h in c.headings]) for c in chunks]
    assert cut == [
        ("Guide\n\nSetup\n\nInstall it.", ["Guide", "Setup"]),
        ("Use\n\nRun it.", ["Guide", "Use"]),
        ("More\n\nRead on.", ["Guide", "Use", "More"]),
    ]


def test_the_marks_of_a_heading_stay_with_it(encoder: Encoder) -> None:
    """Markdown's `#` is no chunk of its own, and headings in a row stay with their text."""
    text = "# Birds\n\n## Swans\n\nSwans are white.\n\n## Owls\n\nOwls hoot.\n"
    places = [(1, "Birds"), (2, "Swans"), (2, "Owls")]
    headings = tuple(
        Heading(level, Span(text.index(words), text.index(words) + len(words)))
        for level, words in places
    )
    extract = Extract(text, "text/markdown", headings=headings)
    cut = [chunk.span.cut(text) for chunk in Splitter(encoder, 200).split(extract)]
    assert cut == ["# Birds\n\n## Swans\n\nSwans are white.", "## Owls\n\nOwls hoot."]


def test_header_row_reaches_every_chunk_of_a_table(encoder: Encoder) -> None:
    """Chunks of a long table are whole rows with the header row as context."""
    header = "country,rate,since"
    rows = [f"Country{i},{i % 30}%,2025-01-{i % 28 + 1:02d}" for i in range(200)]
    text = "\n".join([header, *rows])
    spans, start = [], 0
    for line in [header, *rows]:
        spans.append(Span(start, start + len(line)))
        start += len(line) + 1
    table = Table(spans[0], tuple(spans[1:]))
    chunks = Splitter(encoder, 100).split(Extract(text, "text/csv", "VAT", tables=(table,)))
    assert len(chunks) > 5
    for chunk in chunks:
        assert set(chunk.span.cut(text).split("\n")) <= {header, *rows}
        assert header in encoded_chunk("VAT", text, chunk)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda n: "".join(chr(0x4E00 + i * 7919 % 20000) for i in range(n)),
        lambda n: "".join(f"w{i * 7919 % 100003} " for i in range(n // 7)),
        lambda n: "".join(f"{i * 7919 % 100003}," for i in range(n // 6)),
        lambda n: "Short line.\n" * (n // 12),
        lambda n: "a" * n,
        lambda n: " " * n + "x",
    ],
)
def test_work_grows_with_the_text_not_faster(
    encoder: Encoder, make: Callable[[int], str], *, known: bool
) -> None:
    """Four times the text, on one line or many, costs four times the characters tokenized."""

    def cost(length: int) -> int:
        read = 0

        def count(text: str) -> int:
            nonlocal read
            read += len(text) + 1
            return encoder.count_tokens(text)

        json = encoder.tokenizer_json if known else ""
        splitter = Splitter(replace(encoder, count_tokens=count, tokenizer_json=json), 100)
        splitter.split(Extract(make(length), "text/plain"))
        return read

    assert cost(40_000) <= 5 * cost(10_000)


def test_an_endless_word_is_cut(encoder: Encoder) -> None:
    """A word that the tokenizer takes for one token is cut by its length."""
    chunks = Splitter(encoder, 100).split(Extract("a" * 1_000_000, "text/plain"))
    assert max(chunk.span.end - chunk.span.start for chunk in chunks) <= 1600


def test_a_heading_that_is_underlined_is_no_chunk(encoder: Encoder) -> None:
    """Marks below a heading, as in Markdown, are not text of its own."""
    text = "Title\n=====\n\nPart\n----\n\nWords."
    headings = (Heading(1, Span(0, 5)), Heading(2, Span(13, 17)))
    chunks = Splitter(encoder, 100).split(Extract(text, "text/markdown", headings=headings))
    assert [chunk.span.cut(text) for chunk in chunks] == [text]
    assert [span.cut(text) for span in chunks[0].headings] == ["Title", "Part"]


def test_many_headings_and_tables_take_linear_time(encoder: Encoder) -> None:
    """Thousands of sections with a table each are laid out without looking at all for each."""
    block = "Head\n\na,b\n1,2\n\n"
    count = 5000
    starts = range(0, count * len(block), len(block))
    headings = tuple(Heading(1, Span(s, s + 4)) for s in starts)
    tables = tuple(Table(Span(s + 6, s + 9), (Span(s + 10, s + 13),)) for s in starts)
    extract = Extract(block * count, "text/html", headings=headings, tables=tables)
    began = time.process_time()
    assert len(Splitter(encoder, 100).split(extract)) == 2 * count
    assert time.process_time() - began < 20
