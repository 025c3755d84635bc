"""The routes for those who run the service: health, metrics, the description of the API."""

import asyncio
import time
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.access import Who
from service.generators import offered_generators
from service.openapi import PAGE_POLICY, page, problems
from service.readiness import parts_of, withheld
from service.schemas import Health, Readiness
from service.state import Ability, Here, Service, ability
from service.worker import INGESTING

router = APIRouter(tags=["operations"])

# A probe that takes longer than this says so instead of waiting.
_PROBE_SECONDS: Final = 10.0
# Between probes this close together the first one's answer holds.
_FRESH_SECONDS: Final = 1.0


@router.get("/health")
async def health() -> Health:
    """Say that the process is alive; asks nothing of anybody, so it never waits."""
    return Health(status="alive")


@router.get(
    "/health/ready",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready, with the reasons"}},
)
async def ready(service: Here, who: Who) -> JSONResponse:
    """Say whether questions can be answered, by a tiny search in each collection.

    Uploads that nobody ingests are told, and keep no question from being answered. Where there are
    keys, who sends none is not told what is wrong, nor any key of collections that it is not for.
    """
    found, keeper = await _ability(service), service.keeper
    reasons = (*found.reasons, *filter(None, [keeper.reason]))
    offered = offered_generators(service.settings)
    able = replace(found, reasons=reasons, generators=offered).told_to(who)
    parts = await asyncio.to_thread(parts_of, able, keeper, service.settings.data)
    body = Readiness(
        ready=able.ready,
        reasons=list(able.reasons),
        broken=dict(able.broken),
        uploads=keeper.state in INGESTING,
        worker=keeper.state,
        parts=withheld(parts) if who.scope is None else parts,
        generators=list(able.generators),
    )
    return JSONResponse(body.model_dump(), status_code=200 if able.ready else 503)


@router.get("/metrics", responses=problems(429), response_class=Response)
async def metrics(service: Here) -> Response:
    """Return the counters and timings in Prometheus' format."""
    text = await service.operations.run(service.metrics.page)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Show the description of the API to a person."""
    return HTMLResponse(
        page(request.app.openapi(), request.scope.get("root_path", "")),
        headers={"Content-Security-Policy": PAGE_POLICY},
    )


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """Return the description of the API to a program."""
    return JSONResponse(request.app.openapi())


async def _ability(service: Service) -> Ability:
    """Probe, or share the probe that is under way or just over."""
    answerer = service.answerer
    if answerer is None:
        waiting = "The models are not loaded yet."
        told = " ".join(service.reasons)
        return Ability(False, service.reasons, models=told, collections=waiting)
    probe, now = service.probe, time.monotonic()
    if probe.result is None or (probe.result.done() and now - probe.began > _FRESH_SECONDS):
        probe.result = service.operations.start(lambda: ability(service, answerer))
        probe.began = now
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await asyncio.shield(probe.result)
    except TimeoutError:
        late = f"A search took longer than {_PROBE_SECONDS:.0f} s."
        return Ability(False, (late,), collections=late)
