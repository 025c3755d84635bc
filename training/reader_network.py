"""From the reader's PyTorch weights to an int8 network that the service compiles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer

from indexes.network import Inputs, PairNetwork, import_openvino
from training.encoder import SOURCE_SHA256, quantised, write_network
from training.reader_features import collate
from training.reader_model import ReaderModel
from training.reader_pairs import Pair
from training.smoothing import smooth

NAME: Final = "afterword-reader-int8"
# Chunks have up to 256 tokens; the rest is room for a question.
MAX_TOKENS: Final = 320
_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")


def samples_of(pairs: Sequence[Pair], tokenizer: Tokenizer) -> list[Inputs]:
    """Return the network's inputs for each pair, as int64 arrays of shape (1, tokens)."""
    samples: list[Inputs] = []
    for one in pairs:
        batch = collate([one], [tokenizer.encode(one.question, one.text)], "cpu")
        samples.append({name: getattr(batch, name).numpy() for name in _INPUTS})
    return samples


def write_reader(
    model: ReaderModel,
    tokenizer: Tokenizer,
    pairs: Sequence[Pair],
    folder: Path,
    about: Mapping[str, object],
) -> PairNetwork:
    """Quantise `model`, calibrated on `pairs`, write it into `folder` and return it compiled.

    The model's weights are rescaled on the way, so it is of no use for training afterwards.
    """
    samples = samples_of(pairs, tokenizer)
    model.cpu().eval()
    smooth(model.bert, [{name: torch.from_numpy(x) for name, x in one.items()} for one in samples])
    network = quantised(converted(model, samples[0]), samples)
    tokenizer.no_truncation()
    known = {
        "name": NAME,
        "dimension": model.bert.config.hidden_size,
        "max_tokens": MAX_TOKENS,
        "source": "sentence-transformers/all-MiniLM-L6-v2",
        "source_sha256": SOURCE_SHA256,
    }
    write_network(folder, network, tokenizer, {**known, **about})
    return PairNetwork(folder)


def converted(model: ReaderModel, sample: Inputs) -> Any:
    """Return the model as a network with inputs of any shape and outputs `pair` and `place`."""
    openvino = import_openvino()
    # Attention as one operation is what the compiler knows best.
    model.bert.set_attn_implementation("sdpa")
    network = openvino.convert_model(
        model,
        example_input={name: torch.from_numpy(values) for name, values in sample.items()},
        input=[(name, [-1, -1]) for name in _INPUTS],
    )
    for output, name in zip(network.outputs, ("pair", "place"), strict=True):
        output.get_tensor().set_names({name})
    return network
