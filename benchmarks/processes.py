"""What a process and its children hold in memory, as the kernel counts it, watched from outside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

LOOK_SECONDS: Final = 0.05
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: `rss` counts pages that several processes share for each, `pss` but once in all.

    `anonymous` is what no file could give back: the part of it that is the processes' own.
    """

    rss: int = 0
    pss: int = 0
    anonymous: int = 0

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.rss + other.rss, self.pss + other.pss, self.anonymous + other.anonymous)


def memory(pid: int) -> Memory:
    """Return what one process holds; nothing where it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return Memory()
    rows = (line.split() for line in text.splitlines()[1:])
    sizes = {row[0]: int(row[1]) * _KIB for row in rows}
    return Memory(sizes.get("Rss:", 0), sizes.get("Pss:", 0), sizes.get("Anonymous:", 0))


def peak(pid: int) -> int:
    """Return the most bytes that a process ever held, which `/usr/bin/time -v` tells at its end."""
    rows = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return next(int(row[1]) * _KIB for row in rows if row and row[0] == "VmHWM:")


def family(pid: int) -> list[int]:
    """Return the process and all that descend from it; none where it has ended."""
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []
