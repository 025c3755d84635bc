"""The set of true and swapped sentences: how much of it is judged right, at least."""

import pytest

from benchmarks.grounding import cases, measured
from service.common_words import is_common
from training.common_words import common_words
from training.passages import written

# A little under what was measured when rules and network were made.
TUNED = {"number": 0.965, "name": 0.925, "negation": 0.82, "invented": 0.88, "word": 0.7}
HELD = {"number": 0.96, "name": 0.945, "negation": 0.63, "invented": 0.9, "word": 0.7}


def test_a_marked_sentence_is_one_true_and_some_wrong_ones() -> None:
    """Each wrong one is wrong in one place."""
    assert list(written("{@Ann|Bo} has {#2|3} {!old|new} cats.")) == [
        ("Ann has 2 old cats.", "true"),
        ("Bo has 2 old cats.", "name"),
        ("Ann has 3 old cats.", "number"),
        ("Ann has 2 new cats.", "negation"),
    ]


def test_the_set_is_large_enough() -> None:
    """150 true sentences, 100 numbers, 100 names, 80 denials and opposites."""
    found = [one.kind for part in ("tuned", "held") for one in cases(part)]
    assert found.count("true") >= 150
    assert found.count("number") >= 100
    assert found.count("name") >= 100
    assert found.count("negation") >= 80


@pytest.mark.parametrize(
    ("part", "least", "lost"),
    [
        pytest.param("tuned", TUNED, 0.03, marks=pytest.mark.slow),
        pytest.param("held", HELD, 0.05, marks=pytest.mark.slow),
    ],
)
def test_swaps_are_caught_and_true_sentences_kept(
    part: str, least: dict[str, float], lost: float
) -> None:
    """A quarter of the part that rules and network were made by, and all that came later."""
    found = measured(list(cases(part))[:: 4 if part == "tuned" else 1])
    assert {kind: found.caught[kind] for kind in least if found.caught[kind] < least[kind]} == {}
    assert found.lost <= lost


def test_common_words_are_mostly_written_small() -> None:
    """Within sentences, often enough; names and what begins a sentence do not count."""
    texts = ["the old harbour and Rose, the harbour. Harbour here, a harbour in Oslo"] * 2
    assert "harbour" in common_words(texts)
    assert {"oslo", "rose"}.isdisjoint(common_words(texts))
    assert is_common("visitors")
    assert not is_common("oslo")
