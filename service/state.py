"""What a running service holds, handed to each route."""

import asyncio
import os
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request

from indexes import jobs
from indexes.collection import collection_names
from indexes.errors import AfterwordError
from indexes.settings import Settings
from service.answer import Answerer
from service.lanes import Lane, Places
from service.metrics import Metrics, Stock
from service.problems import NotReady
from service.worker import WorkerKeeper

_OPERATIONS_PLACES: Final = 16


class Service:
    """The parts of one service; `answerer` is None until it is loaded, `reasons` says why.

    Questions, documents, uploads and operations have places of their own, so that none waits for
    another kind.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics(self._stock)
        places, gauge = settings.max_concurrent, self.metrics.in_flight
        cores = os.cpu_count() or 1
        self.questions = Lane("questions", places, max(2, cores), gauge)
        self.documents = Lane("documents", places, max(4, cores), gauge)
        self.uploads = Places("uploads", places, gauge)
        self.operations = Lane("operations", _OPERATIONS_PLACES, 2, gauge)
        self._lanes = (self.questions, self.documents, self.operations)
        self.keeper = WorkerKeeper(settings, self.metrics.worker_restarts)
        self.answerer: Answerer | None = None
        self.reasons: tuple[str, ...] = ("The encoder is being loaded.",)
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
        documents, chunks = {}, {}
        for name in collection_names(self.settings.data) if self.answerer else ():
            try:
                with self.loaded().collection(name).read() as reading:
                    counts = reading.count()
            except AfterwordError:  # deleted meanwhile, or damaged: /v1/collections tells
                continue
            documents[name], chunks[name] = counts.documents, counts.chunks
        by_state = {str(state): n for state, n in jobs.counts(self.settings.data).items()}
        return Stock(by_state, documents, chunks)


@dataclass(slots=True)
class Probe:
    """The last look at whether questions can be answered, shared by those who ask at once."""

    result: asyncio.Future[list[str]] | None = None
    began: float = field(default=0.0)


async def service_of(request: Request) -> Service:
    """Return the service that this request came to."""
    service: Service = request.app.state.service
    return service


Here = Annotated[Service, Depends(service_of)]
