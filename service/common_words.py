"""Lists of words: files that a person can read, one word or group a line.

`common_words.txt` has words that are no names though a sentence begins with them; it is made by
`training.common_words`.
"""

from functools import cache, lru_cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "models" / "grounding"
PATH: Final = FOLDER / "common_words.txt"
_ENDINGS: Final = ("s", "es", "ed", "d", "ing", "ly", "er", "ers")
_LEAST: Final = 4


def lines_of(name: str) -> list[str]:
    """Return the lines of a list."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def word_list(name: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(lines_of(name))


@cache
def _words() -> frozenset[str]:
    return frozenset(PATH.read_text(encoding="utf-8").split())


@lru_cache(maxsize=20_000)
def is_common(word: str) -> bool:
    """Tell whether a word in small letters, or what it is formed from, is mostly written so."""
    if word in _words():
        return True
    bare = (word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))
    return any(len(one) >= _LEAST and one in _words() for one in bare)
