"""How a started service bears load for long, with ingestion beside it, and then too much of it.

`python -m benchmarks.soak QUESTIONS.jsonl --collection C [--minutes N] [--overload N]` starts
`afterword serve` on the data folder of the settings. It measures what the service answers a second
while uploads are ingested, asks four fifths of that for the minutes given, and then five times as
many clients at once as there are places. Printed as JSON: errors, latency and resident memory of
each third, what was refused and how, and how soon all is as before.
"""

import argparse
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.load import started
from service.evaluate import read_lines

SHARE: Final = 0.8
TIMES: Final = 5
PLACES: Final = 16
CALIBRATION_SECONDS: Final = 20.0
OVERLOAD_SECONDS: Final = 20.0
UPLOAD_SECONDS: Final = 0.5
# As many texts are uploaded in turns, so that the collection does not grow.
UPLOADED: Final = 20
SAMPLE_SECONDS: Final = 1.0
PATIENCE: Final = 120.0
OK: Final = 200
REFUSED: Final = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: when it was asked for since the load began, how long it took, and what it was."""

    second: float
    ms: float
    status: int
    retry_after: str | None


@dataclass(slots=True)
class Load:
    """What a load has met so far, and the resident memory meanwhile, by second, in MiB."""

    answers: list[Answer] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    uploads: Counter[int] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began


def post(connection: HTTPConnection, path: str, body: str) -> tuple[int, str | None]:
    """Send a request, read its answer to the end; return its status and `Retry-After`."""
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Retry-After")


def ask_in_turn(
    place: str, bodies: Sequence[str], load: Load, clients: int, due: Callable[[int], float | None]
) -> None:
    """Ask by so many clients; question number n when `due(n)` says, until that is None."""
    numbers, lock = count(), threading.Lock()

    def client(_: int) -> None:
        connection = HTTPConnection(place, timeout=PATIENCE)
        while True:
            with lock:
                number = next(numbers)
            second = due(number)
            if second is None:
                return
            time.sleep(max(0.0, second - load.now))
            asked, began = load.now, time.perf_counter()
            told = post(connection, "/v1/query", bodies[number % len(bodies)])
            load.answers.append(Answer(asked, (time.perf_counter() - began) * 1000, *told))

    with ThreadPoolExecutor(clients) as executor:
        list(executor.map(client, range(clients)))


@contextmanager
def beside(work: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do a piece of work every so many seconds, in a thread."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(seconds):
            work()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def uploader(place: str, load: Load) -> Callable[[], None]:
    """Return what uploads the next of the texts that take each other's place."""
    numbers = count()
    connection = HTTPConnection(place, timeout=PATIENCE)

    def upload() -> None:
        number = next(numbers)
        body = {
            "collection": "soak",
            "id": f"soak-{number % UPLOADED}",
            "title": f"Soak {number % UPLOADED}",
            "text": f"The measure of run {number} was {number * 7} units. " * 40,
        }
        status, _ = post(connection, "/v1/documents", json.dumps(body))
        load.uploads[status] += 1

    return upload


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def capacity(place: str, bodies: Sequence[str], seconds: float) -> float:
    """Return the answers a second of a service that four clients keep at work while it ingests."""
    load = Load()
    with beside(uploader(place, load), UPLOAD_SECONDS):
        ask_in_turn(place, bodies, load, 4, lambda _: load.now if load.now < seconds else None)
    return len(load.answers) / load.now


def steady(place: str, pid: int, bodies: Sequence[str], rate: float, seconds: float) -> Load:
    """Ask so many questions a second, evenly, while texts are ingested."""
    load = Load()

    def due(number: int) -> float | None:
        return number / rate if number / rate < seconds else None

    def look() -> None:
        load.memory.append((load.now, resident(pid)))

    with beside(uploader(place, load), UPLOAD_SECONDS), beside(look, SAMPLE_SECONDS):
        # Fewer clients than places: where the machine falls behind, it is late and not refused.
        ask_in_turn(place, bodies, load, PLACES - 4, due)
    return load


def flood(place: str, bodies: Sequence[str], clients: int, seconds: float) -> Load:
    """Ask by so many clients, each anew as soon as it is answered or refused."""
    load = Load()
    ask_in_turn(place, bodies, load, clients, lambda _: load.now if load.now < seconds else None)
    return load


def p99(answers: Sequence[Answer]) -> float:
    """Return the 99th percentile in ms of what was answered."""
    taken = [one.ms for one in answers if one.status == OK]
    return round(float(np.percentile(taken, 99)), 1) if taken else float("nan")


def third(load: Load, number: int, seconds: float) -> tuple[float, float]:
    """Return the p99 of a third, and the median memory of its last tenth."""
    first, end = seconds * number / 3, seconds * (number + 1) / 3
    told = [one for one in load.answers if first <= one.second < end]
    late = [mib for second, mib in load.memory if end - (end - first) / 10 <= second < end]
    return p99(told), round(float(np.median(late)), 1) if late else float("nan")


def steady_figures(load: Load, rate: float, seconds: float) -> dict[str, object]:
    """Return what a steady load met: errors, and latency and memory of each third."""
    parts = [third(load, number, seconds) for number in range(3)]
    return {
        "seconds": seconds,
        "asked_a_second": round(rate, 2),
        "answered": len(load.answers),
        "errors": sum(one.status != OK for one in load.answers),
        "uploads": load.uploads.total(),
        "upload_errors": sum(n for status, n in load.uploads.items() if status != 202),  # noqa: PLR2004 # accepted
        "p99_ms_of_thirds": [late for late, _ in parts],
        "memory_mib_of_thirds": [mib for _, mib in parts],
        "memory_growth": round(parts[2][1] / parts[0][1] - 1, 4),
    }


def overload_figures(place: str, bodies: Sequence[str], seconds: float) -> dict[str, object]:
    """Ask with all places taken, then with five times as many clients; return how both went."""
    full = flood(place, bodies, PLACES, seconds)
    over = flood(place, bodies, TIMES * PLACES, seconds)
    began = time.monotonic()
    after = flood(place, bodies, 1, 0.1)
    recovered = time.monotonic() - began
    refused = [one for one in over.answers if one.status == REFUSED]
    return {
        "clients": TIMES * PLACES,
        "statuses": {str(k): n for k, n in Counter(one.status for one in over.answers).items()},
        "refused_without_retry_after": sum(one.retry_after is None for one in refused),
        "full_p99_ms": p99(full.answers),
        "accepted_p99_ms": p99(over.answers),
        "accepted_p99_of_full": round(p99(over.answers) / p99(full.answers), 2),
        "accepted_a_second": round(sum(one.status == OK for one in over.answers) / over.now, 2),
        "full_a_second": round(len(full.answers) / full.now, 2),
        "recovered_s": round(recovered, 2),
        "errors_after": sum(one.status != OK for one in after.answers),
    }


def soak(bodies: Sequence[str], minutes: float, overload: float) -> dict[str, object]:
    """Start the service, measure all, and return the figures."""
    with started() as (place, pid):
        rate = SHARE * capacity(place, bodies, min(CALIBRATION_SECONDS, minutes * 60))
        load = steady(place, pid, bodies, rate, minutes * 60)
        return {
            "steady": steady_figures(load, rate, minutes * 60),
            "overload": overload_figures(place, bodies, overload),
        }


def bodies_of(questions: Path, collection: str) -> list[str]:
    """Return the bodies of the requests that ask the questions of a file."""
    lines = read_lines(questions, None)
    return [json.dumps({"question": one.question, "collection": collection}) for one in lines]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    arguments.add_argument("questions", type=Path)
    arguments.add_argument("--collection", required=True)
    arguments.add_argument("--minutes", type=float, default=30.0)
    arguments.add_argument("--overload", type=float, default=OVERLOAD_SECONDS, help="seconds")
    given = arguments.parse_args()
    bodies = bodies_of(given.questions, given.collection)
    json.dump(soak(bodies, given.minutes, given.overload), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
