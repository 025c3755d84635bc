"""The sentences of a text that is still being written, each with the evidence that it names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from service.evidence import Thought
from service.language_model import Ended
from service.sentences import sentence_spans

_PLAIN: Final = "text/html"  # every line break ends a sentence, as it does in what models write
_BRACKETS: Final = r"\s*\[\s*\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*\s*\]"
_MARKER: Final = re.compile(_BRACKETS)
# Looked for from the beginning of white space alone: a model may write a lot of it.
_ANY_MARKER: Final = re.compile(r"(?<!\s)" + _BRACKETS)
_NUMBER: Final = re.compile(r"\d+")
_BEGUN: Final = re.compile(r"\[[\d\s,;\u2013-]*")
_GAP: Final = re.compile(r"\s{64,}")
# So many characters of the next sentence show that the one before is over.
_ENOUGH: Final = 12
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

    `named` are the places, from 0, of the evidence that its markers name.
    """

    ahead: str
    text: str
    named: tuple[int, ...]


def streamed_sentences(
    pieces: Iterable[str | Thought | Ended],
) -> Iterator[StreamedSentence | Thought | Ended]:
    """Yield each sentence once what follows shows that it is over; thoughts and ends as they come.

    Markers behind a sentence's full stop belong to it.
    """
    held, looked_at = "", 0
    for piece in pieces:
        if isinstance(piece, Thought):
            yield piece
            continue
        if isinstance(piece, Ended):
            yield from (sentence for _, sentence in _sentences(held))
            held, looked_at = "", 0
            yield piece
            continue
        held += piece
        # A sentence that does not end is looked at less and less often.
        if len(held) < looked_at + max(1, looked_at // _ENOUGH):
            continue
        held = _GAP.sub(_short_gap, held)
        found = _sentences(_whole(held))
        if len(found) > 1 and len(found[-1][1].text) >= _ENOUGH:
            yield from (sentence for _, sentence in found[:-1])
            held = held[found[-1][0] :]
        looked_at = len(held)
    yield from (sentence for _, sentence in _sentences(held))


def _short_gap(gap: re.Match[str]) -> str:
    return "\n\n" if "\n" in gap.group() else " "


def _whole(text: str) -> str:
    """Return a text without a marker that has only begun at its end."""
    begun = text.rfind("[")
    if begun >= 0 and _BEGUN.fullmatch(text, begun):
        return text[:begun].rstrip()
    return text


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


def _sentences(text: str) -> list[tuple[int, StreamedSentence]]:
    """Return the sentences of a text, each with where the white space ahead of it begins."""
    found: list[tuple[int, StreamedSentence]] = []
    last = 0
    for span in sentence_spans(text, _PLAIN):
        start = span.start
        while found and (marker := _MARKER.match(text, start)):
            found[-1] = found[-1][0], _with(found[-1][1], marker.group())
            start = last = marker.end()
        words = text[start : span.end]
        if words.strip():
            start += len(words) - len(words.lstrip())
            said = _ANY_MARKER.sub("", words).strip()
            found.append((last, StreamedSentence(text[last:start], said, _named_in(words))))
            last = span.end
    return found


def _with(sentence: StreamedSentence, markers: str) -> StreamedSentence:
    return StreamedSentence(sentence.ahead, sentence.text, (*sentence.named, *_named_in(markers)))


def _named_in(words: str) -> tuple[int, ...]:
    markers = "".join(_ANY_MARKER.findall(words))
    return tuple(int(number) - 1 for number in _NUMBER.findall(markers))
