"""The queue of uploads: what waits, what failed, what does not fit, and whether anybody works."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from service.doctor.findings import Finding, Subject, listed, many

if TYPE_CHECKING:
    from indexes.jobs_seen import QueueSeen

_START: Final = "start `afterword serve`: its worker ingests them"
_LONG_SECONDS: Final = 3600.0


def queue(subject: Subject) -> Iterator[Finding]:
    """Tell of the uploads that wait or failed, and of the worker that ingests them."""
    from indexes.errors import AfterwordError, CollectionBusy
    from indexes.jobs_seen import look_at_queue, worker_alive

    try:
        seen = look_at_queue(subject.data)
    except CollectionBusy as error:
        yield Finding("queue", "warning", error.message, "look again when that is over")
        return
    except AfterwordError as error:
        what, _, do = error.message.partition("; ")
        yield Finding("queue", "problem", what, do)
        return
    if seen is None:
        yield Finding("queue", "ok", "nothing was ever uploaded here")
        return
    alive = worker_alive(subject.data)
    yield _waiting(seen, alive=alive)
    yield from _failed(seen)
    yield from _astray(seen)


def _waiting(seen: "QueueSeen", *, alive: bool) -> Finding:
    queued, running = seen.counts["queued"], seen.counts["running"]
    facts: dict[str, object] = {str(state): count for state, count in seen.counts.items()}
    facts |= {"waited_seconds": round(seen.waited_seconds), "worker": alive}
    told = f"{queued} waiting, {running} running, {seen.counts['done']} done of late"
    if alive:
        if queued and seen.waited_seconds > _LONG_SECONDS:
            hours = seen.waited_seconds / _LONG_SECONDS
            message = f"{told}; a worker is alive, but the oldest waits for {hours:.1f} hours"
            advice = "read the service's log; more cores or fewer uploads at once would help"
            return Finding("queue", "warning", message, advice, facts)
        return Finding("queue", "ok", f"{told}; a worker is alive", facts=facts)
    if queued or running:
        return Finding("queue", "warning", f"{told}; no worker is alive", _START, facts)
    return Finding("queue", "ok", f"{told}; no worker is alive, none is needed", facts=facts)


def _failed(seen: "QueueSeen") -> Iterator[Finding]:
    if not seen.failed:
        return
    last = seen.failed[0]
    message = (
        f"{many(len(seen.failed), 'upload')} failed in the last 7 days; the last one: "
        f"{last.filename} ({last.message})"
    )
    facts = {
        "failed": [
            {"job_id": one.job_id, "collection": one.collection, "filename": one.filename}
            for one in seen.failed
        ]
    }
    advice = "each job's message says what to do (GET /v1/jobs/ID); upload it again then"
    yield Finding("failed uploads", "note", message, advice, facts)


def _astray(seen: "QueueSeen") -> Iterator[Finding]:
    if seen.lost:
        message = f"{many(len(seen.lost), 'upload')} without a file: {listed(seen.lost)}"
        advice = "they will fail; send them again"
        yield Finding("lost uploads", "problem", message, advice, {"jobs": list(seen.lost)})
    if seen.orphans:
        message = f"{many(len(seen.orphans), 'file')} of no upload in the spool"
        facts = {"files": list(seen.orphans)}
        yield Finding("stray files", "note", message, "nothing: the worker's start removes", facts)
