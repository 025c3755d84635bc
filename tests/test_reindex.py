"""Reindex: another encoder or chunk size, in one change, while readers and writers go on."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection, open_collection
from indexes.documents import (
    Document,
    Extract,
    Heading,
    Prepared,
    Span,
    encoded_chunk,
    sha256_text,
    text_hash,
)
from indexes.encoder import Encoder, EncoderIdentity, load_encoder
from indexes.errors import CollectionBusy, EncoderMismatch
from ingest.reindex import reindex
from ingest.split import Splitter
from stored_documents import chunks_of

SENTENCE = "The harbour master counted {} boats before the storm came in from the west. "


def turned(encoder: Encoder) -> Encoder:
    """Return an encoder of another identity with half of the dimensions."""

    def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        rows = encoder.encode_documents(texts)[:, ::-2]
        halves: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return halves

    return replace(
        encoder,
        identity=EncoderIdentity("turned", "f" * 64, encoder.identity.dimension // 2, 256),
        encode_documents=encode,
        encode_query=lambda text: encode([text])[0],
    )


def prepare(encoder: Encoder, chunk_tokens: int, document_id: str, text: str) -> Prepared:
    """Cut and encode one document."""
    heading = Heading(1, Span(0, text.index("\n")))
    extract = Extract(text, "text/plain", "Log", headings=(heading,))
    chunks = Splitter(encoder, chunk_tokens).split(extract)
    texts = [encoded_chunk("Log", text, chunk) for chunk in chunks]
    hashes = [text_hash(words) for words in texts]
    vectors = dict(zip(hashes, encoder.encode_documents(texts), strict=True))
    sha = sha256_text(text)
    document = Document(
        document_id, f"s/{document_id}", "s", "Log", "text/plain", sha, sha, 1, 1, "plain/1",
        None, None, {}, characters=len(text),
    )  # fmt: skip
    return Prepared(document, text, chunks, hashes, vectors, (heading,))


def text_of(i: int) -> str:
    """Return a document of about 400 tokens."""
    return f"Day {i}\n\n" + "".join(SENTENCE.format(i * 1000 + n) for n in range(25))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """Give the bundled encoder."""
    return load_encoder("bundled")


@pytest.fixture
def collection(tmp_path: Path, encoder: Encoder) -> Collection:
    """Give a collection of five documents in chunks of up to 200 tokens."""
    made = create_collection(tmp_path, "c", encoder, SplitterSettings(200))
    with made.write() as writer:
        writer.put([prepare(encoder, 200, f"d{i}", text_of(i)) for i in range(5)])
    return made


def test_new_encoder_and_chunk_size(collection: Collection, encoder: Encoder) -> None:
    """Afterwards chunks, vectors and identity are those that a new collection would have."""
    other = turned(encoder)
    told: list[tuple[int, int]] = []
    chunks = reindex(
        collection, other, SplitterSettings(50), lambda done, total: told.append((done, total))
    )
    assert told[-1] == (5, 5)
    fresh = create_collection(collection.folder.parent, "fresh", other, SplitterSettings(50))
    with fresh.write() as writer:
        writer.put([prepare(other, 50, f"d{i}", text_of(i)) for i in range(5)])
    query = other.encode_query("storm 2010 boats")
    found = []
    for each in (open_collection(collection.folder.parent, "c"), collection, fresh):
        with each.read() as reading:
            assert reading.count().chunks == chunks
            hits = reading.dense(query, 5)
            rows = reading.chunks([hit.chunk_id for hit in hits])
            words = reading.lexical("3007", 5)
            found.append(
                (
                    [(r.document_id, r.span, r.headings) for r in rows],
                    [round(h.score, 4) for h in hits],
                    [r.span for r in reading.chunks([h.chunk_id for h in words])],
                )
            )
    assert found[0] == found[1] == found[2]
    collection.check_encoder(other)
    with pytest.raises(EncoderMismatch):
        collection.check_encoder(encoder)


def test_a_killed_reindex_changes_nothing_and_loses_no_work(
    collection: Collection, encoder: Encoder
) -> None:
    """An exception in the middle leaves the old index; the next run encodes only the rest."""
    other = turned(encoder)
    encoded: list[int] = []

    def counting(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        encoded.append(len(texts))
        return other.encode_documents(texts)

    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(collection, replace(other, encode_documents=counting), SplitterSettings(50), stop)
    with collection.read() as reading:
        assert reading.encoder == encoder.identity
        assert reading.dense(encoder.encode_query("storm"), 3)
    first = sum(encoded)
    encoded.clear()
    total = reindex(
        collection,
        replace(other, encode_documents=counting),
        SplitterSettings(50),
        lambda *_: None,
    )
    probes = 8
    assert (first - probes) + (sum(encoded) - probes) == total


def test_documents_that_arrive_meanwhile_are_taken_in(
    collection: Collection, encoder: Encoder
) -> None:
    """A document put by a writer while the others are encoded is in the new index too."""
    late = prepare(encoder, 200, "late", text_of(99))

    def put(done: int, _total: int) -> None:
        if done == 5:
            with collection.write() as writer:
                writer.put([late])

    reindex(collection, turned(encoder), SplitterSettings(50), put)
    with collection.read() as reading:
        assert reading.count().documents == 6
        assert len(chunks_of(reading, "late")) > len(late.chunks)


def test_no_reading_is_held_while_documents_are_encoded(
    collection: Collection, encoder: Encoder
) -> None:
    """What others erase in a long reindex leaves the disk at once, and the log does not grow."""
    other = turned(encoder)
    busy: list[int] = []

    def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        with closing(sqlite3.connect(collection.folder / "catalog.db", timeout=0)) as raw:
            busy.append(raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        return other.encode_documents(texts)

    def erase(done: int, _total: int) -> None:
        if done == 2:
            with collection.write() as writer:
                writer.erase(["d0", "d4"])

    renewed = replace(other, encode_documents=encode)
    chunks = reindex(collection, renewed, SplitterSettings(50), erase)
    assert set(busy) == {0}
    with collection.read() as reading:
        assert (reading.count().documents, reading.count().chunks) == (3, chunks)


def test_a_writer_from_before_is_refused(collection: Collection, encoder: Encoder) -> None:
    """Vectors of the old encoder cannot get into the new index."""
    with collection.write() as writer:
        reindex(collection, turned(encoder), SplitterSettings(200), lambda *_: None)
        with pytest.raises(CollectionBusy, match="again"):
            writer.put([prepare(encoder, 200, "late", text_of(99))])
