"""Denials and opposites: words by which one sentence says what another one does not."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from indexes.lexical import terms
from service.common_words import lines_of, word_list
from service.irregular import BASIC

_NEGATORS: Final = frozenset(
    (
        "not", "no", "never", "none", "nor", "neither", "nobody", "nothing", "nowhere", "without",
        "cannot", "hardly", "unable", "except",
    )
)  # fmt: skip
_SHORT: Final = re.compile(r"n['\u2019]t\Z")
# What says `not` by its own meaning.
_REFUSING: Final = word_list("refusing")
# `not only`, `no later than` and the like deny nothing.
_NO_DENIAL: Final = {
    "not": frozenset(
        ("only", "just", "merely", "until", "less", "more", "later", "earlier", "fewer", "least")
    ),
    "no": frozenset(
        ("later", "earlier", "sooner", "more", "less", "fewer", "matter", "doubt", "1", ",", ".")
    ),
}
# `not before noon`, `do not take more than six`: a limit, and no denial.
_LIMITS: Final = frozenset(
    ("until", "before", "more", "less", "fewer", "later", "earlier", "unless", "exceed", "than")
)
_OF_NOUNS: Final = frozenset(("no", "without"))
_BEHIND_NOUNS: Final = frozenset(("for", "in", "on", "at", "during", "from", "until", "while", ")"))
# As an object these deny what stands ahead of them: they pay nothing for it.
_OBJECTS: Final = frozenset(("nothing", "nobody", "none", "nowhere"))
_MOST_IN_SCOPE: Final = 6
_PREFIXES: Final = ("un", "non", "in", "im", "il", "ir", "dis")
_FORMED: Final = re.compile(
    r"(?:able|ible|ent|ant|al|ive|ate|ect|ite|ary|ular|ained|ed|ly|ful|ous|ing|ify|ate|y)\Z"
)
_NOT_FORMED: Final = word_list("not_formed")
_LEAST_STEM: Final = 4


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the stem of an English word, the word itself where it is one of the commonest."""
    found = terms(BASIC.get(word.lower(), word))
    return found[0] if found else word.lower()


def _table(*, opposed: bool) -> Mapping[str, frozenset[str]]:
    """Return for each stem those of the other side of its lines, or else those of its own."""
    found: dict[str, set[str]] = {}
    for line in lines_of("opposites"):
        one, _, other = line.partition("/")
        for left, right in ((one, other), (other, one)):
            for word in left.split():
                side = right if opposed else left
                found.setdefault(stem(word), set()).update(map(stem, side.split()))
    return MappingProxyType({word: frozenset(others - {word}) for word, others in found.items()})


_OPPOSITES: Final = _table(opposed=True)
_ALLIES: Final = _table(opposed=False)


def opposites(word: str) -> frozenset[str]:
    """Return the stems of the opposites that are known of a stem."""
    return _OPPOSITES.get(word, frozenset())


def allies(word: str) -> frozenset[str]:
    """Return the stems that have the same opposites as a stem and are no opposites of it."""
    return _ALLIES.get(word, frozenset()) - opposites(word)


def formed_against(word: str, others: Collection[str]) -> str | None:
    """Return the word among `others` that a syllable turns into this one or the reverse.

    `unsafe` and `safe` are such words, `discover` and `cover` are not.
    """
    for bare, whole in _formed(word):
        if bare in others and whole not in others:
            return bare
    return None


@lru_cache(maxsize=20_000)
def _formed(word: str) -> tuple[tuple[str, str], ...]:
    """Return the words that this one may be the opposite of by its form, each beside itself."""
    found = []
    for prefix in _PREFIXES:
        bare = word.removeprefix(prefix).lstrip("-")
        if (
            bare != word
            and len(bare) >= _LEAST_STEM
            and word not in _NOT_FORMED
            and _FORMED.search(bare)
        ):
            found.append((bare, word))
        longer = f"{prefix}{word}"
        if len(word) >= _LEAST_STEM and longer not in _NOT_FORMED and _FORMED.search(word):
            found.append((longer, word))
    for one, other in (("less", "ful"), ("ful", "less")):
        if word.endswith(one):
            found.append((word.removesuffix(one) + other, word))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Denied:
    """The places of words that deny, and of those that are denied by them.

    `limits` are words such as `before` that a denial turns into a limit: not before noon.
    """

    by: frozenset[int] = frozenset()
    inside: frozenset[int] = frozenset()
    limits: frozenset[str] = frozenset()


def denied(words: Sequence[str], segments: Sequence[int]) -> Denied:
    """Return what is denied, and by which words.

    `words` are in small letters, `segments` the number of the clause that each is in: a denial
    reaches to the end of its clause, and back over it where nothing comes behind.
    """
    denying, inside, limited = set[int](), set[int](), set[str]()
    for at, word in enumerate(words):
        if not is_negator(word):
            continue
        after = words[at + 1] if at + 1 < len(words) else "."
        told = at > 0 and words[at - 1] == "is" and after in {".", ";"}  # `the answer is no`
        if (after in _NO_DENIAL.get(word, ()) and not told) or (
            word == "no" and at == 0 and segments[1:2] != segments[:1]
        ):
            continue
        denying.add(at)
        reach = [
            place
            for place in range(at + 1, min(at + 1 + 2 * _MOST_IN_SCOPE, len(words)))
            if segments[place] == segments[at]
        ][:_MOST_IN_SCOPE]
        if word in _OF_NOUNS:
            reach = _noun(words, reach)
        clause = {
            one for one, of in zip(words[at:], segments[at:], strict=True) if of == segments[at]
        }
        if limits := clause & _LIMITS:
            denying.discard(at)
            limited.update(limits)
            continue
        if not any(len(words[place]) > 2 for place in reach):  # noqa: PLR2004 # nothing but small words
            reach = [place for place in range(at) if segments[place] == segments[at]]
        elif word in _OBJECTS:
            reach += [place for place in range(at) if segments[place] == segments[at]]
        inside.update(reach)
    return Denied(frozenset(denying), frozenset(inside), frozenset(limited))


def _noun(words: Sequence[str], reach: list[int]) -> list[int]:
    """Return as much as `no` and `without` deny: no alcohol, for twelve hours."""
    end = next((at for at, place in enumerate(reach) if at and words[place] in _BEHIND_NOUNS), None)
    return reach[:end]


def is_negator(word: str) -> bool:
    """Tell whether a word in small letters denies what comes next."""
    return word in _NEGATORS or _SHORT.search(word) is not None


_STRONG: Final = (
    "avoid lack refuse exempt waive deny prevent exclude forbid prohibit ban reject refrain "
    "suspend cancel"
)
_STRONGLY: Final = frozenset(map(stem, _STRONG.split()))


def refuses_strongly(word: str) -> bool:
    """Tell whether a stem says that what it goes with is not so."""
    return word in _STRONGLY


def refuses(word: str) -> bool:
    """Tell whether a word may stand in the place of a denial."""
    return word in _REFUSING
