"""Fit how the reader's logits and retrieval's signs become one score.

`python -m training.reader_blend --data DATA --work WORK --network FOLDER [--limit N]` asks the
questions of each set and prints as JSON: weights fitted on training questions, their figures on
every set, and for comparison figures with weights that were fitted on all sets but the one judged.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from indexes.collection import open_collection
from indexes.encoder import load_encoder
from indexes.network import PairNetwork
from indexes.settings import Settings
from service.answer import query_of
from service.attend import Signs, weigh
from service.calibrate import without
from service.evaluate import Line, matches, read_lines, token_f1
from service.evidence import Candidate, Query
from service.read import Reader
from service.readers import BLEND
from service.retrieve import retrieve
from service.sentences import sentence_spans
from training.blend_fit import Asked, SetSigns, Weights, figures, fit, leaving_one_out, threshold
from training.manifest import list_file
from training.reader_pairs import TrainingSet, read_set
from training.reader_twists import twisted
from training.sets import SEED, fill, sample

CANDIDATES: Final = 24
WEIGHTS: Final = "model.bin"
# Only questions that may be trained on, of articles that the reader was not: of squad2-train it has
# seen every one, so there its logits are surer than they are elsewhere.
ANSWERING: Final = ("squad-train without own", "squad-train twisted")
FITTED_ON: Final = (*ANSWERING, "squad-train topics")
SIGNS: Final = tuple(one.name for one in fields(Signs))

Kind = Literal["", "without own", "twisted", "topics"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A collection, the corpora that fill it, and its questions.

    Those "without own" are asked while their documents are left out, those "twisted" ask for what
    their documents do not say; both are beside the questions as they are. "topics" are beginnings
    of paragraphs, long questions to which the other paragraphs of the same article are relevant.
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
        if self.kind == "topics":
            return (line.context_id or "",)
        return line.relevant if self.kind == "without own" else None


SETS: Final = (
    *(
        DataSet(
            "squad-train", ("squad-train/corpus",), "squad-train/questions", kind, held_out=True
        )
        for kind in KINDS
    ),
    DataSet(
        "squad-open",
        ("squad-train/corpus", "squad-open-dev/corpus-extra"),
        "squad-open-dev/questions",
    ),
    DataSet("squad2-dev", ("squad2-dev/corpus",), "squad2-dev/questions"),
    DataSet("squad2-dev", ("squad2-dev/corpus",), "squad2-dev/questions", "without own"),
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
        if one.kind in {"without own", "twisted"}:
            stacked = found[one.name].with_unanswerable(stacked)
        found[one.label] = stacked
        sys.stderr.write(f"{one.label}: {len(stacked.judged)} questions\n")
    weights = fit([found[name] for name in FITTED_ON])
    least = threshold([found[name] for name in ANSWERING], weights)
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
    if one.kind == "topics":
        return topics(known_set(data / one.name))
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


def topics(data: TrainingSet) -> list[Line]:
    """Return one long question of each paragraph held out: some sentences from its beginning."""
    draw = random.Random(SEED)
    names = list(dict.fromkeys(one.paragraph for one in data.held_out))
    found = []
    for name in names:
        paragraph = data.paragraphs[name]
        sentences = sentence_spans(paragraph.text, "text/plain")
        end = sentences[draw.randrange(len(sentences))].end
        others = [one for one in names if data.paragraphs[one].title == paragraph.title]
        relevant = tuple(one for one in others if one != name)
        found.append(Line(name, paragraph.text[:end], None, relevant, None, name))
    return found


def asked(
    line: Line, query: Query, found: Sequence[Candidate], reader: Reader, *, answerable: bool
) -> Asked:
    """Return the signs of each candidate; rows that are missing are filled with nothing."""
    signs = np.full((CANDIDATES, len(SIGNS)), np.nan, np.float64)
    relevant, f1 = np.zeros(CANDIDATES, np.bool_), np.zeros(CANDIDATES, np.float64)
    documents = np.zeros(CANDIDATES, np.int64)
    numbers: dict[str, int] = {}
    for row, (one, weighed) in enumerate(zip(found, weigh(query, found, reader), strict=True)):
        best = weighed.best
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
