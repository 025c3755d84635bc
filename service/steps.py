"""What is the answer in a chain of thought that did not say where its answer begins.

The prompt asks for numbered steps and then the answer. A model that forgets the line between them
has mostly written the answer all the same, and each of its sentences is checked before it shows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.evidence import Thought

_CLOSE: Final = "</think>"
_NUMBERED: Final = re.compile(r"^[ \t]{0,3}(?:[*_]{1,3})?(\d{1,3})[.)](?=[ \t*_])")
_STEP: Final = re.compile(r"^[\s#*_>-]{0,10}step[ \t]{0,2}(\d{1,3})\b", re.IGNORECASE)
_REASONING: Final = re.compile(
    r"^[\s#*_>]{0,10}(?:(?:my|the)[ ])?(?:reasoning|thinking|thoughts?|analysis|rationale|steps|"
    r"chain of thought)(?:[ ](?:steps|process))?[*_ \t]{0,4}(?::|$)",
    re.IGNORECASE,
)
_TITLE: Final = re.compile(r"^[\s>]{0,6}(?:#{1,6}[ ].*|(\*\*|__).*\1:?|[^:]*:[*_]{0,3})\s*$")
_INDENTED: Final = re.compile(r"^(?:[ ]{2,}|\t)\s*\S")
_BULLET: Final = re.compile(r"^\s*[-*\u2022]\s")
# Of the evidence a step speaks, and an answer hardly ever.
_OF_EVIDENCE: Final = re.compile(
    r"\bevidence\W{0,3}\d|\bevidence\b[^.\n]{0,24}\b(?:say|tell|state|show|mention|give|name|contain|"
    r"indicate|confirm|do)(?:s|es)?\b",
    re.IGNORECASE,
)
# What leads to steps, a line ahead of them.
_LEAD: Final = re.compile(
    r"\b(?:let(?:'|\u2019)?s|let me|i(?:'|\u2019)ll|(?:i|we) (?:will|need|have|must|should)|"
    r"step by step|think|first)\b",
    re.IGNORECASE,
)
_COLON: Final = (":", ":**", "\uff1a")
_COURTESY: Final = re.compile(
    r"\b(?:hope (?:that|this|it)|let me know|feel free|happy to help|any (?:other|more|further) "
    r"questions)\b",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"^[\s#*_>-]{0,10}(?:step[ \t]{0,2})?\d{1,3}\b[.):]?[*_]{0,3}[.):]?\s*", re.IGNORECASE
)


@dataclass(slots=True, eq=False)
class _Block:
    """Lines that follow each other and are of one kind: steps, with what belongs to them, or not.

    `firsts` are the places of the lines with which steps begin; `is_named` tells of steps that
    call themselves so.
    """

    is_steps: bool
    lines: list[str] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    is_named: bool = False

    @property
    def text(self) -> str:
        return "".join(self.lines)

    @property
    def says_something(self) -> bool:
        return any(line.strip() and not _COURTESY.search(line) for line in self.lines)

    @property
    def is_plain(self) -> bool:
        """Whether nobody would take the steps for a numbered list."""
        return self.is_named or bool(_OF_EVIDENCE.search(self.text))

    def leads_to(self, steps: "_Block") -> bool:
        """Whether the lines say nothing of their own ahead of steps, or but that they will follow.

        Where the steps might be a list, a colon at the end is not enough.
        """
        text = self.text.strip()
        is_one = "\n\n" not in text
        opens = bool(_LEAD.search(text)) or (steps.is_plain and text.endswith(_COLON))
        return not self.says_something or (is_one and opens)


def answer_among_steps(text: str, *, is_cut: bool) -> Iterator[str | Thought]:
    """Yield a text with the steps in it as thoughts, the rest as it is.

    Numbered lines are steps where they say so, speak of the evidence, or begin a text that goes on
    otherwise; else they are a list, which may well be the answer. A text that was cut off within
    its steps has no answer. One that has nothing but steps has come to its answer in the last.
    """
    before, closed, text = text.rpartition(_CLOSE)
    if closed:
        yield Thought(before)
    blocks = _blocks(text)
    steps = _steps_of(blocks, is_cut=is_cut)
    if is_cut and steps.intersection([one for one in blocks if one.text.strip()][-1:]):
        yield Thought(text)
    elif any(one.says_something for one in blocks if one not in steps):
        for block in blocks:
            yield from _told(block.text, is_thought=block in steps)
    else:
        yield from _last_step(text, blocks)


def _steps_of(blocks: Sequence[_Block], *, is_cut: bool) -> set[_Block]:
    """Return the blocks that are no part of the answer: steps, and what leads to them."""
    steps = set[_Block]()
    ahead: list[_Block] = []
    says = [at for at, one in enumerate(blocks) if not one.is_steps and one.says_something]
    for at, block in enumerate(blocks):
        if not block.is_steps:
            ahead.append(block)
            continue
        goes_on = is_cut or at < max(says, default=0)
        leads = all(one.leads_to(block) for one in ahead)
        if block.is_plain or (leads and goes_on):
            steps.update([*ahead, block] if leads else [block])
            ahead = [] if leads else ahead
        else:
            ahead.append(block)
    return steps


def _last_step(text: str, blocks: Sequence[_Block]) -> Iterator[str | Thought]:
    """Yield the last step as the answer, without its number; where none has one, the whole text."""
    at = max((at for at, one in enumerate(blocks) if one.firsts), default=None)
    if at is None:
        yield from _told(text, is_thought=False)
        return
    block = blocks[at]
    ahead = [*(one.text for one in blocks[:at]), *block.lines[: block.firsts[-1]]]
    last = "".join(block.lines[block.firsts[-1] :])
    yield from _told("".join(ahead), is_thought=True)
    yield from _told(_LABEL.sub("", last, count=1), is_thought=False)
    yield from _told("".join(one.text for one in blocks[at + 1 :]), is_thought=False)


def _told(text: str, *, is_thought: bool) -> Iterator[str | Thought]:
    if text:
        yield Thought(text) if is_thought else text


def _blocks(text: str) -> list[_Block]:
    blocks: list[_Block] = []
    reading = _Reading()
    for line in text.splitlines(keepends=True):
        is_step = reading.is_step(line)
        if not blocks or blocks[-1].is_steps is not is_step:
            blocks.append(_Block(is_step))
        block = blocks[-1]
        if reading.is_first:
            block.firsts.append(len(block.lines))
        block.is_named = block.is_named or reading.is_named
        block.lines.append(line)
    return blocks


class _Reading:
    """Tells line by line what belongs to steps: their numbers go up from 1."""

    def __init__(self) -> None:
        self._number = 0
        self._is_inside = False
        self._owns = False
        self._is_title = False
        self._after_gap = False
        self.is_first = False
        self.is_named = False

    def is_step(self, line: str) -> bool:
        """Tell whether a line belongs to a step; `is_first` and `is_named` are of this line."""
        gap, self._after_gap = self._after_gap, not line.strip()
        self.is_first = self.is_named = False
        if self._after_gap:
            self._owns = self._owns and self._is_title
            return self._is_inside
        if self._begins(line):
            self._is_inside = True
            self._owns = self._is_title = self.is_named and bool(_TITLE.match(line))
            return True
        self._is_title = False
        belongs = _INDENTED.match(line) or self._owns or (_BULLET.match(line) and not gap)
        if not (self._is_inside and belongs):
            self._number, self._is_inside, self._owns = 0, False, False
        return self._is_inside

    def _begins(self, line: str) -> bool:
        named = _STEP.match(line)
        found = named or _NUMBERED.match(line)
        if found and int(found[1]) in {self._number, self._number + 1} - {0}:
            self._number = int(found[1])
            self.is_first = True
            self.is_named = bool(named)
            return True
        self.is_named = bool(_REASONING.match(line))
        return self.is_named
