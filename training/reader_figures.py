"""Figures that show how training goes, on articles that are never trained on."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from tokenizers import Tokenizer

from indexes.network import PairNetwork
from service.evaluate import token_f1
from service.figures import auroc
from service.read import best_pair
from training.reader_features import collate
from training.reader_mining import Miner
from training.reader_model import NOWHERE, ReaderModel, read
from training.reader_pairs import Pair, TrainingSet, pair
from training.sets import SEED

QUESTIONS: Final = 160
WRONG: Final = 5
ROWS: Final = 32


@dataclass(frozen=True, slots=True)
class Held:
    """A question's own pair, pairs with wrong paragraphs, and the texts of its answers."""

    own: Pair
    wrong: tuple[Pair, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of own paragraphs: `f1` of the span, share ranked `first`, `auroc` against the best wrong."""

    f1: float
    first: float
    auroc: float


@dataclass(frozen=True, slots=True)
class Validation:
    """Questions of articles held out, and what turns pairs into tokens."""

    held: tuple[Held, ...]
    tokenizer: Tokenizer

    @property
    def pairs(self) -> list[Pair]:
        """All pairs: each question's own, then its wrong ones."""
        return [one for held in self.held for one in (held.own, *held.wrong)]

    @classmethod
    def drawn(cls, data: TrainingSet, miner: Miner, tokenizer: Tokenizer) -> Self:
        """Draw questions with a fixed seed, and for each what retrieval ranks next to its own."""
        asked = random.Random(SEED).sample(data.held_out, min(QUESTIONS, len(data.held_out)))
        held = []
        for one, wrong in zip(asked, miner.wrong(asked), strict=True):
            own = data.paragraphs[one.paragraph]
            held.append(
                Held(
                    pair(one.question, own, one.answers, titled=True),
                    tuple(
                        pair(one.question, data.paragraphs[name], (), titled=True)
                        for name in wrong[:WRONG]
                    ),
                    tuple(span.cut(own.text) for span in one.answers),
                )
            )
        return cls(tuple(held), tokenizer)


@dataclass(frozen=True, slots=True)
class _Score:
    relevance: float
    answers: float
    answer: str


def validate(model: ReaderModel, validation: Validation) -> Figures:
    """Measure the model; it is left in training mode."""
    model.eval()
    found = _scores(model, validation.pairs, validation.tokenizer)
    model.train()
    return _figures(validation, found)


def validate_network(network: PairNetwork, validation: Validation) -> Figures:
    """Measure the network that was made of the model."""
    return _figures(validation, [_network_score(network, one) for one in validation.pairs])


def _figures(validation: Validation, found: Sequence[_Score]) -> Figures:
    f1s, firsts, yes, no = [], [], [], []
    at = 0
    for held in validation.held:
        own, *wrong = found[at : at + 1 + len(held.wrong)]
        at += 1 + len(held.wrong)
        f1s.append(max((token_f1(own.answer, text) for text in held.answers), default=0.0))
        firsts.append(all(own.relevance > one.relevance for one in wrong))
        yes.append(own.answers)
        no.extend([max(one.answers for one in wrong)] if wrong else [])
    area = auroc(yes, no)
    return Figures(sum(f1s) / len(f1s), sum(firsts) / len(firsts), 0.0 if area is None else area)


def _network_score(network: PairNetwork, one: Pair) -> _Score:
    (found,) = network.run(one.question, [one.text])
    inside = np.array([one.inside.start <= start < one.inside.end for start, _ in found.offsets])
    starts, ends = (np.where(inside, logits, NOWHERE) for logits in (found.starts, found.ends))
    first, last, _ = best_pair(starts, ends)
    text = one.text[found.offsets[first][0] : found.offsets[last][1]]
    return _Score(found.relevance, found.answers, text)


@torch.no_grad()
def _scores(model: ReaderModel, flat: Sequence[Pair], tokenizer: Tokenizer) -> list[_Score]:
    encoded = [tokenizer.encode(one.question, one.text) for one in flat]
    order = sorted(range(len(flat)), key=lambda row: len(encoded[row].ids))
    device = str(next(model.parameters()).device)
    scores: dict[int, _Score] = {}
    for start in range(0, len(order), ROWS):
        rows = order[start : start + ROWS]
        batch = collate([flat[row] for row in rows], [encoded[row] for row in rows], device)
        found = read(model, batch)
        for place, row in enumerate(rows):
            first, last, _ = best_pair(*found.span[place].T.cpu().numpy())
            offsets = encoded[row].offsets
            text = flat[row].text[offsets[first][0] : offsets[last][1]]
            scores[row] = _Score(float(found.relevance[place]), float(found.answers[place]), text)
    return [scores[row] for row in range(len(flat))]
