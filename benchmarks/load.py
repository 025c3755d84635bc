"""How a started service bears many clients at once, beside one client, in one run.

`python -m benchmarks.load QUESTIONS.jsonl --collection C [--clients N] [--limit N]` starts
`afterword serve` on the data folder of the settings and asks the same questions by one client and
by many, in turns. Printed as JSON: answers a second of both and their ratio, latency, how long the
slowest answers take beside the bound of `clients` times the single median, and how long a health
check takes meanwhile, which is how long the event loop was held.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from service.evaluate import read_lines

ROUNDS: Final = 3
WARM_UP: Final = 4
PROBE_SECONDS: Final = 0.01
START_SECONDS: Final = 60.0


@contextmanager
def served() -> Iterator[str]:
    """Start the service on a free port and give its host and port once it is ready."""
    with started() as (place, _):
        yield place


@contextmanager
def started() -> Iterator[tuple[str, int]]:
    """Start the service as `served` does and give its process's number too."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "afterword", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        text=True,
    )
    assert process.stderr is not None
    try:
        place = next(
            urlsplit(json.loads(line)["url"]).netloc
            for line in process.stderr
            if '"listening"' in line
        )
        # Nobody reads its log from here on; a full pipe would hold it.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        _await_ready(place)
        yield place, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _await_ready(place: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if status(HTTPConnection(place), "/health/ready") == 200:  # noqa: PLR2004 # ready
            return
        time.sleep(0.1)
    raise SystemExit(f"the service at {place} was not ready within {START_SECONDS:.0f} s")


def status(connection: HTTPConnection, path: str, body: str | None = None) -> int:
    """Send a request, read its answer to the end, and return the status."""
    headers = {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def asked(place: str, bodies: Sequence[str]) -> list[float]:
    """Ask one after the other on one connection; return how many milliseconds each took."""
    connection = HTTPConnection(place)
    taken = []
    for body in bodies:
        began = time.perf_counter()
        if status(connection, "/v1/query", body) != 200:  # noqa: PLR2004 # answered
            raise SystemExit("a question was not answered; is the collection named right?")
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def round_of(place: str, bodies: Sequence[str], clients: int) -> tuple[list[float], float]:
    """Ask all by so many clients; return each answer's milliseconds, and answers a second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as executor:
        parts = executor.map(lambda n: asked(place, bodies[n::clients]), range(clients))
        taken = [one for part in parts for one in part]
    return taken, len(bodies) / (time.perf_counter() - began)


@contextmanager
def probed(place: str, waits: list[float]) -> Iterator[None]:
    """Look at `/health` all the while, and note how many milliseconds each look took."""
    ended = threading.Event()

    def probe() -> None:
        connection = HTTPConnection(place)
        while not ended.wait(PROBE_SECONDS):
            began = time.perf_counter()
            status(connection, "/health")
            waits.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def measure(place: str, bodies: Sequence[str], clients: int) -> dict[str, object]:
    """Ask by one client and by many in turns and return the figures."""
    asked(place, bodies[:WARM_UP])
    single, many, waits = list[float](), list[float](), list[float]()
    rates = []
    for _ in range(ROUNDS):
        taken, alone = round_of(place, bodies, 1)
        single += taken
        with probed(place, waits):
            taken, together = round_of(place, bodies, clients)
        many += taken
        rates.append((alone, together))
    median, slow = float(np.median(single)), float(np.percentile(many, 99))
    return {
        "questions": len(many),
        "clients": clients,
        "single_a_second": round(float(np.median([one for one, _ in rates])), 2),
        "many_a_second": round(float(np.median([two for _, two in rates])), 2),
        "throughput_ratio": round(float(np.median([two / one for one, two in rates])), 3),
        "single_p50_ms": round(median, 1),
        "many_p50_ms": round(float(np.median(many)), 1),
        "many_p99_ms": round(slow, 1),
        "many_p99_of_bound": round(slow / (1.3 * clients * median), 3),
        "health_p99_ms": round(float(np.percentile(waits, 99)), 1),
        "health_max_ms": round(max(waits), 1),
    }


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    arguments.add_argument("questions", type=Path)
    arguments.add_argument("--collection", required=True)
    arguments.add_argument("--clients", type=int, default=16)
    arguments.add_argument("--limit", type=int, default=96, help="questions a round")
    given = arguments.parse_args()
    lines = cycle([line.question for line in read_lines(given.questions, given.limit)])
    bodies = [
        json.dumps({"question": one, "collection": given.collection})
        for one in islice(lines, given.limit)
    ]
    with served() as place:
        json.dump(measure(place, bodies, given.clients), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
