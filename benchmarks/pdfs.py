"""Ingest the same PDF files here and by LangChain (PyPDF and FAISS), in one run.

`python -m benchmarks.pdfs PATH… [--limit N] [--rounds N]` prints as JSON for each engine: pages and
chunks a second from files to searchable, and the most memory that it and its processes held, and
the ratio of pages. A PATH may be a folder, whose PDF files are taken with those of its folders;
`--limit` takes so many of all, from the first to the last by even steps. Both cut into chunks of
200 tokens at most without overlap, encode with all-MiniLM-L6-v2, and run in a process of their own,
in turns. `benchmarks/README.md` tells how to install the peer.
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
    its.close()  # so that what is awaited from a process that died is seen not to come
    ended = threading.Event()
    peaks = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, ended, peaks))
    watcher.start()
    try:
        chunks = mine.recv()
    except EOFError:
        sys.exit(f"{name} failed on these files; above it says why")
    finally:
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


def pdf_files(paths: Sequence[Path], limit: int | None) -> list[Path]:
    """Return the PDF files among the paths and in folders, or `limit` of them by even steps."""
    found = [
        file
        for path in paths
        for file in (sorted(path.rglob("*.[pP][dD][fF]")) if path.is_dir() else [path])
    ]
    if not found:
        sys.exit(f"no PDF file in {', '.join(map(str, paths))}; name files, or a folder with some")
    if limit is None or limit >= len(found):
        return found
    return [found[number * len(found) // limit] for number in range(limit)]


def shown(runs: Mapping[str, Sequence[Run]], pages: int) -> dict[str, object]:
    """Return the figures of each engine, and how many times as fast ours is, round by round."""
    found: dict[str, object] = {}
    for name, done in runs.items():
        seconds = [one.seconds for one in done]
        found[name] = {
            "pages_a_second": round(pages / median(seconds), 2),
            "pages_a_second_best": round(pages / min(seconds), 2),
            "chunks": done[0].chunks,
            "chunks_a_second": round(done[0].chunks / median(seconds), 1),
            "peak_mb": round(max(one.peak for one in done) / 1e6),
        }
    if runs.keys() == ENGINES.keys():
        pairs = zip(runs["afterword"], runs["langchain"], strict=True)
        found["times_as_fast"] = round(median(two.seconds / one.seconds for one, two in pairs), 2)
    return found


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.pdfs", description=__doc__)
    arguments.add_argument("paths", nargs="+", type=Path, help="PDF files, and folders of them")
    arguments.add_argument("--limit", type=int, help="only so many of the files")
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--engines", default=",".join(ENGINES))
    given = arguments.parse_args()
    files = pdf_files(given.paths, given.limit)
    pages = sum(page_count(path) for path in files)
    names = given.engines.split(",")
    runs = {name: list[Run]() for name in names}
    for _ in range(given.rounds):
        for name in names:
            runs[name].append(run(name, [str(path) for path in files]))
    json.dump({"pages": pages, "files": len(files), **shown(runs, pages)}, sys.stdout, indent=1)
    sys.stdout.write("\n")


def page_count(path: Path) -> int:
    """Return how many pages a file has."""
    with pypdfium2.PdfDocument(path) as document:
        return len(document)


if __name__ == "__main__":
    main()
