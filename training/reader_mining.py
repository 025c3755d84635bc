"""Wrong paragraphs for training: those near a question by our own retrieval, without its own."""

import hashlib
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final, cast

from indexes.collection import Reading, open_collection
from indexes.encoder import load_encoder
from indexes.encoding import Vectors
from indexes.settings import Settings
from service.retrieve import fuse
from training.reader_pairs import Asked
from training.sets import fill

DEPTH: Final = 30
WRONG: Final = 10
COLLECTION: Final = "squad-train"


class Miner:
    """Finds wrong paragraphs in a collection that it fills once, and keeps what it found."""

    def __init__(self, corpus: Path, work: Path) -> None:
        """Ingest `corpus` into `work` unless that is done."""
        settings = Settings(data=work / "collections")
        fill(settings, COLLECTION, corpus)
        self._collection = open_collection(settings.data, COLLECTION)
        self._encoder = load_encoder(settings.encoder)
        self._kept = work / "mined"
        self._kept.mkdir(parents=True, exist_ok=True)

    def wrong(self, asked: Sequence[Asked]) -> list[list[str]]:
        """Return for each question the ids of up to 10 wrong paragraphs, best first."""
        questions = [one.question for one in asked]
        name = hashlib.sha256("\n".join(questions).encode()).hexdigest()[:16]
        path = self._kept / f"{name}.json"
        if path.exists():
            return cast("list[list[str]]", json.loads(path.read_text(encoding="utf-8")))
        vectors = self._encoder.encode_documents(questions)
        with self._collection.read() as reading:
            found = [_ranked(reading, one, vectors[row]) for row, one in enumerate(asked)]
        path.write_text(json.dumps(found), encoding="utf-8")
        return found


def _ranked(reading: Reading, one: Asked, vector: Vectors) -> list[str]:
    dense = reading.dense(vector, DEPTH)
    fused = fuse(dense, reading.lexical(one.question, DEPTH))
    chunks = reading.chunks([hit.chunk_id for hit in islice(fused, 2 * WRONG)])
    ids = dict.fromkeys(chunk.document_id for chunk in chunks)
    return [name for name in ids if name != one.paragraph][:WRONG]
