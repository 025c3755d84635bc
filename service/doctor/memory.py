"""Memory: what there is, against what the service, the views and the reading children may take."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.doctor.findings import Finding, Subject, amount
from service.doctor.processor import control_groups

_SYSTEM: Final = Path("/")
_MB: Final = 1 << 20
_LINE: Final = re.compile(r"(\w+):\s+(\d+) kB")
# What a started service and its worker take, with both bundled networks and no documents.
_PROCESSES: Final = 650 * _MB
# Limits of the first version that mean none are close to what a number can hold.
_NO_LIMIT: Final = 1 << 60
_MORE: Final = "give it more memory, or take collections apart over several machines"


def memory(subject: Subject, system: Path = _SYSTEM) -> Iterator[Finding]:
    """Tell what memory there is, what service and views take, and what reading may take."""
    there, available = _memory(system)
    if there is None or available is None:
        yield Finding("memory", "note", "the system does not tell how much there is")
        return
    limit = memory_limit(system)
    most = min(there, limit) if limit is not None else there
    views = _views(subject.data)
    facts = {"total": there, "available": available, "limit": limit, "views": views}
    told = f"{amount(available)} available of {amount(there)}"
    if limit is not None and limit < there:
        told += f"; this container may use {amount(limit)}"
    needed = _PROCESSES + views
    taken = f"the service takes about {amount(needed)} with the dense views in memory"
    if needed > most:
        yield Finding("memory", "problem", f"{told}; {taken}", _MORE, facts)
    elif needed > min(available, most):
        yield Finding("memory", "warning", f"{told}; {taken}", "end other programs", facts)
    else:
        yield Finding("memory", "ok", f"{told}; {taken}", facts=facts)
    yield _reading(subject, most, needed)


def _reading(subject: Subject, most: int, needed: int) -> Finding:
    settings = subject.settings
    children = settings.reader_processes or os.cpu_count() or 1
    each = settings.reader_memory_mb * _MB
    facts = {"processes": children, "bytes_each": each}
    told = f"{children} reading at once may take {amount(each)} each"
    if children * each + needed <= most:
        return Finding("reading", "ok", told, facts=facts)
    fitting = max(1, (most - needed) // each)
    message = f"{told}, more than there is; only large documents take so much"
    if each + needed > most:
        megabytes = max(64, (most - needed) // _MB)
        advice = f"set AFTERWORD_READER_PROCESSES=1 and AFTERWORD_READER_MEMORY_MB={megabytes}"
    else:
        advice = f"if the system ends processes: set AFTERWORD_READER_PROCESSES={fitting}"
    return Finding("reading", "note", message, advice, facts)


def _memory(system: Path) -> tuple[int | None, int | None]:
    try:
        text = (system / "proc" / "meminfo").read_text()
    except OSError:
        return None, None
    lines = {name: int(value) * 1024 for name, value in _LINE.findall(text)}
    return lines.get("MemTotal"), lines.get("MemAvailable", lines.get("MemFree"))


def memory_limit(system: Path = _SYSTEM) -> int | None:
    """Return the bytes that a control group allows, None where it sets no limit."""
    limits = []
    for folder in control_groups(system, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            try:
                value = (folder / name).read_text().strip()
            except OSError:
                continue
            if value.isdigit() and int(value) < _NO_LIMIT:
                limits.append(int(value))
    return min(limits, default=None)


def _views(data: Path) -> int:
    """Return the bytes of all dense views: a service has them in memory once they were asked."""
    total = 0
    for path in data.glob("*/dense*.faiss"):
        try:
            total += path.stat().st_size
        except OSError:  # it was there a moment ago
            continue
    return total
