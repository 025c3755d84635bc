"""Fit how the reader's logits and retrieval's signs become one score.

`python -m training.reader_blend --data DATA --work WORK --network FOLDER [--limit N]` asks the
questions of each set and prints as JSON: weights fitted on training questions, their figures on
every set, and for comparison figures with weights that were fitted on all sets but the one judged.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from indexes.collection import open_collection
from indexes.encoder import load_encoder
from indexes.network import PairNetwork
from indexes.settings import Settings
from service.answer import query_of
from service.attend import NO_SPAN
from service.calibrate import without
from service.evaluate import Line, matches, read_lines, token_f1
from service.evidence import Candidate, Query
from service.read import Reader, places
from service.readers import BLEND
from service.retrieve import retrieve
from service.signs import named, outer_signs
from training.blend_fit import Asked, SetSigns, Weights, figures, fit, leaving_one_out, threshold
from training.manifest import list_file
from training.reader_pairs import read_set
from training.sets import fill, sample

CANDIDATES: Final = 24
WEIGHTS: Final = "model.bin"
# Only questions that may be trained on, of articles that the reader was not.
FITTED_ON: Final = ("squad-train without own", "squad2-train")
SIGNS: Final = ("relevance", "answers", "span", "outer")


@dataclass(frozen=True, slots=True)
class DataSet:
    """A collection, the corpora that fill it, and its questions."""

    name: str
    corpora: tuple[str, ...]
    questions: str
    without_own: bool = False
    held_out: bool = False

    @property
    def label(self) -> str:
        """The name under which figures are shown."""
        return f"{self.name} without own" if self.without_own else self.name


SETS: Final = (
    DataSet("squad-train", ("squad-train/corpus",), "squad-train/questions", held_out=True),
    DataSet(
        "squad-train",
        ("squad-train/corpus",),
        "squad-train/questions",
        without_own=True,
        held_out=True,
    ),
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


def main() -> None:
    """Ask, keep, fit and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--network", type=Path, required=True)
    arguments.add_argument("--limit", type=int, default=400, help="questions of each kind and set")
    arguments.add_argument("--write", action="store_true", help="put the weights beside NETWORK")
    given = arguments.parse_args()
    network = PairNetwork(given.network)
    found: dict[str, SetSigns] = {}
    for one in SETS:
        stacked = stacked_signs(one, given.data, given.work, network, given.limit)
        if one.without_own:
            stacked = found[one.name].with_unanswerable(stacked)
        found[one.label] = stacked
        sys.stderr.write(f"{one.label}: {len(stacked.judged)} questions\n")
    weights = fit([found[name] for name in FITTED_ON])
    least = threshold([found[name] for name in FITTED_ON], weights)
    json.dump(report(found, weights, least), sys.stdout, indent=1)
    if given.write:
        write(given.network, weights, least)


def stacked_signs(
    one: DataSet, data: Path, work: Path, network: PairNetwork, limit: int
) -> SetSigns:
    """Return the signs of a set, kept in `work` for the next fit with the same network."""
    weights = network.manifest.files[WEIGHTS][:16]
    path = work / "signs" / f"{one.label.replace(' ', '-')}-{limit}-{weights}.npz"
    if path.exists():
        return SetSigns.load(path)
    stacked = SetSigns.stacked(list(ask(one, data, work, network.run, limit)))
    path.parent.mkdir(parents=True, exist_ok=True)
    stacked.save(path)
    return stacked


def ask(one: DataSet, data: Path, work: Path, reader: Reader, limit: int) -> Iterator[Asked]:
    """Yield what is known of the candidates of up to `limit` questions of each kind."""
    settings = Settings(data=work)
    fill(settings, one.name, *(data / f"{name}.jsonl.gz" for name in one.corpora))
    lines = read_lines(data / f"{one.questions}.jsonl.gz")
    if one.held_out:
        there = {each.paragraph for each in read_set(data / one.name).held_out}
        lines = [line for line in lines if there.intersection(line.relevant or ())]
    lines = sample(lines, limit)
    collection = open_collection(settings.data, one.name)
    encoder = load_encoder(settings.encoder)
    with ThreadPoolExecutor(1) as executor, collection.read() as reading:
        for line in lines:
            if one.without_own and not line.answerable:
                continue
            query = query_of(line.question, encoder, reading)
            found = retrieve(
                reading,
                query,
                allowed=reading.allowed(without(line.relevant) if one.without_own else None, None),
                limit=CANDIDATES,
                executor=executor,
            ).candidates
            answerable = line.answerable is not False and not one.without_own
            yield asked(line, query, found, reader, answerable=answerable)


def asked(
    line: Line, query: Query, found: Sequence[Candidate], reader: Reader, *, answerable: bool
) -> Asked:
    """Return the signs of each candidate; rows that are missing are filled with nothing."""
    reads = reader(query.text, [one.chunk.encoded for one in found])
    outer = outer_signs(named(query.weights), found)
    signs = np.full((CANDIDATES, len(SIGNS)), np.nan, np.float64)
    relevant, f1 = np.zeros(CANDIDATES, np.bool_), np.zeros(CANDIDATES, np.float64)
    documents = np.zeros(CANDIDATES, np.int64)
    numbers: dict[str, int] = {}
    for row, (one, read) in enumerate(zip(found, reads, strict=True)):
        best = places(one, read).best()
        short = one.chunk.cut(best.span) if best else ""
        signs[row] = (
            read.relevance,
            read.answers,
            best.logit if best else NO_SPAN,
            outer[row],
        )
        documents[row] = numbers.setdefault(one.chunk.document_id, len(numbers))
        relevant[row] = any(
            matches(entry, one.chunk.document_id, one.chunk.uri, ())
            for entry in line.relevant or ()
        )
        f1[row] = max((token_f1(short, answer) for answer in line.answers or ()), default=0)
    judged = len(line.relevant or ()) if answerable else 0
    return Asked(signs, relevant, documents, f1, judged, answerable)


def report(sets: Mapping[str, SetSigns], weights: Weights, threshold: float) -> dict[str, object]:
    """Return the weights, figures with them, and figures leaving one set out."""
    return {
        "weights": dict(zip(SIGNS, np.round(weights.signs, 3).tolist(), strict=True)),
        "offset": round(weights.offset, 3),
        "threshold": round(threshold, 3),
        "figures": {name: figures(one, weights) for name, one in sets.items()},
        "leaving one out": leaving_one_out(sets),
    }


def write(network: Path, weights: Weights, threshold: float) -> None:
    """Write the weights into the network's folder and name their file in its manifest."""
    values = dict(zip(SIGNS, weights.signs.tolist(), strict=True))
    values |= {"offset": weights.offset, "threshold": threshold}
    rounded = {name: round(value, 4) for name, value in values.items()}
    (network / BLEND).write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    list_file(network, BLEND)


if __name__ == "__main__":
    main()
