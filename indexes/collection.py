"""A collection: one catalog, which is the truth, and two views of it.

DATA/COLLECTION/catalog.db      documents, chunks, vectors
DATA/COLLECTION/dense.faiss     dense view,   dense.json its stamp
DATA/COLLECTION/lexical/EPOCH   lexical view, lexical.json its stamp
DATA/COLLECTION/{run,view}.lock
DATA/COLLECTION/catalog.db.format-N.bak   as it was before an upgrade, see `backup`
"""

import fcntl
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from indexes import backup, catalog, chunk_table, document_table, originals
from indexes.background import BackgroundMerge
from indexes.catalog import SplitterSettings
from indexes.documents import (
    WEB,
    WEB_STATES,
    Counts,
    Document,
    Extract,
    Original,
    Prepared,
    Recut,
    Span,
    StoredChunk,
    file_uri,
)
from indexes.durable import flush
from indexes.encoder import PROBES
from indexes.encoding import Encoder, EncoderIdentity, Vectors
from indexes.errors import (
    BadName,
    CollectionBusy,
    CollectionExists,
    CollectionNotFound,
    DocumentNotFound,
    EncoderMismatch,
    StorageRefused,
)
from indexes.filters import FilterJson, compile_filter
from indexes.hits import ChunkSet, Hit, Ids
from indexes.languages import ENGLISH, Language
from indexes.locks import locked
from indexes.originals import StoredOriginal
from indexes.views import (
    NOT_MERGED,
    Due,
    LiveViews,
    advance,
    folder_lock,
    is_due,
    is_far_behind,
    load_views,
    merge_views,
    view_state,
)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CATALOG: Final = "catalog.db"
_MERGE_AGAIN_SECONDS: Final = 60.0
# Begins the names of folders that are being removed; a dot, so that they are no collections.
_DELETED: Final = ".deleted-"
_SWEEP_LOCK: Final = ".deleted.lock"
_ERASE_SECONDS: Final = 1.0


class Writer:
    """Changes to a collection; each call is one transaction, durable when it returns."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        inode: int,
        background: BackgroundMerge,
    ) -> None:
        self._folder = folder
        self._path = folder / _CATALOG
        self._connection = connection
        self._inode = inode
        self._background = background
        self._who = catalog.identity(connection)

    @contextmanager
    def _changing(self, kind: str, scrub_seconds: float = 0.0) -> Iterator[int]:
        """Hold one change, and empty the log of erased words afterwards, waiting so long for it.

        Raises CollectionNotFound or CollectionBusy where the collection is another one by now.
        """
        with catalog.changing(self._connection, kind, self._path) as number:
            if catalog.epoch(self._connection) != self._who.epoch:
                raise CollectionBusy(
                    f"{self._folder.name} was restored or indexed anew meanwhile; "
                    "run the same command again"
                )
            yield number
        # What was written into a file that is deleted is lost, so it must not count as stored.
        if _inode(self._path) != self._inode:
            raise CollectionNotFound(
                f"collection {self._folder.name} was deleted meanwhile, with all that was stored "
                "in it; run the same command again to make it anew"
            )
        catalog.scrub_log(self._connection, scrub_seconds)

    def known(self, source: str) -> dict[str, Document]:
        """Return the documents of one source by uri."""
        return document_table.documents_of_source(self._connection, source)

    def find(self, document_id: str) -> Document | None:
        """Return the document of that id, or None."""
        return document_table.find_document(self._connection, document_id)

    def known_file(self, source: str, uri: str) -> list[Document]:
        """Return the document with this uri and those that are records of it."""
        return document_table.documents_of_file(self._connection, source, uri)

    def source_roots(self) -> dict[str, str]:
        """Return the folder of each source that is read from one."""
        return catalog.source_roots(self._connection)

    def marks(self, source: str) -> dict[str, str]:
        """Return the marks of a source's files of records, by file uri."""
        return catalog.marks(self._connection, source)

    def set_mark(self, source: str, uri: str, mark: str | None) -> None:
        """Note that a file of records was stored to its end, or forget it."""
        with self._changing("mark"):
            catalog.set_mark(self._connection, source, uri, mark)

    def has_original(self, document: Document) -> bool:
        """Tell whether the file that a document came from is kept or known."""
        return originals.original_of(self._connection, document) is not None

    def note_original(self, original: Original, document_ids: set[str]) -> None:
        """Note the file that stored documents came from, where that is not noted yet."""
        if not document_ids <= originals.linked_documents(self._connection, original):
            with self._changing("original"):
                originals.link_documents(self._connection, original, document_ids)

    def forget_original(self, source: str, uri: str) -> None:
        """Erase the bytes that are kept of an upload, if any; the documents that it gave stay."""
        if not originals.is_noted(self._connection, source, uri):
            return
        with self._changing("original", _ERASE_SECONDS) as number:
            originals.forget_original(self._connection, source, uri)
            catalog.note_erased(self._connection, number)
        with catalog.storage_errors(self._folder):
            backup.forget(self._folder)

    def set_source_root(self, source: str, root: str) -> None:
        """Note the folder that a source is read from."""
        catalog.set_source_root(self._connection, source, root)

    def stored_vectors(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Return those of `hashes` that need no encoding: the catalog has their vectors."""
        return self.stored_vectors_of(self._who.encoder_id, hashes)

    def put(self, items: Sequence[Prepared]) -> int:
        """Add or update documents, all in one transaction; return the change's number.

        Raises StorageFull, and VectorsGone where a chunk's vector is neither given nor stored;
        then nothing of this call is stored. Raises CollectionBusy where the collection was
        restored or indexed anew since this writer was opened: its vectors may be of another kind.
        """
        with self._changing("put") as number:
            document_table.put_documents(self._connection, items, self._who.encoder_id, number)
        return number

    def refresh(self, *documents: Document) -> int:
        """Store new facts (size, times, dates, metadata) of documents whose text is the same."""
        with self._changing("refresh") as number:
            for document in documents:
                document_table.update_facts(self._connection, document, number)
        return number

    def remove(self, document_ids: Sequence[str]) -> int:
        """Erase documents that vanished from their source; return the change's number."""
        with self._changing("remove") as number:
            document_table.remove_documents(self._connection, document_ids, number)
        return number

    def erase(self, document_ids: Sequence[str]) -> int:
        """Erase documents on request: text and vectors, and their words from the log too.

        What is attached to one, as to a mail, goes with it, and so does the upload that it came
        from, even where other documents came from there too.
        Where a question is being answered just then, the log has the words until the next change,
        or the next question's end, that finds no earlier one open. The views have them until they
        are merged. A backup from before an upgrade goes as well. Raises DocumentNotFound if an id
        is unknown; then nothing is erased.
        """
        with self._changing("erase", _ERASE_SECONDS) as number:
            gone = dict[str, None]()
            for document_id in document_ids:
                document = document_table.find_document(self._connection, document_id)
                if document is None:
                    raise DocumentNotFound(f"no document has the id {document_id!r}")
                parts = document_table.parts_of(self._connection, document)
                gone.update(dict.fromkeys([document_id, *parts]))
                if document.source == WEB:
                    uri = file_uri(document)
                    catalog.set_mark(self._connection, WEB_STATES, uri, None)
            originals.forget_uploads_of(self._connection, gone)
            document_table.remove_documents(self._connection, list(gone), number)
            catalog.note_erased(self._connection, number)
        with catalog.storage_errors(self._folder):
            backup.forget(self._folder)
        return number

    def add_encoder(self, encoder: Encoder) -> int:
        """Note an encoder that the collection may be indexed anew with; return its number."""
        probes = _probes(encoder)
        with self._changing("add encoder"):
            return catalog.add_encoder(self._connection, encoder.identity, probes)

    def stored_vectors_of(self, encoder_id: int, hashes: Iterable[bytes]) -> set[bytes]:
        """Return those of `hashes` whose vectors by that encoder are stored."""
        return set(chunk_table.stored_vectors(self._connection, encoder_id, hashes))

    def store_vectors(self, encoder_id: int, vectors: Mapping[bytes, Vectors]) -> None:
        """Store vectors ahead of the chunks that will use them."""
        with self._changing("store vectors"):
            chunk_table.store_vectors(self._connection, encoder_id, vectors)

    def store_ahead(self, vectors: Mapping[bytes, Vectors]) -> None:
        """Store vectors of a document that is too large to be held; `put` it once it has all."""
        with self._changing("store vectors"):
            chunk_table.store_vectors(self._connection, self._who.encoder_id, vectors)
            catalog.note_loose(self._connection, loose=True)

    def drop_loose(self) -> None:
        """Erase the vectors that were stored ahead of documents which never came."""
        if catalog.has_loose(self._connection):
            with self._changing("drop vectors"):
                chunk_table.drop_loose_vectors(self._connection)
                catalog.note_loose(self._connection, loose=False)

    def replace_index(
        self,
        encoder_id: int,
        splitter: SplitterSettings,
        recut: Mapping[str, Recut],
        language: Language | None = None,
    ) -> bool:
        """Give every document new chunks and the collection its encoder, all in one change.

        The collection keeps its language where no other is given. `recut` has each document's new
        chunks by document id. Returns False, and changes nothing, where a document is new or has
        another text by now, or a vector is not stored.
        """
        with suppress(document_table.Outdated):
            with self._changing("reindex") as number:
                document_table.replace_chunks(self._connection, encoder_id, recut, number)
                chunk_table.drop_other_vectors(self._connection, encoder_id)
                catalog.set_meta(self._connection, "encoder", str(encoder_id))
                catalog.set_splitter(self._connection, splitter)
                if language is not None and language != self._who.language:
                    catalog.set_language(self._connection, language)
                catalog.renew_epoch(self._connection)
            self._who = catalog.identity(self._connection)
            return True
        return False

    def merge_views(self, *, force: bool = False) -> None:
        """Bring the views on disk up to the catalog where their delta has grown, or by `force`.

        Raises NOT_MERGED (see `views`); answers are right all the same.
        """
        with suppress(*NOT_MERGED):  # it is done again here
            self._background.wait()
        merge_views(self._folder, self._connection, Due.NOW if force else Due.CHEAP)

    def merge_large_delta(self) -> None:
        """Merge the views where those who read meanwhile would hold too much in memory.

        The merge goes on while more is written, and is waited for only where the views fall far
        behind. Raises NOT_MERGED, of an earlier merge.
        """
        background = self._background
        if background.goes_on and not is_far_behind(self._folder, self._connection, self._who):
            return
        background.wait()
        if is_due(self._folder, self._connection, self._who, Due.NEEDED):
            # While merges read, one after another, it would only grow.
            catalog.restart_log(self._connection)
            background.start()


class Reading:
    """A collection as it was after change `number`; nothing later is seen.

    Belongs to the thread that opened it, but `lexical` may run in another.
    """

    def __init__(self, connection: sqlite3.Connection, live: LiveViews) -> None:
        self._connection = connection
        self._live = live
        self.number = live.number
        self.encoder = live.who.encoder
        self.language = live.who.language

    def documents(self, limit: int, after: str | None = None) -> list[Document]:
        """Return up to `limit` documents in the order of their ids, those past `after`."""
        return document_table.list_documents(self._connection, limit, after)

    def named_like(self, words: str, limit: int, after: str | None = None) -> list[Document]:
        """Return, as `documents` does, those whose title or uri has each of these words.

        A word may be a part of one there, in capital or small letters of any script.
        """
        folded = document_table.folded(words).split()
        return document_table.named_like(self._connection, folded, limit, after)

    def media_types(self) -> list[tuple[str, int]]:
        """Return the media types with the number of their documents, the most frequent first."""
        return document_table.media_types(self._connection)

    def original(self, document: Document) -> StoredOriginal | None:
        """Return the file that a document came from, or None where it is not known."""
        return originals.original_of(self._connection, document)

    def document(self, document_id: str) -> Document:
        """Return one document. Raises DocumentNotFound."""
        document = document_table.find_document(self._connection, document_id)
        if document is None:
            raise DocumentNotFound(f"no document has the id {document_id!r}")
        return document

    def named(self, name: str) -> Document:
        """Return the document with this id, or with this uri. Raises DocumentNotFound."""
        document = document_table.named_document(self._connection, name)
        if document is None:
            raise DocumentNotFound(
                f"no document has the id or uri {name!r}; `afterword documents list` shows those "
                "there are"
            )
        return document

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return code points `[start, end)` of a document's text. Raises DocumentNotFound."""
        return document_table.document_text(self._connection, document_id, start, end)

    def extract(self, document_id: str) -> Extract:
        """Return a document as its reader gave it. Raises DocumentNotFound."""
        return document_table.document_extract(self._connection, document_id)

    def allowed(self, condition: FilterJson | None, as_of: str | None) -> ChunkSet | None:
        """Return the chunks of the documents that match, or None where nothing narrows.

        Raises BadFilter.
        """
        where = compile_filter(condition, as_of)
        if where is None:
            return None
        return self._live.allowed(where, lambda: chunk_table.chunk_ranges(self._connection, where))

    def document_ranges(
        self,
        condition: FilterJson | None,
        as_of: str | None,
        document_ids: Sequence[str] = (),
    ) -> Ids:
        """Return the first chunk's id and the number of chunks of each document that matches.

        The shape is (documents, 2), ascending by the first; where `document_ids` are given each
        document is one of them. Raises BadFilter.
        """
        where = compile_filter(condition, as_of)
        return chunk_table.document_ranges(self._connection, where, document_ids)

    def chunks_within(self, document_id: str, span: Span) -> list[int]:
        """Return the ids of the chunks of a document that have a part in a span, ascending."""
        return chunk_table.chunks_within(self._connection, document_id, span)

    def vectors(self, ids: Sequence[int]) -> Mapping[int, Vectors]:
        """Return the stored vectors, of shape (dimension,) in float16, of the chunks there are."""
        return self._vectors(ids)

    def count(self) -> Counts:
        """Return how much the collection holds."""
        return document_table.counts(self._connection)

    def dense(self, vector: Vectors, k: int, allowed: ChunkSet | None = None) -> list[Hit]:
        """Return the `k` chunks nearest to a unit vector of shape (dimension,), by cosine."""
        return self._live.dense(vector, k, allowed, self._vectors)

    def _vectors(self, ids: Sequence[int]) -> Mapping[int, Vectors]:
        return chunk_table.vectors_of(self._connection, ids)

    def lexical(self, query: str, k: int, allowed: ChunkSet | None = None) -> list[Hit]:
        """Return the `k` chunks with the best BM25 score over 0."""
        return self._live.lexical(query, k, allowed)

    def term_weights(self, query: str) -> dict[str, float]:
        """Return the distinct terms of a query as they are indexed, each with its BM25 weight.

        A term that no chunk has weighs most; stop words are no terms.
        """
        return self._live.term_weights(query)

    def rarities(self, query: str) -> dict[str, float]:
        """Return the distinct terms of a query, each with its weight beside a rare term's.

        That is 1 for a term that a single chunk has, and more for one that no chunk has.
        """
        return self._live.rarities(query)

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """Return the chunks with these ids, in this order; ids that are gone are left out."""
        return chunk_table.read_chunks(self._connection, ids, self.language)


class Collection:
    """An open collection; any number of threads may read it at once."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self._path = folder / _CATALOG
        self._lock = threading.Lock()
        self._idle: list[tuple[int, sqlite3.Connection]] = []
        self._inode = 0
        self._live: LiveViews | None = None
        self._state: tuple[int, ...] = ()
        self._merge_after = 0.0
        with self._borrowed() as (connection, _):
            self._identity = catalog.identity(connection)

    @property
    def encoder(self) -> EncoderIdentity:
        """The encoder that made the vectors."""
        return self._identity.encoder

    @property
    def splitter(self) -> SplitterSettings:
        """How documents are cut."""
        return self._identity.splitter

    @property
    def language(self) -> Language:
        """How words are told."""
        return self._identity.language

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise EncoderMismatch unless `encoder` gives the vectors that are stored."""
        with self._borrowed() as (connection, _):
            self._identity = catalog.identity(connection)
            stored = catalog.stored_probes(connection)
        if encoder.identity.dimension != self.encoder.dimension:
            raise EncoderMismatch(
                f"collection {self.name}: its vectors have {self.encoder.dimension} dimensions "
                f"(encoder {self.encoder.name}), the loaded encoder {encoder.identity.name} gives "
                f"{encoder.identity.dimension}; use the original or run `afterword reindex`"
            )
        catalog.check_probes(encoder.identity.name, stored, encoder.encode_documents(list(stored)))

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Open the collection for changes; writers of other processes wait their turn."""
        with (
            self._borrowed() as (connection, inode),
            BackgroundMerge(self._merge_needed) as background,
        ):
            yield Writer(self.folder, connection, inode, background)

    def _merge_needed(self) -> None:
        with self._borrowed() as (connection, _):
            merge_views(self.folder, connection, Due.NEEDED)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """Hold one state of the collection. Raises CollectionNotFound if it was deleted."""
        with self._borrowed() as (connection, _):
            with catalog.storage_errors(self._path):
                self._mend_views(connection)
            while True:
                with catalog.storage_errors(self._path):
                    state = self._loaded_views(connection)
                with catalog.reading(connection) as number:
                    live = self._live_at(connection, number, state)
                    if live is not None:
                        yield Reading(connection, live)
                        break
            catalog.scrub_log(connection)

    def copy_catalog(self, target: sqlite3.Connection) -> None:
        """Copy the catalog, as of one change, into another database. Raises CollectionNotFound."""
        with self._borrowed() as (connection, _):
            connection.backup(target)

    def original_block(self, row: int, place: int) -> bytes:
        """Return bytes of a kept original from `place` on: one block at most, none behind its end.

        No reading is held from one block to the next: where it was erased meanwhile, there are none
        any more. Raises CollectionNotFound.
        """
        with self._borrowed() as (connection, _):
            return originals.read_block(connection, row, place)

    def _mend_views(self, connection: sqlite3.Connection) -> None:
        """Merge the views first where they changed on disk, or what is in memory outgrew it."""
        live = self._live
        stale = live is None or live.outgrown or live.who.epoch != catalog.epoch(connection)
        if stale or view_state(self.folder) != self._state:
            self._merge_large_delta(connection)

    def _loaded_views(self, connection: sqlite3.Connection) -> tuple[int, ...]:
        """Load the views if they changed on disk; return their state from before that."""
        with self._lock:
            state = view_state(self.folder)
            live, epoch = self._live, catalog.epoch(connection)
            if live is None or state != self._state or live.who.epoch != epoch:
                self._live = load_views(self.folder, connection, live)
                self._identity = self._live.who
                self._state = state
            return state

    def _merge_large_delta(self, connection: sqlite3.Connection) -> None:
        """Merge views that lag far; a disk that refuses is not asked again at each question."""
        if time.monotonic() < self._merge_after:
            return
        live = self._live
        outgrown = live is not None and live.outgrown
        try:
            merge_views(self.folder, connection, Due.NEEDED)
        except NOT_MERGED:
            outgrown = True
        if outgrown:  # merged or not: what could not be read when it was loaded is read again
            self._merge_after = time.monotonic() + _MERGE_AGAIN_SECONDS
            self._state = ()

    def _live_at(
        self, connection: sqlite3.Connection, number: int, state: tuple[int, ...]
    ) -> LiveViews | None:
        """Return the views at `number`; None where they changed since `state`, or went ahead.

        Of a merge after `state` the views may lead `number`, or what they must mask may be purged.
        """
        with self._lock:
            live = self._live
            if live is None or not state == self._state == view_state(self.folder):
                return None
            if live.number > number or live.who.epoch != catalog.epoch(connection):
                return None
            self._live = live = advance(connection, number, live)
            return live

    @contextmanager
    def run_lock(self) -> Iterator[None]:
        """Hold the lock of a folder's plan. Raises CollectionBusy if another run holds it."""
        with _run_lock(self.folder):
            yield

    @contextmanager
    def _borrowed(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Lend a connection with its file's inode. What is done besides SQLite is not its error."""
        opened = self._current_inode()
        try:
            opened, connection = self._idle.pop()
        except IndexError:
            connection = catalog.connect(self._path)
        try:
            with catalog.database_errors(self._path):
                yield connection, opened
        finally:
            if opened == self._inode:
                self._idle.append((opened, connection))
            else:
                connection.close()

    def _current_inode(self) -> int:
        """Return the catalog file's inode; where it is another file now, forget the old one."""
        inode = _inode(self._path)
        if inode is None:
            raise unknown_collection(self.name, self.folder.parent)
        if inode != self._inode:
            self._inode = inode
            self.close()
            self._live = None
        return inode

    def close(self) -> None:
        """Close the idle connections; those in use close when they are given back."""
        while self._idle:
            self._idle.pop()[1].close()


def _inode(path: Path) -> int | None:
    with catalog.storage_errors(path):
        try:
            return path.stat().st_ino
        except FileNotFoundError:
            return None


def is_collection_name(name: str) -> bool:
    """Tell whether a collection may have that name."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> str:
    """Return `name` if a collection may have it. Raises BadName."""
    if not is_collection_name(name):
        raise BadName(
            f"collection name {name!r}: use 1 to 64 of letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    return name


def collection_names(data: Path) -> list[str]:
    """Return the names of the collections in a data folder, sorted."""
    if not data.is_dir():
        return []
    return sorted(
        entry.name
        for entry in data.iterdir()
        if _NAME.fullmatch(entry.name) and (entry / _CATALOG).is_file()
    )


def create_collection(
    data: Path,
    name: str,
    encoder: Encoder,
    splitter: SplitterSettings,
    language: Language = ENGLISH,
) -> Collection:
    """Make a new, empty collection; it is there whole or not at all, and on disk for good.

    Raises BadName, CollectionExists, StorageFull, StorageRefused.
    """
    folder = data / check_name(name)
    sweep_deleted(data)
    with replacing_catalog(folder) as beside:
        if (folder / _CATALOG).exists():
            raise CollectionExists(f"collection {name} is there already")
        catalog.create_catalog(beside, encoder.identity, _probes(encoder), splitter, language)
        beside.rename(folder / _CATALOG)
    return Collection(name, folder)


@contextmanager
def replacing_catalog(folder: Path) -> Iterator[Path]:
    """Hold the lock of a collection's files; yields a free name in its folder for a new catalog.

    What a killed process left under such a name is removed; what was put in place is on disk for
    good afterwards. Raises StorageFull, StorageRefused.
    """
    with catalog.storage_errors(folder), folder_lock(folder):
        for left in folder.glob("catalog.*.new*"):
            left.unlink()
        beside = folder / f"catalog.{uuid4().hex}.new"
        try:
            yield beside
            flush(folder)
            flush(folder.parent)
        finally:
            beside.unlink(missing_ok=True)


def _probes(encoder: Encoder) -> dict[str, Vectors]:
    return dict(zip(PROBES, encoder.encode_documents(PROBES), strict=True))


def open_collection(data: Path, name: str) -> Collection:
    """Open a collection. Raises BadName, CollectionNotFound, IndexDamaged."""
    return Collection(name, check_collection(data, name))


def check_collection(data: Path, name: str) -> Path:
    """Return the folder of a collection. Raises BadName, CollectionNotFound."""
    folder = data / check_name(name)
    if not (folder / _CATALOG).is_file():
        raise unknown_collection(name, data)
    return folder


def delete_collection(data: Path, name: str) -> None:
    """Delete a collection with all that it holds.

    Raises BadName, CollectionNotFound, CollectionBusy while a folder is ingested into it, and
    StorageRefused where its name is gone but its files cannot be removed.
    """
    folder = check_collection(data, name)
    gone = data / f"{_DELETED}{name}-{uuid4().hex}"
    with catalog.storage_errors(folder):
        try:
            with _run_lock(folder), folder_lock(folder):
                there = (folder / _CATALOG).is_file()
                # The name goes first and at once, so that a kill leaves no half of a collection.
                folder.rename(gone)
                flush(data)
        except FileNotFoundError:  # another process deletes it
            raise unknown_collection(name, data) from None
    with catalog.storage_errors(data), locked(data / _SWEEP_LOCK, fcntl.LOCK_EX):
        left = _remove_deleted(data).get(gone)
    if not there:
        raise unknown_collection(name, data)
    if left:
        raise StorageRefused(
            f"the collection is deleted, but of its files in {gone.absolute()} some cannot be "
            f"removed: {left}; check who may write there, and remove that folder by hand"
        )


def sweep_deleted(data: Path) -> None:
    """Remove the files of collections whose deletion was cut short, as far as that is possible.

    Leaves them to another process that is removing them just now.
    """
    with suppress(OSError):
        if not any(data.glob(f"{_DELETED}*")):
            return
        with locked(data / _SWEEP_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB):
            _remove_deleted(data)


def _remove_deleted(data: Path) -> dict[Path, str]:
    """Remove what is left of deleted collections; return why a folder could not be removed."""
    failed = {}
    for folder in sorted(data.glob(f"{_DELETED}*")):
        try:
            shutil.rmtree(folder)
        except OSError as error:
            failed[folder] = str(error)
    return failed


@contextmanager
def _run_lock(folder: Path) -> Iterator[None]:
    with catalog.storage_errors(folder):
        file = (folder / "run.lock").open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CollectionBusy(
                f"another `afterword` is working on collection {folder.name}; "
                "wait until it ends, or name another --collection"
            ) from None
        yield


def unknown_collection(name: str, data: Path) -> CollectionNotFound:
    """Return the error of a name that no collection of a data folder has."""
    return CollectionNotFound(
        f"there is no collection {name!r}; "
        f"make it with `afterword ingest PATH --collection {name}`",
        str(data.absolute()),
    )
