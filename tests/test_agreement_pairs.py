"""Contradictions: pairs of sentences that contradict each other, and pairs that only look alike."""

import pytest

from agreement_pairs import PAIRS, Pair
from service.agreement import opinions
from service.evidence import Evidence
from test_agreement import evidence

# What of the contradictions was found when the list was made; fewer would be a loss.
FOUND = 0.8


def marked(sentence: str, document: str, title: str) -> Evidence:
    """Return evidence of a sentence whose answer stands in braces."""
    before, _, rest = sentence.partition("{")
    answer, _, behind = rest.partition("}")
    return evidence(f"{before}{answer}{behind}", answer, document, title=title)


def is_told(pair: Pair, *, turned: bool = False) -> bool:
    """Tell whether the second sentence is taken to contradict the first (`turned`: vice versa)."""
    mine = marked(pair.mine, "a", pair.titles[0])
    theirs = marked(pair.theirs, "b", pair.titles[1])
    best, other = (theirs, mine) if turned else (mine, theirs)
    return [one.says for one in opinions(pair.question, best, [other])] == ["other"]


@pytest.mark.parametrize(
    "pair", [one for one in PAIRS if not one.conflict], ids=lambda one: one.theirs
)
def test_what_only_looks_alike_is_no_contradiction(pair: Pair) -> None:
    """A contradiction that is none would mislead, so there is none of these."""
    assert not is_told(pair)
    assert not is_told(pair, turned=True)


def test_most_contradictions_are_found() -> None:
    """Also where the words around the values differ, and whichever stands first."""
    conflicts = [one for one in PAIRS if one.conflict]
    found = [one for one in conflicts if is_told(one)]
    assert found == [one for one in conflicts if is_told(one, turned=True)]
    assert len(found) >= FOUND * len(conflicts)
