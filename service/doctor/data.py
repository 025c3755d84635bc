"""The data folder: can it be written, does it hold locks, what is it on, how full is it."""

import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from service.doctor.children import run_trials
from service.doctor.file_systems import DOUBTFUL, mount_of
from service.doctor.findings import Finding, Subject, amount, listed

_PROBE: Final = ".doctor-"
_MB: Final = 1 << 20
_FULL: Final = 64 * _MB
_SCARCE: Final = 1024 * _MB
_FEW_INODES: Final = 1_000
_ADVICE: Final = "choose another folder by AFTERWORD_DATA, or let this user write there"
_SECONDS: Final = 20.0
# What another process finds: whether each kind of lock is held, and what is in the database.
_ONLOOKER: Final = """
import fcntl, sqlite3, sys
folder, held = sys.argv[2], []
for name, lock in (("flock", fcntl.flock), ("lockf", fcntl.lockf)):
    with open(f"{folder}/{name}", "ab") as file:
        try:
            lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.append(name)
seen = sqlite3.connect(f"{folder}/probe.db").execute("SELECT count(*) FROM probe").fetchone()[0]
print(*held, seen)
"""
_RIGHT: Final = "flock lockf 1"


def folder(subject: Subject) -> Iterator[Finding]:
    """Tell whether the data folder is there and whether this user can write in it, for good."""
    data = subject.data.absolute()
    facts: dict[str, object] = {"path": str(data)}
    if not data.exists():
        above = next(one for one in data.parents if one.exists())
        if os.access(above, os.W_OK):
            message = f"{data} is not there yet; the first ingest makes it"
            yield Finding("folder", "note", message, facts=facts)
        else:
            message = f"{data} is not there, and this user cannot make it in {above}"
            yield Finding("folder", "problem", message, _ADVICE, facts)
        return
    if not data.is_dir():
        message = f"{data} is a file, not a folder"
        yield Finding("folder", "problem", message, "name a folder in AFTERWORD_DATA", facts)
        return
    try:
        _write_for_good(data)
    except OSError as error:
        message = f"{data} cannot be written: {error.strerror}"
        yield Finding("folder", "problem", message, _ADVICE, facts)
        return
    yield Finding("folder", "ok", f"{data} can be written", facts=facts)
    yield from _owners(data)


def _write_for_good(data: Path) -> None:
    """Write a file, flush it and its folder to the disk, and take it away. Raises OSError."""
    from indexes.durable import flush

    with tempfile.TemporaryDirectory(prefix=_PROBE, dir=data) as made:
        probe = Path(made) / "probe"
        probe.write_bytes(b"probe")
        flush(probe)
        flush(Path(made))
    flush(data)


def _owners(data: Path) -> Iterator[Finding]:
    """Tell of what lies in the data folder and is not this user's to write."""
    refused = [
        str(path.relative_to(data))
        for path in sorted([*data.glob("*"), *data.glob("*/*"), *data.glob(".jobs/*")])
        if not os.access(path, os.W_OK)
    ]
    if refused:
        message = f"this user cannot write {listed(refused)}"
        advice = f"give the files to the user that runs Afterword: chown -R {os.getuid()} {data}"
        yield Finding("owners", "problem", message, advice, {"refused": refused})


def locks(subject: Subject) -> Iterator[Finding]:
    """Tell whether locks and SQLite's log hold between two processes in the data folder."""
    data = subject.data
    if not data.is_dir():
        return
    try:
        with tempfile.TemporaryDirectory(prefix=_PROBE, dir=data) as made:
            seen = _seen_by_another(Path(made))
    except (OSError, sqlite3.Error) as error:
        message = f"could not be tried: {error}"
        yield Finding("locks", "problem", message, _ADVICE)
        return
    if seen == _RIGHT:
        message = "locks and SQLite's log hold between processes"
        yield Finding("locks", "ok", message, facts={"seen": seen})
    else:
        message = f"locks or SQLite's log do not hold between processes (found: {seen})"
        advice = (
            "put the data folder on a local disk of this machine; two processes would damage the "
            "catalogs here"
        )
        yield Finding("locks", "problem", message, advice, {"seen": seen})


def _seen_by_another(made: Path) -> str:
    """Hold locks, write a database with a log, and return what a second process finds of both."""
    import fcntl

    with (
        (made / "flock").open("ab") as first,
        (made / "lockf").open("ab") as second,
        closing(sqlite3.connect(made / "probe.db", isolation_level=None)) as probe,
    ):
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (mode,) = probe.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            return f"journal mode {mode}"
        probe.execute("CREATE TABLE probe (a)")
        probe.execute("INSERT INTO probe VALUES (1)")
        ended = run_trials({"onlooker": (_ONLOOKER, str(made))}, _SECONDS)["onlooker"]
    return ended.fault or ended.out.strip()


def file_system(subject: Subject) -> Iterator[Finding]:
    """Tell what kind of file system the data folder is on, and what speaks against it."""
    data = _nearest(subject.data)
    mount = mount_of(data)
    if mount is None:
        yield Finding("file system", "note", f"{sys.platform} does not tell its kind")
        return
    facts = {"kind": mount.kind, "mount": mount.point, "source": mount.source}
    if mount.read_only:
        message = f"{mount.kind} at {mount.point} is mounted read-only"
        yield Finding("file system", "problem", message, _ADVICE, facts)
    elif mount.kind in DOUBTFUL:
        message = f"{mount.kind} at {mount.point}: {DOUBTFUL[mount.kind]}"
        advice = "put the data folder on a local disk, or a volume on one"
        yield Finding("file system", "warning", message, advice, facts)
    else:
        yield Finding("file system", "ok", f"{mount.kind} at {mount.point}", facts=facts)


def space(subject: Subject) -> Iterator[Finding]:
    """Tell how much space is left, against what the next merge of a view or a restore takes."""
    yield _space("space", _nearest(subject.data), largest(subject.data))


def temporary(subject: Subject) -> Iterator[Finding]:
    """Tell whether the folder of temporary files can be used, and what is left there."""
    del subject
    try:
        place = Path(tempfile.gettempdir())
        with tempfile.TemporaryFile() as file:
            file.write(b"probe")
    except OSError as error:
        message = f"no temporary file can be written: {error.strerror}"
        yield Finding("temporary files", "problem", message, "set TMPDIR to a folder to write in")
        return
    yield _space("temporary files", place, 0)


def _space(name: str, place: Path, needed: int) -> Finding:
    try:
        found = os.statvfs(place)
    except OSError as error:
        message = f"{place}: {error.strerror}"
        return Finding(name, "problem", message, "check that the folder can be read")
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    inodes = found.f_favail if found.f_files else None
    facts = {"path": str(place), "free": free, "total": total, "inodes": inodes, "needed": needed}
    message = f"{amount(free)} free of {amount(total)} at {place}"
    advice = "free some, or use a larger disk (AFTERWORD_DATA); nothing stored is lost meanwhile"
    if free < _FULL or (inodes is not None and inodes < _FEW_INODES):
        left = f", {inodes} files more" if inodes is not None and inodes < _FEW_INODES else ""
        return Finding(name, "problem", f"too little is left: {message}{left}", advice, facts)
    if free < needed:
        message += f"; a reindex or restore of the largest collection takes {amount(needed)}"
        return Finding(name, "warning", message, advice, facts)
    if free < _SCARCE:
        return Finding(name, "warning", message, advice, facts)
    return Finding(name, "ok", message, facts=facts)


def _nearest(path: Path) -> Path:
    """Return the folder, or the one above it that is there."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.is_dir())


def sizes(subject: Subject) -> Iterator[Finding]:
    """Tell how much each collection takes, by its parts, and the queue of uploads."""
    data = subject.data
    if not data.is_dir():
        return
    for place in sorted(data.iterdir()):
        if not place.is_dir() or place.name.startswith(_PROBE):
            continue
        if subject.collection not in {None, place.name}:
            continue
        parts = {part: size for part, size in parts_of(place).items() if size}
        if not parts:
            continue
        told = ", ".join(f"{part} {amount(size)}" for part, size in parts.items())
        whole = amount(sum(parts.values()))
        yield Finding(f"size of {place.name}", "ok", f"{whole}: {told}", facts=parts)


def parts_of(place: Path) -> dict[str, int]:
    """Return the bytes of a collection by part, or those of the queue of uploads."""
    parts = dict.fromkeys(("catalog", "dense", "lexical", "jobs", "spool", "other"), 0)
    for folder_name, _, files in os.walk(place):
        for file in files:
            path = Path(folder_name) / file
            first = path.relative_to(place).parts[0].partition(".")[0]
            part = "spool" if first == "tmp" else first
            try:
                parts[part if part in parts else "other"] += path.stat().st_size
            except OSError:  # it was there a moment ago
                continue
    return parts


def largest(data: Path) -> int:
    """Return the bytes of the largest collection (0 for none)."""
    if not data.is_dir():
        return 0
    places = (one for one in data.iterdir() if (one / "catalog.db").is_file())
    return max((sum(parts_of(one).values()) for one in places), default=0)
