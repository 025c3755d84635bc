"""Write: a language model puts evidence into words, and each sentence is checked before it shows.

What the evidence does not bear out is left out or marked, and told in either case. Where nothing is
left, the evidence itself is quoted.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from indexes.errors import ModelTooSlow, PromptTooLong
from indexes.languages import ENGLISH
from service.evidence import (
    Asked,
    Evidence,
    Fallback,
    Generator,
    Ground,
    LeftOut,
    Piece,
    Step,
    Support,
    Thought,
    Turn,
    Unsupported,
)
from service.generate import quote
from service.heads import NOTHING_BELOW, CheckWords, Head, Heads
from service.language_model import Check, Ended, LanguageModel, Message, Sampling
from service.overtime import counting, used_until
from service.prompts import NOT_FOUND, Prompts, abstains, fenced
from service.streamed import StreamedSentence, inert, streamed_sentences
from service.thoughts import outside_think

Manner = Literal["drop", "mark"]
MARK: Final = "[unsupported]"
CUT_OFF: Final = "it was cut off before its end"
NO_ROOM: Final = "no room for it in the language model's context"
# Earlier turns of a conversation may take this share of the context.
_HISTORY_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What a strategy works with: a model, the prompts, and how the model is to write."""

    model: LanguageModel
    prompts: Prompts
    sampling: Sampling

    def messages(self, prompt: str, asked: Asked, evidence: Sequence[Evidence]) -> list[Message]:
        """Return a prompt that is filled in: what it says ahead of the question, then history."""
        filled = self.prompts.fill(
            prompt, evidence=fenced(evidence), question=asked.question, not_found=NOT_FOUND
        )
        turns = [Message(turn.role, turn.text) for turn in asked.history]
        return [*filled[:-1], *turns, filled[-1]]

    def write(self, messages: Sequence[Message], check: Check) -> Iterator[str | Thought | Ended]:
        """Yield what the model writes, with its reasoning told apart where it marks it."""
        for piece in outside_think(counting(self.model, messages, self.sampling, check)):
            yield replace(piece, model=self.model.name) if isinstance(piece, Ended) else piece

    def fits(self, messages: Sequence[Message]) -> bool:
        """Tell whether the model can read these messages and still write what it may."""
        room = self.model.context_tokens - self.sampling.max_tokens
        return self.model.count_tokens(messages) <= room


Strategy = Callable[[Desk, Asked, Sequence[Evidence]], Iterator[str | Thought | Ended]]
"""Yields a model's answer in pieces, its reasoning apart, and what each call of it used."""


def writing(
    desk: Desk, strategy: Strategy, prompt: str, ground: Ground, manner: Manner
) -> Generator:
    """Return the generator that lets a model write by a strategy, and checks what it writes.

    `prompt` is the one that must fit into the model's context with the evidence. A model that is
    too slow has its last, unfinished sentence left out.
    """

    def write(asked: Asked, evidence: Sequence[Evidence]) -> Iterator[Step]:
        asked = _with_history_that_fits(desk, asked)
        given = evidence[: _how_many_fit(desk, prompt, asked, evidence)]
        yield from (LeftOut(one, NO_ROOM) for one in evidence[len(given) :])
        if evidence and not given:
            yield Fallback(f"{NO_ROOM}, not even for the best passage")
            yield from quote(asked.question, evidence)
            return
        written = strategy(desk, asked, given)
        told = False
        for step in _checked(written, given, desk.model.name, ground, manner):
            yield step
            told = told or isinstance(step, Piece)
            if isinstance(step, Fallback) and not step.abstains:
                yield from _quoted(asked.question, evidence, "\n\n" if told else "")

    return write


def _checked(
    written: Iterator[str | Thought | Ended],
    given: Sequence[Evidence],
    model: str,
    ground: Ground,
    manner: Manner,
) -> Iterator[Step]:
    """Yield each sentence with its quotes, or tell of it where nothing bears it out."""
    work = _Checking(ground, given, manner)
    late, cut = False, False
    language = given[0].candidate.chunk.language if given else ENGLISH
    for one in _in_time(streamed_sentences(written, language, len(given)), model):
        if isinstance(one, Thought | Ended):
            cut = isinstance(one, Ended) and one.reason == "length"
            yield one
        elif isinstance(one, _Late):
            late = True
        elif not abstains(one.text):
            yield from work.take(one)
    yield from work.end()
    if not work.supported:
        yield _nothing_left(said=work.said, late=late, cut=cut)


class _Checking:
    """The sentences of one answer, checked one after the other."""

    def __init__(self, ground: Ground, given: Sequence[Evidence], manner: Manner) -> None:
        self._ground = ground
        self._given = given
        self._manner = manner
        self._heads = Heads()
        self._told = set[str]()
        self._shown = False
        # What stands ahead of sentences that were left out, so that the lines stay lines.
        self._gap = ""
        self._mark = ""
        self.supported = False
        self.said = False

    def take(self, one: StreamedSentence) -> Iterator[Step]:
        """Yield what becomes of a sentence; one that leads others in waits for these."""
        yield from self._left(self._heads.left(one))
        if not one.is_over:
            yield from self._unsupported(one, CUT_OFF)
            return
        self.said = True
        if self._heads.take(one):
            return
        text = inert(one.text)
        checked = self._heads.check(replace(one, text=text), self._asked(one, text))
        if checked.words in self._told:  # small models say things twice
            self._pass(one)
            return
        self._told.add(checked.words)
        if (reason := checked.support.reason) is not None:
            marked = self._manner == "mark"
            yield from self._left(checked.heads if marked else ())
            yield from self._unsupported(one, reason)
            return
        yield from self._left(checked.out)
        self.supported = True
        for head in checked.heads:
            head.state = "stays"
            yield Piece(f"{self._before(head.sentence)}{_line(head.sentence)}")
        yield from _told(self._before(one), replace(one, text=text), checked.support)

    def end(self) -> Iterator[Step]:
        """Yield what leads nothing in that was shown."""
        yield from self._left(self._heads.left(None))

    def _asked(self, one: StreamedSentence, text: str) -> CheckWords:
        """Return what checks words: as they are shown, or with the links that documents have."""
        named = [at for at in one.named if 0 <= at < len(self._given)]

        def ask(words: str) -> Support:
            support = self._ground(words, self._given, named)
            if support.reason is None or text == one.text:
                return support
            return self._ground(words.replace(text, one.text), self._given, named)

        return ask

    def _left(self, heads: Sequence[Head]) -> Iterator[Step]:
        for head in heads:
            head.state = "out"
            yield from self._unsupported(head.sentence, NOTHING_BELOW)

    def _unsupported(self, one: StreamedSentence, reason: str) -> Iterator[Step]:
        yield Unsupported(one.text, reason)
        if self._manner == "drop":
            self._pass(one)
            return
        yield from _told(self._before(one), replace(one, text=inert(one.text)), Support())

    def _pass(self, one: StreamedSentence) -> None:
        """Keep what stands ahead of a sentence that is not shown, for the next one."""
        if one.ahead.count("\n") >= self._gap.count("\n"):
            self._gap = one.ahead
        if "\n" in one.ahead or one.mark:
            self._mark = one.mark

    def _before(self, one: StreamedSentence) -> str:
        """Return what stands ahead of a sentence that is shown now."""
        gap, mark = one.ahead, one.mark
        if self._gap.count("\n") > gap.count("\n"):
            gap = self._gap
        if one.kind == "more":
            mark = self._mark
        before = f"{gap if self._shown else ''}{mark}"
        self._shown, self._gap, self._mark = True, "", ""
        return before


def _line(one: StreamedSentence) -> str:
    return f"{inert(one.text)}{one.behind}"


def _quoted(question: str, evidence: Sequence[Evidence], ahead: str) -> Iterator[Piece]:
    for piece in quote(question, evidence):
        yield replace(piece, text=f"{ahead}{piece.text}")
        ahead = ""


def _nothing_left(*, said: bool, late: bool, cut: bool) -> Fallback:
    if late:
        return Fallback("the time for an answer was over before the language model had written one")
    if said:
        return Fallback("the evidence bears out no sentence that the language model wrote")
    if cut:
        return Fallback(
            "the language model came to no answer in its tokens (AFTERWORD_ANSWER_TOKENS)"
        )
    return Fallback("the language model finds no answer in the evidence", abstains=True)


class _Late:
    """The time was over; what was written until then stands."""


def _in_time(
    sentences: Iterator[StreamedSentence | Thought | Ended], model: str
) -> Iterator[StreamedSentence | Thought | Ended | _Late]:
    try:
        yield from sentences
    except ModelTooSlow as error:
        yield Ended("length", used_until(error), model)
        yield _Late()


def within(seconds: float, check: Check) -> Check:
    """Return a check that asks `check`, and raises ModelTooSlow once so many seconds are over."""
    told = (
        f"the language model worked longer than {seconds:g} s, which is what "
        "AFTERWORD_ANSWER_SECONDS allows"
    )
    return until(time.monotonic() + seconds, check, told)


def until(end: float, check: Check, told: str) -> Check:
    """Return a check that asks `check`, and raises ModelTooSlow once the clock is past `end`."""

    def both() -> None:
        check()
        if time.monotonic() > end:
            raise ModelTooSlow(told)

    return both


def _told(before: str, one: StreamedSentence, support: Support) -> Iterator[Piece]:
    """Yield a sentence, its quotes, and what stands behind these."""
    if not support.quoted:
        yield Piece(f"{before}{one.text} {MARK}{one.behind}")
        return
    first, *others = support.quoted
    yield Piece(f"{before}{one.text}", first)
    yield from (Piece("", other) for other in others)
    if one.behind:
        yield Piece(one.behind)


def _how_many_fit(desk: Desk, prompt: str, asked: Asked, evidence: Sequence[Evidence]) -> int:
    """Return how many pieces of evidence, from the best down, the model's context has room for.

    Raises PromptTooLong where it has none for the question alone.
    """

    def fits(count: int) -> bool:
        return desk.fits(desk.messages(prompt, asked, evidence[:count]))

    if not fits(0):
        raise PromptTooLong(
            f"the question does not fit into the {desk.model.context_tokens} tokens that "
            f"{desk.model.name} reads and writes at once, of which {desk.sampling.max_tokens} are "
            "kept for the answer; shorten it, or set AFTERWORD_ANSWER_TOKENS lower"
        )
    return bisect_left(range(1, len(evidence) + 1), x=True, key=lambda count: not fits(count))


def _with_history_that_fits(desk: Desk, asked: Asked) -> Asked:
    """Return what is asked with the last turns only, as many as have room in their share."""
    room = int(_HISTORY_SHARE * desk.model.context_tokens)

    def fits(turns: Sequence[Turn]) -> bool:
        return desk.model.count_tokens([Message(one.role, one.text) for one in turns]) <= room

    kept = asked.history
    while kept and not fits(kept):
        kept = kept[2:]
    return replace(asked, history=kept)
