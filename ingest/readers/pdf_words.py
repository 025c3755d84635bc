"""Words of a PDF page with their boxes, gathered in rows of cells; values among them are known.

Nothing here knows of PDF. Words come in the order in which they are read, and a row is words that
follow each other at the same height: what stands beside, like a second column, is not mixed in.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

# pdfium's sign for a hyphen at a line's end: what follows stands on another line.
LINE_END_HYPHEN: Final = "\ufffe"
_WORD: Final = re.compile(rf"[^\s{LINE_END_HYPHEN}]+{LINE_END_HYPHEN}?|{LINE_END_HYPHEN}")
# Words of a line with dots that lead from a label to its value; they go with the label.
_LED: Final = "...."
_WORD_OR_LED: Final = re.compile(rf"(?:(?!\.{{4}})[^\s{LINE_END_HYPHEN}])*\.{{4,}}|{_WORD.pattern}")
_CURRENCY: Final = r"(?:(?:US|CA?|AU?|HK|NZ|R)?\$|[€£¥₹₩]|CHF|EUR|USD|GBP)"
# Hyphen, minus sign, en dash, em dash.
DASHES: Final = "-\u2212\u2013\u2014"
_DASH: Final = f"[{DASHES}]"
_NUMBER: Final = "(?:\\d(?:[\\d,./:\u2019'\u2013-]*\\d)?|\\.\\d+)"
_NOTE: Final = r"(?:\s?(?:\([a-z0-9]{1,2}\)|[*†‡§]))*"
_VALUE: Final = re.compile(
    rf"{_DASH}?\s?{_CURRENCY}?\s?[{DASHES}+]?\s?\(?\s?{_CURRENCY}?\s?{_DASH}?\s?{_NUMBER}"
    rf"\s?(?:%|[x\u00d7]|¢|pts?\.?|bps?\.?|million|billion|[MBK])?\s?\)?\s?%?{_NOTE}"
    rf"|{_CURRENCY}?\s?\(?{_DASH}{{1,3}}\)?\s?%?{_NOTE}"
    r"|N/?A|n/?a|NM|nm|N/?M|n/m|nil|n\.m\.|N\.M\.|\*{1,2}"
)
_YEAR: Final = re.compile(
    r"(?:(?:FY|CY|Q[1-4]|Fiscal|fiscal|[A-Z][a-z]{2,8}\.? \d{1,2},)\s?)?(?:19|20)\d\d[AEP]?"
    rf"{_NOTE}|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}"
)
# Parts of a value that stand in little columns of their own.
_VALUE_BEGINS: Final = frozenset("(.0123456789" + DASHES)
_BEFORE_VALUE: Final = re.compile(rf"{_DASH}?\(?{_CURRENCY}\(?|\(")
_AFTER_VALUE: Final = re.compile(r"\)?\s?%?\)?|x|bps?|pts?\.?|pp|\)?\s?(?:\([a-z0-9]{1,2}\)|[*†‡])")
_LONGEST_AFTER: Final = len(") (a)")
_PENDING_SIGN: Final = re.compile(rf"(.*\S)\s*({_CURRENCY})")
_NUMERIC: Final = re.compile(rf"[{DASHES}(+]*{_CURRENCY}?\(?\.?\d|{_DASH}+$|{_CURRENCY}$|[)%]+$")
_LEADER: Final = re.compile(r"\.+|…+|_+")
# A line that may be a row ends with a value; two of them at its end are no accident.
_LAST_WORD: Final = re.compile(
    rf"[{DASHES}(]?{_CURRENCY}?[{DASHES}(]?{_NUMBER}[)%xMB*†]*|{_DASH}{{1,3}}%?"
    r"|.*\.{4,}\S*\d[)%]*|N/?A|NM"
)
_SIGNS: Final = re.compile(rf"{_CURRENCY}|[)%x]+|\([a-z0-9]\)|bps|pts")
_DANGLING: Final = re.compile(
    rf".*(?:[{DASHES},(/&]|\b(?:and|or|of|the|to|for|in|on|from|by|with|at|a|an|net|per|than|under))"
)
_LONGEST_VALUE: Final = 32
_LAST_WORDS: Final = 6
# Letters of a line: longer ones without values are prose; some files leave pdfium no line ends.
_SHORT_LINE: Final = 100
_LONG_LINE: Final = 250
# What a line with one value at its end, and with several, adds to the likelihood of a table.
_ONE_VALUE: Final = 2
_VALUES: Final = 3
_LEAST_WEIGHT: Final = 6
_NEAR_LINES: Final = 8
_HEADER_LINES: Final = 24
_TAIL_LINES: Final = 2
# Spaces within and between cells, in average letters of their row.
_TEXT_GAP: Final = 2.0
_VALUE_GAP: Final = 1.1
_SIGN_GAP: Final = 4.0
_LEAST_LETTER: Final = 0.01


class Word(NamedTuple):
    """A word of a page with its place in the page's text, and its box (`bottom` < `top`)."""

    text: str
    start: int
    end: int
    left: float
    right: float
    bottom: float
    top: float


@dataclass(slots=True)
class Cell:
    """Words with no more than a word's space between them."""

    words: list[Word]
    text: str
    left: float
    right: float
    is_value: bool = False

    @property
    def height(self) -> float:
        """The height of its first word."""
        return self.words[0].top - self.words[0].bottom


@dataclass(slots=True)
class Row:
    """Words of one height, in `[start, end)` of the page's text; `letter` is the width of one.

    In a header all values are years or dates.
    """

    start: int
    end: int
    bottom: float
    top: float
    cells: list[Cell]
    values: list[Cell]
    letter: float
    is_header: bool

    @property
    def height(self) -> float:
        """The height of its letters."""
        return self.top - self.bottom


def stretches(text: str) -> list[tuple[int, int]]:
    """Return the parts of a page's text that may hold tables; decided by the words alone."""
    lines, valued = list[tuple[int, int]](), list[tuple[int, int]]()
    start = 0
    for line in text.split("\n"):
        if weight := _weight(line):
            valued.append((len(lines), weight))
        lines.append((start, start + len(line)))
        start += len(line) + 1
    found, group = list[tuple[int, int]](), list[tuple[int, int]]()
    for number, weight in valued:
        if group and number - group[-1][0] > _NEAR_LINES:
            found += _stretch(lines, group)
            group = []
        group.append((number, weight))
    found += _stretch(lines, group)
    return _united(found)


def _weight(line: str) -> int:
    """Say how much a line looks like a row of a table; many such lines make a table likely."""
    if len(line) > _LONG_LINE:
        return _LEAST_WEIGHT
    values = _values_at_end(line)
    if values > 1:
        return _VALUES
    return _ONE_VALUE * values * (len(line) < _SHORT_LINE)


def _values_at_end(line: str) -> int:
    values = 0
    for word in reversed(line.rsplit(None, _LAST_WORDS)[-_LAST_WORDS:]):
        if _LAST_WORD.fullmatch(word):
            values += 1
        elif not _SIGNS.fullmatch(word):
            break
    return values


def _stretch(
    lines: Sequence[tuple[int, int]], group: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    if sum(weight for _, weight in group) < _LEAST_WEIGHT:
        return []
    first = max(0, group[0][0] - _HEADER_LINES)
    last = min(len(lines) - 1, group[-1][0] + _TAIL_LINES)
    return [(lines[first][0], lines[last][1])]


def _united(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    united = list[tuple[int, int]]()
    for start, end in spans:
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united


def pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the words in `[start, end)` of a page's text begin and end.

    A long line without a value at its end is prose, and one piece.
    """
    found = list[tuple[int, int]]()
    while start < end:
        stop = text.find("\n", start, end) + 1 or end
        line = text[start:stop]
        prose = _SHORT_LINE < len(line) <= _LONG_LINE and LINE_END_HYPHEN not in line
        if prose and not _values_at_end(line):
            words = line.strip()
            begin = start + line.find(words)
            found += [(begin, begin + len(words))] if words else []
        else:
            word = _WORD_OR_LED if _LED in line else _WORD
            found += [match.span() for match in word.finditer(text, start, stop)]
        start = stop
    return found


def rows_of(words: Sequence[Word]) -> list[Row]:
    """Gather words that follow each other at about the same height in rows, in their order."""
    rows, line = list[Row](), list[Word]()
    middle = height = 0.0
    for word in words:
        bottom, top = word[-2:]
        tall = top - bottom
        apart = abs(top + bottom - middle)
        if line and apart > tall and apart > height:
            rows.append(_row(line))
            line = []
        if not line or tall > height:
            middle, height = top + bottom, tall
        line.append(word)
    if line:
        rows.append(_row(line))
    return rows


def _row(words: list[Word]) -> Row:
    start, end = words[0].start, words[-1].end
    bottom, top = words[0].bottom, words[0].top
    width, letters, reached, ordered = 0.0, 0, words[0].left, True
    for _, first, last, left, right, low, high in words:
        width += right - left
        letters += last - first
        ordered = ordered and left >= reached
        reached = left
        bottom = min(bottom, low)
        top = max(top, high)
    if not ordered:
        words.sort(key=lambda word: word.left)
    letter = max(_LEAST_LETTER, width / letters)
    cells = _joined(cells_of(words, letter), letter)
    values = list[Cell]()
    for cell in cells:
        if len(cell.text) <= _LONGEST_VALUE and _VALUE.fullmatch(cell.text):
            cell.is_value = True
            values.append(cell)
    is_header = bool(values) and all(is_year(cell.text) for cell in values)
    return Row(start, end, bottom, top, cells, values, letter, is_header)


def cells_of(words: Sequence[Word], letter: float, text_gap: float = _TEXT_GAP) -> list[Cell]:
    """Part the words of a row where the space between two is wider than between words.

    That is `text_gap` average letters, which are `letter` wide; around values less is needed.
    """
    value_limit, text_limit = _VALUE_GAP * letter, text_gap * letter
    cells = list[Cell]()
    cell, numeric, edge = Cell([], "", 0.0, 0.0), False, 0.0
    for word in words:
        text, _, _, left, right, _, _ = word
        was_numeric, numeric = numeric, _is_numeric(text)
        limit = value_limit if numeric or was_numeric else text_limit
        if cells and (left - edge <= limit or (not was_numeric and _LEADER.fullmatch(text))):
            cell.words.append(word)
            cell.text += f" {text}"
            cell.right = edge = max(edge, right)
        else:
            cell = Cell([word], text, left, right)
            cells.append(cell)
            edge = right
    return cells


def is_year(text: str) -> bool:
    """Tell whether a cell is a year or a date with one."""
    return _YEAR.fullmatch(text) is not None


def _is_numeric(text: str) -> bool:
    first = text[0]
    return first.isdigit() or (not first.isalpha() and bool(_NUMERIC.match(text)))


def _joined(cells: list[Cell], letter: float) -> list[Cell]:
    """Join currency signs, brackets and percent signs with the value that they belong to."""
    joined = list[Cell]()
    for cell in cells:
        before = joined[-1] if joined else None
        if before is None:
            joined.append(cell)
        elif cell.text[0] in _VALUE_BEGINS:
            _join_sign(joined, before, cell)
        elif (
            len(cell.text) <= _LONGEST_AFTER
            and _AFTER_VALUE.fullmatch(cell.text)
            and _VALUE.match(before.text)
            and cell.left - before.right < _SIGN_GAP * letter
        ):
            tight = cell.text[0] in ")%"
            before.text += cell.text if tight else f" {cell.text}"
            before.words += cell.words
            before.right = cell.right
        else:
            joined.append(cell)
    return joined


def _join_sign(joined: list[Cell], before: Cell, cell: Cell) -> None:
    """Add a cell that begins like a value, with the currency sign that stands before it."""
    if _BEFORE_VALUE.fullmatch(before.text):
        joined.pop()
    elif (match := _PENDING_SIGN.fullmatch(before.text)) and len(before.words) > 1:
        before.text = match[1]
        sign = before.words.pop()
        before.right = before.words[-1].right
        before = Cell([sign], sign.text, sign.left, sign.right)
    else:
        joined.append(cell)
        return
    space = "" if before.text.endswith("(") else " "
    text = f"{before.text}{space}{cell.text}"
    joined.append(Cell([*before.words, *cell.words], text, before.left, cell.right))


def goes_on(rows: Sequence[Row], number: int) -> bool:
    """Tell whether the words of a row are only the first part of the next row's first cell."""
    row = rows[number]
    label = row.cells[0].text
    if number + 1 == len(rows) or len(row.cells) > 1 or label.endswith((":", ".")):
        return False
    under = rows[number + 1]
    begin = under.cells[0]
    if begin.is_value or row.bottom - under.top > row.height / 2:
        return False
    return begin.text[0].islower() or bool(_DANGLING.fullmatch(label))
