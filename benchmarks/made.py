"""Made-up chunks for measurements of size: texts by Zipf's law, vectors in clusters of clusters.

Both come from fixed seeds. A text has 60 to 140 words of a vocabulary of 200,000; a vector has 384
dimensions and lies about one of many centres, themselves about fewer, some far fuller than others.
"""

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.documents import Chunk, Document, Prepared, Span, sha256_text, text_hash

DIMENSION: Final = 384
CHUNKS: Final = 10
"""The chunks of a document."""
PARTS: Final = 100
_WORDS: Final = 200_000
_ZIPF: Final = 1.05
_SHORTEST, _LONGEST = 60, 140
_BLOCK: Final = 50_000
_TOPICS: Final = 400
_CENTRES_A_TOPIC: Final = 30
_FULLNESS: Final = 0.7

Vectors = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


def vocabulary() -> npt.NDArray[np.str_]:
    """Return the words, the most frequent first: syllables that count in the base of 90."""
    syllables = [c + v for c in "bcdfghjklmnprstvwz" for v in "aeiou"]

    def word(number: int) -> str:
        parts = []
        while number:
            number, digit = divmod(number, len(syllables))
            parts.append(syllables[digit])
        return "".join(parts)

    return np.array([word(number + len(syllables)) for number in range(_WORDS)])


def texts(count: int, seed: int) -> Iterator[str]:
    """Yield so many texts."""
    chance = np.random.default_rng(seed)
    words = vocabulary()
    shares = 1 / np.arange(1, len(words) + 1) ** _ZIPF
    sums = np.cumsum(shares / shares.sum())
    for _ in range(count):
        drawn = np.searchsorted(sums, chance.random(chance.integers(_SHORTEST, _LONGEST)))
        yield " ".join(words[np.minimum(drawn, len(words) - 1)])


def vectors(count: int, seed: int) -> Halves:
    """Return so many unit vectors, shape (count, 384), in float16 as the catalog keeps them."""
    chance = np.random.default_rng(seed)
    topics = _unit(_normal(chance, _TOPICS))
    of_topic = np.repeat(np.arange(_TOPICS), _CENTRES_A_TOPIC)
    centres = _unit(topics[of_topic] + 0.8 * _unit(_normal(chance, len(of_topic))))
    chance.shuffle(centres)
    fullness = np.arange(1, len(centres) + 1) ** -_FULLNESS
    made = np.empty((count, DIMENSION), np.float16)
    for start in range(0, count, _BLOCK):
        part = made[start : start + _BLOCK]
        own = chance.choice(len(centres), len(part), p=fullness / fullness.sum())
        distance = chance.uniform(0.5, 1.0, (len(part), 1)).astype(np.float32)
        part[:] = _unit(centres[own] + distance * _unit(_normal(chance, len(part))))
    return made


def _normal(chance: np.random.Generator, count: int) -> Vectors:
    return chance.standard_normal((count, DIMENSION), np.float32)


def _unit(rows: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


def documents(given: Halves, seed: int, prefix: str = "") -> Iterator[Prepared]:
    """Yield documents of ten chunks with these vectors; an id is the prefix with a number.

    `metadata.place` is one of 100 runs of documents, `metadata.part` one of 100 scattered parts.
    """
    said = texts(len(given), seed)
    total = len(given) // CHUNKS
    for number in range(total):
        own = list(itertools.islice(said, CHUNKS))
        rows = given[number * CHUNKS : (number + 1) * CHUNKS]
        place = number * PARTS // total
        yield document(f"{prefix}{number}", own, rows, {"place": place, "part": number % PARTS})


def document(name: str, own: list[str], rows: Halves, metadata: dict[str, int]) -> Prepared:
    """Return a document of these chunks, one a line."""
    text = "\n".join(own)
    ends = list(itertools.accumulate(len(one) + 1 for one in own))
    spans = [Span(end - len(one) - 1, end - 1) for one, end in zip(own, ends, strict=True)]
    hashes = [text_hash(one) for one in own]
    facts = Document(
        document_id=name,
        uri=f"made/{name}",
        source="made",
        title="",
        media_type="text/plain",
        content_sha256=sha256_text(text),
        text_sha256=sha256_text(text),
        size=len(text),
        modified=0,
        reader="plain/1",
        as_of=None,
        as_of_source=None,
        metadata=metadata,
    )
    by_hash = {key: row.astype(np.float32) for key, row in zip(hashes, rows, strict=True)}
    return Prepared(facts, text, [Chunk(span) for span in spans], hashes, by_hash)
