"""The words of a paragraph of a Word document, and what hangs on it: notes, boxes, pictures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ingest.readers.docx_looks import InkLook, look, sight
from ingest.readers.docx_styles import Styles, hidden, is_on
from ingest.readers.drawing import alternative, shown_choice
from ingest.readers.equations import linear
from ingest.readers.numerals import roman
from ingest.readers.parts import Element, attribute, below, child, name
from ingest.readers.symbols import in_font, is_symbol_font, symbol

_UNSEEN: Final = frozenset(
    ("pPr", "rPr", "del", "moveFrom", "delText", "instrText", "delInstrText", "sdtPr", "sdtEndPr",
     "tblPr", "tcPr", "trPr", "annotationRef", "footnoteRef", "endnoteRef", "softHyphen",
     "proofErr", "bookmarkStart", "bookmarkEnd", "fldData", "smartTagPr", "customXmlPr")
)  # fmt: skip
_TAB: Final = "\t"
_LINE: Final = "\n"


@dataclass(frozen=True, slots=True)
class Attached:
    """What is read after a paragraph: a text box, chart or diagram, or a note with its `label`.

    `kind` is `box`, `chart`, `relIds`, `picture`, `footnote` or `endnote`; `key` is a relation's
    or note's id, or a picture's description.
    """

    kind: str
    key: str = ""
    label: str = ""
    element: Element | None = None


@dataclass(slots=True)
class Words:
    """What a paragraph says; `breaks` are places in `text` where a page begins, and if rendered."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    breaks: list[tuple[int, bool]] = field(default_factory=list)
    attached: list[Attached] = field(default_factory=list)

    def add(self, words: str) -> None:
        """Add words at the end."""
        self.pieces.append(words)
        self.length += len(words)

    @property
    def text(self) -> str:
        """All words."""
        return "".join(self.pieces)


class WordsReader:
    """Reads paragraphs one after another: fields and commented places go on over several."""

    def __init__(self, styles: Styles, *, behind: bool = False) -> None:
        """Begin with nothing; `behind` says that pictures may lie behind the words."""
        self.hidden = 0  # stretches of hidden words that were left out
        self.doubtful = 0  # stretches of white words that were kept
        self._behind = behind
        self.commented: dict[str, list[str]] = {}
        self._styles = styles
        self._fields: list[bool] = []  # of each open field, whether its result is being read
        self._open_comments: list[str] = []
        self._notes = {"footnote": 0, "endnote": 0}
        self._words = Words()
        self._around: list[InkLook] = []  # how words of the paragraph look that do not say it
        self._font = ""
        self._forms: dict[str, Callable[[Element], None]] = {
            "t": self._text,
            "r": self._run,
            "br": self._break,
            "fldChar": self._field,
            "sym": self._symbol,
            "AlternateContent": self._alternatives,
            "lastRenderedPageBreak": self._rendered_break,
            "commentRangeStart": self._comment_start,
            "commentRangeEnd": self._comment_end,
            "footnoteReference": self._note,
            "endnoteReference": self._note,
            "drawing": self._drawing,
            "pict": self._drawing,
            "object": self._drawing,
            "oMath": self._equation,
            "ruby": self._ruby,
        }
        self._signs: Final = {
            "tab": _TAB, "ptab": _TAB, "cr": _LINE, "noBreakHyphen": "-",
        }  # fmt: skip

    def read(self, paragraph: Element) -> Words:
        """Return what a paragraph says."""
        self._words = Words()
        stated = child(paragraph, "pPr")
        self._around = [look(None, stated), *self._styles.looks(self._styles.style_of(stated))]
        self._visit(paragraph)
        if not all(self._fields):  # a code does not go on in the next paragraph; the rest would go
            self._fields.clear()
        for key in self._open_comments:
            self.commented[key].append(" ")
        return self._words

    def _visit(self, element: Element) -> None:
        for one in element:
            called = name(one)
            if called in self._forms:
                self._forms[called](one)
            elif called in self._signs:
                self._add(self._signs[called])
            elif called not in _UNSEEN:
                self._visit(one)

    def _add(self, words: str) -> None:
        if all(self._fields):
            self._words.add(words)
            for key in self._open_comments:
                self.commented[key].append(words)

    def _text(self, element: Element) -> None:
        words = element.text or ""
        self._add(in_font(self._font, words))

    def _run(self, run: Element) -> None:
        properties = child(run, "rPr")
        if properties is not None:
            if self._is_hidden(properties):
                self.hidden += any(one.text for one in below(run, "t"))
                return
            looks = [look(properties), *self._style_looks(properties), *self._around]
            if self._leaves_out(run, looks):
                return
            fonts = child(properties, "rFonts")
            font = attribute(fonts, "ascii") if fonts is not None else ""
            self._font = font if is_symbol_font(font) else ""
        elif self._leaves_out(run, self._around):
            return
        self._visit(run)
        self._font = ""

    def _is_hidden(self, properties: Element) -> bool:
        stated = hidden(properties)
        style = child(properties, "rStyle")
        if stated is None and style is not None:
            return self._styles.hides(attribute(style, "val"))
        return bool(stated)

    def _leaves_out(self, run: Element, looks: list[InkLook]) -> bool:
        """Tell whether words are left out as white on white, or too small to be read; count them.

        White ones are kept, and counted as doubtful, where something may lie behind them.
        """
        seen = sight(run, looks)
        if seen == "seen" or not any((one.text or "").strip() for one in below(run, "t")):
            return False
        if seen == "white" and self._behind:
            self.doubtful += 1
            return False
        self.hidden += 1
        return True

    def _style_looks(self, properties: Element) -> list[InkLook]:
        style = child(properties, "rStyle")
        return [] if style is None else self._styles.looks(attribute(style, "val"))

    def _break(self, element: Element) -> None:
        if attribute(element, "type") == "page":
            self._words.breaks.append((self._words.length, False))
        self._add(_LINE)

    def _rendered_break(self, _: Element) -> None:
        self._words.breaks.append((self._words.length, True))

    def _symbol(self, element: Element) -> None:
        code = attribute(element, "char")
        try:
            self._add(symbol(attribute(element, "font"), int(code, 16)))
        except ValueError:
            self._add("\ufffd")

    def _field(self, element: Element) -> None:
        kind = attribute(element, "fldCharType")
        if kind == "begin":
            shown = _form_field(child(element, "ffData"))
            if shown:
                self._add(shown)
            self._fields.append(False)
        elif kind == "separate" and self._fields:
            self._fields[-1] = True
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _alternatives(self, element: Element) -> None:
        chosen = shown_choice(element)
        if chosen is not None:
            self._visit(chosen)

    def _comment_start(self, element: Element) -> None:
        key = attribute(element, "id")
        self.commented[key] = []
        self._open_comments.append(key)

    def _comment_end(self, element: Element) -> None:
        key = attribute(element, "id")
        if key in self._open_comments:
            self._open_comments.remove(key)

    def _note(self, element: Element) -> None:
        kind = name(element).removesuffix("Reference")
        label = ""
        if not is_on(attribute(element, "customMarkFollows", "0")):
            self._notes[kind] += 1
            number = self._notes[kind]
            label = f"[^{number if kind == 'footnote' else roman(number)}]"
        self._add(label)
        self._words.attached.append(Attached(kind, attribute(element, "id"), label))

    def _equation(self, element: Element) -> None:
        words = linear(element).strip()
        before = self._words.pieces[-1] if self._words.pieces else ""
        self._add(f" {words}" if before and not before[-1:].isspace() else words)

    def _ruby(self, element: Element) -> None:
        """Add words and, behind them, how they are spoken; the file has it the other way round."""
        spoken = child(element, "rt")
        for part in element:
            if part is not spoken:
                self._visit(part)
        if spoken is not None:
            self._add("(")
            self._visit(spoken)
            self._add(")")

    def _drawing(self, element: Element) -> None:
        self._words.attached += attachments(element)


def attachments(element: Element) -> Iterator[Attached]:
    """Yield what a drawing shows: its description, and its boxes, charts and diagrams."""
    described = next(below(element, "docPr"), None)
    words = alternative(described)
    for one in _outermost(element):
        called = name(one)
        if called == "txbxContent":
            yield Attached("box", element=one)
        elif called in {"chart", "relIds"}:
            yield Attached(called, attribute(one, "dm") or attribute(one, "id"))
        elif called == "textpath":
            words = words or attribute(one, "string")
        elif called in {"shape", "rect"}:
            words = words or " ".join(attribute(one, "alt").split())
    if words:
        yield Attached("picture", words)


def _outermost(element: Element) -> Iterator[Element]:
    """Yield what is shown in a drawing, without what is inside of its text boxes."""
    for one in element:
        called = name(one)
        yield one
        if called == "AlternateContent":
            chosen = shown_choice(one)
            if chosen is not None:
                yield from _outermost(chosen)
        elif called != "txbxContent":
            yield from _outermost(one)


def _form_field(data: Element | None) -> str:
    """Return what a form's box or list shows; the text of text fields stands in the result."""
    box, options = child(data, "checkBox"), child(data, "ddList")
    if box is not None:
        state = child(box, "checked")
        if state is None:
            state = child(box, "default")
        on = state is not None and is_on(attribute(state, "val", "1"))
        return "\N{BALLOT BOX WITH X}" if on else "\N{BALLOT BOX}"
    if options is not None:
        chosen = child(options, "result")
        number = attribute(chosen, "val", "0") if chosen is not None else "0"
        entries = [attribute(one, "val") for one in options if name(one) == "listEntry"]
        return entries[int(number)] if number.isdecimal() and int(number) < len(entries) else ""
    return ""
