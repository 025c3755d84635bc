"""How good summaries are without a language model, beside the first sentences and random ones.

`python -m benchmarks.summaries --articles CORPUS.jsonl.gz [--limit N]` takes articles whose
paragraphs are lines `{"title","text"}` in their order. The first paragraph of such an article is a
summary of it that people wrote: what comes behind the fourth, where the article itself has begun,
is summarised in as many sentences and compared with it.
`--questions QUESTIONS.jsonl.gz --corpus CORPUS.jsonl.gz` takes questions with long answers, and
summarises the passage of each (`relevant`), or with `--open` the whole corpus, with the question as
focus, in as many sentences as the answer has.

Prints as JSON the means of ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004; F1 over stemmed words without
stop words), the words of a summary, and milliseconds: `ours`, `lead` (the first sentences that can
be quoted), `lead_any` (the first of all), `random`, and `most`, what the best choice of sentences
for ROUGE-1 would have.
"""

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from indexes.collection import Reading
from indexes.lexical import terms
from indexes.settings import Settings
from ingest.pipeline import ingest
from ingest.progress import silent
from ingest.survey import Order
from service.answer import Answerer
from service.sentences import sentence_spans
from service.summaries.wanted import MOST_SENTENCES, Wanted
from service.summaries.worth import quotable

COLLECTION: Final = "benchmark"
SEED: Final = 8
_PLAIN: Final = "text/plain"
_LEAST_SENTENCES: Final = 12
# An article of Wikipedia has up to so many paragraphs of introduction.
_INTRODUCTION: Final = 4
_BLANK: Final = "\n\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A text to summarise, and what people wrote: one text or several of equal standing.

    `focus` is what the summary is to be about; without a `document_id` it is of all texts.
    """

    document_id: str | None
    references: tuple[str, ...]
    sentences: int
    focus: str | None = None


@dataclass(slots=True)
class Run:
    """What one way of summarising gave: a row of figures for each case."""

    rows: list[dict[str, float]]

    def shown(self) -> dict[str, float]:
        """Return the means."""
        return {
            name: round(float(np.mean([row[name] for row in self.rows])), 4)
            for name in self.rows[0]
        }


def rouge(text: str, reference: str) -> dict[str, float]:
    """Return ROUGE-1, ROUGE-2 and ROUGE-L of a text, F1 over terms."""
    mine, theirs = terms(text), terms(reference)
    return {
        "rouge1": _f1(_grams(mine, 1), _grams(theirs, 1)),
        "rouge2": _f1(_grams(mine, 2), _grams(theirs, 2)),
        "rougeL": _longest(mine, theirs),
    }


def _grams(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def _f1(mine: Counter[tuple[str, ...]], theirs: Counter[tuple[str, ...]]) -> float:
    shared, total = (mine & theirs).total(), mine.total() + theirs.total()
    return 2 * shared / total if total else 0.0


def _longest(mine: Sequence[str], theirs: Sequence[str]) -> float:
    """Return F1 of the longest sequence of words that both have."""
    if not mine or not theirs:
        return 0.0
    lengths = [0] * (len(theirs) + 1)
    for word in mine:
        before = 0
        for at, other in enumerate(theirs, start=1):
            kept = lengths[at]
            lengths[at] = before + 1 if word == other else max(lengths[at], lengths[at - 1])
            before = kept
    return 2 * lengths[-1] / (len(mine) + len(theirs))


def best_of(text: str, references: Sequence[str]) -> dict[str, float]:
    """Return the figures beside the reference that the text is nearest to."""
    return max((rouge(text, one) for one in references), key=lambda row: row["rouge1"])


def articles(corpus: Path, folder: Path, limit: int | None) -> Iterator[Case]:
    """Write each article without its first paragraph into a file, and yield what to compare."""
    by_title = dict[str, list[str]]()
    for row in rows(corpus):
        by_title.setdefault(str(row["title"]), []).append(str(row["text"]))
    for number, (title, paragraphs) in enumerate(list(by_title.items())[:limit]):
        count = len(sentence_spans(paragraphs[0], _PLAIN))
        body = _BLANK.join(paragraphs[_INTRODUCTION:])
        if len(sentence_spans(body, _PLAIN)) < _LEAST_SENTENCES:
            continue
        write(folder, f"d{number}", title, body)
        yield Case(f"d{number}", (paragraphs[0],), min(count, MOST_SENTENCES))


def questions(path: Path, corpus: Path, folder: Path, *, in_all: bool) -> Iterator[Case]:
    """Write each passage into a file, and yield the questions that have answers."""
    for row in rows(corpus):
        write(folder, str(row["id"]), str(row["title"]), str(row["text"]))
    for row in rows(path):
        answers, relevant = row["answers"], row["relevant"]
        assert isinstance(answers, list)
        assert isinstance(relevant, list)
        if row["answerable"] and answers and relevant:
            count = round(float(np.mean([len(sentence_spans(one, _PLAIN)) for one in answers])))
            document = None if in_all else str(relevant[0])
            yield Case(document, tuple(answers), max(1, count), str(row["question"]))


def rows(path: Path) -> Iterator[dict[str, object]]:
    """Yield the objects of a gzipped file of lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def write(folder: Path, name: str, title: str, text: str) -> None:
    """Add a record to the file that is ingested."""
    line = json.dumps({"id": name, "title": title, "text": text}, ensure_ascii=False)
    with (folder / "texts.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def measure(cases: Sequence[Case], answerer: Answerer) -> dict[str, dict[str, float]]:
    """Summarise each case in every way."""
    chance = np.random.default_rng(SEED)
    runs = {name: Run([]) for name in ("ours", "lead", "lead_any", "random", "most")}
    for case in cases:
        began = time.perf_counter()
        ours = _ours(case, answerer)
        spent = (time.perf_counter() - began) * 1000
        with answerer.collection(COLLECTION).read() as reading:
            good, every = _sentences(reading, case.document_id)
        count = case.sentences
        texts = {
            "ours": ours,
            "lead": " ".join(good[:count]),
            "lead_any": " ".join(every[:count]),
            "random": " ".join(chance.permutation(good)[:count]),
            "most": " ".join(_most(every, case.references, count)),
        }
        for name, text in texts.items():
            figures = best_of(text, case.references)
            figures["words"] = len(text.split())
            figures["ms"] = spent if name == "ours" else 0.0
            runs[name].rows.append(figures)
    return {name: run.shown() for name, run in runs.items()}


def _ours(case: Case, answerer: Answerer) -> str:
    named = (case.document_id,) if case.document_id else ()
    wanted = Wanted(COLLECTION, named, length=case.sentences, focus=case.focus)
    return " ".join(one.quote for one in answerer.summarise(wanted).citations)


def _sentences(reading: Reading, document_id: str | None) -> tuple[list[str], list[str]]:
    """Return the sentences of a document that can be quoted, and all; of all documents, if None."""
    ranges = reading.document_ranges(None, None, [document_id] if document_id else [])
    ids = [at for first, count in ranges.tolist() for at in range(first, first + count)]
    chunks = reading.chunks(ids)
    good = [
        chunk.cut(one.span)
        for chunk, found in zip(chunks, quotable(chunks), strict=True)
        for one in found
    ]
    every = [one.cut(chunk.text) for chunk in chunks for one in sentence_spans(chunk.text, _PLAIN)]
    return good or every, every


def _most(sentences: Sequence[str], references: Sequence[str], count: int) -> list[str]:
    """Return the sentences that are added one by one to have the most of ROUGE-1."""
    held = [_grams(terms(one), 1) for one in sentences]
    wanted = [_grams(terms(one), 1) for one in references]
    rest, chosen, have = set(range(len(sentences))), list[int](), Counter[tuple[str, ...]]()
    while rest and len(chosen) < count:
        best = max(rest, key=lambda at: max(_f1(have + held[at], one) for one in wanted))
        chosen.append(best)
        rest.remove(best)
        have += held[best]
    return [sentences[at] for at in chosen]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.summaries", description=__doc__)
    arguments.add_argument("--articles", type=Path)
    arguments.add_argument("--questions", type=Path)
    arguments.add_argument("--corpus", type=Path)
    arguments.add_argument("--open", action="store_true")
    arguments.add_argument("--limit", type=int)
    arguments.add_argument("--folder", type=Path, help="keeps the collection for another run")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "texts"
        folder.mkdir()
        if given.articles:
            cases = list(articles(given.articles, folder, given.limit))
        else:
            found = questions(given.questions, given.corpus, folder, in_all=given.open)
            cases = list(found)[: given.limit]
        settings = Settings(data=given.folder or Path(temporary) / "data")
        ingest(Order((str(folder),), collection=COLLECTION), settings, silent)
        json.dump(measure(cases, Answerer(settings)), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
