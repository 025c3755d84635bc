"""Data sets: their rows, the collections they fill, and questions drawn from them."""

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from indexes.settings import Settings
from ingest.pipeline import ingest
from ingest.progress import silent
from ingest.survey import Order
from service.evaluate import Line

SEED: Final = 20260101


def read_rows(path: Path) -> list[dict[str, object]]:
    """Read a file of gzipped JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [cast("dict[str, object]", json.loads(line)) for line in lines]


def fill(settings: Settings, collection: str, *corpora: Path) -> None:
    """Ingest the corpora of a collection unless that is done."""
    ingest(Order(tuple(map(str, corpora)), collection), settings, silent)


def sample(lines: Sequence[Line], limit: int) -> list[Line]:
    """Return up to `limit` answerable and as many other lines, drawn with a fixed seed.

    Lines that do not say count as answerable.
    """
    drawn = random.Random(SEED).sample(list(lines), len(lines))
    yes = [line for line in drawn if line.answerable is not False][:limit]
    return yes + [line for line in drawn if line.answerable is False][:limit]
