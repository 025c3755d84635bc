"""What the reader is shown of a chunk, and where in it the document's own words stand.

Prose is shown as the encoder sees it. A reader that has learnt from prose makes little of the rows
of a table: those that have most of the question's words are shown as sentences, each cell with the
name of its column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from indexes.documents import Span, StoredChunk
from service.answering import answering
from service.rows import Row, table_rows
from service.signs import coverage

# Rows of about so many characters are shown together, as much as the chunks of prose have.
_MOST: Final = 700
_PAIR: Final = 2
_NEAR: Final = 0.8


@dataclass(frozen=True, slots=True)
class Shown:
    """A text for the reader.

    `own` tells, in order, where in `text` each stretch of the document's own words begins; `rows`
    are the rows of a table that are shown, none where it is prose, and `fits` the share of the
    question's terms that each has. `sentences` are those of prose that can answer, `asides` those
    that only seem to.
    """

    text: str
    own: tuple[tuple[int, Span], ...]
    rows: tuple[Row, ...] = ()
    fits: tuple[float, ...] = ()
    sentences: tuple[Span, ...] = ()
    asides: tuple[Span, ...] = ()


def shown(chunk: StoredChunk, weights: Mapping[str, float], question: str = "") -> Shown:
    """Return what is shown of a chunk for a question with these weights of its terms."""
    chosen = _chosen(chunk, table_rows(chunk), weights)
    if not chosen:
        return _prose(chunk, question)
    rows, fits = zip(*chosen, strict=True)
    spoken, places = _spoken(chunk, rows)
    named = all(len(row.cells) > _PAIR for row in rows)
    above = rows[0].title if named else chunk.header
    text = chunk.with_context(spoken, above)
    ahead = len(text) - len(spoken)
    return Shown(text, tuple((ahead + begin, cell) for begin, cell in places), rows, fits)


def without_asides(chunk: StoredChunk, seen: Shown) -> Shown:
    """Return what is shown of prose without its asides."""
    edges = [chunk.span.start, *(at for one in seen.asides for at in (one.start, one.end))]
    edges.append(chunk.span.end)
    stretches = [Span(*one) for one in zip(edges[::2], edges[1::2], strict=True)]
    stretches = [one for one in stretches if one.start < one.end]
    words = "".join(chunk.cut(one) for one in stretches)
    text = chunk.with_context(words, chunk.header)
    begins = accumulate((one.end - one.start for one in stretches), initial=len(text) - len(words))
    own = tuple(zip(begins, stretches, strict=False))
    return Shown(text, own, sentences=seen.sentences)


def _prose(chunk: StoredChunk, question: str) -> Shown:
    found, text = answering(chunk, question), chunk.encoded
    own = ((len(text) - len(chunk.text), chunk.span),)
    return Shown(text, own, sentences=found.sentences, asides=found.asides)


def _chosen(
    chunk: StoredChunk, rows: Sequence[Row], weights: Mapping[str, float]
) -> list[tuple[Row, float]]:
    """Return the rows that have most of the question's terms, and how many, in the table's order.

    Where some have more than others, only those: a reader takes the value ahead of a name for its
    own as easily as the one behind it.
    """
    fits = [coverage(weights, chunk.cut(row.span), chunk.language) for row in rows]
    chosen, length = list[tuple[Row, float]](), 0
    least = _NEAR * max(fits, default=0.0)
    for at in sorted(range(len(rows)), key=lambda at: (-fits[at], at)):
        row = rows[at]
        length += row.span.end - row.span.start + sum(map(len, row.names))
        if chosen and (length > _MOST or fits[at] < least):
            break
        chosen.append((row, fits[at]))
    return sorted(chosen, key=lambda one: one[0].span)


def _spoken(chunk: StoredChunk, rows: Sequence[Row]) -> tuple[str, list[tuple[int, Span]]]:
    """Return rows as sentences, and where each cell begins in them.

    Of two cells the first names the second; of more, each has the name of its column ahead.
    """
    pieces, places, length = list[str](), list[tuple[int, Span]](), 0
    for row in rows:
        pair = len(row.cells) <= _PAIR
        for at, (cell, name) in enumerate(zip(row.cells, row.apart, strict=True)):
            before = ("\n" if pieces else "") if not at else ": " if pair else "; "
            label = f"{name}: " if name and not pair else ""
            words = chunk.cut(cell)
            places.append((length + len(before) + len(label), cell))
            pieces += [before, label, words]
            length += len(before) + len(label) + len(words)
    return "".join(pieces), places
