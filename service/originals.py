"""Original files: whether there is one, the link to it, and its bytes, checked and in pieces."""

import codecs
import hashlib
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from indexes.collection import Collection
from indexes.documents import Document
from indexes.errors import DocumentChanged, OriginalNotFound
from indexes.originals import StoredOriginal
from service.schemas import OriginalLink
from service.tickets import Place, Tickets

PLAIN: Final = "text/plain"
# What a browser may show; it can do nothing by itself. All else is handed over to be saved.
INLINE: Final = frozenset(
    {"application/pdf", PLAIN, "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}
)
_PIECE: Final = 262_144
_REMEMBERED: Final = 4096
# A file that was written to in the last moment may be written to again within its time's grain.
_SETTLED_NS: Final = 2_000_000_000
# Names that every browser takes out of a path, however they are written.
_NOT_IN_PATHS: Final = frozenset({".", ".."})

_State = tuple[int, int, int, int, int]


def link_to(
    document: Document,
    original: StoredOriginal | None,
    collection: str,
    root: str,
    sign: Tickets,
    holder: str | None,
) -> OriginalLink | None:
    """Return the link to a document's original, None where none is to be had.

    `root` is the path that the service has at its proxy; `sign` makes a ticket for the key with
    the id `holder`, where there are keys.
    """
    if original is None or document.document_id in _NOT_IN_PATHS or not original.is_there:
        return None
    asked = {"collection": collection}
    if holder is not None:
        place = Place(collection, document.document_id, original.sha256, holder)
        asked["ticket"] = sign.ticket(place)
    path = f"{root}/v1/documents/{quote(document.document_id, safe='')}/original"
    return OriginalLink(
        url=f"{path}?{urlencode(asked)}",
        filename=original.filename,
        media_type=original.media_type,
        inline=original.media_type in INLINE,
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """An original whose bytes are those that were ingested; `size` in bytes.

    `piece` returns bytes from a place on, at least one before the end; it raises DocumentChanged
    where they are not the same any more. `close` ends it.
    """

    original: StoredOriginal
    size: int
    piece: Callable[[int], bytes] = field(repr=False)
    close: Callable[[], None] = field(repr=False)

    def is_utf8(self) -> bool:
        """Tell whether the whole is text in UTF-8."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for piece in self._pieces():
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def _pieces(self) -> Iterator[bytes]:
        place = 0
        while place < self.size:
            piece = self.piece(place)
            place += len(piece)
            yield piece


class Originals:
    """Opens originals, and remembers which files were found to be as they were ingested."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_State, str] = OrderedDict()

    def open(self, original: StoredOriginal, collection: Collection) -> Opened:
        """Open an original. Raises OriginalNotFound, DocumentChanged."""
        if original.path is None:
            return _kept(original, collection)
        descriptor = _descriptor(original)
        try:
            state = _state(descriptor)
            self._check(original, descriptor, state)
        except BaseException:
            os.close(descriptor)
            raise

        def piece(place: int) -> bytes:
            found = os.pread(descriptor, _PIECE, place)
            # Looked at after it is read: what was written before that shows.
            if not found or _state(descriptor) != state:
                raise _changed(original)
            return found

        return Opened(original, state[2], piece, lambda: os.close(descriptor))

    def _check(self, original: StoredOriginal, descriptor: int, state: _State) -> None:
        if self._sha256(descriptor, state) != original.sha256 or _state(descriptor) != state:
            raise _changed(original)

    def _sha256(self, descriptor: int, state: _State) -> str:
        """Return a file's sha256, from memory where a file of this very state was read before."""
        with self._lock:
            if (known := self._known.get(state)) is not None:
                self._known.move_to_end(state)
                return known
        began = time.time_ns()
        digest, place = hashlib.sha256(), 0
        while found := os.pread(descriptor, _PIECE, place):
            digest.update(found)
            place += len(found)
        sha256 = digest.hexdigest()
        if max(state[3], state[4]) < began - _SETTLED_NS:
            with self._lock:
                self._known[state] = sha256
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return sha256


def _kept(original: StoredOriginal, collection: Collection) -> Opened:
    row = original.row
    assert row is not None

    def piece(place: int) -> bytes:
        found = collection.original_block(row, place)
        if not found:
            raise _changed(original)
        return found

    return Opened(original, original.size, piece, lambda: None)


def _descriptor(original: StoredOriginal) -> int:
    assert original.path is not None
    try:
        # Not to wait for a writer, should it be a pipe by now.
        descriptor = os.open(original.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _gone(original, "is not where it was when it was ingested") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise _gone(original, f"cannot be opened by this service ({why})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _gone(original, "is no ordinary file any more")
    return descriptor


def _state(descriptor: int) -> _State:
    """Return what tells one state of one file from all others."""
    found = os.fstat(descriptor)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _gone(original: StoredOriginal, what: str) -> OriginalNotFound:
    return OriginalNotFound(
        f"The original {original.uri} {what}. Put it back, or make its folder readable here at the "
        "same path, or run `afterword ingest` again for its folder. Its text is stored still."
    )


def _changed(original: StoredOriginal) -> DocumentChanged:
    return DocumentChanged(
        f"The original {original.uri} is not the file any more that was ingested, so citations may "
        "point to other places in it. Run `afterword ingest` again for its folder, or upload it "
        "again, and ask the question again."
    )
