"""Claims as arrays of tokens: what the entailment network is trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

CLAIMS: Final = "claims.npz"
PARTS: Final = ("squad", "passages", "held squad", "held passages")

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Claims:
    """Claims as tokens: `tokens` of all texts one after the other, text i from `starts`[i] on.

    A row of the others is a claim: the numbers of its text and of its evidence's, whether that
    entails it, of which group it is (those made of one true claim), its part and its kind.
    """

    tokens: npt.NDArray[np.uint16]
    starts: Numbers
    claim: Numbers
    evidence: Numbers
    entailed: npt.NDArray[np.bool_]
    group: Numbers
    part: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]
    kinds: tuple[str, ...]

    def save(self, path: Path) -> None:
        """Write them as one file."""
        np.savez(path, **{**vars(self), "kinds": np.array(self.kinds)})

    @classmethod
    def load(cls, path: Path) -> "Claims":
        """Read what `save` wrote."""
        with np.load(path) as found:
            arrays = {name: found[name] for name in found.files}
        return cls(**{**arrays, "kinds": tuple(str(one) for one in arrays["kinds"])})
