"""Ingest the same paragraphs and ask the same questions here and in other libraries, in one run.

`python -m benchmarks.peers CORPUS.jsonl.gz QUESTIONS.jsonl.gz [--limit N] [--engines a,b]` prints
for each engine as JSON: texts ingested a second, share of questions with a right paragraph first
and among five, and latency. All use the same encoder; Afterword gives its whole answer with
citations, by the reader of the settings, which is named, the others what their retrieval finds.
Engines are asked in turns, so that noise falls on all alike. `benchmarks/README.md` tells
how to install them.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch

from indexes.documents import encoded_text
from indexes.settings import BUNDLED, load_settings
from service.answer import Answerer, Question
from service.evaluate import Line, read_lines
from training.encoder import source_folder
from training.sets import fill, read_rows, sample

DEPTH: Final = 5
COLLECTION: Final = "peers"
WARM_UP: Final = 3

Search = Callable[[str], Sequence[str]]
"""Returns the ids of the best texts for a question, at most DEPTH distinct ones, best first."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph as it is given to an engine."""

    id: str
    title: str
    text: str

    @property
    def whole(self) -> str:
        """What engines without titles are given: what our own encoder sees."""
        return encoded_text(self.title, (), self.text)


@dataclass(slots=True)
class Run:
    """What an engine did."""

    texts_a_second: float
    places: list[int | None] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def shown(self) -> dict[str, float]:
        """Return its figures."""
        return {
            "texts_a_second": round(self.texts_a_second, 1),
            "hit@1": round(float(np.mean([place == 0 for place in self.places])), 4),
            "hit@5": round(float(np.mean([place is not None for place in self.places])), 4),
            "p50_ms": round(float(np.median(self.milliseconds)), 1),
            "p95_ms": round(float(np.percentile(self.milliseconds, 95)), 1),
        }


def afterword(texts: Sequence[Text], stack: ExitStack) -> Search:
    """Return a search that gives the documents of an answer's passages."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    corpus = folder / "corpus.jsonl"
    with corpus.open("w", encoding="utf-8") as file:
        for one in texts:
            file.write(json.dumps(asdict(one)) + "\n")
    # Every engine has the bundled encoder; all else is as it is set.
    settings = load_settings().model_copy(update={"data": folder / "data", "encoder": BUNDLED})
    fill(settings, COLLECTION, corpus)
    answerer = Answerer(settings)
    stack.callback(answerer.close)

    def search(question: str) -> Sequence[str]:
        reply = answerer.answer(Question(question, COLLECTION, top_k=2 * DEPTH))
        return list(dict.fromkeys(one.document_id for one in reply.passages))[:DEPTH]

    return search


def txtai(texts: Sequence[Text], _stack: ExitStack) -> Search:
    """Return txtai's hybrid search (dense and BM25)."""
    from txtai import Embeddings

    made = Embeddings(path=str(source_folder()), hybrid=True)
    made.index([(one.id, one.whole, None) for one in texts])
    return lambda question: [str(name) for name, _ in made.search(question, DEPTH)]


def langchain(texts: Sequence[Text], _stack: ExitStack) -> Search:
    """Return LangChain's FAISS store."""
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings

    embeddings = HuggingFaceEmbeddings(
        model_name=str(source_folder()), encode_kwargs={"normalize_embeddings": True}
    )
    store = FAISS.from_texts(
        [one.whole for one in texts], embeddings, metadatas=[{"id": one.id} for one in texts]
    )
    return lambda question: [
        str(one.metadata["id"]) for one in store.similarity_search(question, DEPTH)
    ]


def llamaindex(texts: Sequence[Text], _stack: ExitStack) -> Search:
    """Return LlamaIndex's in-memory vector index."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    index = VectorStoreIndex(
        [TextNode(id_=one.id, text=one.whole) for one in texts],
        embed_model=HuggingFaceEmbedding(model_name=str(source_folder()), device="cpu"),
    )
    retriever = index.as_retriever(similarity_top_k=DEPTH)
    return lambda question: [str(one.node.node_id) for one in retriever.retrieve(question)]


ENGINES: Final[Mapping[str, Callable[[Sequence[Text], ExitStack], Search]]] = {
    "afterword": afterword,
    "txtai": txtai,
    "langchain": langchain,
    "llamaindex": llamaindex,
}


def compare(
    texts: Sequence[Text], lines: Sequence[Line], engines: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Ingest and ask; return the figures of each engine."""
    runs: dict[str, Run] = {}
    searches: dict[str, Search] = {}
    with ExitStack() as stack:
        for name in engines:
            began = time.perf_counter()
            searches[name] = ENGINES[name](texts, stack)
            runs[name] = Run(len(texts) / (time.perf_counter() - began))
            for line in lines[:WARM_UP]:
                searches[name](line.question)
        for line in lines:
            for name, search in searches.items():
                ask(line, search, runs[name])
    return {name: run.shown() for name, run in runs.items()}


def ask(line: Line, search: Search, run: Run) -> None:
    """Ask one question and keep at which place a right text came, and how long it took."""
    began = time.perf_counter()
    found = search(line.question)
    run.milliseconds.append((time.perf_counter() - began) * 1000)
    places = [place for place, name in enumerate(found) if name in (line.relevant or ())]
    run.places.append(places[0] if places else None)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=200, help="questions, drawn with a fixed seed")
    parser.add_argument("--engines", default=",".join(ENGINES))
    given = parser.parse_args()
    # As Afterword does; left to itself torch takes one thread for two logical cores.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    texts = [
        Text(str(row["id"]), str(row["title"]), str(row["text"])) for row in read_rows(given.corpus)
    ]
    drawn = sample([one for one in read_lines(given.questions) if one.relevant], given.limit)
    found = compare(texts, drawn, given.engines.split(","))
    json.dump({"reader": load_settings().reader, "engines": found}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
