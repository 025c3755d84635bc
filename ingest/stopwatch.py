"""Where the time of an ingestion goes: the seconds of each step, none of them counted twice."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, get_args

Part = Literal["plan", "load", "read", "split", "encode", "commit", "merge"]
"""What a run does: plan looks at the files, load gets encoder and splitter, read waits for what the
reading processes give, commit puts into the catalog, merge brings the views up to it."""
PARTS: Final[tuple[Part, ...]] = get_args(Part)


class Stopwatch:
    """Takes the time of parts, in seconds; one within another is counted for itself alone."""

    def __init__(self) -> None:
        self.seconds: dict[Part, float] = dict.fromkeys(PARTS, 0.0)
        self.encoded = 0
        self._running: Part | None = None
        self._since = time.perf_counter()

    @contextmanager
    def part(self, name: Part) -> Iterator[None]:
        """Count the time within for this part, and not for the one around it."""
        outer = self._switch(name)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, name: Part | None) -> Part | None:
        now = time.perf_counter()
        if self._running is not None:
            self.seconds[self._running] += now - self._since
        before, self._running, self._since = self._running, name, now
        return before


def profile_lines(seconds: float, parts: Mapping[Part, float], encoded: int) -> Iterator[str]:
    """Give a table of where the `seconds` of a run went; `encoded` texts were."""
    yield "Where the time went:"
    rest = max(0.0, seconds - sum(parts.values()))
    for name, taken in (*parts.items(), ("rest", rest)):
        share = taken / seconds if seconds else 0.0
        rate = (
            f"  {encoded:,} texts, {encoded / taken:,.0f}/s" if name == "encode" and taken else ""
        )
        yield f"  {name:<8}{taken:>9.2f} s{share:>6.0%}{rate}"
