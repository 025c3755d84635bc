"""Pairs of question and chunk to train the reader on, made from questions with known answers.

Each question gives its own paragraph with the answer marked, a wrong paragraph that our own
retrieval ranks high, and at times one that is on the topic and does not answer: the own paragraph
without the sentence of the answer, or a question twisted into one that nothing answers.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypedDict, cast

from indexes.documents import Span, encoded_text
from service.sentences import sentence_spans
from training.reader_twists import Frame, frame, named, twisted
from training.sets import SEED, read_rows

# Of 442 articles these many are never trained on and show how training goes.
HELD_OUT_ARTICLES: Final = 12
_WITHOUT_SENTENCE: Final = 0.25
_TWISTED: Final = 0.5
_NO_TITLE: Final = 0.3
_NO_MARK: Final = 0.25
# Wrong paragraphs are drawn by rank: the k-th best with a probability falling by this mean.
_MEAN_RANK: Final = 3.0


class QuestionRow(TypedDict):
    """A line of `questions.jsonl.gz`; `starts` has each answer's places in the paragraph."""

    id: str
    question: str
    answers: list[str]
    relevant: list[str]
    answerable: bool
    starts: list[list[int]]
    context_id: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A document of a corpus."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its paragraph's id and every span in it that answers; none if none does."""

    question: str
    paragraph: str
    answers: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and what the reader sees of a chunk; `inside` is the chunk's own span in `text`.

    `answers` are spans of `text`. `ranked` pairs of a question are compared with each other.
    """

    question: str
    text: str
    inside: Span
    answers: tuple[Span, ...] = ()
    ranked: bool = True


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Paragraphs by id, and questions apart by articles; `topics` has the names of an article.

    `frames` are the training questions with one name, without it.
    """

    paragraphs: Mapping[str, Paragraph]
    train: tuple[Asked, ...]
    held_out: tuple[Asked, ...]
    topics: Mapping[str, tuple[str, ...]]
    frames: tuple[Frame, ...] = ()


def read_set(folder: Path, held_out: int = HELD_OUT_ARTICLES) -> TrainingSet:
    """Read corpus and questions of `folder`; the articles held out are drawn with a fixed seed."""
    paragraphs = {
        str(row["id"]): Paragraph(str(row["title"]), str(row["text"]))
        for row in read_rows(folder / "corpus.jsonl.gz")
    }
    rows = [cast("QuestionRow", row) for row in read_rows(folder / "questions.jsonl.gz")]
    titles = sorted({one.title for one in paragraphs.values()})
    kept_back = set(random.Random(SEED).sample(titles, held_out))
    asked = [_asked(row) for row in rows]
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for one in asked:
        names[paragraphs[one.paragraph].title].update(dict.fromkeys(named(one.question)))
    train = tuple(one for one in asked if paragraphs[one.paragraph].title not in kept_back)
    return TrainingSet(
        paragraphs,
        train,
        tuple(one for one in asked if paragraphs[one.paragraph].title in kept_back),
        {title: tuple(found) for title, found in names.items()},
        tuple(found for one in train if (found := frame(one.question))),
    )


def _asked(row: QuestionRow) -> Asked:
    spans = {
        Span(start, start + len(answer))
        for answer, starts in zip(row["answers"], row["starts"], strict=True)
        for start in starts
    }
    own = row.get("context_id") or row["relevant"][0]
    return Asked(row["question"], own, tuple(sorted(spans)) if row["answerable"] else ())


def pairs(
    one: Asked, data: TrainingSet, wrong: Sequence[str], draw: random.Random
) -> Iterator[Pair]:
    """Yield the pairs of one question; the first is its own paragraph.

    `wrong` are ids of paragraphs that retrieval found, best first.
    """
    paragraph = data.paragraphs[one.paragraph]
    question = one.question.rstrip("?") if draw.random() < _NO_MARK else one.question
    titled = draw.random() >= _NO_TITLE
    own = pair(question, paragraph, one.answers, titled=titled)
    yield own
    if not one.answers:
        return
    words = {span.cut(paragraph.text).lower() for span in one.answers}
    usable = [name for name in wrong if not _has(data.paragraphs[name].text, words)]
    if usable:
        place = min(int(draw.expovariate(1 / _MEAN_RANK)), len(usable) - 1)
        yield pair(question, data.paragraphs[usable[place]], (), titled=titled)
    if draw.random() < _WITHOUT_SENTENCE:
        rest = without_answer(paragraph, one.answers)
        if rest and not _has(rest.text, words):
            yield pair(question, rest, (), titled=titled)
    if draw.random() < _TWISTED:
        others = data.topics[paragraph.title]
        other = twisted(question, paragraph.text, others, data.frames, draw)
        if other:
            yield replace(own, question=other, answers=(), ranked=False)


def pair(question: str, paragraph: Paragraph, answers: Sequence[Span], *, titled: bool) -> Pair:
    """Return a question with a paragraph as the reader will see it."""
    text = encoded_text(paragraph.title if titled else "", (), paragraph.text)
    at = len(text) - len(paragraph.text)
    moved = tuple(span.moved(at) for span in answers)
    return Pair(question, text, Span(at, len(text)), moved)


def without_answer(paragraph: Paragraph, answers: Sequence[Span]) -> Paragraph | None:
    """Return the paragraph without the sentences that answer, None if nothing is left of it."""
    kept = [
        span.cut(paragraph.text)
        for span in sentence_spans(paragraph.text, "text/plain")
        if not any(one.start < span.end and span.start < one.end for one in answers)
    ]
    return Paragraph(paragraph.title, " ".join(kept)) if kept else None


def _has(text: str, words: set[str]) -> bool:
    lower = text.lower()
    return any(word in lower for word in words)
