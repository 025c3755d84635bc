"""Generate: `quote` says what is written, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Span, StoredChunk
from indexes.errors import UsageError
from service.evidence import Candidate, Evidence, Piece, Sentence
from service.generate import GENERATORS, MOST_SENTENCES, generator_named, quote

TEXT = "0123456789" * 5
BASE = 1000
SPANS = st.tuples(st.integers(0, 48), st.integers(1, 20)).map(
    lambda pair: Span(BASE + pair[0], BASE + min(len(TEXT), sum(pair)))
)
SENTENCES = st.lists(st.builds(Sentence, SPANS, st.floats(0, 1)), max_size=6).map(
    lambda found: tuple(sorted(found, key=lambda one: -one.score))
)


def evidence(sentences: tuple[Sentence, ...], span: Span | None = None) -> Evidence:
    """Return a chunk at 1000 of its document with these evidence sentences."""
    chunk = StoredChunk(
        chunk_id=1,
        document_id="d",
        uri="u",
        title="",
        media_type="text/plain",
        as_of=None,
        text_sha256="",
        span=Span(BASE, BASE + len(TEXT)),
        text=TEXT,
    )
    shortest = span or (sentences[0].span if sentences else None)
    return Evidence(Candidate(chunk, 1.0, 1.0, 1.0), 0.9, sentences, shortest)


def quotes(pieces: list[Piece]) -> list[str]:
    """Return the quoted spans' words."""
    document = "x" * BASE + TEXT
    return [piece.quoted.span.cut(document) for piece in pieces if piece.quoted]


@given(SENTENCES)
def test_every_piece_is_verbatim(sentences: tuple[Sentence, ...]) -> None:
    """A piece is the words of its quote, after a space from the second on; the best is first."""
    given_evidence = evidence(sentences)
    pieces = list(quote("", [given_evidence, evidence(())]))
    assert 1 <= len(pieces) <= MOST_SENTENCES
    assert [piece.text for piece in pieces] == [
        f" {words}" if number else words for number, words in enumerate(quotes(pieces))
    ]
    for piece in pieces:
        assert piece.quoted is not None
        assert piece.quoted.evidence is given_evidence
        assert piece.quoted.span.start <= piece.quoted.short.start
        assert piece.quoted.short.end <= piece.quoted.span.end
    if sentences:
        assert pieces[0].quoted is not None
        assert pieces[0].quoted.span == sentences[0].span
    else:
        assert quotes(pieces) == [TEXT]


def test_a_sentence_that_fits_much_worse_is_left_out() -> None:
    """Of scores 1, .9, .85, .85 three are quoted, of 1, .9, .5 two, of 1, .5 one."""
    for scores, expected in (((1, 0.9, 0.85, 0.85), 3), ((1, 0.9, 0.5), 2), ((1, 0.5), 1)):
        found = tuple(
            Sentence(Span(BASE + 4 * n, BASE + 4 * n + 3), score) for n, score in enumerate(scores)
        )
        assert quotes(list(quote("", [evidence(found)]))) == ["012", "456", "890"][:expected]


def test_the_short_answer_is_the_evidence_span() -> None:
    """Of the first quote; a further quote is its own."""
    found = (Sentence(Span(BASE, BASE + 9), 1.0), Sentence(Span(BASE + 10, BASE + 19), 1.0))
    inside = Span(BASE + 2, BASE + 4)
    pieces = quote("", [evidence(found, inside)])
    shorts = [piece.quoted.short for piece in pieces if piece.quoted]
    assert shorts == [inside, found[1].span]


def test_without_evidence_nothing_is_said() -> None:
    """Not a word."""
    assert list(quote("why", [])) == []


def test_generators_are_known_by_name() -> None:
    """An unknown one is told with those there are."""
    assert generator_named("quote") is quote
    with pytest.raises(UsageError) as raised:
        generator_named("oracle")
    assert "'oracle'" in raised.value.message
    assert all(name in raised.value.message for name in GENERATORS)
