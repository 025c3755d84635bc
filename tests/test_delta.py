"""What is in memory beside the views, and what searches make of sets of chunks."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes import views
from indexes.catalog import SplitterSettings
from indexes.chunk_table import Added
from indexes.collection import Collection, create_collection, open_collection
from indexes.delta import Delta
from indexes.documents import Span
from indexes.hits import ChunkSet
from indexes.languages import ENGLISH
from indexes.lexical import open_lexical, stored_lengths
from small_encoder import DIMENSION, encode, small_encoder
from stored_documents import prepared

# The lengths that fit one byte in Lucene's encoding (SmallFloat.byte4ToInt), up to 1,000.
LENGTHS = [
    *range(40), *range(40, 56, 2), *range(56, 88, 4), *range(88, 152, 8), *range(152, 280, 16),
    *range(280, 536, 32), *range(536, 1_001, 64),
]  # fmt: skip


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """Give an empty collection with the small encoder."""
    made = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    yield made
    made.close()


def ranges(ends: list[int]) -> ChunkSet:
    """Return the ranges between pairs of ascending numbers."""
    return ChunkSet(tuple(Span(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False)))


@given(
    st.lists(st.integers(0, 200), unique=True, max_size=20).map(sorted),
    st.lists(st.integers(0, 200), unique=True).map(sorted),
)
def test_a_set_of_chunks_tells_the_same_in_each_way(ends: list[int], ids: list[int]) -> None:
    """Of ids in any order, of many that ascend, and as a list of its own."""
    chunks = ranges(ends)
    own = [i for span in chunks.ranges for i in range(span.start, span.end)]
    array = np.array(ids, np.int64)
    expected = [i in own for i in ids]
    assert chunks.holds(array).tolist() == expected
    assert chunks.holds_sorted(array).tolist() == expected
    assert chunks.ids().tolist() == own
    assert len(chunks) == len(own)


def test_lengths_are_kept_as_the_engine_keeps_them() -> None:
    """Each is the greatest that fits one byte and is not over the true one."""
    expected = [max(fit for fit in LENGTHS if fit <= length) for length in range(1_000)]
    assert stored_lengths(np.arange(1_000)).tolist() == expected


def added(first: int, texts: list[str]) -> Added:
    """Return chunks as the catalog gives them."""
    return Added(np.arange(first, first + len(texts)), encode(texts), tuple(texts))


def test_a_state_of_the_delta_knows_nothing_of_later_ones() -> None:
    """Though they share the table of words; a removed text counts in none of its numbers."""
    nothing = ChunkSet(())
    empty = Delta.empty(DIMENSION)
    first = empty.followed_by([added(1, ["red fox", "red red owl"])], nothing, ENGLISH)
    later = first.followed_by([added(3, ["red hen"])], ChunkSet((Span(1, 2),)), ENGLISH)
    assert [delta.tokens() for delta in (empty, first, later)] == [(0, 0), (2, 5), (2, 5)]
    counts = [delta.frequencies(["red", "fox", "hen"]) for delta in (empty, first, later)]
    assert [list(count.values()) for count in counts] == [[0, 0, 0], [2, 1, 0], [2, 0, 1]]
    assert [delta.fresh(0, None).tolist() for delta in (first, later)] == [[0, 1], [1, 2]]
    assert later.fresh(2, None).tolist() == [2]
    assert later.fresh(0, ChunkSet((Span(1, 3),))).tolist() == [1]


def test_a_reading_keeps_its_state_while_others_go_on(collection: Collection) -> None:
    """What is stored during a question is found by the next one alone."""
    with collection.write() as writer:
        writer.put([prepared("a", ["red fox"])])
    with collection.read() as early:
        with collection.write() as writer:
            writer.put([prepared("b", ["red hen"])])
            writer.remove(["a"])
        with collection.read() as late:
            assert [hit.chunk_id for hit in late.lexical("red", 5)] == [2]
        assert [hit.chunk_id for hit in early.lexical("red", 5)] == [1]
        assert [hit.chunk_id for hit in early.dense(encode(["hen"])[0], 5)] == [1]


def test_removed_chunks_do_not_crowd_out_others(collection: Collection) -> None:
    """The best 400 are gone; what comes after them is found."""
    with collection.write() as writer:
        writer.put([prepared("gone", [f"owl owl owl {i}" for i in range(400)])])
        writer.put([prepared("here", [f"owl and much else besides {i}" for i in range(30)])])
        writer.merge_views(force=True)
        writer.remove(["gone"])
    with collection.read() as reading:
        here = set(range(401, 431))
        assert {hit.chunk_id for hit in reading.lexical("owl", 30)} == here
        assert len(reading.lexical("owl", 7)) == 7
        assert {hit.chunk_id for hit in reading.dense(encode(["owl"])[0], 30)} == here


@pytest.mark.parametrize("every", [2, 40, 400])
def test_a_scattered_filter_finds_what_a_sieve_finds(collection: Collection, every: int) -> None:
    """Few or many documents, each by itself: the same hits as of all those that are allowed."""
    chance = random.Random(every)
    texts = [" ".join(chance.choices(["owl", "hen", "fox", "elk"], k=6)) for _ in range(4_000)]
    with collection.write() as writer:
        items = [
            prepared(f"d{i}", [f"{text} {i}"], metadata={"part": i % every})
            for i, text in enumerate(texts)
        ]
        writer.put(items)
        writer.merge_views(force=True)
    condition = {"field": "metadata.part", "operator": "==", "value": 1}
    with collection.read() as reading:
        allowed = reading.allowed(condition, None)
        assert allowed is not None
        assert len(allowed.ranges) == 4_000 // every
        every_hit = reading.lexical("owl hen", 4_000)
        expected = [hit for hit in every_hit if hit.chunk_id % every == 2 % every]
        assert reading.lexical("owl hen", 50, allowed) == expected[:50]


def test_a_filter_is_applied_anew_after_a_change(collection: Collection) -> None:
    """What it allowed before is known only as long as nothing changes."""
    condition = {"field": "metadata.colour", "operator": "==", "value": "red"}

    def found() -> list[Span]:
        with collection.read() as reading:
            once, twice = (reading.allowed(condition, None) for _ in range(2))
            assert once is not None
            assert once is twice
            return list(once.ranges)

    with collection.write() as writer:
        writer.put([prepared("a", ["one", "two"], metadata={"colour": "red"})])
        assert found() == [Span(1, 3)]
        writer.put([prepared("b", ["three"], metadata={"colour": "red"})])
        assert found() == [Span(1, 4)]  # one after another: one range
        blue = prepared("a", ["one", "two"], metadata={"colour": "blue"})
        writer.refresh(blue.document)
        assert found() == [Span(3, 4)]


def test_a_large_lexical_view_is_not_built_anew_for_one_erased_document(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is once much has changed, or by force; nothing that is gone is found meanwhile."""
    monkeypatch.setattr(views, "_LARGE_VIEW", 1_000)
    monkeypatch.setattr(views, "_CHEAP_DELTA", 10)
    monkeypatch.setattr(views, "_SMALL_VIEW", 100)

    def frequency() -> int:
        view = open_lexical(next((collection.folder / "lexical").iterdir()))
        assert view is not None
        return view.frequency("zebra")

    with collection.write() as writer:
        writer.put([prepared("many", [f"owl {i}" for i in range(1_000)])])
        writer.put([prepared("secret", ["zebra"])])
        writer.merge_views()
        writer.erase(["secret"])
        writer.put([prepared("some", [f"hen {i}" for i in range(20)])])
        writer.merge_views()
        assert frequency() == 1
        with open_collection(collection.folder.parent, "c").read() as reading:
            assert reading.lexical("zebra", 5) == []
        writer.put([prepared("more", [f"elk {i}" for i in range(60)])])
        writer.merge_views()
        assert frequency() == 0
        writer.erase(["some"])
        writer.merge_views(force=True)
        assert frequency() == 0
    with open_collection(collection.folder.parent, "c").read() as reading:
        assert reading.lexical("hen", 5) == []
        assert len(reading.lexical("owl elk", 2_000)) == 1_060
