"""Compiled networks on the CPU: OpenVINO and the tokenizers are touched here and nowhere else."""

import hashlib
import importlib
import json
import os
import sys
import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from indexes.errors import ModelMissing

Rows = npt.NDArray[np.float32]
Inputs = Mapping[str, npt.NDArray[np.int64]]
Keep = Callable[[Any, list[int]], None]
KeepPairs = Callable[[Sequence[Encoding], Any, list[int]], None]

MANIFEST: Final = "manifest.json"
NETWORK: Final = "model.xml"
WEIGHTS: Final = "model.bin"
TOKENIZER: Final = "tokenizer.json"
BATCH: Final = 16
# Few pairs are read at a time, and all cores are to end together.
PAIRS: Final = 4
# The CPU plugin prepares kernels for each new input shape, and keeps them: lengths in steps keep
# shapes few. Each costs a few MB in each stream, and a reader meets all of them.
LENGTH_STEP: Final = 8
PAIR_STEP: Final = 16
# Token lists of this many texts are held at once.
WINDOW: Final = 2048
_compiling: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder says of itself: `files` maps each file's name to its sha256.

    `below` is the sha256 of the weights whose embeddings it stands on, None of what stands alone.
    """

    name: str
    max_tokens: int
    dimension: int
    files: Mapping[str, str]
    below: str | None = None

    @property
    def sha256(self) -> str:
        """The identity of the whole: the hexadecimal sha256 over the files' names and hashes."""
        lines = "".join(f"{name} {digest}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


class _Compiled:
    """A compiled network that runs batches, from any number of threads."""

    def __init__(
        self, folder: Path, threads: int, streams: int = 0, above: Path | None = None
    ) -> None:
        self.network = _compile(folder, threads, streams, above)
        self._at_once = self.network.get_property("NUM_STREAMS")
        self._local = threading.local()

    def run(self, inputs: Iterable[tuple[Inputs, list[int]]], keep: Keep) -> None:
        """Run each batch of inputs and hand what comes out to `keep` with the batch's rows."""
        if self._at_once == 1:
            self._run_here(inputs, keep)
            return
        queue = self._queue()
        queue.set_callback(keep)
        try:
            for batch, rows in inputs:
                queue.start_async(batch, rows)
            queue.wait_all()
        except BaseException:
            # Requests may still be running into `keep`: the next call must not meet them.
            del self._local.queue
            raise

    def _run_here(self, inputs: Iterable[tuple[Inputs, list[int]]], keep: Keep) -> None:
        # A queue would hand each batch to a thread that sleeps: 4 ms until it is awake.
        if not hasattr(self._local, "request"):
            self._local.request = self.network.create_infer_request()
        for batch, rows in inputs:
            self._local.request.infer(batch, share_inputs=True)
            keep(self._local.request, rows)

    def _queue(self) -> Any:
        # A queue has one callback at a time, so each thread has its own; the streams are shared.
        if not hasattr(self._local, "queue"):
            self._local.queue = import_openvino().AsyncInferQueue(self.network)
        return self._local.queue


class Network:
    """A network that is compiled once and runs on texts, from any number of threads."""

    def __init__(self, folder: Path, threads: int = 0, streams: int = 0) -> None:
        """Check and compile the model of `folder` for `threads` threads (0 means all cores).

        So many batches as `streams` run at once, each with its share of the threads and memory of
        its own; 0 means as many as suit the processor.
        Raises ModelMissing that names the file that is not there or not the expected one.
        """
        self.manifest = load_manifest(folder)
        self.tokenizer_json = (folder / TOKENIZER).read_text(encoding="utf-8")
        self._tokenizer = Tokenizer.from_str(self.tokenizer_json)
        self._tokenizer.enable_truncation(self.manifest.max_tokens)
        self._compiled = _Compiled(folder, threads, streams)
        outputs = self._compiled.network.outputs
        self._shapes = {output.any_name: _row_shape(output) for output in outputs}

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
            self._compiled.run(self._inputs(tokens, start), partial(_keep, results))
        return results

    def _inputs(
        self, tokens: Sequence[Sequence[int]], start: int
    ) -> Iterator[tuple[Inputs, list[int]]]:
        for rows in batches([len(ids) for ids in tokens]):
            inputs = padded([tokens[row] for row in rows], self.manifest.max_tokens)
            yield inputs, [start + row for row in rows]


@dataclass(frozen=True, slots=True, eq=False)
class PairRead:
    """What a network says of a question and a text, as logits.

    `starts` and `ends`, shape (tokens,), are for the text's tokens in order; `offsets` are the
    tokens' places in the text, in code points. What was cut off has no token.
    """

    relevance: float
    answers: float
    starts: Rows
    ends: Rows
    offsets: Sequence[tuple[int, int]]


class _Pairs:
    """A tokenizer for pairs of texts, and the compiled network that they are handed to."""

    def __init__(self, folder: Path, compiled: _Compiled, max_tokens: int) -> None:
        self.tokenizer_json = (folder / TOKENIZER).read_text(encoding="utf-8")
        self.max_tokens = max_tokens
        self._tokenizer = Tokenizer.from_str(self.tokenizer_json)
        self._tokenizer.enable_truncation(max_tokens, strategy="only_second")
        self._compiled = compiled

    def run(self, pairs: Sequence[tuple[str, str]], keep: KeepPairs) -> None:
        """Hand what comes out for each pair to `keep`."""
        encoded = self._tokenizer.encode_batch(list(pairs))
        self._compiled.run(self._inputs(encoded), partial(keep, encoded))

    def _inputs(self, pairs: Sequence[Encoding]) -> Iterator[tuple[Inputs, list[int]]]:
        for rows in batches([len(one.ids) for one in pairs], PAIRS):
            ids = [pairs[row].ids for row in rows]
            inputs = padded(ids, self.max_tokens, PAIR_STEP)
            types = np.zeros_like(inputs["input_ids"])
            for place, row in enumerate(rows):
                types[place, : len(pairs[row].type_ids)] = pairs[row].type_ids
            yield {**inputs, "token_type_ids": types}, rows

    @cached_property
    def _uncut(self) -> Tokenizer:
        """A tokenizer that cuts nothing; few questions are so long that it is needed."""
        return Tokenizer.from_str(self.tokenizer_json)

    def short(self, first: str) -> str:
        """Return the first text of a pair, cut where it would leave the others no room."""
        limit = self.max_tokens // 2
        if len(unicodedata.normalize("NFKD", first).encode()) <= limit:  # a token has a byte
            return first
        offsets = self._uncut.encode(first, add_special_tokens=False).offsets
        return first[: offsets[limit - 1][1]] if len(offsets) > limit else first


class PairNetwork:
    """A network that is compiled once and looks at a question and a text together."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Check and compile the model of `folder`; raises as `Network` does."""
        self.manifest = load_manifest(folder)
        self._pairs = _Pairs(folder, _Compiled(folder, threads), self.manifest.max_tokens)

    def run(self, question: str, texts: Sequence[str]) -> list[PairRead]:
        """Return what the network says of each text; a pair over `max_tokens` loses its text's end.

        A question that fills them alone is cut first.
        """
        found: dict[int, PairRead] = {}
        question = self._pairs.short(question)
        self._pairs.run([(question, text) for text in texts], partial(_keep_pairs, found))
        return [found[row] for row in range(len(texts))]

    @cached_property
    def cutter(self) -> "PairCutter":
        """What cuts texts so that they are read whole."""
        return PairCutter(self._pairs.tokenizer_json, self.manifest.max_tokens)


class EntailmentNetwork:
    """A network that says whether texts entail a claim; its embeddings are another's."""

    def __init__(self, folder: Path, below: Path, threads: int = 0) -> None:
        """Check and compile the model of `folder` on top of that of `below`.

        Raises as `Network` does, and ModelMissing if `below` is not what it was trained on.
        """
        self.manifest = load_manifest(folder)
        lower = load_manifest(below)
        if lower.files[WEIGHTS] != self.manifest.below:
            raise _missing(folder / MANIFEST, f"belongs to other weights than {below / WEIGHTS}")
        compiled = _Compiled(below, threads, above=folder)
        self._pairs = _Pairs(below, compiled, self.manifest.max_tokens)

    def run(self, claim: str, texts: Sequence[str]) -> list[float]:
        """Return the claim's logit to be entailed by each text; both are cut as a reader's are."""
        found: dict[int, float] = {}
        claim = self._pairs.short(claim)
        self._pairs.run([(claim, text) for text in texts], partial(_keep_logits, found))
        return [found[row] for row in range(len(texts))]


class PairCutter:
    """Cuts texts into pieces that a network for pairs reads whole, beside a question.

    Questions of more than `longest_question` tokens leave a text too little room.
    """

    def __init__(self, tokenizer_json: str, max_tokens: int) -> None:
        """Take a tokenizer without truncation, and how many tokens a pair may have."""
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._room = max_tokens - self._tokenizer.num_special_tokens_to_add(is_pair=True)
        self.longest_question = self._room // 2

    def count(self, text: str) -> int:
        """Return the number of a text's own tokens."""
        return len(self._encoded(text).ids)

    def pieces(self, question: str, text: str) -> list[tuple[str, int]]:
        """Return the pieces of a text, each with the number of tokens of both.

        Neighbours share some words, so that no sentence is torn in two for good.
        """
        asked, found = self.count(question), self._encoded(text)
        words, offsets = found.word_ids, found.offsets
        starts = [at for at in range(len(words)) if not at or words[at] != words[at - 1]]
        room = self._room - asked
        return [
            (text[offsets[first][0] : offsets[end - 1][1]], asked + end - first)
            for first, end in windows([*starts, len(words)], room, room // 8)
        ]

    def _encoded(self, text: str) -> Encoding:
        return self._tokenizer.encode(text, add_special_tokens=False)


def load_manifest(folder: Path) -> Manifest:
    """Read `folder`'s manifest and compare every file that it lists with its sha256.

    Raises ModelMissing that names the file that is not there or not the expected one.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(
            found["name"],
            int(found["max_tokens"]),
            int(found["dimension"]),
            found["files"],
            found.get("below"),
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


def windows(bounds: Sequence[int], room: int, shared: int) -> Iterator[tuple[int, int]]:
    """Give ranges of at most `room` that cover all from the first bound to the last.

    They begin and end at bounds, but in what is larger than the room, and share about `shared`.
    """

    def bound_up_to(place: int) -> int:
        return bounds[max(0, bisect_right(bounds, place) - 1)]

    first = bounds[0]
    while first < bounds[-1]:
        end = bound_up_to(first + room)
        end = end if end > first else first + room
        yield first, end
        back = bound_up_to(end - shared)
        first = back if first < back and bound_up_to(back + room) > end else end


def batches(lengths: Sequence[int], size: int = BATCH) -> Iterator[list[int]]:
    """Yield the positions of `lengths` in batches of alike lengths, the longest first."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def padded(
    tokens: Sequence[Sequence[int]], limit: int, step: int = LENGTH_STEP
) -> dict[str, npt.NDArray[np.int64]]:
    """Return `input_ids` and `attention_mask`, int64 of shape (rows, length).

    Rows are the texts and some empty ones, up to a power of two; the length is the longest text's,
    rounded up to a multiple of `step`, at most `limit`. Padding has token 0 and mask 0. The network
    is prepared anew, and memory kept, for each shape that it meets, so there are to be few.
    """
    longest = max(map(len, tokens))
    width = min(-(-longest // step) * step, limit)
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


def _keep_logits(
    found: dict[int, float], _pairs: Sequence[Encoding], request: Any, rows: list[int]
) -> None:
    logits = request.get_output_tensor().data
    found.update((row, float(logits[place, 0])) for place, row in enumerate(rows))


def _keep_pairs(
    found: dict[int, PairRead], pairs: Sequence[Encoding], request: Any, rows: list[int]
) -> None:
    whole, places = request.get_tensor("pair").data, request.get_tensor("place").data
    for place, row in enumerate(rows):
        one = pairs[row]
        first, end = _second(one.sequence_ids)
        found[row] = PairRead(
            float(whole[place, 0]),
            float(whole[place, 1]),
            places[place, first:end, 0].copy(),
            places[place, first:end, 1].copy(),
            one.offsets[first:end],
        )


def _second(sequence_ids: Sequence[int | None]) -> tuple[int, int]:
    """Return where the tokens of the second text start and end."""
    length = sequence_ids.count(1)
    first = sequence_ids.index(1) if length else 0
    return first, first + length


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
        "repository (git checkout), or name another model (AFTERWORD_ENCODER, AFTERWORD_READER)."
    )


def _compile(folder: Path, threads: int, streams: int, above: Path | None) -> Any:
    settings = {
        # As many batches at once as there are pairs of cores. One core each, which is what the hint
        # THROUGHPUT gives on few cores, is no faster for batches and slower for a single question.
        "NUM_STREAMS": streams or max(1, (threads or len(os.sched_getaffinity(0))) // 2),
        # bf16 or f16 where the processor has it would give other vectors on each machine.
        "INFERENCE_PRECISION_HINT": "f32",
        # The service and its ingesting child must not be pinned to the same cores.
        "ENABLE_CPU_PINNING": False,
        "CACHE_DIR": "",
    }
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    # Two threads that look into networks for the first time wait for each other without end.
    with _compiling:
        model = _core().read_model(folder / NETWORK)
        if above is not None:
            model = _joined(model, _core().read_model(above / NETWORK))
        _look_up_in_bytes(model)
        return _core().compile_model(model, "CPU", settings)


def _joined(lower: Any, upper: Any) -> Any:
    """Return both as one: what the upper takes in bears the name of what the lower works out."""
    made = {one.get_friendly_name(): one for one in lower.get_ops()}
    for taken in upper.get_parameters():
        taken.output(0).replace(made[taken.get_friendly_name()].output(0))
    return import_openvino().Model(upper.get_results(), lower.get_parameters(), upper.get_name())


def _look_up_in_bytes(model: Any) -> None:
    """Let the tables of tokens stay bytes: look up a token's row first, and scale it then.

    As they come, whole tables are turned into numbers of four bytes each when the network is
    compiled. The same products come out of either.
    """
    of = importlib.import_module("openvino.opset8")
    for lookup in model.get_ops():
        if lookup.get_type_name() != "Gather" or (table := _scaled_bytes(lookup)) is None:
            continue
        stored, scales = table
        rows, axis = lookup.input_value(1), lookup.input_value(2)
        found = of.convert(of.gather(stored, rows, axis), "f32")
        scaled = of.multiply(found, of.gather(scales, rows, axis))
        scaled.set_friendly_name(lookup.get_friendly_name())
        lookup.output(0).replace(scaled.output(0))


def _scaled_bytes(lookup: Any) -> tuple[Any, Any] | None:
    """Return bytes and scales of the table whose rows are looked up, None where it is no such."""
    axis = lookup.input_value(2).get_node()
    if axis.get_type_name() != "Constant" or axis.get_data().any():
        return None
    product = lookup.input_value(0).get_node()
    if product.get_type_name() != "Multiply":
        return None
    converted, scales = product.input_value(0).get_node(), product.input_value(1)
    if converted.get_type_name() != "Convert" or scales.get_node().get_type_name() != "Constant":
        return None
    stored = converted.input_value(0)
    is_table = stored.get_node().get_type_name() == "Constant"
    a_scale_a_row = list(scales.get_shape()) == [stored.get_shape()[0], 1] if is_table else False
    return (stored, scales) if a_scale_a_row else None


@cache
def _core() -> Any:
    return import_openvino().Core()


@cache
def import_openvino() -> ModuleType:
    """Import openvino without the package by which it, and NNCF, would send usage events."""
    sys.modules["openvino_telemetry"] = cast("ModuleType", None)
    import openvino  # type: ignore[import-untyped]

    return cast("ModuleType", openvino)
