"""Find how sure the entailment network must be of a sentence, by what the rules have against it.

`python -m training.grounding_levels --passages FILE… [--cost COST]` looks at marked sentences that
the network was not trained on and prints, for each kind of doubt, the logit from which on
sentences pass: `_LEAST_SURE` of `service/grounding.py`. It is the one at which the true sentences
that pass, less COST for each wrong one, are most. Each file weighs the same; one that is given
twice weighs double.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from indexes.encoder import load_encoder
from service.grounding import Grounding, Kind, Signs
from training.passages import cases_of

# There are more wrong sentences than true ones.
COST: Final = 0.2
_LEVELS: Final = np.arange(-6.0, 8.01, 0.25)
# What passes is averaged over so many levels: a few sentences are not to decide.
_AROUND: Final = 5
_KINDS: Final[Sequence[Kind | None]] = (None, *get_args(Kind))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """A sentence: whether it is true or what is wrong with it, and what speaks for it.

    `passes` tells the outcome where nothing was weighed, None where it was.
    """

    kind: str
    doubt: Kind | None
    sure: float
    passes: bool | None = None


def seen(path: Path) -> Iterator[Seen]:
    """Yield what speaks for the marked sentences of a file, each with other passages around."""
    encoder = load_encoder("bundled")
    last, ground = None, Grounding(encoder)
    for case in cases_of(path):
        if case.evidence is not last:
            last, ground = case.evidence, Grounding(encoder)
        found = ground.signs(case.sentence, case.evidence)
        if isinstance(found, Signs):
            yield Seen(case.kind, found.kind, found.sure or 0.0)
        else:
            yield Seen(case.kind, None, 0.0, found.reason is None)


def levels(sets: Sequence[Sequence[Seen]], cost: float) -> dict[Kind | None, float]:
    """Return the best level of each kind of doubt."""
    found: dict[Kind | None, float] = {}
    for kind in _KINDS:
        gains = np.zeros(len(_LEVELS))
        for some in sets:
            weighed = [one for one in some if one.passes is None and one.doubt == kind]
            worth = [1.0 if one.kind == "true" else -cost for one in weighed]
            sure = np.array([one.sure for one in weighed])
            true = sum(one.kind == "true" for one in some)
            gains += (sure[None] >= _LEVELS[:, None]) @ np.array(worth) / true
        wide = np.pad(gains, _AROUND // 2, "edge")
        around = np.convolve(wide, np.ones(_AROUND) / _AROUND, "valid")
        found[kind] = float(_LEVELS[int(around.argmax())])
    return found


def refused(found: Sequence[Seen], least: Mapping[Kind | None, float]) -> dict[str, float]:
    """Return which share of each kind of sentences does not pass."""
    under: dict[str, list[bool]] = defaultdict(list)
    for one in found:
        passes = one.sure >= least[one.doubt] if one.passes is None else one.passes
        under[one.kind].append(not passes)
    return {kind: round(sum(some) / len(some), 3) for kind, some in sorted(under.items())}


def main() -> None:
    """Find and print them."""
    parser = argparse.ArgumentParser(
        prog="python -m training.grounding_levels", description=__doc__
    )
    parser.add_argument("--passages", type=Path, nargs="+", required=True)
    parser.add_argument("--cost", type=float, default=COST, help="of a wrong one that passes")
    given = parser.parse_args()
    looked = cache(lambda path: tuple(seen(path)))
    least = levels([looked(path) for path in given.passages], given.cost)
    told = {
        "least": {str(kind): level for kind, level in least.items()},
        "refused": {path.name: refused(looked(path), least) for path in given.passages},
    }
    json.dump(told, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
