"""Follow-ups: what a question leaves unsaid is carried over from the conversation, by rule.

Of a conversation the end is looked at: the last questions, and the answers to the last few. What an
English question lacks `service/topics.py` finds; questions in other languages get the rare words of
the question before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import regex

from indexes.languages import ENGLISH, Language
from indexes.words import UNSPACED
from service.capitals import capitalised
from service.described import Beside, beside_nothing
from service.evidence import Turn
from service.leaning import leaning, says_nothing, weight_of
from service.said import Said, terms_of
from service.spoken import telling, words_of
from service.topics import Lacked, behind, lacking

Rarity = Callable[[str], Mapping[str, float]]
"""Gives the distinct terms of a text, each with its BM25 weight as a share of that of a term which
one chunk has; more than 1 for one that no chunk has."""

# So much of a conversation is looked at, from its end; more would cost time and change nothing.
MOST_QUESTIONS: Final = 6
MOST_ANSWERS: Final = 3
_QUESTION_CHARACTERS: Final = 500
_ANSWER_CHARACTERS: Final = 600

# In other languages so many words are carried.
_MOST_WORDS: Final = 6
_MOST_SIGNS: Final = 30
# In other languages words count from this rarity on.
_RARE: Final = 0.5
_KNOWN: Final = 1.0

# "Back to the ferry" speaks of the ferry.
_BACK: Final = regex.compile(r"^[^.?!]{0,30}?\bback to\b", regex.IGNORECASE)
_MARKER: Final = regex.compile(r"\[\d+\]")
# Signs of scripts without spaces that bear meaning: Japanese endings and particles do not.
_SPACELESS: Final = regex.compile(rf"[{UNSPACED}\p{{Hangul}}]")
_SIGN: Final = regex.compile(rf"[[{UNSPACED}\p{{Hangul}}]--\p{{Hiragana}}]", regex.VERSION1)


def carried_over(
    question: str,
    history: Sequence[Turn],
    rarity: Rarity,
    language: Language = ENGLISH,
    beside: Beside = beside_nothing,
) -> Lacked:
    """Return what a question lacks: nothing where it stands alone or nothing was said."""
    said = list(_recent(history, language))
    own = question.strip()
    if not any(one.is_question for one in said):
        return Lacked((), own)
    if language == "cjk":
        return behind(own, _signs_carried(own, said, rarity))
    asked = Said(is_question=True, age=-1, text=own, words=words_of(own, language))
    if language != ENGLISH:
        return behind(own, _rarest(asked, said, _weights(asked, said, rarity)))
    asked, said = capitalised(asked, said, beside)
    found = lacking(asked, said, _weights(asked, said, rarity), beside)
    is_behind = found.whole.startswith(asked.text)
    return replace(found, whole=own + found.whole[len(own) :]) if is_behind else found


def _weights(asked: Said, said: Sequence[Said], rarity: Rarity) -> Mapping[str, float]:
    return rarity(" ".join([asked.text, *(one.text for one in said)]))


def _recent(history: Sequence[Turn], language: Language) -> Iterator[Said]:
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


def _heard(turn: Turn, age: int, language: Language) -> Said:
    is_question = turn.role == "user"
    text = turn.text[: _QUESTION_CHARACTERS if is_question else _ANSWER_CHARACTERS]
    plain = _BACK.sub("About", text) if is_question else _MARKER.sub("", text)
    return Said(is_question, age, plain, words_of(plain, language))


# --- other languages -----------------------------------------------------------------------------


def _rarest(asked: Said, said: Sequence[Said], weights: Mapping[str, float]) -> tuple[str, ...]:
    """Return the rarest words of the last question that the collection knows, in their order.

    There are none where the question leans on nothing.
    """
    if leaning(asked.text, asked.words, frozenset(), weights, "other") is None:
        return ()
    have = terms_of(asked.words)
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


def _signs_carried(question: str, said: Sequence[Said], rarity: Rarity) -> tuple[str, ...]:
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
