"""Generate: `quote` says what is written, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Span
from service.evidence import Candidate, Evidence, Piece, Sentence
from service.generate import MOST_SENTENCES, quote
from service.sentences import sentence_spans
from stored_chunks import stored_chunk


def sentence(span: Span, score: float) -> Sentence:
    """Return a sentence that is its own short answer."""
    return Sentence(span, score, span)


TEXT = "0123456789" * 5
BASE = 1000
SPANS = st.tuples(st.integers(0, 48), st.integers(1, 20)).map(
    lambda pair: Span(BASE + pair[0], BASE + min(len(TEXT), sum(pair)))
)
SENTENCES = st.lists(st.builds(sentence, SPANS, st.floats(0, 1)), max_size=6).map(
    lambda found: tuple(sorted(found, key=lambda one: -one.score))
)


def evidence(sentences: tuple[Sentence, ...]) -> Evidence:
    """Return a chunk at 1000 of its document with these evidence sentences."""
    chunk = stored_chunk(TEXT, BASE)
    return Evidence(Candidate(chunk, 1.0, 1.0, 1.0), 0.9, sentences)


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
            sentence(Span(BASE + 4 * n, BASE + 4 * n + 3), score) for n, score in enumerate(scores)
        )
        assert quotes(list(quote("", [evidence(found)]))) == ["012", "456", "890"][:expected]


def test_the_short_answer_is_the_evidence_span() -> None:
    """Of each quote, inside of it."""
    inside = (Span(BASE + 2, BASE + 4), Span(BASE + 12, BASE + 13))
    found = tuple(
        Sentence(Span(BASE + 10 * n, BASE + 10 * n + 9), 1.0, short)
        for n, short in enumerate(inside)
    )
    pieces = quote("", [evidence(found)])
    assert tuple(piece.quoted.short for piece in pieces if piece.quoted) == inside


def test_without_evidence_nothing_is_said() -> None:
    """Not a word."""
    assert list(quote("why", [])) == []


RENT = "You need:\n- a card\n- a key\n\nAsk early. Bring it back."
BOOK = "1. Knock.\n2. Wait."
MORE = "3. Sign.\n4. Row."


def chunk_of(text: str, number: int, start: int, best: str, score: float = 0.9) -> Evidence:
    """Return evidence of a chunk at `start` of document d, whose sentence `best` is the best."""
    spans = [one.moved(start) for one in sentence_spans(text, "text/plain")]
    chunk = replace(stored_chunk(text, start), chunk_id=number)
    first = next(one for one in spans if chunk.cut(one) == best)
    rest = [sentence(one, 0.1) for one in spans if one != first]
    return Evidence(Candidate(chunk, 1.0, 1.0, 1.0), score, (sentence(first, 1.0), *rest))


def said(question: str, evidence: list[Evidence]) -> str:
    """Return the answer's text."""
    return "".join(piece.text for piece in quote(question, evidence))


def test_a_list_is_quoted_whole_where_one_is_asked_for() -> None:
    """With what leads it in; for a reason or a fact the item alone."""
    found = [chunk_of(RENT, 1, 0, "a key")]
    assert said("What do I need?", found) == "You need:\n- a card\n- a key"
    assert said("Why a key?", found) == "a key"
    assert said("What opens it?", found) == "a key"
    assert said("What do I need?", [chunk_of(RENT, 1, 0, "Ask early.")]) == "Ask early."
    (piece,) = quote("What do I need?", found)
    assert piece.quoted is not None
    assert piece.quoted.short.cut(RENT) == "a key"


def test_a_list_goes_on_from_chunk_to_chunk_in_its_order() -> None:
    """Whichever chunk was the best; one that is far from the best is left out."""
    book, more = chunk_of(BOOK, 1, 50, "Wait.", 0.6), chunk_of(MORE, 2, 80, "Row.", 0.9)
    assert said("How do I row?", [more, book]) == f"{BOOK}\n{MORE}"
    assert said("How do I row?", [more, chunk_of(BOOK, 1, 50, "Wait.", 0.2)]) == MORE


def test_further_sentences_are_told_in_the_order_of_the_text() -> None:
    """The best one leads."""
    scores = ((30, 1.0), (20, 0.7), (0, 0.6))
    found = tuple(sentence(Span(BASE + at, BASE + at + 5), score) for at, score in scores)
    pieces = list(quote("Why?", [evidence(found)]))
    assert [piece.quoted.span.start - BASE for piece in pieces if piece.quoted] == [30, 0, 20]


HELP = """Boats can be had.
To get one:

- Ask.
- Pay at once.
  No card is taken.

Bring it back."""


@pytest.mark.parametrize("question", ["Is there a boat?", "Why is there a boat?"])
def test_what_leads_in_a_list_is_quoted_with_it(question: str) -> None:
    """Whatever is asked; the quote is the document's own, and the short answer stays."""
    (first, *rest) = quote(question, [chunk_of(HELP, 1, 30, "To get one:")])
    assert rest == []
    assert first.quoted is not None
    span = first.quoted.span.moved(-30)
    assert first.text == span.cut(HELP) == HELP[18 : HELP.index("\n\nBring")]
    assert first.quoted.short.moved(-30).cut(HELP) == "To get one:"
    assert said(question, [chunk_of(HELP, 1, 30, "Boats can be had.")]) == "Boats can be had."


def test_what_a_list_holds_is_quoted_once() -> None:
    """Whether the lead-in or its item is the better one."""
    found = chunk_of(HELP, 1, 30, "To get one:")
    lead = found.sentences[0]
    item = next(one for one in found.sentences if found.candidate.chunk.cut(one.span) == "Ask.")
    whole = HELP[18 : HELP.index("\n\nBring")]
    for best, other, expected in ((lead, item, whole), (item, lead, "Ask.")):
        both = (best, replace(other, score=0.95))
        assert said("Is there a boat?", [replace(found, sentences=both)]) == expected


def test_a_long_list_is_quoted_as_far_as_it_has_room() -> None:
    """Whole items: twelve of them, or what fits into 1,000 characters."""
    items = [f"- Item number {number}." for number in range(30)]
    text = "\n".join(["These are there:", *items])
    assert said("What?", [chunk_of(text, 1, 0, "These are there:")]) == "\n".join(
        ["These are there:", *items[:12]]
    )
    wide = "\n".join(["These are there:", *(f"- {'word ' * 60}{letter}" for letter in "abcdef")])
    answer = said("What?", [chunk_of(wide, 1, 0, "These are there:")])
    assert wide.startswith(answer)
    assert answer.endswith(" c")
    assert len(answer) <= 1000
