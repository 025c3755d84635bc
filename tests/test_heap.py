"""What is freed goes back to the system."""

import subprocess
import sys

import pytest

_TRY = """
import ctypes, sys
from indexes.heap import return_large_pieces
if sys.argv[1] == "set":
    return_large_pieces()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes, library.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
library.free(library.malloc(30 << 20))  # after this glibc puts such pieces among the small ones
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
before = resident()
large = library.malloc(20 << 20)
ctypes.memset(large, 1, 20 << 20)
small = [library.malloc(100_000) for _ in range(20)]
for piece in small:
    ctypes.memset(piece, 1, 100_000)
library.free(large)
print(resident() - before)
"""


@pytest.mark.parametrize(
    ("given", "least", "most"), [("set", 0, 8 << 20), ("", 20 << 20, 30 << 20)]
)
def test_large_pieces_go_back(given: str, least: int, most: int) -> None:
    """A piece of 20 MB that others were put behind leaves no gap; by itself it would."""
    done = subprocess.run(
        [sys.executable, "-c", _TRY, given], check=True, capture_output=True, text=True
    )
    assert least <= int(done.stdout) <= most
