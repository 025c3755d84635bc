"""Attend with a reader: order by the blend, evidence by the likeliest spans."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.lexical import terms
from service.attend import Blend, Signs, reader_attend
from service.evidence import Evidence, Query
from service.read import PairRead
from service.signs import logistic, shares
from small_encoder import small_encoder
from test_attend import QUESTION, candidate
from test_read import WordRead, word_read

READER_ALONE = Blend(relevance=1, answers=0, outer=0, scale=1, offset=0)


def swans_sing(question: str, texts: Sequence[str]) -> Sequence[PairRead]:
    """Read as one would who knows that swans sing: "swans" starts and "sing" ends the evidence."""
    assert question == QUESTION
    return [with_pair(word_read(text, "swans", "sing"), text) for text in texts]


def with_pair(read: WordRead, text: str) -> WordRead:
    """Return `read` with a relevance that counts swans and is 2 less without any."""
    count = float(text.count("swans")) or -2.0
    return WordRead(read.offsets, read.starts, read.ends, count, count)


def attend(texts: Sequence[str], blend: Blend = READER_ALONE) -> Sequence[Evidence]:
    """Attend to chunks with these texts, each at 100 in its document."""
    query = Query(
        QUESTION, small_encoder().encode_query(QUESTION), dict.fromkeys(terms(QUESTION), 1.0)
    )
    candidates = [candidate(text, number, 100) for number, text in enumerate(texts, start=1)]
    return reader_attend(swans_sing, blend)(query, candidates)


def test_the_reader_decides_on_order_and_evidence() -> None:
    """The chunk it prefers is first, the sentence with its span leads, the span lies in it."""
    text = "Owls hoot at dusk. Here swans often sing loudly. Storks clatter."
    first, second = attend(["Owls hoot.", text])
    assert first.candidate.chunk.text == text
    assert [first.score, second.score] == pytest.approx([logistic(1), logistic(-2)])
    short = first.sentences[0].short
    assert text[short.start - 100 : short.end - 100] == "swans often sing"
    spans = [(one.span.start - 100, one.span.end - 100) for one in first.sentences]
    assert text[slice(*spans[0])] == "Here swans often sing loudly."
    assert sorted(text[slice(*span)] for span in spans[1:]) == [
        "Owls hoot at dusk.",
        "Storks clatter.",
    ]
    assert first.sentences[0].score > first.sentences[1].score


def test_retrieval_counts_where_the_blend_says_so() -> None:
    """With weight on retrieval's signs alone, the chunk with the question's words is first."""
    texts = ["swans swans swans", "which sing at dusk"]
    assert attend(texts)[0].candidate.chunk.text == texts[0]
    outer = Blend(relevance=0, answers=0, outer=1, scale=1, offset=0)
    assert attend(texts, outer)[0].candidate.chunk.text == texts[1]


def test_where_the_reader_sees_no_answer_retrieval_orders() -> None:
    """Of two chunks that surely do not answer, the surer no is not worse; an answer still is."""
    blend = Blend(relevance=0, answers=4, outer=1, scale=1, offset=0)
    low, lower, high = Signs(0, -5, 0.2), Signs(0, -9, 0.4), Signs(0, 3, 0.1)
    assert blend.ranked([low, lower, high]) == [
        (2, logistic(3)),
        (1, logistic(-9)),
        (0, logistic(-9)),
    ]
    assert blend.ranked([]) == []


@given(st.lists(st.floats(-50, 50), min_size=1))
def test_shares_are_a_distribution_in_the_order_of_the_logits(logits: list[float]) -> None:
    """They sum to 1, and by any logit's size none is lost to a number too large."""
    found = shares(logits)
    assert sum(found) == pytest.approx(1)
    order = sorted(range(len(logits)), key=lambda i: logits[i])
    assert [found[i] for i in order] == sorted(found)


DATED = "As of: 2026-05-01\nSource: https://example.org/swans\n\nSwans sang here in 1859."


def takes_any_day(question: str, texts: Sequence[str]) -> Sequence[PairRead]:
    """Read as a network does that takes the first number of four digits for an answer to all."""
    del question
    return [word_read(text, "2026" if "2026" in text else "1859", "05") for text in texts]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("when did swans sing here", "Swans sang here in 1859."),
        ("as of when is it", "As of: 2026-05-01"),
    ],
)
def test_a_note_on_the_text_answers_only_what_asks_for_it(question: str, expected: str) -> None:
    """Else the reader does not see it, and nothing is quoted of it."""
    query = Query(
        question, small_encoder().encode_query(question), dict.fromkeys(terms(question), 1.0)
    )
    one = candidate(DATED, 1, 100)
    (found,) = reader_attend(takes_any_day, READER_ALONE)(query, [one])
    assert one.chunk.cut(found.sentences[0].span) == expected
    told = {one.chunk.cut(sentence.span) for sentence in found.sentences}
    assert ("As of: 2026-05-01" in told) == expected.startswith("As of")
    assert "Source: https://example.org/swans" not in told


def test_where_a_chunk_has_nothing_but_notes_they_stand() -> None:
    """They are what there is."""
    query = Query(QUESTION, small_encoder().encode_query(QUESTION), {})
    notes = "\n".join(DATED.split("\n")[:2])
    (found,) = reader_attend(takes_any_day, READER_ALONE)(query, [candidate(notes)])
    assert len(found.sentences) == 2


@settings(deadline=None)
@given(st.lists(st.sampled_from(["swans sing.", "Owls?", "## swans", "A."]), max_size=24))
def test_nothing_is_lost_and_spans_stay_inside(parts: list[str]) -> None:
    """Each candidate is there once, best first; evidence lies in a sentence, that in its chunk."""
    texts = [f"{part} {number}. More." for number, part in enumerate(parts)]
    found = attend(texts)
    assert sorted(one.candidate.chunk.text for one in found) == sorted(texts)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert one.sentences[0].score == 1
        for sentence in one.sentences:
            assert one.candidate.chunk.span.holds(sentence.span)
            assert sentence.span.holds(sentence.short)
            assert 0 < sentence.score <= 1
