"""Entailment: a bundled network says whether a text bears out a claim; it knows English."""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from indexes.documents import encoded_text
from indexes.network import EntailmentNetwork
from service.lines import Line
from service.readers import FOLDER as READER
from service.stated import Stated

FOLDER: Final = Path(__file__).parent / "models" / "entailment"
_AROUND: Final = 0.4
Entails = Callable[[str, Sequence[str]], Sequence[float]]
"""Gives the logits of a claim to be entailed by each of some texts."""
_loading: Final = threading.Lock()


def load_entailment(threads: int = 0) -> Entails:
    """Load the network once a process; `threads` of 0 means all cores.

    Raises ModelMissing that says which file was looked for, where, and what to do.
    """
    with _loading:  # who asks at the same time waits for the one, and loads no other
        return _load(threads)


@lru_cache(maxsize=1)
def _load(threads: int) -> Entails:
    return EntailmentNetwork(FOLDER, READER, threads).run


def nearest(claim: Stated, lines: Sequence[Line], most: int) -> list[Line]:
    """Return the sentences that have most words of a claim."""
    return sorted(
        lines,
        key=lambda line: (
            -len(claim.stems & line.said.stems)
            - _AROUND * len((claim.stems & line.context_stems) - line.said.stems)
        ),
    )[:most]


def evidence_text(quoted: Sequence[Line]) -> str:
    """Return sentences as the network is to read them, each behind the one before it."""
    chunk = quoted[0].evidence.candidate.chunk
    before = [one for line in quoted for one in line.before[-1:]]
    every = {(line.passage, line.span): line for line in (*quoted, *before)}
    passages: dict[int, list[str]] = {}
    for place in sorted(every):
        passages.setdefault(place[0], []).append(every[place].read)
    text = "\n".join(" ".join(one) for one in passages.values())
    return encoded_text(chunk.title, chunk.headings, text)
