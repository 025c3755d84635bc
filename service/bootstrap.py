"""The bootstrap over questions: how often each is drawn, and the interval of what that gives."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from service.figures import Floats

RESAMPLES: Final = 2000
_SEED: Final = 20260101
_BLOCK: Final = 50


def resamples(questions: int) -> Iterator[Floats]:
    """Yield how often each question is drawn, 2,000 rows in blocks of shape (50, questions)."""
    drawing = np.random.default_rng(_SEED)
    row = np.arange(_BLOCK)[:, None] * questions
    for _ in range(RESAMPLES // _BLOCK if questions else 0):
        drawn = drawing.integers(0, questions, (_BLOCK, questions)) + row
        counts = np.bincount(drawn.ravel(), minlength=_BLOCK * questions)
        yield counts.reshape(_BLOCK, questions).astype(float)


def interval(drawn: Floats) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of the resamples that have a value; NaN of none."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
