"""Child processes that read documents, so that no document can stop or harm the run.

Each child reads one document at a time under a time and a memory limit that the kernel enforces;
one that hits a limit or crashes costs its document and is replaced. A child waits until its result
is taken, so that at most one document a child is held in memory.
A document that is too much for a child which has read others before is tried again in a new one.
"""

import ctypes
import hashlib
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final, Self, cast

from indexes.documents import Extract
from indexes.errors import AfterwordError, ReadFailure
from ingest.readers import READERS, ReadOptions, RecordFailure

Failures = tuple[tuple[str, ReadFailure], ...]

_BATCH: Final = 500
_BATCH_CHARACTERS: Final = 4_000_000
_MB: Final = 1024 * 1024
# While nothing comes, this often it is asked how far the children are.
_LOOK_SECONDS: Final = 1.0
_PART: Final = struct.Struct("d")
_PR_SET_PDEATHSIG: Final = 1
_ROOT: Final = Path(__file__).parent.parent
# A child imports this module alone: multiprocessing's own children run the caller's main module
# again, whatever that is.
_CHILD: Final = "import sys; sys.path.append(sys.argv[3]); from ingest.pool import serve; serve()"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost: `seconds` of reading, megabytes of memory, and of the file."""

    seconds: float
    memory_mb: int
    file_mb: int


@dataclass(frozen=True, slots=True)
class ReadJob:
    """A file to be read; `key` is its document's uri, `name` is what the user calls the file."""

    key: str
    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a file gave, or a part of it where it holds many records.

    `failures` are records that could not be read, by id or `line N`; `failure` is of the whole file
    and comes with `last`. `content_sha256` (of the file's bytes) and `reader` (such as `pdf/1`) are
    empty where the file could not be opened. `part` is how much of it was read by then, up to 1.
    """

    job: ReadJob
    extracts: tuple[Extract, ...] = ()
    failures: Failures = ()
    last: bool = True
    failure: ReadFailure | None = None
    content_sha256: str = ""
    reader: str = ""
    part: float = 1.0


class _Told:
    """How far a child is with its document: a number that both it and its parent see."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Map the memory of this descriptor, or make some, empty."""
        self.descriptor = os.memfd_create("told", 0) if descriptor is None else descriptor
        if descriptor is None:
            os.ftruncate(self.descriptor, _PART.size)
        self._memory = mmap.mmap(self.descriptor, _PART.size)

    @property
    def part(self) -> float:
        """The part of the document, from 0 to 1."""
        (part,) = _PART.unpack(self._memory[:])
        return min(1.0, float(part))

    def tell(self, part: float) -> None:
        """Set it."""
        self._memory[:] = _PART.pack(part)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        os.close(self.descriptor)


@dataclass(slots=True, eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    connection: "Connection[ReadJob, ReadResult | None]"
    told: _Told
    job: ReadJob | None = None
    ready: bool = False  # it has said that it runs
    done: int = 0  # documents that it has read before
    begun: bool = False  # a part of its document is given out already


class ReaderPool:
    """A few reader processes; use it as a context manager."""

    def __init__(
        self, processes: int, limits: Limits, passwords: Sequence[str] = (), *, ocr: bool = False
    ) -> None:
        """Start nothing yet: `processes` of 0 means one a core; with `ocr` text is recognised."""
        self._most = processes or os.cpu_count() or 1
        self._limits = limits
        self._common = ReadOptions("", passwords=tuple(passwords), ocr=ocr)
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End all children, whatever they are at; the next jobs start new ones."""
        for child in list(self._children):
            self._end(child)

    def results(
        self, jobs: Iterable[ReadJob], look: Callable[[Mapping[str, float]], None] | None = None
    ) -> Iterator[ReadResult]:
        """Yield what each job gives, as it comes; every job ends with one result that is `last`.

        While nothing comes, `look` is told each second how much of what is being read, by key.
        """
        queue = iter(jobs)
        while True:
            self._hand_out(queue)
            busy = {child.connection: child for child in self._children if child.job}
            if not busy:
                return
            ready = wait(list(busy), _LOOK_SECONDS)
            if look and not ready:
                look({child.job.key: child.told.part for child in self._children if child.job})
            for connection in ready:
                child = busy[connection]  # type: ignore[index]  # `wait` returns what it was given
                result = self._result(child)
                self._hand_out(queue)  # so that it reads on while this result is worked on
                if result is not None:
                    yield result

    def _hand_out(self, queue: Iterator[ReadJob]) -> None:
        while True:
            idle = next((child for child in self._children if child.job is None), None)
            if idle is None and len(self._children) >= self._most:
                return
            job = next(queue, None)
            if job is None:
                return
            self._give(job, idle)

    def _give(self, job: ReadJob, idle: _Child | None) -> None:
        if idle is not None:
            try:
                idle.connection.send(job)
            except OSError:  # it died with nothing to do; another takes its place
                self._end(idle)
            else:
                idle.job = job
                return
        child = self._start()
        child.job = job
        self._children.append(child)
        with suppress(OSError):
            child.connection.send(job)

    def _start(self) -> _Child:
        try:
            return self._started()
        except OSError as error:
            raise AfterwordError(
                f"a reader process could not start in {_ROOT} ({error.strerror}); let it have more "
                "open files (`ulimit -n`) or memory, or lower AFTERWORD_READER_PROCESSES, and run "
                "the same command again"
            ) from error

    def _started(self) -> _Child:
        ours, theirs = Pipe()
        told = _Told()
        given = (str(theirs.fileno()), str(os.getpid()), str(_ROOT), str(told.descriptor))
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CHILD, *given],
            pass_fds=[theirs.fileno(), told.descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        with suppress(OSError):  # if it ended at once, the first answer says so
            ours.send((self._limits, self._common))
        return _Child(process, cast("Connection[ReadJob, ReadResult | None]", ours), told)

    def _result(self, child: _Child) -> ReadResult | None:
        """Take what a child has to say; None where that is no result.

        Raises AfterwordError where it could not even start.
        """
        job = child.job
        assert job is not None
        try:
            result = child.connection.recv()
        except (EOFError, ConnectionResetError):
            result = self._died(child, job)
        if result is None:
            child.ready = True
            return None
        if result.failure is not None and result.failure.reason == "memory_limit":
            self._end(child)
            if child.done and not child.begun:
                self._give(job, None)
                return None
        child.begun = not result.last
        if result.last:
            child.job = None
            child.done += 1
        return result

    def _died(self, child: _Child, job: ReadJob) -> ReadResult:
        exit_code = child.process.wait()
        self._end(child)
        if not child.ready:
            raise AfterwordError(
                f"A reader process could not start (exit {exit_code}); what it wrote to the error "
                "output says why."
            )
        return ReadResult(job, failure=_death(exit_code, self._limits))

    def _end(self, child: _Child) -> None:
        if child in self._children:
            self._children.remove(child)
            child.process.kill()
            child.process.wait()
            child.connection.close()
            child.told.close()


def _death(exit_code: int, limits: Limits) -> ReadFailure:
    """Say why a child ended in the middle of a document."""
    if exit_code == -signal.SIGALRM:
        return ReadFailure(
            "time_limit",
            f"reading took over {limits.seconds:g} s and was stopped; split the document, or raise "
            "AFTERWORD_READER_SECONDS",
        )
    if exit_code == -signal.SIGABRT:  # what a C library does when it gets no more memory
        return _out_of_memory(limits)
    if exit_code == -signal.SIGKILL:
        return ReadFailure(
            "memory_limit",
            "the process that read it was killed, most likely for lack of memory; free some, or "
            "lower AFTERWORD_READER_PROCESSES",
        )
    return ReadFailure(
        "damaged",
        f"the process that read it crashed (exit {exit_code}); the file is most likely damaged: "
        "open it in the program it comes from and save it anew",
    )


def _out_of_memory(limits: Limits) -> ReadFailure:
    return ReadFailure(
        "memory_limit",
        f"reading needs over {limits.memory_mb} MB of memory; split the document, or raise "
        "AFTERWORD_READER_MEMORY_MB",
    )


def foreseen(job: ReadJob, limits: Limits, *, ocr: bool = False) -> ReadFailure | None:
    """Return why a file will not be read, as far as its size and its first bytes tell."""
    from ingest.readers.detect import detect

    try:
        _check_size(job.path.stat().st_size, limits)
        detect(job.path, job.name, ocr=ocr)
    except ReadFailure as failure:
        return failure
    except OSError as error:
        return _unreadable(error)
    return None


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.file_mb * _MB:
        raise ReadFailure(
            "too_large",
            f"the file has {size / _MB:.0f} MB, more than AFTERWORD_MAX_FILE_MB={limits.file_mb}; "
            "split it, or raise that setting",
        )


def _unreadable(error: OSError) -> ReadFailure:
    message = f"{error.strerror or error}; check that the file is there and may be read"
    return ReadFailure("unreadable", message)


# --- in the child --------------------------------------------------------------------------------


def serve() -> None:
    """Be a child: read one document after another until the parent is gone.

    The command line names the descriptor of the connection, the parent's process id, and the
    descriptor of the memory in which is told how far a document is read.
    """
    descriptor, parent, memory = (int(sys.argv[place]) for place in (1, 2, 4))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    if os.getppid() != parent:
        return
    connection: Connection[ReadResult | None, Any] = Connection(descriptor)
    try:
        limits, common = connection.recv()
        _limit_memory(limits)
        told = _Told(memory)
        connection.send(None)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # what libraries grumble
        while True:
            _read_one(connection, _Reading(connection.recv(), limits, common, told))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


@dataclass(frozen=True, slots=True)
class _Reading:
    """A document that a child reads, under which limits, and where it tells how far it is."""

    job: ReadJob
    limits: Limits
    common: ReadOptions
    told: _Told


def _read_one(connection: "Connection[ReadResult | None, Any]", reading: _Reading) -> None:
    job, limits = reading.job, reading.limits
    reading.told.tell(0.0)
    for result in _results(reading):
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            connection.send(result)
        except MemoryError:  # there was room for the text, but not for its copy on the way
            connection.send(ReadResult(job, failure=_out_of_memory(limits)))
            break
        signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(limits: Limits) -> None:
    """Allow so much memory beyond what the started process has mapped."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = mapped + limits.memory_mb * _MB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _results(reading: _Reading) -> Iterator[ReadResult]:
    job, limits = reading.job, reading.limits
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    try:
        yield from _read(reading)
    except ReadFailure as failure:
        yield ReadResult(job, failure=failure)
    except MemoryError:
        yield ReadResult(job, failure=_out_of_memory(limits))
    except OSError as error:
        yield ReadResult(job, failure=_unreadable(error))
    except Exception as error:  # noqa: BLE001  # the edge of a process: a library may raise anything
        message = (
            f"its reader failed ({type(error).__name__}: {str(error)[:200]}); the file is most "
            "likely damaged: open it in the program it comes from and save it anew"
        )
        yield ReadResult(job, failure=ReadFailure("damaged", message))


def _read(reading: _Reading) -> Iterator[ReadResult]:
    from ingest.hidden import with_finding
    from ingest.readers.detect import detect

    job = reading.job
    before = job.path.stat()
    _check_size(before.st_size, reading.limits)
    with job.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    told = reading.told
    options = replace(reading.common, name=job.name, uri=job.key, tell=told.tell)
    entry = READERS[detect(job.path, job.name, ocr=options.ocr)]
    stream = map(with_finding, entry.load()(job.path, options))
    batch = _batch(job, stream, sha256, entry.label)
    while not batch.last:
        yield replace(batch, part=reading.told.part)
        batch = _batch(job, stream, sha256, entry.label)
    after = job.path.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise ReadFailure(
            "changed_while_read", "the file was written to while it was read; run again"
        )
    yield batch


def _batch(
    job: ReadJob, stream: Iterator[Extract | RecordFailure], sha256: str, reader: str
) -> ReadResult:
    """Take up to 500 records, or some megabytes, off a reader's stream."""
    extracts: list[Extract] = []
    failures: list[tuple[str, ReadFailure]] = []
    characters = 0
    for item in islice(stream, _BATCH):
        if isinstance(item, Extract):
            extracts.append(item)
            characters += len(item.text)
        else:
            failures.append((item.record, item.failure))
        if characters > _BATCH_CHARACTERS:
            break
    full = len(extracts) + len(failures) == _BATCH or characters > _BATCH_CHARACTERS
    return ReadResult(job, tuple(extracts), tuple(failures), not full, None, sha256, reader)
