"""The dense view of a large collection: what it finds, and its files as the collection changes.

Nothing here is large: the threshold is lowered.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from benchmarks.made import CHUNKS, DIMENSION, Halves, documents, vectors
from benchmarks.scale import exact, given_encoder
from indexes import dense_parts
from indexes.catalog import SplitterSettings, connect, identity
from indexes.collection import Collection, create_collection, open_collection
from indexes.dense import DenseView, join_dense, load_dense, sample_size, train_dense
from indexes.dense_parts import FLAT
from indexes.hits import ChunkSet
from indexes.soundness import views

COUNT = 6_000
FEW = 200


@pytest.fixture(autouse=True)
def _low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let collections be large from 1,000 chunks on."""
    monkeypatch.setattr(dense_parts, "FLAT_MOST", 1_000)


@pytest.fixture(scope="module")
def made() -> Halves:
    """Return vectors in clusters, from a fixed seed."""
    return vectors(COUNT + 1_000, 3)


@pytest.fixture
def collection(tmp_path: Path, made: Halves) -> Iterator[Collection]:
    """Give a collection of 6,000 chunks in documents of ten, its views merged."""
    new = create_collection(tmp_path, "c", given_encoder(), SplitterSettings(256))
    with new.write() as writer:
        writer.put(list(documents(made[:COUNT], 3)))
        writer.merge_views()
    yield new
    new.close()


def parts_of(collection: Collection) -> dict[str, int]:
    """Return the files of the dense view with how many vectors each has, as its stamp says."""
    stamp = json.loads((collection.folder / "dense.json").read_text())
    return {part["name"]: part["rows"] for part in stamp["parts"]}


def files_of(collection: Collection) -> set[str]:
    """Return the names of the dense view's files that are there."""
    return {path.name for path in collection.folder.glob("dense*.faiss")}


def centres_of(collection: Collection) -> list[int]:
    """Return how many centres each file of the dense view has."""
    parts = [load_dense(collection.folder / name, DIMENSION) for name in parts_of(collection)]
    return [part.lists.nlist for part in parts if part and part.lists]


def state_of(collection: Collection) -> str:
    """Return what `afterword doctor` thinks of the dense view when it compares all."""
    connection = connect(collection.folder / "catalog.db")
    try:
        return views(collection.folder, connection, identity(connection), full=True)[0].state
    finally:
        connection.close()


def add(collection: Collection, given: Halves, name: str) -> None:
    """Store documents of these vectors, and merge the views by force."""
    with collection.write() as writer:
        writer.put(list(documents(given, crc32(name.encode()), name)))
        writer.merge_views(force=True)


def test_nearly_all_of_the_nearest_are_found_with_their_scores(
    collection: Collection, made: Halves
) -> None:
    """Also among the hundredth that a filter keeps, in one run of ids or scattered."""
    asked = made[COUNT : COUNT + FEW].astype(np.float32)
    with collection.read() as reading:
        for field, least in ((None, 0.98), ("metadata.place", 0.95), ("metadata.part", 0.95)):
            condition = {"field": field, "operator": "==", "value": 7} if field else None
            allowed = reading.allowed(condition, None)
            ids = np.arange(1, COUNT + 1)
            among = ids if allowed is None else ids[allowed.holds(ids)]
            assert field is None or len(among) == COUNT // 100
            shares = []
            for row, best in zip(asked, exact(made, asked, among), strict=True):
                hits = reading.dense(row, 10, allowed)
                found = [hit.chunk_id for hit in hits]
                true = made[np.array(found) - 1].astype(np.float32) @ row
                np.testing.assert_allclose([hit.score for hit in hits], true, rtol=1e-5)
                shares.append(len({*found} & {*best.tolist()}) / 10)
            assert np.mean(shares) >= least


def test_the_same_vectors_give_the_same_view(made: Halves) -> None:
    """Centres, lists and hits do not depend on chance."""
    rows = made[:3_000].astype(np.float32)
    ids = np.arange(1, 3_001)
    asked = made[COUNT].astype(np.float32)

    def build() -> DenseView:
        centres = train_dense(len(rows), rows[: sample_size(len(rows))])
        return DenseView((join_dense(centres, (), ChunkSet(()), [(ids, rows)]),))

    assert build().search(asked, 50, None) == build().search(asked, 50, None)


def test_what_is_new_becomes_a_file_and_the_others_stay(
    collection: Collection, made: Halves
) -> None:
    """Small files are taken up by those after them, so that there are few; centres stay."""
    (first,) = parts_of(collection)
    sizes = []
    for number in range(8):
        start = COUNT + 10 * number
        add(collection, made[start : start + 10], f"n{number}-")
        parts = parts_of(collection)
        assert next(iter(parts)) == first
        assert files_of(collection) == set(parts)
        sizes.append([rows for name, rows in parts.items() if name != first])
    assert sizes == [[10], [20], [20, 10], [40], [40, 10], [40, 20], [40, 20, 10], [80]]
    with collection.read() as reading:
        for place in (0, COUNT - 1, COUNT + 5, COUNT + 79):
            best = reading.dense(made[place].astype(np.float32), 1)
            assert [hit.chunk_id for hit in best] == [place + 1]
    assert state_of(collection) == "sound"


def test_a_reader_loads_new_files_alone(collection: Collection, made: Halves) -> None:
    """What it has in memory of the others serves on."""
    with collection.read():
        pass
    assert collection._live is not None
    before = collection._live.views.dense.parts
    add(collection, made[COUNT : COUNT + 10], "new")
    with collection.read():
        pass
    after = collection._live.views.dense.parts
    assert [len(part.ids) for part in after] == [COUNT, 10]
    assert after[0] is before[0]


def test_what_outgrows_the_centres_gets_others(tmp_path: Path, made: Halves) -> None:
    """They are for what comes from then on: what is there keeps its own, and its file."""
    new = create_collection(tmp_path, "c", given_encoder(), SplitterSettings(256))
    add(new, made[:1_100], "a")
    (first,) = parts_of(new)
    add(new, made[1_100:2_000], "b")
    assert list(parts_of(new).values()) == [1_100, 900]
    assert first in parts_of(new)
    add(new, made[2_000:4_400], "c")
    assert list(parts_of(new).values()) == [4_400]
    add(new, made[4_400:5_500], "d")
    add(new, made[5_500:6_500], "e")
    add(new, made[6_500:6_600], "f")
    assert list(parts_of(new).values()) == [4_400, 1_100, 1_000, 100]
    add(new, made[6_600:7_000], "g")
    assert list(parts_of(new).values()) == [4_400, 1_100, 1_000, 500]
    assert centres_of(new) == [47, 105, 105, 105]
    with new.read() as reading:
        for place in (0, 1_099, 1_100, 4_399, 4_400, 5_499, 5_500, 6_999):
            best = reading.dense(made[place].astype(np.float32), 1)
            assert [hit.chunk_id for hit in best] == [place + 1]
    assert state_of(new) == "sound"
    with new.write() as writer:
        writer.erase([f"{name}{number}" for name in "ade" for number in range(0, 100, 3)])
        writer.merge_views(force=True)
    assert centres_of(new) == [47, 105, 105, 105]
    assert state_of(new) == "sound"


def test_what_was_removed_is_masked_until_it_is_much(collection: Collection, made: Halves) -> None:
    """A file stays as it is for a few vanished documents, and is made anew without many."""
    asked = made[0].astype(np.float32)
    before = parts_of(collection)
    with collection.write() as writer:
        writer.remove(["0"])
        writer.merge_views(force=True)
    assert parts_of(collection) == before
    assert state_of(collection) == "sound"
    for reader in (collection, open_collection(collection.folder.parent, "c")):
        with reader.read() as reading:
            found = {hit.chunk_id for hit in reading.dense(asked, COUNT)}
            assert found.isdisjoint(range(1, CHUNKS + 1))
    with collection.write() as writer:
        writer.remove([str(number) for number in range(1, 60)])
        writer.merge_views(force=True)
    assert list(parts_of(collection).values()) == [COUNT - 600]
    assert parts_of(collection) != before
    assert state_of(collection) == "sound"


def test_what_is_erased_leaves_the_files_at_the_next_merge(collection: Collection) -> None:
    """Its vectors are in none of them afterwards."""
    with collection.write() as writer:
        writer.erase(["3"])
        writer.merge_views(force=True)
    assert sum(parts_of(collection).values()) == COUNT - CHUNKS
    with open_collection(collection.folder.parent, "c").read():
        pass
    assert state_of(collection) == "sound"


def test_a_collection_that_shrinks_gets_a_flat_view_again(collection: Collection) -> None:
    """And is exact: the one file has the name that it always had."""
    with collection.write() as writer:
        writer.remove([str(number) for number in range(40, 600)])
        writer.merge_views(force=True)
    assert parts_of(collection) == {FLAT: 400}
    assert files_of(collection) == {FLAT}
    assert state_of(collection) == "sound"


@pytest.mark.parametrize("harm", ["first gone", "last gone", "cut", "stamp of a flat view"])
def test_a_harmed_view_is_built_anew(collection: Collection, made: Halves, harm: str) -> None:
    """Answers stay right meanwhile, and the next merge leaves a sound view."""
    add(collection, made[COUNT : COUNT + 10], "new")
    first, last = parts_of(collection)
    if harm == "cut":
        content = (collection.folder / first).read_bytes()
        (collection.folder / first).write_bytes(content[: len(content) // 2])
    elif harm == "stamp of a flat view":
        stamp = json.loads((collection.folder / "dense.json").read_text())
        del stamp["parts"], stamp["cleared"]
        (collection.folder / "dense.json").write_text(json.dumps(stamp))
    else:
        (collection.folder / (first if harm == "first gone" else last)).unlink()
    reader = open_collection(collection.folder.parent, "c")
    for _ in range(2):
        with reader.read() as reading:
            for place in (5, COUNT + 5):
                best = reading.dense(made[place].astype(np.float32), 1)
                assert [hit.chunk_id for hit in best] == [place + 1]
        with collection.write() as writer:
            writer.merge_views(force=True)
    assert state_of(collection) == "sound"
    assert files_of(collection) == set(parts_of(collection))


def test_what_a_killed_merge_left_is_removed(collection: Collection, made: Halves) -> None:
    """A file that no stamp names is of no use."""
    for name in ("dense-0123456789ab.faiss", "dense-0123456789ab.new"):
        (collection.folder / name).write_bytes(b"half of a file")
    add(collection, made[COUNT : COUNT + 10], "new")
    assert files_of(collection) == set(parts_of(collection))
    assert not list(collection.folder.glob("dense*.new"))


def test_a_flat_view_with_a_stamp_of_an_earlier_version_opens(tmp_path: Path, made: Halves) -> None:
    """That one named no files."""
    new = create_collection(tmp_path, "c", given_encoder(), SplitterSettings(256))
    add(new, made[:500], "a")
    for name in ("dense.json", "lexical.json"):
        stamp = json.loads((new.folder / name).read_text())
        kept = {key: stamp[key] for key in ("uuid", "epoch", "number")}
        (new.folder / name).write_text(json.dumps(kept))
    reader = open_collection(tmp_path, "c")
    with reader.read() as reading:
        assert [hit.chunk_id for hit in reading.dense(made[7].astype(np.float32), 1)] == [8]
    assert reader._live is not None
    assert len(reader._live.delta.ids) == 0
