"""Quote: an answer in the words of the evidence, without a language model."""

from collections.abc import Iterator, Sequence
from typing import Final

from indexes.documents import Span
from indexes.languages import ENGLISH
from service.agreement import opinions
from service.evidence import Evidence, Piece, Quoted
from service.sentences import list_around, with_list
from service.several import asks_for_list, asks_for_several

MOST_SENTENCES: Final = 3
MOST_DOCUMENTS: Final = 3
MOST_CHUNKS: Final = 4
# A further sentence must fit the question this well, as a share of the best one's fit: the second
# number where the question asks for several things.
_NEAR_ENOUGH: Final = 0.8
_NEAR_ENOUGH_OF_SEVERAL: Final = 0.5
# Evidence of a further chunk, where several things are asked for, as a share of the best score.
_FURTHER_CHUNK: Final = 0.5


def quote(question: str, evidence: Sequence[Evidence]) -> Iterator[Piece]:
    """Yield sentences of the evidence verbatim, the best first.

    One sentence of the best chunk leads, with others that fit the question nearly as well; where
    the question asks for several things, less near ones, the whole of a list, and what other chunks
    say. What leads in a list is quoted with it. A document that says the same is cited beside the
    first sentence. One that says something else is quoted with words that say so; of two dated
    documents the newer one leads. A chunk without evidence sentences is quoted whole.
    """
    if not evidence:
        return
    lead, agreeing, differing = _led(question, evidence)
    for place, quoted in enumerate(_chosen(question, lead, evidence, [*agreeing, *differing])):
        words = quoted.evidence.candidate.chunk.cut(quoted.span)
        apart = "\n" if "\n" in words else " "  # lists keep their lines
        yield Piece(f"{apart}{words}" if place else words, quoted)
        if quoted.evidence is lead:
            for one in agreeing:
                yield Piece("", _first_quoted(one))
            agreeing = []
    for one in differing:
        quoted = _first_quoted(one)
        yield Piece(f" {_difference(lead, one)} {one.candidate.chunk.cut(quoted.span)}", quoted)


def _chosen(
    question: str, lead: Evidence, evidence: Sequence[Evidence], known: Sequence[Evidence]
) -> list[Quoted]:
    """Return what is quoted of the chunk that leads and, where that is asked for, of others."""
    # Whether several things are asked for is told by English words.
    if lead.candidate.chunk.language != ENGLISH or not asks_for_several(question):
        return _sentences(lead, _NEAR_ENOUGH)
    found = [lead, *_further_chunks(lead, evidence, known)]
    lists = [_list(one) for one in found] if asks_for_list(question) else [None]
    if not lists[0]:
        return [one for each in found for one in _sentences(each, _NEAR_ENOUGH_OF_SEVERAL)]
    # A list may go on from chunk to chunk; its steps are told in their order, and nothing else.
    document = lead.candidate.chunk.document_id
    steps, others = list[Quoted](), list[Quoted]()
    for one, listed in zip(found, lists, strict=True):
        if one.candidate.chunk.document_id != document:
            others.append(listed or _first_quoted(one))
        elif listed:
            steps.append(listed)
    return sorted(steps, key=lambda one: one.span) + others


def _led(
    question: str, evidence: Sequence[Evidence]
) -> tuple[Evidence, list[Evidence], list[Evidence]]:
    """Return the evidence that leads, what agrees with it and what does not."""
    best, rest = evidence[0], evidence[1:]
    found = list(opinions(question, best, rest))
    newer = [one.evidence for one in found if one.says == "other" and _is_newer(one.evidence, best)]
    if newer:
        best = max(newer, key=lambda one: one.candidate.chunk.as_of or "")
        found = list(opinions(question, best, [one for one in evidence if one is not best]))
    agreeing = [one.evidence for one in found if one.says == "same"][: MOST_DOCUMENTS - 1]
    differing = [one.evidence for one in found if one.says == "other"][: MOST_DOCUMENTS - 1]
    return best, agreeing, differing


def _is_newer(one: Evidence, other: Evidence) -> bool:
    """Tell whether both are dated and `one` later; nothing else is ever ranked by date."""
    mine, theirs = one.candidate.chunk.as_of, other.candidate.chunk.as_of
    return mine is not None and theirs is not None and mine > theirs


def _difference(lead: Evidence, other: Evidence) -> str:
    if _is_newer(lead, other):
        return f"An older document ({other.candidate.chunk.as_of}) says something else:"
    return "Another document says something else:"


def _further_chunks(
    lead: Evidence, evidence: Sequence[Evidence], quoted: Sequence[Evidence]
) -> list[Evidence]:
    """Return further chunks nearly as good as the first, in the order of each document's text.

    Documents that are `quoted` for what they say of the first sentence are not quoted again.
    """
    seen = {one.candidate.chunk.document_id for one in quoted}
    found = [
        one
        for one in evidence
        if one is not lead
        and one.candidate.chunk.document_id not in seen
        and one.sentences
        and one.score >= _FURTHER_CHUNK * lead.score
    ][: MOST_CHUNKS - 1]
    documents = list(dict.fromkeys(one.candidate.chunk.document_id for one in [lead, *found]))

    def place(one: Evidence) -> tuple[int, int]:
        chunk = one.candidate.chunk
        return documents.index(chunk.document_id), chunk.span.start

    return sorted(found, key=place)


def _sentences(evidence: Evidence, share: float) -> list[Quoted]:
    """Return a chunk's best sentence, then others of at least this share of its score, in order.

    What the list of one of them holds is quoted once.
    """
    others = evidence.sentences[1:MOST_SENTENCES]
    near = [one for one in others if one.score >= share * evidence.sentences[0].score]
    near.sort(key=lambda one: one.span)
    found = [_first_quoted(evidence)]
    for one in near:
        span = _led_in(evidence, one.span)
        if not any(known.span.holds(one.span) or span.holds(known.span) for known in found):
            found.append(Quoted(evidence, span, one.short))
    return found


def _led_in(evidence: Evidence, sentence: Span) -> Span:
    """Return a sentence with the list that it leads in, if it does."""
    chunk = evidence.candidate.chunk
    start = chunk.span.start
    inside = sentence.moved(-start)
    found = with_list(chunk.text, chunk.media_type, inside, chunk.language, chunk.headings)
    return found.moved(start)


def _list(evidence: Evidence) -> Quoted | None:
    """Return the whole list around a chunk's best sentence, None if that is in none."""
    if not evidence.sentences:
        return None
    chunk, best = evidence.candidate.chunk, evidence.sentences[0]
    start = chunk.span.start
    inside = best.span.moved(-start)
    found = list_around(chunk.text, chunk.media_type, inside, chunk.language, chunk.headings)
    return Quoted(evidence, found.moved(start), best.short) if found else None


def _first_quoted(evidence: Evidence) -> Quoted:
    if not evidence.sentences:
        whole = evidence.candidate.chunk.span
        return Quoted(evidence, whole, whole)
    first = evidence.sentences[0]
    return Quoted(evidence, _led_in(evidence, first.span), first.short)
