"""Encoders turn texts into vectors: the bundled one, or any model of sentence-transformers."""

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from indexes.encoding import Encoder, EncoderIdentity, Vectors
from indexes.settings import BUNDLED

__all__ = [
    "PROBES",
    "Encoder",
    "EncoderIdentity",
    "Vectors",
    "load_encoder",
    "load_network_encoder",
]

FOLDER: Final = Path(__file__).parent / "models" / "encoder"
_loading: Final = threading.Lock()
# Texts of different lengths, scripts and kinds: another model, tokenizer or pooling moves at least
# one of their vectors. They are stored with a collection, so they must never change.
PROBES: Final = (
    "What is the capital of Norway?",
    "The invoice is payable within 30 days of receipt, net of any credit notes.",
    "def total(prices: list[float]) -> float:\n    return sum(prices)",
    "Die Fähre nach Ærø fährt nur im Sommer, täglich um 9:15 Uhr.",
    "東京タワーの高さは333メートルです。",
    "Revenue | 2024 | 2025\nNorth | 1,204.5 | 1,377.0\nSouth | 998.1 | 1,002.4",
    "photosynthesis",
    (
        "Water that seeps through cracked limestone dissolves it grain by grain, and over "
        "thousands of years a crack becomes a passage, a passage becomes a chamber, and what drips "
        "from the roof leaves its minerals behind, so that pillars grow where there was nothing "
        "but air. Those who map such caves write down every bend, because the next flood may "
        "close it again."
    ),
)


def load_encoder(name: str, *, threads: int = 0, for_questions: bool = False) -> Encoder:
    """Load an encoder once a process: "bundled", a hub id, or the folder of a model.

    `threads` of 0 means all cores; for questions, which come one by one, all of them work on one
    batch at a time, which takes less memory. The vectors are the same. Raises ModelMissing that
    says which file or model was looked for, where, and what to do.
    """
    with _loading:  # who asks at the same time waits for the one, and loads no other
        return _load(name, threads, 1 if for_questions and name == BUNDLED else 0)


@lru_cache(maxsize=4)
def _load(name: str, threads: int, streams: int) -> Encoder:
    if name == BUNDLED:
        return load_network_encoder(name, FOLDER, threads, streams)
    from indexes.hub_encoder import load_hub_encoder

    return load_hub_encoder(name, threads)


def load_network_encoder(name: str, folder: Path, threads: int = 0, streams: int = 0) -> Encoder:
    """Load the encoder `name` whose network lies in `folder`; numbers as `Network` takes them.

    Raises ModelMissing that names the file that is not there or not the expected one.
    """
    from indexes.network import Network

    network = Network(folder, threads, streams)
    manifest = network.manifest

    def encode_documents(texts: Sequence[str]) -> Vectors:
        return network.run(texts)["embedding"]

    return Encoder(
        identity=EncoderIdentity(name, manifest.sha256, manifest.dimension, manifest.max_tokens),
        encode_documents=encode_documents,
        encode_query=lambda text: encode_documents([text])[0],
        count_tokens=network.count_tokens,
        tokenizer_json=network.tokenizer_json,
    )
