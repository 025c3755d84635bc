"""Make the claims that the entailment network is trained on.

`python -m training.entailment_claims --data DATA --out OUT [--passages FILE…] [--passes N]` writes
OUT/claims.npz: claims made of SQuAD's questions, drawn anew in each pass, and those of passages
with marked sentences. `--held FILE` has passages that are not trained on and show how it goes.
"""

import argparse
import random
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from service.entailment import evidence_text, nearest
from service.evidence import Evidence
from service.lines import lines_of
from training.claims import CLAIMS, PARTS, Claims
from training.encoder import plain_tokenizer, source_folder
from training.entailment_pairs import Claim, Source, claims
from training.passages import Marked, read_marked, written
from training.reader_pairs import Asked, read_set
from training.sets import SEED

_SHARE: Final = 512
_HELD: Final = 400
_LINES: Final = (2, 3, 3, 4)
_MOST_CHARACTERS: Final = 1000
_BESIDE: Final = 0.3


class Gathering:
    """Gathers claims as tokens; a text that comes twice is kept once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Gather what `tokenizer` makes of texts."""
        self._tokenizer = tokenizer
        self._texts: dict[str, int] = {}
        self._tokens = list[npt.NDArray[np.uint16]]()
        self._rows = list[tuple[int, int, bool, int, int, int]]()
        self._groups: dict[tuple[str, str], int] = {}
        self._kinds: dict[str, int] = {}

    def add(self, made: Iterable[Claim], part: str) -> None:
        """Add claims of a part."""
        given = list(made)
        texts = dict.fromkeys(text for one in given for text in (one.claim, one.evidence))
        new = [one for one in texts if one not in self._texts]
        for text, encoded in zip(
            new, self._tokenizer.encode_batch(new, add_special_tokens=False), strict=True
        ):
            self._texts[text] = len(self._tokens)
            self._tokens.append(np.array(encoded.ids, np.uint16))
        for one in given:
            group = self._groups.setdefault((one.of or one.claim, one.evidence), len(self._groups))
            kind = self._kinds.setdefault(one.kind, len(self._kinds))
            numbers = self._texts[one.claim], self._texts[one.evidence]
            self._rows.append((*numbers, one.entailed, group, PARTS.index(part), kind))

    def claims(self) -> Claims:
        """Return all of them."""
        claim, evidence, entailed, group, part, kind = zip(*self._rows, strict=True)
        lengths = [len(one) for one in self._tokens]
        return Claims(
            np.concatenate(self._tokens),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
            np.array(claim, np.int32),
            np.array(evidence, np.int32),
            np.array(entailed),
            np.array(group, np.int32),
            np.array(part, np.uint8),
            np.array(kind, np.uint8),
            tuple(self._kinds),
        )


class Squad:
    """Makes claims of SQuAD's questions; each call draws by its own seed."""

    def __init__(self, data: Path) -> None:
        """Read the sets of the folder `data`."""
        self.squad = Source.of(read_set(data / "squad-train"))
        self.keys = sorted(self.squad.asked)
        self.squad2 = Source.of(read_set(data / "squad2-train", held_out=0))
        self.unanswerable = [one for one in self.squad2.data.train if not one.answers]

    def shares(self, passes: int) -> Iterator[tuple[str, Sequence[Asked]]]:
        """Yield seeds, and the questions that are drawn with each."""
        every = [*self.squad.data.train, *self.unanswerable]
        for one_pass in range(passes):
            order = random.Random(SEED + one_pass).sample(every, len(every))
            for at in range(0, len(order), _SHARE):
                yield f"{SEED} {one_pass} {at}", order[at : at + _SHARE]

    def made(self, share: tuple[str, Sequence[Asked]]) -> list[Claim]:
        """Return the claims of some questions."""
        seed, asked = share
        draw = random.Random(seed)
        return [
            claim
            for one in asked
            for claim in claims(one, self.squad if one.answers else self.squad2, self.keys, draw)
        ]

    def held(self) -> list[Claim]:
        """Return claims of articles that are not trained on, always the same."""
        asked = self.squad.data.held_out
        return self.made(("held", random.Random(SEED).sample(asked, min(_HELD, len(asked)))))


def of_marked(one: Marked, draw: random.Random, beside: Sequence[Evidence] = ()) -> Iterator[Claim]:
    """Yield the claims of marked sentences, on some sentences of their passages and on all.

    At times what is nearest is looked for `beside` them too.
    """
    told = lines_of(one.evidence)
    whole = evidence_text(told.all)
    fits = len(whole) <= _MOST_CHARACTERS
    sentences = [(list(written(marked)), True) for marked in one.true]
    sentences += [([(claim, "invented")], False) for claim in one.invented]
    for made, entailed in sentences:
        lines = lines_of((*one.evidence, *beside)) if draw.random() < _BESIDE else told
        first = made[0][0]
        close = nearest(lines.apart(first), lines.all, draw.choice(_LINES))
        near = evidence_text(close)
        for text in (near, whole) if fits and near != whole else (near,):
            for claim, kind in made:
                true = entailed and claim == first
                yield Claim(claim, text, true, kind, first if entailed else "")


def of_all(marked: Sequence[Marked]) -> Iterator[Claim]:
    """Yield the claims of a file of marked sentences, always the same."""
    draw = random.Random(SEED)
    for at, one in enumerate(marked):
        beside = [evidence for other in marked[at + 1 : at + 3] for evidence in other.evidence]
        yield from of_marked(one, draw, beside)


_squad: Squad | None = None


def _begin(data: Path) -> None:
    global _squad  # noqa: PLW0603 # a worker process reads the sets once
    _squad = Squad(data)


def _made(share: tuple[str, Sequence[Asked]]) -> list[Claim]:
    return _squad.made(share) if _squad else []


def main() -> None:
    """Make them as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m training.entailment_claims", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder of claims and checkpoints")
    parser.add_argument("--passes", type=int, default=1, help="how often SQuAD is gone through")
    parser.add_argument("--passages", type=Path, nargs="*", default=[], help="marked sentences")
    parser.add_argument("--held", type=Path, nargs="*", default=[], help="the same, not trained on")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    gathering = Gathering(plain_tokenizer(source_folder()))
    squad = Squad(given.data)
    with get_context("spawn").Pool(initializer=_begin, initargs=(given.data,)) as pool:
        for made in pool.imap(_made, squad.shares(given.passes)):
            gathering.add(made, "squad")
    gathering.add(squad.held(), "held squad")
    for paths, part in ((given.passages, "passages"), (given.held, "held passages")):
        for path in paths:
            gathering.add(of_all(read_marked(path)), part)
    gathering.claims().save(given.out / CLAIMS)


if __name__ == "__main__":
    main()
