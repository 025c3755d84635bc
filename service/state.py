"""What a running service holds, handed to each route."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request

from indexes.collection import collection_names
from indexes.documents import stored_form
from indexes.errors import AfterwordError, IndexDamaged, NotFound
from indexes.jobs_ended import Ended, Endings
from indexes.jobs_seen import NO_UPLOADS, QueueSeen, look_at_queue
from indexes.settings import Settings
from indexes.sizes import Size, size_of
from service.access import Caller
from service.answer import Answerer
from service.keyring import Keyring
from service.lanes import Lane, Places
from service.logs import get_log, log_unexpected
from service.metrics import Metrics, Stock
from service.originals import Originals
from service.problems import InvalidRequest, NotReady
from service.product import product_version
from service.schemas import Mistake
from service.sessions import Sessions
from service.tickets import Tickets
from service.worker import INGESTING, WorkerKeeper

_OPERATIONS_PLACES: Final = 16
_DOWNLOADS_A_PLACE: Final = 4
_BACKUPS: Final = 2
# Of so many questions at a time one may be a summary, whose work is many times as long.
QUESTIONS_A_SUMMARY: Final = 4
_SUMMARY_THREADS: Final = 2
_TINY_QUERY: Final = "ready"
WITHHELD: Final = "Not all is well; who sends a key is told what."
LOADING: Final = "The encoder is being loaded."
_log = get_log(__name__)

Found = TypeVar("Found")


class Service:
    """The parts of one service; `answerer` is None until it is loaded, `reasons` says why.

    Questions, summaries, documents, uploads and operations have places of their own, so that none
    waits for another kind.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._endings = Endings(settings.data)
        self.metrics = Metrics(self._stock, product_version(), lambda: self.keeper.pid)
        places, gauge = settings.max_concurrent, self.metrics.in_flight
        cores = os.cpu_count() or 1
        self.questions = Lane("questions", places, max(2, cores), gauge)
        self.summaries = Lane(
            "summaries", max(1, places // QUESTIONS_A_SUMMARY), _SUMMARY_THREADS, gauge
        )
        self.documents = Lane("documents", places, max(4, cores), gauge)
        self.uploads = Places("uploads", places, gauge)
        self.operations = Lane("operations", _OPERATIONS_PLACES, 2, gauge)
        # A download waits for its client most of the time; a thread it takes for moments only.
        most = _DOWNLOADS_A_PLACE * places
        self.downloads = Places("downloads", most, gauge)
        self.reads = Lane("reads of downloads", 2 * most, max(4, cores), gauge)
        # Each takes as much room on the disk as its collection.
        self.backups = Places("backups", _BACKUPS, gauge)
        self._lanes = (self.questions, self.summaries, self.documents, self.operations, self.reads)
        for kind in (*self._lanes, self.uploads, self.downloads, self.backups):
            self.metrics.places.labels(kind.kind).set(kind.count)
        self.originals = Originals()
        self.tickets = Tickets()
        self.keyring = Keyring(settings)
        self.sessions = Sessions(settings.data, settings.session_days)
        self.keeper = WorkerKeeper(settings, self.metrics.worker_restarts)
        self.answerer: Answerer | None = None
        self.reasons: tuple[str, ...] = (LOADING,)
        self.probe = Probe()

    def loaded(self) -> Answerer:
        """Return the answerer. Raises NotReady with the reasons."""
        if self.answerer is None:
            raise NotReady(f"The service cannot answer yet: {' '.join(self.reasons)}")
        return self.answerer

    @property
    def busy(self) -> bool:
        """Tell whether any piece of work runs or waits in a thread."""
        return any(lane.taken for lane in self._lanes)

    def close(self) -> None:
        """Take no more work, and close the collections if none is being read."""
        for lane in self._lanes:
            lane.close()
        if self.answerer is not None and not self.busy:
            self.answerer.close()

    def _stock(self) -> Stock:
        """Look at what lies on disk; nothing is loaded for it."""
        data = self.settings.data
        looked = list(look_at_each(data, lambda name: size_of(data, name)))
        queue, ended = self._uploads()
        disk = shutil.disk_usage(_nearest(data))
        return Stock(
            jobs={str(state): count for state, count in queue.counts.items()} if queue else {},
            waited_seconds=queue.waited_seconds if queue else 0.0,
            sizes={name: size for name, size in looked if isinstance(size, Size)},
            broken=sum(isinstance(size, AfterwordError) for _, size in looked),
            loaded=self.answerer is not None,
            worker=self.keeper.state in INGESTING,
            disk_free=disk.free,
            disk_size=disk.total,
            ended=ended,
        )

    def _uploads(self) -> tuple[QueueSeen | None, tuple[Ended, ...]]:
        """Look at the queue; one that is damaged has no numbers, and hides no others."""
        try:
            return look_at_queue(self.settings.data) or NO_UPLOADS, self._endings.new()
        except AfterwordError as error:
            _log.error("queue_failed", reason=error.message)
            return None, ()


def _nearest(folder: Path) -> Path:
    """Return the folder, or where it is not made yet the nearest one above that is."""
    whole = folder.absolute()
    return next(path for path in (whole, *whole.parents) if path.is_dir())


def look_at_each(
    data: Path, look: Callable[[str], Found], sees: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, Found | AfterwordError]]:
    """Give what a look at each collection finds, or its error: no collection hides another.

    A collection that is deleted meanwhile is left out, as are those that `sees` does not tell of.
    """
    for name in filter(sees, collection_names(data)):
        try:
            yield name, look(name)
        except NotFound:
            continue
        except AfterwordError as error:
            yield name, error
        except Exception as error:  # noqa: BLE001 # damage has many names, and is one collection's
            log_unexpected(_log, "collection_failed", error, collection=name)
            yield (
                name,
                IndexDamaged(f"reading it failed ({type(error).__name__}); the log has more"),
            )


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether questions can be answered.

    `reasons` say what is wrong with the service, `broken` why a collection, by its name, cannot be
    asked. `models` and `collections` are the reasons why these parts are not ready, None where they
    are. `generators` are those that a question may name.
    """

    ready: bool
    reasons: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    models: str | None = None
    collections: str | None = None
    generators: tuple[str, ...] = ()

    def told_to(self, who: Caller) -> "Ability":
        """Return what a caller may know of it: to whom may read nothing, nothing but whether."""
        if who.scope is None:
            is_told = all(reason == LOADING for reason in self.reasons) and not self.broken
            told = self.reasons if is_told else (WITHHELD,)
            return replace(self, reasons=told, broken={}, generators=())
        seen = {name: why for name, why in self.broken.items() if who.sees(name)}
        return replace(self, broken=seen)


def ability(service: Service, answerer: Answerer) -> Ability:
    """Load the encoder and search in each collection.

    A broken collection fails its own questions only, so one that is sound makes the service ready;
    where there is none yet, the encoder does.
    """
    reasons = answerer.ready()
    models, unasked = " ".join(reasons) or None, None
    looked = dict(
        look_at_each(
            service.settings.data, lambda name: answerer.search(_TINY_QUERY, name, None, 1)
        )
    )
    broken = {k: v.message for k, v in looked.items() if isinstance(v, AfterwordError)}
    if broken and len(broken) == len(looked):
        unasked = "No collection can be searched; `broken` says why."
        reasons.append(unasked)
    able = not reasons or len(broken) < len(looked)
    return Ability(able, tuple(reasons), broken, models, unasked)


@dataclass(slots=True)
class Probe:
    """The last look at whether questions can be answered, shared by those who ask at once."""

    result: asyncio.Future[Ability] | None = None
    began: float = field(default=0.0)


async def service_of(request: Request) -> Service:
    """Return the service that this request came to."""
    service: Service = request.app.state.service
    return service


async def only_known_parameters(request: Request) -> None:
    """Raise InvalidRequest where the query has a parameter that the route would overlook."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        allowed = f"there is: {', '.join(sorted(known))}" if known else "this path takes none"
        raise InvalidRequest(
            [
                Mistake(
                    where=stored_form(f"query.{name}"),
                    message=f"there is no such parameter; {allowed}",
                )
                for name in unknown
            ]
        )


Here = Annotated[Service, Depends(service_of)]
