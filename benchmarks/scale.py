"""What a collection costs as it grows: made-up chunks, their vectors given, no encoder.

`python -m benchmarks.scale [--sizes 1000,10000,...] [--folder F] [--json FILE] [--plot FILE.svg]`
builds a collection of each size with the writer that `afterword ingest` uses, and measures it:
chunks stored a second, questions beside bare FAISS (an index of the same kind over the same
vectors) and bare tantivy (the same analyser over the same texts), recall against an exact search,
memory, disk, and after how long another process sees a change. Each step has a process of its own.
`--folder` keeps the collections; a size that is there already is not built again.
"""

import argparse
import gc
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import tantivy

from benchmarks.made import CHUNKS, DIMENSION, Halves, Vectors, document, documents, texts, vectors
from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Reading, create_collection, open_collection
from indexes.dense import FLAT_MOST, load_dense
from indexes.encoder import Encoder
from indexes.encoding import EncoderIdentity
from indexes.hits import ChunkSet
from indexes.kernels import faiss
from indexes.languages import ENGLISH
from indexes.lexical import extend_lexical, terms
from service.evidence import Query
from service.retrieve import retrieve

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
DEPTH: Final = 10
_ASKED: Final = 200
_WARM_UP: Final = 20
_WORDS: Final = 8
_PUT: Final = 500
_SEED: Final = 6
_FILTERS: Final[Mapping[str, tuple[str, int]]] = {
    "run": ("metadata.place", 50),
    "scattered": ("metadata.part", 7),
}

Figures = dict[str, float]


def given_encoder() -> Encoder:
    """Return an encoder for a collection whose vectors are given: it knows the probes alone."""

    def encode(said: Sequence[str]) -> Vectors:
        rows = np.random.default_rng(_SEED).standard_normal((len(said), DIMENSION), np.float32)
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    return Encoder(
        identity=EncoderIdentity("given", "0" * 64, DIMENSION, 256),
        encode_documents=encode,
        encode_query=lambda text: encode([text])[0],
        count_tokens=lambda text: len(text.split()),
        tokenizer_json="",
    )


def name_of(size: int) -> str:
    """Return the name of the collection of a size."""
    return f"chunks-{size}"


def chunk_vectors(size: int) -> tuple[Halves, Vectors]:
    """Return the vectors of the chunks, and those of the questions, which lie among them."""
    made = vectors(size + _ASKED, _SEED)
    return made[:size], made[size:].astype(np.float32)


def question_words() -> list[str]:
    """Return the words of the questions: eight of a text each."""
    chance = np.random.default_rng(_SEED)
    said = itertools.islice(texts(_ASKED, _SEED + 1), _ASKED)
    return [" ".join(chance.choice(text.split(), _WORDS)) for text in said]


# --- steps, each in a process of its own ----------------------------------------------------------


def build(data: Path, size: int) -> Figures:
    """Store the chunks as an ingestion does: 500 at a time, views merged on the way.

    The documents are all made before, since merges go on while a next one would be made.
    """
    own, _ = chunk_vectors(size)
    new = create_collection(data, name_of(size), given_encoder(), SplitterSettings(256))
    items = list(documents(own, _SEED))
    gc.collect()
    gc.freeze()
    made = resident()
    began, before = time.perf_counter(), time.process_time()
    with new.write() as writer:
        for start in range(0, len(items), _PUT // CHUNKS):
            writer.put(items[start : start + _PUT // CHUNKS])
            writer.merge_large_delta()
        writer.merge_views()
    spent, worked = time.perf_counter() - began, time.process_time() - before
    new.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "chunks_a_second": size / spent,
        "chunks_a_cpu_second": size / worked,
        "writer_peak_mb": (peak - made) / 1e6,
    }


def memory(data: Path, size: int) -> Figures:
    """Ask all questions in a process that has nothing else, and see what it has in memory."""
    queries = question_words()
    rows = vectors(_ASKED, _SEED + 2).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        empty = create_collection(Path(folder), "empty", given_encoder(), SplitterSettings(256))
        ask_all(empty, queries, rows)
        before = resident()
    began = time.perf_counter()
    made = open_collection(data, name_of(size))
    ask_all(made, queries[:1], rows)
    opened = time.perf_counter() - began
    ask_all(made, queries, rows)
    after = resident()
    disk = sum(path.stat().st_size for path in made.folder.rglob("*") if path.is_file())
    return {
        "open_and_first_ms": opened * 1000,
        "resident_mb": after / 1e6,
        "memory_a_chunk": (after - before) / size,
        "disk_a_chunk": disk / size,
    }


def ask_all(made: Collection, queries: Sequence[str], rows: Vectors) -> None:
    """Ask each question."""
    with ThreadPoolExecutor(1) as executor:
        for text, row in zip(queries, rows, strict=False):
            with made.read() as reading:
                hybrid(reading, text, row, executor, None)


def hybrid(
    reading: Reading,
    text: str,
    row: Vectors,
    executor: ThreadPoolExecutor,
    allowed: ChunkSet | None,
) -> None:
    """Retrieve as an answer does, encoding excluded."""
    retrieve(reading, Query(text, row, {}), allowed=allowed, limit=DEPTH, executor=executor)


def ask_one(
    reading: Reading,
    queries: Sequence[str],
    rows: Vectors,
    executor: ThreadPoolExecutor,
    allowed: ChunkSet | None,
    i: int,
) -> None:
    """Ask one of the questions."""
    hybrid(reading, queries[i], rows[i], executor, allowed)


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def questions(data: Path, size: int) -> Figures:
    """Ask this collection and the bare engines in turns; compare what is found with the truth."""
    own, rows = chunk_vectors(size)
    queries = question_words()
    made = open_collection(data, name_of(size))
    with made.read() as reading, ThreadPoolExecutor(1) as executor:
        allowed = {
            key: reading.allowed({"field": field, "operator": "==", "value": value}, None)
            for key, (field, value) in _FILTERS.items()
        }
        found = recalls(reading, own, rows, allowed)
        with tempfile.TemporaryDirectory(dir=data) as folder:
            engines: dict[str, Callable[[int], object]] = {
                "faiss": bare_faiss(made, own, rows),
                "tantivy": bare_tantivy(Path(folder), size, queries),
            }
            for key in (None, *_FILTERS):
                engines[f"hybrid_{key}" if key else "hybrid"] = partial(
                    ask_one, reading, queries, rows, executor, allowed[key] if key else None
                )
            return {**found, **timed(engines)}


def timed(engines: Mapping[str, Callable[[int], object]]) -> Figures:
    """Ask each engine each question, in turns, so that noise falls on all alike."""
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for i in [*range(_WARM_UP), *range(_ASKED)]:
        for name, ask in engines.items():
            began = time.perf_counter()
            ask(i)
            spent[name].append((time.perf_counter() - began) * 1000)
    figures: Figures = {}
    for name, times in spent.items():
        figures[f"{name}_p50_ms"] = float(np.median(times[_WARM_UP:]))
        figures[f"{name}_p99_ms"] = float(np.percentile(times[_WARM_UP:], 99))
    slower = max(figures["faiss_p50_ms"], figures["tantivy_p50_ms"])
    figures["hybrid_to_slower"] = figures["hybrid_p50_ms"] / slower
    return figures


def recalls(
    reading: Reading, own: Halves, rows: Vectors, allowed: Mapping[str, ChunkSet | None]
) -> Figures:
    """Return the share of the ten nearest that is found, over all chunks and under the filters."""
    ids = np.arange(1, len(own) + 1)  # a new collection numbers its chunks so
    figures = {}
    for key, only in {"": None, **{f"_{key}": one for key, one in allowed.items()}}.items():
        among = ids if only is None else ids[only.holds(ids)]
        truth = exact(own, rows, among)
        hits = [reading.dense(row, DEPTH, only) for row in rows]
        shares = [
            len({hit.chunk_id for hit in one} & set(best.tolist())) / len(best)
            for one, best in zip(hits, truth, strict=True)
        ]
        figures[f"recall{key}"] = float(np.mean(shares))
    return figures


def exact(
    own: Halves, rows: Vectors, among: "np.typing.NDArray[np.int64]"
) -> "np.typing.NDArray[np.int64]":
    """Return the ids of the ten nearest chunks of those among, shape (questions, 10)."""
    scores = np.empty((len(rows), len(among)), np.float32)
    for start in range(0, len(among), 50_000):
        part = among[start : start + 50_000]
        scores[:, start : start + len(part)] = rows @ own[part - 1].astype(np.float32).T
    best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    return among[best]


def bare_faiss(made: Collection, own: Halves, rows: Vectors) -> Callable[[int], object]:
    """Return a search in an index of the kind that the collection has, made in one go."""
    size = len(own)
    if size <= FLAT_MOST:
        index = faiss.index_factory(DIMENSION, "SQfp16", faiss.METRIC_INNER_PRODUCT)
    else:
        index = faiss.index_factory(
            DIMENSION, f"IVF{round(size**0.5)},SQ8", faiss.METRIC_INNER_PRODUCT
        )
        assert isinstance(index, faiss.IndexIVFScalarQuantizer)
        index.by_residual = False
        index.nprobe = probes(made.folder)
    chosen = np.random.default_rng(_SEED).permutation(size)[:50_000]
    index.train(own[np.sort(chosen)].astype(np.float32))
    for start in range(0, size, 50_000):
        index.add(own[start : start + 50_000].astype(np.float32))

    def search(i: int) -> object:
        faiss.omp_set_num_threads(1)
        return index.search(rows[i : i + 1], DEPTH)

    return search


def probes(folder: Path) -> int:
    """Return into how many lists the view of a large collection looks."""
    parts = [load_dense(path, DIMENSION) for path in folder.glob("dense-*.faiss")]
    return max(part.lists.nprobe for part in parts if part and part.lists)


def bare_tantivy(folder: Path, size: int, queries: Sequence[str]) -> Callable[[int], object]:
    """Return a search in an index of the same texts, made in one go."""
    extend_lexical(folder, ENGLISH, ChunkSet(()), enumerate(texts(size, _SEED), start=1))
    index = tantivy.Index.open(str(folder))
    searcher, schema = index.searcher(), index.schema

    def search(i: int) -> object:
        words = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, "text", word))
            for word in Counter(terms(queries[i]))
        ]
        return searcher.search(tantivy.Query.boolean_query(words), DEPTH, count=False)

    return search


def changes(data: Path, size: int) -> Figures:
    """Store and erase one document; tell when a process that is open sees it."""
    word = "quixotryquest"
    made = open_collection(data, name_of(size))
    row = vectors(1, _SEED + 3)
    command = [sys.executable, "-m", "benchmarks.scale", "--watch", word]
    command += ["--folder", str(data), "--sizes", str(size)]
    stamps = {path: path.stat().st_mtime_ns for path in made.folder.glob("*.json")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        watcher.stdout.readline()
        figures: Figures = {}
        for kind in ("added", "erased"):
            began = time.time()
            with made.write() as writer:
                if kind == "added":
                    writer.put([document("one more", [f"{word} is here"], row, {})])
                else:
                    writer.erase(["one more"])
                writer.merge_views()
            figures[f"{kind}_stored_ms"] = (time.time() - began) * 1000
            seen = float(watcher.stdout.readline())
            figures[f"{kind}_seen_ms"] = (seen - began) * 1000
    now = {path: path.stat().st_mtime_ns for path in stamps}
    figures["views_rewritten"] = float(now != stamps)
    return figures


def watch(data: Path, size: int, word: str) -> None:
    """Print when a word is found first, and when it is found no more."""
    made = open_collection(data, name_of(size))

    def there() -> bool:
        with made.read() as reading:
            return bool(reading.lexical(word, 1))

    there()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for wanted in (True, False):
        while there() != wanted:
            time.sleep(0.01)
        sys.stdout.write(f"{time.time()}\n")
        sys.stdout.flush()


STEPS: Final[Mapping[str, Callable[[Path, int], Figures]]] = {
    "build": build,
    "memory": memory,
    "questions": questions,
    "changes": changes,
}


# --- the whole ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of the plot: its title, and the figures that it shows by the names they have."""

    title: str
    lines: Mapping[str, str]


PANELS: Final = (
    Panel("chunks stored a second", {"chunks_a_second": "ingestion"}),
    Panel(
        "a question, ms",
        {
            "hybrid_p50_ms": "hybrid, p50",
            "hybrid_p99_ms": "hybrid, p99",
            "faiss_p50_ms": "bare FAISS, p50",
            "tantivy_p50_ms": "bare tantivy, p50",
        },
    ),
    Panel("memory, MB", {"resident_mb": "resident"}),
    Panel("disk, bytes a chunk", {"disk_a_chunk": "catalog and views"}),
)


def measure(data: Path, size: int) -> Figures:
    """Take all steps for one size."""
    figures: Figures = {"chunks": size}
    for step in STEPS:
        if step == "build" and (data / name_of(size) / "built.json").exists():
            figures |= json.loads((data / name_of(size) / "built.json").read_text())
            continue
        command = [sys.executable, "-m", "benchmarks.scale", "--step", step]
        command += ["--folder", str(data), "--sizes", str(size)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout)
        if step == "build":
            (data / name_of(size) / "built.json").write_text(done.stdout)
    return figures


def table(rows: Sequence[Figures]) -> str:
    """Return the figures as a table in Markdown, a column a size."""
    lines = [
        "| | " + " | ".join(f"{int(row['chunks']):,}" for row in rows) + " |",
        "|---" * (len(rows) + 1) + "|",
    ]
    for name in rows[-1]:
        if name != "chunks":
            cells = " | ".join(f"{row.get(name, float('nan')):,.4g}" for row in rows)
            lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def plot(rows: Sequence[Figures], path: Path) -> None:
    """Draw the panels as an SVG."""
    import matplotlib.pyplot as plt

    plt.switch_backend("svg")
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    sizes = [row["chunks"] for row in rows]
    for axis, panel in zip(axes.flat, PANELS, strict=True):
        for name, label in panel.lines.items():
            axis.plot(sizes, [row[name] for row in rows], marker="o", label=label)
        axis.set(title=panel.title, xscale="log", xlabel="chunks", ylim=(0, None))
        axis.legend()
    figure.savefig(path)


def main() -> None:
    """Measure, print the table, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument(
        "--folder", type=Path, help="where the collections are kept (2 GB a million)"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="an SVG; needs matplotlib")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--watch", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    if given.watch:
        watch(given.folder, sizes[0], given.watch)
    elif given.step:
        json.dump(STEPS[given.step](given.folder, sizes[0]), sys.stdout)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            rows = [measure(given.folder or Path(scratch), size) for size in sizes]
        sys.stdout.write(f"{table(rows)}\n")
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1) + "\n")
        if given.plot:
            plot(rows, given.plot)


if __name__ == "__main__":
    main()
