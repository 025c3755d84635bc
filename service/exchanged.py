"""Exchanged: which phrases of a question a piece of a sentence puts its own in the place of.

"And Debian 13?" asks what was asked of Debian 12, and of it alone. What is exchanged is of the same
kind: a name for a name, a version for a version, a month for a month, and for other words those
with the same noun ("the extended support" for "the standard support"). Where it is not plain which
of several is meant, nothing is exchanged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

import regex

from service.said import Phrase, named_part, part_of, terms_of
from service.spoken import Word, is_numeral, is_version

_YEAR: Final = regex.compile(r"(?:1[5-9]|20)\p{N}{2}")
_CALENDAR_WORDS: Final = (
    "january february march april may june july august september october november december jan "
    "feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday "
    "saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays weekday "
    "weekdays weekend weekends spring summer autumn winter today tomorrow yesterday"
)
_CALENDAR: Final = frozenset(_CALENDAR_WORDS.split())
_VERBS: Final = frozenset(("may", "march", "mar", "sat", "sun"))
_PREPOSITIONS_WORDS: Final = (
    "about after at before between by during for from in into of on over since through to under "
    "until with without"
)
_PREPOSITIONS: Final = frozenset(_PREPOSITIONS_WORDS.split())

_Kind = Literal["name", "calendar", "number", "plain"]
_Taken = tuple[Phrase, Sequence[Word]]


@dataclass(frozen=True, slots=True)
class Swap:
    """A phrase, and the words in whose place it is: the age of what said each, and where."""

    phrase: Phrase
    taken: frozenset[tuple[int, int]]


def exchanged(
    piece: Sequence[Phrase], frame: Sequence[Phrase], before: Sequence[Phrase] = ()
) -> list[Swap]:
    """Return what each phrase of a piece takes the place of in a frame, which may be nothing.

    `before` are the phrases of the piece right before it, if the frame is one: in a row of pieces
    ("And dogs?", "And cats?") each takes the place of the last.
    """
    own = frozenset[str]().union(*(one.terms for one in piece))
    piece, left = _names_apart(piece), _names_apart(frame)
    swaps = []
    # What stands behind a preposition finds its like most surely, and leaves less to the others.
    for phrase in sorted(piece, key=lambda one: one.before not in _PREPOSITIONS):
        found = _akin_in(left, phrase) or _alike_in(left, phrase, own)
        taken = found or _next_in(before, phrase, left)
        for other, _ in taken:
            left.remove(other)
        swaps.append(_swap(phrase, taken))
    return swaps


def added(piece: Sequence[Phrase], frame: Sequence[Phrase]) -> list[Swap]:
    """Return what a piece takes the place of that only tells more of a frame."""
    return [_swap(phrase, _akin_in(frame, phrase)) for phrase in piece]


def corrected(
    piece: Sequence[Phrase], frame: Sequence[Phrase], wrong: Sequence[Phrase]
) -> list[Swap]:
    """Return what phrases that were meant take the place of in a frame.

    `wrong` are those of it which may have been said by mistake. A name takes the place only of what
    is written as it is: "NASA" is no mistake for "Mark", and "Earth" none for "the Terra".
    """
    own = frozenset[str]().union(*(one.terms for one in piece))
    swaps = []
    for phrase in _names_apart(piece):
        alike = _alike_in(_names_apart(wrong), phrase, own)
        look = _capitals(_core(phrase.words))
        place = phrase.before if phrase.before in _PREPOSITIONS else None
        taken = [
            (one, words)
            for one, words in alike
            if _capitals(words) == look
            and one.has_article == phrase.has_article
            and place in {None, one.before}
        ]
        swaps.append(
            _swap(phrase, _akin_in(frame, phrase) or taken or _next_in(wrong, phrase, frame))
        )
    return swaps


def _swap(phrase: Phrase, taken: Sequence[_Taken]) -> Swap:
    return Swap(phrase, frozenset((one.age, word.at) for one, words in taken for word in words))


def outdated(new: Sequence[Phrase], old: Sequence[Phrase]) -> Iterator[tuple[int, int]]:
    """Yield the words of earlier phrases that name another version of what a later one names."""
    for phrase in new:
        for other in old:
            if _is_other_version(phrase, other):
                yield from ((other.age, word.at) for word in _core(other.words))


def _names_apart(phrases: Sequence[Phrase]) -> list[Phrase]:
    """Return phrases with those cut that hold several names: by "in", or by words between them."""
    found = []
    for one in phrases:
        rest = one
        while (at := _name_end(rest.words)) is not None:
            found.append(part_of(rest, rest.words[:at]))
            is_place = rest.words[at].plain == "in"
            left = part_of(rest, rest.words[at + is_place :])
            rest = replace(left, before="in") if is_place else left
        found.append(rest)
    return found


def _name_end(words: Sequence[Word]) -> int | None:
    """Return where the first name ends if another one follows that is no part of it."""
    names = [at for at, word in enumerate(words) if word.is_name]
    for one, other in pairwise(names):
        between = words[one + 1 : other]
        if any(word.terms and not is_numeral(word) for word in between):
            return next(at for at in range(one + 1, other) if not is_numeral(words[at]))
        if any(word.plain == "in" for word in between):
            return one + 1
    return None


def _akin_in(frame: Sequence[Phrase], phrase: Phrase) -> list[_Taken]:
    """Return the phrases of a frame that have a name or noun in common with one."""
    return [(one, words) for one in frame if (words := _akin(phrase, one))]


def _alike_in(frame: Sequence[Phrase], phrase: Phrase, own: frozenset[str]) -> list[_Taken]:
    """Return the phrases of a frame that one takes the place of as it is of their kind."""
    kind, others = _kind(phrase), [one for one in frame if not one.terms <= own]
    if kind == "number":
        shapes = {_shape(word) for word in phrase.words}
        numbers = [(one, [word for word in one.words if _shape(word) in shapes]) for one in others]
        return [(one, words) for one, words in numbers if words]
    like = [
        (one, _core(one.words))
        for one in others
        if _kind(one) == kind or (kind == "plain" and _kind(one) == "name")
    ]
    if kind == "plain":
        like = [one for one in like if one[0].before == phrase.before in _PREPOSITIONS]
    found = _likest(phrase, [one for one in like if not terms_of(one[1]) <= own])
    if kind == "name" and any(map(is_numeral, phrase.words)):
        found += [(one, one.words) for one in others if _kind(one) == "number"]
    return found


def _next_in(before: Sequence[Phrase], phrase: Phrase, frame: Sequence[Phrase]) -> list[_Taken]:
    """Return the phrase of the last piece where one is the next in a row of words like it."""
    if len(before) != 1 or before[0] not in frame:
        return []
    is_row = all(_kind(one) == "plain" and not one.has_article for one in (*before, phrase))
    return [(before[0], before[0].words)] if is_row else []


def _akin(phrase: Phrase, other: Phrase) -> Sequence[Word]:
    """Return the words of another phrase that name another thing of the same noun or name."""
    if _is_other_version(phrase, other):
        return _core(other.words)
    head = phrase.words[-1]
    if len(phrase.words) == 1 or is_numeral(head):
        return ()
    for at, word in enumerate(other.words):
        if at and set(word.terms) & set(head.terms):
            words = other.words[: at + 1]
            if any(one.is_name for one in phrase.words):
                return words
            return [one for one in words if not one.is_name]
    return ()


def _is_other_version(phrase: Phrase, other: Phrase) -> bool:
    """Tell whether two phrases have a name in common, and different numbers behind it."""
    mine, theirs = _core(phrase.words), _core(other.words)
    if not (_kind(phrase) == _kind(other) == "name" and _names(mine) & _names(theirs)):
        return False
    return bool(_numbers(mine) and _numbers(theirs)) and not _numbers(mine) & _numbers(theirs)


def _likest(phrase: Phrase, like: Sequence[_Taken]) -> list[_Taken]:
    """Return the one that stands as the phrase does, by its preposition and its capitals."""
    place = phrase.before if phrase.before in _PREPOSITIONS else ""
    capitals = _capitals(_core(phrase.words))

    def stands_alike(one: _Taken) -> bool:
        before = one[0].before
        return (before if before in _PREPOSITIONS else "") == place

    def looks_alike(one: _Taken) -> bool:
        return _capitals(one[1]) == capitals

    for is_like in (stands_alike, looks_alike) if place else (looks_alike, stands_alike):
        like = [one for one in like if is_like(one)] or like
    return list(like) if len(like) == 1 else []


def _capitals(words: Sequence[Word]) -> tuple[bool, bool]:
    """Tell whether a name is all in capital letters, and whether a number belongs to it."""
    names = [one.text for one in words if one.is_name]
    return all(one.isupper() for one in names), any(map(is_numeral, words))


def _kind(phrase: Phrase) -> _Kind:
    words = phrase.words
    if any(one.plain in _CALENDAR and (one.is_name or one.plain not in _VERBS) for one in words):
        return "calendar"
    if any(one.is_name for one in words) or _with_number(words):
        return "name"
    return "number" if all(map(is_numeral, words)) else "plain"


def _core(words: Sequence[Word]) -> Sequence[Word]:
    """Return the words of a phrase that name something, all where none do."""
    return named_part(words) if any(one.is_name for one in words) else _with_number(words) or words


def _with_number(words: Sequence[Word]) -> Sequence[Word]:
    """Return the first word with a number behind it, which is a name in small letters too."""
    for one, number in pairwise(words):
        if one.terms and is_numeral(number) and not is_numeral(one):
            return (one, number)
    return ()


def _names(words: Sequence[Word]) -> frozenset[str]:
    """Return the terms of the names in the core of a phrase."""
    return terms_of([one for one in words if not is_numeral(one)])


def _numbers(words: Sequence[Word]) -> frozenset[str]:
    return frozenset(one.plain for one in words if is_numeral(one))


def _shape(word: Word) -> str:
    if is_version(word):
        return "version"
    if _YEAR.fullmatch(word.text):
        return "year"
    return "number" if word.is_number else ""
