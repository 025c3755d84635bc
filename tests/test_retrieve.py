"""Retrieve: ranks fused as the formula says, equal texts once, and only what a filter allows."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Reading, create_collection
from indexes.documents import StoredChunk
from indexes.hits import Hit
from service.evidence import Query
from service.retrieve import Ranked, Retrieved, fuse, retrieve, select
from small_encoder import small_encoder
from stored_chunks import stored_chunk
from stored_documents import chunks_of, prepared

IDS = st.lists(st.integers(0, 30), unique=True, max_size=20)


def hits(ids: Sequence[int]) -> list[Hit]:
    """Return hits in this order with falling scores."""
    return [Hit(one, 9.0 - place) for place, one in enumerate(ids)]


def test_fuse_gives_what_a_hand_computes() -> None:
    """Two of three chunks are found by both engines."""
    found = list(fuse([Hit(7, 0.9), Hit(5, 0.4)], [Hit(5, 12.0), Hit(6, 3.0), Hit(7, 2.0)]))
    assert [one.chunk_id for one in found] == [5, 7, 6]
    # 1/62 + 1/61, 1/61 + 1/63, 1/62, each over 2/61
    assert [one.fused for one in found] == pytest.approx([0.991935, 0.984127, 0.491935], abs=1e-6)
    assert [(one.dense, one.lexical) for one in found] == [(0.4, 12.0), (0.9, 2.0), (None, 3.0)]


@given(IDS, IDS)
def test_fuse_agrees_with_the_formula(dense: list[int], lexical: list[int]) -> None:
    """The order is that of exact sums, ties by id; scores are in (0, 1]."""
    sums = {
        one: sum(Fraction(1, 61 + ids.index(one)) for ids in (dense, lexical) if one in ids)
        for one in {*dense, *lexical}
    }
    found = list(fuse(hits(dense), hits(lexical)))
    assert {one.chunk_id: one.fused for one in found} == pytest.approx(
        {one: float(value * Fraction(61, 2)) for one, value in sums.items()}
    )
    assert [one.chunk_id for one in found] == sorted(sums, key=lambda one: (-sums[one], one))
    assert all(0 < one.fused <= 1 for one in found)


def chunk(chunk_id: int, text: str) -> StoredChunk:
    """Return a stored chunk of its own document."""
    return replace(stored_chunk(text), chunk_id=chunk_id, document_id=str(chunk_id))


@given(st.lists(st.sampled_from("abcde"), max_size=20), st.integers(1, 8), st.sets(st.integers(0)))
def test_select_reads_on_until_the_limit(texts: list[str], limit: int, gone: set[int]) -> None:
    """The first of each text stays, up to the limit; rows that are gone are passed over."""
    asked: list[int] = []

    def read(ids: Sequence[int]) -> Iterator[StoredChunk]:
        asked.extend(ids)
        return (chunk(one, texts[one]) for one in ids if one not in gone)

    found = select([Ranked(n, 1.0, None, 1.0) for n in range(len(texts))], read, limit)
    there = [n for n in range(len(texts)) if n not in gone]
    firsts = [n for n in there if texts[n] not in [texts[m] for m in there if m < n]]
    assert [one.chunk.chunk_id for one in found.candidates] == firsts[:limit]
    for one in found.dropped:
        (first,) = [c for c in found.candidates if c.chunk.text == texts[one.chunk_id]]
        assert first.chunk.chunk_id < one.chunk_id
        assert one.reason == f"same text as chunk {first.chunk.chunk_id}"
    if len(firsts) < limit:
        assert len(found.dropped) == len(there) - len(firsts)
    assert asked == list(range(len(asked)))


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """Three documents of birds; the northern and the western one share a text."""
    made = create_collection(tmp_path, "birds", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        writer.put(
            [
                prepared("north", ["ravens are black", "swans are white"], metadata={"at": "n"}),
                prepared("south", ["swans sing at dusk", "storks clatter"], metadata={"at": "s"}),
                prepared("west", ["swans are white", "owls hoot"], as_of="2026-01-01"),
            ]
        )
    yield made
    made.close()


def found(reading: Reading, text: str, limit: int = 8, **narrow: str) -> Retrieved:
    """Retrieve by the small encoder's vector, at = the metadata wanted."""
    query = Query(text, small_encoder().encode_query(text), {})
    wanted = {"field": "metadata.at", "operator": "==", "value": narrow["at"]} if narrow else None
    allowed = reading.allowed(wanted, None)
    with ThreadPoolExecutor(1) as executor:
        return retrieve(reading, query, allowed=allowed, limit=limit, executor=executor)


def test_both_engines_give_a_candidate_its_scores(collection: Collection) -> None:
    """They are the engines' own, and an equal text is dropped with a reason."""
    with collection.read() as reading:
        got = found(reading, "swans are white")
        dense = {
            h.chunk_id: h.score
            for h in reading.dense(small_encoder().encode_query("swans are white"), 9)
        }
        lexical = {h.chunk_id: h.score for h in reading.lexical("swans are white", 9)}
    assert len(got.candidates) == 5
    first = got.candidates[0]
    assert (first.chunk.text, first.chunk.document_id) == ("swans are white", "north")
    assert first.dense == pytest.approx(1.0, abs=1e-3)
    for one in got.candidates:
        assert one.dense == dense.get(one.chunk.chunk_id)
        assert one.lexical == lexical.get(one.chunk.chunk_id)
    assert [one.reason for one in got.dropped] == [f"same text as chunk {first.chunk.chunk_id}"]


@pytest.mark.parametrize("place", ["n", "s"])
def test_a_filter_is_kept_by_both_engines(collection: Collection, place: str) -> None:
    """Chunks of other documents come from neither, even where they fit better."""
    with collection.read() as reading:
        got = found(reading, "swans are white", at=place)
    name = {"n": "north", "s": "south"}[place]
    assert [one.chunk.document_id for one in got.candidates] == [name, name]
    assert any(one.dense is not None for one in got.candidates)
    assert any(one.lexical is not None for one in got.candidates)
    assert not got.dropped


def test_a_filter_that_keeps_nothing_gives_nothing(collection: Collection) -> None:
    """No engine is confused by an empty set."""
    with collection.read() as reading:
        assert found(reading, "swans", at="nowhere") == Retrieved(())


def test_only_what_is_visible_comes_back(collection: Collection) -> None:
    """An open reading keeps its rows while a writer removes a document; the next one lacks it."""
    with collection.read() as before:
        with collection.write() as writer:
            writer.remove(["north"])
        old = found(before, "ravens are black")
    assert "north" in {one.chunk.document_id for one in old.candidates}
    with collection.read() as after:
        new = found(after, "ravens are black")
        visible = {c.chunk_id for d in ("south", "west") for c in chunks_of(after, d)}
    assert {one.chunk.chunk_id for one in new.candidates} == visible


def test_the_limit_holds(collection: Collection) -> None:
    """The best of all stay."""
    with collection.read() as reading:
        every = found(reading, "swans sing at dusk").candidates
        assert found(reading, "swans sing at dusk", limit=2).candidates == every[:2]
