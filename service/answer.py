"""The way of a question: retrieve, attend, generate, check citations; the order is here alone."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from indexes.collection import Collection, Reading, open_collection
from indexes.documents import stored_form
from indexes.encoder import Encoder, EncoderIdentity, load_encoder
from indexes.errors import AfterwordError, UsageError
from indexes.settings import Settings
from service.citations import Citer
from service.evidence import (
    Asked,
    Attend,
    Evidence,
    Query,
    Step,
    Turn,
)
from service.generators import QUOTE, desk_for, generator_of
from service.grounding import grounding
from service.language_model import Check
from service.passages import attended, retrieved
from service.readers import LoadedReader, load_reader, reader_for, reads
from service.reply import (
    ANSWERED,
    NO_DOCUMENTS,
    NOT_FOUND,
    Event,
    FinalEvent,
    Passage,
    Reply,
    SearchEvent,
    Status,
    Timings,
)
from service.retrieve import Retrieved, retrieve
from service.strategies import strategy_named
from service.summaries.reply import Event as SummaryProgress
from service.summaries.reply import Summary
from service.summaries.summarise import Sources, check_wanted, summarise
from service.summaries.wanted import Wanted
from service.told import put_together
from service.traces import note_step
from service.writing import Desk, within

MOST_PASSAGES: Final = 100
MOST_CANDIDATES: Final = 200
_SEARCHES: Final = 8


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, where to look and how to answer.

    `candidates` chunks are looked at closely, the answer may rest on the `top_k` best of them.
    Where no `generator` is named the settings name it. With `reasoning`, that of a language model
    is told. `history` is what was said before, oldest first.
    """

    question: str
    collection: str = "default"
    filter: Mapping[str, object] | None = None
    as_of: str | None = None
    top_k: int = 8
    candidates: int = 24
    generator: str | None = None
    strategy: str = "direct"
    reasoning: bool = False
    history: tuple[Turn, ...] = ()


def _ignore(_event: object) -> None:
    """Take an event that nobody waits for."""


def _go_on() -> None:
    """Let the work go on."""


class Answerer:
    """Answers questions from the collections of one data folder; any number of threads may ask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._collections: dict[str, Collection] = {}
        self._encoders: dict[tuple[str, EncoderIdentity], Encoder] = {}
        self._executor = ThreadPoolExecutor(_SEARCHES, thread_name_prefix="search")

    def answer(
        self,
        question: Question,
        *,
        abstain: bool = True,
        on_event: Callable[[Event], None] = _ignore,
        check: Check = _go_on,
    ) -> Reply:
        """Answer one question; without `abstain` the best that was found is the answer.

        `on_event` and, while a language model works, `check` are called in this thread; what they
        raise ends the work. Raises UsageError, BadFilter, CollectionNotFound, EncoderMismatch,
        ModelMissing, ModelFailed, PromptTooLong and IndexDamaged.
        """
        desk = self._checked(question)
        clock = _Clock()
        with self.collection(question.collection).read() as reading:
            encoder = self._encoder(question.collection, reading.encoder)
            reader = self._reader(reading)
            threshold = self._threshold(reader)
            query = query_of(question.question, encoder, reading)
            clock.lap("encode")
            found = self._retrieved(question, query, reading)
            clock.lap("retrieve")
            on_event(SearchEvent(retrieved(found.candidates[: question.top_k])))
            evidence = _attend(reader, encoder, reading)(query, found.candidates)
            usable = evidence[: question.top_k]
            clock.lap("attend")
            status = _status(evidence, threshold if abstain else 0.0)
            generate = self._generator(desk, question, query, encoder, check)
            steps = generate(usable) if status == ANSWERED else ()
            written = put_together(steps, Citer(reading), on_event, reasoning=question.reasoning)
            clock.lap("generate")
        reply = Reply(
            NOT_FOUND if written.abstains else status,
            written.text,
            written.short,
            score=evidence[0].score if evidence else 0.0,
            threshold=threshold,
            query=query.text,
            citations=written.citations,
            passages=attended(usable),
            dropped=(*found.dropped, *written.left_out),
            usage=written.usage.as_json() if written.usage else None,
            timings=clock.timings(),
            trace_id=uuid4().hex,
            generation=written.generation(question.generator or self._settings.generator),
        )
        on_event(FinalEvent(reply))
        return reply

    def _reader(self, reading: Reading) -> LoadedReader:
        settings = self._settings
        return reader_for(settings.reader, reading.language, reading.encoder.name, settings.threads)

    def _generator(
        self, desk: Desk | None, question: Question, query: Query, encoder: Encoder, check: Check
    ) -> Callable[[Sequence[Evidence]], Iterator[Step]]:
        """Return what makes an answer of evidence within the time that there is for it."""
        settings = self._settings
        generate = generator_of(desk, question.strategy, grounding(encoder), settings.unsupported)
        limit = within(settings.answer_seconds, check)
        asked = Asked(query.text, question.history, question.strategy, limit)
        return lambda evidence: generate(asked, evidence)

    def search(
        self,
        query: str,
        collection: str = "default",
        filter: Mapping[str, object] | None = None,  # noqa: A002 # the contract's name
        top_k: int = 8,
        as_of: str | None = None,
    ) -> tuple[Passage, ...]:
        """Return the passages that retrieval finds, best first; raises as `answer` does."""
        asked = Question(query, collection, filter, as_of, top_k, candidates=1, generator=QUOTE)
        self._checked(asked)
        clock = _Clock()
        with self.collection(collection).read() as reading:
            encoder = self._encoder(collection, reading.encoder)
            wanted = query_of(query, encoder, reading, weighed=False)
            clock.lap("encode")
            found = self._retrieved(asked, wanted, reading)
            clock.lap("retrieve")
        return retrieved(found.candidates)

    def summarise(
        self,
        wanted: Wanted,
        *,
        on_event: Callable[[SummaryProgress], None] = _ignore,
        check: Check = _go_on,
    ) -> Summary:
        """Summarise documents of a collection; see `summarise` for events and what is raised."""
        settings = self._settings
        check_wanted(wanted, settings)
        sources = Sources(
            settings,
            self.collection(wanted.collection),
            lambda reading: self._encoder(wanted.collection, reading.encoder),
            query_of,
            self._executor,
            desk_for(wanted.generator or settings.generator, settings),
        )
        return summarise(wanted, sources, on_event, check)

    def _retrieved(self, question: Question, query: Query, reading: Reading) -> Retrieved:
        """Return the candidates of a question; words lead where the encoder knows no language."""
        return retrieve(
            reading,
            query,
            allowed=reading.allowed(question.filter, question.as_of),
            limit=max(question.candidates, question.top_k),
            executor=self._executor,
            words_lead=not reads(reading.encoder.name, reading.language),
        )

    def collection(self, name: str) -> Collection:
        """Return a collection, opened once. Raises BadName, CollectionNotFound, IndexDamaged."""
        with self._lock:
            known = self._collections.get(name)
            if known is not None and known.folder.is_dir():
                return known
            if known is not None:
                self._collections.pop(name).close()
            opened = open_collection(self._settings.data, name)
            self._collections[name] = opened
            return opened

    def ready(self) -> list[str]:
        """Load encoder and reader of the settings and return the reasons why that cannot be."""
        settings = self._settings
        loads: Sequence[Callable[[], object]] = (
            lambda: self._load_encoder(settings.encoder),
            lambda: load_reader(settings.reader, threads=settings.threads),
        )
        reasons = []
        for load in loads:
            try:
                load()
            except AfterwordError as error:
                reasons.append(error.message)
        return reasons

    def _load_encoder(self, name: str) -> Encoder:
        return load_encoder(name, threads=self._settings.threads, for_questions=True)

    def close(self) -> None:
        """Close the collections; no question may be under way."""
        self._executor.shutdown()
        with self._lock:
            while self._collections:
                self._collections.popitem()[1].close()

    def _threshold(self, reader: LoadedReader) -> float:
        given = self._settings.threshold
        return reader.threshold if given is None else given

    def _encoder(self, name: str, identity: EncoderIdentity) -> Encoder:
        """Return the encoder that a collection names, loaded and checked once."""
        with self._lock:
            known = self._encoders.get((name, identity))
        if known is not None:
            return known
        loaded = self._load_encoder(identity.name)
        self.collection(name).check_encoder(loaded)
        with self._lock:
            self._encoders[name, identity] = loaded
        return loaded

    def _checked(self, question: Question) -> Desk | None:
        """Return the language model's desk of a question that can be asked, None without one."""
        limit = self._settings.max_question_chars
        if not question.question.strip():
            raise UsageError("the question is empty; write one")
        if len(question.question) > limit:
            raise UsageError(
                f"the question has {len(question.question)} characters, {limit} are allowed; "
                f"shorten it, or raise AFTERWORD_MAX_QUESTION_CHARS"
            )
        if not 1 <= question.top_k <= MOST_PASSAGES:
            raise UsageError(f"top_k is {question.top_k}; use 1 to {MOST_PASSAGES}")
        if not 1 <= question.candidates <= MOST_CANDIDATES:
            raise UsageError(f"candidates is {question.candidates}; use 1 to {MOST_CANDIDATES}")
        strategy_named(question.strategy)
        return desk_for(question.generator or self._settings.generator, self._settings)


def build_answerer(settings: Settings) -> Answerer:
    """Return the answerer of a process; encoders and collections are loaded when first needed."""
    return Answerer(settings)


def _status(evidence: Sequence[Evidence], threshold: float) -> Status:
    if not evidence:
        return NO_DOCUMENTS
    return NOT_FOUND if evidence[0].score < threshold else ANSWERED


def _attend(reader: LoadedReader, encoder: Encoder, reading: Reading) -> Attend:
    known = reads(reading.encoder.name, reading.language)
    return reader.attend(encoder.encode_documents if known else None)


def query_of(question: str, encoder: Encoder, reading: Reading, *, weighed: bool = True) -> Query:
    """Return what is searched for, by meaning and by words.

    Only a reader needs its terms weighed.
    """
    text = stored_form(question).strip()
    weights = reading.term_weights(text) if weighed else {}
    return Query(text, encoder.encode_query(text), weights, reading.language)


class _Clock:
    """Takes the time of each step, for the reply and for traces."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self._laps[step] = (now - self._last) * 1000
        self._last = now
        note_step(step, self._laps[step])

    def timings(self) -> Timings:
        return Timings(**self._laps, total=(time.perf_counter() - self._began) * 1000)
