"""The tables of reStructuredText, found in its lines: drawn ones and those of directives."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from indexes.documents import Span, Table

Lines = Sequence[str]
SpanOf = Callable[[int, int], Span]

_OPTION: Final = re.compile(r"\s+:([\w-]+):\s*(.*)$")
_RULE: Final = re.compile(r"\+[-=+]+\+$")
_BORDER: Final = re.compile(r"=+( +=+)*$")
_DASHES: Final = re.compile(r"-[- ]*$")
_ROW: Final = re.compile(r"\s*\* +-(?: |$)")
_MOST_DIGITS: Final = 4


def grid_table(lines: Lines, at: int, span: SpanOf) -> tuple[int, Table | None]:
    """Return the line behind a grid table that begins in line `at`, and its rows."""
    end = at
    while end < len(lines) and lines[end][:1] in {"+", "|"}:
        end += 1
    rules = [n for n in range(at, end) if _RULE.match(lines[n])]
    head = next((n for n in rules if "=" in lines[n]), None)
    if head is None:
        return end, None
    rows = [span(a + 1, b) for a, b in pairwise(rules) if b > a + 1]
    edge = span(head, head + 1).start
    return end, _table([r for r in rows if r.end <= edge], [r for r in rows if r.start > edge])


def simple_table(lines: Lines, at: int, span: SpanOf) -> tuple[int, Table | None]:
    """Return the line behind a simple table that begins in line `at`, and its rows.

    A row whose first cell is empty goes on with the row above it.
    """
    borders = [at]
    for number in range(at + 1, len(lines)):
        if _BORDER.match(lines[number]):
            borders.append(number)
            if borders[1:-1] or number + 1 == len(lines) or not lines[number + 1]:
                break
    if not borders[1:-1]:  # no bottom, or no head
        return borders[-1] + 1, None
    top, head, bottom = borders
    first = lines[top].index(" ")
    rows = list[Span]()
    for number in range(head + 1, bottom):
        if not lines[number] or _DASHES.match(lines[number]):
            continue
        new = span(number, number + 1)
        goes_on = bool(rows) and not lines[number][:first].strip()
        rows[-1:] = [Span(rows[-1].start, new.end)] if goes_on else [*rows[-1:], new]
    return bottom + 1, _table([span(top + 1, head)], rows)


def directive_table(kind: str, lines: Lines, at: int, end: int, span: SpanOf) -> Table | None:
    """Return the table of a csv-table or list-table directive in the lines from `at` to `end`."""
    body = at + 1
    options = dict[str, tuple[int, str]]()
    while body < end and (match := _OPTION.match(lines[body])):
        options[match[1]] = (body, match[2])
        body += 1
    split = _csv_rows if kind == "csv-table" else _list_rows
    rows = [span(first, last) for first, last in split(lines, body, end)]
    if "header" in options:
        number, words = options["header"]
        start = span(number, number + 1).end - len(words)
        return _table([Span(start, start + len(words))] if words else [], rows)
    given = options.get("header-rows", (0, ""))[1]
    count = int(given) if given.isascii() and given.isdigit() and len(given) < _MOST_DIGITS else 0
    return _table(rows[:count], rows[count:])


def _csv_rows(lines: Lines, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Give the lines of each row: one, or more where a quoted cell goes over several."""
    start, quotes = first, 0
    for number in range(first, end):
        if not lines[number] and quotes % 2 == 0:
            start = number + 1
            continue
        quotes += lines[number].count('"')
        if quotes % 2 == 0:
            yield start, number + 1
            start = number + 1


def _list_rows(lines: Lines, first: int, end: int) -> Iterator[tuple[int, int]]:
    begins = [n for n in range(first, end) if _ROW.match(lines[n])]
    indent = min((lines[n].index("*") for n in begins), default=0)
    begins = [n for n in begins if lines[n].index("*") == indent]
    yield from pairwise([*begins, end])


def _table(header: Sequence[Span], rows: Sequence[Span]) -> Table | None:
    kept = tuple(row for row in rows if row.end > row.start)
    if not header or not kept or header[-1].end <= header[0].start:
        return None
    return Table(Span(header[0].start, header[-1].end), kept)
