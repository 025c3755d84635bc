"""`afterword ingest` and `afterword documents`: options, output, exit statuses."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import afterword
from bundled_documents import stored
from indexes import collection
from indexes.collection import open_collection
from indexes.documents import UPLOADS
from indexes.errors import UsageError
from ingest.command import parse_date, parse_metadata

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command in this process, with a data folder and a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFTERWORD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("AFTERWORD_READER_PROCESSES", "1")

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["afterword", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            afterword.main()
        shown = capsys.readouterr()
        status = end.value.code
        assert isinstance(status, int | None)
        return Ended(status or 0, shown.out, shown.err)

    return run


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with a document in each of three formats."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Swans\n\nSwans are white.\n")
    (folder / "b.txt").write_text("Ravens are black.\n")
    (folder / "r.jsonl").write_text('{"id": "owl", "title": "Owls", "text": "Owls hoot."}\n')
    return folder


def test_json_is_one_object_on_standard_output(command: Command, docs: Path) -> None:
    """The object has the contract's names, the collection's name among them."""
    ended = command("ingest", "--json", docs)
    found = json.loads(ended.out)
    assert ended.status == 0
    assert (found["collection"], found["added"], found["chunks"]) == ("default", 3, 3)
    assert found["seconds"] > 0
    assert [item["uri"] for item in found["items"]] == [
        "docs/a.md",
        "docs/b.txt",
        "docs/r.jsonl#owl",
    ]
    assert found["items"][2]["document_id"] == "owl"
    assert ended.err == ""
    again = json.loads(command("ingest", "--json", docs).out)
    assert (again["unchanged"], again["added"], again["chunks"]) == (3, 0, 0)


def test_people_read_counts_and_reasons(command: Command, docs: Path) -> None:
    """Failures are told with their reason; the exit status is 1."""
    (docs / "empty.txt").touch()
    ended = command("ingest", docs)
    assert ended.status == 1
    assert "added" in ended.out
    assert "docs/empty.txt (empty)" in ended.out


def test_verbose_names_each_document(command: Command, docs: Path) -> None:
    """A line for each document goes to standard error."""
    ended = command("ingest", "-v", docs)
    told = {line for line in ended.err.splitlines() if line.startswith("added")}
    assert told == {"added docs/a.md", "added docs/b.txt", "added docs/r.jsonl#owl"}


def test_options_reach_the_documents(command: Command, docs: Path) -> None:
    """Source, selection, metadata and date are applied."""
    options = ["--source", "birds", "--include", "*.md", "--include", "*.txt", "--exclude", "b.*"]
    facts = ["--metadata", "team=north", "--metadata", "year=2026", "--as-of", "2026-02-03"]
    ended = command("ingest", "--json", docs, *options, *facts, "--collection", "fresh")
    (item,) = json.loads(ended.out)["items"]
    assert item["uri"] == "birds/a.md"
    shown = json.loads(
        command("documents", "show", "--json", "birds/a.md", "--collection", "fresh").out
    )
    assert shown["document_id"] == item["document_id"]
    assert shown["metadata"]["team"] == "north"
    assert shown["metadata"]["year"] == 2026
    assert (shown["as_of"], shown["as_of_source"]) == ("2026-02-03", "given")


def test_a_dry_run_says_so(command: Command, docs: Path, tmp_path: Path) -> None:
    """Nothing is written; machines are told too."""
    assert "Dry run" in command("ingest", "--dry-run", docs).out
    assert json.loads(command("ingest", "--dry-run", "--json", docs).out)["dry_run"] is True
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ingest"], "say what to ingest"),
        (["ingest", "absent"], "absent does not exist"),
        (["ingest", "docs", "--as-of", "2026-13-01"], "YYYY-MM-DD"),
        (["ingest", "docs", "--metadata", "team"], "KEY=VALUE"),
        (["ingest", "docs", "--source", "a/b"], "--source"),
        (["ingest", "docs", "--collection", "../x"], "collection name"),
        (["ingest", "docs", "--no-such-option"], "no-such-option"),
    ],
)
def test_wrong_use(command: Command, docs: Path, arguments: list[str], told: str) -> None:
    """Wrong use exits with 2, says what is wrong, and makes nothing."""
    ended = command(*arguments)
    assert ended.status == 2
    assert told in ended.err
    assert ended.out == ""
    assert not (docs.parent / "data").exists()


def test_a_run_that_cannot_start_exits_with_3(command: Command, docs: Path) -> None:
    """Another run at work is told in one line."""
    command("ingest", docs)
    held = open_collection(docs.parent / "data", "default")
    with held.run_lock():
        ended = command("ingest", docs)
    held.close()
    assert ended.status == 3
    assert ended.err.count("\n") == 1
    assert "is working on collection" in ended.err
    assert command("documents", "list", "--collection", "absent").status == 3


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_nobody_foresaw_is_one_line(
    command: Command, docs: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """The place in the program is told at level debug alone; the status is 3 in any case."""
    command("ingest", docs)

    def break_down(*_: object) -> None:
        raise RuntimeError("of two\n  lines")

    monkeypatch.setattr(collection, "open_collection", break_down)
    monkeypatch.setenv("AFTERWORD_LOG_LEVEL", level)
    ended = command("documents", "list", "--json")
    assert (ended.status, ended.out) == (3, "")
    assert ("Traceback" in ended.err, "break_down" in ended.err) == (level == "debug",) * 2
    if level == "info":
        assert ended.err.startswith("afterword: internal error: RuntimeError: of two lines; run")
        assert ended.err.count("\n") == 1


def test_documents_are_listed_in_pages(command: Command, docs: Path) -> None:
    """Following `next` gives each document once."""
    assert command("ingest", docs).status == 0
    after: list[str] = []
    found: list[str] = []
    for _ in range(2):
        page = json.loads(command("documents", "list", "--json", "--limit", "2", *after).out)
        found += [item["uri"] for item in page["items"]]
        after = ["--after", str(page["next"])]
    assert page["next"] is None
    assert sorted(found) == ["docs/a.md", "docs/b.txt", "docs/r.jsonl#owl"]
    assert "docs/b.txt" in command("documents", "list").out


def test_a_document_is_shown_by_id_and_by_uri(command: Command, docs: Path) -> None:
    """Its text is the file's."""
    command("ingest", docs)
    assert command("documents", "show", "--text", "docs/b.txt").out == "Ravens are black.\n"
    for name in ("owl", "docs/r.jsonl#owl"):
        assert command("documents", "show", "--text", name).out == "Owls hoot."
    assert "Owls" in command("documents", "show", "owl").out
    ended = command("documents", "show", "docs/c.txt")
    assert ended.status == 3
    assert "documents list" in ended.err


def test_an_upload_with_an_id_of_its_own_is_found_by_its_uri(
    command: Command, docs: Path, tmp_path: Path
) -> None:
    """Neither the uri of an upload nor that of a record says the document's id."""
    command("ingest", docs)
    with open_collection(tmp_path / "data", "default").write() as writer:
        facts = {"title": "Cranes", "source": UPLOADS}
        for key, uri in (("crane", "upload:b.pdf"), ("docs", "upload:b.pdf#docs")):
            made = stored(key, [f"The text of {key}."], uri=uri, **facts)
            writer.put([made])
    for uri, key in (
        ("upload:b.pdf", "crane"),
        ("upload:b.pdf#docs", "docs"),
        ("docs/r.jsonl#owl", "owl"),
    ):
        shown = json.loads(command("documents", "show", "--json", uri).out)
        assert (shown["document_id"], shown["uri"]) == (key, uri)
    assert command("documents", "show", "docs/r.jsonl").status == 3
    assert command("documents", "delete", "upload:b.pdf").status == 0
    assert command("documents", "show", "crane").status == 3
    assert command("documents", "show", "docs").status == 0


def test_a_deleted_document_is_gone(command: Command, docs: Path) -> None:
    """All or none: an unknown id deletes nothing."""
    command("ingest", docs)
    assert command("documents", "delete", "owl", "absent").status == 3
    assert command("documents", "show", "owl").status == 0
    ended = command("documents", "delete", "owl", "docs/b.txt")
    assert ended.status == 0
    assert "brings it back" in ended.out
    left = json.loads(command("documents", "list", "--json").out)["items"]
    assert [item["uri"] for item in left] == ["docs/a.md"]


def test_partial_counts_as_failed_only_if_strict(command: Command, tmp_path: Path) -> None:
    """A scanned page among others is named, and --strict makes it the exit status."""
    pdf = FPDF()
    pdf.set_font("Helvetica")
    for text in ("Swans are white, and this page has a text layer.", ""):
        pdf.add_page()
        if text:
            pdf.cell(text=text)
        else:
            pdf.image(Image.effect_noise((400, 400), 90), w=150)
    (tmp_path / "docs").mkdir()
    pdf.output(str(tmp_path / "docs/scan.pdf"))
    ended = command("ingest", "--json", "docs")
    (item,) = json.loads(ended.out)["items"]
    assert (item["outcome"], item["code"], item["pages"]) == ("partial", "no_text_layer", [2])
    assert item["findings"][0]["code"] == "no_text_layer"
    assert ended.status == 0
    (tmp_path / "docs/scan.pdf").rename(tmp_path / "docs/scan2.pdf")
    assert command("ingest", "--strict", "docs").status == 1
    again = command("ingest", "--strict", "docs")
    assert again.status == 1
    assert (
        "Unchanged, and partial as before:\n  docs/scan2.pdf (no_text_layer, page 2)" in again.out
    )
    lax = command("ingest", "docs")
    assert lax.status == 0
    assert "Of the unchanged documents 1 are partial; --strict names them." in lax.out
    (item,) = json.loads(command("ingest", "--json", "docs").out)["items"]
    assert (item["outcome"], item["code"], item["pages"]) == ("unchanged", "no_text_layer", [2])
    assert command("ingest", "--strict", "--metadata", "a=1", "docs").status == 1


def test_a_csv_file_with_an_open_quote_is_partial(command: Command, tmp_path: Path) -> None:
    """The command names file and line."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.csv").write_text('id,name\n1,"unclosed\n')
    ended = command("ingest", "--strict", "docs")
    assert ended.status == 1
    assert "docs/a.csv (damaged)" in ended.out
    assert "line 2" in ended.out


def test_where_nothing_was_stored_it_says_that_there_is_no_collection(
    command: Command, tmp_path: Path
) -> None:
    """The command that comes next would else be a riddle; it names the whole folder."""
    (tmp_path / "docs").mkdir()
    ended = command("ingest", "--collection", "new", "docs")
    assert f"there is no collection 'new' in {tmp_path / 'data'} yet" in ended.out
    listed = command("documents", "list", "--collection", "new")
    assert (listed.status, listed.out) == (3, "")
    assert "there is no collection 'new'; make it with" in listed.err
    assert f"(looked in {tmp_path / 'data'})" in listed.err


def test_a_relative_data_folder_is_told_as_what_it_is(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is in another folder than yesterday sees where was looked."""
    monkeypatch.setenv("AFTERWORD_DATA", "afterword-data")
    told = command("documents", "list").err
    assert f"(looked in {tmp_path / 'afterword-data'})" in told


def test_a_snapshot_that_is_not_there_is_told_first(command: Command, docs: Path) -> None:
    """Before anything is said of a collection that would be given up for it."""
    command("ingest", docs)
    ended = command("restore", docs / "nofile")
    assert ended.status == 2
    assert f"there is no snapshot file {docs / 'nofile'}" in ended.err


def test_collections_are_listed_whatever_is_wrong_with_one(
    command: Command, docs: Path, tmp_path: Path
) -> None:
    """Each has a line; a damaged one says what to do, and hides no other."""
    assert "afterword ingest PATH" in command("collections").out
    command("ingest", docs)
    command("ingest", docs, "--collection", "broken")
    with sqlite3.connect(tmp_path / "data" / "broken" / "catalog.db") as connection:
        connection.execute("DELETE FROM encoders")
    told = command("collections")
    assert told.status == 0
    broken, default = told.out.splitlines()
    assert broken.startswith("broken: the catalog lacks its encoder")
    assert "afterword restore" in broken
    assert default == "default: 3 documents, 3 chunks, en"
    found = json.loads(command("collections", "--json").out)["items"]
    assert [(one["name"], one["documents"], bool(one["problem"])) for one in found] == [
        ("broken", 0, True),
        ("default", 3, False),
    ]
    asked = command("ingest", docs, "--collection", "broken")
    assert asked.status == 3
    assert "internal error" not in asked.err


def test_the_version_is_told() -> None:
    """That of the distribution, where there is one."""
    program = [sys.executable, "-m", "afterword", "--version"]
    shown = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("afterword")


def test_help_comes_at_once() -> None:
    """The command's module imports nothing heavy."""
    heavy = {"numpy", "openvino", "faiss", "tantivy", "pypdf", "torch", "fastapi", "rich.progress"}
    code = "import sys, afterword; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not heavy & set(shown.stdout.split())


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(docs: Path, tmp_path: Path) -> None:
    """Ctrl-C ends with 130 and one line; the same command then completes."""
    # Several groups are stored one after the other; the first one is told while others are to come.
    for n in range(2000):
        (docs / f"n{n}.txt").write_text(f"Fact number {n} is told here.\n")
    # A shell starts what it runs in the background with this signal ignored.
    start = "import signal, afterword; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program = [sys.executable, "-c", f"{start}afterword.main()", "ingest", str(docs), "--json"]
    environ = {**os.environ, "AFTERWORD_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    with (
        (tmp_path / "out").open("w") as out,
        subprocess.Popen(
            [*program, "-v"], env=environ, stdout=out, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr is not None
        first = next(line for line in process.stderr if line.startswith("added docs/"))
        process.send_signal(signal.SIGINT)
        lines = [first, *process.stderr]
    assert (tmp_path / "out").read_text() == ""
    assert process.returncode == 130
    assert "rerun to resume" in lines[-1]
    stored = sum(line.startswith("added ") for line in lines)
    ended = subprocess.run(program, env=environ, capture_output=True, text=True, check=True)
    counts = json.loads(ended.stdout)
    assert counts["unchanged"] >= stored
    assert counts["unchanged"] + counts["added"] == 2003


def test_a_pipe_gets_plain_lines_of_progress(docs: Path, tmp_path: Path) -> None:
    """Without a terminal there is no bar, and with --json there is nothing but the object."""
    environ = {**os.environ, "AFTERWORD_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-m", "afterword", "ingest", str(docs), "--json"]
    started = time.monotonic()
    ended = subprocess.run(program, env=environ, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert json.loads(ended.stdout)["seconds"] < time.monotonic() - started


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("north", "north"),
        ("2026", 2026),
        ("1.5", 1.5),
        ("true", True),
        ('"2026"', "2026"),
        ('["a", "b"]', ["a", "b"]),
        ("[1, 2]", [1, 2]),
        ("[1, 2.5]", [1, 2.5]),
        ('[1, "b"]', '[1, "b"]'),
        ("[]", "[]"),
        ("null", "null"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("[1, -1e999]", "[1, -1e999]"),
        ('{"a": 1}', '{"a": 1}'),
        ("", ""),
        ("a=b", "a=b"),
        ("007", "007"),
    ],
)
def test_metadata_values(text: str, value: object) -> None:
    """Numbers, truth values and lists are typed; all else is text as it stands."""
    assert parse_metadata([f"key={text}"]) == {"key": value}


@given(st.text().filter(lambda text: "=" not in text))
def test_metadata_without_a_value_is_refused(text: str) -> None:
    """Each wrong pair is named."""
    with pytest.raises(UsageError, match="KEY=VALUE"):
        parse_metadata(["a=b", text])


@given(st.dates())
def test_dates_are_taken_as_they_are(day: object) -> None:
    """Any ISO date is one; other forms of the same date are not."""
    assert parse_date(str(day)) == str(day)
    with pytest.raises(UsageError):
        parse_date(str(day).replace("-", ""))


def test_a_collection_keeps_the_language_that_it_was_made_with(
    command: Command, docs: Path, tmp_path: Path
) -> None:
    """Another one is refused with what to do, which does it; commands that show one say it."""
    assert command("ingest", "--language", "cjk", docs).status == 0
    refused = command("ingest", "--language", "en", docs)
    assert (refused.status, refused.out) == (2, "")
    assert "`afterword reindex --collection default --language en`" in refused.err
    done = command("reindex", "--collection", "default", "--language", "en")
    assert done.out == "collection default: 3 chunks by bundled, language en\n"
    assert command("ingest", "--language", "en", docs).status == 0
    command("snapshot", tmp_path / "copy.db")
    restored = command("restore", tmp_path / "copy.db", "--collection", "again")
    assert restored.out == "collection again: 3 documents, 3 chunks, language en\n"
    assert command("ingest", "--language", "de", docs).status == 2


def test_recognition_that_is_not_installed_ends_the_run_before_it_begins(
    command: Command, docs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message says what to install, and nothing was made."""
    monkeypatch.setattr("ingest.readers.ocr.PACKAGES", ("a_package_that_nobody_has",))
    for arguments in (("--ocr",), ("--ocr", "--dry-run")):
        ended = command("ingest", *arguments, docs)
        assert ended.status == 2
        assert "pip install '.[ocr]'" in ended.err
    assert not (tmp_path / "data").exists()


def test_a_password_file_that_cannot_be_read_ends_the_run_before_it_begins(
    command: Command, docs: Path, tmp_path: Path
) -> None:
    """It is a wrong use, told with the path, and nothing was made."""
    for arguments in ((), ("--dry-run",)):
        ended = command("ingest", "--password-file", tmp_path / "none", *arguments, docs)
        assert (ended.status, ended.out) == (2, "")
        assert f"the password file {tmp_path / 'none'} cannot be read" in ended.err
    assert not (tmp_path / "data").exists()
