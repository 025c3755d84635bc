"""A tiny deterministic encoder for tests of the index: hashed words, no model files."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.encoder import Encoder, EncoderIdentity

DIMENSION: Final = 32


def word_vector(word: str) -> npt.NDArray[np.float32]:
    """Return a vector that depends on nothing but the word."""
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return unit vectors, shape (n, 32): the sum of each text's word vectors."""
    rows = []
    for text in texts:
        total = sum((word_vector(w) for w in text.lower().split()), np.full(DIMENSION, 1e-3))
        rows.append(total / np.linalg.norm(total))
    return np.array(rows, np.float32).reshape(len(texts), DIMENSION)


def small_encoder(name: str = "small") -> Encoder:
    """Return the encoder; `name` makes another identity with the same vectors."""
    return Encoder(
        identity=EncoderIdentity(name, hashlib.sha256(name.encode()).hexdigest(), DIMENSION, 64),
        encode_documents=encode,
        encode_query=lambda text: encode([text])[0],
        count_tokens=lambda text: len(text.split()),
        tokenizer_json="",
    )
