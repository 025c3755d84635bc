"""Ingest the same paragraphs and ask the same questions here and in other libraries, in one run.

`python -m benchmarks.peers CORPUS.jsonl.gz QUESTIONS.jsonl.gz [--limit N] [--texts N] [--rounds N]
[--engines a,b] [--plot FILE.svg]` prints as JSON, for each way to search of each system: texts
ingested a second, share of questions with a right paragraph first and among five, and what a
question takes, its encoding included; and on stderr the same as a table in Markdown.
All use the same encoder. Afterword has a `hybrid` search, its `answer` with citations by the reader
of the settings, which is named, and `retrieve`, a search without the question's encoding.
Systems ingest in turns and are asked in turns, so that noise falls on all alike, after a first
ingestion of a few texts and a first asking that do not count. `benchmarks/README.md` tells how to
install them.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch

from benchmarks.engines import ENGINES, Search, Searches, Text
from indexes.settings import load_settings
from service.evaluate import Line, read_lines
from training.sets import SEED, read_rows, sample

OURS: Final = "afterword"
OURS_HYBRID: Final = "afterword hybrid"
WARM_UP: Final = 16
# Threads of a library spin for a while after its work, in the hope of more.
PAUSE_SECONDS: Final = 0.01

Figures = Mapping[str, float]


@dataclass(slots=True)
class Run:
    """What a system did by one of its searches; a number for each round, or each question."""

    seconds: list[float]
    places: list[int | None] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def shown(self, texts: int) -> dict[str, float]:
        """Return its figures, for so many texts."""
        return {
            "texts_a_second": round(texts / float(np.median(self.seconds)), 1),
            "texts_a_second_best": round(texts / min(self.seconds), 1),
            "hit@1": round(float(np.mean([place == 0 for place in self.places])), 4),
            "hit@5": round(float(np.mean([place is not None for place in self.places])), 4),
            "min_ms": round(min(self.milliseconds), 2),
            "p50_ms": round(float(np.median(self.milliseconds)), 2),
            "p95_ms": round(float(np.percentile(self.milliseconds, 95)), 2),
        }


def compare(
    texts: Sequence[Text], lines: Sequence[Line], engines: Sequence[str], rounds: int = 1
) -> dict[str, Run]:
    """Ingest and ask, each as often as there are rounds; return what each search of each did."""
    with ExitStack() as last:
        made, spent = ingested(texts, engines, rounds, last)
        runs: dict[str, Run] = {}
        searches: dict[str, Search] = {}
        for name, ways in made.items():
            for way, make in ways.items():
                began = time.perf_counter()
                searches[f"{name} {way}"] = make()
                more = time.perf_counter() - began
                runs[f"{name} {way}"] = Run([one + more for one in spent[name]])
        for line in lines:
            for name, search in searches.items():
                runs[name].places.append(place(line, search(line.question)))
        for line, name in turns(lines, list(searches), rounds):
            began = time.perf_counter()
            searches[name](line.question)
            runs[name].milliseconds.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE_SECONDS)
    return runs


def ingested(
    texts: Sequence[Text], engines: Sequence[str], rounds: int, last: ExitStack
) -> tuple[dict[str, Searches], dict[str, list[float]]]:
    """Return each system's searches after its last ingestion, and the seconds of each ingestion.

    A first one of a few texts imports what is needed and loads the model, and does not count.
    """
    made: dict[str, Searches] = {}
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for name in engines:
        with ExitStack() as stack:
            for make in ENGINES[name](texts[:WARM_UP], stack).values():
                make()
    for number in range(rounds):
        with ExitStack() as stack:
            for name in [*engines[number % len(engines) :], *engines[: number % len(engines)]]:
                kept = last if number == rounds - 1 else stack
                began = time.perf_counter()
                made[name] = ENGINES[name](texts, kept)
                spent[name].append(time.perf_counter() - began)
    return {name: made[name] for name in engines}, spent


def turns(lines: Sequence[Line], names: Sequence[str], rounds: int) -> Iterator[tuple[Line, str]]:
    """Yield each question with each search, as often as there are rounds.

    Their order is drawn anew each time: who follows whom matters to what is in the processor's
    caches.
    """
    chance = np.random.default_rng(SEED)
    for _ in range(rounds):
        for line in lines:
            for at in chance.permutation(len(names)):
                yield line, names[at]


def place(line: Line, found: Sequence[str]) -> int | None:
    """Return at which place the first right text came, from 0, or None."""
    return next((at for at, name in enumerate(found) if name in (line.relevant or ())), None)


def ratios(shown: Mapping[str, Figures], runs: Mapping[str, Run]) -> dict[str, float]:
    """Return how we stand to the others: times as fast, and points of hit@5.

    Ingestion is beside the fastest other of each round. Empty where only we ran, or only others.
    """
    others = {name: one for name, one in shown.items() if not name.startswith(OURS)}
    if OURS_HYBRID not in shown or not others:
        return {}
    ours = shown[OURS_HYBRID]
    fastest = np.min([runs[name].seconds for name in others], axis=0)
    found = {
        "ingestion": float(np.median(fastest / np.array(runs[OURS_HYBRID].seconds))),
        "hit@5_points": 100 * (ours["hit@5"] - max(one["hit@5"] for one in others.values())),
    }
    for label, kind in (("fastest_dense", " dense"), ("txtai_hybrid", "txtai+bm25 hybrid")):
        among = [one for name, one in others.items() if name.endswith(kind)]
        for figure in ("p50_ms", "min_ms") if among else ():
            found[f"{label}_{figure[:3]}"] = min(one[figure] for one in among) / ours[figure]
    return {name: round(value, 2) for name, value in found.items()}


def table(shown: Mapping[str, Figures]) -> str:
    """Return the figures as a table in Markdown, a row for each search."""
    columns = list(next(iter(shown.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, one in shown.items():
        lines.append(f"| {name} | " + " | ".join(f"{one[key]:,.4g}" for key in columns) + " |")
    return "\n".join(lines)


def plot(shown: Mapping[str, Figures], path: Path) -> None:
    """Draw texts a second, and what a question takes, as an SVG."""
    import matplotlib.pyplot as plt

    plt.switch_backend("svg")
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.4 * len(shown) + 1.5), layout="constrained")
    names = list(shown)[::-1]
    colours = ["tab:orange" if name.startswith(OURS) else "tab:blue" for name in names]
    for axis, key, title in (
        (axes[0], "texts_a_second", "texts ingested a second"),
        (axes[1], "p50_ms", "a question, p50, ms"),
    ):
        bars = axis.barh(names, [shown[name][key] for name in names], color=colours)
        axis.bar_label(bars, fmt="%.3g", padding=3)
        axis.set(title=title, xscale="log" if key == "p50_ms" else "linear")
        axis.margins(x=0.15)
    figure.savefig(path)
    plt.close(figure)


def chosen(
    corpus: Path, questions: Path, texts: int | None, limit: int
) -> tuple[list[Text], list[Line]]:
    """Return the first texts of a corpus, or all, and questions that they answer."""
    rows = read_rows(corpus)[:texts]
    kept = [Text(str(row["id"]), str(row["title"]), str(row["text"])) for row in rows]
    ids = {one.id for one in kept}
    lines = [one for one in read_lines(questions) if ids.intersection(one.relevant or ())]
    return kept, sample(lines, limit)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=200, help="questions, drawn with a fixed seed")
    parser.add_argument("--texts", type=int, help="only the first so many paragraphs")
    parser.add_argument("--rounds", type=int, default=1, help="how often all is done")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--plot", type=Path, help="an SVG; needs matplotlib")
    given = parser.parse_args()
    # As Afterword does; left to itself torch takes one thread for two logical cores.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    texts, lines = chosen(given.corpus, given.questions, given.texts, given.limit)
    runs = compare(texts, lines, given.engines.split(","), given.rounds)
    shown = {name: run.shown(len(texts)) for name, run in runs.items()}
    about = {"texts": len(texts), "questions": len(lines), "rounds": given.rounds}
    found = {"reader": load_settings().reader, **about, "engines": shown}
    json.dump({**found, "ratios": ratios(shown, runs)}, sys.stdout, indent=1)
    sys.stdout.write("\n")
    sys.stderr.write(f"{table(shown)}\n")
    if given.plot:
        plot(shown, given.plot)


if __name__ == "__main__":
    main()
