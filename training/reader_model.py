"""The reader's network: one BERT over question and chunk, and three heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional
from transformers import BertConfig, BertModel

# A masked place gets this logit: its probability is 0 in bf16 too, and no sum becomes infinite.
NOWHERE: Final = -1e4


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of question and chunk as tensors of shape (pairs, tokens); `inside` marks the span.

    `starts` and `ends` mark every place where an answer starts or ends, none in a pair without
    one; `answers` (pairs,) is 1 where the chunk answers the question.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    token_type_ids: torch.Tensor
    inside: torch.Tensor
    starts: torch.Tensor
    ends: torch.Tensor
    answers: torch.Tensor


@dataclass(frozen=True, slots=True)
class Read:
    """Logits: `relevance` and `answers` (pairs,), `span` (pairs, tokens, 2) for start and end."""

    relevance: torch.Tensor
    answers: torch.Tensor
    span: torch.Tensor


class ReaderModel(torch.nn.Module):
    """Gives a pair's relevance, whether the chunk answers, and where its evidence is."""

    def __init__(self, folder: Path, weights: Mapping[str, torch.Tensor] | None = None) -> None:
        """Load BERT from `folder`; the heads are new. With `weights`, all are these."""
        super().__init__()
        # No question is met often enough to be learnt by heart, so nothing is dropped at random;
        # without that, plain attention is the fastest way back on a CPU (1.8 times both ways).
        config = BertConfig.from_pretrained(
            folder,
            attn_implementation="eager",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        if weights is None:
            self.bert = BertModel.from_pretrained(folder, config=config, add_pooling_layer=False)
        else:
            self.bert = BertModel(config, add_pooling_layer=False)
        # Words that training never meets must stay where pre-training put them.
        self.bert.embeddings.word_embeddings.weight.requires_grad_(False)
        size = self.bert.config.hidden_size
        self.dense = torch.nn.Linear(size, size)
        self.pair = torch.nn.Linear(size, 2)
        self.place = torch.nn.Linear(size, 2)
        if weights is not None:
            self.load_state_dict(dict(weights))

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (relevance, answers) of shape (pairs, 2) and (start, end) (pairs, tokens, 2)."""
        states = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        whole = torch.tanh(self.dense(states[:, 0]))
        return self.pair(whole), self.place(states)


def read(model: ReaderModel, batch: Batch) -> Read:
    """Run a batch, in bfloat16 where that is safe; the logits are float32, masked to `inside`."""
    with torch.autocast(batch.input_ids.device.type, torch.bfloat16):
        pair, place = model(batch.input_ids, batch.attention_mask, batch.token_type_ids)
    place = place.float().masked_fill(~batch.inside.unsqueeze(-1), NOWHERE)
    pair = pair.float()
    return Read(pair[:, 0], pair[:, 1], place)


def span_loss(found: Read, batch: Batch) -> torch.Tensor:
    """Return minus the log probability of a right start and end, a mean of answered pairs."""
    rows = batch.starts.any(1)
    if not rows.any():
        return found.span.sum() * 0
    losses = [
        torch.logsumexp(found.span[rows, :, side], 1)
        - torch.logsumexp(found.span[rows, :, side].masked_fill(~marks[rows], NOWHERE), 1)
        for side, marks in enumerate((batch.starts, batch.ends))
    ]
    return (losses[0] + losses[1]).mean() / 2


def answers_loss(logits: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy of `logits` (pairs,) against `answers` (pairs,)."""
    return functional.binary_cross_entropy_with_logits(logits, answers)


def rank_loss(relevance: torch.Tensor, groups: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return the mean over `groups` of minus the log of the share that its first pair gets.

    A group holds positions in `relevance`: the right chunk of a question, then wrong ones.
    """
    if not groups:
        return relevance.sum() * 0
    losses = [torch.logsumexp(relevance[list(one)], 0) - relevance[one[0]] for one in groups]
    return torch.stack(losses).mean()
