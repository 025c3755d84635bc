"""`afterword ingest --watch`: the real command, with files that come, change and go meanwhile."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

import ingest_again
from indexes.collection import open_collection
from indexes.settings import load_settings
from ingest import pipeline
from ingest.changes import Changes, _kind, _shared_under, _unescaped
from ingest.ignore import IGNORE_FILE
from ingest.plan import Given
from ingest.progress import silent
from ingest.sources import Selection
from ingest.uploads import Upload

ROOT = Path(__file__).parent.parent
PATIENCE = 90.0


# The command with the small encoder of the tests, and with Ctrl-C as in a terminal: a shell starts
# what it runs in the background with that signal ignored.
COMMAND = """
import signal, afterword, ingest_again
from ingest import pipeline
signal.signal(signal.SIGINT, signal.default_int_handler)
loaded = ingest_again.encoder()
pipeline.load_encoder = lambda *_, **__: loaded
afterword.main()
"""


@dataclass
class Watcher:
    """The command at work; `lines` come from its standard output ("out") and error ("err")."""

    process: subprocess.Popen[str]
    lines: dict[str, "queue.Queue[str]"] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, stream in (("out", self.process.stdout), ("err", self.process.stderr)):
            assert stream is not None
            self.lines[name] = queue.Queue()
            threading.Thread(target=self._read, args=(name, stream), daemon=True).start()

    def _read(self, name: str, stream: IO[str]) -> None:
        for line in stream:
            self.lines[name].put(line.rstrip("\n"))

    def line(self, name: str, wanted: Callable[[str], bool] = bool) -> str:
        """Wait for a line that is wanted."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines[name].get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no such line came; these did: {self.seen}")
            self.seen.append(f"{name}: {line}")
            if wanted(line):
                return line

    def said(self, words: str) -> str:
        """Wait for a line on standard error that has these words."""
        return self.line("err", lambda line: words in line)

    def outcomes(self, *wanted: tuple[str, str]) -> dict[str, str]:
        """Wait until these (uri, outcome) were reported, in however many runs; return all."""
        found = dict[str, str]()
        while not all(found.get(uri) == outcome for uri, outcome in wanted):
            report = json.loads(self.line("out"))
            assert all(item["outcome"] != "unchanged" for item in report["items"])
            found |= {item["uri"]: item["outcome"] for item in report["items"]}
        return found

    def ended(self, number: int) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def watching(home: Path, *options: str | Path) -> Iterator[Watcher]:
    """Start the command with the data folder in `home`; it is killed at the end."""
    settings = {
        "AFTERWORD_DATA": str(home / "data"),
        "AFTERWORD_READER_PROCESSES": "1",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    }
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, "ingest", "--watch", *map(str, options)],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Watcher(process)
        finally:
            process.kill()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with two documents, quiet for long."""
    folder = tmp_path / "docs"
    folder.mkdir()
    quiet(folder / "a.md", "Ice is cold.\n")
    quiet(folder / "b.md", "Fire is hot.\n")
    return folder


def quiet(path: Path, text: str) -> None:
    """Put a file in place in one move, as if it had been written long ago."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    long_ago = time.time_ns() - 10**15
    os.utime(beside, ns=(long_ago, long_ago))
    beside.rename(path)


def stored(home: Path) -> dict[str, str]:
    """Return the stored texts by uri."""
    opened = open_collection(home / "data", "default")
    try:
        with opened.read() as reading:
            return {d.uri: reading.text(d.document_id) for d in reading.documents(1000)}
    finally:
        opened.close()


@pytest.mark.slow
def test_what_comes_changes_and_goes_is_followed(docs: Path, tmp_path: Path) -> None:
    """New, written, renamed and removed files and folders; one object a run, what changed alone."""
    with watching(tmp_path, "--json", docs) as watcher:
        watcher.outcomes(("docs/a.md", "added"), ("docs/b.md", "added"))
        assert "watching 1 folder" in watcher.said("watching")
        (docs / "c.md").write_text("Snow is white.\n")
        watcher.outcomes(("docs/c.md", "added"))
        with (docs / "a.md").open("a") as file:
            file.write("And hard.\n")
        assert watcher.outcomes(("docs/a.md", "updated")) == {"docs/a.md": "updated"}
        (docs / "deep/er").mkdir(parents=True)
        (docs / "deep/er/d.md").write_text("Rain is wet.\n")
        watcher.outcomes(("docs/deep/er/d.md", "added"))
        (docs / "deep/er/e.md").write_text("Fog is grey.\n")  # its folder came while it watched
        watcher.outcomes(("docs/deep/er/e.md", "added"))
        (docs / "deep").rename(docs / "high")
        watcher.outcomes(("docs/high/er/d.md", "added"), ("docs/deep/er/d.md", "removed"))
        (docs / "b.md").unlink()
        watcher.outcomes(("docs/b.md", "removed"))
        assert watcher.ended(signal.SIGTERM) == 0
        assert "what was stored is kept" in watcher.said("stopped")
    assert stored(tmp_path) == {
        "docs/a.md": "Ice is cold.\nAnd hard.\n",
        "docs/c.md": "Snow is white.\n",
        "docs/high/er/d.md": "Rain is wet.\n",
        "docs/high/er/e.md": "Fog is grey.\n",
    }


def test_it_looks_for_changes_where_the_system_tells_none(docs: Path, tmp_path: Path) -> None:
    """With --poll a change is found by looking; Ctrl-C ends it with 130."""
    with watching(tmp_path, "--json", "--poll", "1", docs) as watcher:
        watcher.outcomes(("docs/a.md", "added"))
        watcher.said("looking for changes every 1 s (as was asked for)")
        quiet(docs / "c.md", "Snow is white.\n")
        watcher.outcomes(("docs/c.md", "added"))
        assert watcher.ended(signal.SIGINT) == 130
        watcher.said("rerun to resume")


def test_a_file_that_is_being_written_is_left_until_it_is_quiet(docs: Path, tmp_path: Path) -> None:
    """It is stored once, whole; other files need not wait for it."""
    with watching(tmp_path, "--json", docs) as watcher:
        watcher.outcomes(("docs/a.md", "added"))
        watcher.said("watching")
        stop = threading.Event()

        def write() -> None:
            with (docs / "log.txt").open("w") as file:
                while not stop.wait(0.2):
                    file.write("A line of the log.\n")
                    file.flush()
                file.write("The end.\n")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            quiet(docs / "c.md", "Snow is white.\n")
            assert watcher.outcomes(("docs/c.md", "added")) == {"docs/c.md": "added"}
        finally:
            stop.set()
            writer.join()
        watcher.outcomes(("docs/log.txt", "added"))
    assert stored(tmp_path)["docs/log.txt"] == (docs / "log.txt").read_text()


def test_nothing_is_removed_where_a_run_would_ask_and_a_folder_that_went_is_waited_for(
    tmp_path: Path, docs: Path
) -> None:
    """Removals are held and told once; what is unmounted or renamed keeps its documents."""
    for number in range(6):
        quiet(docs / f"n{number}.md", f"Number {number}.\n")
    other = tmp_path / "other"
    other.mkdir()
    quiet(other / "x.md", "Another folder.\n")
    with watching(tmp_path, "--json", docs, other) as watcher:
        watcher.outcomes(("docs/n5.md", "added"))
        watcher.said("watching")
        docs.rename(tmp_path / "away")
        watcher.said("docs: not there any more; its documents are kept")
        quiet(other / "y.md", "It goes on.\n")
        watcher.outcomes(("other/y.md", "added"))
        (tmp_path / "away").rename(docs)
        for path in docs.glob("n*.md"):
            path.unlink()
        report = json.loads(watcher.line("out", lambda line: "mass_removal" in line))
        assert [note["held"] for note in report["notes"]] == [6]
        quiet(docs / "z.md", "Zebras.\n")
        watcher.outcomes(("docs/z.md", "added"))
    assert len(stored(tmp_path)) == 11


@pytest.mark.slow
def test_a_busy_collection_is_waited_for(docs: Path, tmp_path: Path) -> None:
    """Another run holds the lock: that is told, and tried again."""
    with watching(tmp_path, docs) as watcher:
        watcher.said("watching")
        opened = open_collection(tmp_path / "data", "default")
        with opened.run_lock():
            quiet(docs / "c.md", "Snow is white.\n")
            assert "trying again in 2 s" in watcher.said("is working on collection default")
            watcher.said("trying again in 4 s")
        opened.close()
        watcher.line("out", lambda line: line.split() == ["added", "1"])


def test_uploads_are_stored_meanwhile(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watched folder and a service's uploads share a collection; neither removes the other's."""
    loaded = ingest_again.encoder()
    monkeypatch.setattr(pipeline, "load_encoder", lambda *_, **__: loaded)
    given = {"AFTERWORD_DATA": str(tmp_path / "data"), "AFTERWORD_READER_PROCESSES": "1"}
    settings = load_settings(given)
    payload = tmp_path / "payload"
    payload.write_text("Rain is wet.\n")
    with (
        watching(tmp_path, "--json", docs) as watcher,
        pipeline.reader_pool(settings) as pool,
    ):
        watcher.outcomes(("docs/a.md", "added"))
        watcher.said("watching")
        for number in range(5):
            upload = Upload("default", f"u{number}.txt", payload, 13, Given())
            quiet(docs / f"c{number}.md", f"Snow is white, {number}.\n")
            assert pipeline.ingest_upload(upload, settings, silent, pool).stopped is None
        found = watcher.outcomes(*((f"docs/c{number}.md", "added") for number in range(5)))
        assert set(found.values()) == {"added"}
    uploads = {f"upload:u{number}.txt" for number in range(5)}
    assert uploads < set(stored(tmp_path))
    assert len(stored(tmp_path)) == 12


def test_what_fails_is_told_once_and_read_again_when_it_changes(docs: Path, tmp_path: Path) -> None:
    """A file that cannot be read does not cost its time at each change of another."""
    bad = docs / "bad.pdf"
    quiet(bad, "no PDF at all")
    with watching(tmp_path, "--json", docs) as watcher:
        assert watcher.outcomes(("docs/a.md", "added"))["docs/bad.pdf"] == "failed"
        watcher.said("watching")
        inode = bad.stat().st_atime_ns
        quiet(docs / "c.md", "Snow is white.\n")
        found = watcher.outcomes(("docs/c.md", "added"))
        assert found == {"docs/c.md": "added", "docs/bad.pdf": "failed"}
        assert bad.stat().st_atime_ns == inode
        bad.rename(docs / "good.txt")
        assert watcher.outcomes(("docs/good.txt", "added")) == {"docs/good.txt": "added"}


def test_single_files_links_and_ignore_files(tmp_path: Path, docs: Path) -> None:
    """One file that an editor replaces, a link set to another folder, a new ignore file."""
    note = tmp_path / "notes" / "note.md"
    note.parent.mkdir()
    quiet(note, "The first version.\n")
    releases = [tmp_path / "releases" / name for name in ("one", "two")]
    for folder in releases:
        folder.mkdir(parents=True)
        quiet(folder / "r.md", f"Release {folder.name}.\n")
    current = tmp_path / "current"
    current.symlink_to(releases[0])
    with watching(tmp_path, "--json", docs, note, current) as watcher:
        watcher.outcomes(("notes/note.md", "added"), ("current/r.md", "added"))
        watcher.said("watching")
        quiet(note, "The second version.\n")
        watcher.outcomes(("notes/note.md", "updated"))
        (tmp_path / "next").symlink_to(releases[1])
        (tmp_path / "next").rename(current)
        watcher.outcomes(("current/r.md", "updated"))
        (docs / IGNORE_FILE).write_text("b.*\n")
        watcher.outcomes(("docs/b.md", "removed"))
    assert set(stored(tmp_path)) == {"docs/a.md", "notes/note.md", "current/r.md"}
    assert stored(tmp_path)["current/r.md"] == "Release two.\n"


def test_names_that_are_no_utf8_are_watched_too(docs: Path, tmp_path: Path) -> None:
    """The library cannot tell such names; that something changed is enough."""
    with watching(tmp_path, "--json", docs) as watcher:
        watcher.outcomes(("docs/a.md", "added"))
        watcher.said("watching")
        quiet(docs / os.fsdecode(b"caf\xe9.md"), "Coffee.\n")
        watcher.outcomes(("docs/caf\\xe9.md", "added"))
        (docs / os.fsdecode(b"fold\xe9r")).mkdir()
        watcher.said("looking for changes every 10 s (a folder's name is no UTF-8)")


@pytest.mark.parametrize(
    "options", [["--watch", "--dry-run", "docs"], ["--poll", "5", "docs"], ["--watch", "absent"]]
)
def test_wrong_use_ends_at_once(docs: Path, options: list[str]) -> None:
    """A path that is not there at the start is a mistake, not something to wait for."""
    program = [sys.executable, "-m", "afterword", "ingest", *options]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        program, cwd=docs.parent, env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert not (docs.parent / "afterword-data").exists()


# --- what tells changes --------------------------------------------------------------------------


def told(changes: Changes, seconds: float = 20.0) -> bool:
    """Tell whether waiting ended before its time."""
    started = time.monotonic()
    changes.wait(seconds)
    return time.monotonic() - started < seconds


@pytest.mark.parametrize("poll", [None, 1.0])
def test_changes_are_those_of_what_is_ingested(
    docs: Path, tmp_path: Path, poll: float | None
) -> None:
    """Hidden folders, ignored ones, the data folder and what links lead to do not count."""
    for name in (".git", "left", "data", "seen"):
        (docs / name).mkdir()
    (docs / IGNORE_FILE).write_text("left/\n")
    (tmp_path / "far").mkdir()
    (docs / "link").symlink_to(tmp_path / "far")
    changes = Changes([docs], Selection(), docs / "data", poll)
    changes.begin()
    assert (changes.watched.folders, bool(changes.watched.why)) == ((2, False), (0, True))[
        poll == 1
    ]
    for folder in (docs / ".git", docs / "left", docs / "data", tmp_path / "far"):
        (folder / "x.md").write_text("x")
    (docs / "a.md").read_text()
    assert not told(changes, 2.5)
    (docs / "seen/x.md").write_text("x")
    assert told(changes)
    changes.begin()
    shutil.rmtree(docs)
    assert told(changes)
    changes.begin()
    docs.mkdir()
    assert told(changes)


def test_file_systems_that_tell_no_changes_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest mount decides, and one further down counts too; names are unescaped."""
    here = tmp_path.resolve()
    (here / "share with space/in").mkdir(parents=True)
    (here / "local").mkdir()
    mounts = [
        "22 1 8:1 / / rw - ext4 /dev/sda rw",
        f"30 22 0:4 / {here}/share\\040with\\040space rw,noatime shared:5 - nfs4 host:/x rw",
        f"31 22 0:5 / {here}/local rw - cifs //host/x rw",
        f"32 22 0:6 / {here}/local rw - ext4 /dev/sdb rw",
    ]
    listed = tmp_path / "mountinfo"
    listed.write_text("\n".join(mounts) + "\n")
    monkeypatch.setattr("ingest.changes._MOUNTS", listed)
    assert list(_shared_under([here / "share with space/in"])) == ["nfs4"]
    assert list(_shared_under([here / "local"])) == []
    assert list(_shared_under([here])) == ["nfs4", "cifs"]
    assert _unescaped("a\\040b") == "a b"
    assert _kind("1 2 0:1 / / rw - fuse.sshfs x rw") == "fuse.sshfs"


def test_too_many_folders_for_the_system_are_looked_at(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where watching is refused, looking takes its place, and says why."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("ingest.changes.RustNotify", refuse)
    changes = Changes([docs], Selection(), tmp_path / "data", None)
    changes.begin()
    assert (changes.watched.seconds, changes.watched.why) == (10.0, "OS file watch limit reached")
