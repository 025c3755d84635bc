"""Markdown: the stored text is the source itself, from below its front matter on."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final, cast

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from indexes.documents import Extract, Heading, Metadata, MetadataValue, Span, Table, stored_form
from indexes.errors import ReadFailure
from ingest.readers import MARKDOWN, Reading, ReadOptions
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode
from ingest.readers.jsonl import is_metadata_value, storable

_YAML: Final = re.compile(
    r"---[ \t]*\n(.{0,65536}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_TOML: Final = re.compile(
    r"\+\+\+[ \t]*\n(.{0,65536}?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_DATES: Final = ("date", "published", "as_of", "updated", "lastmod")


@dataclass(frozen=True, slots=True)
class _FrontMatter:
    """The fields at the head of a file, and where the text below them begins."""

    end: int = 0
    fields: Mapping[str, object] = field(default_factory=dict)


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of a Markdown file.

    Raises ReadFailure `wrong_type` for binary data and `empty` where there is no text.
    """
    source = decode(path.read_bytes())
    front = _front_matter(source.text)
    text = source.text[front.end :]
    if not text.strip():
        raise ReadFailure(
            "empty", "the file has no text below its front matter; write some, or leave it out"
        )
    blocks = Blocks(text)
    as_of = next((day for key in _DATES if (day := iso_date(front.fields.get(key)))), None)
    title = front.fields.get("title")
    yield Extract(
        text,
        MARKDOWN,
        " ".join(stored_form(str(title)).split()) if title else blocks.title or options.stem,
        headings=blocks.headings,
        tables=blocks.tables,
        as_of=as_of,
        as_of_source="front_matter" if as_of else None,
        metadata=_metadata(front.fields),
        findings=source.findings,
    )


def _front_matter(text: str) -> _FrontMatter:
    if match := _YAML.match(text):
        try:
            fields = yaml.safe_load(match[1])
        except (yaml.YAMLError, ValueError, RecursionError):
            return _FrontMatter()
    elif match := _TOML.match(text):
        try:
            fields = tomllib.loads(match[1])
        except (tomllib.TOMLDecodeError, RecursionError):
            return _FrontMatter()
    if match and isinstance(fields, dict):
        return _FrontMatter(match.end(), {str(key): value for key, value in fields.items()})
    return _FrontMatter()


def _metadata(fields: Mapping[str, object]) -> Metadata:
    plain = {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in fields.items()
        if key != "title"
    }
    kept = {
        key: cast("MetadataValue", value)
        for key, value in plain.items()
        if is_metadata_value(value) and value is not None
    }
    return storable(kept)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


class Blocks:
    """The headings and tables of a Markdown text as spans of it."""

    def __init__(self, text: str) -> None:
        self._text = text
        lengths = (len(line) + 1 for line in text.split("\n"))
        self._starts = list(accumulate(lengths, initial=0))
        tokens = _parser().parse(text)
        self.headings = tuple(
            Heading(int(token.tag[1]), span)
            for token, inline in pairwise(tokens)
            if token.type == "heading_open" and (span := self._words(token, inline.content))
        )
        self.tables = tuple(self._tables(tokens))
        first = next((h for h in self.headings if h.level == 1), None)
        self.title = plain(first.span.cut(text)) if first else ""

    def _lines(self, token: Token) -> Span:
        first, end = token.map or [0, 0]
        return Span(self._starts[first], max(self._starts[first], self._starts[end] - 1))

    def _words(self, token: Token, content: str) -> Span | None:
        """Find a heading's words among its lines, without the marks around them."""
        block = self._lines(token)
        lines = content.split("\n")
        if not lines[0].strip():
            return None
        start = self._text.find(lines[0], block.start, block.end)
        end = self._text.find(lines[-1], start, block.end) + len(lines[-1])
        return Span(start, end) if 0 <= start < end else None

    def _tables(self, tokens: Sequence[Token]) -> Iterator[Table]:
        rows = list[Span]()
        for token in tokens:
            if token.type == "tr_open":
                rows.append(self._lines(token))
            elif token.type == "table_close":
                if len(rows) > 1:
                    yield Table(rows[0], tuple(rows[1:]))
                rows.clear()


def plain(words: str) -> str:
    """Return a heading's words without Markdown's marks."""
    inline = MarkdownIt("commonmark").parseInline(" ".join(words.split()))
    children = (child for token in inline for child in token.children or [])
    return "".join(child.content for child in children if child.type in {"text", "code_inline"})
