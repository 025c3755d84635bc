"""Ingest the same PDF files here and by LangChain (PyPDF and FAISS), in one run.

`python -m benchmarks.pdfs PATH…` prints as JSON for each engine: pages and chunks a second from
files to searchable, and the most memory that it and its processes held, and the ratio of pages.
Both cut into chunks of 200 tokens at most without overlap, encode with all-MiniLM-L6-v2, and run in
a process of their own, in turns. `benchmarks/README.md` tells how to install the peer.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Final

import psutil
import pypdfium2  # type: ignore[import-untyped]

from training.encoder import source_folder

TOKENS: Final = 200
ROUNDS: Final = 2
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """What one engine did once: seconds from files to searchable, chunks, bytes at most."""

    seconds: float
    chunks: int
    peak: int


def afterword(paths: Sequence[str]) -> int:
    """Ingest as `afterword ingest` does; return the number of chunks."""
    from indexes.settings import Settings
    from ingest.pipeline import ingest
    from ingest.progress import silent
    from ingest.survey import Order

    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data=Path(data), chunk_tokens=TOKENS)
        return ingest(Order(tuple(paths), "benchmark"), settings, silent).chunks


def langchain(paths: Sequence[str]) -> int:
    """Load pages by PyPDF, cut, and store in FAISS; return the number of chunks."""
    import torch
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from transformers import AutoTokenizer

    torch.set_num_threads(psutil.cpu_count() or 1)
    folder = str(source_folder())
    splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
        AutoTokenizer.from_pretrained(folder), chunk_size=TOKENS, chunk_overlap=0
    )
    pages = [page for path in paths for page in PyPDFLoader(path).load()]
    chunks = splitter.split_documents(pages)
    embeddings = HuggingFaceEmbeddings(
        model_name=folder, encode_kwargs={"normalize_embeddings": True}
    )
    FAISS.from_documents(chunks, embeddings)
    return len(chunks)


ENGINES: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "afterword": afterword,
    "langchain": langchain,
}


def _work(name: str, paths: Sequence[str], told: Connection) -> None:
    told.send(ENGINES[name](paths))


def run(name: str, paths: Sequence[str]) -> Run:
    """Run an engine in a new process, from its start to its end."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(name, paths, its))
    began = time.perf_counter()
    process.start()
    ended = threading.Event()
    peaks = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, ended, peaks))
    watcher.start()
    chunks = mine.recv()
    seconds = time.perf_counter() - began
    ended.set()
    watcher.join()
    process.join()
    return Run(seconds, chunks, peaks[0])


def _watch(pid: int, ended: threading.Event, peaks: list[int]) -> None:
    while not ended.wait(_LOOK_SECONDS):
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            peaks[0] = max(peaks[0], sum(one.memory_info().rss for one in family))
        except psutil.NoSuchProcess:
            continue


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.pdfs", description=__doc__)
    arguments.add_argument("paths", nargs="+", help="PDF files")
    arguments.add_argument("--engines", default=",".join(ENGINES))
    given = arguments.parse_args()
    pages = sum(len(pypdfium2.PdfDocument(path)) for path in given.paths)
    names = given.engines.split(",")
    runs = {name: list[Run]() for name in names}
    for _ in range(ROUNDS):
        for name in names:
            runs[name].append(run(name, given.paths))
    shown: dict[str, object] = {
        name: {
            "pages_a_second": round(pages / median(one.seconds for one in done), 2),
            "chunks": done[0].chunks,
            "chunks_a_second": round(done[0].chunks / median(one.seconds for one in done), 1),
            "peak_mb": round(max(one.peak for one in done) / 1e6),
        }
        for name, done in runs.items()
    }
    if set(names) == set(ENGINES):
        pairs = zip(runs["afterword"], runs["langchain"], strict=True)
        shown["times_as_fast"] = round(median(two.seconds / one.seconds for one, two in pairs), 2)
    json.dump({"pages": pages, "files": len(given.paths), **shown}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
