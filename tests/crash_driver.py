"""A program for the tests of kills and faults: each piece of work in a forked process.

Usage: crash_driver.py. Each line on standard input is JSON, `{"work": NAME, "data": FOLDER, …}`. A
process is forked for it, which writes `pid N`, waits for a line and writes `begun`; then it works,
and writes `stored URI` once something is stored for good, and `refused CODE MESSAGE` or
`unforeseen ERROR` where it could not. `end STATUS` is the last line; the next line of input lets go
of the process.

The encoder is the small one of the tests, files are read in the process itself, and what makes a
collection large is lowered, so that a small one has merges of every kind on the way.
"""

import ctypes
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Self, cast

from indexes import dense_parts, jobs, snapshot, views
from indexes.catalog import SplitterSettings
from indexes.collection import delete_collection, open_collection, sweep_deleted
from indexes.encoder import FOLDER, Encoder
from indexes.errors import AfterwordError, CollectionNotFound, DocumentNotFound
from indexes.settings import Settings, load_settings
from ingest import pipeline, pool, reindex, shelf, worker
from ingest.progress import Advanced, Event
from ingest.readers import READERS, ReadOptions
from ingest.survey import Order
from small_encoder import small_encoder

_REFUSED: Final = 3
_UNFORESEEN: Final = 99
_PR_SET_PTRACER: Final = 0x59616D61
_WAIT_SECONDS: Final = 20.0
LOADED: Final[list[Encoder]] = []
LOWERED: Final = {
    (views, "_SMALL_VIEW"): 40,
    (views, "_SMALL_DELTA"): 15,
    (views, "_LARGEST_DELTA"): 40,
    (views, "_CHEAP_DELTA"): 8,
    (dense_parts, "FLAT_MOST"): 60,
    (pipeline, "_GROUP_CHUNKS"): 8,
}


class Untold:
    """Takes no note of how far a document is read."""

    part = 1.0

    def tell(self, part: float) -> None:
        """Note nothing."""


class OwnPool:
    """Reads files as the child processes do, but in this one."""

    def __init__(self, limits: pool.Limits) -> None:
        self._limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""

    def stop(self) -> None:
        """Nothing goes on between two results."""

    def results(
        self, given: Iterable[pool.ReadJob], look: Callable[[Mapping[str, float]], None] | None
    ) -> Iterator[pool.ReadResult]:
        """Yield what each file gives."""
        del look
        for job in given:
            told = cast("pool._Told", Untold())
            yield from pool._results(pool._Reading(job, self._limits, ReadOptions(""), told))


def say(*words: str) -> None:
    """Write a line at once, with no buffer that a kill could take along.

    By another system call than any that the work makes.
    """
    os.writev(1, [(" ".join(" ".join(words).split()) + "\n").encode()])


def tell(event: Event) -> None:
    """Say what is settled: stored, unchanged or removed."""
    if isinstance(event, Advanced):
        for item in event.items:
            said = "failed" if item.outcome == "failed" else "stored"
            say(said, item.uri, item.message or "")


def do_ingest(given: Mapping[str, str], settings: Settings) -> None:
    """Ingest a folder."""
    order = Order((given["folder"],), allow_mass_removal=True)
    report = pipeline.ingest(order, settings, tell)
    if report.stopped:
        say("refused", "stopped", report.stopped)


def do_uploads(given: Mapping[str, str], settings: Settings) -> None:
    """Work as the service's child until no upload waits."""
    writing = int(given["input"])

    def watch() -> None:
        end = time.monotonic() + _WAIT_SECONDS
        with suppress(AfterwordError):
            while time.monotonic() < end:
                found = jobs.counts(settings.data)
                if not found["queued"] + found["running"]:
                    break
                time.sleep(0.02)
        os.close(writing)

    threading.Thread(target=watch, daemon=True).start()
    worker.work(settings)


def do_erase(given: Mapping[str, str], settings: Settings) -> None:
    """Erase documents, some in each change."""
    with closing(open_collection(settings.data, "default")) as opened:
        for uri in given["uris"].split():
            with suppress(DocumentNotFound):  # an earlier run has erased it
                for _ in shelf.delete(settings.data, opened, [uri]):
                    say("stored", uri)


def do_snapshot(given: Mapping[str, str], settings: Settings) -> None:
    """Write the collection into a file."""
    with closing(open_collection(settings.data, "default")) as opened:
        snapshot.snapshot(opened, Path(given["target"]))


def do_restore(given: Mapping[str, str], settings: Settings) -> None:
    """Put a snapshot in the place of the collection."""
    source = Path(given["source"])
    with (
        closing(snapshot.restore(settings.data, "default", source, replace=True)) as restored,
        restored.read(),
    ):
        pass


def do_reindex(_given: Mapping[str, str], settings: Settings) -> None:
    """Cut the documents into other chunks."""
    with closing(open_collection(settings.data, "default")) as opened:
        reindex.reindex(opened, LOADED[0], SplitterSettings(24), lambda *_: None)


def do_open(_given: Mapping[str, str], settings: Settings) -> None:
    """Open the collection, which brings it to the format of today, and look into it."""
    with closing(open_collection(settings.data, "default")) as opened, opened.read() as reading:
        reading.documents(10)
    with opened.write() as writer:
        writer.merge_views(force=True)


def do_delete(_given: Mapping[str, str], settings: Settings) -> None:
    """Delete the collection, and what an earlier run left of it, as a worker does at its start."""
    with suppress(CollectionNotFound):
        delete_collection(settings.data, "default")
    sweep_deleted(settings.data)


WORK: Final[dict[str, Callable[[Mapping[str, str], Settings], None]]] = {
    "ingest": do_ingest,
    "uploads": do_uploads,
    "erase": do_erase,
    "snapshot": do_snapshot,
    "restore": do_restore,
    "reindex": do_reindex,
    "open": do_open,
    "delete": do_delete,
}


def encoder() -> Encoder:
    """Return the small encoder with the tokenizer of the bundled one."""
    tokenizer = (FOLDER / "tokenizer.json").read_text(encoding="utf-8")
    return replace(small_encoder(), tokenizer_json=tokenizer)


def lower() -> None:
    """Lower what makes a collection large, and give the pipeline what is small."""
    loaded = encoder()
    LOADED.append(loaded)
    loaded.encode_query("what is imported late must not meet a fault of the test's")
    for (module, name), value in LOWERED.items():
        setattr(module, name, value)
    given = {
        (pipeline, "load_encoder"): lambda *_, **__: loaded,
        (pipeline, "reader_pool"): lambda settings: OwnPool(pipeline._limits(settings)),
    }
    for (module, name), stand_in in given.items():
        setattr(module, name, stand_in)
    setattr(worker, "reader_pool", given[pipeline, "reader_pool"])  # noqa: B010  # imported there
    for entry in READERS.values():
        if entry.suffix in {".txt", ".jsonl"}:
            entry.load()


def run(given: Mapping[str, str]) -> int:
    """Do a piece of work; return the exit status."""
    chosen = {"AFTERWORD_DATA": given["data"], "AFTERWORD_CHUNK_TOKENS": "16"}
    settings = load_settings(chosen)
    os.read(0, 16)
    say("begun")
    # As the service does: once the other end of its input is closed, a worker ends.
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    given = {**given, "input": str(writing)}
    if "files" in given:
        most = len(list(Path("/proc/self/fd").iterdir())) + int(given["files"])
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        WORK[given["work"]](given, settings)
    except AfterwordError as error:
        say("refused", error.code, error.message)
        return _REFUSED
    except Exception as error:  # noqa: BLE001  # told to the test, which fails for it
        say("unforeseen", f"{type(error).__name__}: {error} at {worker._place(error)}")
        return _UNFORESEEN
    return 0


def main() -> None:
    """Fork a process for each line of standard input."""
    lower()
    while line := sys.stdin.readline():
        given = json.loads(line)
        child = os.fork()
        if child == 0:
            # Any process of this user may trace it, where the system would allow only its parent.
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
            say(f"pid {os.getpid()}")
            os._exit(run(given))
        # It stays a zombie until the next line, so that its number can be killed without harm.
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        say(f"end {ended.si_status}")
        sys.stdin.readline()
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
