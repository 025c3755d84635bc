"""What a collection of some texts, a chunk each, says of terms: how rare, and beside which."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from indexes.languages import Language
from indexes.lexical import terms
from service.described import Near

LOOKED_AT = 20
LONG = 400


def rarity_of(texts: Sequence[str], language: Language = "en") -> Callable[[str], dict[str, float]]:
    """Return how rare each term of a text is, 1 for one that a single chunk has."""
    found = Counter(term for text in texts for term in set(terms(text, language)))

    def weight(count: int) -> float:
        return math.log(1 + (len(texts) - count + 0.5) / (count + 0.5))

    def rarity(text: str) -> dict[str, float]:
        return {one: weight(found[one]) / weight(1) for one in terms(text, language)}

    return rarity


def beside_of(texts: Sequence[str]) -> Callable[[str], list[Near]]:
    """Return which chunks have most of a text's words, rare ones first."""
    chunks = [Near(text, frozenset(terms(text, "en"))) for text in texts]
    rarity = rarity_of(texts)

    def beside(text: str) -> list[Near]:
        weights = rarity(text)
        worth = [
            sum(weight for term, weight in weights.items() if term in chunk.terms)
            / (1 + len(chunk.terms) / LONG)
            for chunk in chunks
        ]
        order = sorted(range(len(chunks)), key=lambda at: -worth[at])
        return [chunks[at] for at in order[:LOOKED_AT] if worth[at] > 0]

    return beside
