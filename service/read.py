"""Read: what the reader's logits say about a chunk, as places in its document's text."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import regex

from indexes.documents import Span, StoredChunk
from indexes.words import UNSPACED
from service.shown import Shown

Logits = npt.NDArray[np.float32]

# An answer of more tokens than this is a passage, not a span.
LONGEST: Final = 30
# Where no spaces are written, no more than the tokens themselves is known to be a word.
# What is one word to a person: an address, a code such as HS3-BAT, a date, a number with its sign.
_WORD: Final = regex.compile(
    r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+"
    r"|\b(?:https?://|www\.)[\w./?=&%#~+:-]*[\w/]"
    r"|(?<![\w-])(?=[A-Za-z-]*+\d)[A-Za-z][A-Za-z\d]*(?:-[A-Za-z\d]+)+\b"
    r"|\d{4}-\d\d-\d\d"
    r"|(?:(?<![\w.,)-])[-+\u2212\u00b1])?\d+(?:[.,:]\d+)*%?(?![\w\p{M}])"
    rf"|[[\w\p{{M}}]--[{UNSPACED}]]+",
    regex.VERSION1,
)
_PAIRS: Final = ("``", "()", "\u201c\u201d", '""')


class PairRead(Protocol):
    """What a reader says of a question and a text: logits, for the pair and for each token.

    `starts` and `ends` have shape (tokens,); `offsets` are the tokens' places in the text.
    """

    @property
    def relevance(self) -> float:
        """How far the text is to be preferred to others."""

    @property
    def answers(self) -> float:
        """How likely the text answers at all; 0 is an even chance."""

    @property
    def starts(self) -> Logits:
        """Where the evidence starts."""

    @property
    def ends(self) -> Logits:
        """Where the evidence ends."""

    @property
    def offsets(self) -> Sequence[tuple[int, int]]:
        """Start and end of each token, in code points."""


Reader = Callable[[str, Sequence[str]], Sequence[PairRead]]
"""Reads a question with each of several texts."""


@dataclass(frozen=True, slots=True)
class Located:
    """A span of a document's text and its logit, the sum of those of its start and end."""

    span: Span
    logit: float


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The tokens of a chunk's own words, in order: where each begins and stops, and its logits.

    `begins` and `stops` are places in the document's text.
    """

    begins: Sequence[int]
    stops: Sequence[int]
    starts: Logits
    ends: Logits

    def best(self, inside: Span | None = None) -> Located | None:
        """Return the likeliest span (within `inside`, if given), None where no token is."""
        low = bisect_left(self.begins, inside.start) if inside else 0
        high = bisect_right(self.stops, inside.end) if inside else len(self.stops)
        if low >= high:
            return None
        first, last, logit = best_pair(self.starts[low:high], self.ends[low:high])
        return Located(Span(self.begins[low + first], self.stops[low + last]), logit)


def places(seen: Shown, read: PairRead) -> Places:
    """Return where the reader sees evidence in a chunk; title and context are no evidence."""
    starts = [start for start, _ in read.offsets]
    own, begins, stops = list[int](), list[int](), list[int]()
    for begin, span in seen.own:
        shift = span.start - begin
        low = bisect_left(starts, begin)
        for at in range(low, bisect_left(starts, span.end - shift, low)):
            start, end = read.offsets[at]
            if start < end:
                own.append(at)
                begins.append(start + shift)
                stops.append(end + shift)
    return Places(begins, stops, read.starts[own], read.ends[own])


def whole_words(chunk: StoredChunk, span: Span, inside: Span) -> Span:
    """Return a span of the document widened to whole words and pairs of marks, within `inside`.

    A token is a part of a word: of `2026-07-23` a reader may take the end alone.
    """
    text = chunk.cut(inside)
    start, end = span.start - inside.start, span.end - inside.start
    # No word holds a space, so none but those that the span touches need to be looked at.
    first = text.rfind(" ", 0, start) + 1
    last = text.find(" ", end)
    for word in _WORD.finditer(text, first, len(text) if last < 0 else last):
        start = word.start() if word.start() < start < word.end() else start
        end = word.end() if word.start() < end < word.end() else end
    for opening, closing in _PAIRS:
        part = text[start:end]
        openings, closings = part.count(opening), part.count(closing)
        if openings == closings and (opening != closing or openings % 2 == 0):
            continue
        if closing in part and text[:start].endswith(opening):
            start -= 1
        elif opening in part and text[end:].startswith(closing):
            end += 1
    return Span(start, end).moved(inside.start)


def best_pair(starts: Logits, ends: Logits) -> tuple[int, int, float]:
    """Return the start and end with the largest sum of logits, and the sum.

    The end is not before the start and at most 29 places behind it; of equals the first counts.
    """
    count = len(starts)
    steps = min(LONGEST, count)
    padded = np.concatenate([ends, np.full(steps - 1, -np.inf, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, steps)
    lengths = windows.argmax(1)
    sums = starts + windows[np.arange(count), lengths]
    first = int(sums.argmax())
    return first, first + int(lengths[first]), float(sums[first])
