"""Names and codes in a question: what the right sentence, among sentences alike, speaks of."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

_WORD: Final = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?")
_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[^\W\d_]")


def names_in(question: str, known: str = "") -> frozenset[str]:
    """Return, folded, words with a capital, codes and numbers that `known` has not.

    The first word begins with a capital anyway, and a single digit tells little.
    """
    words = [match[0] for match in _WORD.finditer(question)]
    named = [one for one in words[1:] if one[0].isupper()]
    coded = [one for one in words if len(one) > 1 and any(letter.isdigit() for letter in one)]
    return _words({*named, *coded}) - _words(match[0] for match in _WORD.finditer(known))


def preferred(texts: Sequence[str], items: Sequence[bool], names: frozenset[str]) -> list[int]:
    """Return the order of sentences, given the best first, that puts forward what is asked about.

    Where the best is the item of a list and has fewer of the names than other items, or has a code
    and not the one that is asked about, those come first that have most of them.
    """
    order = list(range(len(texts)))
    if not texts or not names:
        return order
    rivals = [at for at in order if items[at]] if items[0] else []
    codes = frozenset(filter(_is_code, names))
    if codes and _codes(texts[0]) and not codes & _codes(texts[0]):
        rivals, names = order, codes
    counts = {
        at: len(names & _words(match[0] for match in _WORD.finditer(texts[at]))) for at in rivals
    }
    most = max(counts.values(), default=0)
    if counts.get(0, most) == most:
        return order
    first = [at for at in rivals if counts[at] == most]
    return [*first, *(at for at in order if at not in first)]


def _codes(text: str) -> frozenset[str]:
    return _words(match[0] for match in _WORD.finditer(text) if _is_code(match[0]))


def _is_code(word: str) -> bool:
    return _DIGIT.search(word) is not None and _LETTER.search(word) is not None


def _words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(one.casefold() for one in words)
