"""Said: the turns of a conversation that are looked at, and the phrases in them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Final

from service.spoken import Word, is_numeral, phrases_of

# A longer run of words is no phrase but a list, a log or a slip of the pen: its names are looked
# at, and its end, where in English the noun stands.
_MOST_WORDS: Final = 6
_MOST_CHARACTERS: Final = 60
# A longer question is mostly something pasted: its names alone can be what is spoken of.
_LONGEST_ASKED: Final = 60
_ARTICLES: Final = frozenset(("the", "a", "an"))


@dataclass(frozen=True, slots=True)
class Said:
    """What a turn said, and how many exchanges ago; the question itself is of the age -1."""

    is_question: bool
    age: int
    text: str
    words: tuple[Word, ...]

    @property
    def is_pasted(self) -> bool:
        """Tell whether it is too long to be a question."""
        return self.is_question and len(self.words) > _LONGEST_ASKED


@dataclass(frozen=True, slots=True)
class Phrase:
    """Telling words side by side, and the word before them; an article there is passed over."""

    age: int
    text: str
    words: tuple[Word, ...]
    before: str
    has_article: bool = False

    @property
    def at(self) -> int:
        """Where the phrase begins."""
        return self.words[0].at

    @property
    def terms(self) -> frozenset[str]:
        """The terms of the phrase."""
        return terms_of(self.words)


def terms_of(words: Sequence[Word]) -> frozenset[str]:
    """Return the distinct terms of words."""
    return frozenset(term for word in words for term in word.terms)


Gone = Collection[tuple[int, int]]
"""Words that are spoken of no more: the age of what said each, and where it begins there."""


def words_left(said: Said, gone: Gone) -> tuple[Word, ...]:
    """Return the words of a turn that are still spoken of."""
    return tuple(word for word in said.words if (said.age, word.at) not in gone)


def phrases_in(said: Said, gone: Gone = ()) -> Iterator[Phrase]:
    """Yield the phrases of a turn in order; of what is pasted its names alone, if it has any."""
    runs = list(phrases_of(said.text, words_left(said, gone)))
    if said.is_pasted and (named := [run for run in runs if any(one.is_name for one in run)]):
        runs = [tuple(named_part(run)) for run in named]
    for run in runs:
        short = _short(run)
        if _fits(short):
            yield _phrase(said, short)


def left_of(phrase: Phrase, gone: Gone) -> Iterator[Phrase]:
    """Yield what is left of a phrase: the runs of its words that are still spoken of."""
    kept = [(phrase.age, word.at) not in gone for word in phrase.words]
    if all(kept):
        yield phrase
        return
    for is_kept, run in groupby(zip(kept, phrase.words, strict=True), itemgetter(0)):
        if is_kept:
            yield part_of(phrase, [word for _, word in run])


def part_of(phrase: Phrase, words: Sequence[Word]) -> Phrase:
    """Return the phrase that some words of another are, which stand side by side."""
    text = phrase.text[words[0].at - phrase.at : words[-1].end - phrase.at]
    if words[0].at == phrase.at:
        return replace(phrase, text=text, words=tuple(words))
    return Phrase(phrase.age, text, tuple(words), "")


def _phrase(said: Said, words: Sequence[Word]) -> Phrase:
    ahead = [one.plain for one in said.words if one.at < words[0].at]
    has_article = bool(ahead) and ahead[-1] in _ARTICLES
    while ahead and ahead[-1] in _ARTICLES:
        ahead.pop()
    text = said.text[words[0].at : words[-1].end]
    return Phrase(said.age, text, tuple(words), ahead[-1] if ahead else "", has_article)


def named_part(words: Sequence[Word]) -> Sequence[Word]:
    """Return words from the first name to the last name or number, all where there is no name."""
    names = [at for at, word in enumerate(words) if word.is_name]
    if not names:
        return words
    last = max(at for at, word in enumerate(words) if word.is_name or is_numeral(word))
    return words[names[0] : last + 1]


def _short(words: Sequence[Word]) -> Sequence[Word]:
    if _fits(words):
        return words
    words = named_part(words)[-_MOST_WORDS:]
    while len(words) > 1 and not _fits(words):
        words = words[1:]
    return words


def _fits(words: Sequence[Word]) -> bool:
    return len(words) <= _MOST_WORDS and words[-1].end - words[0].at <= _MOST_CHARACTERS
