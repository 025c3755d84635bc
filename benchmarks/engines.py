"""The systems that `benchmarks.peers` compares: each ingests texts and then answers queries.

All have all-MiniLM-L6-v2 from the same folder and read 256 tokens of a text at most; a model is
loaded once a process. Each is used as its own documentation shows. A system with several ways to
search gives several searches; what only one of them needs is made when that one is asked for.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from indexes.documents import encoded_text
from indexes.settings import BUNDLED, load_settings
from service.answer import Answerer, Question, query_of
from service.retrieve import retrieve
from training.encoder import DIMENSION, MAX_TOKENS, source_folder
from training.sets import fill

DEPTH: Final = 5
COLLECTION: Final = "peers"
# What each half of a peer's hybrid search finds before they are joined: Haystack's own default.
_EACH: Final = 10

Search = Callable[[str], Sequence[str]]
"""Returns the ids of the best texts for a question, at most DEPTH distinct ones, best first."""

Searches = Mapping[str, Callable[[], Search]]
"""Makes each search of a system that has ingested; `dense`, `hybrid`, `retrieve`, `answer`."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph as it is given to a system."""

    id: str
    title: str
    text: str

    @property
    def whole(self) -> str:
        """What systems without titles are given: what our own encoder sees."""
        return encoded_text(self.title, (), self.text)


# --- Afterword ------------------------------------------------------------------------------------


def afterword(texts: Sequence[Text], stack: ExitStack) -> Searches:
    """Ingest a file; search, retrieve for a question that is encoded, and answer by the reader."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    corpus = folder / "corpus.jsonl"
    with corpus.open("w", encoding="utf-8") as file:
        for one in texts:
            file.write(json.dumps(asdict(one)) + "\n")
    # Every system has the bundled encoder; all else is as it is set.
    settings = load_settings().model_copy(update={"data": folder / "data", "encoder": BUNDLED})
    fill(settings, COLLECTION, corpus)
    answerer = Answerer(settings)
    stack.callback(answerer.close)

    def search(question: str) -> Sequence[str]:
        return _documents(answerer.search(question, COLLECTION, top_k=2 * DEPTH))

    def answer(question: str) -> Sequence[str]:
        reply = answerer.answer(Question(question, COLLECTION, top_k=2 * DEPTH))
        return _documents(reply.passages)

    return {
        "hybrid": lambda: search,
        "retrieve": lambda: _retrieval(answerer, stack),
        "answer": lambda: answer,
    }


def _documents(passages: Sequence[Any]) -> Sequence[str]:
    """Return the documents of passages: a long text has several."""
    return list(dict.fromkeys(str(one.document_id) for one in passages))[:DEPTH]


def _retrieval(answerer: Answerer, stack: ExitStack) -> Search:
    """Return what a search does once the question is encoded; each is encoded when asked first."""
    from indexes.encoder import load_encoder

    executor = stack.enter_context(ThreadPoolExecutor(1))
    encoder = load_encoder(BUNDLED, threads=load_settings().threads)

    @cache
    def query(question: str) -> Any:
        with answerer.collection(COLLECTION).read() as reading:
            return query_of(question, encoder, reading)

    def search(question: str) -> Sequence[str]:
        with answerer.collection(COLLECTION).read() as reading:
            found = retrieve(
                reading, query(question), allowed=None, limit=2 * DEPTH, executor=executor
            )
        return _documents([one.chunk for one in found.candidates])

    return search


# --- txtai ----------------------------------------------------------------------------------------

_TXTAI_MODELS: Final[dict[str, Any]] = {}


def txtai(texts: Sequence[Text], _stack: ExitStack) -> Searches:
    """Index vectors alone."""
    search = _txtai(texts, hybrid=False)
    return {"dense": lambda: search}


def txtai_hybrid(texts: Sequence[Text], _stack: ExitStack) -> Searches:
    """Index vectors and BM25; a search joins both."""
    search = _txtai(texts, hybrid=True)
    return {"hybrid": lambda: search}


def _txtai(texts: Sequence[Text], *, hybrid: bool) -> Search:
    from txtai import Embeddings

    made = Embeddings(
        path=str(source_folder()), hybrid=hybrid, maxlength=MAX_TOKENS, models=_TXTAI_MODELS
    )
    made.index([(one.id, one.whole, None) for one in texts])
    return lambda question: [str(name) for name, _ in made.search(question, DEPTH)]


# --- LangChain ------------------------------------------------------------------------------------


@cache
def _langchain_embeddings() -> Any:
    from langchain_huggingface import HuggingFaceEmbeddings

    return HuggingFaceEmbeddings(
        model_name=str(source_folder()), encode_kwargs={"normalize_embeddings": True}
    )


def langchain(texts: Sequence[Text], _stack: ExitStack) -> Searches:
    """Fill the FAISS store; its hybrid search is an ensemble with BM25."""
    from langchain_community.vectorstores import FAISS

    said = [one.whole for one in texts]
    ids = [{"id": one.id} for one in texts]
    store = FAISS.from_texts(said, _langchain_embeddings(), metadatas=ids)

    def dense(question: str) -> Sequence[str]:
        return [str(one.metadata["id"]) for one in store.similarity_search(question, DEPTH)]

    def hybrid() -> Search:
        from langchain_classic.retrievers import EnsembleRetriever
        from langchain_community.retrievers import BM25Retriever

        joined = EnsembleRetriever(
            retrievers=[
                BM25Retriever.from_texts(said, metadatas=ids, k=_EACH),
                store.as_retriever(search_kwargs={"k": _EACH}),
            ],
            weights=[0.5, 0.5],
            id_key="id",
        )
        return lambda question: [str(one.metadata["id"]) for one in joined.invoke(question)[:DEPTH]]

    return {"dense": lambda: dense, "hybrid": hybrid}


# --- LlamaIndex -----------------------------------------------------------------------------------


@cache
def _llamaindex_embeddings() -> Any:
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    return HuggingFaceEmbedding(model_name=str(source_folder()), device="cpu")


def llamaindex(texts: Sequence[Text], _stack: ExitStack) -> Searches:
    """Fill the vector index in memory; its hybrid search is a fusion with BM25."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.schema import TextNode

    nodes = [TextNode(id_=one.id, text=one.whole) for one in texts]
    index = VectorStoreIndex(nodes, embed_model=_llamaindex_embeddings())

    def hybrid() -> Search:
        from llama_index.core.llms import MockLLM
        from llama_index.core.retrievers import QueryFusionRetriever
        from llama_index.retrievers.bm25 import BM25Retriever

        return _llamaindex_search(
            QueryFusionRetriever(
                [
                    index.as_retriever(similarity_top_k=_EACH),
                    BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=_EACH),
                ],
                similarity_top_k=DEPTH,
                mode="reciprocal_rerank",
                num_queries=1,  # the question alone: no language model writes others
                use_async=False,
                llm=MockLLM(),
            )
        )

    return {
        "dense": lambda: _llamaindex_search(index.as_retriever(similarity_top_k=DEPTH)),
        "hybrid": hybrid,
    }


def _llamaindex_search(retriever: Any) -> Search:
    return lambda question: [str(one.node.node_id) for one in retriever.retrieve(question)]


# --- Haystack -------------------------------------------------------------------------------------


@cache
def _haystack_embedders() -> tuple[Any, Any]:
    # It is read when the package is imported; without it each run of a pipeline would be told.
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack.utils import ComponentDevice
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    asked = {
        "model": str(source_folder()),
        "device": ComponentDevice.from_str("cpu"),
        "token": None,
        "progress_bar": False,
        "local_files_only": True,
    }
    return SentenceTransformersDocumentEmbedder(**asked), SentenceTransformersTextEmbedder(**asked)


def haystack(texts: Sequence[Text], _stack: ExitStack) -> Searches:
    """Fill the store in memory, which counts words too; its hybrid search joins both by rank."""
    embedded = _haystack_documents(texts)
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore()
    store.write_documents(embedded)

    def hybrid() -> Search:
        pipeline = _haystack_pipeline(InMemoryEmbeddingRetriever(store, top_k=_EACH))
        pipeline.add_component("words", InMemoryBM25Retriever(store, top_k=_EACH))
        pipeline.add_component(
            "joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=DEPTH)
        )
        pipeline.connect("retriever", "joiner")
        pipeline.connect("words", "joiner")
        return lambda question: _haystack_ids(
            pipeline.run({"embedder": {"text": question}, "words": {"query": question}}), "joiner"
        )

    return {
        "dense": lambda: _haystack_dense(InMemoryEmbeddingRetriever(store, top_k=DEPTH)),
        "hybrid": hybrid,
    }


def haystack_faiss(texts: Sequence[Text], _stack: ExitStack) -> Searches:
    """Fill the FAISS store, which has no search by words."""
    embedded = _haystack_documents(texts)
    from haystack_integrations.components.retrievers.faiss import FAISSEmbeddingRetriever
    from haystack_integrations.document_stores.faiss import FAISSDocumentStore

    store = FAISSDocumentStore(embedding_dim=DIMENSION)
    store.write_documents(embedded)
    return {
        "dense": lambda: _haystack_dense(FAISSEmbeddingRetriever(document_store=store, top_k=DEPTH))
    }


def _haystack_documents(texts: Sequence[Text]) -> Any:
    """Return the texts as documents with vectors."""
    embedder, _ = _haystack_embedders()
    from haystack import Document

    documents = [Document(id=one.id, content=one.whole) for one in texts]
    return embedder.run(documents)["documents"]


def _haystack_pipeline(retriever: Any) -> Any:
    """Return a pipeline that encodes a question and finds documents near it."""
    from copy import copy

    from haystack import Pipeline

    pipeline = Pipeline()
    # A component belongs to one pipeline; the copies share the model.
    embedder = _haystack_embedders()[1]
    embedder.warm_up()
    pipeline.add_component("embedder", copy(embedder))
    pipeline.add_component("retriever", retriever)
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    return pipeline


def _haystack_dense(retriever: Any) -> Search:
    pipeline = _haystack_pipeline(retriever)
    return lambda question: _haystack_ids(
        pipeline.run({"embedder": {"text": question}}), "retriever"
    )


def _haystack_ids(found: Any, component: str) -> Sequence[str]:
    return [str(one.id) for one in found[component]["documents"]]


ENGINES: Final[Mapping[str, Callable[[Sequence[Text], ExitStack], Searches]]] = {
    "afterword": afterword,
    "txtai": txtai,
    "txtai+bm25": txtai_hybrid,
    "langchain": langchain,
    "llamaindex": llamaindex,
    "haystack": haystack,
    "haystack+faiss": haystack_faiss,
}
"""Ingests the texts, with what is to be closed afterwards."""
