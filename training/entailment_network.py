"""From the entailment network's PyTorch weights to an int8 network that stands on the reader's.

`python -m training.entailment_network --claims CLAIMS --out OUT [--reader FOLDER]` makes
OUT/network of OUT/entailment.pt, and prints how well the network and its original tell claims of
CLAIMS that neither was trained on.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from indexes.network import (
    NETWORK,
    WEIGHTS,
    EntailmentNetwork,
    Inputs,
    import_openvino,
    load_manifest,
)
from service.readers import FOLDER
from training.claims import PARTS, Claims
from training.encoder import plain_tokenizer, quantised, source_folder
from training.entailment import SEED, Rows, Trainer, started
from training.entailment_model import EntailmentModel, Lower
from training.manifest import write_manifest
from training.reader_weights import reader_weights
from training.smoothing import smooth

NAME: Final = "afterword-entailment-int8"
_CALIBRATION: Final = 150
# What the reader's network works out last of what it shares, as OpenVINO calls it.
_BELOW: Final = "__module.bert.embeddings.LayerNorm/aten::layer_norm/Add"
_MASK: Final = "attention_mask"


def write_entailment(
    model: EntailmentModel, lower: Lower, samples: Sequence[Inputs], folder: Path, below: Path
) -> EntailmentNetwork:
    """Quantise `model`, calibrated on `samples`, and write it into `folder`, compiled as returned.

    It stands on the reader of the folder `below`. Its weights are rescaled on the way, so the model
    is of no use for training afterwards.
    """
    tensors = [{name: torch.from_numpy(x) for name, x in one.items()} for one in samples]
    states = [{"states": lower(**one), _MASK: one[_MASK]} for one in tensors]
    model.cpu().eval()
    smooth(model, states)
    arrays = [{name: x.numpy() for name, x in one.items()} for one in states]
    network = quantised(converted(model, states[0]), arrays)
    folder.mkdir(parents=True, exist_ok=True)
    named(network)
    import_openvino().save_model(network, folder / NETWORK, compress_to_fp16=False)
    reader = load_manifest(below)
    about = {
        "name": NAME,
        "dimension": reader.dimension,
        "max_tokens": reader.max_tokens,
        "below": reader.files[WEIGHTS],
    }
    write_manifest(folder, about, (NETWORK, WEIGHTS))
    return EntailmentNetwork(folder, below)


def converted(model: EntailmentModel, sample: Mapping[str, torch.Tensor]) -> Any:
    """Return the model as a network with inputs of any shape."""
    size = sample["states"].shape[-1]
    return import_openvino().convert_model(
        model,
        example_input=dict(sample),
        input=[("states", [-1, -1, size]), (_MASK, [-1, -1])],
    )


def named(network: Any) -> None:
    """Name what the network takes in as the reader's network names what it works out."""
    for taken in network.get_parameters():
        if "states" in taken.output(0).get_names():
            taken.set_friendly_name(_BELOW)


def samples(trainer: Trainer) -> list[Inputs]:
    """Return what the network takes in for some claims that it was trained on, one each."""
    rows = np.flatnonzero(trainer.data.part <= PARTS.index("passages"))
    drawn = np.random.default_rng(SEED).choice(rows, min(_CALIBRATION, len(rows)), replace=False)
    return [
        {name: one.numpy() for name, one in trainer.inputs(np.array([row])).items()}
        for row in drawn
    ]


def said_of(
    network: EntailmentNetwork, claims: Claims, tokenizer: Tokenizer, rows: Rows
) -> npt.NDArray[np.float32]:
    """Return the logits that a compiled network gives claims."""

    def text(number: int) -> str:
        start, end = claims.starts[number : number + 2]
        found: str = tokenizer.decode(claims.tokens[start:end].tolist())
        return found

    return np.array(
        [
            network.run(text(claims.claim[row]), [text(claims.evidence[row])])[0]
            for row in rows.tolist()
        ],
        np.float32,
    )


def main() -> None:
    """Make the network as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m training.entailment_network", description=__doc__
    )
    parser.add_argument("--claims", type=Path, required=True, help="folder of the claims")
    parser.add_argument("--out", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--reader", type=Path, default=FOLDER, help="folder of the reader")
    given = parser.parse_args()
    trainer = started(given.claims, reader_weights(given.reader), "cpu")
    weights = torch.load(given.out / "entailment.pt", weights_only=True)["model"]
    trainer.model.load_state_dict(weights)
    figures = {"original": trainer.figures()}
    network = write_entailment(
        trainer.model, trainer.lower, samples(trainer), given.out / "network", given.reader
    )
    told = partial(said_of, network, trainer.data, plain_tokenizer(source_folder()))
    figures["int8"] = trainer.figures_of(told)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
