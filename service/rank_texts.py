"""Rank texts of a client's own for a question, as the reader ranks candidates.

What is longer than the reader reads at once is read in pieces, of which the best counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from indexes.documents import Span, StoredChunk, sha256_text, stored_form
from indexes.encoder import Encoder, Vectors, load_encoder
from indexes.errors import UsageError
from indexes.languages import ENGLISH, Language
from indexes.lexical import terms
from indexes.network import PairCutter
from indexes.settings import Settings
from service.answer import Answerer, query_of
from service.evidence import Candidate, Query
from service.language_model import Check
from service.problems import invalid
from service.readers import LoadedReader, Ranking, load_reader, reader_for, reads

MOST_PIECES: Final = 2000
_ENCODED_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class RankedTexts:
    """The places of texts with their scores in [0, 1], best first, and how much was read."""

    scores: tuple[tuple[int, float], ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of the text at a place."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Means:
    """A question, and what texts are ranked with.

    `encoder` is None where it does not know the language.
    """

    query: Query
    ranking: Ranking
    encoder: Encoder | None


def of_service(question: str, settings: Settings) -> Means:
    """Return the means of the settings alone, for English.

    Raises UsageError where there is no reader, and ModelMissing.
    """
    ranking = _checked(load_reader(settings.reader, threads=settings.threads))
    encoder = load_encoder(settings.encoder, threads=settings.threads, for_questions=True)
    text = stored_form(question).strip()
    weights = dict.fromkeys(terms(text, ENGLISH), 1.0)
    return Means(Query(text, encoder.encode_query(text), weights), ranking, encoder)


def of_collection(question: str, name: str, answerer: Answerer, settings: Settings) -> Means:
    """Return the means by which questions to a collection are answered.

    Words weigh as they do there. Raises as `of_service` and `Answerer.answer`.
    """
    encoder = answerer.encoder(name)
    with answerer.collection(name).read() as reading:
        query = query_of(question, encoder, reading)
    known = encoder.identity.name
    ranking = _checked(reader_for(settings.reader, query.language, known, settings.threads))
    return Means(query, ranking, encoder if reads(known, query.language) else None)


def _checked(reader: LoadedReader) -> Ranking:
    if reader.ranking is None:
        raise UsageError(
            "no reader ranks texts here: AFTERWORD_READER is `none`, or the one that it names does "
            "not know the collection's language; name one that does, or use another collection"
        )
    return reader.ranking


def rank_texts(texts: Sequence[str], means: Means, check: Check) -> RankedTexts:
    """Return texts by how likely each answers; `check` is asked as it goes on.

    Raises InvalidRequest where there is too much to read.
    """
    query, encoder, cutter = means.query, means.encoder, means.ranking.cutter
    _check_length(query.text, cutter)
    pieces, tokens = list[_Piece](), 0
    for at, text in enumerate(texts):
        check()
        for piece, count in cutter.pieces(query.text, stored_form(text)):
            pieces.append(_Piece(at, piece))
            tokens += count
        if len(pieces) > MOST_PIECES:
            raise invalid(
                "body.documents",
                f"the first {at + 1} texts make more than {MOST_PIECES} pieces of the length that "
                "the reader reads at once; send fewer, or shorter ones",
            )
    vectors = _encoded([one.text for one in pieces], encoder, check) if encoder else None
    candidates = list(_candidates(query, pieces, vectors))
    # What has no token at all, such as white space of other scripts, answers nothing.
    found = dict[int, float]()
    for one in means.ranking.attend(check)(query, candidates):
        found.setdefault(pieces[one.candidate.chunk.chunk_id].at, one.score)
    found |= {at: 0.0 for at in range(len(texts)) if at not in found}
    return RankedTexts(tuple(found.items()), tokens)


def _check_length(question: str, cutter: PairCutter) -> None:
    count = cutter.count(question)
    if count > cutter.longest_question:
        raise invalid(
            "body.query",
            f"it has {count} tokens, and the reader reads {cutter.longest_question}; shorten it",
        )


def _encoded(texts: Sequence[str], encoder: Encoder, check: Check) -> list[Vectors]:
    rows = list[Vectors]()
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        check()
        rows += list(encoder.encode_documents(texts[start : start + _ENCODED_AT_ONCE]))
    return rows


def _candidates(
    query: Query, pieces: Sequence[_Piece], vectors: Sequence[Vectors] | None
) -> Iterator[Candidate]:
    """Give pieces as if retrieval had found them, each with its cosine."""
    for number, piece in enumerate(pieces):
        cosine = float(vectors[number] @ query.vector) if vectors is not None else 0.0
        yield Candidate(_chunk(number, piece.text, query.language), cosine, None, 0.0)


def _chunk(number: int, text: str, language: Language) -> StoredChunk:
    return StoredChunk(
        chunk_id=number,
        document_id=str(number),
        uri="",
        title="",
        media_type="text/plain",
        as_of=None,
        text_sha256=sha256_text(text),
        span=Span(0, len(text)),
        text=text,
        language=language,
    )
