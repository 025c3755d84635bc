"""Which part of a service is ready, in a shape that programs can rest on."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from service.schemas import Part, PartName
from service.state import WITHHELD, Ability
from service.worker import INGESTING, WorkerKeeper

# With less than this a document can hardly be stored, and the log of the catalog neither.
_LEAST_FREE: Final = 64 << 20
_MIB: Final = 1 << 20
_UPLOADS: Final[Mapping[str, str]] = {
    "stopped": "No worker process runs, so uploads are kept and not ingested.",
    "failing": "The worker process dies again and again.",
}


def parts_of(able: Ability, keeper: WorkerKeeper, data: Path) -> dict[PartName, Part]:
    """Return each part with whether it is ready, and why not; asks the disk for its free space.

    Questions need `models` and `collections`, uploads all four.
    """
    ingested = keeper.state in INGESTING
    reason = None if ingested else keeper.reason or _UPLOADS.get(keeper.state)
    return {
        "models": _part(able.models),
        "collections": _part(able.collections),
        "uploads": _part(reason),
        "storage": _part(_storage(data)),
    }


def withheld(parts: Mapping[PartName, Part]) -> dict[PartName, Part]:
    """Return the parts without their reasons, for who may not know them."""
    return {
        name: Part(state=part.state, reason=part.reason and WITHHELD)
        for name, part in parts.items()
    }


def _part(reason: str | None) -> Part:
    return Part(state="ready" if reason is None else "not_ready", reason=reason)


def _storage(data: Path) -> str | None:
    """Return why nothing can be stored in the data folder, None where it can."""
    if not data.is_dir():
        return f"The data folder {data} is not there."
    if not os.access(data, os.W_OK | os.X_OK):
        return f"This user may not write to the data folder {data}."
    free = shutil.disk_usage(data).free
    if free < _LEAST_FREE:
        return f"Only {free // _MIB} MiB are free where {data} lies. Make room there."
    return None
