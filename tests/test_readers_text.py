"""Readers of plain text, CSV, JSONL and of their encodings, against files written here."""

import csv
import gzip
import io
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.readers import CSV, JSONL, PLAIN, READERS, TSV, ReadOptions, RecordFailure
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode

GERMAN = "Die Größe der Straße ist außergewöhnlich. Schöne Grüße aus Köln, Müller & Söhne. " * 3
FRENCH = "L\u2019été dernier, nous avons déjà vu la forêt ; ça coûte 5 €. Où êtes-vous né ? " * 3
ENGLISH = "It\u2019s a “quoted” sentence — with dashes, naïve cafés and £5. " * 3
JAPANESE = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
RUSSIAN = "Люди рождаются свободными и равными в своем достоинстве и правах."
CHINESE = "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。"
POLISH = "Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi pod względem swej godności."


def read(path: Path, media_type: str) -> list[Extract | RecordFailure]:
    """Return all that the reader of a media type gives."""
    return list(READERS[media_type].load()(path, ReadOptions(path.name)))


def read_one(path: Path, media_type: str) -> Extract:
    """Return the only document of a file."""
    (extract,) = read(path, media_type)
    assert isinstance(extract, Extract)
    return extract


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        ("\ufeff" + GERMAN, "utf-16-be"),
        ("\ufeff" + GERMAN, "utf-32-le"),
        (GERMAN, "cp1252"),
        (FRENCH, "cp1252"),
        (ENGLISH, "cp1252"),
        ("Schöne Grüße", "latin-1"),
        (JAPANESE, "shift_jis"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (CHINESE, "gb18030"),
        (POLISH, "cp1250"),
    ],
)
def test_encodings_are_found(tmp_path: Path, text: str, encoding: str) -> None:
    """The text of a file is the same in whatever encoding it was saved."""
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    extract = read_one(path, PLAIN)
    assert extract.text == text.removeprefix("\ufeff")
    assert extract.findings == ()


def test_a_declared_encoding_is_believed_unless_utf8_fits() -> None:
    """What a file declares comes after UTF-8 and before guessing."""
    hebrew = "שלום עולם, אלה מילים בעברית"
    assert decode(hebrew.encode("iso-8859-8"), "iso-8859-8").text == hebrew
    assert decode(hebrew.encode(), "iso-8859-8").text == hebrew
    assert decode("naïve".encode("latin-1"), "no-such-encoding").text == "naïve"


def test_broken_bytes_are_counted_and_told(tmp_path: Path) -> None:
    """A broken byte in UTF-8 costs one character and is a finding."""
    path = tmp_path / "a.txt"
    path.write_bytes(GERMAN.encode() + b"\xff" + GERMAN.encode())
    extract = read_one(path, PLAIN)
    assert extract.text == GERMAN + "\ufffd" + GERMAN
    assert [finding.code for finding in extract.findings] == ["damaged"]
    assert "1 characters" in extract.findings[0].message


def test_an_encoding_is_found_where_only_the_end_of_a_file_tells(tmp_path: Path) -> None:
    """Letters beyond ASCII may come after megabytes without any."""
    text = "plain words and nothing else\n" * 50_000 + FRENCH
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode("cp1252"))
    assert read_one(path, PLAIN).text == text


def test_a_long_line_does_not_hold_up_an_old_encoding() -> None:
    """Web pages carry scripts on one line."""
    page = "<p>Café ouvert</p>\n" + "var a = 1;" * 40_000 + "\n<p>été</p>\n"
    started = time.process_time()
    assert decode(page.encode("cp1252")).text == page
    assert time.process_time() - started < 3.0


def test_plain_text_is_stored_as_it_is(tmp_path: Path) -> None:
    """Only line ends and characters that cannot be stored change."""
    path = tmp_path / "My notes.txt"
    path.write_bytes(b"\tone\r\ntwo\rthree\x00\n\n  four")
    extract = read_one(path, PLAIN)
    assert extract == Extract("\tone\ntwo\nthree\ufffd\n\n  four", PLAIN, "My notes")


@pytest.mark.parametrize("media_type", [PLAIN, CSV, JSONL])
@pytest.mark.parametrize("content", [b"", b" \n\t\n"])
def test_no_text_is_empty(tmp_path: Path, media_type: str, content: bytes) -> None:
    """A file without a word is refused as empty."""
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(ReadFailure) as caught:
        read(path, media_type)
    assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ("a,b\n1,2\n3,4\n", "a,b", ["1,2", "3,4"]),
        ("a;b\n1,5;2\n", "a;b", ["1,5;2"]),
        ("a\tb\nx, y\tz\n", "a\tb", ["x, y\tz"]),
        ('a,b\n"1\nstill 1",2\n3,4', "a,b", ['"1\nstill 1",2', "3,4"]),
        ('"a ""q""",b\n1,2\n', '"a ""q""",b', ["1,2"]),
        ("Cups of 2024,,\nTeam,City,Cups\nBlues,STL,1\n", "Team,City,Cups", ["Blues,STL,1"]),
        ("Item,2023,2024\nSales,1,2\n", "Item,2023,2024", ["Sales,1,2"]),
        ("a,b\n\n1,2\n,\n3,4\n", "a,b", ["1,2", "3,4"]),
        ("name\nAda\nGrace\n", "name", ["Ada", "Grace"]),
    ],
)
def test_rows_and_header_are_spans(tmp_path: Path, text: str, header: str, rows: list[str]) -> None:
    """Rows are whole, also over line ends in quotes; titles above the header are no header."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    extract = read_one(path, CSV)
    (table,) = extract.tables
    assert extract.text == text
    assert table.header.cut(text) == header
    assert [row.cut(text) for row in table.rows] == rows


@pytest.mark.parametrize(
    ("text", "lines", "rows"),
    [
        ('a,b\n1,"open', "line 2", ['1,"open']),
        ('a,b\n1,"open\n2,x\n3,y\n', "line 2", ['1,"open', "2,x", "3,y"]),
        ('a,b\n0,0\n1,"open\n2,"x"\n3,y\n', "line 3", ["0,0", '1,"open', '2,"x"', "3,y"]),
        ('a,b\n"p\nq",2\n"r,3\n', "line 4", ['"p\nq",2', '"r,3']),
    ],
)
def test_a_quote_that_is_not_closed_is_told(
    tmp_path: Path, text: str, lines: str, rows: list[str]
) -> None:
    """The text is kept, the rows below are rows, and the finding names the line."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    extract = read_one(path, CSV)
    (table,) = extract.tables
    (finding,) = extract.findings
    assert extract.text == text
    assert [row.cut(text) for row in table.rows] == rows
    assert finding.code == "damaged"
    assert f"({lines})" in finding.message


@pytest.mark.parametrize("row", ['5" pipe,3', '"5" pipe,3', '"a ""b""",""', '"a\n",3'])
def test_quotes_that_join_no_rows_are_no_damage(tmp_path: Path, row: str) -> None:
    """Of inches in a cell, or a careless quote within a line, nothing is lost."""
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n{row}\n1,2\n{row}\n")
    extract = read_one(path, CSV)
    assert extract.findings == ()
    assert [one.cut(extract.text) for one in extract.tables[0].rows] == [row, "1,2", row]


def test_rows_of_numbers_have_no_header(tmp_path: Path) -> None:
    """A file that begins with data has no table, since a table has a header."""
    path = tmp_path / "a.csv"
    path.write_text("1,2,3\n4,5,6\n")
    assert read_one(path, CSV).tables == ()
    assert read_one(path, CSV).media_type == CSV


def test_tabs_make_tsv(tmp_path: Path) -> None:
    """The media type says what separates the cells, whatever the name says."""
    path = tmp_path / "a.csv"
    path.write_text("a\tb\n1\t2\n")
    assert read_one(path, CSV).media_type == TSV


cells = st.text(st.sampled_from('ab ,;"\n\té漢'), min_size=1, max_size=8).map(lambda t: f"w{t}")


@settings(max_examples=200, deadline=None)
@given(
    rows=st.integers(2, 4).flatmap(
        lambda width: st.lists(
            st.lists(cells, min_size=width, max_size=width), min_size=2, max_size=12
        )
    )
)
def test_every_row_that_was_written_is_a_span(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    """What Python's own writer wrote, row by row, are exactly the header and the rows."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    written = [io.StringIO(newline="") for _ in rows]
    for target, row in zip(written, rows, strict=True):
        csv.writer(target, lineterminator="", quoting=csv.QUOTE_ALL).writerow(row)
    lines = [target.getvalue() for target in written]
    path.write_text("\n".join(lines), newline="")
    extract = read_one(path, CSV)
    (table,) = extract.tables
    assert [span.cut(extract.text) for span in (table.header, *table.rows)] == lines
    assert extract.findings == ()


def lines_of(*records: object) -> bytes:
    """Return records as JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@pytest.mark.parametrize("packed", [False, True])
def test_records_are_documents(tmp_path: Path, *, packed: bool) -> None:
    """Each line is a document with its id, also in a gzip file, also after a byte order mark."""
    data = b"\xef\xbb\xbf" + lines_of(
        {"id": "a-1", "title": " My\n title ", "text": "One\r\ntwo", "metadata": {"n": [1, 2]}},
        {"id": 7, "text": "Three", "metadata": None, "as_of": "2025-03-04T10:00:00Z"},
    )
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(data) if packed else data)
    first, second = read(path, JSONL)
    assert first == Extract("One\ntwo", JSONL, "My title", metadata={"n": [1, 2]}, record_id="a-1")
    assert second == Extract(
        "Three", JSONL, as_of="2025-03-04", as_of_source="content", record_id="7"
    )


@pytest.mark.parametrize(
    ("line", "reason", "record"),
    [
        (b"no json", "bad_record", "line 3"),
        (b"[1]", "bad_record", "line 3"),
        (b"\xff\xfe", "bad_record", "line 3"),
        (b"[" * 100_000, "bad_record", "line 3"),
        (b'{"text": "x"}', "bad_id", "line 3"),
        (b'{"id": "a/b", "text": "x"}', "bad_id", "line 3"),
        (b'{"id": true, "text": "x"}', "bad_id", "line 3"),
        (b'{"id": "a"}', "bad_record", "a"),
        (b'{"id": "a", "text": 5}', "bad_record", "a"),
        (b'{"id": "a", "text": "x", "title": []}', "bad_record", "a"),
        (b'{"id": "a", "text": "x", "metadata": [1]}', "bad_record", "a"),
        (b'{"id": "a", "text": "x", "metadata": {"k": {}}}', "bad_record", "a"),
        (b'{"id": "a", "text": "x", "metadata": {"k": NaN}}', "bad_record", "line 3"),
        (b'{"id": "a", "text": "x", "metadata": {"k": -1e999}}', "bad_record", "a"),
        (b'{"id": "a", "text": "x", "metadata": {"k": [1, 1e999]}}', "bad_record", "a"),
        (b'{"id": "a", "text": "x", "as_of": "last week"}', "bad_record", "a"),
        (b'{"id": "a", "text": " "}', "empty", "a"),
    ],
)
def test_a_bad_line_costs_only_itself(
    tmp_path: Path, line: bytes, reason: str, record: str
) -> None:
    """A bad line is told with its number and what is wrong; the others are read."""
    path = tmp_path / "a.jsonl"
    good = {"id": "good", "text": "x"}
    path.write_bytes(lines_of(good) + b"\n" + line + b"\n" + lines_of(good | {"id": "better"}))
    first, bad, last = read(path, JSONL)
    assert isinstance(first, Extract)
    assert isinstance(last, Extract)
    assert isinstance(bad, RecordFailure)
    assert (bad.record, bad.failure.reason) == (record, reason)
    assert "line 3" in bad.failure.message


@pytest.mark.parametrize("length", [99, 100, 101, 199, 200, 201, 1000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_too_long_to_be_held_is_one_bad_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, end: bytes
) -> None:
    """However long it is; what comes after it is read, and counted on."""
    monkeypatch.setattr("ingest.readers.jsonl._LONGEST_LINE", 100)
    path = tmp_path / "a.jsonl"
    good = lines_of({"id": "good", "text": "x"})
    path.write_bytes(good + b"y" * length + (end and end + good.replace(b"good", b"also")))
    told: list[float] = []
    found = list(READERS[JSONL].load()(path, ReadOptions(path.name, tell=told.append)))
    assert [getattr(one, "record", None) for one in found] == [None, "line 2"] + [None] * bool(end)
    assert isinstance(found[1], RecordFailure)
    is_long = length + len(end) > 100 or length == 100
    assert found[1].failure.message.startswith("line 2 has over") == is_long
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_broken_gzip_file_gives_what_came_before(tmp_path: Path) -> None:
    """Records before the break are read, then the file is said to be damaged."""
    whole = gzip.compress(
        lines_of(*({"id": str(n), "text": f"{n * 7919 % 1000003}"} for n in range(20_000)))
    )
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    records = list[Extract | RecordFailure]()
    with pytest.raises(ReadFailure) as caught:
        records.extend(READERS[JSONL].load()(path, ReadOptions(path.name)))
    assert caught.value.reason == "damaged"
    assert len(records) > 1000
    assert all(isinstance(record, Extract) for record in records)


def test_metadata_that_cannot_be_stored_is_named(tmp_path: Path) -> None:
    """The record fails alone, and the message names the key that is to blame."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(
        b'{"id": "a", "text": "x", "metadata": {"low": 1e-999, "high": 1e999}}\n'
        b'{"id": "b", "text": "y", "metadata": {"high": %d}}\n'
        % (10**400)
        + b'{"id": "c", "text": "z", "metadata": {"high": 1.7e308, "low": -9223372036854775809}}\n'
    )
    first, second, third = read(path, JSONL)
    for failed in (first, second):
        assert isinstance(failed, RecordFailure)
        assert failed.failure.reason == "bad_record"
        assert "metadata 'high' must be" in failed.failure.message
    assert isinstance(third, Extract)
    assert third.metadata == {"high": 1.7e308, "low": -9223372036854775809}


def test_metadata_can_be_stored(tmp_path: Path) -> None:
    """Text that no database takes is put into stored form, in metadata as well."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id":"a","text":"\\ud800","title":"\\u0000","metadata":{"k\\udc00":"\\r"}}')
    extract = read_one(path, JSONL)
    assert (extract.text, extract.title) == ("\ufffd", "\ufffd")
    assert extract.metadata == {"k\ufffd": "\n"}


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2025-03-04", "2025-03-04"),
        ("2025-03-04T23:59:59+02:00", "2025-03-04"),
        ("2025/3/4", "2025-03-04"),
        ("D:20250304120000+01'00'", "2025-03-04"),
        ("D:20250304120000Z", "2025-03-04"),
        ("20250304", "2025-03-04"),
        ("Tue, 04 Mar 2025 10:00:00 GMT", "2025-03-04"),
        ("March 4, 2025", "2025-03-04"),
        ("4 Mar 2025", "2025-03-04"),
        ("2025-02-30", None),
        ("03/04/2025", None),
        ("2025", None),
        ("soon", None),
        (20250304, None),
        (None, None),
    ],
)
def test_dates(written: object, day: str | None) -> None:
    """Dates that name one day are understood; what could be two days is not guessed."""
    assert iso_date(written) == day
