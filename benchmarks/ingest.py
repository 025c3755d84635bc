"""Where an ingestion's time goes, and what a second one costs, in one run.

`python -m benchmarks.ingest PATH…` ingests files into a new collection and prints as JSON: the
seconds of each part, texts a second, what the same compiled encoder reaches alone on the same texts
in ideal batches, and what is encoded and how long it takes when nothing, or one document, has
changed. `encoder_share` is the ideal time by the time that encoding took, `whole_share` by that of
the whole run but for loading.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from indexes.collection import open_collection
from indexes.encoder import load_encoder
from indexes.settings import Settings
from ingest.pipeline import ingest
from ingest.progress import silent
from ingest.report import Report
from ingest.survey import Order

COLLECTION: Final = "benchmark"
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; times in seconds."""

    documents: int
    chunks: int
    seconds: float
    parts: dict[str, float]
    encoded: int
    texts_a_second: float
    encoder_alone_a_second: float
    encoder_share: float
    whole_share: float
    again_seconds: float
    again_share: float
    again_encoded: int
    changed_seconds: float
    changed_encoded: int


def measure(paths: list[Path], data: Path) -> Figures:
    """Ingest copies of the paths: once, once more, and once more with a document changed."""
    settings = Settings(data=data / "data")
    folder = data / "documents"
    folder.mkdir()
    for path in paths:
        copied = folder / path.name
        shutil.copytree(path, copied) if path.is_dir() else shutil.copy2(path, copied)
    first = _run(folder, settings)
    ideal = _alone(settings, first.encoded)
    again = _run(folder, settings)
    (folder / "changed.txt").write_text("A ferry goes to Gull Isle at noon. " * 400)
    _run(folder, settings)
    (folder / "changed.txt").write_text("A ferry goes to Gull Isle at noon. " * 400 + "At last.")
    changed = _run(folder, settings)
    encode, load = first.parts["encode"], first.parts["load"]
    return Figures(
        documents=len(first.items),
        chunks=first.chunks,
        seconds=round(first.seconds, 2),
        parts={name: round(taken, 2) for name, taken in first.parts.items()},
        encoded=first.encoded,
        texts_a_second=round(first.encoded / (first.seconds - load), 1),
        encoder_alone_a_second=round(first.encoded / ideal, 1),
        encoder_share=round(ideal / encode, 3),
        whole_share=round(ideal / (first.seconds - load), 3),
        again_seconds=round(again.seconds, 3),
        again_share=round(again.seconds / first.seconds, 4),
        again_encoded=again.encoded,
        changed_seconds=round(changed.seconds, 3),
        changed_encoded=changed.encoded,
    )


def _run(folder: Path, settings: Settings) -> Report:
    return ingest(Order((str(folder),), COLLECTION), settings, silent)


def _alone(settings: Settings, encoded: int) -> float:
    """Return how long the encoder takes alone for the texts that the collection holds."""
    texts = list(dict.fromkeys(_texts(settings)))[:encoded]
    encoder = load_encoder(settings.encoder, threads=settings.threads)
    encoder.encode_documents(texts[:64])  # kernels are prepared for the shapes of texts
    times = []
    for _ in range(2):
        began = time.perf_counter()
        encoder.encode_documents(texts)
        times.append(time.perf_counter() - began)
    return float(np.min(times)) * encoded / max(1, len(texts))


def _texts(settings: Settings) -> list[str]:
    with closing(open_collection(settings.data, COLLECTION)) as opened, opened.read() as reading:
        ids = range(1, reading.count().chunks + 1)  # of a collection that nothing was removed from
        return [
            chunk.encoded
            for start in range(0, len(ids), _PAGE)
            for chunk in reading.chunks(ids[start : start + _PAGE])
        ]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    arguments.add_argument("paths", type=Path, nargs="+")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        json.dump(asdict(measure(given.paths, Path(folder))), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
