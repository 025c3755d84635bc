"""Fit how the reader's logits and retrieval's signs become one score.

`python -m training.reader_blend --data DATA --work WORK --network FOLDER [--limit N]` asks the
questions of each set and prints as JSON: the blend fitted on training questions, and its figures on
every set.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from indexes.collection import open_collection
from indexes.encoder import load_encoder
from indexes.network import WEIGHTS, PairNetwork
from indexes.settings import Settings
from service.answer import query_of
from service.attend import Blend, Signs, weigh
from service.calibrate import without
from service.evaluate import Line, matches, read_lines, token_f1
from service.evidence import Candidate, Query
from service.read import Reader
from service.readers import BLEND
from service.retrieve import retrieve
from training.blend_fit import Asked, SetSigns, figures, fit, threshold
from training.manifest import list_file
from training.reader_pairs import TrainingSet, read_set
from training.reader_twists import twisted
from training.sets import SEED, fill, sample

CANDIDATES: Final = 24

# Only questions that may be trained on, of articles that the reader was not: of squad2-train it has
# seen every one, so there its logits are surer than they are elsewhere.
AS_TRAINED: Final = "squad-train"
ANSWERING: Final = ("squad-train without own", "squad-train twisted")
SIGNS: Final = len(fields(Signs))

Kind = Literal["", "without own", "twisted"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
AS_ASKED: Final[tuple[Kind, ...]] = ("", "without own")


@dataclass(frozen=True, slots=True)
class DataSet:
    """A collection, the corpora that fill it, and its questions.

    Those "without own" are asked while their documents are left out, those "twisted" ask for what
    their documents do not say; both are beside the questions as they are.
    """

    name: str
    corpora: tuple[str, ...]
    questions: str
    kind: Kind = ""
    held_out: bool = False

    @property
    def label(self) -> str:
        """The name under which figures are shown."""
        return f"{self.name} {self.kind}".strip()

    def left_out(self, line: Line) -> Sequence[str] | None:
        """Return the documents that are not searched for a question."""
        return line.relevant if self.kind == "without own" else None


SETS: Final = (
    *(
        DataSet(
            "squad-train", ("squad-train/corpus",), "squad-train/questions", kind, held_out=True
        )
        for kind in KINDS
    ),
    *(
        DataSet(
            "squad-open",
            ("squad-train/corpus", "squad-open-dev/corpus-extra"),
            "squad-open-dev/questions",
            kind,
        )
        for kind in AS_ASKED
    ),
    *(
        DataSet("squad2-dev", ("squad2-dev/corpus",), "squad2-dev/questions", kind)
        for kind in AS_ASKED
    ),
    *(
        DataSet(name, (f"{name}/corpus",), f"{name}/questions")
        for name in ("clapnq-dev", "fresh-pydocs", "cranfield", "cisi", "med")
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
        if one.kind:
            stacked = found[one.name].with_unanswerable(stacked)
        found[one.label] = stacked
        sys.stderr.write(f"{one.label}: {len(stacked.judged)} questions\n")
    blend = fit(found[AS_TRAINED], [found[name] for name in ANSWERING])
    least = threshold(found[AS_TRAINED], blend)
    json.dump(report(found, blend, least), sys.stdout, indent=1)
    if given.write:
        write(given.network, blend, least)


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
    collection = open_collection(settings.data, one.name)
    encoder = load_encoder(settings.encoder)
    with ThreadPoolExecutor(1) as executor, collection.read() as reading:
        for line in sample(lines(one, data), limit):
            if one.kind == "without own" and not line.answerable:
                continue
            query = query_of(line.question, encoder, reading)
            found = retrieve(
                reading,
                query,
                allowed=reading.allowed(without(one.left_out(line)), None),
                limit=CANDIDATES,
                executor=executor,
            ).candidates
            answerable = line.answerable is not False and one.kind != "without own"
            yield asked(line, query, found, reader, answerable=answerable)


def lines(one: DataSet, data: Path) -> list[Line]:
    """Return the questions of a set."""
    found = read_lines(data / f"{one.questions}.jsonl.gz")
    if not one.held_out:
        return found
    known = known_set(data / one.name)
    there = {each.paragraph for each in known.held_out}
    found = [line for line in found if there.intersection(line.relevant or ())]
    return list(twists(found, known)) if one.kind == "twisted" else found


@cache
def known_set(folder: Path) -> TrainingSet:
    """Read a training set, once for all kinds of its questions."""
    return read_set(folder)


def twists(lines: Sequence[Line], data: TrainingSet) -> Iterator[Line]:
    """Yield the questions that can be twisted into one that nothing answers, twisted."""
    draw = random.Random(SEED)
    for line in lines:
        (own, *_) = line.relevant or ("",)
        paragraph = data.paragraphs[own]
        others = data.topics[paragraph.title]
        question = twisted(line.question, paragraph.text, others, data.frames, draw)
        if question:
            yield replace(line, question=question, answers=None, answerable=False)


def asked(
    line: Line, query: Query, found: Sequence[Candidate], reader: Reader, *, answerable: bool
) -> Asked:
    """Return the signs of each candidate; rows that are missing are filled with nothing."""
    signs = np.full((CANDIDATES, SIGNS), np.nan, np.float64)
    relevant, f1 = np.zeros(CANDIDATES, np.bool_), np.zeros(CANDIDATES, np.float64)
    documents = np.zeros(CANDIDATES, np.int64)
    numbers: dict[str, int] = {}
    for row, (one, weighed) in enumerate(zip(found, weigh(query, found, reader), strict=True)):
        best = weighed.places.best()
        short = one.chunk.cut(best.span) if best else ""
        signs[row] = astuple(weighed.signs)
        documents[row] = numbers.setdefault(one.chunk.document_id, len(numbers))
        relevant[row] = any(
            matches(entry, one.chunk.document_id, one.chunk.uri, ())
            for entry in line.relevant or ()
        )
        f1[row] = max((token_f1(short, answer) for answer in line.answers or ()), default=0)
    judged = len(line.relevant or ()) if answerable else 0
    return Asked(signs, relevant, documents, f1, judged, answerable)


def report(sets: Mapping[str, SetSigns], blend: Blend, threshold: float) -> dict[str, object]:
    """Return the blend, and each set's figures with it."""
    return {
        "blend": {name: round(value, 3) for name, value in asdict(blend).items()},
        "threshold": round(threshold, 3),
        "figures": {name: figures(one, blend) for name, one in sets.items()},
    }


def write(network: Path, blend: Blend, threshold: float) -> None:
    """Write the blend into the network's folder and name its file in the manifest."""
    values = asdict(blend) | {"threshold": threshold}
    rounded = {name: round(value, 4) for name, value in values.items()}
    (network / BLEND).write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    list_file(network, BLEND)


if __name__ == "__main__":
    main()
