"""Generate: from evidence to an answer. `quote` says what is written, without a language model."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from indexes.documents import Span
from indexes.errors import UsageError
from service.agreement import opinions
from service.evidence import Evidence, Generator, Piece, Quoted

MOST_SENTENCES: Final = 3
MOST_DOCUMENTS: Final = 3
# A further sentence must fit the question this well, as a share of the best one's fit: the second
# number where the question asks for several things.
_NEAR_ENOUGH: Final = 0.8
_NEAR_ENOUGH_OF_SEVERAL: Final = 0.5
# Evidence of a further document, where several things are asked for, as a share of the best score.
_FURTHER_DOCUMENT: Final = 0.7
_SEVERAL: Final = re.compile(
    r"\b(why|list|compare|comparison|differences?|steps|reasons|ways|advantages|disadvantages|"
    r"examples|versus|vs)\b"
    r"|\bhow\b(?! (many|much|long|old|far|often|tall|big|large|high|deep|fast|heavy|late|early|"
    r"soon|wide|hot|cold)\b)"
    r"|\b(what|which|who)( \w+){0,2} (are|were)\b",
    re.IGNORECASE,
)


def quote(question: str, evidence: Sequence[Evidence]) -> Iterator[Piece]:
    """Yield sentences of the evidence verbatim, the best first.

    One sentence of the best chunk leads, with others that fit the question nearly as well; where
    the question asks for several things, less near ones and other documents' too. A document that
    says the same is cited beside the first sentence. One that says something else is quoted with
    words that say so; of two dated documents the newer one leads. A chunk without evidence
    sentences is quoted whole.
    """
    if not evidence:
        return
    lead, agreeing, differing = _led(evidence)
    several = _SEVERAL.search(question) is not None
    first, *more = _chosen(lead, several=several)
    yield Piece(lead.candidate.chunk.cut(first), Quoted(lead, first, lead.span or first))
    for one in agreeing:
        yield Piece("", _first_quoted(one))
    for span in more:
        yield _further(lead, span)
    if several:
        known = [lead, *agreeing, *differing]
        for one in _other_documents(lead, evidence, known):
            yield _further(one, _chosen(one)[0])
    for one in differing:
        quoted = _first_quoted(one)
        yield Piece(f" {_difference(lead, one)} {one.candidate.chunk.cut(quoted.span)}", quoted)


def _led(evidence: Sequence[Evidence]) -> tuple[Evidence, list[Evidence], list[Evidence]]:
    """Return the evidence that leads, what agrees with it and what does not."""
    best, rest = evidence[0], evidence[1:]
    found = list(opinions(best, rest))
    newer = [one.evidence for one in found if one.says == "other" and _is_newer(one.evidence, best)]
    if newer:
        best = max(newer, key=lambda one: one.candidate.chunk.as_of or "")
        found = list(opinions(best, [one for one in evidence if one is not best]))
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


def _other_documents(
    lead: Evidence, evidence: Sequence[Evidence], known: Sequence[Evidence]
) -> list[Evidence]:
    """Return the best evidence of further documents that is nearly as good as the first."""
    seen = {one.candidate.chunk.document_id for one in known}
    found = []
    for one in evidence:
        document = one.candidate.chunk.document_id
        if document in seen or not one.sentences or one.score < _FURTHER_DOCUMENT * lead.score:
            continue
        seen.add(document)
        found.append(one)
    return found[: MOST_DOCUMENTS - 1]


def _chosen(evidence: Evidence, *, several: bool = False) -> list[Span]:
    if not evidence.sentences:
        return [evidence.candidate.chunk.span]
    share = _NEAR_ENOUGH_OF_SEVERAL if several else _NEAR_ENOUGH
    enough = share * evidence.sentences[0].score
    return [one.span for one in evidence.sentences[:MOST_SENTENCES] if one.score >= enough]


def _first_quoted(evidence: Evidence) -> Quoted:
    first = _chosen(evidence)[0]
    return Quoted(evidence, first, evidence.span or first)


def _further(evidence: Evidence, span: Span) -> Piece:
    return Piece(f" {evidence.candidate.chunk.cut(span)}", Quoted(evidence, span, span))


GENERATORS: Final[Mapping[str, Generator]] = MappingProxyType({"quote": quote})


def generator_named(name: str) -> Generator:
    """Return the generator of that name. Raises UsageError that names those there are."""
    try:
        return GENERATORS[name]
    except KeyError:
        raise UsageError(
            f"generator {name!r} is not known; use one of: {', '.join(GENERATORS)}"
        ) from None
