"""Follow-ups: what a question leaves unsaid is carried over from the conversation, by rule.

What a question lacks that leans on what was said (`service/leaning.py`) is mostly what the
conversation keeps coming back to: phrases of recent questions, and then names in the answers. A
phrase counts the more, the rarer its words are in the collection, the more often they were said,
and the later (salience, as in Lappin and Leass 1994, without a parser).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import regex

from indexes.languages import ENGLISH, Language
from indexes.words import UNSPACED
from service.evidence import Turn
from service.leaning import Leaning, leaning, points_outside, says_nothing, weight_of
from service.spoken import Word, phrases_of, telling, words_of

Rarity = Callable[[str], Mapping[str, float]]
"""Gives the distinct terms of a text, each with its BM25 weight as a share of that of a term which
one chunk has; more than 1 for one that no chunk has."""

# So much of a conversation is looked at, from its end; more would cost time and change nothing.
MOST_QUESTIONS: Final = 6
MOST_ANSWERS: Final = 3
_QUESTION_CHARACTERS: Final = 500
_ANSWER_CHARACTERS: Final = 600

# What a word counts that is said in an answer, beside one of a question; what every word counts for
# each exchange that has passed since; and what those of a question count that leans itself: what it
# says is less likely to be what a pronoun stands for than what its own stands for.
_IN_ANSWER: Final = 0.4
_FADING: Final = 0.5
_IN_LEANING: Final = 0.5
# What is carried has at least this share of the salience of the best, and so many words at most.
# The more is added to a question, the less sure is the reader that anything answers it.
_NEAR_ENOUGH: Final = 0.65
_MOST_WORDS: Final = 6
# A piece of a sentence means little without the question that it goes on from.
_NEAR_ENOUGH_FOR_PIECE: Final = 0.25
_MOST_WORDS_FOR_PIECE: Final = 10
_MOST_SIGNS: Final = 30
_KNOWN: Final = 1.0
# In other languages words count from this rarity on.
_RARE: Final = 0.5

_PERSONS: Final = regex.compile(r"\b(?:he|him|his|she|her|hers|who)\b", regex.IGNORECASE)
_MARKER: Final = regex.compile(r"\[\d+\]")
_ITEM: Final = regex.compile(r"^[ \t]*(?:\d+[.)]|[*•-])[ \t]+(.+)$", regex.MULTILINE)
_ORDINALS: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_NTH: Final = regex.compile(
    r"\bthe (first|second|third|fourth|fifth|last)\b(?: (?:one|option|item|point|step|choice))?",
    regex.IGNORECASE,
)
_ITEM_WORDS: Final = 6
_FEWEST_ITEMS: Final = 2
# Signs of scripts without spaces that bear meaning: Japanese endings and particles do not.
_SPACELESS: Final = regex.compile(rf"[{UNSPACED}\p{{Hangul}}]")
_SIGN: Final = regex.compile(rf"[[{UNSPACED}\p{{Hangul}}]--\p{{Hiragana}}]", regex.VERSION1)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a turn said, and how many exchanges ago."""

    is_question: bool
    age: int
    text: str
    words: tuple[Word, ...]

    def terms(self) -> frozenset[str]:
        """Return the terms of what was said."""
        return _terms(self.words)


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A phrase with where it was said, the latest first, and its salience."""

    age: int
    at: int
    text: str
    terms: frozenset[str]
    size: int
    salience: float


def carried_over(
    question: str, history: Sequence[Turn], rarity: Rarity, language: Language = ENGLISH
) -> tuple[str, ...]:
    """Return the phrases that a question lacks; none where it stands alone or nothing was said."""
    said = list(_recent(history, language))
    if not any(one.is_question for one in said):
        return ()
    if language == "cjk":
        return _signs_carried(question, said, rarity)
    own = words_of(question, language)
    weights = rarity(" ".join([question, *(one.text for one in said)]))
    before = frozenset[str]().union(*(one.terms() for one in said if one.age == 0))
    how = leaning(question, own, before, weights, language)
    if how is None:
        return ()
    if language != ENGLISH:
        return _rarest(own, said, weights)
    return _salient(question, own, said, weights, how)


def _recent(history: Sequence[Turn], language: Language) -> Iterator[_Said]:
    """Yield what is looked at, the last first; thanks and greetings are passed over."""
    age, answers = 0, 0
    answer: Turn | None = None
    for turn in reversed(history):
        if turn.role == "assistant":
            answer = turn
            continue
        if language == ENGLISH and says_nothing(turn.text):
            answer = None
            continue
        if answer is not None and answers < MOST_ANSWERS:
            answers += 1
            yield _heard(answer, age, language)
        yield _heard(turn, age, language)
        answer = None
        age += 1
        if age == MOST_QUESTIONS:
            return


def _heard(turn: Turn, age: int, language: Language) -> _Said:
    is_question = turn.role == "user"
    text = turn.text[: _QUESTION_CHARACTERS if is_question else _ANSWER_CHARACTERS]
    plain = text if is_question else _MARKER.sub("", text)
    return _Said(is_question, age, plain, words_of(plain, language))


def _terms(words: Sequence[Word]) -> frozenset[str]:
    return frozenset(one for word in words for one in word.terms)


# --- English -------------------------------------------------------------------------------------


def _salient(
    question: str,
    own: Sequence[Word],
    said: Sequence[_Said],
    weights: Mapping[str, float],
    how: Leaning,
) -> tuple[str, ...]:
    have = _terms(own)
    salience = _salience(said, weights)
    asked = [one for one in said if one.is_question]
    phrases = list(_phrases(asked, have, salience, weights, predicates=how == "piece"))
    meant = _nth_item(question, said)
    if not phrases or _PERSONS.search(question):
        answers = [one for one in said if not one.is_question and one.age == 0]
        names = list(_phrases(answers, have, salience, weights, names_only=True))
        names.sort(key=lambda one: -one.salience)
        meant = (*meant, *(one.text for one in names[:1]))
    if how == "piece":
        kept = _best(phrases, _NEAR_ENOUGH_FOR_PIECE, _MOST_WORDS_FOR_PIECE)
    else:
        kept = _best(phrases, _NEAR_ENOUGH, _MOST_WORDS)
    return (*meant, *(one for one in kept if one not in meant))


def _salience(said: Sequence[_Said], weights: Mapping[str, float]) -> dict[str, float]:
    """Return how much the conversation speaks of each term."""
    found: dict[str, float] = {}
    for one in said:
        share = _FADING**one.age * (1.0 if one.is_question else _IN_ANSWER)
        if one.is_question and points_outside(one.text, one.words):
            share *= _IN_LEANING
        for term in one.terms():
            found[term] = found.get(term, 0.0) + share * weights.get(term, 0.0)
    return found


def _phrases(
    said: Sequence[_Said],
    have: frozenset[str],
    salience: Mapping[str, float],
    weights: Mapping[str, float],
    *,
    names_only: bool = False,
    predicates: bool = True,
) -> Iterator[_Phrase]:
    """Yield phrases that say something new, each once, as it was said last.

    Without `predicates` what stands around a name is left out: `planned` of Python 3.15 planned.
    """
    seen: list[frozenset[str]] = []
    for one in said:
        for whole in phrases_of(one.text, one.words):
            if names_only and not _is_name(whole):
                continue
            words = whole if predicates else _named_part(whole)
            found = _terms(words)
            new = [each for each in found - have if 0 < weights.get(each, 0.0) <= _KNOWN]
            if not new or any(found <= each for each in seen):
                continue
            seen.append(found)
            text = one.text[words[0].at : words[-1].end]
            # Two words say more than one, but not twice as much.
            worth = sum(salience[each] for each in new) / math.sqrt(len(new))
            yield _Phrase(one.age, words[0].at, text, found, len(words), worth)


def _is_name(words: Sequence[Word]) -> bool:
    """Tell whether a phrase is a name; one at the start of a sentence needs a second word."""
    big = all(word.text[0].isupper() or not word.terms for word in words)
    return big and any(word.is_name for word in words)


def _named_part(words: Sequence[Word]) -> Sequence[Word]:
    """Return a phrase from its first name to its last name or number, whole where it has none."""
    names = [at for at, word in enumerate(words) if word.is_name]
    if not names:
        return words
    last = max(at for at, word in enumerate(words) if word.is_name or word.is_number)
    return words[names[0] : last + 1]


def _best(phrases: Sequence[_Phrase], share: float, most: int) -> tuple[str, ...]:
    """Return the most salient phrases in the order in which they were said."""
    ranked = sorted(phrases, key=lambda one: -one.salience)
    kept, size = list[_Phrase](), 0
    for one in ranked:
        if one.salience < share * ranked[0].salience:
            break
        is_new = not any(one.terms <= other.terms for other in kept)
        if not is_new or (kept and size + one.size > most):
            continue
        kept.append(one)
        size += one.size
    return tuple(one.text for one in sorted(kept, key=lambda one: (one.age, one.at)))


def _nth_item(question: str, said: Sequence[_Said]) -> tuple[str, ...]:
    """Return the item of a list in the last answer that a question speaks of by its place."""
    asked = _NTH.search(question)
    answer = next((one for one in said if not one.is_question and one.age == 0), None)
    if asked is None or answer is None:
        return ()
    items = _ITEM.findall(answer.text)
    place = _ORDINALS[asked[1].lower()]
    if len(items) < _FEWEST_ITEMS or place >= len(items):
        return ()
    return (" ".join(items[place].split()[:_ITEM_WORDS]).rstrip(".,;:"),)


# --- other languages -----------------------------------------------------------------------------


def _rarest(
    own: Sequence[Word], said: Sequence[_Said], weights: Mapping[str, float]
) -> tuple[str, ...]:
    """Return the rarest words of the last question that the collection knows, in their order."""
    have = _terms(own)
    last = next(one for one in said if one.is_question)
    found = {
        word.terms: (weight, word)
        for word in telling(last.words)
        if not have.intersection(word.terms)
        and (weight := weight_of(word, _known(weights))) >= _RARE
    }
    best = sorted(found.values(), key=lambda one: -one[0])[:_MOST_WORDS]
    return tuple(word.text for _, word in sorted(best, key=lambda one: one[1].at))


def _known(weights: Mapping[str, float]) -> dict[str, float]:
    return {term: weight for term, weight in weights.items() if weight <= _KNOWN}


def _signs_carried(question: str, said: Sequence[_Said], rarity: Rarity) -> tuple[str, ...]:
    """Return the rare pieces of the last question in a script without spaces.

    A question that has a rare piece of its own stands alone.
    """
    last = next(one for one in said if one.is_question).text
    weights = _known(rarity(f"{question}\n{last}"))
    if _rare_pieces(question, weights):
        return ()
    kept, size = list[str](), 0
    for piece in _rare_pieces(last, weights):
        if size + len(piece) <= _MOST_SIGNS and piece not in kept and piece not in question:
            kept.append(piece)
            size += len(piece)
    return tuple(kept)


def _rare_pieces(text: str, weights: Mapping[str, float]) -> list[str]:
    """Return the runs of signs whose neighbours are rare side by side, and rare words beside."""
    is_kept = [False] * len(text)
    for at in range(len(text) - 1):
        pair = text[at : at + 2]
        signs = all(_SIGN.fullmatch(one) for one in pair)
        if signs and weights.get(pair.casefold(), 0.0) >= _RARE:
            is_kept[at] = is_kept[at + 1] = True
    for word in words_of(text, "cjk"):
        if not _SPACELESS.search(word.text) and weight_of(word, weights) >= _RARE:
            is_kept[word.at : word.end] = [True] * len(word.text)
    return regex.findall(
        r"\S+", "".join(c if k else " " for c, k in zip(text, is_kept, strict=True))
    )
