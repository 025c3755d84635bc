"""RTF as Outlook keeps it: packed by the method of [MS-OXRTFCP]."""

import struct
from typing import Final

from indexes.errors import ReadFailure

_HEADER: Final = struct.Struct("<IIII")
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW: Final = 4096
_MOST_MB: Final = 256
# What every such text is taken to begin with.
_BEFORE: Final = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def unpacked(data: bytes) -> bytes:
    """Return the RTF text. Raises ReadFailure `damaged`, `too_large`."""
    if len(data) < _HEADER.size:
        raise ReadFailure("damaged", "the packed RTF text ends too soon; save the mail anew")
    _, size, method, _ = _HEADER.unpack_from(data)
    if size > _MOST_MB * 1024 * 1024:
        raise ReadFailure("too_large", f"unpacked the RTF text has over {_MOST_MB} MB")
    if method == _PLAIN:
        return data[_HEADER.size : _HEADER.size + size]
    if method != _PACKED:
        raise ReadFailure("damaged", "the RTF text is packed in an unknown way; save the mail anew")
    return _unfolded(data[_HEADER.size :], size)


def _unfolded(data: bytes, size: int) -> bytes:
    """Undo the packing: each bit of a control byte says whether a letter or a repeat follows."""
    out = bytearray(_BEFORE)
    end = len(_BEFORE) + size
    at = 0
    while at < len(data) and len(out) < end:
        control = data[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            pair = int.from_bytes(data[at : at + 2], "big")
            at += 2
            place, length = pair >> 4, (pair & 15) + 2
            start = _start(place, len(out))
            if start is None or at > len(data):
                return bytes(out[len(_BEFORE) : end])
            for step in range(length):
                out.append(out[start + step])
    return bytes(out[len(_BEFORE) : end])


def _start(place: int, length: int) -> int | None:
    """Return where a place in the window lies in what came so far; None for the end mark."""
    back = (length - place) % _WINDOW
    return length - back if 0 < back <= length else None
