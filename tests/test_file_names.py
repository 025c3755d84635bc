"""Files with names that say anything, and what lies in folders besides files: the run goes on."""

import io
import json
import os
import re
import socket
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest_again
from indexes.collection import open_collection
from indexes.errors import UsageError
from indexes.settings import Settings, load_settings
from ingest import pipeline
from ingest.command import Manner, run
from ingest.names import shown, stored_name
from ingest.progress import Advanced, silent, with_lines
from ingest.report import Item, Report, text_lines
from ingest.sources import find_targets
from ingest.survey import Order

ROOT = Path(__file__).parent.parent
ODD = [
    b"x" * 251 + b".txt",
    b"new\nline.txt",
    b"tab\there.txt",
    b"\x1b[31mred\x07.txt",
    b"caf\xe9.txt",  # no UTF-8
    b"caf\\xe9.txt",  # what that is stored as, were it not told apart
    b"\xff\xfe.txt",
    "gnp.\u202etxt".encode(),  # shown as if it were a picture
    "\u2024\u2024.txt".encode(),  # looks like two dots
    b"a..b..txt",
    b"-rf.txt",
    b"--help.txt",
    b"#1.txt",
    b"50%.txt",
    b" lead and trail .txt ",
    b"'quotes\".txt",
    "e\u0301.txt".encode(),  # two ways to write one letter are two names
    "\u00e9.txt".encode(),
    "\u6771\u4eac.txt".encode(),
]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A data folder, and the small encoder."""
    loaded = ingest_again.encoder()
    monkeypatch.setattr(pipeline, "load_encoder", lambda *_, **__: loaded)
    given = {"AFTERWORD_DATA": str(tmp_path / "data"), "AFTERWORD_READER_PROCESSES": "1"}
    return load_settings(given)


def ingest(settings: Settings, *paths: Path) -> Report:
    """Ingest paths."""
    return pipeline.ingest(Order(tuple(map(str, paths))), settings, silent)


def texts(settings: Settings) -> dict[str, str]:
    """Return the stored texts by uri."""
    opened = open_collection(settings.data, "default")
    with opened.read() as reading:
        return {d.uri: reading.text(d.document_id) for d in reading.documents(1000)}


def test_odd_names_are_told_apart_and_found_again(tmp_path: Path, settings: Settings) -> None:
    """Each file is one document with its own text; nothing changes at the next run."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for number, name in enumerate(ODD):
        Path(os.fsdecode(bytes(docs) + b"/" + name)).write_text(f"This is file {number}.\n")
    report = ingest(settings, docs)
    assert report.counts()["added"] == len(ODD) == len(report.items)
    found = texts(settings)
    for number, name in enumerate(ODD):
        uri = "docs/" + stored_name(os.fsdecode(name))
        assert found[uri] == f"This is file {number}.\n"
        assert json.loads(json.dumps(uri)) == uri
    assert ingest(settings, docs).counts()["unchanged"] == len(ODD)
    Path(os.fsdecode(bytes(docs) + b"/caf\xe9.txt")).unlink()
    (gone,) = [item for item in ingest(settings, docs).items if item.outcome == "removed"]
    assert gone.uri == "docs/caf\\xe9.txt"
    report = ingest(settings, *(Path(os.fsdecode(bytes(docs) + b"/" + name)) for name in ODD[5:9]))
    assert report.counts()["unchanged"] == 4


@given(st.sets(st.binary(min_size=1, max_size=6).filter(lambda b: not {0, 47} & {*b}), min_size=2))
def test_different_names_are_stored_differently(names: set[bytes]) -> None:
    """And each can be stored as UTF-8; one that is UTF-8 and looks like no escape is as it was."""
    kept = {stored_name(os.fsdecode(name)) for name in names}
    assert len(kept) == len(names)
    for name in kept:
        name.encode()


@given(st.lists(st.sampled_from(["\\", "x", "e9", "5c", "\udce9", "é", "a"]), max_size=6))
def test_escapes_that_stand_in_names_are_escaped(parts: list[str]) -> None:
    """Undoing the escapes gives the bytes of the name."""
    name = "".join(parts)
    stored = stored_name(name)
    undone = bytearray()
    place = 0
    while place < len(stored):
        if escape := re.match(r"\\x([89a-f][0-9a-f]|5c)", stored[place:]):
            undone.append(int(escape[1], 16))
            place += 4
        else:
            undone += stored[place].encode()
            place += 1
    assert bytes(undone) == os.fsencode(name)


@given(st.text())
def test_what_is_shown_commands_no_terminal(text: str) -> None:
    """No control, no mark of direction, no line end; anything else is left."""
    line = shown(text)
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in line)
    if text.isprintable():
        assert line == text


def test_reports_show_odd_names_in_one_line(tmp_path: Path) -> None:
    """Lines of a report, of --verbose and of mistakes; JSON has the name itself."""
    item = Item("docs/a\n\x1b[2Jb.txt", "failed", "empty", "docs/a\n\x1b[2Jb.txt has no text")
    lines = [*text_lines(Report("default", (item,)))]
    assert "  docs/a\\n\\x1b[2Jb.txt (empty)" in lines
    stream = io.StringIO()
    with_lines(stream, silent)(Advanced(items=(item,)))
    assert stream.getvalue() == "failed docs/a\\n\\x1b[2Jb.txt\n"
    assert item.as_json()["uri"] == item.uri
    with pytest.raises(UsageError) as error:
        find_targets([str(tmp_path / "no\n\x1b[2J")], None, {})
    assert "no\\n\\x1b[2J does not exist" in error.value.message


def test_a_report_on_a_folder_with_an_odd_name_can_be_written(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes that are no UTF-8 reach neither standard output nor JSON."""
    empty = tmp_path / os.fsdecode(b"empt\xe9")
    empty.mkdir()
    for manner in (Manner(), Manner(as_json=True)):
        assert run(Order((str(empty),)), settings, manner) == 1
        assert "nothing to ingest was found in" in capsys.readouterr().out.encode().decode()


@contextmanager
def within(folder: Path) -> Iterator[None]:
    """Work in a folder: a socket's path may have 108 bytes."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def test_what_is_no_file_is_left_out_and_links_are_followed_as_documented(
    tmp_path: Path, settings: Settings
) -> None:
    """Pipes, sockets, devices, circles and dead links are no inputs; a link out is counted."""
    docs = tmp_path / "docs"
    (docs / "sub").mkdir(parents=True)
    (docs / "a.txt").write_text("Ice is cold.\n")
    (tmp_path / "far.txt").write_text("Far away.\n")
    os.mkfifo(docs / "pipe.txt")
    (docs / "to_pipe.txt").symlink_to("pipe.txt")
    (docs / "one.txt").symlink_to("two.txt")
    (docs / "two.txt").symlink_to("one.txt")
    (docs / "through.txt").symlink_to("a.txt/x")
    (docs / "up").symlink_to("..")
    (docs / "sub/again").symlink_to(docs)
    (docs / "sub/b.txt").symlink_to("../a.txt")
    (docs / "out.txt").symlink_to(tmp_path / "far.txt")
    (docs / "dead.txt").symlink_to("absent")
    with within(docs), socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.txt")
        if os.geteuid() == 0:
            os.mknod("zero.txt", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
        report = ingest(settings, docs)
    assert {item.uri: item.outcome for item in report.items} == {
        "docs/a.txt": "added",
        "docs/sub/b.txt": "added",
    }
    (note,) = report.notes
    assert note.code == "links"
    assert note.message.endswith("were not followed: 2; ingest what they lead to by its own path")


def test_a_path_that_is_no_file_is_refused_without_opening_it(tmp_path: Path) -> None:
    """Each is named with what it is; nothing waits for what a pipe may never give."""
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "dead").symlink_to("nowhere")
    no_file = "is not a file or folder but a pipe, a socket or a device"
    said = {
        "pipe": no_file,
        "socket": no_file,
        "/dev/zero": no_file,
        "circle": "is a link that leads in a circle",
        "dead": "leads nowhere",
        "x/" * 2500: "cannot be looked at (File name too long)",
        "file/x": "cannot be looked at (Not a directory)",
    }
    with within(tmp_path), socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
        for path, words in said.items():
            with pytest.raises(UsageError) as error:
                find_targets([path], None, {})
            assert words in error.value.message
    program = [sys.executable, "-m", "afterword", "ingest", str(tmp_path / "pipe")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        program, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert no_file in ended.stderr


def test_a_path_that_begins_with_a_dash_is_ingested_after_two(
    tmp_path: Path, settings: Settings
) -> None:
    """As with any command: `afterword ingest -- -rf.txt`."""
    (tmp_path / "-rf.txt").write_text("No option.\n")
    program = [sys.executable, "-m", "afterword", "ingest", "--dry-run", "--json", "--", "-rf.txt"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "AFTERWORD_DATA": str(settings.data)}
    ended = subprocess.run(
        program, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (item,) = json.loads(ended.stdout)["items"]
    assert item["uri"] == f"{tmp_path.name}/-rf.txt"


def test_a_path_too_long_for_the_system_is_told_and_the_run_goes_on(
    tmp_path: Path, settings: Settings
) -> None:
    """A file below 20 folders of 250 letters can be named by no path; what is above it is read."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "z.txt").write_text("Ice is cold.\n")
    name, levels = "n" * 250, 20
    with within(docs):
        for _ in range(levels):
            Path(name).mkdir()
            os.chdir(name)
        Path("deep.txt").write_text("Deep.\n")
        report = ingest(settings, docs)
        Path("deep.txt").unlink()
        for _ in range(levels):
            os.chdir("..")
            Path(name).rmdir()
    failed, added = report.items
    assert (added.uri, added.outcome) == ("docs/z.txt", "added")
    assert (failed.outcome, failed.code) == ("failed", "unreadable")
    assert "File name too long" in (failed.message or "")
