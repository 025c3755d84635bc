"""What an encoder is to those that use one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Which network made a vector: `sha256` covers its weights and its tokenizer.

    `name` is what load_encoder takes; a folder's name is absolute.
    """

    name: str
    sha256: str
    dimension: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded encoder; its callables may be called from several threads.

    `encode_documents` gives float32 rows of unit length, shape (texts, dimension), and
    `encode_query` one such row; what is longer than `max_tokens` is cut. `count_tokens` counts
    special tokens too, and cuts nothing. `tokenizer_json` is the tokenizer as the tokenizers
    library writes it, without truncation or padding.
    """

    identity: EncoderIdentity
    encode_documents: Callable[[Sequence[str]], Vectors]
    encode_query: Callable[[str], Vectors]
    count_tokens: Callable[[str], int]
    tokenizer_json: str
