"""The entailment network: the reader's embeddings as they are, layers of its own, and a head."""

import torch

from training.reader_model import ReaderModel


class EntailmentModel(torch.nn.Module):
    """Gives the logit of a text to entail a claim, from the embeddings of both."""

    def __init__(self, reader: ReaderModel) -> None:
        """Start from a reader's layers and its head for whether a text answers."""
        super().__init__()
        self.encoder = reader.bert.encoder
        size = reader.bert.config.hidden_size
        self.dense = torch.nn.Linear(size, size)
        self.dense.load_state_dict(reader.dense.state_dict())
        self.entails = torch.nn.Linear(size, 1)
        with torch.no_grad():
            self.entails.weight.copy_(reader.pair.weight[1:])
            self.entails.bias.copy_(reader.pair.bias[1:])

    def forward(self, states: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return logits (pairs, 1) from `states` (pairs, tokens, size) and mask (pairs, tokens)."""
        # Every token looks at every token but padding.
        mask = (1.0 - attention_mask[:, None, None, :].to(states.dtype)) * torch.finfo(
            states.dtype
        ).min
        for layer in self.encoder.layer:
            states = layer(states, mask)
        logits: torch.Tensor = self.entails(torch.tanh(self.dense(states[:, 0])))
        return logits


class Lower(torch.nn.Module):
    """The embeddings of a reader, which stay as they are: tables of the size of all the layers."""

    def __init__(self, reader: ReaderModel) -> None:
        """Share the weights of `reader`."""
        super().__init__()
        self.embeddings = reader.bert.embeddings
        self.requires_grad_(False)
        self.eval()

    @torch.no_grad()
    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """Return states (pairs, tokens, size); what is masked has some too."""
        del attention_mask
        states: torch.Tensor = self.embeddings(input_ids=input_ids, token_type_ids=token_type_ids)
        return states
