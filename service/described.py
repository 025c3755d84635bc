"""Described: what "the" stands before, and whether only the conversation tells which is meant.

"Who led the release team?" names no release, and the documents speak of several. They also tell
whether what is spoken of is one of them: then some passage has both, and another passage has the
description alone. A description that one passage has, or none, or none beside the topic, needs
nothing: the question stands alone.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Final

from indexes.collection import Reading
from indexes.hits import ChunkSet
from indexes.lexical import terms
from service.said import Phrase, terms_of
from service.spoken import Word


@dataclass(frozen=True, slots=True)
class Near:
    """The text of a chunk, and the distinct terms in it."""

    text: str
    terms: frozenset[str]


Beside = Callable[[str], Sequence[Near]]
"""Gives the chunks that are likeliest to have all words of a text."""

_LOOKED_AT: Final = 20
_SEVERAL: Final = 2
# Such a question has a verb or the like, an article and a noun.
_FEWEST: Final = 3
# Behind one of these and its subject stands a verb.
_BEFORE_SUBJECT_WORDS: Final = "do does did will would can could should has have had"
_BEFORE_SUBJECT: Final = frozenset(_BEFORE_SUBJECT_WORDS.split())
_BEFORE_STATE: Final = frozenset(("is", "are", "was", "were"))
_CLAUSE_WORDS: Final = "that which who whom whose when where why how if because while and but or"
_CLAUSE: Final = frozenset(_CLAUSE_WORDS.split())


def beside_in(reading: Reading, allowed: ChunkSet | None) -> Beside:
    """Return how to look up what stands beside what in those chunks of a collection."""

    def beside(text: str) -> list[Near]:
        hits = reading.lexical(text, _LOOKED_AT, allowed)
        chunks = reading.chunks([hit.chunk_id for hit in hits])
        return [
            Near(one.encoded, frozenset(terms(one.encoded, reading.language))) for one in chunks
        ]

    return beside


def beside_nothing(_text: str) -> list[Near]:
    """Know of no chunks: no description leans on anything then."""
    return []


def description(own: Sequence[Word]) -> tuple[Word, ...]:
    """Return the telling words of a question from its first "the" on, but for the verb.

    There are none where it names something, which tells what is meant.
    """
    if len(own) < _FEWEST or _names(own):
        return ()
    at = next((at for at, one in enumerate(own) if one.plain == "the"), len(own))
    rest = list(takewhile(lambda one: one.plain not in _CLAUSE, own[at + 1 :]))
    run = list(takewhile(lambda one: one.terms, rest))
    if not run:
        return ()
    ahead = own[at - 1].plain if at else ""
    if len(run) > 1 and (
        ahead in _BEFORE_SUBJECT or (ahead in _BEFORE_STATE and run[-1].plain.endswith("ed"))
    ):
        rest.remove(run[-1])
    return tuple(one for one in rest if one.terms)


def _names(own: Sequence[Word]) -> bool:
    """Tell whether there is a name: by its letters, its number, or ahead of the question."""
    if any(one.is_name for one in own) or any("." in one.text for one in own):
        return True
    if any(one.terms and number.is_number for one, number in pairwise(own)):
        return True
    return bool(own[0].terms) and own[0].text[0].isupper() and own[1].plain != "the"


def tells_which(
    described: Sequence[Word], special: frozenset[str], topic: Sequence[Phrase], beside: Beside
) -> tuple[Phrase, ...]:
    """Return those phrases of a topic that tell which of several such things is meant.

    They stand in one passage with the description and the `special` terms of the question.
    """
    wanted = terms_of(described)
    text = " ".join(one.text for one in described)
    having = [one for one in beside(text) if wanted <= one.terms]
    if len(having) < _SEVERAL:
        return ()
    return tuple(
        one
        for one in stand_beside(text, wanted | special, topic, beside)
        if not all(one.terms <= chunk.terms for chunk in having)
    )


def stand_beside(
    text: str, wanted: frozenset[str], topic: Sequence[Phrase], beside: Beside
) -> tuple[Phrase, ...]:
    """Return those phrases that stand in one passage with the wanted terms, which a text has."""
    if not topic:
        return ()
    found = beside(" ".join([text, *(one.text for one in topic)]))
    near = [one for one in found if wanted <= one.terms]
    return tuple(one for one in topic if any(one.terms <= chunk.terms for chunk in near))


def most_beside(version: str, topic: Sequence[Phrase], beside: Beside) -> tuple[Phrase, ...]:
    """Return those phrases of a topic that stand in most passages with a version; all if none do.

    What a version is one of stands beside it wherever it is spoken of, what is told of another one
    hardly ever.
    """
    whole = re.compile(rf"(?<![\w.]){re.escape(version)}(?!\w|\.\d)")
    found = beside(" ".join([version, *(one.text for one in topic)]))
    near = [one for one in found if whole.search(one.text)]
    counts = [sum(one.terms <= chunk.terms for chunk in near) for one in topic]
    return tuple(one for one, count in zip(topic, counts, strict=True) if count == max(counts))
