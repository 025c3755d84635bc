"""Topics: what an English question lacks that leans on what was said before it.

A pronoun, or a question of few words, lacks what the conversation keeps coming back to: a phrase
counts the more, the rarer its words are in the collection, the more often they were said, and the
later (salience, as in Lappin and Leass 1994, without a parser). A piece of a sentence lacks the
rest of the last question, and a description what tells which thing is described.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import Final

import regex

from indexes.languages import ENGLISH
from service.described import Beside, description, most_beside, stand_beside, tells_which
from service.exchanged import Swap, added, corrected, exchanged, outdated
from service.leaning import (
    Leaning,
    corrects,
    leaning,
    points_outside,
    pronouns_in,
    tells_what_was_meant,
    was_meant,
    weight_of,
)
from service.reworded import Token, swapped, tokens_behind, tokens_of
from service.said import (
    Phrase,
    Said,
    left_of,
    named_part,
    part_of,
    phrases_in,
    terms_of,
    words_left,
)
from service.spoken import is_numeral, is_version

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
_MOST_CHARACTERS: Final = 100
_MOST_MEANT: Final = 300
_KNOWN: Final = 1.0
_SPECIAL: Final = 0.65

_PERSONS: Final = regex.compile(r"\b(?:he|him|his|she|her|hers|who)\b", regex.IGNORECASE)
_ITEM: Final = regex.compile(r"^[ \t]*(?:\d+[.)]|[*•-])[ \t]+(.+)$", regex.MULTILINE)
_ORDINALS: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_NTH: Final = regex.compile(
    r"\bthe (first|second|third|fourth|fifth|last)\b(?: (?:one|option|item|point|step|choice))?",
    regex.IGNORECASE,
)
_ITEM_WORDS: Final = 6
_ITEM_CHARACTERS: Final = 60
_FEWEST_ITEMS: Final = 2


@dataclass(frozen=True, slots=True)
class Lacked:
    """The phrases that a question lacks, none where it stands alone, and the question with them."""

    phrases: tuple[str, ...]
    whole: str


def behind(question: str, phrases: tuple[str, ...]) -> Lacked:
    """Return a question with what it lacks behind it."""
    return Lacked(phrases, f"{question} ({', '.join(phrases)})" if phrases else question)


def lacking(
    asked: Said, said: Sequence[Said], weights: Mapping[str, float], beside: Beside
) -> Lacked:
    """Return what a question lacks.

    `said` is what was said before it, the last first. `weights` are those of all its terms and of
    the question's own.
    """
    if asked.is_pasted:
        return Lacked((), asked.text)
    talk = _Talk(said, weights, cache(beside))
    for one in reversed(said):
        if one.is_question:
            talk.hear(one)
    talk.hear(asked)
    phrases = tuple(one.text for one in talk.lacked(asked))
    return Lacked(phrases, "".join(one.text for one in talk.meant(asked)))


@dataclass(slots=True)
class _Talk:
    """A conversation as it is understood: which of its words are over, and what each lacked."""

    said: Sequence[Said]
    weights: Mapping[str, float]
    beside: Beside
    gone: set[tuple[int, int]] = field(default_factory=set)
    _lacked: dict[int, tuple[Phrase, ...]] = field(default_factory=dict)
    _swaps: dict[int, list[Swap]] = field(default_factory=dict)

    def before(self, asked: Said) -> list[Said]:
        """Return what was said before a question, the last first."""
        return [one for one in self.said if one.age > asked.age]

    def questions(self, asked: Said) -> list[Said]:
        """Return the questions before a question, the last first."""
        return [one for one in self.before(asked) if one.is_question]

    def hear(self, asked: Said) -> None:
        """Note which words a question puts its own in the place of."""
        earlier = self.questions(asked)
        if not earlier:
            return
        own = list(phrases_in(asked))
        if self.leans(asked) == "piece":
            swaps = self.swaps(asked, own, earlier[0])
            self.gone.update(*(one.taken for one in swaps))
            self._swaps[asked.age] = swaps
            if not any(one.taken for one in swaps):
                self.gone.update(self.of_another_version(asked, earlier[0]))
        self.gone.update(outdated(own, list(self.phrases_before(asked))))

    def swaps(self, asked: Said, own: Sequence[Phrase], last: Said) -> list[Swap]:
        """Return what the phrases of a piece take the place of in the last question."""
        frame = self.understood(last)
        before = list(phrases_in(last)) if self.leans(last) == "piece" else []
        if corrects(asked.text):
            return exchanged(own, frame, before)
        if not tells_what_was_meant(asked.text, asked.words) or self.asks_back(asked):
            return added(own, frame)
        if before:
            return corrected(own, frame, [one for one in frame if one.age == last.age])
        return corrected(own, frame, frame if was_meant(asked.text) else [])

    def leans(self, asked: Said) -> Leaning | None:
        """Return how a question leans on what was said before it."""
        last = self.last_exchange(asked)
        before = frozenset[str]().union(*(terms_of(one.words) for one in last))
        return leaning(asked.text, asked.words, before, self.weights, ENGLISH)

    def last_exchange(self, asked: Said) -> list[Said]:
        """Return the answer and the question right before a question."""
        return [one for one in self.said if one.age == asked.age + 1]

    def of_another_version(self, asked: Said, last: Said) -> set[tuple[int, int]]:
        """Return the words that the last question lacked and that are not of a bare version.

        "And 1.33?" is still of Kubernetes, but no more of the release that is called Octarine.
        """
        own = [one for one in asked.words if one.terms]
        if not own or not all(map(is_version, own)):
            return set()
        lacked = self.lacked(last)
        kept = most_beside(own[-1].text, lacked, self.beside)
        others = [one for one in lacked if one not in kept]
        return {(one.age, word.at) for one in others for word in one.words}

    def asks_back(self, asked: Said) -> bool:
        """Tell whether the last answer asked what was meant."""
        answers = [one for one in self.last_exchange(asked) if not one.is_question]
        return any(one.text.rstrip().endswith("?") for one in answers)

    def understood(self, asked: Said) -> list[Phrase]:
        """Return the phrases of a question with those that it lacks, as far as they still count.

        A question that names nothing goes on with a name that was spoken of, if that stands beside
        its words in some passage.
        """
        own = list(phrases_in(asked, self.gone))
        lacked = self.lacked(asked)
        if own and not lacked and not any(map(_has_name, phrases_in(asked))):
            lacked = self.topic(asked, own)
        return [*own, *(part for one in lacked for part in left_of(one, self.gone))]

    def meant(self, asked: Said) -> list[Token]:
        """Return a question that has what it lacks: in its place, or behind it in parentheses."""
        swaps = self._swaps.get(asked.age)
        if swaps:
            found = swapped(asked, swaps, self.meant(self.questions(asked)[0]))
            if found and sum(len(one.text) for one in found) <= _MOST_MEANT:
                return found
        return [*tokens_of(asked), *tokens_behind(self.lacked(asked))]

    def topic(self, asked: Said, own: Sequence[Phrase]) -> tuple[Phrase, ...]:
        """Return the names spoken of most that stand beside a question's words in a passage."""
        salience = self.salience(asked)
        names = filter(_has_name, map(_named, self.phrases_before(asked)))
        found = _best(list(self.new(asked, names, salience)), _NEAR_ENOUGH, _MOST_WORDS)
        rarest = max(own, key=lambda one: sum(self.weights.get(term, 0.0) for term in one.terms))
        return stand_beside(rarest.text, rarest.terms, found, self.beside)

    def lacked(self, asked: Said) -> tuple[Phrase, ...]:
        """Return the phrases that a question lacks."""
        if asked.age not in self._lacked:
            found = {one.text.casefold(): one for one in reversed(self._lacking(asked))}
            self._lacked[asked.age] = tuple(reversed(found.values()))
        return self._lacked[asked.age]

    def _lacking(self, asked: Said) -> tuple[Phrase, ...]:
        earlier = self.questions(asked)
        how = self.leans(asked) if earlier else None
        described = description(asked.words) if earlier and how is None else ()
        if how is None and not described:
            return ()
        salience = self.salience(asked)
        if how == "piece":
            # All of the question before it was said alike.
            phrases = list(self.new(asked, self.understood(earlier[0]), self.weights))
            kept = _best(phrases, _NEAR_ENOUGH_FOR_PIECE, _MOST_WORDS_FOR_PIECE)
        else:
            named = map(_named, self.phrases_before(asked))
            wanted = filter(_has_name, named) if described else named
            phrases = list(self.new(asked, wanted, salience))
            kept = _best(phrases, _NEAR_ENOUGH, _MOST_WORDS)
        if described:
            return tells_which(described, self.special(asked), kept, self.beside)
        item = _nth_item(asked, self.last_exchange(asked))
        if phrases and not _PERSONS.search(asked.text):
            return (*item, *kept)
        return (*item, *self.person(asked, salience), *kept)

    def phrases_before(self, asked: Said) -> Iterator[Phrase]:
        """Yield what the questions before a question speak of, the last first."""
        for one in self.questions(asked):
            yield from phrases_in(one, self.gone)

    def salience(self, asked: Said) -> dict[str, float]:
        """Return how much is spoken of each term before a question."""
        found: dict[str, float] = {}
        for one in self.said:
            if one.age <= asked.age:
                continue
            share = _FADING ** (one.age - asked.age - 1)
            terms = terms_of(words_left(one, self.gone))
            if not one.is_question:
                share *= _IN_ANSWER
            elif points_outside(one.text, one.words):
                share *= _IN_LEANING
                if asked.age + 1 == one.age and pronouns_in(asked.words) & pronouns_in(one.words):
                    # A version is hardly ever said again, but "it" is the same one once more.
                    meant = [part for part in self.lacked(one) if _has_name(part)]
                    if any(map(_has_number, meant)):
                        terms = terms.union(*(part.terms for part in meant))
            elif self.is_number(one):
                # What it is a version of was not said again, but meant.
                names = [part.terms for part in self.understood(one) if _has_name(part)]
                terms = terms.union(*names)
            for term in terms:
                found[term] = found.get(term, 0.0) + share * self.weights.get(term, 0.0)
        return found

    def is_number(self, asked: Said) -> bool:
        """Tell whether a question is a piece that names but another version, or nothing at all."""
        own = [one for one in asked.words if one.terms]
        return all(map(is_numeral, own)) and self.leans(asked) == "piece"

    def special(self, asked: Said) -> frozenset[str]:
        """Return the terms of a question that are rare in the collection."""
        words = [one for one in asked.words if _SPECIAL <= weight_of(one, self.weights) <= _KNOWN]
        return terms_of(words)

    def new(
        self, asked: Said, phrases: Iterable[Phrase], salience: Mapping[str, float]
    ) -> Iterator[tuple[float, Phrase]]:
        """Yield the phrases that say what a question does not, each once, with their salience."""
        have = terms_of(asked.words)
        seen: list[frozenset[str]] = []
        for one in phrases:
            new = [term for term in one.terms - have if 0 < self.weights.get(term, 0.0) <= _KNOWN]
            if new and not any(one.terms <= each for each in seen):
                seen.append(one.terms)
                # Two words say more than one, but not twice as much.
                yield sum(salience.get(term, 0.0) for term in new) / math.sqrt(len(new)), one

    def person(self, asked: Said, salience: Mapping[str, float]) -> tuple[Phrase, ...]:
        """Return the name in the last answer that is spoken of most, if there is one."""
        answers = [one for one in self.last_exchange(asked) if not one.is_question]
        said = [one for answer in answers for one in phrases_in(answer) if _is_name(one)]
        names = list(self.new(asked, said, salience))
        return (max(names, key=itemgetter(0))[1],) if names else ()


def _is_name(phrase: Phrase) -> bool:
    """Tell whether a phrase is a name; one at the start of a sentence needs a second word."""
    big = all(word.text[0].isupper() or not word.terms for word in phrase.words)
    return big and any(word.is_name for word in phrase.words)


def _named(phrase: Phrase) -> Phrase:
    """Return what a phrase names, not what is told of it: `Git 3.0` of `Git 3.0 planned`."""
    return part_of(phrase, named_part(phrase.words))


def _has_name(phrase: Phrase) -> bool:
    return any(one.is_name or is_numeral(one) for one in phrase.words)


def _has_number(phrase: Phrase) -> bool:
    return any(map(is_numeral, phrase.words))


def _best(phrases: Sequence[tuple[float, Phrase]], share: float, most: int) -> tuple[Phrase, ...]:
    """Return the most salient phrases in the order in which they were said."""
    ranked = sorted(phrases, key=lambda one: -one[0])
    kept, size, length = list[Phrase](), 0, 0
    for worth, one in ranked:
        if worth < share * ranked[0][0]:
            break
        is_new = not any(one.terms <= other.terms for other in kept)
        large = size + len(one.words) > most or length + len(one.text) > _MOST_CHARACTERS
        if not is_new or (kept and large):
            continue
        kept.append(one)
        size += len(one.words)
        length += len(one.text)
    return tuple(sorted(kept, key=lambda one: (one.age, one.at)))


def _nth_item(asked: Said, last: Sequence[Said]) -> tuple[Phrase, ...]:
    """Return the item of a list in the last answer that a question speaks of by its place."""
    wanted = _NTH.search(asked.text)
    answer = next((one for one in last if not one.is_question), None)
    if wanted is None or answer is None:
        return ()
    items = list(_ITEM.finditer(answer.text))
    place = _ORDINALS[wanted[1].lower()]
    if len(items) < _FEWEST_ITEMS or place >= len(items):
        return ()
    text = " ".join(items[place][1].split()[:_ITEM_WORDS])[:_ITEM_CHARACTERS].rstrip(".,;: ")
    words = tuple(
        one for one in answer.words if items[place].start(1) <= one.at < items[place].end(1)
    )
    return (Phrase(answer.age, text, words, ""),) if words else ()
