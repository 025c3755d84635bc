"""The processor: what it can, how many cores there are, and how many this process may use."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.doctor.findings import Finding, Subject, many

_X86: Final = frozenset({"x86_64", "amd64", "i686"})
_INT8: Final = ("avx512_vnni", "avx_vnni", "amx_int8")
_SYSTEM: Final = Path("/")


def instructions(subject: Subject, system: Path = _SYSTEM) -> Iterator[Finding]:
    """Tell which instructions the processor has that make encoding fast."""
    del subject
    machine = platform.machine()
    flags = _flags(system / "proc" / "cpuinfo")
    facts = {"machine": machine, "instructions": sorted(flags & {"avx2", *_INT8})}
    if machine.lower() not in _X86 or not flags:
        yield Finding("processor", "note", f"{machine}; its instructions are not told", facts=facts)
    elif "avx2" not in flags:
        message = f"{machine} without AVX2: encoding and reading take several times as long"
        advice = "if it is a virtual machine, let it have its host's type of processor"
        yield Finding("processor", "warning", message, advice, facts)
    elif not flags.intersection(_INT8):
        message = f"{machine} with AVX2, without VNNI: encoding takes about twice as long"
        yield Finding("processor", "note", message, facts=facts)
    else:
        yield Finding("processor", "ok", f"{machine} with AVX2 and VNNI", facts=facts)


def _flags(path: Path) -> frozenset[str]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    line = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(line.partition(":")[2].split())


def cores(subject: Subject, system: Path = _SYSTEM) -> Iterator[Finding]:
    """Tell how many cores there are, and whether a container's limit is lower."""
    seen = os.cpu_count() or 1
    limit = cpu_limit(system)
    settings = subject.settings
    threads = settings.threads or seen
    facts = {"cores": seen, "limit": limit, "threads": threads}
    if limit is not None and threads > max(1, round(limit)):
        message = (
            f"{many(seen, 'core')}, of which this container may use {limit:g}: {threads} threads "
            "of encoder and reader hinder each other"
        )
        fitting = max(1, round(limit))
        advice = f"set AFTERWORD_THREADS={fitting} and AFTERWORD_READER_PROCESSES={fitting}"
        yield Finding("cores", "warning", message, advice, facts)
    elif settings.threads > seen:
        message = f"AFTERWORD_THREADS={settings.threads}, and there are {many(seen, 'core')}"
        yield Finding("cores", "warning", message, "set it to 0, which means all", facts)
    else:
        may = f", of which this container may use {limit:g}" if limit is not None else ""
        yield Finding("cores", "ok", f"{many(seen, 'core')}{may}", facts=facts)


def cpu_limit(system: Path = _SYSTEM) -> float | None:
    """Return how many cores a control group allows, None where it sets no limit."""
    limits = []
    for folder in control_groups(system, "cpu"):
        try:
            if (folder / "cpu.max").is_file():
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota = (folder / "cpu.cfs_quota_us").read_text().strip()
                period = (folder / "cpu.cfs_period_us").read_text().strip()
            if quota.isdigit() and int(period):
                limits.append(int(quota) / int(period))
        except (OSError, ValueError):
            continue
    return min(limits, default=None)


def control_groups(system: Path, controller: str) -> list[Path]:
    """Return the folders of this process's control groups, the outermost last.

    `controller` is the one of the first version that is asked for; the second has one tree for all.
    """
    try:
        lines = (system / "proc" / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    top = system / "sys" / "fs" / "cgroup"
    folders: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = top
        elif controller in controllers.split(","):
            root = top / controller
        else:
            continue
        own = root / path.strip("/")
        # Inside a container the path may be the host's, which is not there to be seen.
        chain = [own, *own.parents] if own.is_dir() else [root]
        folders += [folder for folder in chain if folder == root or root in folder.parents]
    return folders
