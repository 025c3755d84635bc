"""A local model writes one answer at a time, in a thread of its own, for those who wait in turn."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from indexes.errors import ModelFailed, PromptTooLong
from service.chat_template import Chat
from service.language_model import Check, Ended, Message, Reason, Sampling, Usage, Write
from service.thoughts import size_of_beginning

# Who waits for a token asks so often whether to go on.
ASK_SECONDS: Final = 0.1
# A model that writes the same block so many times in a row, in so many tokens, writes nothing else.
_ROUNDS: Final = 4
_LEAST_LOOPED: Final = 64
_LONGEST_BLOCK: Final = 128
_UNFINISHED: Final = "\N{REPLACEMENT CHARACTER}"
_ERRORS: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Stopped(Exception):
    """Nobody waits for the answer any more, or it has ended; no error."""


@dataclass(slots=True)
class Tokens:
    """The tokens of one answer on their way from the thread that writes to the one that waits."""

    arrived: "queue.SimpleQueue[int | None]" = field(default_factory=queue.SimpleQueue)
    left: threading.Event = field(default_factory=threading.Event)

    def put(self, token: int) -> None:
        """Hand a token over. Raises Stopped where nobody waits."""
        self.stay()
        self.arrived.put(token)

    def stay(self) -> None:
        """Raise Stopped where nobody waits."""
        if self.left.is_set():
            raise Stopped


Generate = Callable[[Sequence[int], Sampling, frozenset[int], Tokens], None]
"""Writes behind a prompt in the thread that calls it, with a maximum of tokens and end tokens."""

Decode = Callable[[Sequence[int]], str]
"""Gives the text of tokens, the model's own marks left out."""


def local_write(
    chat: Chat, generate: Generate, decode: Decode, ends: frozenset[int], context: int
) -> Write:
    """Return what lets a model write: one answer at a time, in the order in which they came.

    `ends` are the tokens that end an answer, which count as written. An answer that goes round in
    circles is ended with the reason "length".
    """
    # The one thread makes them wait in turn; torch keeps helpers for each thread that calls it.
    worker = ThreadPoolExecutor(1, thread_name_prefix="language model")

    def write(
        messages: Sequence[Message], sampling: Sampling, check: Check
    ) -> Iterator[str | Ended]:
        check()
        prompt = chat.tokens(messages)
        room = context - len(prompt)
        if room < 1:
            raise PromptTooLong(
                f"the prompt has {len(prompt)} tokens, and the language model reads and writes "
                f"{context} at once; ask less, or with a smaller top_k"
            )
        limit = min(room, sampling.max_tokens)
        tokens = Tokens()
        wanted = replace(sampling, max_tokens=limit)
        work = worker.submit(_work, generate, prompt, wanted, ends, tokens)
        answer = _Answer(decode, ends, limit)
        try:
            if chat.begins_inside_think(prompt):
                yield "<think>"
            texts = (answer.text_of(token) for token in _arriving(tokens, work, check, answer))
            yield from until((*sampling.stop, *chat.stop), texts, answer.stop)
            if rest := answer.rest():
                yield rest
        finally:
            tokens.left.set()
            work.cancel()
        yield Ended(answer.reason, Usage(len(prompt), answer.count))

    return write


def _work(
    generate: Generate,
    prompt: Sequence[int],
    sampling: Sampling,
    ends: frozenset[int],
    tokens: Tokens,
) -> None:
    try:
        tokens.stay()
        generate(prompt, sampling, ends, tokens)
    except Stopped:
        return
    finally:
        tokens.arrived.put(None)


class _Answer:
    """The answer so far: its tokens, and how much of it has been given as text."""

    def __init__(self, decode: Decode, ends: frozenset[int], limit: int) -> None:
        self._decode = decode
        self._ends = ends
        self._limit = limit
        self._tokens: list[int] = []
        # Text is given up to `_read`; what lies from `_from` on is decoded again with what follows,
        # since a token's text may hang on the one before.
        self._from = self._read = 0
        self._is_ended = False
        self._is_cut = False
        self.count = 0

    @property
    def is_looping(self) -> bool:
        """Whether the last tokens are one block again and again."""
        return loops(self._tokens)

    @property
    def reason(self) -> Reason:
        """Why the answer ended."""
        if self._is_ended or self._is_cut:
            return "stop"
        return "length" if self.count >= self._limit or self.is_looping else "stop"

    def stop(self) -> None:
        """Note that what ends an answer was written; what was held back is given no more."""
        self._is_cut = True

    def text_of(self, token: int) -> str:
        """Take a token and return the text that is sure now."""
        self.count += 1
        if token in self._ends:
            self._is_ended = True
            return ""
        self._tokens.append(token)
        new = self._new()
        if new.endswith(_UNFINISHED):
            return ""
        self._from, self._read = self._read, len(self._tokens)
        return new

    def rest(self) -> str:
        """Return what was held back because more might have followed."""
        return "" if self._is_cut else self._new()

    def _new(self) -> str:
        known = self._decode(self._tokens[self._from : self._read])
        return self._decode(self._tokens[self._from :])[len(known) :]


def _arriving(tokens: Tokens, work: "Future[None]", check: Check, answer: _Answer) -> Iterator[int]:
    """Yield each token as it comes, and ask meanwhile whether to go on."""
    while True:
        check()
        try:
            token = tokens.arrived.get(timeout=ASK_SECONDS)
        except queue.Empty:
            continue
        if token is None:
            break
        yield token
        if answer.is_looping:
            return
    try:
        work.result()
    except _ERRORS as error:  # a library's own, of a model that nobody knows
        raise ModelFailed(
            f"the language model failed: {type(error).__name__}: {error}; choose another model"
        ) from error


def until(stops: Sequence[str], texts: Iterator[str], stopped: Callable[[], None]) -> Iterator[str]:
    """Yield the texts up to where one of `stops` begins, which may come in several pieces.

    `stopped` is called where one came.
    """
    held = ""
    for text in texts:
        held += text
        found = [at for at in (held.find(stop) for stop in stops) if at >= 0]
        if found:
            stopped()
            held = held[: min(found)]
            break
        sure = len(held) - max((size_of_beginning(held, stop) for stop in stops), default=0)
        if held[:sure]:
            yield held[:sure]
        held = held[sure:]
    if held:
        yield held


def loops(tokens: Sequence[int]) -> bool:
    """Tell whether tokens end in one block, again and again, and in nothing else for long."""
    end = len(tokens)
    for size in range(1, min(_LONGEST_BLOCK, end // _ROUNDS) + 1):
        span = max(_ROUNDS * size, _LEAST_LOOPED)
        if end < span or tokens[end - 1] != tokens[end - 1 - size]:
            continue
        if all(tokens[at] == tokens[at - size] for at in range(end - span + size, end)):
            return True
    return False
