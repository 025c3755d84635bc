"""A tiny reader with random weights, as a folder of PyTorch weights and as a compiled network."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from indexes.documents import Span
from indexes.encoder import FOLDER
from training.encoder import plain_tokenizer, write_network
from training.reader_model import ReaderModel
from training.reader_network import converted, samples_of
from training.reader_pairs import Pair

MAX_TOKENS = 64


def tokenizer() -> Tokenizer:
    """Return the bundled encoder's tokenizer without truncation and padding."""
    return plain_tokenizer(FOLDER)


def write_weights(folder: Path, layers: int = 1) -> Path:
    """Write a BERT of some layers and 32 dimensions, its tokenizer beside it."""
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=tokenizer().get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
    )
    model = BertModel(config, add_pooling_layer=False)
    for module in model.modules():
        # A norm that changes nothing would not be seen in the network that is made of it.
        if isinstance(module, torch.nn.LayerNorm):
            torch.nn.init.normal_(module.weight, 1.0, 0.1)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def write_small_reader(folder: Path, layers: int = 1) -> ReaderModel:
    """Write the network of a tiny reader into `folder` and return the model it was made of."""
    model = ReaderModel(write_weights(folder / "weights", layers)).eval()
    pair = Pair("When was it lit?", "The lamp was lit in 1859.", Span(0, 25))
    network = converted(model, samples_of([pair], tokenizer())[0])
    about = {"name": "small-reader", "dimension": 32, "max_tokens": MAX_TOKENS}
    write_network(folder, network, tokenizer(), about)
    return model
