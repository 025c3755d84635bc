"""Attend with a reader: order by the blend, evidence by the likeliest spans."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.lexical import terms
from service.attend import READ, Blend, reader_attend
from service.evidence import Evidence, Query
from service.read import PairRead
from service.signs import lags
from small_encoder import small_encoder
from test_attend import QUESTION, candidate
from test_read import WordRead, word_read

READER_ALONE = Blend(relevance=1, answers=0, span=0, outer=0, lag=0, offset=0)


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
    assert first.score == pytest.approx(0.731, abs=1e-3)
    assert second.score == pytest.approx(0.119, abs=1e-3)
    assert first.span is not None
    assert text[first.span.start - 100 : first.span.end - 100] == "swans often sing"
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
    outer = Blend(relevance=0, answers=0, span=0, outer=1, lag=0, offset=0)
    assert attend(texts, outer)[0].candidate.chunk.text == texts[1]


def test_lags_count_in_long_questions_alone() -> None:
    """Up to six terms nothing lags; the best never does, the others more the longer it is."""
    outer = [1.0, 2.0, 0.5]
    assert lags(outer, 6) == [0, 0, 0]
    assert lags(outer, 12) == pytest.approx([-math.log(2), 0, -1.5 * math.log(2)])
    assert lags(outer, 600) == lags(outer, 60) == pytest.approx([-math.log(10), 0, -3.4539], 1e-4)
    assert lags([], 12) == []


def test_a_long_question_is_answered_by_what_retrieval_prefers() -> None:
    """The chunk with the question's words leads where lagging has weight, else the reader's."""
    question = "which birds sing at dusk near water while owls hoot over dark northern marsh land"
    query = Query(
        question, small_encoder().encode_query(question), dict.fromkeys(terms(question), 1.0)
    )
    texts = ["swans swans swans", question]
    candidates = [candidate(text, number, 100) for number, text in enumerate(texts, start=1)]

    def read(_question: str, texts: Sequence[str]) -> Sequence[PairRead]:
        return [with_pair(word_read(text, "swans", "sing"), text) for text in texts]

    for weight, first in ((0, 0), (50, 1)):
        blend = replace(READER_ALONE, lag=weight)
        assert reader_attend(read, blend)(query, candidates)[0].candidate.chunk.text == texts[first]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["swans sing.", "Owls?", "## swans", "A."]), max_size=3 * READ))
def test_nothing_is_lost_and_spans_stay_inside(parts: list[str]) -> None:
    """Each candidate is there once, best first; evidence lies in a sentence, that in its chunk."""
    texts = [f"{part} {number}. More." for number, part in enumerate(parts)]
    found = attend(texts)
    assert sorted(one.candidate.chunk.text for one in found) == sorted(texts)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for place, one in enumerate(found):
        assert bool(one.sentences) == (one.span is not None) == (place < READ)
        if one.span is None:
            continue
        first = one.sentences[0].span
        chunk = one.candidate.chunk.span
        assert chunk.start <= first.start <= one.span.start < one.span.end <= first.end <= chunk.end
