"""Retrieve: scores fused as the formula says, equal texts once, and only what a filter allows."""

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


def hits(ids: Sequence[int], least: int) -> list[Hit]:
    """Return hits in this order with falling scores, the last one above the least possible."""
    return [Hit(one, float(least + len(ids) - place)) for place, one in enumerate(ids)]


def test_fuse_gives_what_a_hand_computes() -> None:
    """Two of three chunks are found by both engines."""
    found = list(fuse([Hit(7, 0.9), Hit(5, 0.4)], [Hit(5, 12.0), Hit(6, 3.0), Hit(7, 2.0)]))
    assert [one.chunk_id for one in found] == [7, 5, 6]
    # .8 * 1 + .2 * 2/12, .8 * 1.4/1.9 + .2 * 1, .8 * 1.4/1.9 + .2 * 3/12
    assert [one.fused for one in found] == pytest.approx([0.833333, 0.789474, 0.639474], abs=1e-6)
    assert [(one.dense, one.lexical) for one in found] == [(0.9, 2.0), (0.4, 12.0), (None, 3.0)]


def test_what_words_left_out_is_no_better_than_the_last_they_found() -> None:
    """Of a list that is full; what a list that is not full lacks has none of the words."""
    lists = [Hit(1, 0.0)], [Hit(2, 4.0), Hit(3, 2.0)]
    full, short = ({one.chunk_id: one.fused for one in fuse(*lists, 0.5, n)} for n in (2, 3))
    assert full == {1: 0.75, 2: 1.0, 3: 0.75}
    assert short == {1: 0.5, 2: 1.0, 3: 0.75}


@given(IDS, IDS, st.fractions(0, 1), st.integers(1, 25))
def test_fuse_agrees_with_the_formula(
    dense: list[int], lexical: list[int], weight: Fraction, depth: int
) -> None:
    """The order is that of exact means but for ties by rounding; scores are in [0, 1]."""
    last = Fraction(1, len(dense)) if dense else Fraction(0)
    rest = Fraction(1, len(lexical)) if len(lexical) >= depth else Fraction(0)

    def share(ids: list[int], one: int, of_others: Fraction) -> Fraction:
        return Fraction(len(ids) - ids.index(one), len(ids)) if one in ids else of_others

    means = {
        one: weight * share(dense, one, last) + (1 - weight) * share(lexical, one, rest)
        for one in {*dense, *lexical}
    }
    found = list(fuse(hits(dense, -1), hits(lexical, 0), float(weight), depth))
    assert {one.chunk_id for one in found} == set(means)
    for one in found:
        assert one.fused == pytest.approx(float(means[one.chunk_id]), abs=1e-12)
        assert 0 <= one.fused <= 1
    assert found == sorted(found, key=lambda one: (-one.fused, one.chunk_id))


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
