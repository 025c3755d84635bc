"""The way of a summary: select, choose or write, cite; the order is here alone.

Nothing of the collection is held open while sentences are chosen or written, which may take
minutes: what was read is in memory, and what is told is checked against the collection as it is
then.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

from indexes.collection import Collection, Reading
from indexes.documents import StoredChunk
from indexes.encoder import Encoder
from indexes.errors import UsageError
from indexes.settings import Settings
from service.clock import Clock
from service.evidence import Candidate, Evidence, Ground, Query
from service.generators import check_generator
from service.grounding import grounding
from service.language_model import Check
from service.lengths import too_long
from service.readers import reads
from service.reply import Generation
from service.summaries.by_words import by_words
from service.summaries.compose import Composed, compose, noted
from service.summaries.extract import Embed, extract, pick
from service.summaries.reply import (
    NO_DOCUMENTS,
    NOT_FOUND,
    SUMMARISED,
    Event,
    ProgressEvent,
    Read,
    Status,
    Summarised,
    Summary,
    SummaryEvent,
    SummaryTimings,
)
from service.summaries.selection import select
from service.summaries.wanted import MOST_DOCUMENTS, MOST_SENTENCES, Wanted
from service.summaries.write import Note, Writer, Written, write
from service.writing import Desk

MOST_TOLD: Final = 200
NO_SENTENCE: Final = (
    "there is no sentence that could be quoted: what was read is tables, lists, headings or code; "
    "a language model can summarise it"
)
NOT_ABOUT: Final = "no sentence that could be quoted is about the focus"


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What a summary is made from.

    `encoder_of` gives the encoder of a reading, `query_of` what a focus is searched for by. `desk`
    is what a language model writes at, None where none is wanted, and `ground_of` gives what checks
    its sentences, in so many threads.
    """

    settings: Settings
    collection: Collection
    encoder_of: Callable[[Reading], Encoder]
    query_of: Callable[[str, Encoder, Reading], Query]
    executor: Executor
    desk: Desk | None = None
    ground_of: Callable[[Encoder, int], Ground] = grounding


def check_wanted(wanted: Wanted, settings: Settings) -> None:
    """Raise UsageError for a summary that cannot be made."""
    if not 1 <= wanted.sentences <= MOST_SENTENCES:
        raise UsageError(f"length is {wanted.length}; use 1 to {MOST_SENTENCES} sentences")
    if len(wanted.document_ids) > MOST_DOCUMENTS:
        raise UsageError(
            f"{len(wanted.document_ids)} documents are named, {MOST_DOCUMENTS} may be; use a filter"
        )
    if wanted.focus is not None:
        if not wanted.focus.strip():
            raise UsageError("the focus is empty; leave it out, or write one")
        if (wrong := too_long(wanted.focus, settings)) is not None:
            raise UsageError(f"the focus {wrong}")
    check_generator(wanted.generator or settings.generator)


def summarise(
    wanted: Wanted, sources: Sources, on_event: Callable[[Event], None], check: Check
) -> Summary:
    """Make one summary.

    `on_event` is called as the work goes on, in this thread, and `check` again and again; what they
    raise ends the work. Raises UsageError, BadFilter, DocumentNotFound, EncoderMismatch,
    ModelMissing, ModelFailed, PromptTooLong and IndexDamaged.
    """
    return _Making(wanted, sources, on_event, check).summary()


class _Making:
    """One summary at work."""

    def __init__(
        self, wanted: Wanted, sources: Sources, tell: Callable[[Event], None], check: Check
    ) -> None:
        self._wanted = wanted
        self._sources = sources
        self._tell = tell
        self._check = check
        self._clock = Clock("select", "choose", "write", "cite")
        self._name = wanted.generator or sources.settings.generator

    def summary(self) -> Summary:
        """Do the steps one after the other."""
        with self._sources.collection.read() as reading:
            self._select(reading)
        self._clock.lap("select")
        written = Written()
        if self._sources.desk is not None and self._selection.chunks:
            written = self._written(self._sources.desk)
            self._clock.lap("write")
        notes = written.notes
        if not notes and not written.silent:
            notes = self._extracted()
            self._clock.lap("choose")
        quoted = not written.notes
        with self._sources.collection.read() as reading:
            composed = compose(notes, reading, self._tell, parted=quoted)
        self._clock.lap("cite")
        summary = self._told(written, composed)
        self._tell(SummaryEvent(summary))
        return summary

    def _select(self, reading: Reading) -> None:
        wanted, sources = self._wanted, self._sources
        self._encoder = sources.encoder_of(reading)
        knows = reads(reading.encoder.name, reading.language)
        self._query = (
            sources.query_of(wanted.focus, self._encoder, reading) if wanted.focus else None
        )
        self._selection = select(
            reading,
            wanted,
            self._query,
            sources.executor,
            self._tell,
            self._check,
            by_meaning=knows,
        )
        self._embed: Embed = self._encoder.encode_documents
        if not knows:
            texts = [chunk.encoded for chunk in self._selection.chunks]
            self._embed = by_words(texts, reading.language)
            self._selection = replace(self._selection, vectors=self._embed(texts))

    def _extracted(self) -> list[Note]:
        wanted = self._wanted
        return noted(
            extract(
                self._selection,
                wanted.sentences,
                self._embed,
                self._query,
                self._progress,
                exactly=isinstance(wanted.length, int),
            )
        )

    def _progress(self, done: int, total: int) -> None:
        self._check()
        self._tell(ProgressEvent(done, total, "sentences", "choose"))

    def _written(self, desk: Desk) -> Written:
        settings = self._sources.settings
        writer = Writer(
            desk=desk,
            ground=self._sources.ground_of(self._encoder, settings.threads),
            manner=settings.unsupported,
            seconds=settings.summary_seconds,
            pick=self._picked,
            tell=self._tell,
            check=self._check,
        )
        relevance = self._selection.relevance
        scores = [1.0] * len(self._selection.chunks) if relevance is None else relevance.tolist()
        evidence = [
            Evidence(Candidate(chunk, None, None, 1.0), score)
            for chunk, score in zip(self._selection.chunks, scores, strict=True)
        ]
        return write(writer, evidence, self._wanted.sentences, self._wanted.focus or "")

    def _picked(self, notes: Sequence[Note], count: int) -> list[Note]:
        return [notes[at] for at in pick([note.text for note in notes], count, self._embed)]

    def _told(self, written: Written, composed: Composed) -> Summary:
        status, reason = self._status(written, composed)
        chunks = self._read(written)
        return Summary(
            status=status,
            summary=composed.text,
            citations=composed.citations,
            sections=tuple(composed.sections),
            documents=self._documents(composed, chunks),
            read=self._how_much(written, chunks),
            timings=SummaryTimings(**self._clock.laps, total=self._clock.total),
            trace_id=uuid4().hex,
            reason=reason,
            focus=self._wanted.focus,
            dropped=(*written.dropped, *composed.dropped),
            usage=written.usage.as_json() if written.usage else None,
            generation=Generation(
                self._name,
                written.model,
                written.fallback,
                tuple(written.unsupported),
                None,
                written.finish_reason,
            ),
        )

    def _status(self, written: Written, composed: Composed) -> tuple[Status, str | None]:
        if not self._selection.chunks:
            return NO_DOCUMENTS, "nothing is left to summarise: the collection has no such document"
        if composed.texts:
            return SUMMARISED, None
        if composed.dropped:
            return NOT_FOUND, f"{composed.dropped[0].reason}; ask again"
        if written.silent:
            return NOT_FOUND, "the language model finds nothing on the focus in what it read"
        return NOT_FOUND, NO_SENTENCE if self._query is None else NOT_ABOUT

    def _read(self, written: Written) -> Sequence[StoredChunk]:
        """Return the chunks that the summary was made from: with a model, those that it read."""
        chunks = self._selection.chunks
        if not _is_by_model(written):
            return chunks
        return [one for one in chunks if one.chunk_id in written.read]

    def _how_much(self, written: Written, chunks: Sequence[StoredChunk]) -> Read:
        """Return how much was read, with why not all of it was."""
        read = self._selection.read
        if not _is_by_model(written):
            return read
        unfit = len(written.dropped)
        had_no_room = f"{unfit} of the passages had no room in its context" if unfit else None
        told = [part for part in (read.reason, written.unread, had_no_room) if part]
        return replace(
            read,
            documents_read=len({one.document_id for one in chunks}),
            chunks_read=len(chunks),
            reason="; ".join(told) or None,
        )

    def _documents(
        self, composed: Composed, chunks: Sequence[StoredChunk]
    ) -> tuple[Summarised, ...]:
        """Return what became of each document that was read, those that are cited first."""
        cited = Counter(one.document_id for one in composed.citations)
        read = Counter(chunk.document_id for chunk in chunks)
        firsts = {chunk.document_id: chunk for chunk in reversed(chunks)}
        order = sorted(
            dict.fromkeys(one.document_id for one in chunks), key=lambda one: not cited[one]
        )
        return tuple(
            Summarised(
                document_id=one,
                title=firsts[one].title,
                uri=firsts[one].uri,
                as_of=firsts[one].as_of,
                chunks=self._selection.sizes[one],
                chunks_read=read[one],
                citations=cited[one],
            )
            for one in order[:MOST_TOLD]
        )


def _is_by_model(written: Written) -> bool:
    """Tell whether a language model made the summary, or found that there is nothing to say."""
    return bool(written.notes) or written.silent
