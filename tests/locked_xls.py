"""Old workbooks locked with a password (RC4), after the format's description (MS-OFFCRYPTO)."""

import hashlib
import io
import struct
from collections.abc import Iterator

import olefile

from made_msgs import ole

_BOF, _FILE_PASS, _BOUND_SHEET = 0x0809, 0x002F, 0x0085
_BLOCK = 1024
_SALT = bytes(range(16))
_VERIFIER = bytes(range(16, 32))


def locked_xls(data: bytes, password: str) -> bytes:
    """Return a workbook locked with a password, in a container with nothing but its stream."""
    with olefile.OleFileIO(io.BytesIO(data)) as file:
        records = list(_records(file.openstream("Workbook").read()))
    proof = _rc4(_key(password, 0), _VERIFIER + _md5(_VERIFIER))
    lock = struct.pack("<HHH", 1, 1, 1) + _SALT + proof
    records.insert(1, (_FILE_PASS, lock))
    plain, kept = b"", list[range]()
    for kind, content in records:
        start, body = len(plain), content
        if kind == _BOUND_SHEET:  # where the sheet begins: behind the new record
            place = struct.unpack("<I", content[:4])[0] + len(lock) + 4
            body = struct.pack("<I", place) + content[4:]
        plain += struct.pack("<HH", kind, len(body)) + body
        open_bytes = {_BOF: len(body), _FILE_PASS: len(body), _BOUND_SHEET: 4}.get(kind, 0)
        kept.append(range(start, start + 4 + open_bytes))
    mixed = bytearray()
    for block in range(0, len(plain), _BLOCK):
        mixed += _rc4(_key(password, block // _BLOCK), plain[block : block + _BLOCK])
    for part in kept:
        mixed[part.start : part.stop] = plain[part.start : part.stop]
    return ole({"Workbook": bytes(mixed)})


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        if not kind:
            return  # what fills the last sector
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _key(password: str, block: int) -> bytes:
    short = _md5(password.encode("utf-16-le"))[:5]
    salted = _md5((short + _SALT) * 16)[:5]
    return _md5(salted + struct.pack("<I", block))


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    state, swapped = list(range(256)), 0
    for place in range(256):
        swapped = (swapped + state[place] + key[place % len(key)]) % 256
        state[place], state[swapped] = state[swapped], state[place]
    out, first, second = bytearray(), 0, 0
    for byte in data:
        first = (first + 1) % 256
        second = (second + state[first]) % 256
        state[first], state[second] = state[second], state[first]
        out.append(byte ^ state[(state[first] + state[second]) % 256])
    return bytes(out)
