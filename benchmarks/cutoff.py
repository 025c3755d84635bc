"""What a language model knows by itself, beside what it answers from documents, and quotes alone.

`python -m benchmarks.cutoff QUESTIONS.jsonl --collection C --generator transformers [--limit N]`
asks each question three times: the language model alone, Afterword with the model, and Afterword
without it. It prints as JSON the share of answerable questions whose answer has the right words in
it (`right`), the share of the others that is answered all the same (`answered_wrongly`), how many
sentences a question the documents do not bear out, how often the documents are quoted instead of
what the model wrote (`fell_back`), and seconds. Words are compared as SQuAD does: without case,
punctuation and articles.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexes.settings import Settings, load_settings
from service.answer import Answerer, Question
from service.evaluate import Line, normalised, read_lines
from service.generators import QUOTE
from service.language_model import LanguageModel, Message, Sampling
from service.models import load_model
from service.reply import ANSWERED, Reply


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: its text, "" where there is none, and how its sentences fared."""

    text: str
    seconds: float
    unsupported: int = 0
    fell_back: bool = False


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cutoff", description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--collection", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--strategy", default="direct")
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    settings = load_settings()
    model = load_model(given.generator, settings)
    answerer = Answerer(settings)

    def asks(generator: str, strategy: str) -> Callable[[str], Said]:
        def ask(question: str) -> Said:
            asked = Question(question, given.collection, generator=generator, strategy=strategy)
            began = time.perf_counter()
            return _said(answerer.answer(asked), time.perf_counter() - began)

        return ask

    ways: dict[str, Callable[[str], Said]] = {
        "closed book": lambda question: closed_book(model, question, settings),
        given.generator: asks(given.generator, given.strategy),
        QUOTE: asks(QUOTE, "direct"),
    }
    lines = read_lines(given.questions, given.limit)
    said: dict[str, list[Said]] = {name: [] for name in ways}
    for line in lines:
        for name, ask in ways.items():
            said[name].append(ask(line.question))
    found = {name: figures(lines, answers) for name, answers in said.items()}
    json.dump({"model": model.name, "questions": len(lines), "ways": found}, sys.stdout, indent=1)
    sys.stdout.write("\n")


def closed_book(model: LanguageModel, question: str, settings: Settings) -> Said:
    """Return what the model says to the question alone."""
    began = time.perf_counter()
    sampling = Sampling(settings.answer_tokens, settings.temperature)
    pieces = model.write([Message("user", question)], sampling, lambda: None)
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    return Said(text, time.perf_counter() - began)


def _said(reply: Reply, seconds: float) -> Said:
    text = reply.answer if reply.status == ANSWERED else ""
    unsupported = len(reply.generation.unsupported)
    fell_back = reply.generation.fallback is not None
    return Said(text, seconds, unsupported, fell_back)


def figures(lines: Sequence[Line], said: Sequence[Said]) -> dict[str, float | None]:
    """Return the figures of one way to ask."""
    pairs = list(zip(lines, said, strict=True))
    right = [has_answer(one.text, line.answers or ()) for line, one in pairs if line.answerable]
    wrong = [bool(one.text.strip()) for line, one in pairs if line.answerable is False]
    return {
        "right": _mean(right),
        "answered_wrongly": _mean(wrong),
        "fell_back": _mean([one.fell_back for one in said]),
        "unsupported_a_question": _mean([one.unsupported for one in said]),
        "seconds_p50": round(float(np.median([one.seconds for one in said])), 2),
    }


def has_answer(text: str, answers: Sequence[str]) -> bool:
    """Tell whether the words of one of the answers stand in the text, in a row."""
    words = f" {' '.join(normalised(text))} "
    return any(f" {' '.join(normalised(answer))} " in words for answer in answers if answer)


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


if __name__ == "__main__":
    main()
