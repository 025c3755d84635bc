"""Train the reader: one small transformer that weighs a question and a chunk together.

`python -m training.reader --data DATA --out OUT [--resume] [--minutes N]` trains on two cores or a
GPU and writes OUT/reader.pt. Training runs at an even rate and ends with a part in which the rate
falls to nothing; the state before that part stays in OUT/even.pt, so that `--resume` goes on from
there with new questions. Without --minutes the questions of both parts are counted as given.
"""

import dataclasses
import json
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer

from training.encoder import plain_tokenizer, source_folder
from training.loop import (
    BLOCK,
    MICRO_BATCHES,
    QUESTIONS_A_STEP,
    Descent,
    Part,
    Training,
    begin,
    parser,
    train,
)
from training.reader_features import collate
from training.reader_figures import Validation, validate, validate_network
from training.reader_mining import Miner
from training.reader_model import ReaderModel, answers_loss, rank_loss, read, span_loss
from training.reader_network import write_reader
from training.reader_pairs import Asked, Pair, TrainingSet, pairs, read_set
from training.sets import SEED

MAX_TOKENS: Final = 288
# For so many questions there is one more of SQuAD 2.0, where about half cannot be answered.
MIXED_IN: Final = 8
RATE: Final = 1e-4
HEAD_RATE: Final = 4e-4
CALIBRATION: Final = 120


Questions = list[tuple[Asked, Sequence[str], TrainingSet]]
"""Questions of a step, each with wrong paragraphs and the set that it comes from."""


class Trainer:
    """Holds the model, and what it is trained on."""

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
        self.descent = Descent(
            self.model, [Part([self.model.bert], RATE), Part(heads, HEAD_RATE)], device
        )

    def questions(self) -> Iterator[Questions]:
        """Yield the questions of each step, from the position on, for ever; passes are shuffled."""
        step = QUESTIONS_A_STEP
        while True:
            one_pass, start = divmod(self.descent.position, len(self.squad.train))
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
            self.descent.position = (one_pass + 1) * len(self.squad.train)

    def step(self, asked: Questions, factor: float) -> dict[str, float]:
        """Train on the questions of one step; the rates are times `factor`."""
        # Drawn anew at each step, so that a training that goes on does as one that never stopped.
        draw = random.Random(f"{SEED} {self.descent.position}")
        torch.manual_seed(draw.getrandbits(63))
        mixed = [
            (one, (), self.squad2)
            for one in draw.sample(self.squad2.train, max(1, len(asked) // MIXED_IN))
        ]
        made = [list(pairs(one, data, wrong, draw)) for one, wrong, data in (*asked, *mixed)]
        losses = self._loss(made)
        told = self.descent.step(losses, factor, len(asked))
        return told | {"pairs": float(sum(map(len, made)))}

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


def training(trainer: Trainer, validation: Validation) -> Training[Questions]:
    """Return how the reader is trained."""
    return Training(
        trainer.descent,
        trainer.questions,
        trainer.step,
        lambda: dataclasses.asdict(validate(trainer.model, validation)),
        trainer.out,
        "reader.pt",
    )


def main() -> None:
    """Train as the command line says."""
    asking = parser("python -m training.reader", __doc__)
    asking.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    given = asking.parse_args()
    trainer = Trainer(
        given.data, given.out, source_folder(), "cuda" if torch.cuda.is_available() else "cpu"
    )
    plan = begin(trainer.descent, given)
    trainer.model.train()
    validation = Validation.drawn(trainer.squad, trainer.miner, trainer.tokenizer)
    train(training(trainer, validation), plan)
    network = write_reader(
        trainer.model,
        trainer.tokenizer,
        trainer.calibration_pairs(),
        given.out / "network",
        {"questions": trainer.descent.position},
    )
    print(json.dumps({"int8": dataclasses.asdict(validate_network(network, validation))}))


if __name__ == "__main__":
    main()
