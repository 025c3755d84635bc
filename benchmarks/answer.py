"""How long a whole answer takes, beside the reader alone on the same pairs, in one run.

`python -m benchmarks.answer QUESTIONS.jsonl --collection C --reader FOLDER [--limit N]` asks each
question in full and runs the compiled reader on the same candidates, in turns, and prints medians
as JSON. `within` tells whether the answer takes at most 1.25 times the reader alone and 25 ms.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from indexes.encoder import load_encoder
from indexes.network import PairNetwork
from indexes.settings import Settings, load_settings
from service.answer import Answerer, Question, query_of
from service.evaluate import read_lines
from service.retrieve import retrieve

TIMES: Final = 1.25
MORE_MS: Final = 25.0
WARM_UP: Final = 5


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.answer", description=__doc__)
    arguments.add_argument("questions", type=Path)
    arguments.add_argument("--collection", required=True)
    arguments.add_argument("--reader", type=Path, required=True, help="folder of a network")
    arguments.add_argument("--limit", type=int, default=60)
    arguments.add_argument("--candidates", type=int, default=24)
    given = arguments.parse_args()
    settings = Settings(data=load_settings().data, reader=str(given.reader))
    answerer = Answerer(settings)
    network = PairNetwork(given.reader)
    whole, alone = [], []
    for number, line in enumerate(read_lines(given.questions, given.limit + WARM_UP)):
        texts = candidate_texts(answerer, line.question, given.collection, given.candidates)
        question = Question(line.question, given.collection, candidates=given.candidates)
        times = (
            milliseconds(partial(answerer.answer, question)),
            milliseconds(partial(network.run, line.question, texts)),
        )
        if number >= WARM_UP:
            whole.append(times[0])
            alone.append(times[1])
    json.dump(summary(whole, alone), sys.stdout, indent=1)


def candidate_texts(answerer: Answerer, question: str, collection: str, limit: int) -> list[str]:
    """Return what the reader sees of each candidate of a question."""
    with answerer.collection(collection).read() as reading, ThreadPoolExecutor(1) as executor:
        encoder = load_encoder(reading.encoder.name)
        query = query_of(question, encoder, reading)
        found = retrieve(reading, query, allowed=None, limit=limit, executor=executor)
        return [one.chunk.encoded for one in found.candidates]


def milliseconds(act: Callable[[], object]) -> float:
    """Return how long `act` takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def summary(whole: list[float], alone: list[float]) -> dict[str, object]:
    """Return the medians, and whether the bound holds."""
    answer, reader = float(np.median(whole)), float(np.median(alone))
    return {
        "questions": len(whole),
        "answer_p50_ms": round(answer, 1),
        "answer_p95_ms": round(float(np.percentile(whole, 95)), 1),
        "reader_alone_p50_ms": round(reader, 1),
        "bound_ms": round(TIMES * reader + MORE_MS, 1),
        "within": answer <= TIMES * reader + MORE_MS,
    }


if __name__ == "__main__":
    main()
