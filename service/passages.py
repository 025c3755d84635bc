"""Passages: what was found, as the reply shows it, each step's score brought to [0, 1]."""

from collections.abc import Sequence
from typing import Final

from service.evidence import Candidate, Evidence
from service.reply import Passage, Scores

# The BM25 score that is shown as one half; questions of a few words reach it with all their words.
_HALF: Final = 10.0


def retrieved(candidates: Sequence[Candidate]) -> tuple[Passage, ...]:
    """Return candidates that nothing has looked at closely; `fused` is their score."""
    return tuple(_passage(one, one.fused, None) for one in candidates)


def attended(evidence: Sequence[Evidence]) -> tuple[Passage, ...]:
    """Return evidence as passages; where its sentences were not read, `reader` is None."""
    return tuple(
        _passage(one.candidate, one.score, one.score if one.sentences else None) for one in evidence
    )


def _passage(candidate: Candidate, score: float, reader: float | None) -> Passage:
    chunk = candidate.chunk
    return Passage(
        document_id=chunk.document_id,
        chunk_id=chunk.chunk_id,
        title=chunk.title,
        uri=chunk.uri,
        page=chunk.page,
        section=chunk.section or "",
        start=chunk.span.start,
        end=chunk.span.end,
        text=chunk.text,
        score=score,
        scores=Scores(
            dense=_cosine(candidate.dense),
            lexical=_squashed(candidate.lexical),
            fused=candidate.fused,
            reader=reader,
        ),
        as_of=chunk.as_of,
        text_sha256=chunk.text_sha256,
        pages=tuple(page.number for page in chunk.pages),
    )


def _cosine(score: float | None) -> float | None:
    return None if score is None else min(1.0, max(0.0, score))


def _squashed(score: float | None) -> float | None:
    return None if score is None else score / (score + _HALF)
