"""Vectors of words, for texts in a language that the encoder does not know."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np

from indexes.encoding import Vectors
from indexes.languages import Language
from indexes.lexical import terms
from service.summaries.extract import Embed

_WIDTH: Final = 1024


def by_words(texts: Sequence[str], language: Language) -> Embed:
    """Return what gives texts vectors by the terms that they have, rare ones counting most.

    How rare a term is, `texts` tell. Each term has a place, and a sign, by its hash (Weinberger et
    al. 2009); texts without any have the same vector.
    """
    having = Counter(term for text in texts for term in set(terms(text, language)))

    def embed(these: Sequence[str]) -> Vectors:
        rows = np.zeros((len(these), _WIDTH), np.float32)
        for row, text in zip(rows, these, strict=True):
            for term, count in Counter(terms(text, language)).items():
                number = crc32(term.encode())
                weight = math.log(1 + len(texts) / (1 + having[term])) * (1 + math.log(count))
                row[number % _WIDTH] += weight if number & (1 << 31) else -weight
        rows[:, 0] += 1e-6
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    return embed
