"""Train the entailment network: whether a text bears out a claim.

`python -m training.entailment --out OUT --claims CLAIMS [--start FILE] [--resume] [--minutes N]`
trains layers on top of a reader's embeddings, from the weights in FILE on if it is given, and
writes OUT/entailment.pt. It takes CLAIMS/claims.npz (of `training.entailment_claims`), and the
reader's weights and configuration, CLAIMS/reader.pt and CLAIMS/config.json (of
`training.reader_weights`), and nothing else but PyTorch and transformers, so that it runs where
only these are. `training.entailment_network` makes an int8 network of the weights.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from training.claims import CLAIMS, PARTS, Claims
from training.entailment_model import EntailmentModel, Lower
from training.loop import Descent, Part, Training, begin, parser, train
from training.reader_model import ReaderModel

MAX_TOKENS: Final = 256
CLS: Final = 101
SEP: Final = 102
RATE: Final = 2e-4
HEAD_RATE: Final = 4e-4
# Wrong claims are more than true ones.
TRUE_WEIGHT: Final = 1.8
# Of so many true claims and what was made of each is a step.
SQUAD_GROUPS: Final = 32
PASSAGE_GROUPS: Final = 64
# Rows of alike lengths run together, so that little is padding.
MICRO_BATCHES: Final = 4
SEED: Final = 20260101

Rows = npt.NDArray[np.int64]


class Trainer:
    """Holds both parts of the network, and what it is trained on."""

    def __init__(self, claims: Claims, reader: ReaderModel, device: str) -> None:
        """Start from the weights of `reader`, whose embeddings stay as they are."""
        self.device = device
        self.lower = Lower(reader).to(device)
        self.model = EntailmentModel(reader).to(device)
        self.descent = Descent(
            self.model,
            [
                Part([self.model.encoder], RATE),
                Part([self.model.dense, self.model.entails], HEAD_RATE),
            ],
            device,
        )
        self.data = claims
        self._tokens = torch.from_numpy(claims.tokens.astype(np.int32)).to(device)
        self._squad = self._groups("squad")
        self._passages = self._groups("passages")

    def _groups(self, part: str) -> list[Rows]:
        rows = self.rows(part)
        rows = rows[np.argsort(self.data.group[rows], kind="stable")]
        return np.split(rows, np.flatnonzero(np.diff(self.data.group[rows])) + 1)

    def rows(self, part: str) -> Rows:
        """Return the claims of a part."""
        return np.flatnonzero(self.data.part == PARTS.index(part))

    def steps(self) -> Iterator[Rows]:
        """Yield the claims of each step, from the position on, for ever; passes are shuffled."""
        drawn = [_shuffled(self._squad, SQUAD_GROUPS, self.descent.position)]
        if len(self._passages) >= PASSAGE_GROUPS:
            at = self.descent.position // SQUAD_GROUPS * PASSAGE_GROUPS
            drawn.append(_shuffled(self._passages, PASSAGE_GROUPS, at))
        for groups in zip(*drawn, strict=True):
            yield np.concatenate([rows for some in groups for rows in some])

    def training(self, out: Path) -> Training[Rows]:
        """Return what is trained, its weights going to `out`/entailment.pt."""
        return Training(self.descent, self.steps, self.step, self.figures, out, "entailment.pt")

    def step(self, rows: Rows, factor: float) -> dict[str, float]:
        """Train on some claims; the rates are times `factor`."""
        rows = rows[np.argsort(self._lengths(rows), kind="stable")]
        logits = self.logits(rows, -(-len(rows) // MICRO_BATCHES))
        entailed = torch.from_numpy(self.data.entailed[rows]).float().to(self.device)
        weight = torch.tensor(TRUE_WEIGHT, device=self.device)
        losses = {
            "entailed": functional.binary_cross_entropy_with_logits(
                logits, entailed, pos_weight=weight
            ),
            "order": order_loss(logits, self.data.entailed[rows], self.data.group[rows]),
        }
        return self.descent.step(losses, factor, SQUAD_GROUPS)

    def logits(self, rows: Rows, size: int) -> torch.Tensor:
        """Return the logits of claims, shape (claims,); so many as `size` run together."""
        found = list[torch.Tensor]()
        for start in range(0, len(rows), size):
            inputs = self.inputs(rows[start : start + size])
            with torch.autocast(self.device, torch.bfloat16):
                states = self.lower(**inputs)
                found.append(self.model(states, inputs["attention_mask"])[:, 0].float())
        return torch.cat(found)

    def inputs(self, rows: Rows) -> dict[str, torch.Tensor]:
        """Return what the network takes in for claims, each with its evidence, shape (rows, n).

        What is over `MAX_TOKENS` is cut from the evidence's end.
        """
        begins = self.data.starts
        claim, evidence = self.data.claim[rows], self.data.evidence[rows]
        mine = np.minimum(begins[claim + 1] - begins[claim], MAX_TOKENS // 2)
        theirs = np.minimum(begins[evidence + 1] - begins[evidence], MAX_TOKENS - 3 - mine)
        first, second, start, other = (
            torch.from_numpy(one.astype(np.int64)).to(self.device)[:, None]
            for one in (mine, theirs, begins[claim], begins[evidence])
        )
        at = torch.arange(int((mine + theirs).max()) + 3, device=self.device)[None]
        behind = at - first - 2
        own = self._tokens[(start + at - 1).clamp(0, len(self._tokens) - 1)]
        text = self._tokens[(other + behind).clamp(0, len(self._tokens) - 1)]
        ids = torch.where(at <= first, own, text)
        ids = torch.where((at == first + 1) | (behind == second), SEP, ids)
        ids = torch.where(at == 0, CLS, ids)
        inside = behind <= second
        return {
            "input_ids": torch.where(inside, ids, 0).long(),
            "attention_mask": inside.long(),
            "token_type_ids": ((behind >= 0) & inside).long(),
        }

    def _lengths(self, rows: Rows) -> Rows:
        begins, texts = self.data.starts, (self.data.claim[rows], self.data.evidence[rows])
        return sum((begins[one + 1] - begins[one] for one in texts), np.zeros(len(rows), np.int64))

    def figures(self) -> dict[str, float]:
        """Return for each kind of wrong claim how often a true one has the higher logit (AUROC)."""
        self.model.eval()
        with torch.no_grad():
            found = self.figures_of(lambda rows: self.logits(rows, 64).cpu().numpy())
        self.model.train()
        return found

    def figures_of(self, logits: Callable[[Rows], npt.NDArray[np.float32]]) -> dict[str, float]:
        """Return the same of what gives the logits of claims by their rows."""
        found: dict[str, float] = {}
        for part in ("held squad", "held passages"):
            rows = self.rows(part)
            if len(rows):
                rows = rows[np.argsort(self._lengths(rows), kind="stable")]
                kinds = [self.data.kinds[one] for one in self.data.kind[rows]]
                told = by_kind(logits(rows), self.data.entailed[rows], kinds)
                found |= {f"{part}: {kind}": value for kind, value in told.items()}
        return found


def _shuffled(groups: Sequence[Rows], size: int, position: int) -> Iterator[list[Rows]]:
    """Yield so many groups at a time, from a position on, for ever; each pass in its own order."""
    whole = len(groups) // size * size or len(groups)
    while True:
        one_pass, start = divmod(position, whole)
        order = np.random.default_rng(SEED + one_pass).permutation(len(groups))
        for at in range(start, whole, size):
            yield [groups[one] for one in order[at : at + size]]
            position += size


def order_loss(
    logits: torch.Tensor, entailed: npt.NDArray[np.bool_], group: npt.NDArray[np.int32]
) -> torch.Tensor:
    """Return minus the mean log probability that true claims come before wrong ones of a group.

    `logits` (claims,), and so the others.
    """
    true, wrong = np.flatnonzero(entailed), np.flatnonzero(~entailed)
    above, below = np.nonzero(group[true][:, None] == group[wrong][None])
    if not len(above):
        return logits.sum() * 0
    one, other = (
        torch.from_numpy(rows[found]).to(logits.device)
        for rows, found in ((true, above), (wrong, below))
    )
    return functional.softplus(logits[other] - logits[one]).mean()


def by_kind(
    logits: npt.NDArray[np.float32], entailed: npt.NDArray[np.bool_], kinds: Sequence[str]
) -> dict[str, float]:
    """Return the AUROC of the true claims against each kind of wrong ones, and `all` of them."""
    true = logits[entailed].tolist()
    wrong: dict[str, list[float]] = {}
    for kind, logit, right in zip(kinds, logits.tolist(), entailed.tolist(), strict=True):
        if not right:
            wrong.setdefault(kind, []).append(logit)
    found = {kind: auroc(true, some) for kind, some in sorted(wrong.items())}
    return found | {"all": auroc(true, [logit for some in wrong.values() for logit in some])}


def auroc(true: Sequence[float], wrong: Sequence[float]) -> float:
    """Return the share of pairs in which the true one is higher; an even pair counts half."""
    if not true or not wrong:
        return float("nan")
    one, other = np.array(true)[:, None], np.array(wrong)[None]
    return float((one > other).mean() + (one == other).mean() / 2)


def started(out: Path, weights: Mapping[str, torch.Tensor], device: str) -> Trainer:
    """Return a trainer on the claims and with the reader's configuration in the folder `out`."""
    return Trainer(Claims.load(out / CLAIMS), ReaderModel(out, weights), device)


def main() -> None:
    """Train as the command line says."""
    asking = parser("python -m training.entailment", __doc__)
    asking.add_argument("--claims", type=Path, required=True, help="folder of claims and reader")
    asking.add_argument("--start", type=Path, help="weights to start from")
    given = asking.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = torch.load(given.claims / "reader.pt", weights_only=True)
    reader = {name: one.float() for name, one in weights.items()}
    trainer = started(given.claims, reader, device)
    if given.start:
        trainer.model.load_state_dict(torch.load(given.start, weights_only=True)["model"])
    plan = begin(trainer.descent, given)
    trainer.model.train()
    train(trainer.training(given.out), plan)


if __name__ == "__main__":
    main()
