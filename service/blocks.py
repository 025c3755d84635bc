"""Blocks: the paragraphs, items, rows and headings of a text in Markdown that is being written.

A line break ends no paragraph, so that no half of a sentence is taken for a whole one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from service.sentences import BULLET, COLONS, ENDS

BlockKind = Literal["prose", "item", "heading", "header", "row"]
_LINE: Final = re.compile(r"[^\n]+\n?|\n")
_ITEM: Final = re.compile(
    rf"[ \t]*(?:> ?)*(?:{BULLET} (?:\[[ xX]\] )?|\(?(?P<number>\d{{1,3}}|[a-z])[.)] )[ \t]*"
)
# A number that goes on where a line was broken is no item: `since\n4. May`.
_FIRST: Final = frozenset({"0", "1", "a"})
_QUOTED: Final = re.compile(r"[ \t]*(?:> ?)+")
_INDENT: Final = re.compile(r"[ \t]*")
_HEADING: Final = re.compile(r"[ \t]*#{1,6} +")
_ALONE: Final = re.compile(r"[ \t]*(?:```|~~~)|[ \t]*(?:\*\*|__)[^*_\n]+(?:\*\*|__)[ \t]*\n?\Z")
_ROW: Final = re.compile(r"[ \t]*\|[ \t]*")
# A row without bars at its ends is told by the first bar within it.
_BARE_ROW: Final = re.compile(r"[ \t]*(?=[^\s|][^\n|]{0,40} \| )")
_RULE: Final = re.compile(r"[ \t]*(?:\||:?-+:?[ \t]*\|)[\s|:-]*\Z")
_LABELLED: Final = re.compile(r"[ \t]*[*_]{0,3}[^\W\d_][^:.!?\n|]{0,40}:[*_]{0,3} +\S")
# What goes on with an item although it is not set in: what begins with no capital.
_GOES_ON: Final = re.compile(r"[ \t]{2,}\S|[ \t]*[^\s*_#>]")
CLOSING: Final = "\"'\u201d\u2019)]\u00bb*_ \t\n"
"""What may stand behind the mark that ends a sentence."""


@dataclass(frozen=True, slots=True)
class Begun:
    """How a text goes on: `inside` a block of this kind, whose first line has a label or not."""

    inside: bool = False
    kind: BlockKind = "prose"
    labelled: bool = False


@dataclass(slots=True)
class Block:
    """Lines from `start` to `end`, whose words begin at `words`.

    `labelled` tells that its first line is a name and what it has, as `Range: 21 miles`.
    `goes_on` tells that it is the rest of one whose beginning is not there.
    """

    start: int
    words: int
    end: int
    kind: BlockKind
    labelled: bool = False
    goes_on: bool = False


def blocks(text: str, begun: Begun) -> Iterator[Block]:
    """Yield the blocks of a text that goes on as `begun` tells."""
    block = Block(0, 0, 0, begun.kind, begun.labelled, goes_on=True) if begun.inside else None
    last = ""
    for at, found in enumerate(_LINE.finditer(text)):
        line = found.group()
        first = begun.inside and not at
        if first and block is not None:
            block.end = found.end()
        elif block is not None and _RULE.match(line) and block.kind == "row":
            block.kind, block.end = "header", found.end()
        elif not line.strip():
            if block is not None:
                yield block
            block = None
        elif block is not None and _joins(block, last, line):
            block.end = found.end()
        else:
            if block is not None:
                yield block
            block = _block(line, found.start())
        last = line
    if block is not None:
        yield block


def _block(line: str, start: int) -> Block:
    end = start + len(line)
    for kind, pattern in _KINDS:
        if found := pattern.match(line):
            return Block(start, start + found.end(), end, kind)
    quoted = _QUOTED.match(line) or _INDENT.match(line)
    words = quoted.end() if quoted else 0
    alone: BlockKind = "heading" if _ALONE.match(line) else "prose"
    return Block(start, start + words, end, alone, _LABELLED.match(line) is not None)


_KINDS: Final[tuple[tuple[BlockKind, re.Pattern[str]], ...]] = (
    ("heading", _HEADING),
    ("row", _ROW),
    ("item", _ITEM),
    ("row", _BARE_ROW),
)


def _joins(block: Block, last: str, line: str) -> bool:
    """Tell whether a line goes on with a block whose last line is `last`."""
    if block.kind not in {"prose", "item"} or _HEADING.match(line) or _ROW.match(line):
        return False
    ended = last.rstrip(CLOSING).endswith(ENDS)
    if item := _ITEM.match(line):
        number = item["number"]
        return not (number is None or number in _FIRST or ended or block.kind == "item")
    if _ALONE.match(line) or _BARE_ROW.match(line):
        return False
    labelled = _LABELLED.match(line) is not None
    if block.kind == "item":
        going = _GOES_ON.match(line) is not None and not line.lstrip()[:1].isupper()
        return (going or line.startswith("  ")) and not labelled
    if last.rstrip(CLOSING).endswith(COLONS):
        return False
    return not (labelled and (block.labelled or ended))
