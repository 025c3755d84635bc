"""The measurement of size: it runs through, and what it compares with is right."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scale
from benchmarks.made import CHUNKS, documents, texts, vectors


def test_made_chunks_are_the_same_each_time() -> None:
    """Vectors have unit length; each document has ten chunks with a vector each."""
    made = vectors(40, 1)
    assert np.array_equal(made, vectors(40, 1))
    np.testing.assert_allclose(np.linalg.norm(made.astype(np.float32), axis=1), 1, atol=1e-3)
    assert list(texts(5, 2)) == list(texts(5, 2))
    items = list(documents(made, 3))
    assert [len(item.chunks) for item in items] == [CHUNKS] * 4
    for place, item in enumerate(items):
        rows = [item.vectors[key] for key in item.hashes]
        assert np.array_equal(rows, made[place * CHUNKS : (place + 1) * CHUNKS])


def test_the_exact_search_is_exact() -> None:
    """As a sort of all scores."""
    made, rows = vectors(300, 1), vectors(3, 2).astype(np.float32)
    among = np.arange(1, 301, 2)
    scores = rows @ made[among - 1].astype(np.float32).T
    expected = [[among[i] for i in np.argsort(-one)[:10]] for one in scores]
    assert scale.exact(made, rows, among).tolist() == expected


@pytest.mark.slow
def test_every_step_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small collection is built, asked and changed; all that is found is right."""
    path = tmp_path / "figures.json"
    words = ["scale", "--sizes", "1000", "--folder", str(tmp_path), "--json", str(path)]
    monkeypatch.setattr("sys.argv", words)
    scale.main()
    (row,) = json.loads(path.read_text())
    assert (row["recall"], row["recall_run"], row["recall_scattered"]) == (1, 1, 1)
    assert all(row[f"{name}_p50_ms"] > 0 for name in ("faiss", "tantivy", "hybrid"))
    assert row["chunks_a_second"] > 0
    assert "| hybrid_to_slower |" in capsys.readouterr().out
