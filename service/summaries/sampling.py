"""Which chunks of very many are read: by even steps, through every document that can have one."""

import numpy as np

from indexes.hits import Ids


def sampled(ranges: Ids, most: int) -> Ids:
    """Return the ids of up to `most` chunks of documents, ascending, all if there are no more.

    `ranges`, shape (documents, 2), has each one's first id and number of chunks. Each document has
    its first chunk read, and further ones in proportion to its length; where there are more than
    `most` documents, so many of them have, by even steps.
    """
    firsts, counts = ranges[:, 0], ranges[:, 1]
    total = int(counts.sum())
    if total <= most:
        return _spread(firsts, counts, counts)
    if len(ranges) >= most:
        kept = np.arange(most) * len(ranges) // most
        return firsts[kept]
    # What is left after each document's first one, shared out without a remainder.
    shares = np.cumsum(counts - 1) * (most - len(ranges)) // (total - len(ranges))
    quotas = 1 + np.diff(shares, prepend=0)
    return _spread(firsts, counts, quotas)


def _spread(firsts: Ids, counts: Ids, quotas: Ids) -> Ids:
    """Return ids by even steps: of each document as many as its quota."""
    before = np.cumsum(quotas) - quotas
    steps = np.arange(int(quotas.sum())) - np.repeat(before, quotas)
    places = steps * np.repeat(counts, quotas) // np.repeat(np.maximum(quotas, 1), quotas)
    ids: Ids = np.repeat(firsts, quotas) + places
    return ids
