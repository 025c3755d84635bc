"""`afterword doctor` and the data folder: each thing is broken for real, and is then found."""

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from indexes import jobs, soundness
from indexes.catalog import SplitterSettings
from indexes.collection import create_collection, open_collection
from indexes.documents import sha256_text
from indexes.encoder import PROBES
from indexes.lexical import damaged_files
from indexes.looking import look_at
from looked_at import files, levels, looked, subject_of
from service.doctor.catalogs import collections, leftovers
from service.doctor.children import Ended
from service.doctor.findings import Finding
from service.doctor.uploads import queue
from small_encoder import encode, small_encoder
from stored_documents import prepared

SOUND = {
    "default: catalog": "ok",
    "default: contents": "ok",
    "default: dense view": "ok",
    "default: lexical view": "ok",
    "default: encoder": "ok",
}
TRIED = {"encoder": Ended(0, json.dumps({"vectors": encode(PROBES).tolist()}), "")}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a collection of forty documents, its views on disk."""
    made = create_collection(
        tmp_path / "data", "default", small_encoder("bundled"), SplitterSettings(50)
    )
    with made.write() as writer:
        writer.put(
            [prepared(f"d{n}", [f"the {n} swifts", f"sleep on wing {n}"]) for n in range(40)]
        )
        writer.merge_views(force=True)
    made.close()
    return tmp_path / "data"


def found(data: Path, *, full: bool = False, collection: str | None = None) -> dict[str, Finding]:
    """Look at the collections."""
    return looked(collections, subject_of(data, trials=TRIED, full=full, collection=collection))


@contextmanager
def changing(data: Path) -> Iterator[sqlite3.Connection]:
    """Change the catalog behind the product's back."""
    with closing(sqlite3.connect(data / "default" / "catalog.db")) as connection:
        with connection:
            yield connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def flip(path: Path, at: int) -> None:
    """Turn the bits of one byte."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("full", [False, True])
def test_a_sound_collection(data: Path, *, full: bool) -> None:
    """All is well, the counts are right, and no file is touched."""
    before = files(data)
    seen = found(data, full=full)
    assert levels(seen) == SOUND
    facts = seen["default: contents"].facts
    assert (facts["documents"], facts["chunks"], facts["vectors"]) == (40, 80, 80)
    assert files(data) == before


def test_a_collection_that_is_being_written(data: Path) -> None:
    """Beside an open writer the last change is seen, the writer goes on, and no log is moved."""
    opened = open_collection(data, "default")
    with opened.write() as writer:
        writer.put([prepared("new", ["kingfishers dig"])])
        before = files(data)
        seen = found(data)
        assert files(data) == before
        assert seen["default: contents"].facts["documents"] == 41
        assert seen["default: dense view"].facts == {"state": "behind", "behind": 1, "chunks": 1}
        writer.put([prepared("newer", ["storks leave"])])
        assert found(data)["default: contents"].facts["documents"] == 42
    opened.close()


KILLED = """
import os, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from indexes.collection import open_collection
from stored_documents import prepared
with open_collection(Path(sys.argv[1]), "default").write() as writer:
    writer.put([prepared("last", ["the last words"])])
    os._exit(9)
"""


def test_what_a_killed_writer_left_is_read_and_left(data: Path) -> None:
    """The log that nobody has open counts, stays as it is, and the next writer takes it over."""
    here = Path(__file__).parent
    subprocess.run(
        [sys.executable, "-c", KILLED, str(data), str(here.parent), str(here)], check=False
    )
    assert (data / "default" / "catalog.db-wal").stat().st_size
    before = files(data)
    assert found(data)["default: contents"].facts["documents"] == 41
    assert files(data) == before
    opened = open_collection(data, "default")
    with opened.read() as reading:
        assert reading.count().documents == 41
    opened.close()


def test_a_log_that_lost_its_index_is_read(data: Path) -> None:
    """As in a copy by hand of a folder in use: what the log has counts."""
    here = Path(__file__).parent
    program = [sys.executable, "-c", KILLED, str(data), str(here.parent), str(here)]
    subprocess.run(program, check=False)
    (data / "default" / "catalog.db-shm").unlink()
    assert found(data)["default: contents"].facts["documents"] == 41


def test_a_change_meanwhile_is_looked_at_again(data: Path) -> None:
    """What was read as a file that stays as it is, and did not stay, is not told."""
    looks: list[int] = []

    def look(connection: sqlite3.Connection) -> int:
        (count,) = connection.execute("SELECT count(*) FROM documents").fetchone()
        looks.append(count)
        if len(looks) == 1:
            with changing(data) as other:
                other.execute("DELETE FROM documents WHERE document_id = 'd1'")
        return int(count)

    assert look_at(data / "default" / "catalog.db", look) == 39
    assert looks == [40, 39]


def cut(path: Path) -> None:
    """Take away the second half of the file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def garble(path: Path) -> None:
    """Put other bytes over pages in the middle."""
    content = bytearray(path.read_bytes())
    for page in range(4, 30):
        content[4096 * page : 4096 * page + 64] = b"\x7f" * 64
    path.write_bytes(content)


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (cut, "damaged"),
    "garbled": (garble, "damaged"),
    "no database": (lambda path: path.write_bytes(b"something else " * 999), "damaged"),
    "empty": (lambda path: path.write_bytes(b""), "not an Afterword catalog"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_damaged_catalog(data: Path, kind: str) -> None:
    """It is one problem that names the file or the fault, and the way to restore it."""
    shutil.copytree(data / "default", data / "other")
    act, told = BREAKS[kind]
    act(data / "default" / "catalog.db")
    seen = found(data)
    problem = seen["default: catalog"]
    assert problem.level == "problem"
    assert told in problem.message
    assert "afterword restore" in problem.do
    assert levels(seen)["other: catalog"] == "ok"


def test_a_catalog_of_a_later_version(data: Path) -> None:
    """The format is named, and the version that wrote it is to be used."""
    with changing(data) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    problem = found(data)["default: catalog"]
    assert problem.level == "problem"
    assert "format 99" in problem.message
    assert "version of Afterword that wrote it" in problem.do


@pytest.mark.parametrize("key", ["encoder", "splitter", "uuid"])
def test_a_catalog_that_lacks_a_fact(data: Path, key: str) -> None:
    """No such thing ends the look."""
    with changing(data) as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (key,))
    problem = found(data)["default: catalog"]
    assert (problem.level, key in problem.message) == ("problem", True)
    assert "afterword restore" in problem.do


def test_a_catalog_that_another_process_holds_alone(data: Path) -> None:
    """That is a warning, and nothing that must be restored."""
    with closing(sqlite3.connect(data / "default" / "catalog.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO changes (at, kind) VALUES ('now', 'held')")
        held = found(data)["default: catalog"]
    assert held.level == "warning"
    assert "held by another process" in held.message


def test_rows_that_belong_to_nothing(data: Path) -> None:
    """A chunk of no document is damage that SQLite's own check of pages does not see."""
    with changing(data) as connection:
        connection.execute("UPDATE chunks SET document = 999 WHERE id = 5")
    problem = found(data)["default: catalog"]
    assert problem.level == "problem"
    assert "a row of chunks belongs to no row of documents" in problem.message


def test_a_vector_that_is_gone(data: Path) -> None:
    """Its chunk cannot be found; the collection is to be encoded anew."""
    with changing(data) as connection:
        connection.execute("DELETE FROM vectors WHERE id = (SELECT vector FROM chunks LIMIT 1)")
    problem = found(data)["default: contents"]
    assert (problem.level, problem.facts["lacking"]) == ("problem", 1)
    assert problem.do == "afterword reindex --collection default"


@pytest.mark.parametrize(
    "vector", [b"", b"\x00" * 64, np.full(32, np.nan, np.float16).tobytes(), b"\x3c" * 62]
)
def test_a_vector_that_cannot_be_right(data: Path, vector: bytes) -> None:
    """In full, lengths and dimensions are looked at."""
    with changing(data) as connection:
        connection.execute(
            "UPDATE vectors SET vector = ? WHERE id = (SELECT vector FROM chunks LIMIT 1)",
            (vector,),
        )
    problem = found(data, full=True)["default: contents"]
    assert (problem.level, "1 vector cannot be right" in problem.message) == ("problem", True)


def test_a_text_that_is_not_what_was_read(data: Path) -> None:
    """In full, each text is compared with its sha256, and the document is named."""
    with changing(data) as connection:
        connection.execute(
            "UPDATE blocks SET text = replace(text, 'swifts', 'storks') WHERE document = 3"
        )
    assert levels(found(data)) == SOUND
    problem = found(data, full=True)["default: texts"]
    assert (problem.level, problem.facts["uris"]) == ("problem", ["source/d2"])
    assert "afterword restore" in problem.do


def test_texts_of_several_blocks_are_sound(tmp_path: Path) -> None:
    """A long text, in characters of several bytes, has the hash that was noted."""
    made = create_collection(tmp_path, "default", small_encoder("bundled"), SplitterSettings(50))
    text = "Größe 東京 🦉 " * 9_000
    with made.write() as writer:
        writer.put([prepared("long", [text], text_sha256=sha256_text(text))])
    made.close()
    assert found(tmp_path, full=True)["default: catalog"].level == "ok"
    assert "default: texts" not in found(tmp_path, full=True)


def lexical_file(data: Path, suffix: str) -> Path:
    """Return one file of the lexical view."""
    return next((data / "default" / "lexical").glob(f"*/*{suffix}"))


VIEWS: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "no dense file": (
        lambda data: (data / "default" / "dense.faiss").unlink(), "dense view", "missing", "note",
    ),
    "no stamp": (
        lambda data: (data / "default" / "dense.json").unlink(), "dense view", "missing", "note",
    ),
    "no lexical view": (
        lambda data: shutil.rmtree(data / "default" / "lexical"), "lexical view", "missing", "note",
    ),
    "dense file cut off": (
        lambda data: cut(data / "default" / "dense.faiss"), "dense view", "damaged", "warning",
    ),
    "dense file with a bit turned": (
        lambda data: flip(data / "default" / "dense.faiss", 500),
        "dense view", "damaged", "warning",
    ),
    "lexical file gone": (
        lambda data: lexical_file(data, ".term").unlink(), "lexical view", "damaged", "warning",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", VIEWS)
def test_views_that_are_built_anew_by_themselves(data: Path, kind: str) -> None:
    """It is told, the rest is sound, and after one forced merge all is well, as was said."""
    act, view, state, level = VIEWS[kind]
    act(data)
    seen = found(data)
    assert levels(seen) == {**SOUND, f"default: {view}": level}
    assert seen[f"default: {view}"].facts["state"] == state
    assert "nothing is lost" in seen[f"default: {view}"].message
    mend(data)
    assert levels(found(data, full=True)) == SOUND


def mend(data: Path) -> None:
    """Ask something, and merge the views, as ingestion does."""
    opened = open_collection(data, "default")
    with opened.read() as reading:
        assert reading.lexical("swifts", 3)
    with opened.write() as writer:
        writer.merge_views(force=True)
    opened.close()


def other_rows(data: Path) -> None:
    """Put the dense view of another collection under this one's stamp."""
    made = create_collection(data, "other", small_encoder("bundled"), SplitterSettings(50))
    with made.write() as writer:
        writer.put([prepared("x", ["something else"])])
        writer.merge_views(force=True)
    made.close()
    shutil.copy(data / "other" / "dense.faiss", data / "default" / "dense.faiss")
    shutil.rmtree(data / "other")


def lead(data: Path) -> None:
    """Let both stamps say more than the views hold."""
    with changing(data) as connection:
        connection.execute("DELETE FROM documents WHERE document_id = 'd7'")
        connection.execute("DELETE FROM blocks WHERE document NOT IN (SELECT row FROM documents)")
        connection.execute("DELETE FROM chunks WHERE document NOT IN (SELECT row FROM documents)")


@pytest.mark.parametrize(
    ("act", "views"),
    [(other_rows, ["dense"]), (lead, ["dense", "lexical"])],
    ids=["rows of another", "rows that are gone"],
)
def test_views_that_are_wrong(
    data: Path,
    act: Callable[[Path], object],
    views: list[str],
) -> None:
    """What opens and does not hold what the catalog says is a problem; the advice mends it."""
    act(data)
    seen = found(data)
    for view in views:
        problem = seen[f"default: {view} view"]
        assert (problem.level, problem.facts["state"]) == ("problem", "different")
        stamp = data / "default" / f"{view}.json"
        assert f"delete {stamp}:" in problem.do
        stamp.unlink()
    mend(data)
    assert levels(found(data, full=True)) == SOUND


@pytest.mark.parametrize("suffix", [".term", ".idx", ".fast", ".fieldnorm", ".store"])
@pytest.mark.parametrize("at", [0, -1, -30])
def test_a_lexical_file_that_changed_by_a_bit(data: Path, suffix: str, at: int) -> None:
    """The checksum at its end tells, in full; the advice mends it."""
    place = lexical_file(data, suffix)
    assert damaged_files(place.parent) == []
    flip(place, at)
    assert damaged_files(place.parent) == [place.name]
    told = found(data, full=True)["default: lexical view"]
    assert (told.level, told.facts["state"]) == ("warning", "damaged")
    (data / "default" / "lexical.json").unlink()
    mend(data)
    assert levels(found(data, full=True)) == SOUND


def test_a_lexical_view_that_this_user_cannot_lock(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is mounted read-only: that is no damage."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    told = found(data)["default: lexical view"]
    assert (told.level, told.facts["state"]) == ("problem", "refused")
    assert str(data / "default") in told.do


def test_updates_and_removals_since_the_merge_are_no_difference(data: Path) -> None:
    """A view that lags is sound as of its stamp."""
    opened = open_collection(data, "default")
    with opened.write() as writer:
        writer.put([prepared("d3", ["other words now"]), prepared("new", ["and more"])])
        writer.remove(["d39"])
        writer.put([prepared("brief", ["here"])])
        writer.remove(["brief"])
    opened.close()
    seen = found(data, full=True)
    assert levels(seen) == SOUND
    # two chunks of d3, two of d39, one of brief are gone; d3 and new have one each
    assert seen["default: dense view"].facts == {"state": "behind", "behind": 4, "chunks": 7}


def test_another_encoder(data: Path) -> None:
    """The vectors that the encoder gives now are compared with those that are stored."""
    other = {"encoder": Ended(0, json.dumps({"vectors": encode(PROBES[::-1]).tolist()}), "")}
    problem = looked(collections, subject_of(data, trials=other))["default: encoder"]
    assert problem.level == "problem"
    assert "gives other vectors than those stored" in problem.message
    assert "afterword reindex --collection default" in problem.do


def test_an_encoder_that_does_not_run(data: Path) -> None:
    """A crash of the trial is this collection's problem too."""
    crashed = {"encoder": Ended(-4, "", "")}
    problem = looked(collections, subject_of(data, trials=crashed))["default: encoder"]
    assert (problem.level, "SIGILL" in problem.message) == ("problem", True)


@pytest.mark.parametrize(
    ("offline", "level", "said"), [("1", "problem", "forbids"), ("0", "warning", "downloads it")]
)
def test_an_encoder_of_the_hub_that_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: str, level: str, said: str
) -> None:
    """Whether a start would download it or fail depends on HF_HUB_OFFLINE."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    create_collection(tmp_path / "data", "far", small_encoder("a/b"), SplitterSettings(50)).close()
    told = found(tmp_path / "data")["far: encoder"]
    assert told.level == level
    assert said in told.message
    assert str(tmp_path / "hub") in told.message
    assert "hf download a/b" in told.do
    assert "afterword reindex --collection far --encoder bundled" in told.do


@pytest.mark.parametrize("step", ["tally", "views", "faults"])
def test_a_look_that_takes_too_long_says_so(
    data: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What was not finished is a note with the way to finish it, and not called sound."""

    def late(*_: object, **__: object) -> list[str]:
        raise soundness.Unfinished

    monkeypatch.setattr(soundness, step, late)
    seen = found(data)
    assert seen["default: catalog"].level == "note"
    assert seen["default: catalog"].do == "afterword doctor --full --collection default"
    assert seen["default: encoder"].level == "ok"
    assert ("default: contents" in seen) == (step != "tally")


def test_a_large_dense_view_is_not_read_in_passing(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would fill the memory; in full it is."""
    monkeypatch.setattr(soundness, "_READ_BYTES", 100)
    assert found(data)["default: dense view"].facts["state"] == "unread"
    assert found(data, full=True)["default: dense view"].facts["state"] == "sound"


def test_statements_end_when_their_time_is_over() -> None:
    """The limit stops SQLite in the middle, and leaves the connection usable."""
    with closing(sqlite3.connect(":memory:")) as connection:
        endless = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        )
        with pytest.raises(soundness.Unfinished), soundness.within(connection, 0.05):
            connection.execute(endless).fetchone()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_one_collection_alone(data: Path) -> None:
    """Others are left out; one that is not there is a problem that names those there are."""
    shutil.copytree(data / "default", data / "other")
    assert {name.partition(":")[0] for name in found(data, collection="other")} == {"other"}
    problem = found(data, collection="missing")["missing"]
    assert problem.level == "problem"
    assert "there are: default, other" in problem.message
    assert "afterword ingest PATH --collection missing" in problem.do


def test_no_collection_yet(tmp_path: Path) -> None:
    """That is a note."""
    assert levels(found(tmp_path / "nothing")) == {"collections": "note"}
    assert looked(leftovers, subject_of(tmp_path / "nothing")) == {}


def test_what_deletions_and_restores_left(data: Path) -> None:
    """Half-deleted collections are a warning, a catalog in the making a note."""
    assert looked(leftovers, subject_of(data)) == {}
    shutil.copytree(data / "default", data / ".deleted-old-0123")
    (data / "default" / "catalog.abc.new").write_bytes(b"")
    (data / "gone").mkdir()
    shutil.copy(data / "default" / "dense.json", data / "gone")
    seen = looked(leftovers, subject_of(data))
    assert levels(seen) == {
        "deleted by half": "warning",
        "unfinished files": "note",
        "lost catalogs": "problem",
    }
    assert ".deleted-old-0123" in seen["deleted by half"].message
    assert seen["lost catalogs"].facts == {"folders": ["gone"]}


def test_a_source_whose_folder_is_gone(data: Path, tmp_path: Path) -> None:
    """It is told, with the folder."""
    opened = open_collection(data, "default")
    with opened.write() as writer:
        writer.set_source_root("reports", str(tmp_path / "was" / "here"))
        writer.set_source_root("there", str(tmp_path))
    opened.close()
    told = found(data)["default: sources"]
    assert (told.level, told.facts["sources"]) == ("note", [f"reports ({tmp_path}/was/here)"])


def test_erased_words_in_the_log(data: Path) -> None:
    """A log that may hold words of what was deleted is told."""
    with changing(data) as connection:
        connection.execute("INSERT INTO meta VALUES ('log_unscrubbed', '1')")
    assert found(data)["default: erased words"].level == "note"


# --- uploads -------------------------------------------------------------------------------------


def uploads(data: Path) -> dict[str, Finding]:
    """Look at the queue, which must not change a file."""
    before = files(data)
    seen = looked(queue, subject_of(data))
    assert files(data) == before
    return seen


def upload(data: Path, name: str) -> str:
    """Send a small upload."""
    return jobs.enqueue(data, payload=b"words", collection="default", filename=name)


def test_no_uploads(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    assert levels(uploads(tmp_path)) == {"queue": "ok"}
    assert list(tmp_path.iterdir()) == []


def test_uploads_wait_for_a_worker(tmp_path: Path) -> None:
    """Without a worker that is a warning that says how to start one; with one it is well."""
    upload(tmp_path, "a.txt")
    told = uploads(tmp_path)["queue"]
    assert (told.level, told.facts["queued"], told.facts["worker"]) == ("warning", 1, False)
    assert "afterword serve" in told.do
    with jobs.sole_worker(tmp_path):
        told = uploads(tmp_path)["queue"]
    assert (told.level, told.facts["worker"]) == ("ok", True)
    assert uploads(tmp_path)["queue"].facts["worker"] is False


def test_an_upload_that_waits_for_hours(tmp_path: Path) -> None:
    """A worker that lives and does not come to it is a warning."""
    job_id = upload(tmp_path, "a.txt")
    with closing(sqlite3.connect(tmp_path / ".jobs" / "jobs.db")) as connection, connection:
        connection.execute("UPDATE jobs SET created = created - 7200 WHERE job_id = ?", (job_id,))
    with jobs.sole_worker(tmp_path):
        told = uploads(tmp_path)["queue"]
    assert (told.level, "2.0 hours" in told.message) == ("warning", True)


def test_uploads_that_failed(tmp_path: Path) -> None:
    """The last one is told with its message; one that was deleted while it waited did not fail."""
    for name in ("a.pdf", "b.pdf"):
        upload(tmp_path, name)
        job = jobs.claim(tmp_path)
        assert job is not None
        jobs.finish(
            tmp_path, job.job_id, "failed", [{"outcome": "failed", "message": f"{name}: no"}]
        )
    upload(tmp_path, "c.pdf")
    jobs.cancel(tmp_path, "default")
    told = uploads(tmp_path)["failed uploads"]
    assert told.level == "note"
    assert told.message.startswith("2 uploads failed")
    assert "b.pdf: no" in told.message


def test_uploads_and_files_that_do_not_belong_together(tmp_path: Path) -> None:
    """An upload without its file is a problem, an old file without an upload a note."""
    job_id = upload(tmp_path, "a.txt")
    spool = tmp_path / ".jobs" / "spool"
    (spool / job_id).unlink()
    (spool / "fresh").write_bytes(b"an upload that is just coming in")
    (spool / "stray").write_bytes(b"")
    os.utime(spool / "stray", (1e9, 1e9))
    seen = uploads(tmp_path)
    assert (seen["lost uploads"].level, seen["lost uploads"].facts["jobs"]) == ("problem", [job_id])
    assert seen["stray files"].facts["files"] == ["stray"]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda path: path.write_bytes(b"something else " * 999), "damaged"),
        (lambda path: path.write_bytes(b""), "no queue of uploads"),
    ],
    ids=["no database", "empty"],
)
def test_a_damaged_queue(tmp_path: Path, act: Callable[[Path], object], said: str) -> None:
    """It is a problem with what to do, and nothing is made anew by looking."""
    upload(tmp_path, "a.txt")
    act(tmp_path / ".jobs" / "jobs.db")
    told = uploads(tmp_path)["queue"]
    assert (told.level, said in told.message) == ("problem", True)
    assert told.do.startswith(f"delete {tmp_path}/.jobs, and send again")


def test_a_queue_of_a_later_version(tmp_path: Path) -> None:
    """The format is named."""
    upload(tmp_path, "a.txt")
    with closing(sqlite3.connect(tmp_path / ".jobs" / "jobs.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    told = uploads(tmp_path)["queue"]
    assert (told.level, "format 99" in told.message) == ("problem", True)


def test_looks_beside_a_busy_writer(data: Path) -> None:
    """Many looks while documents come, go and are merged: never a fault, never a blocked writer."""
    stop = threading.Event()

    def write() -> None:
        opened = open_collection(data, "default")
        with closing(opened), opened.write() as writer:
            for n in itertools.count():
                if stop.is_set():
                    return
                writer.put([prepared(f"n{n % 7}", [f"busy {n}"])])
                writer.merge_views(force=n % 3 == 0)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            for _ in range(8):
                assert set(levels(found(data)).values()) == {"ok"}
                assert not writing.done()
        finally:
            stop.set()
        writing.result(30)


def test_a_backup_from_before_an_upgrade_is_told(data: Path) -> None:
    """With its size and how it is removed; it is no fault."""
    kept = data / "default" / "catalog.db.format-3.bak"
    kept.write_bytes(bytes(2_000_000))
    told = found(data)["default: backup"]
    assert told.level == "note"
    assert "2.0 MB" in told.message
    assert told.do == f"rm {kept.absolute()}, once all is well"
