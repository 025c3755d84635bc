"""From the start of a process to the first answer, and what a service holds in memory.

`python -m benchmarks.start [--chunks N] [--folder F] [--rounds N] [--questions N] [--json FILE]`
makes a collection of 100,000 chunks with the bundled encoder's identity: texts of English words by
Zipf's law with vectors given, and among them the example documents and the documentation, ingested
in the common way, which are what is asked about. Then, each in turns: how long the help takes, how
long `afterword ask` takes, and how long `afterword serve` takes from its start to the first answer
of `POST /v1/query`; what service and worker hold in memory then, and after all questions.
`--folder` keeps the collection for another run.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from benchmarks.load import status
from benchmarks.made import CHUNKS, document, vectors
from benchmarks.processes import Memory, family, memory, peak
from benchmarks.tables import table
from indexes.catalog import SplitterSettings
from indexes.collection import create_collection
from indexes.encoder import load_encoder
from indexes.encoding import Encoder
from indexes.settings import Settings
from ingest.pipeline import ingest
from ingest.progress import silent
from ingest.survey import Order
from service.evaluate import read_lines

ROOT: Final = Path(__file__).parent.parent
ASKED: Final = (ROOT / "tests/eval/questions.jsonl", ROOT / "examples/questions.jsonl")
INGESTED: Final = (ROOT / "examples/documents", ROOT / "docs")
COMMANDS: Final = (("--help",), ("--version",), ("ask", "--help"))
_PUT: Final = 50
_SEED: Final = 8
_ZIPF: Final = 1.05
_SHORTEST, _LONGEST = 90, 180
_LEAST_LETTERS: Final = 2
_ANSWERED: Final = 200
_RETRY_SECONDS: Final = 0.01
_START_SECONDS: Final = 120.0
_SETTLED_SECONDS: Final = 3.0


# --- the collection -------------------------------------------------------------------------------


def make(data: Path, name: str, chunks: int) -> None:
    """Make a collection of about so many chunks, and put the documents that are asked about in."""
    settings = Settings(data=data)
    encoder = load_encoder(settings.encoder)
    made = create_collection(data, name, encoder, SplitterSettings(settings.chunk_tokens))
    said = texts(encoder)
    rows = vectors(chunks // CHUNKS * CHUNKS, _SEED)
    items = (
        document(f"made-{start}", list(itertools.islice(said, CHUNKS)), row, {})
        for start, row in ((at, rows[at : at + CHUNKS]) for at in range(0, len(rows), CHUNKS))
    )
    with made.write() as writer:
        while batch := list(itertools.islice(items, _PUT)):
            writer.put(batch)
            writer.merge_large_delta()
    made.close()
    ingest(Order(tuple(map(str, INGESTED)), name), settings, silent)


def texts(encoder: Encoder) -> Iterator[str]:
    """Yield texts of the encoder's own words, the frequent ones of which come first in its list."""
    vocabulary = json.loads(encoder.tokenizer_json)["model"]["vocab"]
    words = [w for w in sorted(vocabulary, key=vocabulary.__getitem__) if w.isascii()]
    words = [w for w in words if w.isalpha() and len(w) >= _LEAST_LETTERS]
    shares = 1 / np.arange(1, len(words) + 1) ** _ZIPF
    sums, chance = np.cumsum(shares / shares.sum()), np.random.default_rng(_SEED)
    while True:
        drawn = np.searchsorted(sums, chance.random(chance.integers(_SHORTEST, _LONGEST)))
        yield " ".join(words[place] for place in np.minimum(drawn, len(words) - 1))


def asked(count: int) -> list[str]:
    """Return so many different questions: those of the examples, and more about their subjects."""
    known = [line.question for path in ASKED for line in read_lines(path)]
    more = (
        f"{first.rstrip('?')}, and {second[0].lower()}{second[1:]}"
        for first, second in itertools.permutations(known, 2)
    )
    return list(itertools.islice(itertools.chain(dict.fromkeys(known), more), count))


# --- what is measured -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """One service: seconds from its start until it listens, and to the first answer, and memory.

    Memory in MB is `first` after the first answer and `later` after all questions; `peak` is the
    most that the service without its worker ever held, as `/usr/bin/time -v` tells it at the end.
    """

    listening: float
    first_answer: float
    first: dict[str, float]
    later: dict[str, float]
    peak: float
    p50_ms: float


def command(*words: str) -> list[str]:
    """Return how the command is started."""
    return [sys.executable, "-P", "-m", "afterword", *words]


def environment(data: Path) -> dict[str, str]:
    """Return the environment of a process that sees these collections."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "AFTERWORD_DATA": str(data)}


def seconds_of(data: Path, *words: str) -> float:
    """Return how long a command takes, from start to end."""
    began = time.perf_counter()
    subprocess.run(command(*words), check=True, env=environment(data), stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextmanager
def service(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start the service on a free port; its log goes to a file."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command("serve", "--port", "0"),
                stdin=subprocess.DEVNULL,
                stderr=file,
                env=environment(data),
            )
        try:
            yield process, log
        finally:
            process.terminate()
            process.wait(30)


def place_of(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the service to say where it listens; return host and port."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines(keepends=True):
            if '"listening"' in line and line.endswith("\n"):
                return str(urlsplit(json.loads(line)["url"]).netloc)
        time.sleep(_RETRY_SECONDS)
    raise SystemExit(f"the service did not start: {log.read_text()[-2000:]}")


def ask(connection: HTTPConnection, name: str, question: str) -> int:
    """Ask a question with all settings as they are; return the status of the answer."""
    body = json.dumps({"question": question, "collection": name})
    return status(connection, "/v1/query", body)


def started(data: Path, name: str, questions: Sequence[str]) -> Started:
    """Start a service, ask as soon as it listens until it answers, and then all else."""
    began = time.perf_counter()
    with service(data) as (process, log):
        connection = HTTPConnection(place_of(process, log))
        listening = time.perf_counter() - began
        while (found := ask(connection, name, questions[0])) != _ANSWERED:
            if time.perf_counter() - began > _START_SECONDS:
                raise SystemExit(f"no answer but {found}: {log.read_text()[-2000:]}")
            time.sleep(_RETRY_SECONDS)
        first_answer = time.perf_counter() - began
        time.sleep(_SETTLED_SECONDS)  # the worker has come up by then
        first = megabytes(process.pid)
        taken = [milliseconds(connection, name, one) for one in questions[1:]]
        return Started(
            listening=round(listening, 2),
            first_answer=round(first_answer, 2),
            first=first,
            later=megabytes(process.pid),
            peak=round(peak(process.pid) / 1e6),
            p50_ms=round(float(np.median(taken)), 1),
        )


def milliseconds(connection: HTTPConnection, name: str, question: str) -> float:
    """Return how long an answer takes."""
    began = time.perf_counter()
    if (found := ask(connection, name, question)) != _ANSWERED:
        raise SystemExit(f"a question got status {found}")
    return (time.perf_counter() - began) * 1000


def megabytes(pid: int) -> dict[str, float]:
    """Return what service and worker hold: resident, and `_pss` with shared pages counted once."""
    own, *others = family(pid)
    mine, rest = memory(own), sum(map(memory, others), Memory())
    sizes = {
        "service": mine.rss,
        "service_pss": mine.pss,
        "worker": rest.rss,
        "worker_pss": rest.pss,
        "both": mine.rss + rest.rss,
        "both_pss": mine.pss + rest.pss,
    }
    return {key: round(size / 1e6) for key, size in sizes.items()}


def measure(data: Path, name: str, rounds: int, questions: Sequence[str]) -> dict[str, float]:
    """Measure all in turns; seconds are medians, memory the most of the rounds."""
    seconds: dict[str, list[float]] = {" ".join(words): [] for words in (*COMMANDS, ("ask",))}
    services = list[Started]()
    for _ in range(rounds):
        for words in COMMANDS:
            seconds[" ".join(words)].append(seconds_of(data, *words))
        seconds["ask"].append(seconds_of(data, "ask", "--collection", name, questions[0]))
        services.append(started(data, name, questions))
    return {
        **{f"{key}, seconds": round(float(np.median(each)), 3) for key, each in seconds.items()},
        "serve to listening, seconds": float(np.median([one.listening for one in services])),
        "serve to first answer, seconds": float(np.median([one.first_answer for one in services])),
        "answer p50, ms": float(np.median([one.p50_ms for one in services])),
        **_most("after one answer", [one.first for one in services]),
        **_most(f"after {len(questions)}", [one.later for one in services]),
        "service at most, MB": max(one.peak for one in services),
    }


def _most(when: str, found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {f"{key} {when}, MB": max(one[key] for one in found) for key in found[0]}


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    arguments.add_argument("--chunks", type=int, default=100_000)
    arguments.add_argument("--folder", type=Path, help="where the collection is kept")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--questions", type=int, default=300)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    name = f"start-{given.chunks}"
    with tempfile.TemporaryDirectory() as folder:
        data = given.folder or Path(folder)
        if not (data / name).exists():
            make(data, name, given.chunks)
        found = measure(data, name, given.rounds, asked(given.questions))
    sys.stdout.write(table([{"what": f"{given.chunks} chunks", **found}]))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
