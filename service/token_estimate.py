"""How many tokens a text has for a tokenizer that nobody has here: rather too many than too few."""

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from math import ceil
from pathlib import Path
from typing import Final

from indexes.errors import ModelMissing
from indexes.hub import tokenizer_file
from indexes.network import token_counter
from service.language_model import Message

Count = Callable[[Sequence[Message]], int]

# What a chat template puts around each message, and around them all.
_AROUND_MESSAGE: Final = 8
_AROUND_ALL: Final = 32
_RUNS: Final = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digit> ?[0-9])|(?P<gap>\s\s+|[^\S ])|(?P<sign>[!-~])"
    r"|(?P<latin>[\u00a1-\u024f])|(?P<letter>[\u0250-\u07ff])|(?P<other>[^\x00-\x7f])"
)
# Every sixth word of English is one of these, of other languages hardly any.
_ENGLISH: Final = re.compile(r"\b(?:the|of|and|to|that|for|with)\b", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z]+")
_ENGLISH_SHARE: Final = 0.04
# Tokenizers know English words whole, and those of other languages in parts.
_WHOLE: Final = 4
_PART_ENGLISH: Final = 3.0
_PART: Final = 2.3
# The tokens of one character of these kinds.
_EACH: Final = {"sign": 1.0, "latin": 1.0, "letter": 1.3, "other": 2.0}
_MARGIN: Final = 1.05


def counter(tokenizer: str | None) -> Count:
    """Return what counts the tokens of messages, by a tokenizer where one is named.

    It is a `tokenizer.json`, a folder with one or a hub id. Raises ModelMissing.
    """
    count = _by_tokenizer(tokenizer) if tokenizer else estimated
    return lambda messages: (
        _AROUND_ALL + sum(_AROUND_MESSAGE + count(one.text) for one in messages) if messages else 0
    )


@cache
def _by_tokenizer(name: str) -> Callable[[str], int]:
    path = tokenizer_file(name, "AFTERWORD_MODEL_TOKENIZER")
    try:
        text = path.read_text(encoding="utf-8")
        is_one = "model" in json.loads(text)
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, str(error)) from None
    if not is_one:
        raise _unreadable(path, "it has no model")
    return token_counter(text)


def _unreadable(path: Path, why: str) -> ModelMissing:
    return ModelMissing(
        f"The tokenizer {path} cannot be read: {why}. Name another in AFTERWORD_MODEL_TOKENIZER, "
        "or unset it: tokens are then estimated."
    )


def estimated(text: str) -> int:
    """Return how many tokens a text has at most, for nearly every text and tokenizer of today.

    Each run of characters counts for what a tokenizer of 49,152 tokens, a small one, makes of it:
    a number is read digit by digit, and a Chinese character in two parts.
    """
    part = _PART_ENGLISH if is_english(text) else _PART
    total = 0.0
    for run in _RUNS.finditer(text):
        kind, length = run.lastgroup or "", run.end() - run.start()
        if kind == "word":
            total += _of_word(run.group(), part)
        elif kind == "digit":
            total += length
        elif kind == "gap":
            total += 1 + length / 8
        else:
            total += _EACH[kind]
    return ceil(total * _MARGIN)


def is_english(text: str) -> bool:
    """Tell whether a text's words are English ones, as far as its commonest tell."""
    words = sum(1 for _ in _WORD.finditer(text))
    common = sum(1 for _ in _ENGLISH.finditer(text))
    return common >= _ENGLISH_SHARE * words


def _of_word(word: str, part: float) -> float:
    if part == _PART:
        return max(1.0, len(word) / part)
    tokens = 1 + max(0, len(word) - _WHOLE) / part
    # Capitals inside of a word begin parts of their own.
    return tokens if word.islower() or word.istitle() else tokens + (len(word) - 1) / 4
