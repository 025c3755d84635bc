"""Evaluate: how well questions with known answers are answered, in numbers.

A line of the questions file is `{"id", "question", "answers": [...], "relevant": [document id or
uri, with "#page=N" where a page matters], "answerable": bool, "context_id"?}`; of the fields after
`question` a line may lack those that it has no truth for, and then counts in no figure that needs
them. Ranking metrics by ir-measures (trec_eval's), answers compared as in SQuAD 1.1.
"""

import gzip
import json
import re
import string
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from indexes.errors import AfterwordError, UsageError
from service.answer import Answerer, Question
from service.reply import ANSWERED, Citation, Passage

Stage = Literal["dense", "lexical", "fused", "attend"]
STAGES: Final[tuple[Stage, ...]] = ("dense", "lexical", "fused", "attend")

_RANKED: Final = 10
_SEARCHED: Final = 100
_PAGE: Final = re.compile(r"(.+)#page=(\d+)")
_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Line:
    """One question with what is known of its answer; None where a field is missing."""

    id: str
    question: str
    answers: tuple[str, ...] | None
    relevant: tuple[str, ...] | None
    answerable: bool | None
    context_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back for one line: the documents (or pages) ranked, and the answer forced."""

    line: Line
    ranked: tuple[str, ...]
    answered: bool
    short: str
    score: float
    citations: tuple[Citation, ...]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A line whose question could not be asked, and why."""

    id: str
    message: str


@dataclass(frozen=True, slots=True)
class Asked:
    """How an evaluation is run: where, from the given context alone or not, up to which stage."""

    collection: str
    given: bool = False
    stage: Stage = "attend"
    candidates: int = 24


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
    )


def _texts(place: str, value: Mapping[str, object], key: str) -> tuple[str, ...] | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise UsageError(f"{place}: {key} must be a list of texts")
    return tuple(found)


def evaluate(lines: Sequence[Line], answerer: Answerer, asked: Asked) -> Iterator[Outcome | Failed]:
    """Ask each question in turn; yield what came back, or why a question could not be asked."""
    for line in lines:
        try:
            yield _ask(line, answerer, asked)
        except AfterwordError as error:
            yield Failed(line.id, error.message)


def _ask(line: Line, answerer: Answerer, asked: Asked) -> Outcome:
    if asked.stage != "attend":
        return _searched(line, answerer, asked)
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
            top_k=asked.candidates,
            candidates=asked.candidates,
        ),
        abstain=False,
    )
    return Outcome(
        line=line,
        ranked=() if asked.given else rank(reply.passages, line.relevant or ()),
        answered=reply.status == ANSWERED and reply.score >= reply.threshold,
        short=reply.answer_short,
        score=reply.score,
        citations=reply.citations,
        milliseconds=reply.timings.total,
    )


def _searched(line: Line, answerer: Answerer, asked: Asked) -> Outcome:
    began = time.perf_counter()
    passages = answerer.search(line.question, asked.collection, None, _SEARCHED)
    took = (time.perf_counter() - began) * 1000
    ordered = sorted(passages, key=lambda one: -(_score(one, asked.stage) or 0.0))
    kept = [one for one in ordered if _score(one, asked.stage) is not None]
    return Outcome(line, rank(kept, line.relevant or ()), False, "", 0.0, (), took)


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
        if len(ranked) == _RANKED:
            break
    return tuple(ranked)


def matches(entry: str, document_id: str, uri: str, pages: Sequence[int]) -> bool:
    """Tell whether an entry of `relevant` means this document, or one of these pages of it."""
    if entry in (document_id, uri):
        return True
    named = _PAGE.fullmatch(entry)
    return named is not None and named[1] in (document_id, uri) and int(named[2]) in pages


# --- figures -------------------------------------------------------------------------------------


def summarise(outcomes: Sequence[Outcome], asked: Asked) -> dict[str, object]:
    """Return the figures of an evaluation, named as in `afterword eval --json`; None without truth.

    em, f1: exact match and token F1 of `answer_short` over answerable lines, as shares like
    all other figures; an abstention scores 0, the forced ones are with abstaining off.
    """
    reading = asked.stage == "attend"
    judged = [] if asked.given else [one for one in outcomes if one.line.relevant]
    known = [o for o in outcomes if reading and o.line.answers and o.line.answerable is not False]
    milliseconds = [one.milliseconds for one in outcomes]
    return {
        "questions": len(outcomes),
        **_ranking(judged),
        "em": _answers(known, exact_match, forced=False),
        "f1": _answers(known, token_f1, forced=False),
        "em_forced": _answers(known, exact_match, forced=True),
        "f1_forced": _answers(known, token_f1, forced=True),
        "citation_precision": _citation_precision(outcomes),
        "answering": _answering(outcomes if reading else ()),
        "latency_ms": {
            "p50": _percentile(milliseconds, 50),
            "p95": _percentile(milliseconds, 95),
        },
    }


def _ranking(outcomes: Sequence[Outcome]) -> dict[str, object]:
    if not outcomes:
        return {"hit": {"1": None, "5": None, "10": None}, "mrr": None, "ndcg": {"10": None}}
    import ir_measures
    from ir_measures import RR, Success, nDCG

    measures = [Success @ 1, Success @ 5, Success @ 10, RR @ _RANKED, nDCG @ _RANKED]
    truth = [
        ir_measures.Qrel(str(number), entry, 1)
        for number, one in enumerate(outcomes)
        for entry in one.line.relevant or ()
    ]
    run = [
        ir_measures.ScoredDoc(str(number), entry, -float(place))
        for number, one in enumerate(outcomes)
        for place, entry in enumerate(one.ranked)
    ]
    found = ir_measures.calc_aggregate(measures, truth, run)
    hit1, hit5, hit10, mrr, ndcg = (round(float(found[measure]), 4) for measure in measures)
    return {"hit": {"1": hit1, "5": hit5, "10": hit10}, "mrr": mrr, "ndcg": {"10": ndcg}}


def _answers(
    outcomes: Sequence[Outcome], compare: Callable[[str, str], float], *, forced: bool
) -> float | None:
    if not outcomes:
        return None
    scores = [
        max(compare(one.short, answer) for answer in one.line.answers or ("",))
        if forced or one.answered
        else 0.0
        for one in outcomes
    ]
    return round(sum(scores) / len(scores), 4)


def _citation_precision(outcomes: Sequence[Outcome]) -> float | None:
    good = [
        any(
            matches(entry, citation.document_id, citation.uri, [citation.page or 0])
            for entry in one.line.relevant
        )
        for one in outcomes
        if one.answered and one.line.relevant
        for citation in one.citations
    ]
    return round(sum(good) / len(good), 4) if good else None


def _answering(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    known = [one for one in outcomes if one.line.answerable is not None]
    answered = [one for one in known if one.answered]
    right = sum(one.line.answerable is True for one in answered)
    positive = sum(one.line.answerable is True for one in known)
    return {
        "auroc": auroc(
            [one.score for one in known if one.line.answerable],
            [one.score for one in known if not one.line.answerable],
        ),
        "precision": round(right / len(answered), 4) if answered else None,
        "recall": round(right / positive, 4) if positive else None,
        "coverage": round(len(answered) / len(known), 4) if known else None,
    }


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return how often a positive scores over a negative, ties as halves (Mann and Whitney)."""
    if not positive or not negative:
        return None
    below = np.sort(negative)
    under = np.searchsorted(below, positive, "left") + np.searchsorted(below, positive, "right")
    return round(float(under.mean()) / (2 * len(below)), 4)


def _percentile(values: Sequence[float], percent: int) -> float | None:
    return round(float(np.percentile(values, percent)), 2) if values else None


def normalised(text: str) -> list[str]:
    """Return a text's words as SQuAD 1.1 compares them: no case, punctuation or articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


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
