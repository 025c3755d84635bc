"""RTF: what a reader of the document sees, in its order, with headings, lists, tables and notes.

A parser of our own: striprtf gives plain text without headings, notes, boxes and symbol fonts.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Finding, Metadata, stored_form
from indexes.errors import ReadFailure
from ingest.readers import RTF, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.dates import iso_date
from ingest.readers.packages import SAVE_ANEW
from ingest.readers.rtf_tokens import CHARSETS, SYMBOLS, Token, page_encoding, tokens
from ingest.readers.symbols import in_font, is_symbol_font, symbol
from ingest.readers.titles import heading_title, stated_title

_SIGNS: Final = {
    "line": "\n", "lbr": "\n", "tab": "\t", "emdash": "—", "endash": "\u2013", "emspace": "\u2003",
    "enspace": "\u2002", "qmspace": "\u2005", "bullet": "•", "lquote": "\u2018",
    "rquote": "\u2019", "ldblquote": "“", "rdblquote": "”", "ltrmark": "\u200e",
    "rtlmark": "\u200f", "zwj": "\u200d", "zwnj": "\u200c", "zwbo": "\u200b",
}  # fmt: skip
_ESCAPED: Final = {"~": "\xa0", "_": "-", "{": "{", "}": "}", "\\": "\\"}
_PARAGRAPH_ENDS: Final = frozenset(("par", "sect", "page", "column"))
_BODY: Final = "body"
# Sizes are in half points: 1 point is smaller than any print.
_TINY: Final = 2
_GROUNDS: Final = frozenset(("highlight", "cb", "chcbpat", "cbpat"))
_COLOURS: Final = re.compile(r"\\colortbl\b([^{}]*)\}")
_PART: Final = re.compile(r"\\(?:red|green|blue)(\d{1,3})")
_LIGHT: Final = 250
_PARTS: Final = 3
_UNSEEN: Final = "unseen"
# Destinations whose words are kept apart, by the control word that begins them.
_KEPT: Final = {
    "fonttbl": "fonts", "stylesheet": "styles", "footnote": "note", "annotation": "comment",
    "atnauthor": "author", "fldinst": "field", "listtext": "marker", "pntext": "marker",
    **dict.fromkeys(("header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr",
                     "footerf"), "margin"),
}  # fmt: skip
_PROPERTIES: Final = {
    "title": "title", "author": "author", "subject": "subject", "keywords": "keywords",
}  # fmt: skip
_TIMES: Final = {"creatim": "created", "revtim": "changed"}
_UNKEPT: Final = frozenset(
    ("colortbl", "pict", "nonshppict", "info", "xe", "tc", "txe", "rxe", "objdata", "objclass",
     "objname", "sp", "shprslt", "nonesttables", "mmathPict", "pntxta", "pntxtb", "fldtype",
     "private", "filetbl", "bkmkstart", "bkmkend", "datafield", "formfield", "ftnsep", "ftnsepc",
     "aftnsep", "aftnsepc", "ftncn", "aftncn", "themedata", "colorschememapping")
)  # fmt: skip
# Groups that old programs skip, and that hold words all the same.
_READ_THOUGH_STARRED: Final = frozenset(
    ("listtext", "pntext", "shpinst", "shptxt", "do", "annotation", "atnauthor", "fldinst",
     "mmath", "moMath", "moMathPara", "ud", "footnote", "nesttableprops")
)  # fmt: skip
_SHAPES: Final = frozenset(("shpinst", "do"))
_BOXES: Final = frozenset(("shptxt", "dptxbxtext"))
_HEADING: Final = re.compile(r"(?i)heading\s*([1-9])")
_SYMBOL_FIELD: Final = re.compile(r'\s*SYMBOL\s+(\d+|0x[0-9a-fA-F]+)(?:.*?\\f\s+"([^"]*)")?')
_BODY_LEVEL: Final = 9
_LONGEST_LABEL: Final = 100


@dataclass(frozen=True, slots=True)
class _State:
    """What holds in a group and ends with it."""

    where: str = _BODY
    font: int = -1
    skip: int = 1  # how many characters stand for a Unicode one, for old programs
    hidden: bool = False
    white: bool = False
    tiny: bool = False
    grounded: bool = False  # something may lie behind the words
    in_table: bool = False
    level: int | None = None
    style: int = 0
    starred: bool = False
    in_shape: bool = False
    key: str = ""


@dataclass(slots=True)
class _Table:
    """A table that is being read; `merged` are the labels that reach down, by column."""

    rows: list[list[str]] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)
    flags: list[set[str]] = field(default_factory=lambda: [set()])
    merged: dict[int, str] = field(default_factory=dict)
    headers: int = 0
    is_header: bool = False

    def define(self, word: str) -> None:
        """Take a property of the row's next cell, or end that with `cellx`."""
        if word == "trowd":
            self.flags, self.is_header = [set()], False
        elif word == "cellx":
            self.flags.append(set())
        elif word == "trhdr":
            self.is_header = True
        else:
            self.flags[-1].add(word)

    def end_row(self) -> None:
        """Add the row; a label over several rows stands in each that has other words."""
        cells = self.row
        going_on = dict[int, str]()
        for column, text in enumerate(cells):
            flags = self.flags[column] if column < len(self.flags) else set[str]()
            if "clvmgf" in flags:
                self.merged[column] = text if len(text) <= _LONGEST_LABEL else ""
            elif "clvmrg" in flags:
                going_on[column] = self.merged.get(column, "")
            else:
                self.merged.pop(column, None)
        if any(cells):
            for column, text in going_on.items():
                cells[column] = cells[column] or text
        if self.is_header and len(self.rows) == self.headers:
            self.headers += 1
        self.rows.append(cells)
        self.row, self.cell = [], []


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the one document. Raises ReadFailure `empty`."""
    document = _Document()
    document.read(path.read_bytes().decode("latin-1"))
    yield document.extract(options)


class _Document:
    """A document that is being read; words go to where the state says."""

    def __init__(self) -> None:
        self._out = Composed()
        self._state = _State()
        self._stack: list[_State] = []
        self._kept: dict[str, list[str]] = {}
        self._to_skip = 0
        self._encoding = "cp1252"
        self._fonts: dict[int, tuple[str, int]] = {}
        self._levels: dict[int, int] = {}
        self._pending: codecs.IncrementalDecoder | None = None
        self._pending_name = ""
        self._line: list[str] = []
        self._marker = ""
        self._in_list = False
        self._table = _Table()
        self._after: list[str] = []
        self._comments: list[str] = []
        self._margins: dict[str, None] = {}
        self._notes = 0
        self._label = ""
        self._info: dict[str, str] = {}
        self._ended = False
        self._hidden = 0
        self._was_unseen = False
        self._white: frozenset[int] = frozenset()
        self._coloured = False
        self._is_opened = False

    def read(self, source: str) -> None:
        """Read all tokens; what follows the outermost group is no part of the document."""
        self._white = frozenset(_whites(source))
        self._coloured = "\\viewbksp1" in source or "\\shpfblwtxt1" in source
        for token in tokens(source):
            if token.byte < 0 and not token.text:
                self._end_bytes()
            if token.brace == "{":
                self._stack.append(self._state)
                self._state = replace(self._state, starred=False)
                self._to_skip = 0
            elif token.brace == "}":
                if self._close():
                    self._ended = True
                    break
            elif token.word:
                self._word(token.word, token.number)
            else:
                self._characters(token)
            self._is_opened = token.brace == "{"
        self._end_bytes()
        self._end_paragraph()
        self._end_table()

    def extract(self, options: ReadOptions) -> Extract:
        """Return what was read. Raises ReadFailure `empty`."""
        end = self._out.paragraph("").end
        for title, lines in (("Comments", self._comments), ("Headers and footers", self._margins)):
            if lines:
                self._out.heading(1, title)
                for line in lines:
                    self._out.paragraph(line)
        text = self._out.text
        if not text.strip():
            raise ReadFailure(
                "empty",
                "the document has no words; if it shows pictures of text, save it as PDF and run "
                "a text recogniser over that",
            )
        headings = [one for one in self._out.headings if one.span.end <= end]
        title = stated_title(self._info.get("title", "")) or heading_title(text, headings)
        return Extract(
            text,
            RTF,
            title or options.stem,
            headings=tuple(self._out.headings),
            tables=tuple(self._out.tables),
            metadata=self._metadata(),
            findings=tuple(self._findings()),
        )

    def _metadata(self) -> Metadata:
        dates = {key: iso_date(self._info.get(key)) for key in _TIMES.values()}
        found = {key: self._info.get(key) for key in _PROPERTIES if key != "title"} | dates
        return {key: words for key, words in found.items() if words}

    def _findings(self) -> Iterator[Finding]:
        if not self._ended:
            yield Finding(
                "damaged", f"the file ends before the document does; copy it anew, or {SAVE_ANEW}"
            )
        if self._hidden:
            message = f"{self._hidden} stretches of hidden words were left out, as nobody sees them"
            yield Finding("hidden_text", message)

    # --- groups ----------------------------------------------------------------------------------

    def _close(self) -> bool:
        """End a group; tell whether it was the outermost one."""
        left = self._state
        self._state = self._stack.pop() if self._stack else _State()
        if left.where != self._state.where or left.key != self._state.key:
            self._leave(left, "".join(self._kept.pop(left.where, ())))
        self._to_skip = 0
        return not self._stack

    def _enter(self, where: str, key: str = "") -> None:
        if where not in {_BODY, self._state.where}:
            self._kept[where] = []
        self._state = replace(self._state, where=where, key=key)

    def _leave(self, left: _State, words: str) -> None:
        """Put the words of a destination where they belong."""
        if left.where in {"note", "box"} and words.strip():
            label = f"{self._label}: " if left.where == "note" and self._label else ""
            self._after.append(f"{label}{_lines(words)}")
        elif left.where == "comment":
            who = " ".join("".join(self._kept.pop("author of", ())).split()) or "Comment"
            self._comments.append(f"{who}: {_lines(words)}")
        elif left.where == "author":
            self._kept["author of"] = [words]
        elif left.where == "margin":
            lines = _lines(words).split("\n")
            self._margins |= {line: None for line in lines if any(map(str.isalpha, line))}
        elif left.where == "marker":
            self._marker = _marker(words)
        elif left.where == "field":
            self._field(words)
        elif left.where == "info" and words.strip():
            self._info.setdefault(left.key, " ".join(stored_form(words).split()))

    def _field(self, words: str) -> None:
        found = _SYMBOL_FIELD.match(words)
        if found:
            self._put(symbol(found[2] or "", int(found[1], 0)))

    # --- control words ---------------------------------------------------------------------------

    def _word(self, word: str, number: int | None) -> None:
        self._to_skip = 0
        starred = self._state.starred
        if starred:
            self._state = replace(self._state, starred=False)
        if starred and word not in _READ_THOUGH_STARRED:
            self._enter(_UNSEEN)
        elif self._state.where == _UNSEEN:
            self._unseen(word, number)
        elif word == "u":
            self._unicode(number or 0)
        elif word in _SIGNS:
            self._put(_SIGNS[word])
        elif not self._begins(word):
            self._format(word, number)

    def _begins(self, word: str) -> bool:
        """Enter the destination that a word begins; tell whether it begins one."""
        if word in _KEPT:
            if word == "footnote":
                self._remember_label()
            self._enter(_KEPT[word])
        elif word in _UNKEPT or (word.startswith("m") and word.endswith("Pr")):
            self._enter(_UNSEEN, word)
        elif word == "upr":  # the same words twice, for old programs and (ud) in Unicode
            self._enter(_UNSEEN, f"upr {self._state.where}")
        elif word in _SHAPES:
            self._enter(_UNSEEN)
            self._state = replace(self._state, in_shape=True)
        else:
            return False
        return True

    def _remember_label(self) -> None:
        """Keep the sign that a note is referred to with, if one stands right before it."""
        sign = f"[^{self._notes}]"
        self._label = sign if self._line[-1:] == [sign] else ""

    def _unseen(self, word: str, number: int | None) -> None:
        """Find what is to be read in a destination that is not shown."""
        if word in _BOXES and self._state.in_shape:
            self._enter("box")
        elif word == "ud" and self._state.key.startswith("upr "):
            self._state = replace(self._state, where=self._state.key[4:], key="")
        elif self._state.key == "info":
            if word in _PROPERTIES:
                self._enter("info", _PROPERTIES[word])
            elif word in _TIMES:
                self._state = replace(self._state, key=_TIMES[word])
        elif self._state.key in _TIMES.values() and number is not None:
            self._time(word, number)

    def _time(self, word: str, number: int) -> None:
        key = self._state.key
        if word == "yr":
            self._info[key] = f"{number:04}"
        elif word in {"mo", "dy"} and key in self._info:
            self._info[key] += f"-{number:02}"

    def _format(self, word: str, number: int | None) -> None:
        if word in _PARAGRAPH_ENDS:
            self._end_line()
        elif word in {"cell", "nestcell", "row", "nestrow"}:
            self._end_cell(word)
        elif word in {"trowd", "cellx", "trhdr", "clvmgf", "clvmrg"}:
            self._table.define(word)
        elif word == "chftn":
            self._note_sign()
        elif word in {"ansicpg", "mac", "pc", "pca"}:
            pages = {"mac": 10000, "pc": 437, "pca": 850}
            self._encoding = page_encoding(pages.get(word, number or 1252))
        elif word == "fcharset" and self._state.where == "fonts":
            called = self._fonts.get(self._state.font, ("", 0))[0]
            self._fonts[self._state.font] = (called, number or 0)
        else:
            self._property(word, number)
            self._look(word, number or 0)

    def _look(self, word: str, number: int) -> None:
        """Take a property that decides whether words can be seen."""
        if word == "cf":
            self._state = replace(self._state, white=number in self._white)
        elif word == "fs":
            self._state = replace(self._state, tiny=0 < number <= _TINY)
        elif word in _GROUNDS:
            grounded = number != 0 and number not in self._white
            self._state = replace(self._state, grounded=grounded)

    def _is_unseen(self) -> bool:
        """Tell whether words are white on the white page, or too small to be read."""
        state = self._state
        bare = not (state.grounded or state.in_table or state.in_shape or self._coloured)
        return state.where == _BODY and (state.tiny or (state.white and bare))

    def _property(self, word: str, number: int | None) -> None:
        """Take a property of characters or of the paragraph."""
        on = number != 0
        state = self._state
        if word == "f":
            self._state = replace(state, font=number or 0)
        elif word == "uc":
            self._state = replace(state, skip=max(0, number or 0))
        elif word in {"v", "deleted"}:
            self._hidden += on and word == "v" and not state.hidden and state.where == _BODY
            self._state = replace(state, hidden=on)
        elif word == "plain":
            self._state = replace(state, hidden=False, white=False, tiny=False, grounded=False)
        elif word == "pard":
            self._state = replace(state, in_table=False, level=None, style=0)
        elif word == "intbl":
            self._state = replace(state, in_table=on)
        elif word == "s":
            self._state = replace(state, style=number or 0)
        elif word == "outlinelevel":
            self._state = replace(state, level=(number or 0) + 1)
            if state.where == "styles":
                self._levels[state.style] = (number or 0) + 1

    def _note_sign(self) -> None:
        if self._state.where == _BODY:
            self._notes += 1
            self._put(f"[^{self._notes}]")

    # --- characters ------------------------------------------------------------------------------

    def _characters(self, token: Token) -> None:
        if token.sign:
            self._sign(token.sign)
        elif token.byte >= 0:
            if self._to_skip:
                self._to_skip -= 1
            else:
                self._bytes(bytes((token.byte,)))
        else:
            skipped = min(self._to_skip, len(token.text))
            self._to_skip -= skipped
            words = token.text[skipped:]
            if words.isascii() and self._pending is None and not self._font_is_symbol():
                self._put(words)
            elif words:
                self._bytes(words.encode("latin-1"))

    def _sign(self, sign: str) -> None:
        if self._to_skip:
            self._to_skip -= 1
        elif sign == "*":  # in the middle of a group it says nothing of what follows
            self._state = replace(self._state, starred=self._is_opened)
        elif sign in "\r\n":
            self._end_line()
        else:
            self._put(_ESCAPED.get(sign, ""))

    def _font_is_symbol(self) -> bool:
        called, charset = self._fonts.get(self._state.font, ("", 0))
        return charset == SYMBOLS or is_symbol_font(called)

    def _bytes(self, data: bytes) -> None:
        """Decode bytes by their font's character set; those of a letter may come one by one."""
        called, charset = self._fonts.get(self._state.font, ("", 1))
        if self._font_is_symbol() and self._state.where in {_BODY, "note", "box", "marker"}:
            self._put("".join(symbol(called, code) for code in data))
            return
        encoding = CHARSETS.get(charset, "") or self._encoding
        if self._pending is None or self._pending_name != encoding:
            self._end_bytes()
            self._pending = codecs.getincrementaldecoder(encoding)("replace")
            self._pending_name = encoding
        self._put(self._pending.decode(data))
        if not self._pending.getstate()[0]:
            self._pending = None

    def _end_bytes(self) -> None:
        if self._pending is not None:
            self._put(self._pending.decode(b"", final=True))
            self._pending = None

    def _unicode(self, number: int) -> None:
        code = number % 0x10000
        called, charset = self._fonts.get(self._state.font, ("", 1))
        if charset == SYMBOLS or is_symbol_font(called):
            self._put(symbol(called, code))
        else:
            self._put(in_font("", chr(code)))
        self._to_skip = self._state.skip

    def _put(self, words: str) -> None:
        if self._state.hidden or not words:
            return
        if self._is_unseen():
            self._hidden += bool(words.strip()) and not self._was_unseen
            self._was_unseen |= bool(words.strip())
            return
        self._was_unseen = False
        if self._state.where == _BODY:
            self._line.append(words)
        elif self._state.where == "fonts":
            self._font_named(words)
        elif self._state.where == "styles":
            self._style_named(words)
        elif self._state.where in self._kept:
            self._kept[self._state.where].append(words)

    def _font_named(self, words: str) -> None:
        called, charset = self._fonts.get(self._state.font, ("", 1))
        if not called.endswith(";"):
            self._fonts[self._state.font] = ((called + words).partition(";")[0].strip(), charset)

    def _style_named(self, words: str) -> None:
        found = _HEADING.match(words.strip())
        if found:
            self._levels.setdefault(self._state.style, int(found[1]))

    # --- paragraphs and tables -------------------------------------------------------------------

    def _end_line(self) -> None:
        if self._state.where == _BODY:
            if self._state.in_table:
                self._table.cell.append(_whole("".join(self._line)))
                self._line = []
            else:
                self._end_paragraph()
        elif self._state.where in self._kept:
            self._kept[self._state.where].append("\n")

    def _end_cell(self, word: str) -> None:
        table = self._table
        if self._state.where != _BODY:
            self._put(" | " if word == "cell" else " ")
            return
        if word == "row":
            if any(table.cell) or any(self._line):
                self._end_cell("cell")
            table.end_row()
            return
        words = [f"{self._marker}{_whole(''.join(self._line))}"]
        self._line, self._marker = [], ""
        table.cell += words
        if word == "cell":
            table.row.append(" ".join(part.strip() for part in table.cell if part.strip()))
            table.cell = []

    def _end_paragraph(self) -> None:
        text = _whole("".join(self._line))
        marker, self._line, self._marker = self._marker, [], ""
        self._end_table()
        level = self._state.level or self._levels.get(self._state.style)
        if text.strip() and level is not None and level <= _BODY_LEVEL:
            self._out.heading(level, f"{marker}{text}" if marker != "- " else text)
            self._in_list = False
        elif text.strip():
            self._out.paragraph(f"{marker}{text.strip()}", apart=not (marker and self._in_list))
            self._in_list = bool(marker)
        self._put_after()

    def _put_after(self) -> None:
        for words in self._after:
            self._out.paragraph(words)
            self._in_list = False
        self._after = []

    def _end_table(self) -> None:
        table = self._table
        if table.row or any(table.cell):
            self._line, line = [], self._line
            self._end_cell("row")
            self._line = line
        if not table.rows:
            return
        self._table = _Table(flags=table.flags)
        if max(map(len, table.rows)) == 1:
            for row in table.rows:
                self._out.paragraph(row[0])
        else:
            few = 0 < table.headers < len(table.rows)
            self._out.table(table.rows, table.headers if few else 1)
        self._in_list = False
        self._put_after()


def _whites(source: str) -> Iterator[int]:
    """Yield the numbers of those of a document's colours that cannot be seen on white."""
    table = _COLOURS.search(source)
    for number, colour in enumerate(table[1].split(";") if table else ()):
        parts = [int(part) for part in _PART.findall(colour)]
        if len(parts) == _PARTS and min(parts) >= _LIGHT:
            yield number


def _lines(words: str) -> str:
    lines = (" ".join(line.split(" ")).strip() for line in _whole(words).split("\n"))
    return "\n".join(line for line in lines if line)


def _whole(words: str) -> str:
    """Join the halves of letters that RTF writes as two units of UTF-16."""
    return words.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _marker(words: str) -> str:
    """Return the number of a list item as it stands there, any other sign as `- `."""
    stated = " ".join(words.split())
    return f"{stated} " if any(map(str.isalnum, stated)) else "- "
