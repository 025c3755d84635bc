"""What an ingestion will do: which files are new, changed, as they were, or gone."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from indexes.documents import Document, Metadata, file_uri
from ingest.listing import Entry, Ignored, Listed, Outside, Unlisted
from ingest.names import stored_name
from ingest.readers import OCR_OPTION
from ingest.sources import Selection, Target

_FEW: Final = 3
_LOCKED: Final = frozenset({"encrypted", "wrong_password"})

Settled = tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What a person says about all documents of a run, over what the files say themselves.

    `title` and `document_id` are for uploads, where a run is one document.
    """

    metadata: Metadata = field(default_factory=dict)
    as_of: str | None = None
    title: str | None = None
    document_id: str | None = None

    def over(self, document: Document) -> Document:
        """Return the document with what was given put over its own facts."""
        metadata = {**document.metadata, **self.metadata}
        if metadata != document.metadata:
            document = replace(document, metadata=metadata)
        if self.as_of is not None:
            document = replace(document, as_of=self.as_of, as_of_source="given")
        return document


@dataclass(frozen=True, slots=True)
class Mark:
    """That a file of many documents was stored to its end, and which of its records failed.

    Without it a run that was killed within such a file would make the file look complete.
    `size` is in bytes, `modified` in ns; `failed` holds (record, code, message) triples.
    """

    size: int
    modified: int
    reader: str
    content_sha256: str
    failed: tuple[tuple[str, str, str], ...] = ()

    def dumps(self) -> str:
        """Return the mark as text."""
        values = (self.size, self.modified, self.reader, self.content_sha256, self.failed)
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> "Mark":
        """Return the mark that `dumps` wrote."""
        size, modified, reader, sha256, failed = json.loads(text)
        return cls(size, modified, reader, sha256, tuple((r, c, m) for r, c, m in failed))


@dataclass(frozen=True, slots=True)
class Step:
    """A file with the documents that it gave last time (one, or many records, or none).

    `name` is the one that the user knows, where it is not the uri; `kept` says that the file's
    bytes are stored with its documents.
    """

    uri: str
    source: str
    path: str
    size: int
    modified: int
    known: tuple[Document, ...] = ()
    mark: Mark | None = None
    name: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read when it had this size (bytes) and time (ns), and why."""

    size: int
    modified: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many files and folders ignore files leave out; `named` are such paths that were given."""

    files: int = 0
    folders: int = 0
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does with one source.

    `read` are new or changed files; `settled` need no reading, with their documents as they shall
    be (equal to the known ones where nothing changes); `vanished` are documents without a file;
    `unlisted` are (uri, message) pairs; `outside` counts links that lead out of the folder;
    `empty` are folders in which nothing was found, with the number of documents that they held;
    `known` counts the source's documents so far. `unquiet` counts files that may be being written,
    `failed` are files, by uri, that failed before and are as they were.
    """

    source: str
    read: tuple[Step, ...] = ()
    settled: tuple[tuple[Step, tuple[Document, ...]], ...] = ()
    vanished: tuple[Document, ...] = ()
    unlisted: tuple[tuple[str, str], ...] = ()
    outside: int = 0
    empty: tuple[tuple[str, int], ...] = ()
    known: int = 0
    left_out: LeftOut = LeftOut()
    unquiet: int = 0
    failed: tuple[tuple[str, Failed], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides whether a file must be read.

    `readers` are the readers of this version ("pdf/1"), `digest` gives a file's sha256. With `ocr`
    text recognition may find words that an earlier run could not, and where there are passwords one
    `unlocks` what it could not. What was written to after
    `quiet_since` (ns) is left for a later run, and so is what `failed` (by uri) tells to be as it
    was.
    """

    readers: frozenset[str]
    digest: Callable[[str], str]
    selection: Selection = field(default_factory=Selection)
    given: Given = field(default_factory=Given)
    ocr: bool = False
    unlocks: bool = False
    quiet_since: float = math.inf
    failed: Mapping[str, Failed] = field(default_factory=dict)


def record_uri(uri: str, record_id: str) -> str:
    """Return the uri of one record of the file `uri`."""
    return f"{uri}#{record_id}"


class Draft:
    """The plan of one source, while its targets are being looked at.

    `known` are the source's documents, `marks` the marks of its files of records by file uri.
    """

    def __init__(
        self, source: str, asked: Asked, known: Iterable[Document], marks: Mapping[str, str]
    ) -> None:
        self._source = source
        self._asked = asked
        self._marks = marks
        self._files: dict[str, list[Document]] = {}
        for document in known:
            self._files.setdefault(file_uri(document), []).append(document)
        self._known = sum(map(len, self._files.values()))
        self._seen: set[str] = set()
        self._read: list[Step] = []
        self._settled: list[tuple[Step, tuple[Document, ...]]] = []
        self._unlisted: list[Unlisted] = []
        self._outside = 0
        self._empty: list[tuple[str, str]] = []
        self._covered: list[str] = []
        self._left_out = [0, 0]  # files, folders
        self._named: list[str] = []
        self._unquiet = 0
        self._failed: list[tuple[str, Failed]] = []

    def look(self, target: Target, entries: Iterable[Entry]) -> None:
        """Take all that was found in one target, comparing each file with what is known of it."""
        found, fits = False, False
        below = f"{stored_name(target.below)}/" if target.below else ""
        for entry in entries:
            found, fits = True, fits or not isinstance(entry, Ignored)
            if isinstance(entry, Ignored) and below.startswith(f"{entry.relative.rstrip('/')}/"):
                self._named.append(stored_name(str(target.path)))
                return
            self._take(entry)
        # Patterns that nothing fits are a mistake, also where an ignore file leaves something out.
        if not found or (self._asked.selection.options and not fits):
            self._empty.append((stored_name(str(target.path)), below))
        elif not target.single:
            self._covered.append(below)

    def _take(self, entry: Entry) -> None:
        match entry:
            case Outside():
                self._outside += 1
            case Unlisted():
                self._unlisted.append(entry)
            case Ignored():
                self._left_out[entry.relative.endswith("/")] += 1
            case Listed() if entry.relative not in self._seen:
                self._seen.add(entry.relative)
                self._place(self._step(entry))

    def _place(self, step: Step) -> None:
        """Decide what is to be done with a file."""
        failed = self._asked.failed.get(step.uri)
        # A time that lies in the future says nothing.
        if self._asked.quiet_since < step.modified <= time.time_ns():
            self._unquiet += 1
        elif (documents := settled(step, self._asked)) is not None:
            self._settled.append((step, documents))
        elif failed and (failed.size, failed.modified) == (step.size, step.modified):
            self._failed.append((step.uri, failed))
        else:
            self._read.append(step)

    def _step(self, found: Listed) -> Step:
        uri = f"{self._source}/{found.relative}"
        known = tuple(self._files.pop(uri, ()))
        mark = Mark.loads(self._marks[uri]) if uri in self._marks else None
        return Step(uri, self._source, found.path, found.size, found.modified, known, mark)

    def plan(self) -> Plan:
        """Return the plan once every target was looked at."""
        return Plan(
            source=self._source,
            read=tuple(self._read),
            settled=tuple(self._settled),
            vanished=tuple(self._left(self._covered)),
            unlisted=tuple((f"{self._source}/{u.relative}", u.message) for u in self._unlisted),
            outside=self._outside,
            empty=tuple((path, sum(1 for _ in self._left([below]))) for path, below in self._empty),
            known=self._known,
            left_out=LeftOut(self._left_out[0], self._left_out[1], tuple(self._named)),
            unquiet=self._unquiet,
            failed=tuple(self._failed),
        )

    def _left(self, folders: Sequence[str]) -> Iterator[Document]:
        """Give the known documents in these folders whose files were not found."""
        for uri, documents in self._files.items():
            relative = uri.removeprefix(f"{self._source}/")
            # A file that this run left out or could not look at has not vanished.
            if (
                any(relative.startswith(below) for below in folders)
                and self._asked.selection.takes(relative)
                and not any(_covers(u, relative) for u in self._unlisted)
            ):
                yield from documents


def _covers(unlisted: Unlisted, relative: str) -> bool:
    """Tell whether a file is, or lies in, what could not be looked at ("" is all of a source)."""
    if unlisted.relative in {"", relative}:
        return True
    return unlisted.relative.endswith("/") and relative.startswith(unlisted.relative)


def settled(step: Step, asked: Asked) -> Settled | None:
    """Return the step's documents as they shall be, or None if the file must be read."""
    last = last_seen(step)
    if last is None or last.size != step.size:
        return None
    if any(
        reader not in asked.readers for reader in {last.reader, *(d.reader for d in step.known)}
    ):
        return None
    if _has_more_to_read(step, asked):
        return None
    if last.modified != step.modified and asked.digest(step.path) != last.content_sha256:
        return None
    documents = tuple(asked.given.over(document) for document in step.known)
    if last is step.mark:
        return documents
    return tuple(
        document
        if document.modified == step.modified
        else replace(document, modified=step.modified)
        for document in documents
    )


def _has_more_to_read(step: Step, asked: Asked) -> bool:
    """Tell whether what an earlier run could not read may be read now: pages, or parts."""
    if asked.ocr and any(map(_has_unread_pages, step.known)):
        return True
    failed = step.mark.failed if step.mark else ()
    return any(
        (asked.unlocks and code in _LOCKED)
        or (asked.ocr and (code == "no_text_layer" or OCR_OPTION in message))
        for _, code, message in failed
    )


def _has_unread_pages(document: Document) -> bool:
    """Tell whether a document has pages without text that no text recognition has seen."""
    codes = {finding.code for finding in document.findings}
    return "no_text_layer" in codes and "ocr" not in codes


def last_seen(step: Step) -> Mark | None:
    """Return how a file was when it was last read to its end, None where that is not known."""
    if not step.known:
        return None
    if any(document.uri != step.uri for document in step.known):
        return step.mark
    first = step.known[0]
    return Mark(first.size, first.modified, first.reader, first.content_sha256)


def removes_too_many(removed: int, known: int) -> bool:
    """Tell whether a run would remove so much of a source that it must be asked for."""
    return removed > _FEW and removed * 2 > known
