"""TeX and LaTeX: the source as it is written, with its headings, its title and its date found."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Heading, Metadata, Span
from ingest.readers import TEX, Reading, ReadOptions
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode

_RANKS: Final = {
    name: rank
    for rank, name in enumerate(
        ("part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph",
         "frametitle")
    )
}  # fmt: skip
_COMMAND: Final = re.compile(
    rf"\\(?P<name>title|author|date|{'|'.join(_RANKS)})(?![A-Za-z@])[ \t]*\*?[ \t]*\n?[ \t]*"
)
# Comments, and what is shown as it is: a `\section` in there is none.
_HIDING: Final = re.compile(
    r"\\begin\{(?P<verbatim>(?:[Vv]erbatim|lstlisting|minted|comment|alltt)\*?)\}|\\.|%[^\n]*",
    re.DOTALL,
)
_ESCAPE_OR_COMMENT: Final = re.compile(r"\\.|%[^\n]*", re.DOTALL)
_BRACE: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_SHORT_FORM: Final = re.compile(r"\[(?:[^\[\]\\\n]|\\.|\[[^\[\]\n]{0,200}\]){0,1000}\][ \t]*")
_NO_WORDS: Final = re.compile(
    r"\\(?:thanks|footnote|label|vspace|hspace|index|inst|email)\*?\s*\{[^{}]*\}"
)
_BREAK: Final = re.compile(r"\\\\(?:\[[^\]]*\])?|~|\\(?:and|newline|quad|qquad|par)(?![A-Za-z])")
_MARKUP: Final = re.compile(r"\\[A-Za-z@]+\*?|[{}$]|\\(?=[^A-Za-z])")
# No title is longer; what is longer has lost its brace.
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class _Call:
    """A command with the span of its argument, braces not counted."""

    name: str
    span: Span


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the file's text with its headings. Raises ReadFailure `empty`, `wrong_type`."""
    decoded = decode(path.read_bytes())
    text = decoded.text
    calls = list(_calls(_without_comments(text)))
    given = {call.name: plain(call.span.cut(text)) for call in reversed(calls)}
    as_of = iso_date(given.get("date"))
    author = given.get("author")
    yield Extract(
        text,
        TEX,
        given.get("title") or options.stem,
        headings=tuple(_headings(calls)),
        as_of=as_of,
        as_of_source="content" if as_of else None,
        metadata=_metadata(author),
        findings=decoded.findings,
    )


def _metadata(author: str | None) -> Metadata:
    return {"author": author} if author else {}


def _without_comments(text: str) -> str:
    """Return the text with blanks in the place of comments and of what is shown verbatim."""
    kept, done = list[str](), 0
    while match := _HIDING.search(text, done):
        end = match.end()
        if match["verbatim"]:
            end = text.find(f"\\end{{{match['verbatim']}}}", end)
            end = len(text) if end < 0 else end
        hides = match["verbatim"] or match[0].startswith("%")
        blank = " " * (end - match.start())
        kept += [text[done : match.start()], blank if hides else match[0]]
        done = end
    return "".join([*kept, text[done:]])


def _calls(text: str) -> Iterator[_Call]:
    closed = _closed(text)
    for match in _COMMAND.finditer(text):
        start = match.end()
        if short := _SHORT_FORM.match(text, start):  # for the table of contents
            start = short.end()
        end = closed.get(start, start)
        words = text[start + 1 : end]
        if words.strip() and end - start < _LONGEST:
            left = start + 1 + len(words) - len(words.lstrip())
            yield _Call(match["name"], Span(left, left + len(words.strip())))


def _closed(text: str) -> dict[int, int]:
    """Return where each brace that is closed is closed, by where it is opened."""
    closed, opened = dict[int, int](), list[int]()
    for sign in _BRACE.finditer(text):
        if sign[0] == "{":
            opened.append(sign.start())
        elif sign[0] == "}" and opened:
            closed[opened.pop()] = sign.start()
    return closed


def _headings(calls: list[_Call]) -> Iterator[Heading]:
    """Give the headings; the outermost kind that the document has is level 1."""
    found = [call for call in calls if call.name in _RANKS]
    ranks = sorted({_RANKS[call.name] for call in found})
    for call in found:
        yield Heading(1 + ranks.index(_RANKS[call.name]), call.span)


def plain(words: str) -> str:
    """Return an argument's words without TeX's marks."""
    without = _ESCAPE_OR_COMMENT.sub(lambda m: "" if m[0].startswith("%") else m[0], words)
    without = _BREAK.sub(" ", _NO_WORDS.sub(" ", without))
    return " ".join(_MARKUP.sub("", without).split())
