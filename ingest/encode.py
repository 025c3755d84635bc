"""Encode the chunks whose vectors the catalog lacks.

Of a large document vectors are stored as they are made: they are not all held in memory, and a run
that was killed in the middle of it does not begin it again.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from indexes.encoding import Encoder, Vectors
from ingest.prepare import Cut

_AT_ONCE: Final = 128
# More vectors than this are stored ahead of their document.
_HELD: Final = 4096

Told = Callable[[int, float], None]
Store = Callable[[Mapping[bytes, Vectors]], None]


def encode(
    cuts: Sequence[Cut], lacking: set[bytes], encoder: Encoder, told: Told, store: Store | None
) -> dict[bytes, Vectors]:
    """Return the vectors of those chunks whose hashes are `lacking`; where many, `store` them.

    Without `store` all are returned, so that nobody can take them away before they are used.
    `told` is told of each group of chunks how many they were and how many seconds they took.
    """
    held: dict[bytes, Vectors] = {}
    ahead = store if len(lacking) > _HELD else None
    texts = _texts(cuts, lacking)
    while group := dict(islice(texts, _AT_ONCE)):
        started = time.monotonic()
        rows = encoder.encode_documents(list(group.values()))
        vectors = dict(zip(group, rows, strict=True))
        if ahead:
            ahead(vectors)
        else:
            held.update(vectors)
        told(len(group), time.monotonic() - started)
    return held


def _texts(cuts: Sequence[Cut], lacking: set[bytes]) -> Iterator[tuple[bytes, str]]:
    """Yield each text that is lacking once, with its hash."""
    left = set(lacking)
    for cut in cuts:
        for key, chunk in zip(cut.hashes, cut.chunks, strict=True):
            if key in left:
                left.discard(key)
                yield key, cut.text(chunk)
