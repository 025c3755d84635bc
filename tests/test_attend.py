"""Attend: the sentence that answers is found, scores follow the signs, spans stay in the chunk."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Span
from indexes.lexical import terms
from service.attend import READ, relevance, sentence_attend, sign_of
from service.evidence import Candidate, Evidence, Query
from small_encoder import encode, small_encoder
from stored_chunks import stored_chunk

QUESTION = "which swans sing at dusk"
TEXTS = st.lists(
    st.lists(
        st.sampled_from(
            ["swans sing", "at dusk", "Dusk.", "owls", "Why?", "\n", "\n- ", "---", "A."]
        ),
        min_size=1,
        max_size=8,
    ).map(" ".join),
    max_size=2 * READ,
    unique=True,
)


def candidate(
    text: str, number: int = 1, base: int = 0, headings: tuple[str, ...] = ()
) -> Candidate:
    """Return a chunk that begins at `base` in its document, found by both engines."""
    chunk = replace(
        stored_chunk(text, base),
        chunk_id=number,
        title="Birds",
        media_type="text/markdown",
        headings=headings,
    )
    vector = small_encoder().encode_query(QUESTION)
    return Candidate(chunk, float(encode([chunk.encoded])[0] @ vector), 1.0, 1 - number / 50)


def attend(candidates: Sequence[Candidate], question: str = QUESTION) -> Sequence[Evidence]:
    """Attend with the small encoder; every term weighs 1."""
    query = Query(
        question, small_encoder().encode_query(question), dict.fromkeys(terms(question), 1.0)
    )
    return sentence_attend(encode)(query, candidates)


def test_nothing_gives_nothing() -> None:
    """No candidate, no evidence, and the encoder is not asked."""

    def never(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        raise AssertionError(texts)

    query = Query(QUESTION, np.zeros(32, np.float32), {})
    assert list(sentence_attend(never)(query, [])) == []


def test_the_sentence_that_answers_is_first() -> None:
    """Of three sentences the one with the question's words, at its place in the document."""
    text = "Owls hoot all night. Swans sing at dusk. Storks clatter."
    (one,) = attend([candidate(text, base=100)])
    assert one.sentences[0].span == Span(121, 140)
    assert one.sentences[0].short == Span(121, 140)
    assert len(one.sentences) == 3


def test_the_chunk_that_answers_is_first() -> None:
    """Though retrieval had it last."""
    texts = ["Owls hoot all night.", "Storks clatter.", "The swans sing at dusk."]
    found = attend([candidate(text, number) for number, text in enumerate(texts, start=1)])
    assert found[0].candidate.chunk.text == texts[2]


def test_headings_and_questions_are_not_evidence() -> None:
    """They look like the question and answer nothing; alone in a chunk they still stand."""
    text = (
        "## Swans at dusk\nWhich swans sing at dusk? The black ones do.\nWhich swans sing at dusk"
    )
    (one,) = attend([candidate(text, headings=("Which swans sing at dusk",))])
    assert [s.span.cut(text) for s in one.sentences] == ["The black ones do."]
    (alone,) = attend([candidate("Which swans sing at dusk?")])
    assert len(alone.sentences) == 1


def test_a_label_is_not_evidence() -> None:
    """It has the question's word and says nothing of it; a list's items of one word stay."""
    (one,) = attend([candidate("Swans sing softly.\nDusk.\nThe black ones sing then.")])
    text = one.candidate.chunk.text
    assert "Dusk." not in [s.span.cut(text) for s in one.sentences]
    (one,) = attend([candidate("These birds sing at dusk:\n- Swans.\n- Owls.")])
    text = one.candidate.chunk.text
    assert {"Swans.", "Owls."} < {s.span.cut(text) for s in one.sentences}


@given(TEXTS)
def test_evidence_is_ordered_and_inside_its_chunk(texts: list[str]) -> None:
    """Each candidate comes back once, scores fall from first to last, all in [0, 1]."""
    candidates = [candidate(t, n, base=10 * n) for n, t in enumerate(texts, start=1)]
    found = attend(candidates)
    ids = [one.candidate.chunk.chunk_id for one in found]
    assert sorted(ids) == [one.chunk.chunk_id for one in candidates]
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert all(not one.sentences for one in found[READ:])
    for one in found:
        span = one.candidate.chunk.span
        assert all(each.short == each.span for each in one.sentences)
        fits = [sentence.score for sentence in one.sentences]
        assert fits == sorted(fits, reverse=True)
        for sentence in one.sentences:
            assert span.start <= sentence.span.start < sentence.span.end <= span.end
            assert 0 <= sentence.score <= 1


def test_a_term_in_the_sentence_is_worth_its_weight() -> None:
    """Of two sentences as near as each other the one with the heavier term is better."""
    text = "Swans sing. Owls hoot."

    def flat(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.tile(np.eye(1, 32, dtype=np.float32), (len(texts), 1))

    vector = np.eye(1, 32, dtype=np.float32)[0]
    for heavy, expected in (("swans", "Swans sing."), ("owls", "Owls hoot.")):
        weights = {terms(word)[0]: 2.0 if word == heavy else 1.0 for word in ("swans", "owls")}
        (one,) = sentence_attend(flat)(Query("x", vector, weights), [candidate(text)])
        assert one.sentences[0].span.cut(text) == expected


@given(st.floats(-3, 4), st.floats(-3, 4))
def test_relevance_rises_with_the_sign(first: float, second: float) -> None:
    """More signs never make less relevance, and the sign can be had back from it."""
    low, high = sorted([first, second])
    assert 0 <= relevance(low) <= relevance(high) <= 1
    if 1e-6 < relevance(low) < 1 - 1e-6:
        assert sign_of(relevance(low)) == pytest.approx(low, abs=1e-3)


def test_a_question_without_terms_has_evidence_too() -> None:
    """Only the vector speaks then."""
    (one,) = attend([candidate("Swans sing.")], "what is it")
    assert len(one.sentences) == 1
    assert 0 <= one.score <= 1
