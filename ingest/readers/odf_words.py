"""The words of a paragraph of an OpenDocument file, and what hangs on it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ingest.readers.odf_styles import OdfStyles
from ingest.readers.parts import Element, attribute, child, children, name

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_MOST_SPACES: Final = 1000
# What may have a colour of its own behind its words.
_GROUNDED: Final = frozenset(("frame", "text-box", "custom-shape", "shape", "table", "page", "g"))
_UNSEEN: Final = frozenset(
    ("tracked-changes", "hidden-text", "script", "forms", "note-citation", "note-body",
     "sequence-decls", "variable-decls", "user-field-decls", "desc", "title", "event-listeners")
)  # fmt: skip
FRAMES: Final = frozenset(
    ("frame", "g", "custom-shape", "rect", "ellipse", "line", "polygon", "connector", "path",
     "circle", "caption", "text-box", "polyline")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: who wrote it, when, about which words, and its paragraphs."""

    element: Element
    about: list[str] = field(default_factory=list)


@dataclass(slots=True)
class OdfWords:
    """What a paragraph says; `breaks` are places in `text` where a page begins by layout."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    breaks: list[int] = field(default_factory=list)
    attached: list[Element] = field(default_factory=list)

    def add(self, words: str) -> None:
        """Add words at the end; white space at the beginning and after white space is dropped."""
        if words == " " and (not self.pieces or self.pieces[-1][-1:] in {" ", "\n"}):
            return
        self.pieces.append(words)
        self.length += len(words)

    @property
    def text(self) -> str:
        """All words."""
        return "".join(self.pieces)


class OdfWordsReader:
    """Reads paragraphs one after another: commented places go on over several."""

    def __init__(self, styles: OdfStyles) -> None:
        self.comments: list[Comment] = []
        self.hidden = 0  # stretches of hidden words that were left out
        self._styles = styles
        self._open: dict[str, Comment] = {}
        self._words = OdfWords()
        self._spans: list[str] = []  # the styles around what is being read
        self._around: str | None = None  # the paragraph's style, where it stands on the bare page
        self._forms: dict[str, Callable[[Element], None]] = {
            "s": self._spaces,
            "note": self._note,
            "annotation": self._comment,
            "annotation-end": self._comment_end,
            "soft-page-break": self._break,
            "span": self._span,
            "ruby-text": self._ruby,
            **dict.fromkeys(FRAMES, self._attach),
        }

    def read(self, paragraph: Element) -> OdfWords:
        """Return what a paragraph says."""
        self._words = OdfWords()
        self._around = None
        if not any(name(above) in _GROUNDED for above in paragraph.iterancestors()):
            self._around = attribute(paragraph, "style-name")
        self._visit(paragraph)
        return self._words

    def _visit(self, element: Element) -> None:
        self._plain(element.text)
        for one in element:
            called = name(one)
            if called in self._forms:
                self._forms[called](one)
            elif called == "tab":
                self._add("\t")
            elif called == "line-break":
                self._add("\n")
            elif called not in _UNSEEN:
                self._visit(one)
            self._plain(one.tail)

    def _plain(self, text: str | None) -> None:
        words = _SPACE.sub(" ", text or "")
        if words.startswith(" "):
            self._add(" ")
        if words.strip(" "):
            self._add(words.strip(" "))
        if len(words) > 1 and words.endswith(" "):
            self._add(" ")

    def _add(self, words: str) -> None:
        self._words.add(words)
        for comment in self._open.values():
            comment.about.append(words)

    def _spaces(self, element: Element) -> None:
        stated = attribute(element, "c", "1")
        count = min(int(stated), _MOST_SPACES) if stated.isdecimal() else 1
        self._words.pieces.append(" " * count)
        self._words.length += count

    def _span(self, element: Element) -> None:
        style = attribute(element, "style-name")
        if self._styles.is_hidden(style) or self._is_white(style):
            self.hidden += 1
            return
        self._spans.append(style)
        self._visit(element)
        self._spans.pop()

    def _is_white(self, style: str) -> bool:
        if self._around is None:
            return False
        return self._styles.is_white(style, *reversed(self._spans), self._around)

    def is_white(self, style: str) -> bool:
        """Tell whether all words of the paragraph that was read are white on the white page."""
        return self._around is not None and self._styles.is_white(style)

    def _ruby(self, element: Element) -> None:
        self._add(f"({''.join(map(str, element.itertext()))})")

    def _note(self, element: Element) -> None:
        self._add(note_label(element))
        self._words.attached.append(element)

    def _comment(self, element: Element) -> None:
        comment = Comment(element)
        self.comments.append(comment)
        key = attribute(element, "name")
        if key:
            self._open[key] = comment

    def _comment_end(self, element: Element) -> None:
        self._open.pop(attribute(element, "name"), None)

    def _break(self, _: Element) -> None:
        self._words.breaks.append(self._words.length)

    def _attach(self, element: Element) -> None:
        self._words.attached.append(element)


def note_label(note: Element) -> str:
    """Return how a note is referred to, such as `[^1]`."""
    citation = child(note, "note-citation")
    words = "".join(map(str, citation.itertext())).strip() if citation is not None else ""
    return f"[^{words}]" if words else ""


def described(frame: Element) -> str:
    """Return what a picture's frame says in the place of the picture."""
    words = [
        " ".join((one.text or "").split())
        for called in ("desc", "title")
        for one in children(frame, called)
    ]
    return next((one for one in words if one), "")
