"""The way of a question: rewrite, retrieve, attend, generate, check citations, in this order."""

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from indexes.collection import Collection, Reading, open_collection
from indexes.documents import stored_form
from indexes.encoder import Encoder, EncoderIdentity, load_encoder
from indexes.errors import AfterwordError, UsageError
from indexes.settings import Settings
from service.citations import Citer
from service.clock import Clock
from service.described import beside_in
from service.entailment import load_entailment
from service.evidence import (
    Asked,
    Attend,
    Evidence,
    Query,
    Step,
    Turn,
)
from service.generators import (
    QUOTE,
    check_generator,
    check_writer,
    desk_for,
    generator_of,
)
from service.grounding import grounding
from service.history import recent
from service.language_model import Check, Usage, go_on
from service.lengths import too_long
from service.passages import attended, retrieved
from service.prompts import check_prompts
from service.readers import LoadedReader, load_reader, reader_for, reads
from service.reply import (
    ANSWERED,
    NO_DOCUMENTS,
    NOT_FOUND,
    Dropped,
    Event,
    FinalEvent,
    Passage,
    Reply,
    SearchEvent,
    Status,
    Timings,
)
from service.retrieve import Retrieved, retrieve
from service.rewrite import NO_MODEL, WAYS, Rewritten, Way, rewrite_by_model, rewrite_by_rule
from service.strategies import strategy_named
from service.summaries.reply import Event as SummaryProgress
from service.summaries.reply import Summary
from service.summaries.summarise import Sources, check_wanted, summarise
from service.summaries.wanted import Wanted
from service.told import put_together
from service.writing import Desk, within

MOST_PASSAGES: Final = 100
MOST_CANDIDATES: Final = 200
_SEARCHES: Final = 8
# What of the time for an answer a language model may take to rewrite its question.
_REWRITING: Final = 0.25


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, where to look and how to answer.

    `candidates` chunks are looked at closely, the answer may rest on the `top_k` best of them.
    Where no `generator` is named the settings name it. With `reasoning`, that of a language model
    is told. `history` is what was said before, oldest first; `rewrite` is how the question is made
    one that stands alone, None for the setting's way.
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
    rewrite: Way | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """What was found for a question, weighed, and what with."""

    encoder: Encoder
    threshold: float
    query: Query
    evidence: Sequence[Evidence]
    dropped: tuple[Dropped, ...]


def _ignore(_event: object) -> None:
    """Take an event that nobody waits for."""


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
        check: Check = go_on,
    ) -> Reply:
        """Answer one question; without `abstain` the best that was found is the answer.

        `on_event` and, while a language model works, `check` are called in this thread; what they
        raise ends the work. Raises UsageError, BadFilter, CollectionNotFound, EncoderMismatch,
        ModelMissing, ModelFailed, PromptTooLong and IndexDamaged.
        """
        self._checked(question)
        clock = Clock()
        collection = self.collection(question.collection)
        rewritten = self._rewritten(question, collection, check)
        clock.lap("rewrite")
        with ExitStack() as held:
            reading = held.enter_context(collection.read())
            weighed = self._weighed(question, rewritten.text, reading, clock, on_event)
            evidence, usable = weighed.evidence, weighed.evidence[: question.top_k]
            status = _status(evidence, weighed.threshold if abstain else 0.0)
            given = usable if status == ANSWERED else ()
            steps = self._steps(question, weighed, check, given)
            citer = Citer(reading)
            if self._writer(question) != QUOTE:
                citer.keep(given)
                held.close()  # SQLite's log grows while one reads, and a model may take minutes
            written = put_together(steps, citer, on_event, reasoning=question.reasoning)
            clock.lap("generate")
        reply = Reply(
            NOT_FOUND if written.abstains else status,
            written.text,
            written.short,
            score=evidence[0].score if evidence else 0.0,
            threshold=weighed.threshold,
            query=weighed.query.text,
            citations=written.citations,
            passages=attended(usable),
            dropped=(*weighed.dropped, *written.left_out),
            usage=_together(rewritten.usage, written.usage),
            timings=Timings(**clock.laps, total=clock.total),
            trace_id=uuid4().hex,
            generation=written.generation(self._writer(question)),
            rewritten_by=rewritten.by,
        )
        on_event(FinalEvent(reply))
        return reply

    def _weighed(
        self,
        question: Question,
        text: str,
        reading: Reading,
        clock: Clock,
        tell: Callable[[Event], None],
    ) -> _Weighed:
        """Find what may answer a question that stands alone, and weigh it."""
        encoder, reader, threshold = self._models(question.collection, reading)
        query = query_of(text, encoder, reading)
        clock.lap("encode")
        found = self._retrieved(question, query, reading, tell)
        clock.lap("retrieve")
        evidence = _attend(reader, encoder, reading)(query, found.candidates)
        clock.lap("attend")
        return _Weighed(encoder, threshold, query, evidence, found.dropped)

    def _writer(self, question: Question) -> str:
        """Return the name of the generator that answers a question."""
        return question.generator or self._settings.generator

    def _models(self, name: str, reading: Reading) -> tuple[Encoder, LoadedReader, float]:
        """Return encoder and reader of a collection, and from which score on it is answered."""
        settings, named = self._settings, reading.encoder.name
        reader = reader_for(settings.reader, reading.language, named, settings.threads)
        encoder = self._encoder(name, reading.encoder)
        return (
            encoder,
            reader,
            reader.threshold if settings.threshold is None else settings.threshold,
        )

    def _steps(
        self,
        question: Question,
        weighed: _Weighed,
        check: Check,
        evidence: Sequence[Evidence],
    ) -> Generator[Step]:
        """Yield an answer from evidence, nothing of none, within the time that there is for it."""
        if not evidence:
            return
        settings = self._settings
        desk = desk_for(self._writer(question), settings, check)
        ground = grounding(weighed.encoder, settings.threads)
        generate = generator_of(desk, question.strategy, ground, settings.unsupported)
        limit = within(settings.answer_seconds, check)
        asked = Asked(weighed.query.text, recent(question.history), question.strategy, limit)
        yield from generate(asked, evidence)

    def _rewritten(self, question: Question, collection: Collection, check: Check) -> Rewritten:
        """Return the question as it can be understood alone; no reading is held for a model."""
        asked, history, settings = question.question, recent(question.history), self._settings
        way = question.rewrite or settings.rewrite
        if not history or way == "none":
            return Rewritten(asked)

        def by_rule() -> Rewritten:
            with collection.read() as reading:
                beside = beside_in(reading, reading.allowed(question.filter, question.as_of))
                return rewrite_by_rule(asked, history, reading.rarities, reading.language, beside)

        desk = self._rewriter(question, way, check) if way != "rule" else None
        if desk is None:
            return by_rule()
        limit = within(settings.answer_seconds * _REWRITING, check)
        model, prompts, language = desk.model, desk.prompts, collection.language
        return rewrite_by_model(asked, history, model, prompts, limit, by_rule, language)

    def _rewriter(self, question: Question, way: str, check: Check) -> Desk | None:
        """Return the language model that rewrites: the one that answers, or the settings' own."""
        desk = desk_for(self._writer(question), self._settings, check)
        if way == "model":
            desk = desk or desk_for(self._settings.generator, self._settings, check)
            if desk is None:
                raise UsageError(NO_MODEL)
        return desk

    def search(
        self,
        query: str,
        collection: str = "default",
        filter: Mapping[str, object] | None = None,  # noqa: A002 # the contract's name
        top_k: int = 8,
        as_of: str | None = None,
        history: Sequence[Turn] = (),
    ) -> tuple[Passage, ...]:
        """Return the passages that retrieval finds, best first; raises as `answer` does."""
        asked = Question(
            query, collection, filter, as_of, top_k, 1, generator=QUOTE, history=tuple(history)
        )
        self._checked(asked)
        clock = Clock()
        opened = self.collection(collection)
        rewritten = self._rewritten(asked, opened, go_on)
        clock.lap("rewrite")
        with opened.read() as reading:
            encoder = self._encoder(collection, reading.encoder)
            wanted = query_of(rewritten.text, encoder, reading, weighed=False)
            clock.lap("encode")
            found = self._retrieved(asked, wanted, reading)
            clock.lap("retrieve")
        return retrieved(found.candidates)

    def summarise(
        self,
        wanted: Wanted,
        *,
        on_event: Callable[[SummaryProgress], None] = _ignore,
        check: Check = go_on,
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
            desk_for(wanted.generator or settings.generator, settings, check),
        )
        return summarise(wanted, sources, on_event, check)

    def _retrieved(
        self,
        question: Question,
        query: Query,
        reading: Reading,
        tell: Callable[[Event], None] | None = None,
    ) -> Retrieved:
        """Find the candidates of a question; words lead where the encoder knows no language."""
        found = retrieve(
            reading,
            query,
            allowed=reading.allowed(question.filter, question.as_of),
            limit=max(question.candidates, question.top_k),
            executor=self._executor,
            words_lead=not reads(reading.encoder.name, reading.language),
        )
        if tell is not None:
            tell(SearchEvent(retrieved(found.candidates[: question.top_k]), query.text))
        return found

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

    def encoder(self, name: str) -> Encoder:
        """Return the encoder of a collection; raises as `answer` does."""
        return self._encoder(name, self.collection(name).encoder)

    def ready(self) -> list[str]:
        """Load the models of the settings and return the reasons why that cannot be.

        Of a language model behind a server the settings are looked at, and the server is not asked.
        """
        settings = self._settings
        loads: Sequence[Callable[[], object]] = (
            lambda: self._load_encoder(settings.encoder),
            lambda: load_reader(settings.reader, threads=settings.threads),
            lambda: check_writer(settings),
            lambda: settings.generator == QUOTE or load_entailment(settings.threads),
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

    def _checked(self, question: Question) -> None:
        """Raise UsageError for a question that cannot be asked."""
        if not question.question.strip():
            raise UsageError("the question is empty; write one")
        if (wrong := too_long(question.question, self._settings)) is not None:
            raise UsageError(f"the question {wrong}")
        if not 1 <= question.top_k <= MOST_PASSAGES:
            raise UsageError(f"top_k is {question.top_k}; use 1 to {MOST_PASSAGES}")
        if not 1 <= question.candidates <= MOST_CANDIDATES:
            raise UsageError(f"candidates is {question.candidates}; use 1 to {MOST_CANDIDATES}")
        if question.rewrite is not None and question.rewrite not in WAYS:
            raise UsageError(
                f"rewrite {question.rewrite!r} is not known; use one of: {', '.join(WAYS)}"
            )
        strategy_named(question.strategy)
        check_generator(self._writer(question))


def build_answerer(settings: Settings) -> Answerer:
    """Return the answerer of a process; encoders and collections are loaded when first needed.

    Raises UsageError where the folder of prompts cannot be used.
    """
    check_prompts(settings.prompts)
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


def _together(*used: Usage | None) -> dict[str, int] | None:
    """Return what several calls of a language model used, None where there was none."""
    known = [one for one in used if one is not None]
    return sum(known, Usage()).as_json() if known else None
