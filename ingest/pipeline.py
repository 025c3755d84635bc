"""The way of a document: read -> split -> encode -> put -> merge the views -> report.

This file alone knows the order. A document counts as stored once `put` has returned, and only then
is it reported; a run that was killed is resumed by the same command.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Writer, create_collection, open_collection
from indexes.documents import (
    HANDED_IN,
    UPLOADS,
    WEB,
    WEB_STATES,
    Chunk,
    Document,
    Extract,
    file_uri,
    is_document_id,
)
from indexes.encoder import Encoder, load_encoder
from indexes.encoding import Vectors
from indexes.errors import (
    AfterwordError,
    CollectionBusy,
    CollectionExists,
    CollectionNotFound,
    ReadFailure,
    StorageFull,
    UsageError,
    VectorsGone,
)
from indexes.languages import Language
from indexes.settings import NO_OCR, Settings
from indexes.views import NOT_MERGED
from ingest.encode import Store, encode
from ingest.ids import Ids, refusal
from ingest.internet import INTERNET, Network
from ingest.passwords import read_passwords
from ingest.plan import Failed, Given, Mark, Plan, Step, record_uri, removes_too_many
from ingest.pool import Limits, ReaderPool, ReadJob, ReadResult, foreseen
from ingest.prepare import (
    Cut,
    Origin,
    cut,
    marked_original,
    named,
    original_of,
    same_record,
)
from ingest.progress import Advanced, Merging, Observer, Reading
from ingest.report import Item, Note, Report, natural, stored_item
from ingest.split import Splitter
from ingest.stopwatch import Stopwatch
from ingest.survey import (
    Order,
    Survey,
    failed_item,
    forecast,
    kept_note,
    kind_of,
    lag_note,
    mass_note,
    not_made_note,
    planned,
    removed_item,
    settled_items,
    survey,
    unlisted_items,
)
from ingest.uploads import Upload, upload_step
from ingest.web import web_of, web_pages

# A transaction holds one document, or several with up to this many chunks together.
_GROUP_CHUNKS: Final = 256
_GROUP_CHARACTERS: Final = 2_000_000
_CUT_AT_ONCE: Final = 1000
_CHANGED_AT_ONCE: Final = 500
# Failures that the next run may not meet, though the file is as it was.
_PASSING: Final = frozenset({"changed_while_read", "unreadable", "memory_limit", "disk_full"})
T = TypeVar("T")


def ingest(
    order: Order, settings: Settings, observe: Observer, network: Network = INTERNET
) -> Report:
    """Plan, apply and report an ingestion of files, folders and pages.

    Raises UsageError for paths that cannot be ingested, for a file of passwords that cannot be read
    and for a language that is not the collection's, CollectionBusy while another run works.
    """
    started, watch = time.monotonic(), Stopwatch()
    ocr, passwords = _recognises(settings), _passwords(settings)
    with ExitStack() as stack:
        collection = _existing(settings.data, order.collection)
        if collection is not None:
            _check_language(collection, order.language)
        writer = _opened(stack, collection, lock=not order.dry_run) if collection else None
        with watch.part("plan"):
            found = survey(order, settings.data, writer, ocr=ocr, unlocks=bool(passwords))
            if order.urls:
                found = stack.enter_context(_with_pages(found, order, writer, settings, network))
        if order.dry_run or (writer is None and not found.steps):
            items, notes = forecast(
                found,
                lambda step: foreseen(_job(step), _limits(settings), ocr=ocr),
                allow_mass_removal=order.allow_mass_removal,
            )
            if collection is None and not order.dry_run:
                notes.append(not_made_note(order.collection, settings.data))
            return _report(order, items, notes, 0, time.monotonic() - started)
        if collection is None or writer is None:
            with watch.part("load"):
                collection = _created(order.collection, settings, order.language)
            writer = _opened(stack, collection, lock=True)
        run = _Run(order, settings, found, observe, watch)
        run.apply(writer, Tools(collection, settings, watch))
        return run.report(time.monotonic() - started)


@contextmanager
def _with_pages(
    found: Survey, order: Order, writer: Writer | None, settings: Settings, network: Network
) -> Iterator[Survey]:
    """Add the pages that are asked for; their files are there until the end."""
    with web_pages(order.urls, order.given, writer, web_of(settings, network)) as pages:
        yield replace(found, plans=(*found.plans, pages.plan), states=pages.states)


def _existing(data: Path, name: str) -> Collection | None:
    try:
        return open_collection(data, name)
    except CollectionNotFound:
        return None


def _check_language(collection: Collection, language: Language | None) -> None:
    if language not in {None, collection.language}:
        raise UsageError(
            f"collection {collection.name} has the language {collection.language!r}, not "
            f"{language!r}: leave out --language, or change it with `afterword reindex "
            f"--collection {collection.name} --language {language}`"
        )


def _created(name: str, settings: Settings, language: Language | None = None) -> Collection:
    encoder = load_encoder(settings.encoder, threads=settings.threads)
    splitter = SplitterSettings(chunk_tokens=settings.chunk_tokens)
    try:
        return create_collection(
            settings.data, name, encoder, splitter, language or settings.language
        )
    except CollectionExists:
        raise CollectionBusy(
            f"another `afterword ingest` has just made collection {name}; "
            "run the same command again when it has ended"
        ) from None


def _opened(stack: ExitStack, collection: Collection, *, lock: bool) -> Writer:
    stack.callback(collection.close)
    if lock:
        stack.enter_context(collection.run_lock())
    return stack.enter_context(collection.write())


def ingest_upload(
    upload: Upload, settings: Settings, observe: Observer, pool: ReaderPool
) -> Report:
    """Ingest one upload, in the place of an earlier one of its id or else of its name.

    The collection is made where there is none.
    """
    started, watch = time.monotonic(), Stopwatch()
    with ExitStack() as stack:
        collection = _existing(settings.data, upload.collection)
        collection = collection or _created(upload.collection, settings)
        writer = _opened(stack, collection, lock=False)
        step = upload_step(upload, writer, keep=settings.keep_uploads)
        plan = Plan(UPLOADS, read=(step,), known=len(step.known))
        order = Order((), upload.collection, given=upload.given, allow_mass_removal=True)
        run = _Run(order, settings, Survey((plan,), (), {}), observe, watch, pool)
        run.apply(writer, Tools(collection, settings, watch))
        return run.report(time.monotonic() - started)


def ingest_page(
    order: Order, settings: Settings, observe: Observer, pool: ReaderPool, network: Network
) -> Report:
    """Ingest pages for the service, which waits for no run of folders.

    The collection is made where there is none.
    """
    started, watch = time.monotonic(), Stopwatch()
    with ExitStack() as stack:
        collection = _existing(settings.data, order.collection)
        collection = collection or _created(order.collection, settings)
        writer = _opened(stack, collection, lock=False)
        nothing = Survey((), (), {})
        found = stack.enter_context(_with_pages(nothing, order, writer, settings, network))
        run = _Run(order, settings, found, observe, watch, pool)
        run.apply(writer, Tools(collection, settings, watch))
        return run.report(time.monotonic() - started)


class Tools:
    """The encoder and the splitter of a collection, loaded when the first text needs them."""

    def __init__(self, collection: Collection, settings: Settings, watch: Stopwatch) -> None:
        self._collection = collection
        self._threads = settings.threads
        self._watch = watch

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that the catalog names. Raises ModelMissing, EncoderMismatch."""
        with self._watch.part("load"):
            encoder = load_encoder(self._collection.encoder.name, threads=self._threads)
            self._collection.check_encoder(encoder)
        return encoder

    @cached_property
    def splitter(self) -> Splitter:
        """The splitter with the collection's chunk size."""
        encoder = self.encoder
        with self._watch.part("load"):
            return Splitter(encoder, self._collection.splitter.chunk_tokens)


class _Run:
    """One ingestion of files and folders: what the plans say, up to what stops it."""

    def __init__(
        self,
        order: Order,
        settings: Settings,
        found: Survey,
        observe: Observer,
        watch: Stopwatch,
        pool: ReaderPool | None = None,
    ) -> None:
        self._watch = watch
        self._order = order
        self._settings = settings
        self._pool = pool
        self._found = found
        self._observe = observe
        self._notes = list(found.notes)
        self._items: list[Item] = []
        self._chunks = 0
        self._stopped: str | None = None
        self._broken: Mapping[str, Failed] = {}

    def apply(self, writer: Writer, tools: Tools) -> None:
        """Do it all, in this order.

        What stops a run of folders is in its report; what stops an upload is raised, but for a full
        disk.
        """
        steps = self._found.steps
        intake = Intake(writer, tools, self._order.given, self._note, self._watch)
        self._broken = intake.broken
        for plan in self._found.plans:
            intake.leaving.update((document.document_id, document) for document in plan.vanished)
        self._observe(planned(steps.values()))
        try:
            for source, root in self._found.roots.items():
                writer.set_source_root(source, root)
            self._settle(writer)
            if steps:
                with ExitStack() as stack:
                    pool = self._pool or stack.enter_context(reader_pool(self._settings))
                    read_all(steps, intake, pool, self._observe, self._watch)
            self._note_states(writer)
            self._remove(writer, intake)
            if self._pool is None:  # an upload would take the vectors that a run of folders made
                writer.drop_loose()
            self._notes += intake.notes
            self._merge(writer)
        except AfterwordError as error:
            # The worker tries an upload again, or reports the error itself.
            if self._pool is not None and not isinstance(error, StorageFull):
                raise
            self._stop(error, intake)

    def _note_states(self, writer: Writer) -> None:
        """Note what servers told of pages, where that is new."""
        known = writer.marks(WEB_STATES) if self._found.states else {}
        for uri, state in self._found.states.items():
            if known.get(uri) != state and writer.known_file(WEB, uri):
                writer.set_mark(WEB_STATES, uri, state)

    def _merge(self, writer: Writer) -> None:
        """Bring the views up to the catalog; where that fails, all is stored and found the same."""
        self._observe(Merging())
        try:
            with self._watch.part("merge"):
                writer.merge_views()
        except NOT_MERGED as error:
            self._notes.append(lag_note(error))

    def _note(self, event: Advanced) -> None:
        self._items += event.items
        self._chunks += event.stored
        self._observe(event)

    def _settle(self, writer: Writer) -> None:
        """Report what need not be read, storing its new facts where there are some."""
        for plan in self._found.plans:
            self._note(Advanced(items=tuple(unlisted_items(plan))))
            pairs = ((o, n) for s, new in plan.settled for o, n in zip(s.known, new, strict=True))
            for group in batched([new for old, new in pairs if new != old], _CHANGED_AT_ONCE):
                writer.refresh(*group)
            for step, documents in plan.settled:
                if step.mark and step.mark.modified != step.modified:
                    mark = replace(step.mark, modified=step.modified)
                    writer.set_mark(step.source, step.uri, mark.dumps())
                if step.mark:  # of what an earlier version stored it is not noted yet
                    records = {one.document_id for one in step.known if one.uri != step.uri}
                    writer.note_original(marked_original(step, step.mark), records)
                self._note(Advanced(items=tuple(settled_items(step, documents))))

    def _remove(self, writer: Writer, intake: "Intake") -> None:
        """Remove the documents whose files or records are gone, unless they are too many."""
        for plan in self._found.plans:
            gone = [d for d in intake.leaving.values() if d.source == plan.source]
            # What was stored anew in another place is moved, not lost.
            lost = [d for d in gone if not intake.has(d)]
            if removes_too_many(len(lost), plan.known) and not self._order.allow_mass_removal:
                self._notes.append(mass_note(plan.source, len(lost), plan.known))
                gone = [d for d in gone if intake.has(d)]
            for group in batched(gone, _CHANGED_AT_ONCE):
                writer.remove([document.document_id for document in group])
                for uri in {file_uri(d) for d in group} - {d.uri for d in group}:
                    writer.set_mark(plan.source, uri, None)
                self._note(Advanced(items=tuple(map(removed_item, group))))
                for document in group:
                    del intake.leaving[document.document_id]
        intake.mark_ended()

    def _stop(self, error: AfterwordError, intake: "Intake") -> None:
        self._stopped = error.message
        told = {item.uri for item in self._items}
        settled = (
            item.uri
            for plan in self._found.plans
            for step, documents in plan.settled
            for item in settled_items(step, documents)
            if item.uri not in told
        )
        for uri in [*intake.waiting, *(set(self._found.steps) - intake.ended), *settled]:
            self._items.append(Item(uri, "failed", error.code, f"{uri}: {error.message}"))

    def report(self, seconds: float) -> Report:
        """Return what became of everything; `seconds` is the time taken."""
        report = _report(self._order, self._items, self._notes, self._chunks, seconds)
        return replace(
            report,
            stopped=self._stopped,
            broken=self._broken,
            parts=self._watch.seconds,
            encoded=self._watch.encoded,
        )


def _report(
    order: Order, items: Sequence[Item], notes: Sequence[Note], chunks: int, seconds: float
) -> Report:
    ordered = tuple(sorted(items, key=lambda item: natural(item.uri)))
    return Report(order.collection, ordered, tuple(notes), chunks, seconds, dry_run=order.dry_run)


def reader_pool(settings: Settings) -> ReaderPool:
    """Return the child processes that the settings ask for; none is started yet."""
    ocr, passwords = _recognises(settings), _passwords(settings)
    return ReaderPool(settings.reader_processes, _limits(settings), passwords, ocr=ocr)


def _passwords(settings: Settings) -> tuple[str, ...]:
    return read_passwords(settings.password_file) if settings.password_file else ()


def _recognises(settings: Settings) -> bool:
    """Tell whether text is recognised. Raises UsageError where that is wanted and not installed."""
    if settings.ocr == NO_OCR:
        return False
    from ingest.readers.ocr import check_installed

    check_installed()
    return True


def _limits(settings: Settings) -> Limits:
    return Limits(settings.reader_seconds, settings.reader_memory_mb, settings.max_file_mb)


def _job(step: Step) -> ReadJob:
    return ReadJob(step.uri, Path(step.path), step.name or step.uri)


def read_all(
    steps: Mapping[str, Step],
    intake: "Intake",
    pool: ReaderPool,
    observe: Observer,
    watch: Stopwatch,
) -> None:
    """Read files in child processes and take in what they give, as it comes."""
    jobs = map(_job, steps.values())
    results = pool.results(jobs, lambda parts: observe(Reading(parts)))
    while True:
        with watch.part("read"):
            result = next(results, None)
        if result is None:
            break
        intake.take(steps[result.job.key], result)
    intake.store()


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Give what comes in parts of up to `size`."""
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part


@dataclass(slots=True)
class _File:
    """A file that is being read: which of its documents were seen, which records failed.

    `records` says that the file holds many; `settled` is false where a record's failure hangs on
    other files, so that it must be tried again. `own` are documents that are no records, like a
    mail with attachments: they wait for the file's end, for where they are stored the file looks
    read to its end. `same` are those that need not be stored again.
    """

    step: Step
    known: dict[str, Document]
    seen: set[str] = field(default_factory=set)
    same: set[str] = field(default_factory=set)
    failed: list[tuple[str, str, str]] = field(default_factory=list)
    settled: bool = True
    records: bool = False
    read: int = 0  # bytes
    own: list[Extract] = field(default_factory=list)


class Intake:
    """Takes what readers give: splits it, encodes what is new, puts it, says what became of it.

    `leaving` are known documents whose file or record is gone, by id; one whose id turns up in
    another place moves there. `contents` are the sha256 of what was stored, `ended` the uris of the
    files that were read to their end, `waiting` those of documents that are not yet stored,
    `broken` the files that could not be read, by uri.
    """

    def __init__(
        self,
        writer: Writer,
        tools: Tools,
        given: Given,
        observe: Callable[[Advanced], None],
        watch: Stopwatch,
    ) -> None:
        self._watch = watch
        self.leaving: dict[str, Document] = {}
        self.contents: set[bytes] = set()
        self.ended: set[str] = set()
        self.notes: list[Note] = []
        self.broken: dict[str, Failed] = {}
        self._writer = writer
        self._tools = tools
        self._given = given
        self._observe = observe
        self._files: dict[str, _File] = {}
        self._ids = Ids(writer, self.leaving)
        self._cuts: list[Cut] = []
        self._read_bytes = 0
        self._chunks = 0
        self._characters = 0
        self._marks: list[tuple[Step, Mark, frozenset[str]]] = []
        self._lags = False

    @property
    def waiting(self) -> list[str]:
        """The uris of the documents that are read but not yet stored."""
        return [cut.document.uri for cut in self._cuts]

    def has(self, document: Document) -> bool:
        """Tell whether the very content of a document was stored, if in another place."""
        return bytes.fromhex(document.content_sha256) in self.contents

    def take(self, step: Step, result: ReadResult) -> None:
        """Take a part, or all, of what a reader gave for one file."""
        if (file := self._files.get(step.uri)) is None:
            file = _File(step, {document.document_id: document for document in step.known})
            self._files[step.uri] = file
        file.own += (one for one in result.extracts if one.record_id is None)
        for extract in result.extracts:
            if extract.record_id is not None:
                self._document(file, extract, result)
        for record, failure in result.failures:
            self._record_failed(file, record, failure)
        if result.failure is not None:
            self._file_failed(step, result.failure)
        elif result.last:
            for extract in file.own:
                self._document(file, extract, result)
            self._file_ended(file, result)
        self._tell_read(file, step.size if result.last else int(step.size * result.part))
        if result.last:
            del self._files[step.uri]
            self.ended.add(step.uri)
            self._observe(Advanced(files=1))
        if not self._cuts and (result.last or not file.own):
            self._tell_settled()

    def _tell_read(self, file: _File, size: int) -> None:
        """Tell that so many bytes of a file are read and their text is cut."""
        read, file.read = max(0, size - file.read), max(size, file.read)
        self._read_bytes += read
        if read:
            self._observe(Advanced(read=read, kind=kind_of(file.step)))

    def _document(self, file: _File, extract: Extract, result: ReadResult) -> None:
        """Split one document and let it wait for a group to be stored with."""
        origin = Origin(result.content_sha256, result.reader)
        document = named(file.step, extract, origin, self._given)
        file.records |= extract.record_id is not None
        if (other := self._ids.taken_by(file.known, document)) is not None:
            file.settled &= other == document.uri
            failure = ReadFailure("bad_id", refusal(document, other))
            self._document_failed(file, document, failure, ())
            return
        file.seen.add(document.document_id)
        known = file.known.get(document.document_id)
        one_of_many = extract.record_id is not None or file.step.mark is not None
        again = one_of_many or (known is not None and self._is_there(file.step, known))
        if known is not None and again and same_record(known, document):
            key, findings = document.document_id, document.findings
            file.same.add(key)
            item = stored_item(document.uri, "unchanged", key, findings)
            self._observe(Advanced(items=(item,)))
            return
        splitter = self._tools.splitter
        with self._watch.part("split"):
            extract = replace(extract, title=splitter.title(document.title))
            chunks = self._split(extract)
        if not chunks:
            failure = ReadFailure("empty", f"{document.uri} has no text to be found; write some")
            self._document_failed(file, document, failure, [known] if known else [])
            return
        moved = self.leaving.pop(document.document_id, None)
        is_new = known is None and moved is None
        own = extract.media_type if extract.record_id is None else None
        original = original_of(file.step, origin, own)
        with self._watch.part("split"):
            whole = cut(document, extract, chunks, original, is_new=is_new)
        self._wait(whole)

    def _is_there(self, step: Step, known: Document) -> bool:
        """Tell whether an upload that is as it was need not be stored again, with its bytes."""
        kept = not step.kept or self._writer.has_original(known)
        return step.source in HANDED_IN and kept

    def _split(self, extract: Extract) -> tuple[Chunk, ...]:
        """Cut a text; of a large one it is told how far that is."""
        chunks: list[Chunk] = []
        for group in batched(self._tools.splitter.chunks(extract), _CUT_AT_ONCE):
            chunks += group
            self._observe(Advanced(cut=len(group)))
        return tuple(chunks)

    def _wait(self, cut: Cut) -> None:
        self._chunks += len(cut.chunks)
        self._characters += len(cut.extract.text)
        if self._chunks > _GROUP_CHUNKS or self._characters > _GROUP_CHARACTERS:
            self.store()
            self._chunks, self._characters = len(cut.chunks), len(cut.extract.text)
        self._cuts.append(cut)

    def store(self) -> None:
        """Encode and put what is waiting: from here on it is stored, and so it is reported."""
        cuts = self._cuts
        if cuts:
            wanted = {key for cut in cuts for key in cut.hashes}
            try:
                lacking = wanted - self._writer.stored_vectors(wanted)
                self._put(self._encoded(lacking, self._stored_ahead))
            except VectorsGone:  # another process erased what this group counted on
                self._put(self._encoded(wanted, None))
            self._cuts = []
            self.contents.update(bytes.fromhex(cut.document.content_sha256) for cut in cuts)
            items = tuple(cut.item() for cut in cuts)
            self._observe(Advanced(items=items, stored=sum(len(cut.chunks) for cut in cuts)))
            self._tell_settled()
            self._merge()
        self.mark_ended()

    def _merge(self) -> None:
        """Keep small what readers hold in memory during a long run; its end tells of a failure."""
        if not self._lags:
            try:
                with self._watch.part("merge"):
                    self._writer.merge_large_delta()
            except NOT_MERGED:
                self._lags = True

    def _tell_settled(self) -> None:
        """Tell of the files that were read to their end, now that all they gave is stored."""
        self._observe(Advanced(size=self._read_bytes))
        self._read_bytes = 0

    def _encoded(self, lacking: set[bytes], store: Store | None) -> dict[bytes, Vectors]:
        """Return the vectors of those waiting chunks whose hashes are lacking."""
        total = sum(len(cut.hashes) for cut in self._cuts)
        share = self._read_bytes / total

        def told(chunks: int, seconds: float) -> None:
            size = min(self._read_bytes, round(share * chunks))
            self._read_bytes -= size
            self._observe(Advanced(encoded=chunks, seconds=seconds, size=size))

        if known := total - len(lacking):
            told(known, 0.0)
        if not lacking:  # the encoder takes a second to load
            return {}
        encoder = self._tools.encoder
        self._watch.encoded += len(lacking)
        with self._watch.part("encode"):
            return encode(self._cuts, lacking, encoder, told, store)

    def _stored_ahead(self, vectors: Mapping[bytes, Vectors]) -> None:
        with self._watch.part("commit"):
            self._writer.store_ahead(vectors)

    def _put(self, vectors: Mapping[bytes, Vectors]) -> None:
        with self._watch.part("commit"):
            self._writer.put([cut.prepared(vectors) for cut in self._cuts])

    def _file_ended(self, file: _File, result: ReadResult) -> None:
        """Note which documents of the file are gone, and that a file of records is complete."""
        step = file.step
        self._note_original(file, result)
        gone = {key: document for key, document in file.known.items() if key not in file.seen}
        if gone and any(not is_document_id(record) for record, _, _ in file.failed):
            # A record that cannot be read may be one of those that seem to be gone.
            self.notes.append(kept_note(step.uri, len(gone)))
            gone = {}
        self.leaving.update(gone)
        if file.records and file.settled:
            failed = tuple(file.failed)
            mark = Mark(step.size, step.modified, result.reader, result.content_sha256, failed)
            self._marks.append((step, mark, frozenset(gone)))
        elif step.mark is not None and not file.records:
            self._writer.set_mark(step.source, step.uri, None)

    def _note_original(self, file: _File, result: ReadResult) -> None:
        """Note the file of the records that were not stored again, as the file is now."""
        step = file.step
        records = {key for key in file.same if file.known[key].uri != step.uri}
        if not records:
            return
        original = original_of(step, Origin(result.content_sha256, result.reader), None)
        if original is not None:
            self._writer.note_original(original, records)
        else:
            self._writer.forget_original(step.source, step.uri)

    def mark_ended(self) -> None:
        """Mark the files of records that are stored to their end and have nothing to remove."""
        kept = []
        for step, mark, gone in self._marks:
            if gone & self.leaving.keys():
                kept.append((step, mark, gone))
            else:
                self._writer.set_mark(step.source, step.uri, mark.dumps())
        self._marks = kept

    def _document_failed(
        self, file: _File, document: Document, failure: ReadFailure, known: Sequence[Document]
    ) -> None:
        item = self._failed(document.uri, failure, known)
        if file.records:
            file.failed.append((document.document_id, failure.reason, item.message or ""))

    def _record_failed(self, file: _File, record: str, failure: ReadFailure) -> None:
        file.records = True
        known = [file.known[record]] if record in file.known else []
        file.seen.update(document.document_id for document in known)
        uri = record_uri(file.step.uri, record)
        item = self._failed(uri, failure, known)
        file.failed.append((record, failure.reason, item.message or ""))

    def _file_failed(self, step: Step, failure: ReadFailure) -> None:
        item = self._failed(step.uri, failure, step.known)
        if failure.reason not in _PASSING:
            why = Failed(step.size, step.modified, failure.reason, item.message or "")
            self.broken[step.uri] = why

    def _failed(self, uri: str, failure: ReadFailure, known: Sequence[Document]) -> Item:
        """Report a failure; `known` are the documents that should have been updated."""
        item = failed_item(uri, failure, known)
        self._observe(Advanced(items=(item,)))
        return item
