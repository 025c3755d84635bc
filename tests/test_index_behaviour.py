"""Every engine against brute force, under adds, updates, removals, filters and merges."""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from indexes import dense, dense_parts
from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Reading, create_collection, open_collection
from indexes.dense import DenseView, build_dense
from indexes.documents import Prepared
from indexes.hits import ChunkSet, Hit
from indexes.lexical import terms
from small_encoder import encode, small_encoder
from stored_documents import prepared

WORDS = [
    "river", "stone", "running", "runner", "café", "cities", "city", "light", "42", "window",
    "paper", "history", "history's", "green", "engine", "the", "of", "música", "harbour", "snow",
]  # fmt: skip
# The lengths from 40 on that fit one byte in Lucene's encoding (SmallFloat.byte4ToInt).
LENGTHS = [40, 42, 44, 46, 48, 50, 52, 54, 56, 60, 64, 68, 72, 76, 80, 84, 88, 96, 104, 112]


@dataclass
class Model:
    """What the collection should hold, kept the plain way."""

    documents: dict[str, Prepared] = field(default_factory=dict)
    segments: list[list[tuple[Prepared, str]]] = field(default_factory=list)
    fresh: dict[str, list[str]] = field(default_factory=dict)
    erased: bool = False

    def texts(self, allowed: Callable[[Prepared], bool]) -> list[tuple[str, str, bool]]:
        """Return (document id, chunk text, whether it is in the delta) of what may be found."""
        return [
            (document_id, span.cut(item.text), document_id in self.fresh)
            for document_id, item in self.documents.items()
            if allowed(item)
            for span in (chunk.span for chunk in item.chunks)
        ]

    def merged(self) -> None:
        """Note that the views were brought up to the catalog: one more segment.

        The engine forgets removed texts only when their whole segment is gone; after an erase the
        index is built anew.
        """
        if self.erased:
            living_texts = self.texts(lambda _: True)
            self.segments = [[(self.documents[name], text) for name, text, _ in living_texts]]
            self.fresh.clear()
            self.erased = False
            return
        fresh = [(self.documents[name], text) for name, ts in self.fresh.items() for text in ts]
        self.fresh.clear()
        living = [id(item) for item in self.documents.values()]
        segments = [*self.segments, fresh]
        self.segments = [s for s in segments if any(id(item) in living for item, _ in s)]

    def in_view(self) -> list[str]:
        """Return every text that counts in the view's statistics."""
        return [text for segment in self.segments for _, text in segment]


def brute_dense(model: Model, query: str, allowed: Callable[[Prepared], bool]) -> list[float]:
    """Return all inner products of the allowed chunks, best first, from float16 vectors."""
    texts = [text for _, text, _ in model.texts(allowed)]
    stored = encode(texts).astype(np.float16).astype(np.float64)
    return sorted((stored @ encode([query])[0].astype(np.float64)).tolist(), reverse=True)


def brute_bm25(model: Model, query: str, allowed: Callable[[Prepared], bool]) -> list[float]:
    """Return all positive BM25 scores, best first, by the textbook formula.

    A view scores by the statistics of all texts it was ever given; the delta by those and its own.
    """
    view = [Counter(terms(text)) for text in model.in_view()]
    delta = [Counter(terms(t)) for texts in model.fresh.values() for t in texts]
    scores = []
    for _, text, is_fresh in model.texts(allowed):
        corpus = view + delta if is_fresh else view
        mean = sum(sum(c.values()) for c in corpus) / len(corpus)
        counts = Counter(terms(text))
        length = small_float(sum(counts.values()))
        score = 0.0
        for term in terms(query):
            n = sum(term in c for c in corpus)
            idf = math.log(1 + (len(corpus) - n + 0.5) / (n + 0.5))
            tf = counts[term]
            score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / mean))
        if score:
            scores.append(score)
    return sorted(scores, reverse=True)


def small_float(length: int) -> int:
    """Return the greatest length that one byte can hold and that is not over `length`."""
    fitting: list[int] = [value for value in [*range(40), *LENGTHS] if value <= length]
    return fitting[-1]


BRUTE = {"dense": brute_dense, "lexical": brute_bm25}


def search(
    reading: Reading, engine: str, query: str, k: int, allowed: ChunkSet | None
) -> list[Hit]:
    """Search with one engine."""
    if engine == "dense":
        return reading.dense(encode([query])[0], k, allowed)
    return reading.lexical(query, k, allowed)


def check(collection: Collection, model: Model, engine: str, query: str, k: int) -> None:
    """Compare one engine's ids, scores and order with brute force, with and without a filter."""
    filters: list[tuple[dict[str, object] | None, Callable[[Prepared], bool]]] = [
        (None, lambda _: True),
        (
            {"field": "metadata.colour", "operator": "==", "value": "red"},
            lambda item: item.document.metadata.get("colour") == "red",
        ),
    ]
    with collection.read() as reading:
        for condition, allowed in filters:
            hits = search(reading, engine, query, k, reading.allowed(condition, None))
            truth = BRUTE[engine](model, query, allowed)
            np.testing.assert_allclose([h.score for h in hits], truth[:k], rtol=2e-5, atol=2e-6)
            assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
            rows = reading.chunks([hit.chunk_id for hit in hits])
            assert [row.chunk_id for row in rows] == [hit.chunk_id for hit in hits]
            for row, hit in zip(rows, hits, strict=True):
                item = model.documents[row.document_id]
                assert row.span in [chunk.span for chunk in item.chunks]
                assert row.text == row.span.cut(item.text)
                assert allowed(item)
                one = Model({row.document_id: item}, model.segments, model.fresh)
                own = BRUTE[engine](one, query, lambda _: True)
                assert np.isclose(own, hit.score, rtol=2e-5, atol=2e-6).any()


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """Give an empty collection with the small encoder."""
    made = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    yield made
    made.close()


def random_texts(chance: random.Random) -> list[str]:
    """Return one to four chunk texts of very different lengths."""
    return [
        " ".join(chance.choices(WORDS, k=chance.choice([1, 3, 8, 60])))
        for _ in range(chance.randint(1, 4))
    ]


@pytest.mark.parametrize("engine", ["dense", "lexical"])
@pytest.mark.parametrize("seed", range(6))
def test_engine_equals_brute_force(collection: Collection, engine: str, seed: int) -> None:
    """Ids, scores and order are those of brute force after every change."""
    compare_after_changes(collection, engine, seed)


@pytest.mark.parametrize("seed", range(12))
def test_lists_equal_brute_force_where_all_are_looked_into(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """What an inverted file finds has its true scores, with parts, removals, delta and filters."""
    monkeypatch.setattr(dense_parts, "FLAT_MOST", 6)
    monkeypatch.setattr(dense, "_LEAST_PROBES", 1_000)
    compare_after_changes(collection, "dense", seed)


def compare_after_changes(collection: Collection, engine: str, seed: int) -> None:
    """Compare an engine with brute force after each of 40 random changes."""
    chance = random.Random(seed)
    model = Model()
    merges = 0
    with collection.write() as writer:
        for _ in range(40):
            action = chance.choice(["put", "put", "put", "remove", "merge"])
            if action == "put":
                colour = chance.choice(["red", "blue"])
                names = {f"d{chance.randint(0, 15)}" for _ in range(chance.randint(1, 3))}
                items = [
                    prepared(n, random_texts(chance), metadata={"colour": colour})
                    for n in sorted(names)
                ]
                writer.put(items)
                for item in items:
                    model.documents[item.document.document_id] = item
                    texts = [chunk.span.cut(item.text) for chunk in item.chunks]
                    model.fresh[item.document.document_id] = texts
            elif action == "remove" and model.documents:
                name = chance.choice(sorted(model.documents))
                erases = chance.random() < 0.5
                (writer.erase if erases else writer.remove)([name])
                model.erased |= erases
                del model.documents[name]
                model.fresh.pop(name, None)
            elif action == "merge" and merges < 6 and model.documents:
                writer.merge_views(force=True)
                model.merged()
                merges += 1
            if model.documents:
                query = " ".join(chance.choices(WORDS, k=3))
                check(collection, model, engine, query, chance.choice([1, 5, 50]))
    with open_collection(collection.folder.parent, "c").read() as reading:
        assert reading.count().documents == len(model.documents)


def test_a_search_leaves_other_libraries_their_threads() -> None:
    """Torch shares its threads' setting with FAISS, and is to run on all of them afterwards."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        part = build_dense(32, [(np.array([1, 2]), encode(["one", "two"]))])
        view = DenseView((part,))
        assert [hit.chunk_id for hit in view.search(encode(["one"])[0], 1, None)] == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
