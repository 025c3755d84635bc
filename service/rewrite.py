"""Rewrite: a question that leans on what was said before is made one that stands alone.

By a language model where the question has one, else by rule (`service/follow_ups.py`). What a model
writes is taken only if it keeps what the question says, adds something that was said before, and
makes nothing up; else the rule stands.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from indexes.errors import ModelFailed, ModelTooSlow, PromptTooLong
from indexes.languages import ENGLISH, Language
from service.described import Beside, beside_nothing
from service.evidence import Thought, Turn
from service.follow_ups import Rarity, carried_over
from service.language_model import Check, Ended, LanguageModel, Message, Sampling, Usage
from service.overtime import counting, used_until
from service.prompts import Prompts
from service.spoken import Word, telling, words_of
from service.thoughts import outside_think

Way = Literal["auto", "rule", "model", "none"]
WAYS: Final[tuple[Way, ...]] = ("auto", "rule", "model", "none")

PROMPT: Final = "rewrite"
NO_MODEL: Final = (
    "rewrite 'model' needs a language model, and the generator is 'quote'; set AFTERWORD_GENERATOR "
    "to one, or use rewrite 'auto', 'rule' or 'none'"
)
_TOKENS: Final = 128
# So much of a conversation a model is given, from its end.
_TURNS: Final = 12
_TURN_CHARACTERS: Final = 800
# A rewrite may be so much longer than its question.
_LONGER: Final = 400
_TIMES_LONGER: Final = 3
# This share of the question's telling words must be in it.
_KEPT: Final = 0.8
_ASKS: Final = re.compile("[?\uff1f\u061f\u037e]")
_LABEL: Final = re.compile(r"^(?:[\w-]+ ){0,2}question:\s*", re.IGNORECASE)
_QUOTES: Final = "\"' \u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A question that can be understood alone.

    `by` says how it was rewritten, None where it is as it was asked. `usage` counts what a language
    model read and wrote for it, whether or not its words were taken.
    """

    text: str
    by: Literal["rule", "model"] | None = None
    usage: Usage | None = None


def rewrite_by_rule(
    question: str,
    history: Sequence[Turn],
    rarity: Rarity,
    language: Language = ENGLISH,
    beside: Beside = beside_nothing,
) -> Rewritten:
    """Give a question what it lacks.

    That stands behind its own words, but where a piece of a sentence belongs in the last question.
    """
    found = carried_over(question, history, rarity, language, beside)
    return Rewritten(found.whole, "rule") if found.phrases else Rewritten(question)


def rewrite_by_model(
    question: str,
    history: Sequence[Turn],
    model: LanguageModel,
    prompts: Prompts,
    check: Check,
    by_rule: Callable[[], Rewritten],
    language: Language = ENGLISH,
) -> Rewritten:
    """Let a model rewrite a question; where it fails, is too slow or strays, the rule does.

    What `check` raises, but for ModelTooSlow, ends the work. Raises UsageError for a bad prompt.
    """
    messages = _messages(question, history, model, prompts)
    if messages is None:
        return by_rule()
    written = _Written()
    try:
        for piece in _pieces(model, messages, check):
            written.take(piece)
    except ModelTooSlow as error:
        return _counted(by_rule(), used_until(error))
    except (ModelFailed, PromptTooLong):
        return _counted(by_rule(), written.usage)
    text = _plain(written.text)
    if not _is_good(text, question, history, language):
        return _counted(by_rule(), written.usage)
    return Rewritten(text, "model", written.usage)


@dataclass(slots=True)
class _Written:
    """What a model has written, and what it used."""

    text: str = ""
    usage: Usage | None = None

    def take(self, piece: str | Thought | Ended) -> None:
        if isinstance(piece, str):
            self.text += piece
        elif isinstance(piece, Ended):
            self.usage = piece.usage


def _pieces(
    model: LanguageModel, messages: Sequence[Message], check: Check
) -> Iterator[str | Thought | Ended]:
    yield from outside_think(counting(model, messages, Sampling(_TOKENS), check))


def _counted(rewritten: Rewritten, usage: Usage | None) -> Rewritten:
    return Rewritten(rewritten.text, rewritten.by, usage)


def _messages(
    question: str, history: Sequence[Turn], model: LanguageModel, prompts: Prompts
) -> list[Message] | None:
    """Return the prompt with as much of the history as the model has room for, None for none."""
    room = model.context_tokens - _TOKENS
    for said in (history[-_TURNS:], history[-2:]):
        lines = "\n".join(_line(turn) for turn in said)
        messages = prompts.fill(PROMPT, history=lines, question=question)
        if model.count_tokens(messages) <= room:
            return messages
    return None


def _line(turn: Turn) -> str:
    text = " ".join(turn.text[:_TURN_CHARACTERS].split())
    who = "User" if turn.role == "user" else "Assistant"
    return f"{who}: {text.replace('<', ' ')}"


def _plain(text: str) -> str:
    """Return the first line of what was written, without label and quotation marks."""
    line = next((one for one in text.splitlines() if one.strip()), "")
    return _LABEL.sub("", line.strip(_QUOTES)).strip(_QUOTES)


def _is_good(text: str, question: str, history: Sequence[Turn], language: Language) -> bool:
    if not text or len(text) > _TIMES_LONGER * len(question) + _LONGER:
        return False
    if _ASKS.search(question) and not _ASKS.search(text):
        return False  # it is an answer
    asked, written = words_of(question, language), words_of(text, language)
    said = [one for turn in history[-_TURNS:] for one in words_of(turn.text, language)]
    return (
        _keeps(asked, written)
        and _adds(written, asked, said)
        and _makes_nothing_up(written, [*asked, *said])
    )


def _keeps(asked: Sequence[Word], written: Sequence[Word]) -> bool:
    """Tell whether a rewrite has the names and numbers of a question, and most of the rest."""
    terms = _terms(written)
    if not all(terms.intersection(one.terms) for one in asked if _is_exact(one)):
        return False
    tells = telling(asked)
    kept = sum(bool(terms.intersection(one.terms)) for one in tells)
    return kept >= _KEPT * len(tells)


def _adds(written: Sequence[Word], asked: Sequence[Word], said: Sequence[Word]) -> bool:
    """Tell whether a rewrite has something of the conversation; else it is but other words."""
    known, before = _terms(asked), _terms(said)
    return any(before.intersection(one.terms) - known for one in telling(written))


def _terms(words: Sequence[Word]) -> frozenset[str]:
    return frozenset(term for one in words for term in one.terms)


def _makes_nothing_up(written: Sequence[Word], known: Sequence[Word]) -> bool:
    """Tell whether all names and numbers of a rewrite were said before."""
    terms = _terms(known)
    return all(terms.intersection(one.terms) for one in written if _is_exact(one))


def _is_exact(word: Word) -> bool:
    return bool(word.terms) and (word.is_name or word.is_number)
