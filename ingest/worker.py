"""The worker that ingests uploads: `afterword ingest --worker`, a child of the service.

It takes one job at a time from the queue on disk and ends when its standard input does (its parent
is gone) or on SIGTERM, after the job in hand.
"""

import logging
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from indexes import jobs
from indexes.collection import sweep_deleted
from indexes.errors import AfterwordError, CollectionBusy, UsageError
from indexes.jobs import Job
from indexes.settings import FETCH_IS_OFF, NO_FETCH, Settings
from indexes.urls import parse_url
from ingest.internet import INTERNET, Network
from ingest.pipeline import ingest_page, ingest_upload, reader_pool
from ingest.plan import Given
from ingest.pool import ReaderPool
from ingest.progress import Advanced, Event, Observer
from ingest.report import Item, Report
from ingest.survey import Order
from ingest.uploads import Upload

_POLL_SECONDS: Final = 0.2
_TELL_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 0.5
_log = logging.getLogger("afterword.ingest.worker")


class _Stopped(BaseException):
    """The worker was told to stop and the job in hand takes too long."""


def work(settings: Settings, network: Network = INTERNET) -> None:
    """Ingest uploads until standard input ends or SIGTERM comes.

    A job that takes long after SIGTERM is given back to the queue. Raises WorkerElsewhere where
    another worker serves the same data folder.
    """
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    stop = threading.Event()
    _stop_on_signal(stop)
    threading.Thread(target=_await_end, args=(stop,), daemon=True).start()
    with jobs.sole_worker(settings.data), reader_pool(settings) as pool, suppress(_Stopped):
        sweep_deleted(settings.data)
        jobs.recover(settings.data)
        while not stop.is_set():
            job = jobs.claim(settings.data)
            if job is None or not _work_on(job, settings, pool, network):
                stop.wait(_POLL_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stop_on_signal(stop: threading.Event) -> None:
    def stop_soon(*_: object) -> None:
        stop.set()
        signal.setitimer(signal.ITIMER_REAL, _GRACE_SECONDS)

    def stop_now(*_: object) -> None:
        raise _Stopped

    signal.signal(signal.SIGTERM, stop_soon)
    signal.signal(signal.SIGALRM, stop_now)


def _await_end(stop: threading.Event) -> None:
    """Set `stop` once nobody holds the other end of standard input any more."""
    while not stop.is_set():
        try:
            if not os.read(0, 4096):
                stop.set()
        except OSError:
            stop.set()


def _work_on(job: Job, settings: Settings, pool: ReaderPool, network: Network = INTERNET) -> bool:
    """Do one job and note how it ended; return False where it must wait for another process."""
    try:
        report = _report_on(job, settings, pool, network)
    except _Stopped:
        jobs.release(settings.data, job.job_id)
        raise
    except CollectionBusy as error:
        _log.info("job %s waits: %s", job.job_id, error.message)
        jobs.release(settings.data, job.job_id)
        return False
    state: Literal["done", "failed"] = "done" if _stored_any(report) else "failed"
    jobs.finish(settings.data, job.job_id, state, [item.as_json() for item in report.items])
    return True


def _report_on(job: Job, settings: Settings, pool: ReaderPool, network: Network) -> Report:
    """Ingest one upload; whatever goes wrong with it is in the report."""
    try:
        tell = _teller(settings.data, job.job_id)
        if job.media_type == jobs.ADDRESS:
            return ingest_page(_page(job, settings), settings, tell, pool, network)
        return ingest_upload(_upload(job), settings, tell, pool)
    except CollectionBusy:
        pool.stop()
        raise
    except AfterwordError as error:
        _log.warning("job %s failed: %s", job.job_id, error.message)
        item = Item(job.uri, "failed", error.code, error.message, document_id=job.document_id)
    except Exception as error:  # noqa: BLE001  # the worker outlives what it does not know
        # Its message and its trace may quote what was uploaded, which no log shows by itself.
        _log.error("job %s failed: %s at %s", job.job_id, type(error).__name__, _place(error))
        _log.debug("job %s failed", job.job_id, exc_info=error)
        message = f"{job.filename}: {error!r}; the service's log says where"
        item = Item(job.uri, "failed", "error", message, document_id=job.document_id)
    pool.stop()  # its children may still be at this job
    return Report(job.collection, (item,))


def _place(error: BaseException) -> str:
    """Return the file and line where an error arose."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"


def _upload(job: Job) -> Upload:
    given = Given(job.metadata, job.as_of, title=job.title, document_id=job.document_id)
    return Upload(job.collection, job.filename, job.payload, job.size, given, job.media_type)


def _page(job: Job, settings: Settings) -> Order:
    """Return the order of a job that names an address.

    Raises UsageError for one that is wrong, or where fetching was turned off since it was queued.
    """
    if settings.fetch == NO_FETCH:
        raise UsageError(FETCH_IS_OFF)
    given = Given(job.metadata, job.as_of, title=job.title, document_id=job.document_id)
    url = parse_url(job.filename)
    return Order((), job.collection, given=given, allow_mass_removal=True, urls=(url,))


def _stored_any(report: Report) -> bool:
    return report.stopped is None and any(item.outcome != "failed" for item in report.items)


def _teller(data: Path, job_id: str) -> Observer:
    """Return an observer that notes a job's progress, not too often."""
    done = total = 0
    told = 0.0

    def observe(event: Event) -> None:
        nonlocal done, total, told
        if isinstance(event, Advanced):
            done += event.encoded
            total += event.cut
            if total and (done == total or time.monotonic() - told > _TELL_SECONDS):
                told = time.monotonic()
                jobs.progress(data, job_id, done, total, "chunks")

    return observe
