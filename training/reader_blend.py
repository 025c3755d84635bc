"""Fit how the reader's logits and retrieval's signs become one score, leaving one set out.

`python -m training.reader_blend --data DATA --work WORK --network FOLDER [--limit N]` asks the
questions of each set, keeps what reader and retrieval say of every candidate in WORK/signs, and
prints weights and figures as JSON. Weights are fitted on all sets but one and judged on that one.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.collection import open_collection
from indexes.encoder import load_encoder
from indexes.network import PairNetwork
from indexes.settings import Settings
from ingest.pipeline import ingest
from ingest.survey import Order
from service.attend import NO_SPAN
from service.evaluate import Line, matches, read_lines, token_f1
from service.evidence import Candidate, Query
from service.read import Reader, places
from service.retrieve import retrieve
from service.signs import named, outer_signs

SEED: Final = 20260101
CANDIDATES: Final = 24
SIGNS: Final = ("relevance", "answers", "span", "outer", "fused")
Signs = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A collection, the corpora that fill it, and its questions."""

    name: str
    corpora: tuple[str, ...]
    questions: str
    without_own: bool = False


SETS: Final = (
    DataSet(
        "squad-open",
        ("squad-train/corpus", "squad-open-dev/corpus-extra"),
        "squad-open-dev/questions",
    ),
    DataSet("squad2-dev", ("squad2-dev/corpus",), "squad2-dev/questions"),
    DataSet("squad2-dev", ("squad2-dev/corpus",), "squad2-dev/questions", without_own=True),
    *(
        DataSet(name, (f"{name}/corpus",), f"{name}/questions")
        for name in ("clapnq-dev", "fresh-pydocs", "cranfield", "cisi", "med", "squad2-train")
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One question's candidates: signs (candidates, 5), which are relevant, and each one's F1."""

    signs: Signs
    relevant: npt.NDArray[np.bool_]
    f1: Signs
    judged: int
    answerable: bool


def main() -> None:
    """Ask, keep, fit and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--network", type=Path, required=True)
    arguments.add_argument("--limit", type=int, default=400, help="questions of each kind and set")
    given = arguments.parse_args()
    reader = PairNetwork(given.network).run
    kept = given.work / "signs"
    kept.mkdir(parents=True, exist_ok=True)
    for one in SETS:
        name = f"{one.name}-without-own" if one.without_own else one.name
        rows = list(ask(one, given.data, given.work, reader, given.limit))
        np.savez_compressed(
            kept / f"{name}.npz",
            signs=np.stack([row.signs for row in rows]),
            relevant=np.stack([row.relevant for row in rows]),
            f1=np.stack([row.f1 for row in rows]),
            judged=np.array([row.judged for row in rows]),
            answerable=np.array([row.answerable for row in rows]),
        )
        sys.stderr.write(f"{name}: {len(rows)} questions\n")


def ask(one: DataSet, data: Path, work: Path, reader: Reader, limit: int) -> Iterator[Asked]:
    """Yield what is known of the candidates of up to `limit` questions of each kind."""
    settings = Settings(data=work)
    corpora = tuple(str(data / f"{name}.jsonl.gz") for name in one.corpora)
    ingest(Order(corpora, one.name), settings, lambda _event: None)
    lines = sample(read_lines(data / f"{one.questions}.jsonl.gz"), limit)
    collection = open_collection(settings.data, one.name)
    encoder = load_encoder(settings.encoder)
    with ThreadPoolExecutor(1) as executor, collection.read() as reading:
        for line in lines:
            own = line.context_id or (line.relevant or ("",))[0]
            if one.without_own and not line.answerable:
                continue
            query = Query(
                line.question,
                encoder.encode_query(line.question),
                reading.term_weights(line.question),
            )
            without = {"field": "id", "operator": "!=", "value": own} if one.without_own else None
            found = retrieve(
                reading,
                query,
                allowed=reading.allowed(without, None),
                limit=CANDIDATES,
                executor=executor,
            ).candidates
            yield asked(
                line,
                query,
                found,
                reader,
                answerable=line.answerable is not False and without is None,
            )


def sample(lines: Sequence[Line], limit: int) -> list[Line]:
    """Return up to `limit` answerable and as many other lines, drawn with a fixed seed."""
    drawn = random.Random(SEED).sample(list(lines), len(lines))
    yes = [line for line in drawn if line.answerable is not False][:limit]
    return yes + [line for line in drawn if line.answerable is False][:limit]


def asked(
    line: Line, query: Query, found: Sequence[Candidate], reader: Reader, *, answerable: bool
) -> Asked:
    """Return the signs of each candidate; rows that are missing are filled with nothing."""
    reads = reader(query.text, [one.chunk.encoded for one in found])
    outer = outer_signs(named(query.weights), found)
    signs = np.full((CANDIDATES, len(SIGNS)), np.nan, np.float32)
    relevant, f1 = np.zeros(CANDIDATES, np.bool_), np.zeros(CANDIDATES, np.float32)
    for row, (one, read) in enumerate(zip(found, reads, strict=True)):
        best = places(one, read).best()
        span = best.span.start - one.chunk.span.start if best else 0
        end = best.span.end - one.chunk.span.start if best else 0
        signs[row] = (
            read.relevance,
            read.answers,
            best.logit if best else NO_SPAN,
            outer[row],
            one.fused,
        )
        relevant[row] = any(
            matches(entry, one.chunk.document_id, one.chunk.uri, ())
            for entry in line.relevant or ()
        )
        f1[row] = max(
            (token_f1(one.chunk.text[span:end], answer) for answer in line.answers or ()), default=0
        )
    return Asked(signs, relevant, f1, len(line.relevant or ()), answerable)


if __name__ == "__main__":
    main()
