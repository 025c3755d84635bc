"""FAISS runs with kernels that suit the processor, whatever its OpenBLAS knows of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexes.kernels import suiting

# Loads FAISS as the product does, and asks its OpenBLAS itself.
ASK = """
import ctypes, os
from indexes.kernels import faiss
maps = open("/proc/self/maps", encoding="utf-8").read().split()
(library,) = {part for part in maps if "openblas" in part and "faiss" in part}
asked = ctypes.CDLL(library).openblas_get_corename
asked.restype = ctypes.c_char_p
print(asked().decode(), os.environ.get("OPENBLAS_CORETYPE"))
"""
OLD = "flags\t\t: fpu sse sse2 ssse3 sse4_1 avx"
ZEN_2 = f"vendor_id\t: AuthenticAMD\n{OLD} fma avx2 bmi2"
ICE_LAKE = f"{ZEN_2} avx512f avx512dq avx512cd avx512bw avx512vl avx512_vnni\nflags\t: other"


@pytest.mark.parametrize(
    ("processor", "kernels"),
    [(OLD, None), (ZEN_2, "Haswell"), (ICE_LAKE, "SkylakeX"), ("Features\t: fp asimd", None)],
)
def test_the_flags_tell(processor: str, kernels: str | None) -> None:
    """What a processor lacks is not used; of an ARM one nothing is told."""
    assert suiting(processor) == kernels


def core_name(**told: str) -> list[str]:
    """Return the kernels that FAISS's OpenBLAS uses in a new process, and what it leaves told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=kept | told, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_library_has_them() -> None:
    """Its own answer is the suiting kernels, and libraries that are loaded later are told none."""
    expected = suiting(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    if expected is None:
        pytest.skip("of this processor nothing is told")
    assert core_name() == [expected, "None"]


def test_what_the_environment_tells_is_left() -> None:
    """Who sets the kernels gets those."""
    if suiting(Path("/proc/cpuinfo").read_text(encoding="utf-8")) is None:
        pytest.skip("no processor whose kernels have these names")
    assert core_name(OPENBLAS_CORETYPE="Nehalem") == ["Nehalem", "Nehalem"]
