"""FAISS, loaded with the matrix kernels that the processor has the instructions for.

Its package carries an OpenBLAS of 2021, which treats processors that came later as those of 2007:
on an AMD EPYC of 2024 the centres of an index are found six times as fast when it is told better.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np  # noqa: F401 # has an OpenBLAS of its own, which is not to be told

__all__ = ["faiss", "get_invlist", "suiting"]

_SETTING: Final = "OPENBLAS_CORETYPE"
_NEEDED: Final = {
    "SkylakeX": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
    "Haswell": {"avx2", "fma"},
}


def suiting(processor: str) -> str | None:
    """Return the name of the kernels for a processor, None where they are best left to OpenBLAS.

    `processor` is what Linux says of it in `/proc/cpuinfo`.
    """
    lines = (line.partition(":") for line in processor.splitlines())
    flags = next((set(value.split()) for name, _, value in lines if name.strip() == "flags"), set())
    return next((name for name, needed in _NEEDED.items() if needed <= flags), None)


@contextmanager
def _told() -> Iterator[None]:
    """Tell the libraries that are loaded meanwhile, unless the environment tells them."""
    try:
        name = suiting(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        name = None
    if name is None or _SETTING in os.environ:
        yield
        return
    os.environ[_SETTING] = name
    try:
        yield
    finally:
        del os.environ[_SETTING]


with _told():
    import faiss
    from faiss.contrib.inspect_tools import get_invlist
