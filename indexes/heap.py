"""The C library's heap: what is freed in large pieces goes back to the system at once."""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 1 << 20


def return_large_pieces() -> None:
    """Keep pieces of a megabyte and more apart from the rest of the heap, for good.

    By itself glibc puts ever larger ones, up to 32 MB, among the small: once some have been freed
    it leaves gaps that are never given back. Other C libraries have no such setting, nor the habit.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
