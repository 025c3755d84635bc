"""Encode texts of a client's own, as documents or questions are encoded here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from indexes.encoder import Encoder, Vectors
from service.language_model import Check
from service.problems import InvalidRequest
from service.schemas import Mistake

_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Vectors of unit length, shape (texts, dimension), and what was read for them.

    `truncated` are the places of the texts of which the encoder read the beginning only.
    """

    vectors: Vectors
    tokens: int
    truncated: tuple[int, ...]


def encode_texts(
    texts: Sequence[str], encoder: Encoder, check: Check, *, as_questions: bool, truncate: bool
) -> Encoded:
    """Encode texts; `check` is asked as it goes on.

    Raises InvalidRequest that names each text which is longer than the encoder reads, unless such
    are to be cut.
    """
    limit = encoder.identity.max_tokens
    counts = list(_counts(texts, encoder, check))
    long = [at for at, count in enumerate(counts) if count > limit]
    if long and not truncate:
        raise InvalidRequest([_too_long(at, counts[at], limit) for at in long])
    rows = [np.zeros((0, encoder.identity.dimension), np.float32)]
    for start in range(0, len(texts), _AT_ONCE):
        check()
        some = texts[start : start + _AT_ONCE]
        if as_questions:
            rows.append(np.stack([encoder.encode_query(text) for text in some]))
        else:
            rows.append(encoder.encode_documents(some))
    read = sum(min(count, limit) for count in counts)
    return Encoded(np.concatenate(rows), read, tuple(long))


def _counts(texts: Sequence[str], encoder: Encoder, check: Check) -> Iterator[int]:
    for text in texts:
        check()
        yield encoder.count_tokens(text)


def _too_long(at: int, count: int, limit: int) -> Mistake:
    return Mistake(
        where=f"body.input.{at}",
        message=f"the text has {count} tokens, {limit} are read; cut it into pieces, or send "
        "`truncate`: true to have its beginning encoded",
    )
