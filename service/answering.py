"""Answering: the sentences of a chunk that can answer a question, and those that only seem to."""

import re
from dataclasses import dataclass
from typing import Final

from indexes.documents import Span, StoredChunk
from service.provenance import asides
from service.sentences import (
    QUESTION_MARKS,
    is_heading,
    is_label,
    sentence_spans,
    stands_above,
)

_WORD: Final = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Answering:
    """Sentences of a chunk, as spans of its document's text.

    `asides` are those that tell where the text is from or of when it is, where the question does
    not ask for that. Where a chunk has nothing else they are `sentences`, and no asides.
    """

    sentences: tuple[Span, ...]
    asides: tuple[Span, ...] = ()


def answering(chunk: StoredChunk, question: str) -> Answering:
    """Return the sentences of a chunk without headings, labels, questions and asides.

    They resemble a question and answer none; they stay where a chunk has nothing else.
    """
    text = chunk.text
    spans = sentence_spans(text, chunk.media_type, chunk.language, chunk.headings)
    headings = {*chunk.headings, chunk.title, chunk.header}

    def answers(before: Span | None, span: Span, after: Span | None) -> bool:
        sentence = span.cut(text)
        if sentence.endswith(QUESTION_MARKS) or is_heading(sentence) or sentence in headings:
            return False
        if is_label(text, span, before):
            return False
        return after is None or not stands_above(text, span, after)

    aside = asides([one.cut(text) for one in spans], question)
    left = [one for one, unasked in zip(spans, aside, strict=True) if not unasked]
    around = zip([None, *left], left, [*left[1:], None], strict=False)
    kept = [one for before, one, after in around if answers(before, one, after)]
    base = chunk.span.start
    if not kept:
        return Answering(tuple(span.moved(base) for span in spans))
    left_out = [_widened(text, one) for one, unasked in zip(spans, aside, strict=True) if unasked]
    return Answering(
        tuple(span.moved(base) for span in kept), tuple(span.moved(base) for span in left_out)
    )


def _widened(text: str, aside: Span) -> Span:
    """Return an aside with the marks around it in its lines, and what parts it from the next."""
    start, end = aside.start, aside.end
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop + 1
    return Span(
        start if _WORD.search(text, begin, start) else begin,
        end if _WORD.search(text, end, stop) else stop,
    )
