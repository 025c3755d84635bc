"""The sentences of a text that is still being written, each with the evidence that it names.

A line break ends no sentence of a paragraph. Items of a list, rows of a table, headings and blank
lines do; what marks an item or a row is kept apart from its words, which are what is checked.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from indexes.documents import Span
from indexes.languages import ENGLISH, Language
from service.blocks import CLOSING, Begun, Block, blocks
from service.evidence import Thought
from service.holding import held_back
from service.language_model import Ended
from service.markers import behind, in_plain_form, is_marker, taken_off, without_begun
from service.sentences import COLONS, ENDS, prose_spans

Kind = Literal["prose", "more", "item", "heading", "lead", "header", "row"]
MOST_NAMED: Final = 99
_GAP: Final = re.compile(r"\s{64,}")
# So many characters of the next sentence show that the one before is over, and so many of a line
# what it is.
_ENOUGH: Final = 12
_LINE_ENOUGH: Final = 48
_BREAK: Final = re.compile(r"[ \t]*\n[ \t]*(?:> ?)*")
_WORD: Final = re.compile(r"\w")
_BAR: Final = re.compile(r"(?<!\\)\|")
_NUMBER: Final = re.compile(r"\d+")
_LAST_NUMBER: Final = re.compile(r"\d\.\Z")
# Links and pictures of Markdown, innermost first, what a reference such as [1] leads to, elements
# of HTML and addresses in angle brackets.
_LINKS: Final = re.compile(r"!?\[([^\[\]]*)\][ \t]?\((?:[^()\n]|\([^()\n]*\))*(?:\)|\Z)")
_TARGET: Final = re.compile(r"^[ \t>*+-]{0,8}\[[^\[\]\n]*\]:.*$", re.MULTILINE)
_TAG: Final = re.compile(r"</?[a-zA-Z!?][^>]*>|<(?=[/a-zA-Z!?][^>]*\Z)")
_REST: Final = re.compile(r"(?<=\])(?=\()")
# What is left out may leave a new element behind; who builds many into each other loses the signs.
_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class StreamedSentence:
    """A sentence without its markers; `ahead` is what stands between it and the one before.

    `named` are the places, from 0, of the evidence that its markers name. `mark` is what stands
    before it in its line, as the bullet of an item does, and `behind` what does behind its markers,
    as a row's last bar. `is_over` is false where the model was ended in the midst of it. A `lead`
    has items or rows below it, `more` follows another sentence in its line.
    """

    ahead: str
    text: str
    named: tuple[int, ...]
    kind: Kind = "prose"
    mark: str = ""
    behind: str = ""
    is_over: bool = True

    @property
    def indent(self) -> int:
        """How far to the right it stands, -1 where it is no item."""
        if self.kind == "item" or (self.kind == "lead" and self.mark):
            return len(self.mark.expandtabs(4)) - len(self.mark.expandtabs(4).lstrip())
        return -1

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of a row or header."""
        return tuple(cell.strip() for cell in _BAR.split(self.text))


@dataclass(frozen=True, slots=True)
class _Found:
    """A sentence, where what is ahead of it begins, where it ends, and how a text goes on there."""

    start: int
    end: int
    begun: Begun
    sentence: StreamedSentence


def streamed_sentences(
    pieces: Iterable[str | Thought | Ended],
    language: Language = ENGLISH,
    most: int = MOST_NAMED,
) -> Iterator[StreamedSentence | Thought | Ended]:
    """Yield each sentence once what follows shows that it is over; thoughts and ends as they come.

    Markers behind a sentence's full stop belong to it; there are `most` pieces of evidence. The
    last sentence is not over where the tokens or the time were and it has no mark at its end.
    Raises what the pieces raise; ModelTooSlow once the sentences that were held are told.
    """
    yield from held_back(pieces, _Held(language, most))


class _Held:
    """What was written and not told yet."""

    def __init__(self, language: Language, most: int) -> None:
        self._language = language
        self._most = most
        self._text = ""
        self._begun = Begun()
        self._looked_at = 0

    def take(self, piece: str) -> Iterator[StreamedSentence]:
        """Add a piece, and yield what is over now."""
        self._text += piece
        # A sentence that does not end is looked at less and less often.
        if len(self._text) < self._looked_at + max(1, self._looked_at // _ENOUGH):
            return
        self._text = in_plain_form(_GAP.sub(_short_gap, self._text))
        found = self._found(_whole(self._text))
        if len(found) > 1 and _is_sure(found[-1].sentence):
            yield from (one.sentence for one in found[:-1])
            self._text = self._text[found[-1].start :]
            self._begun = found[-1].begun
        self._looked_at = len(self._text)

    def rest(self, *, cut: bool) -> Iterator[StreamedSentence]:
        """Yield all that is left; with `cut` the last may not be over."""
        text = in_plain_form(self._text)
        found = [one.sentence for one in self._found(without_begun(text) if cut else text)]
        if cut and found and not _is_over(self._text, found[-1]):
            found[-1] = replace(found[-1], is_over=False)
        yield from found
        self._text, self._begun, self._looked_at = "", Begun(), 0

    def _found(self, text: str) -> list[_Found]:
        found = list[_Found]()
        for block in blocks(text, self._begun):
            before = len(found)
            if block.kind in {"row", "header"}:
                _add_row(found, text, block, self._most)
            else:
                self._add_prose(found, text, block)
            if 0 < before < len(found):
                _mark_lead(found, before)
        return found

    def _add_prose(self, found: list[_Found], text: str, block: Block) -> None:
        """Add the sentences of a paragraph, an item or a heading."""
        words = _BREAK.sub(lambda gap: " " * len(gap.group()), text[block.words : block.end])
        whole = Span(0, len(words)).trimmed(words)
        heading = block.kind == "heading"
        spans = [whole] if heading else prose_spans(words, self._language)
        last = found[-1].end if found else 0
        first = True
        for span in spans:
            start = block.words + span.start
            stop = behind(text, start, self._most) if found else start
            # What stands ahead of a paragraph is of that one, unless it stands alone.
            if stop > start and (not first or stop >= block.words + whole.end):
                found[-1] = _with(found[-1], text[start:stop], stop)
                start = last = stop
            said, named = taken_off(
                _BREAK.sub(" ", text[start : block.words + span.end]), self._most
            )
            if not _WORD.search(said) or (named and is_marker(said)):
                if found:
                    found[-1] = _naming(found[-1], named)
                continue
            begins = first and not block.goes_on
            start = Span(start, block.words + span.end).trimmed(text).start
            marked = block.start if begins and text[block.start : block.words].strip() else start
            kind: Kind = block.kind if begins else "more"
            begun = (
                Begun() if begins else Begun(inside=True, kind=block.kind, labelled=block.labelled)
            )
            mark = text[marked:start]
            sentence = StreamedSentence(text[last:marked], said, named, kind, mark)
            found.append(_Found(last, block.words + span.end, begun, sentence))
            last = block.words + span.end
            first = False


def _add_row(found: list[_Found], text: str, block: Block, most: int) -> None:
    """Add a row of a table, or its header with the rule below it."""
    line, rule, below = text[block.words : block.end].partition("\n")
    said, named = taken_off(line.strip(), most)
    bar = " |" if said.endswith("|") else ""
    said = " | ".join(cell.strip() for cell in _BAR.split(said)).rstrip("| \t")
    if not _WORD.search(said):
        return
    last = found[-1].end if found else 0
    end = block.words + len(line.rstrip())
    if block.kind == "header":
        bar = f"{bar}{rule}{below.rstrip()}"
        end = block.words + len(line + rule + below.rstrip())
    mark = text[block.start : block.words]
    sentence = StreamedSentence(text[last : block.start], said, named, block.kind, mark, bar)
    found.append(_Found(last, end, Begun(), sentence))


def _mark_lead(found: list[_Found], at: int) -> None:
    """Mark the sentence ahead of one as leading it in, if it does."""
    one, below = found[at - 1].sentence, found[at].sentence
    if one.kind not in {"prose", "more", "item", "heading"} or not one.text.rstrip(
        CLOSING
    ).endswith(COLONS):
        return
    lead = replace(one, kind="lead")
    if below.kind in {"row", "header"} or (below.kind == "item" and below.indent > lead.indent):
        found[at - 1] = replace(found[at - 1], sentence=lead)


def _short_gap(gap: re.Match[str]) -> str:
    return "\n\n" if "\n" in gap.group() else " "


def _whole(text: str) -> str:
    """Return a text without a marker, or a line, that has only begun at its end."""
    text = without_begun(text)
    whole, line, begun = text.rpartition("\n")
    return whole if line and len(begun) < _LINE_ENOUGH else text


def _is_sure(last: StreamedSentence) -> bool:
    """Tell whether a sentence surely begins where it seems to: in a line of its own, or long."""
    return last.kind != "more" or len(last.text) >= _ENOUGH


def _is_over(text: str, last: StreamedSentence) -> bool:
    """Tell whether the last sentence of a text that was cut off was written to its end."""
    if last.kind in {"item", "row", "heading", "header"} and text.endswith("\n"):
        return True
    if last.kind in {"row", "header"}:
        return "|" in last.behind
    said = last.text.rstrip(CLOSING)
    over = text.endswith("\n\n") or (said.endswith(ENDS) and not said.endswith(COLONS))
    # The point may be one of a number.
    return over and _LAST_NUMBER.search(text) is None


def inert(text: str) -> str:
    """Return what a model wrote without links, pictures and elements that a reader would follow.

    The words of a link stay. An address that stands in the text as it is stays too, as text.
    """
    for _ in range(_ROUNDS):
        left = _LINKS.sub(r"\1", _TAG.sub("", _TARGET.sub("", text)))
        if left == text:
            break
        text = left
    else:
        text = text.replace("<", "")
    return _REST.sub(" ", text)


def _with(found: _Found, markers: str, end: int) -> _Found:
    named = tuple(int(number) - 1 for number in _NUMBER.findall(markers))
    return replace(_naming(found, named), end=end)


def _naming(found: _Found, named: tuple[int, ...]) -> _Found:
    one = found.sentence
    return replace(found, sentence=replace(one, named=(*one.named, *named)))
