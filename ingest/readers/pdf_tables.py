"""Tables of a PDF page, found by how its words stand: rows of values in columns.

Nothing here knows of PDF: it works on words with boxes, in the order in which they are read. What
makes a table are values (numbers, dates, dashes) that stand in columns over several rows; prose,
contents with page numbers and numbered lists have none. In doubt a page stays as it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from ingest.readers.composed import CELL_END

# pdfium's sign for a hyphen at a line's end: what follows stands on another line.
LINE_END_HYPHEN: Final = "\ufffe"
_WORD: Final = re.compile(rf"[^\s{LINE_END_HYPHEN}]+{LINE_END_HYPHEN}?")
# Words of a line with dots that lead from a label to its value; they go with the label.
_LED: Final = "...."
_WORD_OR_LED: Final = re.compile(
    rf"(?:(?!\.{{4}})[^\s{LINE_END_HYPHEN}])*\.{{4,}}|[^\s{LINE_END_HYPHEN}]+{LINE_END_HYPHEN}?"
)
_CURRENCY: Final = r"(?:(?:US|CA?|AU?|HK|NZ|R)?\$|[€£¥₹₩]|CHF|EUR|USD|GBP)"
_DASH: Final = "[-−–—]"
_NUMBER: Final = r"(?:\d(?:[\d,./:’'–-]*\d)?|\.\d+)"
_NOTE: Final = r"(?:\s?(?:\([a-z0-9]{1,2}\)|[*†‡§]+))*"
_VALUE: Final = re.compile(
    rf"{_DASH}?\s?{_CURRENCY}?\s?[-+−–—]?\s?\(?\s?{_CURRENCY}?\s?{_DASH}?\s?{_NUMBER}"
    rf"\s?(?:%|x|×|¢|pts?\.?|bps?\.?|million|billion|[MBK])?\s?\)?\s?%?{_NOTE}"
    rf"|{_CURRENCY}?\s?\(?{_DASH}{{1,3}}\)?\s?%?{_NOTE}"
    r"|(?:N/?A|n/?a|NM|nm|N/?M|n/m|nil|n\.m\.|N\.M\.|\*{1,2})"
)  # fmt: skip
_YEAR: Final = re.compile(
    r"(?:(?:FY|CY|Q[1-4]|Fiscal|fiscal|[A-Z][a-z]{2,8}\.? \d{1,2},)\s?)?(?:19|20)\d\d[AEP]?"
    rf"{_NOTE}|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}"
)
# Parts of a value that stand in little columns of their own.
_BEFORE_VALUE: Final = re.compile(rf"{_DASH}?\(?{_CURRENCY}\(?|\(")
_AFTER_VALUE: Final = re.compile(r"\)?\s?%?\)?|x|bps|pts\.?|pp|\)?\s?(?:\([a-z0-9]{1,2}\)|[*†‡])")
_PENDING_SIGN: Final = re.compile(rf"(.*\S)?\s*({_CURRENCY})")
_NUMERIC: Final = re.compile(rf"[(−–—+-]*{_CURRENCY}?\(?\.?\d|{_DASH}+$|{_CURRENCY}$|[)%]+$")
_MARK: Final = re.compile(r"\(\d{1,2}\)")  # of a footnote
_SECTION: Final = re.compile(r"\d+(?:\.\d+)*")
_AMOUNT: Final = re.compile(r"[$€£¥,.%()—–]")
_LEADER: Final = re.compile(r"\.+|…+|_+")
# A line that may be a row ends with a value; two of them at its end are no accident.
_LAST_WORD: Final = re.compile(
    rf"[(−–—-]?{_CURRENCY}?[(−–—-]?(?:{_NUMBER})[)%xMB*†]*|{_DASH}{{1,3}}%?|.*\.{{4,}}\S*\d[)%]*|N/?A|NM"
)
_SIGNS: Final = re.compile(rf"{_CURRENCY}|[)%x]+|\([a-z0-9]\)|bps|pts")
_DANGLING: Final = re.compile(
    r".*(?:[,(/&–—-]|\b(?:and|or|of|the|to|for|in|on|from|by|with|at|a|an|net|per|than|under))"
)

_LEAST_ROWS: Final = 3
_NEAR_LINES: Final = 8  # rows of values are searched for with so many other lines between
_LAST_WORDS: Final = 6
_HEADER_LINES: Final = 24
_TAIL_LINES: Final = 2
_LONG_LINE: Final = 250  # a page in one line: some producers leave pdfium no line ends
_SHORT_LINE: Final = 100
_LEAST_WEIGHT: Final = 6
_LONGEST_ROW: Final = 400
_NEAR_BANDS: Final = 1.2
_LEAST_LETTER: Final = 0.01
# Distances below are in heights of a row, widths in average letters of it.
_ROW_APART: Final = 3.4
_HEADER_APART: Final = 2.6
_HEADER_RISE: Final = 6.0
_TEXT_GAP: Final = 2.0
_VALUE_GAP: Final = 1.1
_HEADER_GAP: Final = 0.85
_ALIGNED: Final = 0.6
_MOST_WIDE_ROWS: Final = 2
_LONGEST_HEAD: Final = 100  # letters
_MOST_HEADER_ROWS: Final = 40
# Of a table's rows so many have values; of one with a single column of them more.
_VALUED: Final = 0.3
_VALUED_ALONE: Final = 0.5
_AGREEMENT: Final = 0.6
_RANGE_COST: Final = 0.3
_SPANNED: Final = 0.15  # a header cell spans a column if it covers that much of its width


class Word(NamedTuple):
    """A word of a page with its place in the page's text, and its box (`bottom` < `top`)."""

    text: str
    start: int
    end: int
    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table in `[start, end)` of the page's text; the lines of `header` stand above `rows`."""

    start: int
    end: int
    header: tuple[str, ...]
    rows: tuple[str, ...]


@dataclass(slots=True)
class _Cell:
    words: list[Word]
    text: str
    left: float
    right: float
    is_value: bool = False


@dataclass(slots=True)
class _Row:
    start: int
    end: int
    bottom: float
    top: float
    cells: list[_Cell]
    values: list[_Cell]
    letter: float
    is_header: bool  # all its values are years or dates

    @property
    def height(self) -> float:
        return self.top - self.bottom


@dataclass(slots=True)
class _Body:
    """Rows of a block that share columns: `first` to `last`, with the bands of their values."""

    first: int
    last: int
    bands: list[list[float]] = field(default_factory=list)


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
        return 3
    return 2 * values * (len(line) < _SHORT_LINE)


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


def find(words: Sequence[Word]) -> list[FoundTable]:
    """Return the tables among the words of a stretch, in their order."""
    found = list[FoundTable]()
    for block in _blocks(_rows(words)):
        found += _tables(block)
    return found


def _rows(words: Sequence[Word]) -> list[_Row]:
    """Gather words that follow each other at about the same height."""
    rows, line = list[_Row](), list[Word]()
    middle = height = 0.0
    for word in words:
        tall = word.top - word.bottom
        apart = abs(word.top + word.bottom - middle)
        if line and apart > tall and apart > height:
            rows.append(_row(line))
            line = []
        if not line or tall > height:
            middle, height = word.top + word.bottom, tall
        line.append(word)
    if line:
        rows.append(_row(line))
    return rows


def _row(words: list[Word]) -> _Row:
    start, end = words[0].start, words[-1].end
    bottom, top = words[0].bottom, words[0].top
    width, letters, reached, ordered = 0.0, 0, words[0].left, True
    for _, first, last, left, right, low, high in words:
        width += right - left
        letters += last - first
        ordered = ordered and left >= reached
        reached = left
        if low < bottom:
            bottom = low
        if high > top:
            top = high
    if not ordered:
        words.sort(key=lambda word: word.left)
    letter = max(_LEAST_LETTER, width / letters)
    cells = _joined(_cells(words, letter), letter)
    for cell in cells:
        cell.is_value = len(cell.text) < _LONG_LINE and bool(_VALUE.fullmatch(cell.text))
    values = [cell for cell in cells if cell.is_value]
    is_header = bool(values) and all(_YEAR.fullmatch(cell.text) for cell in values)
    return _Row(start, end, bottom, top, cells, values, letter, is_header)


def _cells(words: Sequence[Word], letter: float, text_gap: float = _TEXT_GAP) -> list[_Cell]:
    """Part the words of a row where the space between two is wider than between words."""
    cells = [_Cell([words[0]], words[0].text, words[0].left, words[0].right)]
    cell, numeric = cells[0], _is_numeric(words[0].text)
    for word in words[1:]:
        text = word.text
        was_numeric, numeric = numeric, _is_numeric(text)
        gap = word.left - cell.right
        limit = (_VALUE_GAP if numeric or was_numeric else text_gap) * letter
        if gap <= limit or (not was_numeric and _LEADER.fullmatch(text)):
            cell.words.append(word)
            cell.text += f" {text}"
            if word.right > cell.right:
                cell.right = word.right
        else:
            cell = _Cell([word], text, word.left, word.right)
            cells.append(cell)
    return cells


def _is_numeric(text: str) -> bool:
    first = text[0]
    return first.isdigit() or (not first.isalpha() and bool(_NUMERIC.match(text)))


def _joined(cells: list[_Cell], letter: float) -> list[_Cell]:
    """Join currency signs, brackets and percent signs with the value that they belong to."""
    joined = list[_Cell]()
    for cell in cells:
        before = joined[-1] if joined else None
        if before is None:
            joined.append(cell)
        elif cell.text[0].isdigit() or cell.text[0] in "(.-−–—":
            _join_sign(joined, before, cell)
        elif (
            len(cell.text) <= len(") (a)")
            and _AFTER_VALUE.fullmatch(cell.text)
            and _VALUE.match(before.text)
            and cell.left - before.right < 4 * letter
        ):
            tight = cell.text[0] in ")%"
            before.text += cell.text if tight else f" {cell.text}"
            before.words += cell.words
            before.right = cell.right
        else:
            joined.append(cell)
    return joined


def _join_sign(joined: list[_Cell], before: _Cell, cell: _Cell) -> None:
    """Add a cell that begins like a value, with the currency sign that stands before it."""
    if _BEFORE_VALUE.fullmatch(before.text):
        joined.pop()
    elif (match := _PENDING_SIGN.fullmatch(before.text)) and match[1] and len(before.words) > 1:
        before.text = match[1]
        sign = before.words.pop()
        before.right = before.words[-1].right
        before = _Cell([sign], sign.text, sign.left, sign.right)
    else:
        joined.append(cell)
        return
    space = "" if before.text.endswith("(") else " "
    text = f"{before.text}{space}{cell.text}"
    joined.append(_Cell([*before.words, *cell.words], text, before.left, cell.right))


def _blocks(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Part the rows where the page goes on elsewhere: far above or below."""
    block = list[_Row]()
    for row in rows:
        if block and _is_elsewhere(row, block[-1]):
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def _is_elsewhere(row: _Row, above: _Row) -> bool:
    """Tell whether a row does not follow the one before; cells of a header may be read one by one."""
    height = max(row.height, above.height)
    risen = row.bottom - above.bottom
    if risen > height:
        return risen > _HEADER_RISE * height or row.cells[0].left < above.cells[-1].right
    return above.bottom - row.top > _ROW_APART * height


def _tables(rows: Sequence[_Row]) -> Iterator[FoundTable]:
    floor = start = 0
    while start < len(rows):
        body = _body(rows, start)
        if body is None:
            return
        _unite_bands(body.bands, rows[body.first : body.last + 1])
        if _is_table(rows, body):
            yield _table(rows, body, floor)
            floor = start = body.last + 1
        else:
            start = body.first + 1 if body.last == body.first else body.last + 1


def _is_value_row(row: _Row) -> bool:
    """Tell whether a row has values in columns: several, one after a label, or an amount alone."""
    if not row.values or row.is_header:
        return False
    if len(row.cells) > 1:
        return len(row.values) > 1 or not row.cells[0].is_value
    return bool(_AMOUNT.search(row.cells[0].text))


def _body(rows: Sequence[_Row], start: int) -> _Body | None:
    """Take rows from the first one with values on for as long as their columns agree."""
    body: _Body | None = None
    others = wide = 0
    for number in range(start, len(rows)):
        row = rows[number]
        if _is_value_row(row):
            if body is None:
                body = _Body(number, number)
            if not _widen(body.bands, row):
                break
            body.last, others, wide = number, 0, 0
        elif body is not None:
            others += 1
            is_wide = row.cells[-1].right > body.bands[0][0] + row.height and not row.values
            wide += is_wide
            new = row.is_header and len(row.values) > 1
            ends = is_wide and row.cells[-1].text.endswith(".")  # a sentence, and no label
            if new or ends or others > _NEAR_LINES or wide > _MOST_WIDE_ROWS:
                break
    return body


def _widen(bands: list[list[float]], row: _Row) -> bool:
    """Add a row's values to the bands of columns; False where it does not fit into them."""
    hits = list[tuple[int, _Cell]]()
    new = list[_Cell]()
    slack = 0.1 * row.height
    for cell in row.values:
        over = [
            place
            for place, (left, right) in enumerate(bands)
            if cell.left < right - slack and left < cell.right - slack
        ]
        if len(over) > 1:
            return False
        if over:
            hits.append((over[0], cell))
        else:
            new.append(cell)
    if len({place for place, _ in hits}) < len(hits):
        return False
    for place, cell in hits:
        bands[place] = [min(bands[place][0], cell.left), max(bands[place][1], cell.right)]
    bands += [[cell.left, cell.right] for cell in new]
    bands.sort()
    return all(a[1] <= b[0] + slack for a, b in pairwise(bands))


def _unite_bands(bands: list[list[float]], rows: Sequence[_Row]) -> None:
    """Make one column of two close ones that no row has both of, like numbers and dashes."""
    place = 0
    while place + 1 < len(bands):
        one, other = bands[place], bands[place + 1]
        near = other[0] - one[1] < _NEAR_BANDS * rows[0].height
        if near and not any(_has(row, one) and _has(row, other) for row in rows):
            bands[place : place + 2] = [[one[0], other[1]]]
        else:
            place += 1


def _has(row: _Row, band: Sequence[float]) -> bool:
    return any(2 * _overlap(cell, band) > cell.right - cell.left for cell in row.values)


def _is_table(rows: Sequence[_Row], body: _Body) -> bool:
    """Judge whether rows of values are a table: enough of them, and lined up in columns."""
    inside = rows[body.first : body.last + 1]
    valued = [row for row in inside if _is_value_row(row)]
    labelled = sum(not row.cells[0].is_value for row in valued)
    several = len(body.bands) > 1
    if len(valued) < _LEAST_ROWS - (several and labelled == len(valued)):
        return False
    if len(valued) < (_VALUED if several else _VALUED_ALONE) * len(inside):
        return False
    if any(row.end - row.start > _LONGEST_ROW for row in valued):
        return False
    values = [cell for row in valued for cell in row.values]
    if sum(bool(_MARK.fullmatch(cell.text)) for cell in values) > len(values) / 2:
        return False
    if not several and (
        labelled < _VALUED_ALONE * len(valued)
        or sum(bool(_AMOUNT.search(cell.text)) for cell in values) < len(values) / 2
    ):
        return False  # page numbers, or numbers of a list
    if labelled and _is_contents(valued, body.bands[-1]):
        return False
    return _aligned(values, body.bands, _ALIGNED * valued[0].height) >= _AGREEMENT * len(values)


def _is_contents(rows: Sequence[_Row], band: Sequence[float]) -> bool:
    """Tell whether rows are a table of contents: numbered titles with pages that rise."""
    last = [row.values[-1] for row in rows]
    numbers = [int(cell.text) for cell in last if cell.text.isdecimal() and cell.left >= band[0]]
    others = (cell.text for row in rows for cell in row.values[:-1])
    return (
        len(numbers) == len(rows) >= _LEAST_ROWS
        and numbers == sorted(numbers)
        and all(_SECTION.fullmatch(text) for text in others)
    )


def _aligned(values: Sequence[_Cell], bands: Sequence[Sequence[float]], slack: float) -> int:
    """Count the values that share an edge, or the middle, with others of their column."""
    aligned = 0
    for left, right in bands:
        inside = [cell for cell in values if left <= cell.left and cell.right <= right]
        if len(inside) > 1:
            edges = (
                [cell.right for cell in inside],
                [cell.left for cell in inside],
                [(cell.left + cell.right) / 2 for cell in inside],
            )
            aligned += max(_together(edge, slack) for edge in edges)
    return aligned


def _together(places: list[float], slack: float) -> int:
    """Return how many of the places lie within `slack` of their median."""
    places.sort()
    median = places[len(places) // 2]
    return sum(abs(place - median) <= slack for place in places)


def _table(rows: Sequence[_Row], body: _Body, floor: int) -> FoundTable:
    last = _with_tail(rows, body)
    columns = _columns(rows[body.first : last + 1], body.bands)
    top, below = _header_rows(rows, body, columns[-1][1], floor)
    header = _header_lines(rows[top:below], columns)
    lines = _body_lines(rows[below : last + 1], columns)
    taken = rows[top : last + 1]
    start, end = min(row.start for row in taken), max(row.end for row in taken)
    return FoundTable(start, end, tuple(header), tuple(lines))


def _header_rows(
    rows: Sequence[_Row], body: _Body, right: float, floor: int
) -> tuple[int, int]:
    """Return which rows above the first values are the header, `[top, below)`; maybe none.

    The columns end at `right`. Rows from `below` on are labels of sections.
    """
    top = below = body.first
    for number in range(body.first - 1, max(floor, body.first - _MOST_HEADER_ROWS) - 1, -1):
        row, under = rows[number], rows[number + 1]
        if row.bottom - under.top > _HEADER_APART * max(row.height, under.height):
            break
        if _is_beside(row, body.bands):
            if top < below and not row.cells[0].text.startswith("("):
                break
        elif not _heads_columns(row, _first_values(rows, body), right):
            break
        elif top == below:
            top, below = number, number + 1
        else:
            top = number
    if top == below:
        return body.first, body.first
    if top > floor and rows[top - 1].cells[0].text.startswith("("):
        above = rows[top - 1]
        top -= _is_beside(above, body.bands) and above.bottom - rows[top].top < above.height
    return top, below


def _is_beside(row: _Row, bands: Sequence[Sequence[float]]) -> bool:
    """Tell whether a row has nothing above the columns of values."""
    return row.cells[-1].right <= bands[0][0] - row.height / 4


def _first_values(rows: Sequence[_Row], body: _Body) -> float:
    """Return where the columns begin, but for one of years or numbers that label the rows."""
    first = body.bands[0][0]
    labels = any(row.cells[0].left < first - row.height for row in rows[body.first : body.last + 1])
    return first if labels or len(body.bands) == 1 else body.bands[1][0]


def _heads_columns(row: _Row, left: float, right: float) -> bool:
    """Tell whether a row ends above the columns of values, which go from `left` to `right`."""
    last = row.cells[-1]
    if len(row.cells) == 1 and (
        len(last.text) > _LONGEST_HEAD
        or (len(last.text) > _LONGEST_HEAD / 2 and last.text.endswith((".", ":")))
    ):
        return False
    return left - 6 * row.height <= last.left and last.right <= right + 4 * row.height


def _with_tail(rows: Sequence[_Row], body: _Body) -> int:
    """Return the last row: a label may go on below the last values."""
    after = body.last + 1
    if after < len(rows) and _continues(rows[after], rows[body.last], body.bands[0][0]):
        return after
    return body.last


def _continues(row: _Row, above: _Row, limit: float) -> bool:
    """Tell whether a row without values is the rest of the label above."""
    cell = row.cells[0]
    return (
        len(row.cells) == 1
        and not row.values
        and cell.text[0].islower()
        and cell.right < limit
        and above.bottom - row.top < row.height / 2
        and not above.cells[0].is_value
    )


def _columns(rows: Sequence[_Row], bands: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the columns from left to right: those of values, and of words beside them."""
    words = list[list[float]]()
    for row in rows:
        if not _is_value_row(row):
            continue
        for cell in row.cells:
            if not cell.is_value and not any(_overlap(cell, band) > 0 for band in bands):
                words.append([cell.left, cell.right, 1])
    merged = list[list[float]]()
    for left, right, count in sorted(words):
        if merged and left < merged[-1][1]:
            merged[-1] = [merged[-1][0], max(merged[-1][1], right), merged[-1][2] + count]
        else:
            merged.append([left, right, count])
    labels = [[left, right] for left, right, _ in merged if left < bands[0][0]]
    if len(labels) > 1 and not _side_by_side(rows, bands[0][0]):
        labels = [[labels[0][0], labels[-1][1]]]
    beside = [[left, right] for left, right, count in merged if count > 1 and left >= bands[0][0]]
    return sorted([*labels, *beside, *([left, right] for left, right in bands)])


def _side_by_side(rows: Sequence[_Row], limit: float) -> bool:
    """Tell whether rows have several cells of words before the first values."""
    labels = ((cell for cell in row.cells if cell.left < limit and not cell.is_value) for row in rows)
    return sum(len(list(cells)) > 1 for cells in labels) > 1


def _overlap(cell: _Cell, band: Sequence[float]) -> float:
    return min(cell.right, band[1]) - max(cell.left, band[0])


def _column(cell: _Cell, columns: Sequence[Sequence[float]]) -> int:
    """Return the column in which a cell stands, or that it is nearest to."""
    if not cell.is_value and cell.left < columns[0][1] and cell.left <= columns[1][0]:
        return 0
    return max(range(len(columns)), key=lambda place: _overlap(cell, columns[place]))


def _body_lines(rows: Sequence[_Row], columns: Sequence[Sequence[float]]) -> list[str]:
    """Write the rows below the header, with the labels that go over several lines put together."""
    lines = list[list[str]]()
    waiting = ""
    limit = columns[1][0] if len(columns) > 1 else columns[0][1]
    for number, row in enumerate(rows):
        cells = _in_columns(row, columns)
        if row.values or len(row.cells) > 1:
            cells[0] = _with_space(waiting, cells[0])
            waiting = ""
            lines.append(cells)
            continue
        label = row.cells[0].text
        if not waiting and lines and number and _continues(row, rows[number - 1], limit):
            if not _goes_on(label, rows, number):
                lines[-1][0] = _with_space(lines[-1][0], label)
                continue
        if _goes_on(label, rows, number):
            waiting = _with_space(waiting, label)
            continue
        lines.append([_with_space(waiting, label)])
        waiting = ""
    if waiting:
        lines.append([waiting])
    return [line_text(cells) for cells in lines]


def _goes_on(label: str, rows: Sequence[_Row], number: int) -> bool:
    """Tell whether a label is only the first part of the next row's."""
    if number + 1 == len(rows) or label.endswith((":", ".")):
        return False
    row, following = rows[number], rows[number + 1]
    begin = following.cells[0].text
    if following.cells[0].is_value or row.bottom - following.top > row.height / 2:
        return False
    return begin[0].islower() or bool(_DANGLING.fullmatch(label))


def _in_columns(row: _Row, columns: Sequence[Sequence[float]]) -> list[str]:
    cells = [""] * len(columns)
    for cell in row.cells:
        place = _column(cell, columns)
        cells[place] = _with_space(cells[place], cell.text)
    return cells


def _header_lines(rows: Sequence[_Row], columns: Sequence[Sequence[float]]) -> list[str]:
    """Write the header: what stands over one column is put together, what spans several stays."""
    lines = list[str]()
    stacked = [""] * len(columns)
    parted = [_parted(row, columns) for row in rows]
    wide = _widened(columns, parted)
    years = any(row.is_header and len(row.values) >= len(columns) - 1 for row in rows)
    above: tuple[Sequence[_Cell], list[int]] | None = None
    for number, cells in enumerate(parted):
        alone = all(row.top < rows[number].bottom + row.height / 2 for row in rows[number + 1 :])
        if above and _same_middles(cells, above[0]):
            places, spans = above[1], True
        else:
            places, spans = _header_places(cells, columns, wide, years=years, alone=alone)
        above = (cells, places) if spans else None
        if spans and any(stacked):
            lines.append(line_text(stacked))
            stacked = [""] * len(columns)
        for cell, place in zip(cells, places, strict=True):
            stacked[place] = _with_space(stacked[place], cell.text)
        if spans:
            lines.append(line_text(stacked))
            stacked = [""] * len(columns)
    if any(stacked):
        lines.append(line_text(stacked))
    return lines


def _same_middles(cells: Sequence[_Cell], above: Sequence[_Cell]) -> bool:
    """Tell whether each cell stands right below one of the row above."""
    return len(cells) == len(above) and all(
        abs(cell.left + cell.right - over.left - over.right) < cell.words[0].top - cell.words[0].bottom
        for cell, over in zip(cells, above, strict=True)
    )


def _parted(row: _Row, columns: Sequence[Sequence[float]]) -> list[_Cell]:
    """Return a header row's cells, those parted that hold words of several columns."""
    parted = list[_Cell]()
    for cell in row.cells:
        over = sum(_overlap(cell, column) > 0 for column in columns[1:])
        if over < 2 or len(cell.words) < 2:  # noqa: PLR2004
            parted.append(cell)
        else:
            parted += _cells(cell.words, row.letter, _HEADER_GAP)
    return parted


def _widened(
    columns: Sequence[Sequence[float]], rows: Sequence[Sequence[_Cell]]
) -> list[list[float]]:
    """Return the columns with the cells of those header rows that have one for each."""
    wide = [list(column) for column in columns]
    for cells in rows:
        heads = [cell for cell in cells if _column(cell, columns)]
        if len(heads) == len(columns) - 1:
            for cell, column in zip(heads, wide[1:], strict=True):
                column[0], column[1] = min(column[0], cell.left), max(column[1], cell.right)
    return wide


def _header_places(
    cells: Sequence[_Cell],
    columns: Sequence[Sequence[float]],
    wide: Sequence[Sequence[float]],
    *,
    years: bool,
    alone: bool,
) -> tuple[list[int], bool]:
    """Return the columns of a header row's cells, and whether one of them spans several.

    A row is `alone` that nothing stands beside; where cells are read one by one, none may be. Such a cell is put above the first of its columns.
    """
    places = [_column(cell, columns) for cell in cells]
    height = cells[0].words[0].top - cells[0].words[0].bottom
    apart = cells[0].left > columns[0][0] + height
    if len(cells) == len(columns) - apart:
        return list(range(int(apart), len(columns))), False
    spans = False
    heads = [number for number, place in enumerate(places) if place]
    if alone and len(heads) == 1 and _is_central(cells[heads[0]], wide, height, years=years):
        places[heads[0]] = 1
        return places, True
    for number, cell in enumerate(cells):
        if places[number]:
            first, last = _spanned(cell, places[number], wide, height)
            places[number] = first
            spans |= first < last
    return places, spans


def _is_central(
    cell: _Cell, wide: Sequence[Sequence[float]], height: float, *, years: bool
) -> bool:
    """Tell whether a cell alone in its row heads all columns, and not just the middle one.

    Columns that have `years` for their headers need no more words.
    """
    off = (wide[1][0] + wide[-1][1] - cell.left - cell.right) / 2 if len(wide) > 1 else height
    left, right = wide[len(wide) // 2]
    return abs(off) < height and bool(
        years or _YEAR.fullmatch(cell.text) or (cell.left < left and right < cell.right)
    )


def _spanned(
    cell: _Cell, place: int, wide: Sequence[Sequence[float]], height: float
) -> tuple[int, int]:
    """Return the first and the last column that a header cell stands over, in their middle."""
    over = [
        number
        for number in range(1, len(wide))
        if _overlap(cell, wide[number]) > _SPANNED * (wide[number][1] - wide[number][0])
    ]
    middle = (cell.left + cell.right) / 2
    left, right = wide[place]
    if len(over) < 2:  # noqa: PLR2004
        beyond = min(left - cell.left, cell.right - right)
        if beyond > height and 1 < place < len(wide) - 1:
            return place - 1, place + 1
        near = min(abs(left - cell.left), abs(right - cell.right), abs((left + right) / 2 - middle))
        inside = left - height / 2 < cell.left and cell.right < right + height / 2
        if inside or (near < height / 2 and not _reaches_beside(cell, place, wide)):
            return place, place
        over = [place]
    ranges = [
        (abs((wide[first][0] + wide[last][1]) / 2 - middle) + (last - first) * _RANGE_COST * height, first, last)
        for first in range(1, over[0] + 1)
        for last in range(over[-1], len(wide))
    ]
    return min(ranges)[1:]


def _reaches_beside(cell: _Cell, place: int, wide: Sequence[Sequence[float]]) -> bool:
    """Tell whether a cell goes over more than half of the space to a column beside its own."""
    left, right = wide[place]
    if place > 1 and cell.left < (wide[place - 1][1] + left) / 2:
        return True
    return place + 1 < len(wide) and cell.right > (wide[place + 1][0] + right) / 2


def _with_space(before: str, after: str) -> str:
    if not before or not after or before.endswith(LINE_END_HYPHEN):
        return before + after
    return f"{before} {after}"


def line_text(cells: Sequence[str]) -> str:
    """Return the cells of a row as one line; empty ones keep their place."""
    filled = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
    return CELL_END.join(cells[:filled])
