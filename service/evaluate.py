"""Evaluate: ask questions with known answers, and keep what is compared with them.

A line of the questions file is `{"id", "question", "answers": [...], "relevant": [document id or
uri, with "#page=N" where a page matters], "answerable": bool, "context_id"?}`; of the fields after
`question` a line may lack those that it has no truth for, and then counts in no figure that needs
them. With `"history": [{"role", "content"}]` the question is asked after what was said before.
`service/figures.py` makes numbers of what came back.
"""

import gzip
import json
import re
import string
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import regex

from indexes.collection import Reading
from indexes.errors import (
    AfterwordError,
    DocumentNotFound,
    EncoderMismatch,
    ModelMissing,
    UsageError,
)
from indexes.words import UNSPACED
from service.answer import MOST_PASSAGES, Answerer, Question
from service.evidence import Turn
from service.reply import ANSWERED, Citation, Passage

Stage = Literal["dense", "lexical", "fused", "attend"]
STAGES: Final[tuple[Stage, ...]] = ("dense", "lexical", "fused", "attend")

RANKED: Final = 10
_SEARCHED: Final = 100
_PAGE: Final = re.compile(r"(.+)#page=(\d+)")
_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
# ASCII's, and that of scripts for which SQuAD had no need.
_PUNCTUATION: Final = str.maketrans(
    "", "", string.punctuation + "،؛؟۔«»।॥、。〈〉《》「」『』【】・！（），．：；？"
)
_SIGN: Final = regex.compile(f"([{UNSPACED}])")


@dataclass(frozen=True, slots=True)
class Line:
    """One question with what is known of its answer; None where a field is missing."""

    id: str
    question: str
    answers: tuple[str, ...] | None
    relevant: tuple[str, ...] | None
    answerable: bool | None
    context_id: str | None
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back for one line: the documents (or pages) ranked, and the answer forced.

    `relevant_at` is the place, from 1, of the first relevant passage among all candidates.
    """

    line: Line
    ranked: tuple[str, ...]
    relevant_at: int | None
    answered: bool
    short: str
    score: float
    threshold: float
    citations: tuple[Citation, ...]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A line whose question could not be asked, and why."""

    id: str
    message: str


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """How an evaluation is run: where, from the given context alone or not, up to which stage."""

    collection: str
    given: bool = False
    stage: Stage = "attend"
    candidates: int = 24
    strategy: str = "direct"

    @property
    def reading(self) -> bool:
        """Whether questions are answered; else documents are ranked alone."""
        return self.stage == "attend"


def stage_named(name: str) -> Stage:
    """Return the stage of that name. Raises UsageError that names those there are."""
    found = next((one for one in STAGES if one == name), None)
    if found is None:
        raise UsageError(f"stage {name!r} is not known; use one of {', '.join(STAGES)}")
    return found


def read_lines(path: Path, limit: int | None = None) -> list[Line]:
    """Read a questions file, gzipped or not. Raises UsageError that names the first bad line."""
    lines: list[Line] = []
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig") as file:
            for number, text in enumerate(file, start=1):
                if text.strip() and (limit is None or len(lines) < limit):
                    lines.append(_line(f"{path}, line {number}", text))
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not lines:
        raise UsageError(f"{path} has no questions")
    return lines


def _line(place: str, text: str) -> Line:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: not JSON ({error})") from None
    if not isinstance(value, dict) or not isinstance(value.get("question"), str):
        raise UsageError(f'{place}: expected {{"id": "...", "question": "...", ...}}')
    answerable, context = value.get("answerable"), value.get("context_id")
    if not isinstance(answerable, bool | None) or not isinstance(context, str | None):
        raise UsageError(f"{place}: answerable must be true or false, context_id text")
    return Line(
        id=str(value.get("id", place)),
        question=value["question"],
        answers=_texts(place, value, "answers"),
        relevant=_texts(place, value, "relevant"),
        answerable=answerable,
        context_id=context,
        history=_history(place, value),
    )


def _history(place: str, value: Mapping[str, object]) -> tuple[Turn, ...]:
    found = value.get("history") or []
    turns = list[Turn]()
    for one in found if isinstance(found, list) else [None]:
        said = one if isinstance(one, dict) else {}
        role, text = said.get("role"), said.get("content", said.get("text"))
        if role not in {"user", "assistant"} or not isinstance(text, str):
            raise UsageError(
                f'{place}: history must be a list of {{"role": "user" or "assistant", '
                '"content": text}'
            )
        turns.append(Turn(role, text))
    return tuple(turns)


def _texts(place: str, value: Mapping[str, object], key: str) -> tuple[str, ...] | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise UsageError(f"{place}: {key} must be a list of texts")
    return tuple(found)


def evaluate(
    lines: Sequence[Line], answerer: Answerer, asked: EvaluationRun
) -> Iterator[Outcome | Failed]:
    """Ask each question in turn; yield what came back, or why a question could not be asked."""
    ask(lines[0], answerer, asked)  # models are loaded before any time is taken
    for line in lines:
        yield ask(line, answerer, asked)


def ask(line: Line, answerer: Answerer, asked: EvaluationRun) -> Outcome | Failed:
    """Ask one question; return what came back, or why it could not be asked.

    Raises ModelMissing and EncoderMismatch: no other question could be asked either.
    """
    try:
        return _read(line, answerer, asked) if asked.reading else _searched(line, answerer, asked)
    except (ModelMissing, EncoderMismatch):
        raise
    except AfterwordError as error:
        return Failed(line.id, error.message)


def _read(line: Line, answerer: Answerer, asked: EvaluationRun) -> Outcome:
    narrowed = None
    if asked.given:
        if line.context_id is None:
            raise UsageError("--given needs a context_id, and this line has none")
        narrowed = {"field": "id", "operator": "==", "value": line.context_id}
    reply = answerer.answer(
        Question(
            line.question,
            asked.collection,
            filter=narrowed,
            top_k=min(asked.candidates, MOST_PASSAGES),
            candidates=asked.candidates,
            history=line.history,
            strategy=asked.strategy,
        ),
        abstain=False,
    )
    return Outcome(
        line=line,
        ranked=() if asked.given else rank(reply.passages, line.relevant or ()),
        relevant_at=relevant_at(reply.passages, line.relevant or ()),
        answered=reply.status == ANSWERED and reply.score >= reply.threshold,
        short=reply.answer_short,
        score=reply.score,
        threshold=reply.threshold,
        citations=reply.citations,
        milliseconds=reply.timings.total,
    )


def _searched(line: Line, answerer: Answerer, asked: EvaluationRun) -> Outcome:
    began = time.perf_counter()
    passages = answerer.search(
        line.question, asked.collection, None, _SEARCHED, history=line.history
    )
    took = (time.perf_counter() - began) * 1000
    ordered = sorted(passages, key=lambda one: -(_score(one, asked.stage) or 0.0))
    kept = [one for one in ordered if _score(one, asked.stage) is not None]
    relevant = line.relevant or ()
    place = relevant_at(kept, relevant)
    return Outcome(line, rank(kept, relevant), place, False, "", 0.0, 0.0, (), took)


def _score(passage: Passage, stage: Stage) -> float | None:
    scores = passage.scores
    return {"dense": scores.dense, "lexical": scores.lexical}.get(stage, scores.fused)


# --- what is relevant ----------------------------------------------------------------------------


def rank(passages: Iterable[Passage], relevant: Sequence[str]) -> tuple[str, ...]:
    """Return the first ten distinct documents, best chunk each, relevant ones by their entry.

    Where an entry names a page, pages are ranked in the place of documents.
    """
    by_page = any(_PAGE.fullmatch(entry) for entry in relevant)
    ranked: dict[str, None] = {}
    for one in passages:
        place = f"{one.document_id} {one.page}" if by_page else one.document_id
        entries = [e for e in relevant if matches(e, one.document_id, one.uri, one.pages)]
        ranked.setdefault(entries[0] if entries else f" {place}")
        if len(ranked) == RANKED:
            break
    return tuple(ranked)


def relevant_at(passages: Iterable[Passage], relevant: Sequence[str]) -> int | None:
    """Return the place, from 1, of the first relevant passage, None where there is none."""
    return next(
        (
            place
            for place, one in enumerate(passages, start=1)
            if any(matches(entry, one.document_id, one.uri, one.pages) for entry in relevant)
        ),
        None,
    )


def matches(entry: str, document_id: str, uri: str, pages: Sequence[int]) -> bool:
    """Tell whether an entry of `relevant` means this document, or one of these pages of it."""
    if entry in (document_id, uri):
        return True
    named = _PAGE.fullmatch(entry)
    return named is not None and named[1] in (document_id, uri) and int(named[2]) in pages


def document_of(entry: str) -> str:
    """Return an entry of `relevant` without its page."""
    named = _PAGE.fullmatch(entry)
    return named[1] if named else entry


def unknown(line: Line, reading: Reading) -> list[str]:
    """Return the entries of a line's `relevant` that name no document of a collection."""
    return [entry for entry in line.relevant or () if not _known(entry, reading)]


def _known(entry: str, reading: Reading) -> bool:
    for name in (entry, document_of(entry)):
        with suppress(DocumentNotFound):
            reading.named(name)
            return True
    return False


# --- comparing answers ---------------------------------------------------------------------------


def normalised(text: str) -> list[str]:
    """Return a text's words as SQuAD 1.1 compares them: no case, punctuation or articles.

    Characters of scripts without spaces count as words, as in MLQA (Lewis et al. 2020).
    """
    plain = _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION))
    return _SIGN.sub(r" \1 ", plain).split()


def exact_match(given: str, answer: str) -> float:
    """Return 1 where both texts are the same words, else 0 (Rajpurkar et al. 2016)."""
    return float(normalised(given) == normalised(answer))


def token_f1(given: str, answer: str) -> float:
    """Return the harmonic mean of precision and recall of words (Rajpurkar et al. 2016)."""
    words, truth = normalised(given), normalised(answer)
    same = sum((Counter(words) & Counter(truth)).values())
    if not same:
        return float(words == truth)
    return 2 * same / (len(words) + len(truth))
