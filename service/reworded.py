"""Reworded: a question with words put in the place of others, each word known by where it was said.

"And Debian 13?" behind "When does the standard support of Debian 12 end?" is a question of its own
once its words are where they belong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from service.exchanged import Swap
from service.said import Phrase, Said
from service.spoken import Word

# What a piece may have besides its phrases, and loses with its words in their place.
_LEADS_WORDS: Final = (
    "a about actually also am an and asking at but by during for from how i in is it mean meant no "
    "nope not now of oh ok okay on oops or please pls plz so sorry talking the then to wait was "
    "well what with yes"
)
_LEADS: Final = frozenset(_LEADS_WORDS.split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word, with the age of what said it and where, or what stands between words."""

    text: str
    at: tuple[int, int] | None = None


def tokens_of(said: Said) -> list[Token]:
    """Return the tokens of a question."""
    return list(_tokens(said.text, said.words, said.age, 0))


def tokens_behind(phrases: Sequence[Phrase]) -> list[Token]:
    """Return the tokens of phrases in parentheses, none of no phrases."""
    found = [Token(" (")]
    for number, one in enumerate(phrases):
        if number:
            found.append(Token(", "))
        found += _phrase_tokens(one)
    return [*found, Token(")")] if phrases else []


def swapped(asked: Said, swaps: Sequence[Swap], tokens: Sequence[Token]) -> list[Token] | None:
    """Return a question with the phrases of a piece where they belong.

    None where one belongs nowhere, or the piece says more than these.
    """
    placed = {word.at for swap in swaps for word in swap.phrase.words}
    rest = [word.plain for word in asked.words if word.at not in placed]
    if not swaps or not _LEADS.issuperset(rest) or _asks(asked.words):
        return None
    found: list[Token] | None = list(tokens)
    for swap in swaps:
        found = _with(found, swap) if found else None
    return found


def _asks(words: Sequence[Word]) -> bool:
    """Tell whether a piece asks something of its own, as "And how in Italy?" does."""
    plain = [word.plain for word in words]
    return any(
        one in {"how", "what"} and other not in {"about", "of"}
        for one, other in pairwise([*plain, ""])
    )


def _with(tokens: Sequence[Token], swap: Swap) -> list[Token] | None:
    places = [at for at, token in enumerate(tokens) if token.at in swap.taken]
    if len(places) < max(1, len(swap.taken)):
        return None
    first, last = places[0], places[-1]
    if any(token.at is not None and token.at not in swap.taken for token in tokens[first:last]):
        return None
    return [*tokens[:first], *_phrase_tokens(swap.phrase), *tokens[last + 1 :]]


def _phrase_tokens(phrase: Phrase) -> list[Token]:
    words = phrase.words
    if words[-1].end - phrase.at != len(phrase.text):  # an item of a list, cut short
        return [Token(phrase.text)]
    return list(_tokens(phrase.text, words, phrase.age, phrase.at))


def _tokens(text: str, words: Sequence[Word], age: int, start: int) -> Iterator[Token]:
    done = 0
    for word in words:
        if word.at - start > done:
            yield Token(text[done : word.at - start])
        yield Token(word.text, (age, word.at))
        done = word.end - start
    if done < len(text):
        yield Token(text[done:])
