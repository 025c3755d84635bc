"""What a model's folder may hold: weights that are numbers alone, and no code of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MODULES: Final = "modules.json"
# Its classes are the library's own; any other name is code that comes with the model.
_OWN: Final = "sentence_transformers."
# These are pickles, or archives that hold one: reading them can run any code.
_PICKLES: Final = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})
# Weights for other engines, which are not loaded.
OTHERS: Final = frozenset({"onnx", "openvino"})
# What training leaves beside the weights, and nobody loads.
_LEFT: Final = frozenset({"training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"})
_LENGTH_BYTES: Final = 8
_LONGEST_HEADER: Final = 100_000_000


def weights(folder: Path) -> list[Path]:
    """Return the files of weights in `folder` that can be loaded, sorted."""
    return [path for path in _files(folder) if path.suffix == ".safetensors"]


def faults(folder: Path) -> Iterator[str]:
    """Say in sentences why the model in `folder` is not loaded; nothing of it is run for that."""
    yield from _foreign_modules(folder / MODULES)
    found = weights(folder)
    safe = {path.parent for path in found}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.suffix in _PICKLES and path.name not in _LEFT and path.parent not in safe:
            yield (
                f"{name} is a pickle, which can run any code, and no *.safetensors file lies "
                "beside it."
            )
    for path in found:
        if not _is_whole(path):
            yield f"{path.relative_to(folder).as_posix()} is no safetensors file, or is cut off."


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if path.relative_to(folder).parts[0] not in OTHERS]


def _foreign_modules(path: Path) -> Iterator[str]:
    try:
        modules = json.loads(path.read_text(encoding="utf-8"))
        kinds = [str(one["type"]) for one in modules]
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError) as error:
        yield f"{MODULES} cannot be read ({type(error).__name__})."
        return
    for kind in kinds:
        if not kind.startswith(_OWN):
            yield f"{MODULES} names {kind!r}, code of its own, and no code of a model is run."


def _is_whole(path: Path) -> bool:
    """Tell whether a file is what the format says: a length, a header, and the bytes it tells."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or length > min(_LONGEST_HEADER, size - _LENGTH_BYTES):
            return False
        try:
            header = json.loads(file.read(length))
            ends = [one["data_offsets"][1] for name, one in header.items() if name[:2] != "__"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return False
    return bool(_LENGTH_BYTES + length + max(ends, default=0) == size)
