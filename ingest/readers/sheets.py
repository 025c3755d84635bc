"""Workbooks (XLSX, XLSM, XLSB, XLS, ODS): each sheet a page, each of its rows a line.

Values are read by calamine; no macro or formula is ever run.
"""

import datetime as dt
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from indexes.documents import Extract, Finding, Heading, Page, Span, Table, stored_form
from indexes.errors import ReadFailure
from ingest.readers import ODS, XLS, XLSB, XLSX, Reading, ReadOptions
from ingest.readers.cell_formats import shown
from ingest.readers.composed import CELL_END, row_text
from ingest.readers.headers import goes_on, header_rows
from ingest.readers.locked import is_locked, unlocked
from ingest.readers.odf_package import OdfPackage
from ingest.readers.ods_parts import OdsParts
from ingest.readers.ooxml import Package
from ingest.readers.packages import SAVE_ANEW
from ingest.readers.xlsx_parts import Beside, Look, Place, XlsxParts
from ingest.readers.zipped import opened

Value = str | float | dt.time | dt.date | dt.timedelta

_ZIP: Final = b"PK"
_SAMPLE_ROWS: Final = 50
_EXACT: Final = 1e21
# A label that is merged over rows stands in each of them; a note of many words does not.
_LONGEST_LABEL: Final = 100
_LEAST_COLUMNS: Final = 2


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of a workbook, a page a sheet.

    Raises ReadFailure `damaged`, `encrypted`, `wrong_password`, `empty`, `too_large`.
    """
    with path.open("rb") as file, ExitStack() as stack:
        media_type, parts = XLS, None
        if file.read(len(_ZIP)) == _ZIP:
            media_type, parts = _parts(stack.enter_context(opened(path)))
        file.seek(0)
        workbook = _opened(file, options)
        yield _extract(workbook, parts, media_type, options)


def _parts(archive: zipfile.ZipFile) -> tuple[str, Beside | None]:
    """Return the media type of a workbook, and what is read beside its cells' values."""
    names = set(archive.namelist())
    if "xl/workbook.bin" in names:
        return XLSB, None
    if "content.xml" in names:
        return ODS, OdsParts(OdfPackage(archive))
    return XLSX, XlsxParts(Package(archive))


def _opened(file: io.BufferedReader, options: ReadOptions) -> CalamineWorkbook:
    try:
        with _faults_told():
            return CalamineWorkbook.from_filelike(file)
    except PasswordError:
        pass
    except ReadFailure:  # of an old workbook calamine does not say that it is locked
        if not is_locked(file):
            raise
    data = unlocked(file, options)
    with _faults_told():
        return CalamineWorkbook.from_filelike(io.BytesIO(data))


@contextmanager
def _faults_told() -> Iterator[None]:
    """Raise ReadFailure `damaged` for what calamine raises on files that break the rules.

    Where it foresaw nothing it panics, which in Python is no Exception and has no public name.
    """
    try:
        yield
    except PasswordError:
        raise
    except BaseException as error:
        if not isinstance(error, CalamineError) and type(error).__name__ != "PanicException":
            raise
        raise ReadFailure(
            "damaged", f"the workbook cannot be read ({str(error)[:200]}); {SAVE_ANEW}"
        ) from error


def _extract(
    workbook: CalamineWorkbook, parts: Beside | None, media_type: str, options: ReadOptions
) -> Extract:
    made, broken, uncomputed = _Sheets(), dict[int, str](), dict[int, int]()
    hidden = dict[int, int]()
    for number, name in enumerate(workbook.sheet_names, start=1):
        look = parts.look(name) if parts else Look()
        try:
            with _faults_told():
                made.sheet(number, name, workbook.get_sheet_by_index(number - 1), look)
        except ReadFailure as failure:
            broken[number] = failure.message.partition(";")[0]
        if made.unseen:
            hidden[number] = len(made.unseen)
            made.unseen = []
        if look.uncomputed:
            uncomputed[number] = look.uncomputed
    if parts:
        for name in workbook.sheet_names:
            made.beside(name, parts)
    text = "".join(made.pieces)
    if not text:
        raise _nothing(broken)
    return Extract(
        text,
        media_type,
        (parts.title if parts else "") or options.stem,
        pages=tuple(made.pages),
        headings=tuple(made.headings),
        tables=tuple(made.tables),
        metadata=parts.metadata if parts else {},
        findings=(
            *_findings(broken, uncomputed),
            *_hidden(hidden),
            *(parts.findings() if parts else ()),
        ),
    )


@dataclass(slots=True)
class _Block:
    """Rows without a blank one between them; of a long one the first and the last are kept."""

    spans: list[Span] = field(default_factory=list)
    rows: list[Sequence[str]] = field(default_factory=list)
    last: Sequence[str] = ()
    spanning: set[int] = field(default_factory=set)

    def add(self, span: Span, row: Sequence[str], *, spans_columns: bool) -> None:
        if spans_columns:
            self.spanning.add(len(self.spans))
        if len(self.rows) < _SAMPLE_ROWS:
            self.rows.append(row)
        self.spans.append(span)
        self.last = row


class _Sheets:
    """The text of a workbook that grows by sheets; `pieces` joined are the stored text."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.pages: list[Page] = []
        self.headings: list[Heading] = []
        self.tables: list[Table] = []
        self.unseen: list[Place] = []  # cells of the sheet that show nothing, and were left out
        self._length = 0

    def sheet(self, number: int, name: str, sheet: CalamineSheet, look: Look) -> None:
        """Add a sheet: its name, and row n on the nth line below; an empty one is left out."""
        rows = _filled_rows(sheet, look, self.unseen)
        merged = sheet.merged_cell_ranges or []
        wide = {row for (row, left), (_, right) in merged if right > left}
        start, line, blocks = -1, 0, [_Block()]
        for place, cells in _with_labels(rows, _labels(merged)):
            words = _row_line(cells)
            if not words:
                continue
            if start < 0:
                start = self._heading(name)
            if place > line and blocks[-1].spans:
                blocks.append(_Block())
            self._put("\n" * (place + 1 - line))
            line = place + 1
            span = self._put(words)
            blocks[-1].add(span, cells, spans_columns=place in wide)
        if start >= 0:
            self.pages.append(Page(number, Span(start, self._length)))
            self.tables += _tables(blocks)

    def beside(self, name: str, parts: Beside) -> None:
        """Add what a sheet has beside its cells; it is in no row and so on no page."""
        notes, charts = list(parts.notes(name)), list(parts.charts(name))
        if notes or charts:
            self._heading(f"{name}: comments, charts and drawings")
        for note in notes:
            self._put("\n\n")
            self._put(stored_form(note).strip())
        for title, rows in charts:
            lines = [row for row in map(row_text, rows) if row]
            if title:
                self._put("\n\n")
                self._put(stored_form(title))
            spans = [self._line(row, apart=not place) for place, row in enumerate(lines)]
            if len(spans) > 1:
                self.tables.append(Table(spans[0], tuple(spans[1:])))

    def _line(self, words: str, *, apart: bool) -> Span:
        self._put("\n\n" if apart else "\n")
        return self._put(words)

    def _heading(self, words: str) -> int:
        if self._length:
            self._put("\n\n")
        span = self._put(" ".join(stored_form(words).split()) or "\ufffd")
        self.headings.append(Heading(1, span))
        return span.start

    def _put(self, words: str) -> Span:
        self.pieces.append(words)
        start = self._length
        self._length += len(words)
        return Span(start, self._length)


def _tables(blocks: Sequence[_Block]) -> Iterator[Table]:
    """Find tables in blocks of rows; one without a header may go on with the table above."""
    header: Span | None = None
    rows: list[Span] = []
    last: Sequence[str] = ()
    for block in blocks:
        if header and block.rows and goes_on(last, block.rows[0]):
            rows += block.spans
        else:
            if header:
                yield Table(header, tuple(rows))
            header = None
            above = header_rows(block.rows, block.spanning)
            if above and _width(block.rows[above[-1]]) >= _LEAST_COLUMNS:
                header = Span(block.spans[above[0]].start, block.spans[above[-1]].end)
                rows = block.spans[above.stop :]
        last = block.last
    if header:
        yield Table(header, tuple(rows))


def _width(row: Sequence[str]) -> int:
    return sum(bool(cell) for cell in row)


def _filled_rows(
    sheet: CalamineSheet, look: Look, unseen: list[Place]
) -> Iterator[tuple[int, list[str]]]:
    """Yield all rows up to the last that has values, with their places from 0.

    calamine gives the blank rows above the first value, but not the blank columns left of it.
    """
    _, left = sheet.start or (0, 0)
    special = {row for row, _ in (*look.codes, *look.texts, *look.hidden)}
    for row, values in enumerate(sheet.iter_rows() if sheet.start else ()):
        cells = [""] * left + [_words(value) for value in values]
        if row in special:
            for column, value in enumerate(values, start=left):
                cells[column] = _as_shown(value, (row, column), look) or cells[column]
                if cells[column] and (row, column) in look.hidden:
                    cells[column] = ""
                    unseen.append((row, column))
        yield row, cells


def _as_shown(value: Value, place: tuple[int, int], look: Look) -> str | None:
    if place in look.texts:
        return look.texts[place]
    code = look.codes.get(place)
    if not code or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return shown(float(value), code)


def _words(value: Value) -> str:
    """Return a value as a person writes it: no `.0`, dates in ISO 8601."""
    if isinstance(value, str):
        return " ".join(stored_form(value).split())
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _digits(value)
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "seconds" if value.second else "minutes")
    return value.isoformat()


def _digits(value: float) -> str:
    """Return a number with the 15 digits that spreadsheets keep."""
    if value == value // 1 and abs(value) < _EXACT:
        return str(int(value))
    return f"{value:.15g}"


Labels = dict[int, list[tuple[int, int, int]]]


def _labels(merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> Labels:
    """Return the cells that are merged over several rows of one column, by their first row."""
    found: Labels = {}
    for (top, left), (bottom, right) in merged:
        if bottom > top and left == right:
            found.setdefault(top, []).append((left, top, bottom))
    return found


def _with_labels(
    rows: Iterator[tuple[int, list[str]]], labels: Labels
) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the rows, with the label of merged cells in each of the rows that it stands beside."""
    open_labels = list[tuple[int, int, str]]()
    for row, cells in rows:
        open_labels = [label for label in open_labels if label[1] >= row]
        if open_labels and any(cells):
            for column, _, words in open_labels:
                if column < len(cells) and not cells[column]:
                    cells[column] = words
        for column, _, bottom in labels.get(row, ()):
            if column < len(cells) and 0 < len(cells[column]) <= _LONGEST_LABEL:
                open_labels.append((column, bottom, cells[column]))
        yield row, cells


def _row_line(cells: Sequence[str]) -> str:
    last = next((place for place in range(len(cells), 0, -1) if cells[place - 1]), 0)
    return CELL_END.join(cells[:last])


def _findings(broken: dict[int, str], uncomputed: dict[int, int]) -> Iterator[Finding]:
    if broken:
        why = "; ".join(f"sheet {number} ({words})" for number, words in broken.items())
        yield Finding("damaged", f"cannot be read: {why}; {SAVE_ANEW}", tuple(broken))
    if uncomputed:
        count = sum(uncomputed.values())
        yield Finding(
            "damaged",
            f"{count} formula{'s have' if count > 1 else ' has'} no value, since no program has "
            "computed it; open the file in a spreadsheet program and save it",
            tuple(uncomputed),
        )


def _hidden(cells: dict[int, int]) -> Iterator[Finding]:
    if count := sum(cells.values()):
        yield Finding(
            "hidden_text",
            f"{count} cell{'s show' if count > 1 else ' shows'} nothing of what stands there "
            "(white on white, without size, or a format that shows nothing); left out",
            tuple(cells),
        )


def _nothing(broken: dict[int, str]) -> ReadFailure:
    if broken:
        why = "; ".join(broken.values())
        return ReadFailure("damaged", f"no sheet can be read ({why}); {SAVE_ANEW}", tuple(broken))
    return ReadFailure("empty", "no cell of the workbook has a value; leave it out")
