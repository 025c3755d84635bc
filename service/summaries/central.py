"""What stands for the rest: texts that cover most of what all say, and do not repeat each other.

The texts that are chosen cover what there is as facilities cover a town: each thing that is said is
covered as well as the chosen text that is nearest to it covers it (Lin and Bilmes 2011, "A Class of
Submodular Functions for Document Summarization"). Choosing the best next one again and again is
then never far from the best choice of all.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.encoding import Vectors

Numbers = npt.NDArray[np.float32]

# What all texts of a document have in common says nothing of one of them.
_IN_COMMON: Final = 0.5


def centrality(vectors: Vectors) -> Numbers:
    """Return how near each of the unit vectors, shape (n, dimension), is to all, in [-1, 1]."""
    if not len(vectors):
        return np.zeros(0, np.float32)
    mean = vectors.mean(0)
    length = float(np.linalg.norm(mean))
    near: Numbers = (vectors @ (mean / length if length else mean)).astype(np.float32)
    return near


def similarity(these: Vectors, those: Vectors) -> Numbers:
    """Return how far each of `these` covers each of `those`, shape (these, those), in [0, 1].

    Of the cosine that counts which is over half of the mean: what all have in common.
    """
    cosines = these @ those.T
    floor = _IN_COMMON * float(cosines.mean()) if cosines.size else 0.0
    over: Numbers = np.maximum(cosines - max(0.0, floor), 0).astype(np.float32)
    return over


def covering(
    covers: Numbers,
    weights: Numbers,
    worth: Numbers,
    count: int,
    alike: Numbers | None = None,
    most_alike: float = 1.0,
) -> list[int]:
    """Return up to `count` texts, best first, that cover most for what they are worth.

    `covers`, shape (m, n), says how far each of m texts covers each of n things, which weigh
    `weights`; `worth`, shape (m,), is a factor, and a text without any is not chosen. Neither is
    one that is more than `most_alike` to a chosen one by `alike`, shape (m, m). Ties go to the
    first.
    """
    free = worth > 0
    covered = np.zeros(covers.shape[1], np.float32)
    chosen = list[int]()
    while len(chosen) < count and free.any():
        gains = worth * (np.maximum(covers - covered, 0) @ weights)
        gains[~free] = -1.0
        best = int(gains.argmax())
        if gains[best] <= 0:
            break
        chosen.append(best)
        covered = np.maximum(covered, covers[best])
        free[best] = False
        if alike is not None:
            free &= alike[best] <= most_alike
    return chosen
