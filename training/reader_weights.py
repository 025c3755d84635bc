"""The reader's weights as numbers with a decimal point, taken back from its int8 network.

What is trained on top of the reader's embeddings must see what they give when they run.
`python -m training.reader_weights --out OUT [--reader FOLDER]` writes them to OUT/reader.pt, in
halves of single precision, and the configuration of its kind of network to OUT/config.json.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from indexes.network import NETWORK, import_openvino
from service.readers import FOLDER
from training.encoder import source_folder

Weights = npt.NDArray[np.float32]

_BACK: Final = {"Convert", "Reshape", "FakeQuantize", "Gather"}


def reader_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the parameters of `ReaderModel` by name, shapes as there, float32."""
    found: dict[str, torch.Tensor] = {}
    for node in import_openvino().Core().read_model(folder / NETWORK).get_ordered_ops():
        named = _parameter(node)
        if named:
            name, values = named
            found[name] = torch.from_numpy(np.ascontiguousarray(values))
    return found


def _parameter(node: Any) -> tuple[str, Weights] | None:
    """Return the parameter that an operation applies and its name, None if it applies none."""
    path, _, operation = node.get_friendly_name().partition("/")
    name = path.removeprefix("__module.")
    if operation == "aten::embedding/Gather":
        return f"{name}.weight", _constant(node.input_value(0).get_node())
    if operation == "aten::linear/MatMul":
        weight = _constant(node.input_value(1).get_node())
        # What the weights were divided by, for the sake of int8, their input was multiplied by.
        return f"{name}.weight", weight * _smoothing(node.input_value(0).get_node())
    if operation in {"aten::linear/Add", "aten::layer_norm/Add"}:
        return f"{name}.bias", _constant(node.input_value(1).get_node()).reshape(-1)
    if operation == "aten::layer_norm/Multiply_1":
        return f"{name}.weight", _constant(node.input_value(1).get_node()).reshape(-1)
    return None


def _constant(node: Any) -> Weights:
    if node.get_type_name() == "Constant":
        return np.asarray(node.get_data(), np.float32)
    value = _constant(node.input_value(0).get_node())
    if node.get_type_name() == "Multiply":
        value = value * _constant(node.input_value(1).get_node())
    return value


def _smoothing(node: Any) -> Weights:
    while node.get_type_name() in _BACK:
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Multiply" or "aten::mul" not in node.get_friendly_name():
        return np.ones(1, np.float32)
    return _constant(node.input_value(1).get_node()).reshape(1, -1)


def main() -> None:
    """Write them as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m training.reader_weights", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--reader", type=Path, default=FOLDER, help="folder of the reader")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    weights = {name: one.half() for name, one in reader_weights(given.reader).items()}
    torch.save(weights, given.out / "reader.pt")
    shutil.copyfile(source_folder() / "config.json", given.out / "config.json")


if __name__ == "__main__":
    main()
