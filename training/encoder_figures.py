"""How near the bundled encoder is to its original, and how much faster."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from indexes.documents import encoded_text
from indexes.encoder import Encoder, Vectors, load_network_encoder
from training.sets import read_rows

# Folder, file of the texts, and how many questions are drawn (0: all that have relevant texts).
SETS: Final = (
    ("squad-open-dev", "corpus-extra.jsonl.gz", 500),
    ("clapnq-dev", "corpus.jsonl.gz", 0),
    ("cranfield", "corpus.jsonl.gz", 0),
    ("med", "corpus.jsonl.gz", 0),
    ("cisi", "corpus.jsonl.gz", 0),
)
SEED: Final = 20260102
SPEED_TEXTS: Final = 96
SPEED_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class SetFigures:
    """Figures on one data set: mean and least cosines to the original, hits in percent."""

    name: str
    texts: int
    questions: int
    cosine_texts: float
    cosine_texts_least: float
    cosine_questions: float
    hit1_original: float
    hit1: float
    hit5_original: float
    hit5: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is measured; times are of one thread's processor, for the same texts in turns."""

    sets: tuple[SetFigures, ...]
    megabytes: float
    original_milliseconds: float
    milliseconds: float
    times_faster: float
    load_seconds: float


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Texts to search, questions, and for each question the rows of the texts that answer it."""

    name: str
    texts: list[str]
    questions: list[str]
    relevant: list[frozenset[int]]


def measure(folder: Path, original: Path, data: Path) -> Figures:
    """Compare the network of `folder` with the model of `original` on the sets in `data`."""
    began = time.perf_counter()
    encoder = load_network_encoder("bundled", folder)
    loaded = time.perf_counter() - began
    model = SentenceTransformer(str(original), device="cpu", local_files_only=True)

    def encode(texts: Sequence[str]) -> Vectors:
        found = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, np.float32)

    sets = [read_set(data, *item) for item in SETS]
    slow, fast = milliseconds(
        sets[0].texts[:SPEED_TEXTS],
        encode,
        load_network_encoder("bundled", folder, threads=1).encode_documents,
    )
    return Figures(
        sets=tuple(compare(item, encode, encoder) for item in sets),
        megabytes=round((folder / "model.bin").stat().st_size / 1e6, 2),
        original_milliseconds=round(slow, 1),
        milliseconds=round(fast, 1),
        times_faster=round(slow / fast, 1),
        load_seconds=round(loaded, 2),
    )


def read_set(data: Path, name: str, corpus: str, questions: int) -> RetrievalSet:
    """Read a data set, its texts in the form in which a collection encodes them."""
    texts = read_rows(data / name / corpus)
    rows = {row["id"]: number for number, row in enumerate(texts)}
    asked = []
    for row in read_rows(data / name / "questions.jsonl.gz"):
        wanted = cast("list[str]", row["relevant"])
        found = frozenset(rows[item] for item in wanted if item in rows)
        if found:
            asked.append((str(row["question"]), found))
    if questions:
        asked = random.Random(SEED).sample(asked, questions)
    return RetrievalSet(
        name,
        [encoded_text(str(row["title"]), (), str(row["text"])) for row in texts],
        [question for question, _ in asked],
        [found for _, found in asked],
    )


def compare(
    item: RetrievalSet, original: Callable[[Sequence[str]], Vectors], encoder: Encoder
) -> SetFigures:
    """Encode texts and questions both ways and compare vectors and rankings."""
    texts, questions = original(item.texts), original(item.questions)
    own_texts = encoder.encode_documents(item.texts)
    own_questions = np.stack([encoder.encode_query(question) for question in item.questions])
    cosines = (texts * own_texts).sum(1)
    return SetFigures(
        name=item.name,
        texts=len(item.texts),
        questions=len(item.questions),
        cosine_texts=round(float(cosines.mean()), 5),
        cosine_texts_least=round(float(cosines.min()), 4),
        cosine_questions=round(float((questions * own_questions).sum(1).mean()), 5),
        hit1_original=hit_rate(texts, questions, item.relevant, 1),
        hit1=hit_rate(own_texts, own_questions, item.relevant, 1),
        hit5_original=hit_rate(texts, questions, item.relevant, 5),
        hit5=hit_rate(own_texts, own_questions, item.relevant, 5),
    )


def hit_rate(
    texts: Vectors, questions: Vectors, relevant: Sequence[frozenset[int]], depth: int
) -> float:
    """Return the percentage of questions with a relevant text among the `depth` nearest."""
    nearest = np.argsort(-(questions @ texts.T), axis=1, kind="stable")[:, :depth]
    hits = [
        not found.isdisjoint(row) for row, found in zip(nearest.tolist(), relevant, strict=True)
    ]
    return round(100 * float(np.mean(hits)), 2)


def milliseconds(
    texts: list[str], *encoders: Callable[[Sequence[str]], Vectors]
) -> tuple[float, ...]:
    """Return each encoder's processor time for a text, in one thread, best of rounds in turns.

    Other work on the machine, which stretches the time by the clock, hardly changes it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    best = [math.inf] * len(encoders)
    for _ in range(SPEED_ROUNDS):
        for number, encode in enumerate(encoders):
            began = time.process_time()
            encode(texts)
            spent = 1000 * (time.process_time() - began) / len(texts)
            best[number] = min(best[number], spent)
    torch.set_num_threads(threads)
    return tuple(best)
