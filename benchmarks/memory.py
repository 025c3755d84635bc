"""How much memory an ingestion holds, all its processes together, however much is ingested.

`python -m benchmarks.memory PATH… [--parts N] [--json FILE]` runs `afterword ingest` with the first
N-th of the files, with two N-ths and so on up to all, each into a new collection, and watches its
processes: the most that they held at a time, resident and with shared pages counted once, and the
most of the process that encodes and of one that reads. What grows with the folder shows as a slope.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import LOOK_SECONDS, Memory, family, memory
from benchmarks.tables import table

ROOT: Final = Path(__file__).parent.parent
BOUND_MB: Final = 1200


@dataclass(frozen=True, slots=True)
class Held:
    """What an ingestion came to; memory in MB at its most, each figure by itself.

    `resident` counts what several processes share for each of them, `proportional` once.
    """

    files: int
    megabytes: float
    chunks: int
    seconds: float
    resident: float
    proportional: float
    encoding: float
    reading: float
    processes: int


@dataclass(slots=True)
class Peaks:
    """The most bytes that a family of processes held at a time, each figure by itself."""

    rss: int = 0
    pss: int = 0
    own: int = 0
    child: int = 0
    processes: int = 0

    def look(self, pid: int) -> None:
        """Take in what a process and its descendants hold now."""
        found = [memory(one) for one in family(pid)]
        if not found:
            return
        total = sum(found, Memory())
        self.rss, self.pss = max(self.rss, total.rss), max(self.pss, total.pss)
        self.own = max(self.own, found[0].pss)
        self.child = max([self.child, *(one.pss for one in found[1:])])
        self.processes = max(self.processes, len(found))


@contextmanager
def watched(pid: int) -> Iterator[Peaks]:
    """Look at a family of processes many times a second until the block ends."""
    peaks, ended = Peaks(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            peaks.look(pid)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def held(paths: Sequence[Path]) -> Held:
    """Ingest files into a new collection and return what that took."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PYTHONPATH": str(ROOT), "AFTERWORD_DATA": folder}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "afterword", "ingest", "--json", *map(str, paths)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        with watched(process.pid) as peaks:
            said, _ = process.communicate()
    return Held(
        files=len(paths),
        megabytes=round(sum(path.stat().st_size for path in paths) / 1e6, 1),
        chunks=int(json.loads(said)["chunks"]),
        seconds=round(time.perf_counter() - began, 1),
        resident=round(peaks.rss / 1e6),
        proportional=round(peaks.pss / 1e6),
        encoding=round(peaks.own / 1e6),
        reading=round(peaks.child / 1e6),
        processes=peaks.processes,
    )


def files(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are given or lie in folders that are, by name."""
    found = [one for path in paths for one in ([path] if path.is_file() else path.rglob("*"))]
    return sorted(one for one in found if one.is_file())


def main() -> None:
    """Measure and print; exit status 1 where all files together took over 1200 MB."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    arguments.add_argument("paths", type=Path, nargs="+", help="files and folders")
    arguments.add_argument("--parts", type=int, default=2)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    found = files(given.paths)
    steps = [len(found) * part // given.parts for part in range(1, given.parts + 1)]
    rows = [asdict(held(found[:count])) for count in steps]
    sys.stdout.write(table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    sys.exit(0 if max(row["resident"] for row in rows) <= BOUND_MB else 1)


if __name__ == "__main__":
    main()
