"""The figures of summaries: ROUGE against plain reckoning, and what people wrote set apart."""

import gzip
import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.summaries import articles, best_of, rouge

words = st.lists(st.sampled_from(["heron", "stork", "crane", "swift"]), max_size=6)


@given(words, words)
def test_rouge(mine: list[str], theirs: list[str]) -> None:
    """Shared words, pairs, and the longest sequence that both have, each way."""
    found = rouge(" ".join(mine), " ".join(theirs))

    def sequences(of: list[str]) -> set[tuple[str, ...]]:
        return {one for size in range(len(of) + 1) for one in combinations(of, size)}

    longest = max(map(len, sequences(mine) & sequences(theirs)))
    total = len(mine) + len(theirs)
    assert found["rougeL"] == pytest.approx(2 * longest / total if mine and theirs else 0)
    shared = sum(min(mine.count(one), theirs.count(one)) for one in set(mine))
    assert found["rouge1"] == pytest.approx(2 * shared / total if total else 0)
    assert rouge(" ".join(mine), " ".join(mine))["rouge2"] == (1 if len(mine) > 1 else 0)


def test_the_nearest_reference_counts() -> None:
    """Of several of equal standing."""
    assert best_of("heron crane", ["swift", "heron crane"])["rouge1"] == 1


def test_introductions_are_no_part_of_what_is_summarised(tmp_path: Path) -> None:
    """The first paragraph is the reference; the article begins behind the fourth."""
    corpus = tmp_path / "corpus.jsonl.gz"
    with gzip.open(corpus, "wt", encoding="utf-8") as file:
        for number in range(6):
            text = " ".join(f"Sentence {number} {at} is here." for at in range(8))
            file.write(json.dumps({"title": "T", "text": text}) + "\n")
    (case,) = articles(corpus, tmp_path, None)
    assert case.references[0].startswith("Sentence 0 0")
    assert case.sentences == 8
    (line,) = (tmp_path / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["text"].startswith("Sentence 4 0")
