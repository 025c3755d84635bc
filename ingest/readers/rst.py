"""reStructuredText: the source as it is written, with its headings, tables and fields found.

The rules are those of docutils, whose parser is not used: it reads files that a document names,
and gives no offsets. Titles stand at the left margin; what is indented belongs to what is above it.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Heading, Metadata, Span, Table
from ingest.readers import RST, Reading, ReadOptions
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode
from ingest.readers.rst_tables import directive_table, grid_table, simple_table

_LINE: Final = re.compile(r"([!-/:-@\[-`{-~])\1* *$")
_SHORT: Final = 4
_EXPLICIT: Final = re.compile(r"\.\.(?: |$)|__(?: |$)")
_GRID_TOP: Final = re.compile(r"\+-[-+]+-\+ *$")
_SIMPLE_TOP: Final = re.compile(r"=+( +=+)+ *$")
_FIELD: Final = re.compile(r":(?![: ])((?:[^:\\]|\\.|:(?!(?: |`|$)))*):(?: +|$)")
# Lines that begin something else than a paragraph, so that no title can stand there.
_ITEM: Final = re.compile(
    r"[-*+\u2022\u2023\u2043](?: +|$)|:(?![: ])[^:]*:(?: +|$)|\|(?: +|$)|>>>(?: +|$)"
    r"|(?:-[a-zA-Z0-9]|--[a-zA-Z0-9][\w-]*|/[A-Z])(?:[ =][<\w-]+>?)?(?:  +|$)"
)
_DIRECTIVE: Final = re.compile(r"\.\. +(csv-table|list-table)::")
_QUOTE: Final = re.compile(r"[!-/:-@\[-`{-~]")
_RCS: Final = re.compile(r"\$\w+: (.*?) ?\$")
_ROLE: Final = re.compile(r":[\w:+.-]+:(?=`)")
_TARGET: Final = re.compile(r"(`[^`<]+?)\s*<[^`>]*>(`_{0,2})")
_MARKS: Final = re.compile(r"``|`__?(?!\w)|[*`|]+(?=\S)|(?<=\S)[*`|]+|\\(?=\S)")


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the file's text with what was found in it. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    scan = Scan(decoded.text)
    fields = scan.fields
    as_of = next((day for key in ("date", "published") if (day := iso_date(fields.get(key)))), None)
    first = scan.headings[0].span.cut(decoded.text) if scan.headings else ""
    yield Extract(
        decoded.text,
        RST,
        plain(fields.get("title", "")) or plain(first) or options.stem,
        headings=tuple(scan.headings),
        tables=tuple(scan.tables),
        as_of=as_of,
        as_of_source="front_matter" if as_of else None,
        metadata=_metadata(fields),
        findings=decoded.findings,
    )


def _metadata(fields: dict[str, str]) -> Metadata:
    return {name: value for name, value in fields.items() if value and name != "title"}


class Scan:
    """One walk over the lines of a text: its headings, tables, and the fields at its head."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [line.rstrip() for line in text.split("\n")]
        self.starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        self.headings: list[Heading] = []
        self.tables: list[Table] = []
        self.fields: dict[str, str] = {}
        self._styles: list[str] = []
        self._level = 0
        self._head = True  # nothing but titles and fields so far
        at = 0
        while at < len(self.lines):
            at = self._block(at)

    def span(self, first: int, last: int) -> Span:
        """Return the span of the lines from `first` to before `last`, without its blank ends."""
        while first < last and not self.lines[first]:
            first += 1
        while first < last and not self.lines[last - 1]:
            last -= 1
        if first >= last:
            return Span(self.starts[first], self.starts[first])
        indent = len(self.lines[first]) - len(self.lines[first].lstrip())
        return Span(self.starts[first] + indent, self.starts[last - 1] + len(self.lines[last - 1]))

    def _block(self, at: int) -> int:
        """Take what begins in line `at`; return the line behind it."""
        line = self.lines[at]
        if not line or line[0].isspace():
            return self._below(at + 1)
        if _EXPLICIT.match(line):
            return self._explicit(at)
        if (after := self._overlined(at) or self._underlined(at)) is not None:
            return after
        if self._head and (match := _FIELD.match(line)):
            return self._field(at, match)
        self._head = False
        return self._body(at, line)

    def _body(self, at: int, line: str) -> int:
        """Take what is no title: a table, an item of a list, a paragraph."""
        if _GRID_TOP.match(line):
            return self._table(at, grid_table)
        if _SIMPLE_TOP.match(line):
            return self._table(at, simple_table)
        if _ITEM.match(line):
            return self._below(at + 1)
        if _LINE.match(line) and len(line) >= _SHORT:
            return at + (2 if at + 1 < len(self.lines) and _LINE.match(self.lines[at + 1]) else 1)
        return self._paragraph(at)

    def _below(self, at: int) -> int:
        """Return the first line from `at` on that is neither blank nor indented."""
        while at < len(self.lines) and (not self.lines[at] or self.lines[at][0].isspace()):
            at += 1
        return at

    def _explicit(self, at: int) -> int:
        end = self._below(at + 1)
        if match := _DIRECTIVE.match(self.lines[at]):
            table = directive_table(match[1], self.lines, at, end, self.span)
            self.tables += [table] if table else []
        return end

    def _table(
        self,
        at: int,
        found: Callable[[Sequence[str], int, Callable[[int, int], Span]], tuple[int, Table | None]],
    ) -> int:
        end, table = found(self.lines, at, self.span)
        self.tables += [table] if table else []
        return end

    def _overlined(self, at: int) -> int | None:
        if at + 2 >= len(self.lines):
            return None
        over, title, under = self.lines[at : at + 3]
        if not title or not _LINE.match(over) or _LINE.match(title):
            return None
        if len(over) < _SHORT and (over != under or _width(title) > len(over)):
            return None
        if over == under:
            self._heading(at + 1, over[0] * 2)
        return at + 3  # a title without its other line is a mistake, and none

    def _underlined(self, at: int) -> int | None:
        if at + 1 >= len(self.lines):
            return None
        title, under = self.lines[at : at + 2]
        if not _LINE.match(under) or _ITEM.match(title):
            return None
        if len(title) >= _SHORT and _LINE.match(title):
            return None
        if len(under) < _SHORT and _width(title) > len(under):
            return None
        self._heading(at, under[0])
        return at + 2

    def _heading(self, at: int, style: str) -> None:
        if style in self._styles:
            self._level = self._styles.index(style) + 1
        else:
            # A new style stands for the next level; where it comes too late, docutils complains.
            self._level = min(self._level, len(self._styles)) + 1
            if self._level > len(self._styles):
                self._styles.append(style)
        self.headings.append(Heading(self._level, self.span(at, at + 1)))

    def _field(self, at: int, match: re.Match[str]) -> int:
        end = self._below(at + 1)
        body = [self.lines[at][match.end() :], *self.lines[at + 1 : end]]
        value = " ".join(" ".join(body).split())
        self.fields.setdefault(match[1].strip().lower(), _RCS.sub(r"\1", value))
        return end

    def _paragraph(self, at: int) -> int:
        end = at
        while end < len(self.lines) and self.lines[end] and not self.lines[end][0].isspace():
            end += 1
        if not self.lines[end - 1].endswith("::"):
            return end
        below = end
        while below < len(self.lines) and not self.lines[below]:
            below += 1
        if below < len(self.lines) and (quote := _QUOTE.match(self.lines[below])):
            while below < len(self.lines) and self.lines[below].startswith(quote[0]):
                below += 1
            return below
        return end


def _width(words: str) -> int:
    """Return how many columns the words take: ideographs two, combining marks none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in words)
    return len(words) + wide - sum(map(bool, map(unicodedata.combining, words)))


def plain(words: str) -> str:
    """Return a title's words without the marks around them."""
    words = _TARGET.sub(r"\1\2", _ROLE.sub("", " ".join(words.split())))
    return _MARKS.sub("", words).strip()
