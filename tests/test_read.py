"""Spans of evidence from logits: against every span there is, and against the words they cover."""

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Span
from service.evidence import Candidate
from service.read import LONGEST, best_pair, places, whole_words
from service.shown import shown, without_asides
from stored_chunks import stored_chunk

DOCUMENT = "Notes.\n\nThe lamp — at Gull Point — was lit in 1859. Its keeper 🐦 was Anna Berg."
CHUNK = Span(DOCUMENT.index("The"), len(DOCUMENT))


@dataclass(frozen=True)
class WordRead:
    """Logits by word: one that is named has 9, every other one 0."""

    offsets: Sequence[tuple[int, int]]
    starts: npt.NDArray[np.float32]
    ends: npt.NDArray[np.float32]
    relevance: float = 0.0
    answers: float = 0.0


def word_read(text: str, first: str, last: str) -> WordRead:
    """Return a read of `text` that sees evidence from the word `first` to the word `last`."""
    words = list(re.finditer(r"\w+|[^\w\s]", text))
    starts, ends = (
        np.array([9.0 if word.group() == name else 0.0 for word in words], np.float32)
        for name in (first, last)
    )
    return WordRead([word.span() for word in words], starts, ends)


def candidate(title: str = "Gull Point 1859", headings: tuple[str, ...] = ("Lamps",)) -> Candidate:
    """Return the chunk of the document below its first line."""
    text = CHUNK.cut(DOCUMENT)
    chunk = replace(stored_chunk(text, CHUNK.start), title=title, headings=headings)
    return Candidate(chunk, 0.5, 1.0, 0.5)


@settings(deadline=None)
@given(st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=60), st.integers())
def test_the_best_pair_is_the_best_of_all(values: list[float], seed: int) -> None:
    """No other start and end within reach have a larger sum."""
    starts = np.array(values, np.float32)
    ends = np.array(random.Random(seed).sample(values, len(values)), np.float32)
    first, last, logit = best_pair(starts, ends)
    assert 0 <= last - first < LONGEST
    reach = range(len(values))
    every = [starts[i] + ends[j] for i in reach for j in reach[i : i + LONGEST]]
    assert logit == pytest.approx(float(max(every)))
    assert logit == pytest.approx(float(starts[first] + ends[last]))


@pytest.mark.parametrize(("first", "last"), [("1859", "1859"), ("Gull", "Point"), ("Anna", "Berg")])
def test_spans_are_of_the_documents_text(first: str, last: str) -> None:
    """Words in title and headings are passed over; the span reads the same in the document."""
    one = candidate()
    found = places(shown(one.chunk, {}), word_read(one.chunk.encoded, first, last)).best()
    assert found is not None
    assert found.span.cut(DOCUMENT) == (first if first == last else f"{first} {last}")
    assert CHUNK.start <= found.span.start < found.span.end <= CHUNK.end
    assert found.logit == 18


def test_a_span_is_looked_for_within_a_sentence() -> None:
    """Inside a sentence without the likeliest words the best of its own counts."""
    one = candidate()
    sentence = Span(DOCUMENT.index("Its"), len(DOCUMENT))
    found = places(shown(one.chunk, {}), word_read(one.chunk.encoded, "1859", "Berg")).best(
        sentence
    )
    assert found is not None
    assert found.span.cut(DOCUMENT).endswith("Berg")
    assert sentence.start <= found.span.start
    assert found.logit == 9


LINES = st.lists(
    st.sampled_from(
        [
            *(
                "As of: 2026-05-01",
                "- Source: www.a.org",
                "The lamp was lit.",
                "It is 🐦 red. Why?",
            ),
            *("", "(Last updated 3 May 2026)", "As of 3 May 2026. It is so.", "## Lamps"),
        ]
    ),
    max_size=8,
)


@given(LINES, st.sampled_from(["when was it lit", "as of when is it", "what is the source"]))
def test_what_is_shown_of_prose_are_its_own_words(lines: list[str], question: str) -> None:
    """In order, at the places that are told, with every sentence that can answer whole."""
    text = "\n".join(["Gull Point", *lines])
    chunk = replace(stored_chunk(text, 7), title="Lamps", media_type="text/markdown")
    seen = shown(chunk, {}, question)
    assert (seen.text, seen.own) == (chunk.encoded, shown(chunk, {}).own)
    seen = without_asides(chunk, seen)
    end = 7
    for begin, span in seen.own:
        assert end <= span.start < span.end <= chunk.span.end
        assert seen.text[begin : begin + span.end - span.start] == chunk.cut(span)
        end = span.end
    for sentence in seen.sentences:
        assert any(span.holds(sentence) for _, span in seen.own)
    if "source" not in question and "The lamp was lit." in lines:
        assert "www.a.org" not in seen.text


def test_where_the_chunk_was_cut_off_is_no_span() -> None:
    """A read whose tokens all lie in the context has none."""
    one = candidate()
    title = word_read("Gull Point", "Gull", "Point")
    assert places(shown(one.chunk, {}), title).best() is None


@pytest.mark.parametrize(
    ("text", "inside", "expected"),
    [
        ("set `PYTHON_DISABLE_DEBUG` first", "PYTHON", "PYTHON_DISABLE_DEBUG"),
        ("lit on 2026-07-23 at noon", "07-23", "2026-07-23"),
        ("it costs 1,200.50 kronor", "200", "1,200.50"),
        ("written in `extern` blocks today", "extern` blocks", "`extern` blocks"),
        ("the lamp (of 1859) was lit", "of 1859)", "(of 1859)"),
        ("the lamp (of 1859) was lit", "(of 1859", "(of 1859)"),
        ("from 1914-1918 it was dark", "1914", "1914"),
        ("the lamp was lit", "lamp was", "lamp was"),
        ("lamps", "amp", "lamps"),
        ("钟楼高三十八米，建于一九零六年。", "三十八米", "三十八米"),
        ("长217公里", "17公", "217公"),
        ("ele\u0300ve ici", "ve", "ele\u0300ve"),
        ("ارتفاعُ المنارةِ", "منار", "المنارةِ"),
        ("Write to help@gull.example.", "help@gull", "help@gull.example"),
        ("The part HS3-BAT fits.", "BAT", "HS3-BAT"),
        ("It is well-known.", "known", "known"),
        ("It bears -20 °C.", "20", "-20"),
        ("Within ±3 mm, or 5% more.", "3", "±3"),
        ("Within ±3 mm, or 5% more.", "5", "5%"),
        ("The years 1850-60.", "60", "60"),
    ],
)
def test_spans_hold_whole_words(text: str, inside: str, expected: str) -> None:
    """And whole dates and numbers, and both of a pair of marks; a range is two numbers."""
    chunk = replace(candidate().chunk, span=Span(100, 100 + len(text)), text=text)
    start = 100 + text.index(inside)
    span = Span(start, start + len(inside))
    assert chunk.cut(whole_words(chunk, span, chunk.span)) == expected


def test_a_long_word_takes_no_time() -> None:
    """Text without a space may be a chunk long; what could be an address is looked at once."""
    for piece in ("a.", "a-", "-", "a@a.", "1,"):
        text = piece * 20_000
        chunk = replace(candidate().chunk, span=Span(0, len(text)), text=text)
        started = time.process_time()
        whole_words(chunk, Span(10, 12), chunk.span)
        assert time.process_time() - started < 2
