"""Snapshots on their way out and in: each in a folder of its own, gone when its request is."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from fastapi import Request

from indexes.catalog import storage_errors
from indexes.collection import Collection
from indexes.errors import BadSnapshot, CollectionExists
from indexes.locks import locked
from indexes.originals import StoredOriginal
from indexes.snapshot import restore, snapshot
from service.lanes import Lane
from service.originals import Opened
from service.problems import MediaTypeRefused

MEDIA_TYPE: Final = "application/octet-stream"
_PREFIX: Final = "backup-"
_PIECE: Final = 1 << 20


@dataclass(slots=True)
class Scratch:
    """A folder for the files of one request; a lock tells others that it is in use."""

    folder: Path
    _release: Callable[[], None] = field(repr=False)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._release()


def scratch(data: Path) -> Scratch:
    """Make such a folder in the data folder, and remove what killed processes left of theirs.

    Raises StorageFull, StorageRefused.
    """
    place = data / ".jobs" / "tmp"
    with storage_errors(place):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(place / "sweep.lock", fcntl.LOCK_EX):
            _sweep(place)
            folder = place / f"{_PREFIX}{uuid4().hex}"
            folder.mkdir(mode=0o700)
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    return Scratch(folder, partial(os.close, descriptor))


def _sweep(place: Path) -> None:
    """Remove the folders that nobody holds."""
    for left in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # held, or gone
            descriptor = os.open(left, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)


def opened_snapshot(data: Path, collection: Collection) -> Opened:
    """Write a snapshot of a collection and open it; closing it removes the file.

    Raises StorageFull, StorageRefused.
    """
    place = scratch(data)
    try:
        path = place.folder / "snapshot"
        snapshot(collection, path)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size, descriptor = path.stat().st_size, os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except BaseException:
        place.close()
        raise

    def close() -> None:
        os.close(descriptor)
        place.close()

    now = f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    name = f"{collection.name}-{now}.snapshot"
    told = StoredOriginal(name, name, MEDIA_TYPE, sha256, size, 0, path, None)
    return Opened(told, size, partial(os.pread, descriptor, _PIECE), close)


async def receive_snapshot(request: Request, path: Path, lane: Lane) -> None:
    """Write a request's body into a new file, piece by piece.

    Raises MediaTypeRefused, TooLarge, StorageFull, ClientDisconnect.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise MediaTypeRefused(
            f"Content-Type is {kind!r}. Send the snapshot itself as the body, as {MEDIA_TYPE}."
        )
    with storage_errors(path), path.open("wb") as file:
        held = bytearray()
        async for piece in request.stream():
            held += piece
            if len(held) >= _PIECE:
                await lane.run(partial(file.write, bytes(held)))
                held.clear()
        await lane.run(partial(file.write, bytes(held)))


def restored(data: Path, name: str, path: Path, *, replace: bool) -> None:
    """Make a collection of a file that was sent; errors name it as such.

    Raises BadSnapshot, CollectionExists, StorageFull, StorageRefused.
    """
    try:
        restore(data, name, path, replace=replace).close()
    except BadSnapshot as error:
        raise BadSnapshot(error.message.replace(str(path), "The file that was sent")) from error


def check_free(data: Path, name: str, *, replace: bool) -> None:
    """Raise CollectionExists where a collection has that name and is not to be replaced."""
    if not replace and (data / name / "catalog.db").exists():
        raise CollectionExists(
            f"Collection {name!r} is there already. Send replace=true to give it up, or choose "
            "another name."
        )


@contextmanager
def receiving(data: Path) -> Iterator[Path]:
    """Give the path of a new file for a body; it is gone afterwards."""
    place = scratch(data)
    try:
        yield place.folder / "snapshot"
    finally:
        place.close()
