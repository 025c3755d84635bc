"""Compiled networks on the CPU: OpenVINO and the tokenizers are touched here and nowhere else."""

import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from indexes.errors import ModelMissing

Rows = npt.NDArray[np.float32]

MANIFEST: Final = "manifest.json"
NETWORK: Final = "model.xml"
TOKENIZER: Final = "tokenizer.json"
BATCH: Final = 16
# The CPU plugin prepares kernels for each new input shape; lengths in steps keep shapes few.
LENGTH_STEP: Final = 8
# Token lists of this many texts are held at once.
WINDOW: Final = 2048


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder says of itself: `files` maps each file's name to its sha256."""

    name: str
    max_tokens: int
    dimension: int
    files: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """The identity of the whole: the hexadecimal sha256 over the files' names and hashes."""
        lines = "".join(f"{name} {digest}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


class Network:
    """A network that is compiled once and runs on texts, from any number of threads."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Check and compile the model of `folder` for `threads` threads (0 means all cores).

        Raises ModelMissing that names the file that is not there or not the expected one.
        """
        self.manifest = load_manifest(folder)
        self.tokenizer_json = (folder / TOKENIZER).read_text(encoding="utf-8")
        self._tokenizer = Tokenizer.from_str(self.tokenizer_json)
        self._tokenizer.enable_truncation(self.manifest.max_tokens)
        self._compiled = _compile(folder / NETWORK, threads)
        self._shapes = {output.any_name: _row_shape(output) for output in self._compiled.outputs}
        self._local = threading.local()

    def count_tokens(self, text: str) -> int:
        """Return how many tokens `text` has, special tokens included, before anything is cut."""
        return self._count(text)

    @cached_property
    def _count(self) -> Callable[[str], int]:
        return token_counter(self.tokenizer_json)

    def run(self, texts: Sequence[str]) -> dict[str, Rows]:
        """Return each named output as one float32 array with a row for each text, in order.

        Texts longer than the manifest's `max_tokens` are cut there.
        """
        results = {
            name: np.empty((len(texts), *shape), np.float32) for name, shape in self._shapes.items()
        }
        for start in range(0, len(texts), WINDOW):
            window = list(texts[start : start + WINDOW])
            tokens = [item.ids for item in self._tokenizer.encode_batch_fast(window)]
            self._infer(tokens, start, results)
        return results

    def _infer(
        self, tokens: Sequence[Sequence[int]], start: int, results: Mapping[str, Rows]
    ) -> None:
        queue = self._queue()
        queue.set_callback(partial(_keep, results))
        try:
            for rows in batches([len(ids) for ids in tokens]):
                inputs = padded([tokens[row] for row in rows], self.manifest.max_tokens)
                queue.start_async(inputs, [start + row for row in rows])
            queue.wait_all()
        except BaseException:
            # Requests may still be running into `results`: the next call must not meet them.
            del self._local.queue
            raise

    def _queue(self) -> Any:
        # A queue has one callback at a time, so each thread has its own; the streams are shared.
        if not hasattr(self._local, "queue"):
            self._local.queue = import_openvino().AsyncInferQueue(self._compiled)
        return self._local.queue


def load_manifest(folder: Path) -> Manifest:
    """Read `folder`'s manifest and compare every file that it lists with its sha256.

    Raises ModelMissing that names the file that is not there or not the expected one.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(
            found["name"], int(found["max_tokens"]), int(found["dimension"]), found["files"]
        )
    except FileNotFoundError:
        raise _missing(folder / MANIFEST, "is missing") from None
    except (KeyError, TypeError, ValueError) as error:
        raise _missing(folder / MANIFEST, f"cannot be read ({error})") from error
    for name, expected in manifest.files.items():
        _check(folder / name, expected)
    return manifest


def token_counter(tokenizer_json: str) -> Callable[[str], int]:
    """Return what counts the tokens of a text, special tokens included."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    return lambda text: len(tokenizer.encode(text).ids)


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the positions of `lengths` in batches of alike lengths, the longest first."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def padded(tokens: Sequence[Sequence[int]], limit: int) -> dict[str, npt.NDArray[np.int64]]:
    """Return `input_ids` and `attention_mask`, int64 of shape (rows, length).

    Rows are the texts and some empty ones, up to a power of two; the length is the longest text's,
    rounded up, at most `limit`. Padding has token 0 and mask 0. The network is prepared anew, and
    memory kept, for each shape that it meets, so there are to be few.
    """
    longest = max(map(len, tokens))
    width = min(-(-longest // LENGTH_STEP) * LENGTH_STEP, limit)
    rows = 1 << (len(tokens) - 1).bit_length()
    ids = np.zeros((rows, width), np.int64)
    mask = np.zeros((rows, width), np.int64)
    mask[len(tokens) :, 0] = 1  # a mean over no token at all is no number
    for row, text in enumerate(tokens):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def _keep(results: Mapping[str, Rows], request: Any, rows: list[int]) -> None:
    for name, values in results.items():
        values[rows] = request.get_tensor(name).data[: len(rows)]


def _row_shape(output: Any) -> tuple[int, ...]:
    return tuple(length.get_length() for length in list(output.get_partial_shape())[1:])


def _check(path: Path, expected: str) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise _missing(path, "is missing") from None
    if digest != expected:
        raise _missing(path, f"is not the expected file (sha256 {digest}, expected {expected})")


def _missing(path: Path, what: str) -> ModelMissing:
    return ModelMissing(
        f"The model file {path} {what}. Install Afterword again, or bring the file back from its "
        "repository (git checkout), or set AFTERWORD_ENCODER to another model."
    )


def _compile(network: Path, threads: int) -> Any:
    settings = {
        # As many batches at once as suits the processor, few threads each.
        "PERFORMANCE_HINT": "THROUGHPUT",
        # bf16 or f16 where the processor has it would give other vectors on each machine.
        "INFERENCE_PRECISION_HINT": "f32",
        # The service and its ingesting child must not be pinned to the same cores.
        "ENABLE_CPU_PINNING": False,
        "CACHE_DIR": "",
    }
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    return import_openvino().Core().compile_model(network, "CPU", settings)


@cache
def import_openvino() -> ModuleType:
    """Import openvino without the package by which it, and NNCF, would send usage events."""
    sys.modules["openvino_telemetry"] = cast("ModuleType", None)
    import openvino  # type: ignore[import-untyped]

    return cast("ModuleType", openvino)
