"""Signs that a chunk answers a question which need no look at its sentences."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from indexes.lexical import terms
from service.evidence import Candidate

_COVERAGE: Final = 0.75
_FUSED: Final = 0.5
# Words that ask and name nothing; the lexical view keeps them, as BM25 hardly minds.
_ASKING: Final = (
    "what which who whom whose when where why how do does did were has have had can could would "
    "should may might must i you we us our your he she his her its them from about than so any all "
    "some also"
)


def outer_signs(weights: Mapping[str, float], candidates: Sequence[Candidate]) -> list[float]:
    """Return what is known of each candidate without reading its sentences."""
    # A chunk that the dense engine left out is no nearer than the farthest that it found.
    farthest = min((one.dense for one in candidates if one.dense is not None), default=0.0)
    return [
        (farthest if one.dense is None else one.dense)
        + _COVERAGE * coverage(weights, one.chunk.encoded)
        + _FUSED * one.fused
        for one in candidates
    ]


def shares(logits: Sequence[float]) -> list[float]:
    """Return the softmax of logits."""
    highest = max(logits, default=0.0)
    parts = [math.exp(one - highest) for one in logits]
    total = sum(parts)
    return [one / total for one in parts]


def coverage(weights: Mapping[str, float], text: str) -> float:
    """Return the share of the question's terms, by weight, that are in a text; 0 if it has none."""
    there = set(terms(text))
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in there) / total if total else 0


def named(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the terms that name something, without those that only ask."""
    asking = asking_terms()
    return {term: weight for term, weight in weights.items() if term not in asking}


def logistic(logit: float) -> float:
    """Return the probability in [0, 1] that a logit stands for."""
    return (1 + math.tanh(logit / 2)) / 2


@cache
def asking_terms() -> frozenset[str]:
    """Return the terms that ask and name nothing."""
    return frozenset(terms(_ASKING))
