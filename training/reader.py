"""Train the reader: one small transformer that weighs a question and a chunk together.

`python -m training.reader --data DATA --out OUT [--resume] [--minutes N]` trains on two cores or a
GPU and writes OUT/reader.pt. Training runs at an even rate and ends with a part in which the rate
falls to nothing; the state before that part stays in OUT/even.pt, so that `--resume` goes on from
there with new questions. Without --minutes the questions of both parts are counted as given.
"""

import argparse
import dataclasses
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict, cast

import torch
from tokenizers import Tokenizer

from training.encoder import plain_tokenizer, source_folder
from training.reader_features import collate
from training.reader_figures import Validation, validate, validate_network
from training.reader_mining import Miner
from training.reader_model import ReaderModel, answers_loss, rank_loss, read, span_loss
from training.reader_network import write_reader
from training.reader_pairs import Asked, Pair, TrainingSet, pairs, read_set
from training.sets import SEED

MAX_TOKENS: Final = 288
QUESTIONS_A_STEP: Final = 16
# For so many questions there is one more of SQuAD 2.0, where about half cannot be answered.
MIXED_IN: Final = 8
BLOCK: Final = 1024
# Rows of alike lengths run together, so that little is padding.
MICRO_BATCHES: Final = 3
RATE: Final = 1e-4
HEAD_RATE: Final = 4e-4
WEIGHT_DECAY: Final = 0.01
WARM_UP: Final = 100
FALLING: Final = 0.25
CHECK_EVERY: Final = 4096
SAVE_EVERY: Final = 1024
CALIBRATION: Final = 120


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train: questions at an even rate, then with a falling one; seconds bound both."""

    even: int
    falling: int
    seconds: float | None


class State(TypedDict):
    """What a checkpoint holds; `position` counts the questions trained on."""

    model: dict[str, torch.Tensor]
    optimiser: dict[str, object]
    position: int


class Trainer:
    """Holds model, optimiser and how many questions were trained on."""

    def __init__(self, data: Path, out: Path, source: Path, device: str) -> None:
        """Read the data and start from the weights in `source`."""
        self.device = device
        # Left to itself, torch takes one thread for two logical cores, which is half as fast here.
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.out = out
        self.squad = read_set(data / "squad-train")
        self.squad2 = read_set(data / "squad2-train", held_out=0)
        self.tokenizer: Tokenizer = plain_tokenizer(source)
        self.tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
        self.miner = Miner(data / "squad-train" / "corpus.jsonl.gz", out)
        torch.manual_seed(SEED)
        self.model = ReaderModel(source).to(device)
        heads = (self.model.dense, self.model.pair, self.model.place)
        body = [one for one in self.model.bert.parameters() if one.requires_grad]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": body, "lr": RATE},
                {"params": [one for head in heads for one in head.parameters()], "lr": HEAD_RATE},
            ],
            weight_decay=WEIGHT_DECAY,
        )
        self._rates = [RATE, HEAD_RATE]
        self.position = 0

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = cast("State", torch.load(path, map_location=self.device, weights_only=True))
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.position = state["position"]

    def save(self, path: Path, *, whole: bool = True) -> None:
        """Write a checkpoint beside and put it in place; not `whole` leaves the optimiser out."""
        state: dict[str, object] = {"model": self.model.state_dict(), "position": self.position}
        if whole:
            state["optimiser"] = self.optimiser.state_dict()
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def questions(self) -> Iterator[list[tuple[Asked, Sequence[str], TrainingSet]]]:
        """Yield the questions of each step, from the position on, for ever; passes are shuffled."""
        step = QUESTIONS_A_STEP
        while True:
            one_pass, start = divmod(self.position, len(self.squad.train))
            order = random.Random(SEED + one_pass).sample(self.squad.train, len(self.squad.train))
            for at in range(start - start % BLOCK, len(order), BLOCK):
                block = order[at : at + BLOCK]
                wrong = self.miner.wrong(block)
                first = max(0, start - at)
                for row in range(first, len(block), step):
                    yield [
                        (one, names, self.squad)
                        for one, names in zip(
                            block[row : row + step], wrong[row : row + step], strict=True
                        )
                    ]
            # What is left of a pass is less than a step; the next one starts where it should.
            self.position = (one_pass + 1) * len(self.squad.train)

    def step(
        self, asked: Sequence[tuple[Asked, Sequence[str], TrainingSet]], factor: float
    ) -> dict[str, float]:
        """Train on the questions of one step; the rates are times `factor`."""
        # Drawn anew at each step, so that a training that goes on does as one that never stopped.
        draw = random.Random(f"{SEED} {self.position}")
        torch.manual_seed(draw.getrandbits(63))
        mixed = [
            (one, (), self.squad2)
            for one in draw.sample(self.squad2.train, max(1, len(asked) // MIXED_IN))
        ]
        made = [list(pairs(one, data, wrong, draw)) for one, wrong, data in (*asked, *mixed)]
        losses = self._loss(made)
        total = torch.stack(list(losses.values())).sum()
        warm = min(1.0, (self.position / QUESTIONS_A_STEP + 1) / WARM_UP)
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor * warm
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.position += len(asked)
        return {name: float(loss.detach()) for name, loss in losses.items()} | {
            "pairs": float(sum(map(len, made)))
        }

    def calibration_pairs(self) -> list[Pair]:
        """Draw right and wrong pairs by which the range of activations is measured."""
        draw = random.Random(SEED)
        asked = draw.sample(self.squad.train, min(CALIBRATION, len(self.squad.train)))
        return [
            made
            for one, wrong in zip(asked, self.miner.wrong(asked), strict=True)
            for made in pairs(one, self.squad, wrong, draw)
        ]

    def _loss(self, made: Sequence[Sequence[Pair]]) -> dict[str, torch.Tensor]:
        flat = [one for group in made for one in group]
        encoded = [self.tokenizer.encode(one.question, one.text) for one in flat]
        order = sorted(range(len(flat)), key=lambda row: len(encoded[row].ids))
        size = -(-len(order) // MICRO_BATCHES)
        relevance: dict[int, torch.Tensor] = {}
        answers, targets, spans = [], [], []
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            batch = collate(
                [flat[row] for row in rows], [encoded[row] for row in rows], self.device
            )
            found = read(self.model, batch)
            relevance |= dict(zip(rows, found.relevance, strict=True))
            answers.append(found.answers)
            targets.append(batch.answers)
            spans.append((span_loss(found, batch), int(batch.starts.any(1).sum())))
        answered = sum(count for _, count in spans) or 1
        return {
            "rank": rank_loss(
                torch.stack([relevance[row] for row in range(len(flat))]), groups(made)
            ),
            "answers": answers_loss(torch.cat(answers), torch.cat(targets)),
            "span": torch.stack([loss * count / answered for loss, count in spans]).sum(),
        }


def groups(made: Sequence[Sequence[Pair]]) -> list[list[int]]:
    """Return the places of the ranked pairs of each question that has one to compare with."""
    found, at = [], 0
    for group in made:
        ranked = [at + row for row, one in enumerate(group) if one.ranked]
        if len(ranked) > 1:
            found.append(ranked)
        at += len(group)
    return found


def train(trainer: Trainer, plan: Plan, validation: Validation) -> None:
    """Train as planned, saving on the way; what is written last is `reader.pt`."""
    began, first = time.monotonic(), trainer.position
    falling_from: int | None = None
    falling = plan.falling
    checked = saved = logged = trainer.position
    sums: dict[str, float] = {}
    for asked in trainer.questions():
        spent = time.monotonic() - began
        late = plan.seconds is not None and spent > plan.seconds * (1 - FALLING)
        if falling_from is None and (trainer.position >= first + plan.even or late):
            falling_from = trainer.position
            if plan.seconds is not None:
                falling = round((falling_from - first) * FALLING / (1 - FALLING))
            trainer.save(trainer.out / "even.pt")
            tell(trainer, began, {"falling": float(falling)})
        left = 1.0
        if falling_from is not None:
            done = trainer.position - falling_from
            if done >= falling:
                break
            left -= done / falling
        losses = trainer.step(asked, left)
        sums = {name: sums.get(name, 0.0) + value for name, value in losses.items()}
        if trainer.position - logged >= BLOCK:
            steps = (trainer.position - logged) / QUESTIONS_A_STEP
            tell(trainer, began, {name: value / steps for name, value in sums.items()})
            logged, sums = trainer.position, {}
        if falling_from is None and trainer.position - saved >= SAVE_EVERY:
            trainer.save(trainer.out / "even.pt")
            saved = trainer.position
        if trainer.position - checked >= CHECK_EVERY:
            tell(trainer, began, dataclasses.asdict(validate(trainer.model, validation)))
            checked = trainer.position
    trainer.save(trainer.out / "reader.pt", whole=False)
    tell(trainer, began, dataclasses.asdict(validate(trainer.model, validation)))


def tell(trainer: Trainer, began: float, values: dict[str, float]) -> None:
    """Print a line of figures."""
    rounded = {name: round(value, 4) for name, value in values.items()}
    seconds = round(time.monotonic() - began)
    print(json.dumps({"questions": trainer.position, "seconds": seconds} | rounded), flush=True)


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m training.reader", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints and work")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/even.pt")
    parser.add_argument("--minutes", type=float, help="end after so many, the falling part too")
    parser.add_argument("--even", type=int, default=10**9, help="questions at an even rate")
    parser.add_argument("--falling", type=int, default=16384, help="questions at a falling rate")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(
        given.data, given.out, source_folder(), "cuda" if torch.cuda.is_available() else "cpu"
    )
    checkpoint = given.out / "even.pt"
    if given.resume and checkpoint.exists():
        trainer.load(checkpoint)
    elif checkpoint.exists():
        sys.exit(f"{checkpoint} is there: add --resume to go on from it, or remove it.")
    plan = Plan(given.even, given.falling, given.minutes * 60 if given.minutes else None)
    trainer.model.train()
    validation = Validation.drawn(trainer.squad, trainer.miner, trainer.tokenizer)
    train(trainer, plan, validation)
    network = write_reader(
        trainer.model,
        trainer.tokenizer,
        trainer.calibration_pairs(),
        given.out / "network",
        {"questions": trainer.position},
    )
    print(json.dumps({"int8": dataclasses.asdict(validate_network(network, validation))}))


if __name__ == "__main__":
    main()
